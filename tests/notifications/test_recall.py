"""A review that is due: once, only to who agreed and has nothing booked; ended with one click; off unless the clinic says so."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import Clinic
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.links import token_of
from booking.models import Appointment, Service
from notifications import care
from notifications.models import Message
from patients.actions import choose_care, merge, withdraw_consent
from patients.care import agreed_to_care
from patients.models import ConsentRecord, MergeOffer, Patient
from tests.notifications.conftest import Post, at, go, states

pytestmark = pytest.mark.django_db
DUE = at("2027-09-12 10:00")
SUBJECT = "It may be time for your next visit"


@pytest.fixture
def seen(post: Post, visit: Appointment, desk: Actor, clinic: Clinic) -> Appointment:
    """Maya was here on March 11, 2027, and agreed; the clinic reminds after six months."""
    Clinic.objects.update(recall_months=6)
    Clinic.forget_current()
    choose_care(visit.patient, True, by=Actor.patient(visit.patient_id), now=visit.created_at)
    actions.fulfil(actions.arrive(visit, by=desk, now=visit.starts_at), by=desk, now=visit.ends_at)
    go(visit.ends_at)
    post.envelopes.clear()
    visit.refresh_from_db()
    return visit


def remind(now: Any = DUE) -> None:
    care.plan_recalls(now=now)
    go(now)


def test_it_is_said_once_in_plain_words_with_one_click_to_end_it(seen: Appointment, post: Post) -> None:
    for n in range(4):
        remind(DUE + timedelta(days=n))
    assert post.subjects == [SUBJECT]
    (mail,) = post.mails
    words = mail.get_body(("plain",)).get_content()
    assert "We last met on Thursday, March 11, 2027" in words.replace("\xa0", " ")
    where = str(mail["List-Unsubscribe"]).strip()
    assert where == f"<{care.ends_at(seen.patient)}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert where[1:-1] in words
    assert mail.get_content_type() == "multipart/alternative"  # no calendar file


@pytest.mark.parametrize("day", ["2027-09-10 23:59", "2027-10-13 10:00"])
def test_before_its_day_and_long_after_nothing_is_said(seen: Appointment, post: Post, day: str) -> None:
    remind(at(day))
    assert post.subjects == []


@pytest.mark.parametrize(
    "less",
    [
        lambda v: Clinic.objects.update(recall_months=0),
        lambda v: withdraw_consent(v.patient, "C8", by=Actor.system(), now=DUE),
        lambda v: ConsentRecord.objects.filter(code="C8").delete(),
        lambda v: Patient.objects.update(reminder_by="phone"),
        lambda v: Service.objects.update(messages_off=["recall"]),
        lambda v: Appointment.objects.filter(pk=v.pk).update(status="noshow"),
    ],
    ids=["the clinic says no", "taken back", "never asked", "by phone", "this visit type does without", "never came"],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_without_consent_or_need_nothing_goes_also_if_that_changes_last(
    seen: Appointment, post: Post, less: Callable[[Appointment], Any], when: str
) -> None:
    if when == "after":
        care.plan_recalls(now=DUE)
    less(seen)
    Clinic.forget_current()
    remind()
    assert post.subjects == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_who_has_something_booked_is_not_reminded(
    seen: Appointment, post: Post, book: Callable[..., Appointment], when: str
) -> None:
    if when == "after":
        care.plan_recalls(now=DUE)
    book(at("2027-10-04 10:20"), now=DUE)
    remind()
    assert SUBJECT not in post.subjects


def test_one_that_comes_back_is_not_called_about_and_not_texted(seen: Appointment, post: Post) -> None:
    post.mood = "no_rcpt"
    remind()
    seen.refresh_from_db()
    assert states("recall") == {"email": ("failed", "refused")}
    assert not seen.needs_call


def test_at_night_it_waits_for_the_morning(seen: Appointment, post: Post) -> None:
    remind(at("2027-09-12 23:30"))
    assert post.subjects == []
    go(at("2027-09-13 08:00"))
    assert post.subjects == [SUBJECT]


def test_looking_at_the_link_changes_nothing_and_the_button_ends_it(seen: Appointment, client: Client) -> None:
    path = care.ends_at(seen.patient).removeprefix("https://tn.example")
    page = client.get(path).content.decode()
    assert "Yes, end them" in page
    assert "Maya" not in page
    assert agreed_to_care(seen.patient)
    assert "Done" in client.post(path).content.decode()
    assert not agreed_to_care(seen.patient)
    assert AuditEvent.objects.filter(action="patients.withdraw_consent", detail={"code": "C8"}).count() == 1


def test_a_mail_program_ends_it_without_a_cookie_and_twice_is_harmless(seen: Appointment) -> None:
    path = care.ends_at(seen.patient).removeprefix("https://tn.example")
    program = Client(enforce_csrf_checks=True)
    for _ in range(2):
        assert program.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert not agreed_to_care(seen.patient)


def test_the_link_ends_them_too_after_two_records_became_one(seen: Appointment, client: Client, desk: Actor) -> None:
    maya = seen.patient
    assert maya is not None
    older = Patient.objects.create(
        legal_first_name="Maya", legal_last_name="Chowdhury", date_of_birth=maya.date_of_birth, created_at=maya.created_at
    )
    path = care.ends_at(maya).removeprefix("https://tn.example")
    offer = MergeOffer.objects.create(patient=maya, candidate=older, reason="Same", created_at=DUE)
    merge(offer, True, by=desk, now=DUE)
    assert agreed_to_care(older)
    assert client.post(path).status_code == 200
    assert not agreed_to_care(older)


def test_a_made_up_link_ends_nothing(seen: Appointment, client: Client) -> None:
    path = f"/m/{seen.patient.public_id}/{'0' * 20}/"
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404
    assert agreed_to_care(seen.patient)


def test_the_box_stands_on_the_page_of_channels_once_the_clinic_reminds(visit: Appointment, client: Client, post: Post) -> None:
    path, form = f"/v/{token_of(visit)}/messages/", {"reminder_by": "text_email", "voicemail_ok": "no"}
    with time_machine.travel(at("2027-03-01 10:00"), tick=False):
        assert "time for a review" not in client.get(path).content.decode()
        client.post(path, form | {"care": "on"})
        assert not agreed_to_care(visit.patient)
        Clinic.objects.update(recall_months=6)
        Clinic.forget_current()
        assert "time for a review" in client.get(path).content.decode()
        client.post(path, form | {"care": "on"})
        assert agreed_to_care(visit.patient)
        client.post(path, form)
        assert not agreed_to_care(visit.patient)
    assert not Message.objects.filter(kind="recall").exists()


@pytest.mark.parametrize(("day", "months", "before"), [("2027-08-31", 6, "2027-02-28"), ("2027-01-15", 6, "2026-07-15")])
def test_months_are_calendar_months(day: str, months: int, before: str) -> None:
    assert care.months_before(date.fromisoformat(day), months) == date.fromisoformat(before)
