"""/v/<token>/consents/: what was agreed to, behind the year of birth, and taking it back."""

import hashlib
from datetime import timedelta

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from booking.models import Appointment
from intake import photos
from intake.actions import save_page
from intake.consents import messages_wording
from intake.document import decrypt
from intake.models import Photo
from notifications.kinds import KINDS
from notifications.letters import ways
from patients.models import ConsentRecord, Patient
from tests.booking.conftest import WEB, Browser, rows, text_of
from tests.factories import WEDNESDAY


@pytest.fixture
def agreed(visit: Appointment) -> Appointment:
    """Daniel agreed to the form and to photos when he began, and to messages with his details."""
    for code in ("C1", "C3"):
        ConsentRecord.objects.create(
            patient=visit.patient, code=code, text_version="hair-loss-intake|1.0.0", text_sha256="0" * 64, decision=True,
            given_by="self", how="web", given_at=WEDNESDAY,
        )  # fmt: skip
    return visit


@pytest.fixture
def inside(link: Browser, token: str, agreed: Appointment) -> Browser:
    """A browser that gave the year of birth."""
    assert link.post("visit_consents", token, year="1987")["Location"] == reverse("booking:visit_consents", args=[token])
    return link


def test_the_link_alone_shows_and_changes_nothing(link, token, agreed):
    before = rows()
    assert "Photos for care" not in text_of(link.get("visit_consents", token))
    assert link.post("visit_consents", token, withdraw="C3").status_code == 422
    assert rows() == before
    assert link.post("visit_consents", token, year="1980").status_code == 422
    assert not ConsentRecord.objects.exclude(withdrawn_at=None).exists()


def test_it_lists_each_with_date_and_decision(inside, token):
    page = text_of(inside.get("visit_consents", token))
    for words in ("Collection and use of health information Yes, on February\xa010, 2027", "Messages by email and text Yes, on"):
        assert words.replace("\xa0", " ") in page


def test_it_closes_after_a_quarter_of_an_hour_and_for_other_visits(inside, token, at):
    at.shift(timedelta(minutes=15))
    assert "year of birth" in text_of(inside.get("visit_consents", token))


def test_it_asks_before_it_takes_back_and_looking_changes_nothing(inside, token):
    before = rows()
    page = text_of(inside.get("visit_consents", token, query="?withdraw=C2"))
    assert "Take it back?" in page
    assert "We phone you instead." in page
    assert rows() == before


def test_without_c2_no_message_goes_out_and_the_desk_phones(inside, token, agreed):
    assert inside.post("visit_consents", token, withdraw="C2").status_code == 303
    patient = Patient.objects.get()
    assert patient.reminder_by == "phone"
    assert ways(KINDS["reminder_2d"], patient, texts_work=True) == []
    assert ConsentRecord.objects.get(code="C2").withdrawn_at == WEDNESDAY
    assert AuditEvent.objects.filter(action="patients.withdraw_consent", detail={"code": "C2"}).count() == 1
    assert "Taken back on February 10, 2027" in text_of(inside.get("visit_consents", token))


def test_without_c3_photos_are_shown_to_nobody_and_none_are_asked_for(inside, token, agreed):
    response = agreed.response
    save_page(response, "8/1", {"photo_consent": "yes"}, by=WEB, now=WEDNESDAY)
    kept = {"response": response, "kind": "image", "received_at": WEDNESDAY, "size": 1, "key_id": "test"}
    Photo.objects.create(link_id="photo_front", name="a" * 64, **kept)
    label = Photo.objects.create(link_id="med_photo", name="b" * 64, **kept)
    inside.post("visit_consents", token, withdraw="C3")
    response.refresh_from_db()
    assert list(photos.visible(response)) == [label]
    assert [q.link_id for q in photos.questions_for(response, decrypt(response)) if q.group == photos.GROUP] == []
    assert decrypt(response).consent("C3")["decision"] is False
    assert AuditEvent.objects.filter(action="intake.withdraw_photos").exists()


def test_without_c1_the_desk_is_asked_to_call_with_no_word_of_why_in_the_trail(inside, token, agreed):
    assert "You can still be seen." in text_of(inside.get("visit_consents", token, query="?withdraw=C1"))
    inside.post("visit_consents", token, withdraw="C1")
    agreed.refresh_from_db()
    assert (agreed.needs_call, agreed.call_reason) == (True, "Took back the agreement to the form")
    assert agreed.status == "booked"


def test_what_the_desk_was_to_call_about_before_stays_on_its_list(inside, token, agreed):
    Appointment.objects.update(needs_call=True, call_reason="Contact not checked")
    inside.post("visit_consents", token, withdraw="C1")
    agreed.refresh_from_db()
    assert agreed.call_reason == "Contact not checked; Took back the agreement to the form"


def test_choosing_email_again_is_a_new_consent_to_the_words_on_the_page(inside, token, agreed):
    first = ConsentRecord.objects.get(code="C2")
    inside.post("visit_consents", token, withdraw="C2")
    shown = text_of(inside.get("visit_messages", token))
    question, note = messages_wording()
    assert question in shown
    assert note in shown
    assert "Choose all that apply" not in shown
    for _press in range(2):  # the second changes nothing
        assert inside.post("visit_messages", token, reminder_by="email", voicemail_ok="no").status_code == 303
    old, new = ConsentRecord.objects.filter(code="C2").order_by("pk")
    assert (old.pk, old.withdrawn_at) == (first.pk, WEDNESDAY)
    assert (new.decision, new.choice, new.how, new.given_by, new.withdrawn_at) == (True, "email", "web", "self", None)
    assert new.text_sha256 == hashlib.sha256(f"{question}\n{note}".encode()).hexdigest()
    assert ways(KINDS["reminder_2d"], Patient.objects.get(), texts_work=True) == ["email"]


def test_choosing_phone_calls_is_a_no_and_looking_is_nothing(inside, token, agreed):
    inside.get("visit_messages", token)
    assert ConsentRecord.objects.filter(code="C2").count() == 1
    inside.post("visit_messages", token, reminder_by="phone", voicemail_ok="no")
    assert list(ConsentRecord.objects.filter(code="C2").order_by("pk").values_list("decision", flat=True)) == [True, False]


def test_taking_back_twice_changes_nothing_more(inside, token):
    inside.post("visit_consents", token, withdraw="C2")
    before = rows()
    inside.post("visit_consents", token, withdraw="C2")
    assert rows() == before


@pytest.mark.parametrize("code", ["C4", "C9", "", "C2\x00", "x" * 5000])
def test_what_cannot_be_taken_back_is_refused(inside, token, code):
    assert inside.post("visit_consents", token, withdraw=code).status_code == 422
    assert not ConsentRecord.objects.exclude(withdrawn_at=None).exists()


def test_the_page_about_messages_leads_here(link, token):
    assert reverse("booking:visit_consents", args=[token]) in link.get("visit_messages", token).content.decode()
