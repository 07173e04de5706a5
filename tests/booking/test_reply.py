"""A question from the physician, answered from the visit's page."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.links import token_of
from booking.models import Appointment
from intake import actions
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from tests.staff.conftest import sent  # noqa: F401

QUESTION = "Which pills exactly, and since when?"


@pytest.fixture
def asked(sent: Appointment, physician: User) -> Appointment:  # noqa: F811
    """Daniel's visit: the physician needs one more thing."""
    fields = {"outcome": "more-info", "ask": QUESTION, "note": "Nothing for Daniel"}
    actions.sign_review(sent.response, fields, by=Actor.staff(physician), now=clock.now())
    sent.refresh_from_db()
    return sent


@pytest.fixture
def opened(client: Client, asked: Appointment) -> Client:
    """His browser, after the year of birth."""
    client.post(url_of(asked), {"year": str(asked.patient.date_of_birth.year)})
    return client


def url_of(visit: Appointment) -> str:
    return f"/v/{token_of(visit)}/reply/"


def test_the_visits_page_says_that_there_is_a_question_and_not_which(client: Client, asked: Appointment) -> None:
    page = client.get(f"/v/{token_of(asked)}/").content.decode()
    assert "A question for you" in page
    assert QUESTION not in page
    assert QUESTION not in client.get(url_of(asked)).content.decode(), "before the year of birth"


def test_only_the_question_of_the_review_is_shown(opened: Client, asked: Appointment) -> None:
    page = opened.get(url_of(asked)).content.decode()
    assert QUESTION in page
    assert "Nothing for Daniel" not in page


def test_the_answer_is_an_addendum_and_brings_it_back_to_the_physician(
    opened: Client, asked: Appointment, physician: User, signed_in: Callable[[User], Client]
) -> None:
    before = decrypt(asked.response).answers
    assert opened.post(url_of(asked), {"reply": "Biotin, since May"}).status_code == 303
    response = QuestionnaireResponse.objects.get(pk=asked.response_id)
    document = decrypt(response)
    assert (response.status, response.asked_at, document.answers) == ("amended", None, before)
    assert "Biotin" not in repr(list(AuditEvent.objects.values()))
    page = signed_in(physician).get(f"/md/review/{asked.public_id}/").content.decode()
    assert "Biotin, since May" in page
    assert 'name="outcome"' in page


@pytest.mark.parametrize("typed", ["", "  \n", "x" * 2001, "a\x00"])
def test_what_cannot_be_kept_is_refused_and_stays_typed(opened: Client, asked: Appointment, typed: str) -> None:
    answer = opened.post(url_of(asked), {"reply": typed})
    assert answer.status_code == 422
    asked.response.refresh_from_db()
    assert asked.response.asked_at is not None


def test_answered_once_the_page_is_gone(opened: Client, asked: Appointment) -> None:
    opened.post(url_of(asked), {"reply": "Biotin"})
    again: Any = opened.post(url_of(asked), {"reply": "Again"})
    assert again.headers["Location"] == f"/v/{token_of(asked)}/"
    assert len(decrypt(QuestionnaireResponse.objects.get(pk=asked.response_id)).addenda) == 1


def test_an_answer_to_another_question_than_the_one_asked_by_now_is_not_kept_beside_it(
    opened: Client, asked: Appointment, physician: User
) -> None:
    """ "No" to whether he smokes must not stand beside whether he takes blood thinners."""
    seen = re.search(r'name="seen" value="(\d+)"', opened.get(url_of(asked)).content.decode())
    assert seen
    by, now = Actor.staff(physician), clock.now()
    actions.amend_review(asked.response, by=by, now=now)
    fields = {"outcome": "more-info", "ask": "Do you take blood thinners?"}
    actions.sign_review(asked.response, fields, reason="Asked the wrong thing", by=by, now=now)
    refused = opened.post(url_of(asked), {"reply": "No, never", "seen": seen[1]})
    assert refused.status_code == 409
    page = refused.content.decode()
    assert "Do you take blood thinners?" in page
    assert "No, never</textarea>" in page
    assert "The physician asks something else by now" in page
    assert decrypt(QuestionnaireResponse.objects.get(pk=asked.response_id)).addenda == []
