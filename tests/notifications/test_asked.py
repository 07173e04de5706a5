"""A physician's question: the message says that there is one; which, is behind the private link and the year of birth."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from audit.actor import Actor
from booking import actions as booking_actions
from booking.models import Appointment
from intake import actions
from intake.models import QuestionnaireResponse
from notifications.models import Delivery
from patients.models import Patient
from tests.notifications.conftest import Post, go, post, states, texts  # noqa: F401
from tests.staff.conftest import sent  # noqa: F401

pytestmark = pytest.mark.django_db
QUESTION = "Which CANARY pills exactly?"


@pytest.fixture
def asked(post: Post, sent: Appointment, physician: Any, settings: Any) -> Appointment:  # noqa: F811
    """Daniel's visit; his physician needs one more thing."""
    settings.MESSAGE_QUIET_HOURS = ""
    fields = {"outcome": "more-info", "ask": QUESTION, "ask_items": ["own_words"], "note": "Nothing for Daniel"}
    actions.sign_review(sent.response, fields, by=Actor.staff(physician), now=sent.changed_at)
    sent.refresh_from_db()
    return sent


def words_about(post: Post) -> list[str]:  # noqa: F811
    return [str(m["subject"]) for m in post.mails if "question from" in str(m["subject"])]


def test_a_question_is_told_by_each_way_and_not_quoted(asked: Appointment, post: Post, client: Client) -> None:  # noqa: F811
    go(asked.changed_at)
    go(asked.changed_at + timedelta(minutes=1))
    assert words_about(post) == ["A question from your physician"]
    (text,) = [t for t in texts() if "question" in t]
    assert text.startswith("True North: your physician has a question before your visit. Answer it here: https://tn.example/v/")
    path = text.partition("https://tn.example")[2]
    page = client.get(path)
    assert page.status_code == 200
    assert "year" in page.content.decode()
    for mail in post.mails:
        assert "CANARY" not in mail.as_string()


def test_answered_before_it_went_out_nothing_is_asked(asked: Appointment, post: Post) -> None:  # noqa: F811
    actions.reply(asked.response, {"own_words": "Biotin"}, by=Actor.patient(asked.patient_id), now=asked.changed_at)
    go(asked.changed_at)
    assert words_about(post) == []


def test_the_answer_withdraws_what_waits_for_the_morning(asked: Appointment, post: Post, settings: Any) -> None:  # noqa: F811
    settings.MESSAGE_QUIET_HOURS = "00:00-23:59"
    go(asked.changed_at)
    waits = Delivery.objects.filter(message__kind="asked", channel="text").get()
    assert waits.state == "pending"
    actions.reply(asked.response, {"own_words": "Biotin"}, by=Actor.patient(asked.patient_id), now=asked.changed_at)
    go(waits.next_attempt_at)
    assert states("asked")["text"] == ("skipped", "answered")


def test_asked_again_it_is_told_again(asked: Appointment, post: Post, physician: Any) -> None:  # noqa: F811
    go(asked.changed_at)
    actions.reply(asked.response, {"own_words": "Biotin"}, by=Actor.patient(asked.patient_id), now=asked.changed_at)
    response = QuestionnaireResponse.objects.get(pk=asked.response_id)
    by = Actor.staff(physician)
    actions.sign_review(
        response, {"outcome": "more-info", "ask": "And since when?", "ask_items": ["own_words"]}, by=by, now=asked.changed_at
    )
    go(asked.changed_at + timedelta(minutes=5))
    assert len(words_about(post)) == 2


def test_a_visit_that_is_cancelled_asks_nothing(asked: Appointment, post: Post) -> None:  # noqa: F811
    booking_actions.cancel(asked, by=Actor("staff", None, "reception", "Joanne"), now=asked.changed_at)
    go(asked.changed_at)
    assert words_about(post) == []


def test_who_wants_a_call_is_called(asked: Appointment, post: Post) -> None:  # noqa: F811
    Patient.objects.update(reminder_by="phone")
    go(asked.changed_at)
    asked.refresh_from_db()
    assert (asked.needs_call, asked.call_reason) == (True, "The physician has a question")


def test_a_question_that_did_not_arrive_goes_the_other_way(asked: Appointment, post: Post) -> None:  # noqa: F811
    Patient.objects.update(reminder_by="email")
    post.mood = "no_rcpt"
    go(asked.changed_at)
    go(asked.changed_at + timedelta(minutes=1))
    assert states("asked") == {"email": ("failed", "refused"), "text": ("accepted", "fallback")}
