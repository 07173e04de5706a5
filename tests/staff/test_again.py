"""`/desk/again/`: who was missed, cancelled or is due for a review, and has nothing booked."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment
from staff import steps
from tests.factories import next_weekday_at

URL = "/desk/again/"


@pytest.fixture
def was(make_patient: Any, make_visit: Any) -> Any:
    """Somebody whose visit so many days ago ended like that."""

    def make(name: str, status: str, days: int, **fields: Any) -> Appointment:
        start = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
        patient = make_patient(name, "Pillai", mobile="+15195550163")
        return make_visit(patient, start, status, **fields)

    return make


def listed(desk: Client) -> dict[str, list[str]]:
    found = desk.get(URL).context["again"]
    return {
        name: [visit.patient.legal_first_name for visit in getattr(found, name)] for name in ("missed", "cancelled", "due")
    }  # fmt: skip


def test_who_was_missed_or_cancelled_is_listed_until_they_book_again(desk: Client, was: Any, make_visit: Any) -> None:
    missed = was("Ann", "noshow", 3)
    was("Ben", "cancelled", 4, cancelled_by="clinic")
    was("Cleo", "fulfilled", 5)
    was("Dan", "noshow", 61)
    was("Eva", "cancelled", 6, cancel_reason="booked-twice")
    was("Finn", "cancelled", 7, needs_call=True, call_reason="The physician asks you to call")  # on the call list
    was("Gus", "cancelled", 8, needs_call=True, call_reason="A message did not arrive")  # was on it, and nobody called
    assert listed(desk) == {"missed": ["Ann"], "cancelled": ["Ben", "Gus"], "due": []}
    page = desk.get(URL).content.decode()
    assert "519-555-0163" in page
    assert f"?patient={missed.patient.public_id}&amp;service={missed.service.public_id}" in page
    assert AuditEvent.objects.filter(action="staff.again_read").exists()
    make_visit(missed.patient, next_weekday_at(10))
    assert listed(desk)["missed"] == []


def test_a_booking_that_was_never_meant_lists_nobody_and_hides_nothing_before_it(desk: Client, was: Any, make_visit: Any) -> None:
    missed = was("Ann", "noshow", 3)
    Clinic.objects.update(recall_months=6)
    seen = was("Ben", "fulfilled", 200)
    for patient in (missed.patient, seen.patient, was("Cleo", "cancelled", 2, cancel_reason="booked-twice").patient):
        visit = make_visit(patient, next_weekday_at(10))
        steps.unbook(visit, by=Actor.system(), now=clock.now())
    assert listed(desk) == {"missed": ["Ann"], "cancelled": [], "due": ["Ben"]}


def test_who_cancelled_a_visit_to_come_is_listed_unless_they_have_an_earlier_one(desk: Client, was: Any, make_visit: Any) -> None:
    gone = was("Gia", "cancelled", -30, cancelled_by="patient")
    assert listed(desk)["cancelled"] == ["Gia"]
    make_visit(gone.patient, next_weekday_at(10))
    assert listed(desk)["cancelled"] == []


def test_who_is_due_for_a_review_is_listed_where_the_clinic_wants_that(desk: Client, was: Any) -> None:
    for name, days in (("Ann", 100), ("Ben", 200), ("Cleo", 500)):
        was(name, "fulfilled", days)
    assert listed(desk)["due"] == []
    Clinic.objects.update(recall_months=6)
    Clinic.forget_current()
    assert listed(desk)["due"] == ["Ben"]
    assert "Due for a review" in desk.get(URL).content.decode()
