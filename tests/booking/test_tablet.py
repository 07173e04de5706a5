"""The clinic's tablet: started at the desk for one visit, in the patient's hands, and empty afterwards."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from booking.models import Appointment
from intake.actions import save_page
from intake.document import decrypt
from tests.booking.conftest import WEB, on, rows, text_of
from tests.factories import contact_of

HELLO, OVER, HERE = (reverse(f"booking:tablet{name}") for name in ("", "_over", "_here"))
QUESTIONS, CHECK = reverse("intake:questions"), reverse("booking:check")
QUESTION = reverse("intake:question", args=[3, 5])


@pytest.fixture
def visit(assessment, practitioner, reception, at) -> Appointment:
    """Maya's visit tomorrow, booked at the desk."""
    from audit.actor import Actor
    from booking import actions

    return actions.book_for(
        assessment, practitioner, on(11, 10), patient=None, contact=contact_of(), by=Actor.staff(reception), now=on(10, 9)
    )


@pytest.fixture
def tablet(visit, reception, signed_in) -> Client:
    """The tablet, after Joanne pressed the button on it."""
    client = signed_in(reception)
    before = client.session.session_key
    answer = client.post(f"/desk/visit/{visit.public_id}/questions/", {"do": "tablet"})
    assert answer["Location"] == HELLO
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert not Session.objects.filter(session_key=before).exists()
    return client


@pytest.fixture
def opened(tablet) -> Client:
    """The tablet, after Maya gave her year of birth."""
    assert tablet.post(HELLO, {"year": "1991"})["Location"] == QUESTIONS
    return tablet


def of(visit):
    return Appointment.objects.get(pk=visit.pk).response


def test_nobody_is_signed_in_on_it_any_more_and_the_trail_says_who_gave_it(tablet, visit, reception):
    assert set(tablet.session.keys()) == {"tablet"}
    event = AuditEvent.objects.get(action="staff.tablet_started")
    assert (event.actor_id, event.subject_id, event.object_id) == (reception.pk, visit.patient_id, visit.pk)
    page = text_of(tablet.get(HELLO))
    assert "Thursday, February 11 at 10:00" in page.replace("\xa0", " ")
    assert "Maya" not in page


@pytest.mark.parametrize("url", ["/", "/desk/", "/staff/login/", "/book/", "/book/lost-link/", "/articles/", "/demo/mailbox/"])
def test_it_leads_nowhere_else(opened, url):
    assert opened.get(url)["Location"] == QUESTIONS


def test_the_notice_a_consent_speaks_of_can_be_read(opened):
    assert opened.get("/privacy/").status_code != 303


def test_before_the_year_of_birth_there_are_no_questions(tablet, visit):
    for url in (QUESTIONS, QUESTION, CHECK):
        assert tablet.get(url)["Location"] == HELLO
    for _try in range(5):
        assert tablet.post(HELLO, {"year": "1980"}).status_code == 422
    assert tablet.post(HELLO, {"year": "1991"}).status_code == 429
    assert of(visit) is None


def test_the_patient_answers_and_with_sending_it_is_over(opened, visit):
    from tests.booking.conftest import Browser

    browser = Browser(visit.service)
    browser.client = opened
    browser.answer_everything()
    page = opened.get(CHECK).content.decode()
    assert 'autocomplete="name"' not in page
    seen = re.search(r'name="seen" value="(\w+)"', page).group(1)
    sent = opened.post(CHECK, {"seen": seen, "finish_declare": "on", "finish_signature": "Maya Chowdhury"})
    assert sent["Location"] == f"{OVER}?sent=1"
    assert sent["Clear-Site-Data"] == '"cache", "storage"'
    assert "Your answers are sent" in text_of(opened.get(sent["Location"]))
    assert of(visit).status == "completed"
    assert set(of(visit).patient.consents.values_list("how", flat=True)) == {"web"}
    assert opened.get(QUESTIONS)["Location"] == reverse("booking:start")


