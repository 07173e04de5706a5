"""The link back to a draft: by email or text, with nobody's name, and not for answers that are gone."""

import re
from datetime import date, timedelta

import pytest

from accounts.models import User
from audit.actor import Actor
from booking import actions
from booking.links import token_of
from booking.models import Appointment
from intake.actions import delete_draft, later, publish_all, save_contact, start_draft
from intake.models import QuestionnaireResponse
from notifications import planner
from notifications.models import CaughtText
from patients.models import Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import Post, at, go, states, texts

NOBODY = Actor.anonymous()
pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(clinic: object) -> QuestionnaireResponse:
    publish_all(by=Actor.system(), now=WEDNESDAY)
    found = start_draft("hair-loss-intake", by=NOBODY, now=WEDNESDAY)
    save_contact(found, {"first_name": "Maya", "date_of_birth": date(1991, 4, 2)}, by=NOBODY, now=WEDNESDAY)
    return found


def test_the_link_goes_out_in_the_next_round_and_opens_the_draft(post: Post, draft: QuestionnaireResponse) -> None:
    later.save_for_later(draft, channel="email", address="maya@example.com", by=NOBODY, now=WEDNESDAY)
    go(WEDNESDAY)
    assert post.subjects == ["Pick up where you left off"]
    words = post.mails[0].get_body(("plain",)).get_content()
    link = re.search(r"https://tn\.example/book/resume/(\w{16})/", words)
    assert link
    found = later.find_link(link.group(1), now=WEDNESDAY)
    assert found
    assert found.response == draft
    assert "Maya" not in post.mails[0].as_string()
    assert "30 days" in words


def test_who_lost_it_gets_it_again_from_the_page_for_lost_links(post: Post, draft: QuestionnaireResponse) -> None:
    later.save_for_later(draft, channel="email", address="maya@example.com", by=NOBODY, now=WEDNESDAY)
    go(WEDNESDAY)
    week = WEDNESDAY + timedelta(days=7)
    actions.request_link(channel="email", address="Maya@example.com", now=week)
    go(week)
    go(week)
    assert post.subjects == ["Pick up where you left off"] * 2
    delete_draft(draft, by=NOBODY, now=week)
    actions.request_link(channel="email", address="maya@example.com", now=week)
    go(week)
    assert len(post.subjects) == 2


def test_it_comes_by_text_in_the_night_too(post: Post, draft: QuestionnaireResponse) -> None:
    night = at("2027-02-10 23:30")
    later.save_for_later(draft, channel="text", address="+15195550181", by=NOBODY, now=night)
    go(night)
    assert texts()[0].startswith("True North: pick up where you left off: https://tn.example/book/resume/")
    assert texts()[0].endswith("The link works for 30 days.")


def test_each_link_goes_once_and_each_asking_has_its_own(post: Post, draft: QuestionnaireResponse) -> None:
    for _press in range(2):
        later.save_for_later(draft, channel="email", address="maya@example.com", by=NOBODY, now=WEDNESDAY)
        go(WEDNESDAY)
    go(WEDNESDAY + timedelta(minutes=1))
    assert len(post.subjects) == 2


def test_answers_that_were_deleted_before_it_went_get_none(post: Post, draft: QuestionnaireResponse) -> None:
    later.save_for_later(draft, channel="email", address="maya@example.com", by=NOBODY, now=WEDNESDAY)
    planner.tick(now=WEDNESDAY)
    delete_draft(draft, by=NOBODY, now=WEDNESDAY)
    go(WEDNESDAY)
    assert post.subjects == []
    assert states("resume")["email"] == ("superseded", "changed")


@pytest.fixture
def handed_over(appointment: Appointment, reception: User) -> Appointment:
    """What the desk began with Maya, and gave her to finish."""
    publish_all(by=Actor.system(), now=WEDNESDAY)
    appointment.service.questionnaire = "hair-loss-intake"
    appointment.service.save()
    by = Actor.staff(reception)
    actions.open_questions(appointment, by=by, now=WEDNESDAY)
    actions.hand_over_questions(appointment, by=by, now=WEDNESDAY)
    return appointment


def test_what_the_desk_hands_over_opens_by_the_visits_own_link(post: Post, handed_over: Appointment) -> None:
    go(WEDNESDAY)
    link = f"https://tn.example/v/{token_of(handed_over)}/questions/"
    words = post.mails[-1].get_body(("plain",)).get_content()
    assert link in words
    assert "before your appointment on" in words
    assert "Nothing is booked yet" not in post.mails[-1].as_string()
    assert any(
        text.startswith("True North: finish the questions before your appointment on") and link in text for text in texts()
    )


def test_who_takes_messages_back_before_it_goes_gets_none(post: Post, handed_over: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    Patient.objects.update(reminder_by="phone")  # as taking back C2 does
    go(WEDNESDAY)
    assert [s for s in post.subjects if s == "Pick up where you left off"] == []
    assert not [text for text in texts() if "finish the questions" in text]


def test_what_is_handed_over_goes_to_the_address_that_is_the_patients_when_it_goes(
    post: Post, handed_over: Appointment, reception: User
) -> None:
    planner.tick(now=WEDNESDAY)
    assert handed_over.patient is not None
    new = {"email": "maya@new.example", "mobile": "+15195550177"}
    actions.change_contact(handed_over.patient, **new, by=Actor.staff(reception), now=WEDNESDAY)
    go(WEDNESDAY)
    assert [post.envelopes[n].rcpt_tos for n, subject in enumerate(post.subjects) if subject == "Pick up where you left off"] == [
        ["maya@new.example"]
    ]
    assert set(CaughtText.objects.filter(body__contains="finish the questions").values_list("recipient", flat=True)) == {
        "+15195550177"
    }
