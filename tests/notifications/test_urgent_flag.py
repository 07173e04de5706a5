"""A same-day flag pages the named person at once, with a reference and nothing else."""

from datetime import timedelta

import pytest

from accounts.models import Clinic
from audit.actor import Actor
from booking.models import Appointment
from intake.actions import publish_all, start_draft
from intake.models import QuestionnaireResponse
from tests.factories import WEDNESDAY
from tests.notifications.conftest import Post, go, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def flagged(visit: Appointment) -> Appointment:
    publish_all(by=Actor.system(), now=WEDNESDAY)
    visit.response = start_draft("hair-loss-intake", by=Actor.anonymous(), now=WEDNESDAY)
    visit.save()
    QuestionnaireResponse.objects.filter(pk=visit.response.pk).update(
        status="completed", completed_at=WEDNESDAY, page_sequence=1, urgent_flags=1
    )
    return visit


def test_the_named_person_is_paged_in_the_next_round_with_the_reference_only(post: Post, flagged: Appointment) -> None:
    Clinic.objects.update(urgent_email="oncall@tn.example")
    Clinic.forget_current()
    go(WEDNESDAY)
    mail = next(m for m in post.mails if m["to"] == "oncall@tn.example")
    assert flagged.reference in mail["subject"]
    words = mail.as_string()
    assert "Maya" not in words
    assert "Chowdhury" not in words
    assert f"/md/review/{flagged.public_id}/" in words


def test_without_a_named_person_the_visits_physician_is_paged(post: Post, flagged: Appointment, physician: object) -> None:
    go(WEDNESDAY)
    assert flagged.reference in next(m["subject"] for m in post.mails if m["to"] == "osei@tn.example")


def test_nobody_to_page_is_a_failure_that_staff_can_see(post: Post, flagged: Appointment) -> None:
    go(WEDNESDAY)
    assert states("urgent_flag") == {"email": ("failed", "nobody_named")}


def test_the_page_goes_once(post: Post, flagged: Appointment, physician: object) -> None:
    go(WEDNESDAY)
    go(WEDNESDAY)
    assert sum("red flag" in subject for subject in post.subjects) == 1


def test_what_was_added_days_after_sending_pages_then(post: Post, flagged: Appointment, physician: object) -> None:
    """A physician asked again, and the answer must be seen today."""
    later = WEDNESDAY + timedelta(days=3)
    QuestionnaireResponse.objects.filter(pk=flagged.response_id).update(page_announced=1, page_sequence=2, saved_at=later)
    go(later)
    assert sum("red flag" in subject for subject in post.subjects) == 1
