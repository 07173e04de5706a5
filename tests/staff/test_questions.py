"""`/desk/visit/<id>/questions/`: the questionnaire with the patient on the phone. Reception sees this draft, and no other."""

import hashlib
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.models import Appointment
from intake.actions import publish_all, save_page
from intake.document import decrypt
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse, ResumeLink
from intake.sheet import for_review
from patients.models import ConsentRecord
from tests.intake.conftest import PEOPLE, answers_of, form_for

QUESTIONS = reverse("intake:questions")


@pytest.fixture
def visit(appointment: Appointment) -> Appointment:
    """Maya's visit, booked by phone, with nothing answered."""
    publish_all(by=Actor.system(), now=clock.now())
    appointment.service.questionnaire = "hair-loss-intake"
    appointment.service.save()
    return appointment


@pytest.fixture
def seated(desk: Client, visit: Appointment) -> Client:
    """Joanne's browser, the questions open."""
    assert press(desk, visit, "start")["Location"] == QUESTIONS
    return desk


def press(client: Client, visit: Appointment, do: str):
    return client.post(f"/desk/visit/{visit.public_id}/questions/", {"do": do})


def page(number: str) -> str:
    return reverse("intake:question", args=number.split("/"))


def draft_of(visit: Appointment) -> QuestionnaireResponse:
    return Appointment.objects.get(pk=visit.pk).response


def answer_all(client: Client, visit: Appointment, **change: object) -> None:
    """Every page, as somebody on the phone would say it, through the pages themselves."""
    answers = answers_of(PEOPLE["Man 32, slow thinning, used foam"]) | change
    url, draft = client.get(QUESTIONS).content.decode(), str(draft_of(visit).public_id)
    url = re.search(r'class="btn btn-lg" href="([^"]+)"', url).group(1)
    for _turn in range(80):
        if "/questions/" not in url or url == QUESTIONS:
            break
        shown = re.findall(r'name="shown" value="(\w+)"', client.get(url).content.decode())
        form = {"draft": draft, "shown": shown}
        for name in shown:
            form |= form_for(name, answers)
        url = client.post(url, form)["Location"].partition("#")[0]
        if "remind" in url:
            url = client.post(url.partition("?")[0], form | {"skip": "1"})["Location"]
    assert url == reverse("booking:check"), url


def test_it_begins_at_the_visit_and_asks_what_a_patient_is_asked_but_not_who_types(seated, visit):
    draft = draft_of(visit)
    assert decrypt(draft).answers["start_respondent"] == "staff"
    overview = seated.get(QUESTIONS).content.decode()
    assert "With Maya Chowdhury, born 1991" in overview
    assert 'href="/book/questions/1/1/"' in overview
    saved = seated.post(
        page("1/1"), {"draft": draft.public_id, "shown": "start_consent_collect", "start_consent_collect": "true"}
    )
    assert saved["Location"].startswith("/book/questions/2/")


def test_the_desks_browser_offers_nothing_that_was_typed_for_somebody_before(seated):
    html = seated.get(page("2/1")).content.decode()
    assert re.search(r'<form method="post" action="/book/questions/2/1/" novalidate autocomplete="off"', html)


def test_every_page_opened_and_saved_is_in_the_trail(seated, visit, reception):
    before = AuditEvent.objects.count()
    seated.get(page("1/1"))
    seated.post(
        page("1/1"), {"draft": draft_of(visit).public_id, "shown": "start_consent_collect", "start_consent_collect": "true"}
    )
    new = AuditEvent.objects.order_by("pk")[before:]
    assert [(e.action, e.actor_id, e.subject_id) for e in new] == [
        (action, reception.pk, visit.patient_id) for action in ("intake.read", "intake.read", "intake.save_page")
    ]


def test_consents_are_read_aloud_and_kept_as_said_to_somebody(seated, visit, reception):
    first = seated.get(page("1/1")).content.decode()
    assert "Read the words below to the patient" in first
    assert "said aloud to you, Joanne Miller" in first
    answer_all(seated, visit)
    check = seated.get(reverse("booking:check")).content.decode()
    assert "type the full name they say" in check
    seen = re.search(r'name="seen" value="(\w+)"', check).group(1)
    form = {"draft": draft_of(visit).public_id, "seen": seen, "finish_declare": "on", "finish_signature": "Maya Chowdhury"}
    sent = seated.post(reverse("booking:check"), form)
    assert sent["Location"] == f"/desk/visit/{visit.public_id}/", sent.content.decode()
    records = {c.code: c for c in ConsentRecord.objects.filter(patient=visit.patient)}
    assert {"C1", "C3", "C4"} <= set(records)
    for record in records.values():
        assert (record.how, record.given_by, record.heard_by) == ("verbal", "staff", reception)
    response = draft_of(visit)
    question = response.definition.questions["start_consent_collect"]
    words = f"{question.text}\n{question.help}".replace("{clinic}", "True North Metabolic")
    assert records["C1"].text_sha256 == hashlib.sha256(words.encode()).hexdigest()
    assert response.status == "completed"
    assert "I10" in [f["code"] for f in decrypt(response).flags["found"]]
    sheet = for_review(response, by=Actor("staff", 7, "physician"), now=clock.now())
    assert all(line["aloud"] for line in sheet.consents)


def test_once_sent_the_desk_sees_no_answer_any_more(seated, visit):
    draft = draft_of(visit)
    QuestionnaireResponse.objects.filter(pk=draft.pk).update(status="completed", completed_at=clock.now())
    for url in (QUESTIONS, page("1/1"), reverse("booking:check")):
        assert seated.get(url)["Location"] in {f"/desk/visit/{visit.public_id}/", reverse("booking:start")}
    assert press(seated, visit, "start").status_code == 409


