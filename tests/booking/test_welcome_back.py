"""Somebody who was here before and picks the time first: after the code, and only then, last time's answers are offered."""

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from booking.models import Appointment
from intake.actions import save_page
from intake.document import decrypt
from patients.models import Patient
from tests.booking.conftest import DETAILS, POSING, WEB, text_of
from tests.factories import WEDNESDAY

FAMILY = reverse("intake:question", args=[4, 1])
BACK = "Welcome back, Daniel. We filled in what you told us in February 2027. Check what has changed."


@pytest.fixture
def again(walker):
    """Daniel was here and sent his answers; his new browser has the details, and no code yet."""
    walker.with_code()
    walker.answer_everything()
    save_page(walker.draft, "4/1", {"fam_hair": ["father"], "fam_conditions": ["none"]}, by=WEB, now=WEDNESDAY)
    page = walker.get("check").content.decode()
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    sent = walker.post("check", do="book", seen=seen, finish_declare="on", finish_signature="Daniel Whitford")
    assert sent["Location"] == reverse("booking:done"), text_of(sent)
    assert Appointment.objects.latest("pk").response.status == "completed"
    return walker.another()


def test_the_code_opens_last_times_answers_to_be_checked(again):
    again.with_code()
    check = text_of(again.get("check"))
    assert BACK in check
    assert "Your last answers are filled in. You can book now and look them over later." in check
    page = text_of(again.client.get(FAMILY))
    assert "From February 10, 2027. Is it still right?" in page
    assert decrypt(again.draft).answers.get("fam_hair") is None
    (read,) = AuditEvent.objects.filter(action="intake.read", detail={"purpose": "offered again"})
    assert (read.actor_kind, read.subject_id) == ("patient", Patient.objects.get().pk)


def test_before_the_code_and_without_one_nothing_is_offered(again):
    again.with_details()
    assert "From February" not in text_of(again.client.get(FAMILY))
    again.post("code", do="none")
    assert not decrypt(again.draft).offered
    assert BACK not in text_of(again.get("check"))


@pytest.mark.parametrize("change", [{"first_name": "Dana"}, {"date_of_birth_year": "1988"}, {"mobile": "519-555-0199"}])
def test_somebody_else_is_offered_nothing(again, change):
    again.with_code(**change)
    assert not decrypt(again.draft).offered
    assert not AuditEvent.objects.filter(detail={"purpose": "offered again"}).exists()


def test_the_code_of_somebody_who_says_they_help_opens_nothing_of_the_patients(again):
    again.with_code(**POSING)
    assert not decrypt(again.draft).offered
    assert "Welcome back" not in text_of(again.get("check"))
    assert not AuditEvent.objects.filter(detail={"purpose": "offered again"}).exists()


def test_other_details_afterwards_take_the_offer_away(again):
    again.with_code()
    assert decrypt(again.draft).offered
    again.post("details", **(DETAILS | {"preferred_name": "Dan"}))
    assert decrypt(again.draft).offered
    again.post("details", **(DETAILS | {"first_name": "Dana"}))
    assert not decrypt(again.draft).offered