def test_two_minutes_without_a_touch_end_it_and_what_was_answered_stays(opened, visit, at):
    save_page(of(visit), "3/5", {"hair_scale_set": "a"}, by=WEB, now=on(10, 9))
    at.shift(timedelta(minutes=2))
    assert opened.get(QUESTION).status_code == 200
    key = opened.session.session_key
    at.shift(timedelta(minutes=2, seconds=1))
    over = opened.get(QUESTION)
    assert (over["Location"], over["Clear-Site-Data"]) == (f"{OVER}?late=1", '"cache", "storage"')
    assert not Session.objects.filter(session_key=key).exists()
    assert "What you had answered is saved." in text_of(opened.get(over["Location"]))
    assert opened.get(QUESTION)["Location"] == reverse("booking:start")
    assert decrypt(of(visit)).answers["hair_scale_set"] == "a"


def test_a_form_that_comes_too_late_is_not_taken(opened, visit, at):
    at.shift(timedelta(minutes=3))
    form = {"shown": "hair_scale_set", "hair_scale_set": "a"}
    assert opened.post(QUESTION, form)["Location"] == f"{OVER}?late=1"
    assert "hair_scale_set" not in decrypt(of(visit)).answers


def test_each_touch_starts_the_two_minutes_anew(opened, at):
    for _turn in range(4):
        at.shift(timedelta(seconds=90))
        assert opened.post(HERE).status_code == 204
    assert opened.get(QUESTIONS).status_code == 200


def test_it_waits_ten_minutes_for_the_patient_to_take_it(tablet, at):
    at.shift(timedelta(minutes=9))
    assert tablet.get(HELLO).status_code == 200
    at.shift(timedelta(minutes=11))
    assert tablet.get(HELLO)["Location"] == f"{OVER}?late=1"


def test_the_day_of_a_photo_can_be_said_on_it(opened):
    """There is no such photo; the page of it is not closed to the tablet."""
    assert opened.post(reverse("intake:photo_date", args=[uuid4()]), {"taken": "2027-02-01"}).status_code == 404


def test_handing_back_forgets_everything_and_looking_does_not(opened):
    before = rows()
    assert "Hand back the tablet?" in text_of(opened.get(OVER))
    assert rows() == before
    back = opened.post(OVER)
    assert (back["Location"], back["Clear-Site-Data"]) == (f"{OVER}?kept=1", '"cache", "storage"')
    assert opened.cookies["session"].value == ""
    assert AuditEvent.objects.filter(action="booking.tablet_back").count() == 1
    assert opened.post(HERE).status_code == 404


def test_no_page_of_it_is_kept_and_each_goes_away_without_a_script(opened):
    page = opened.get(QUESTION)
    assert page["Cache-Control"] == "no-store, private"
    body = page.content.decode()
    assert f'<noscript><meta http-equiv="refresh" content="121;url={OVER}"></noscript>' in body
    assert re.search(r'<form method="post" action="/book/questions/3/5/" novalidate autocomplete="off"', body)


def test_what_the_desk_began_goes_into_the_patients_hands(visit, reception, signed_in):
    client = signed_in(reception)
    client.post(f"/desk/visit/{visit.public_id}/questions/", {"do": "start"})
    client.post(f"/desk/visit/{visit.public_id}/questions/", {"do": "tablet"})
    client.post(HELLO, {"year": "1991"})
    assert "start_respondent" not in decrypt(of(visit)).answers
    assert not of(visit).is_at_desk


def test_without_questions_left_there_is_nothing_to_hand_over(visit, reception, signed_in):
    visit.service.questionnaire = ""
    visit.service.save()
    client = signed_in(reception)
    assert client.post(f"/desk/visit/{visit.public_id}/questions/", {"do": "tablet"}).status_code == 409
    assert client.get(f"/desk/visit/{visit.public_id}/").status_code == 200
