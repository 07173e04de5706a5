"""A month of everybody, with every rule there is: one statement, whoever works and whatever is in the way."""

from datetime import date, timedelta
from datetime import time as wall
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking import calendar
from booking.models import Appointment, Availability, AvailabilityOverride, Practitioner, Room, Service, TimeOff
from tests.factories import WEDNESDAY

SINCE, UNTIL = date(2027, 3, 1), date(2027, 3, 31)


def staffed(people: int) -> Service:
    """A service that needs a room and gaps; hours by service and room, dates that differ, time off, visits and holds."""
    service = Service.objects.create(
        slug=f"s{people}", name="S", minutes=30, setup_minutes=5, cleanup_minutes=10, room_kind="consult", online=True
    )
    rooms = [Room.objects.create(name=f"R{people}-{n}", kind="consult") for n in range(people)]
    for n in range(people):
        who = Practitioner.objects.create(name=f"Dr. {people} {n}", short_name=f"Dr. {n}", slug=f"p{people}-{n}", position=n)
        service.practitioners.add(who)
        for day in range(5):
            hours = Availability.objects.create(
                practitioner=who, weekday=day, local_start=wall(9), local_end=wall(17), valid_from=SINCE, room=rooms[n]
            )
        hours.services.add(service)
        AvailabilityOverride.objects.create(practitioner=who, date=SINCE, mode="closed")
        at = WEDNESDAY + timedelta(days=21)
        TimeOff.objects.create(practitioner=who, starts_at=at, ends_at=at + timedelta(hours=3), kind="meeting")
        Appointment.objects.create(
            practitioner=who, service=service, room=rooms[n], status="held", starts_at=at + timedelta(days=1),
            ends_at=at + timedelta(days=1, minutes=30), local_start="x", zone="America/Toronto", hold_key=f"h{people}-{n}",
            created_at=WEDNESDAY, changed_at=WEDNESDAY, hold_expires_at=at,
        )  # fmt: skip
    return service


@pytest.mark.parametrize("people", [1, 20])
def test_a_month_of_everybody_is_one_statement(clinic: Any, people: int) -> None:
    service = staffed(people)
    asked = {"since": SINCE, "until": UNTIL, "now": WEDNESDAY, "any_physician": False}
    calendar.openings(service, **asked)  # type: ignore[arg-type]  # the clinic's row is read once
    with CaptureQueriesContext(connection) as said:
        found = calendar.openings(service, **asked)  # type: ignore[arg-type]
    assert len(said) == 1
    assert {s.practitioner_id for s in found} == set(service.practitioners.values_list("pk", flat=True))
    assert {s.start.date() for s in found} == {
        SINCE + timedelta(days=n) for n in range(1, 31) if (SINCE + timedelta(days=n)).weekday() < 5
    }