def test_what_the_patient_began_is_not_opened_to_the_desk(desk, visit):
    actions.open_questions(visit, by=Actor.patient(visit.patient_id), now=clock.now())
    shown = desk.get(f"/desk/visit/{visit.public_id}/").content.decode()
    assert "only the patient can see it" in shown
    assert "Fill it in with the patient" not in shown
    refused = press(desk, visit, "start")
    assert refused.status_code == 409
    assert desk.get(QUESTIONS)["Location"] == reverse("booking:start")
    assert not AuditEvent.objects.filter(action="intake.read").exists()


def test_saved_and_stopped_it_can_be_gone_on_with_by_a_colleague(seated, visit, signed_in, make_user):
    save_page(draft_of(visit), "3/1", {"hair_concern": ["receding"]}, by=Actor.staff(visit.created_by), now=clock.now())
    assert (
        "Saved. You can go on"
        in seated.post(f"/desk/visit/{visit.public_id}/questions/", {"do": "stop"}, follow=True).content.decode()
    )
    assert seated.get(QUESTIONS)["Location"] == reverse("booking:start")
    sam = signed_in(make_user("reception", "Sam Okoro"))
    assert press(sam, visit, "start")["Location"] == QUESTIONS
    assert re.search(r'id="hair_concern-\w+" value="receding" checked', sam.get(page("3/1")).content.decode())


def test_a_form_of_another_tab_does_not_write_into_the_open_one(seated, visit, make_patient, make_visit):
    other = make_visit(make_patient("Leo", "Park"), visit.starts_at + timedelta(hours=2))
    old = draft_of(visit).public_id
    press(seated, other, "start")
    form = {"draft": old, "shown": "start_consent_collect", "start_consent_collect": "true"}
    refused = seated.post(page("1/1"), form)
    assert refused.status_code == 409
    assert "Nothing was saved" in refused.content.decode()
    assert decrypt(draft_of(other)).done == decrypt(draft_of(visit)).done == []


def test_handed_over_the_patient_gets_the_link_and_the_desk_is_out(seated, visit):
    save_page(draft_of(visit), "1/1", {"start_consent_collect": True}, by=Actor.staff(visit.created_by), now=clock.now())
    assert press(seated, visit, "hand_over").status_code == 303
    assert sorted(ResumeLink.objects.values_list("channel", "address", "for_visit")) == [
        ("email", "maya@example.com", True), ("text", "+15195550181", True),
    ]  # fmt: skip
    document = decrypt(draft_of(visit))
    assert "start_respondent" not in document.answers
    assert document.consent("C1")["how"] == "verbal"
    assert press(seated, visit, "start").status_code == 409
    with pytest.raises(IntakeError):
        save_page(draft_of(visit), "1/1", {}, by=Actor.staff(visit.created_by), now=clock.now())


@pytest.mark.parametrize(
    "reach, why",
    [
        ({"reminder_by": "phone"}, "phone calls only"),
        ({"texts_stopped_at": clock.now(), "email": ""}, "texts were stopped or mail came back"),
    ],
)
def test_who_cannot_be_reached_is_sent_nothing_and_the_desk_is_told_why(seated, visit, reach, why):
    for name, value in reach.items():
        setattr(visit.patient, name, value)
    visit.patient.save()
    refused = press(seated, visit, "hand_over")
    assert refused.status_code == 409
    assert why in refused.content.decode()
    assert not ResumeLink.objects.exists()
    assert draft_of(visit).is_at_desk


def test_the_patient_who_opens_the_link_meanwhile_takes_it_out_of_the_desks_hands(seated, visit):
    actions.open_questions(visit, by=Actor.patient(visit.patient_id), now=clock.now())
    form = {"draft": draft_of(visit).public_id, "shown": "start_consent_collect", "start_consent_collect": "true"}
    answer = seated.post(page("1/1"), form, follow=True)
    assert "not in your hands any more" in answer.content.decode()
    assert decrypt(draft_of(visit)).done == []


def test_the_desk_is_offered_nothing_of_earlier_answers(desk, sent, make_visit, reception):
    again = make_visit(sent.patient, sent.starts_at + timedelta(days=90), created_by=reception)
    press(desk, again, "start")
    assert decrypt(draft_of(again)).offered == {}
    assert not AuditEvent.objects.filter(action="intake.read", actor_id=reception.pk, object_id=sent.response_id).exists()
    actions.open_questions(again, by=Actor.patient(again.patient_id), now=clock.now())
    assert decrypt(draft_of(again)).offered["answers"]


def test_somebody_else_signed_in_here_has_no_seat(seated, visit, physician: User):
    session = seated.session
    kept = session["draft_at_desk"]
    seated.force_login(physician)
    session = seated.session
    session["draft_at_desk"] = kept
    session.save()
    assert seated.get(QUESTIONS)["Location"] == reverse("booking:start")


@pytest.mark.parametrize("do", ["", "finish", "start\x00"])
def test_an_unknown_button_is_refused(desk, visit, do):
    assert press(desk, visit, do).status_code == 422
    assert draft_of(visit) is None


def test_a_cancelled_visit_has_no_questions(desk, visit, reception):
    actions.cancel(visit, reason="other", by=Actor.staff(reception), now=clock.now())
    assert press(desk, visit, "start").status_code == 409


def test_a_caller_who_was_just_booked_can_answer_right_away(desk, visit):
    day = clock.local(visit.starts_at).date()
    page = desk.get(f"/desk/day/{day}/?did=book&visit={visit.public_id}").content.decode()
    assert f'name="do" value="start" formaction="/desk/visit/{visit.public_id}/questions/"' in page
    press(desk, visit, "start")
    page = desk.get(f"/desk/day/{day}/?did=book&visit={visit.public_id}").content.decode()
    assert "Fill in the questions now" not in page
