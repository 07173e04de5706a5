""" "Why is 10:20 not offered?", on the screens that book and move."""

from typing import Any

import pytest
import time_machine
from django.test import Client

from booking.models import Appointment, Room, Service, TimeOff
from tests.factories import WEDNESDAY
from tests.staff.conftest import at

DAY = WEDNESDAY.date().replace(day=15)


@pytest.fixture(autouse=True)
def wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def moved(make_patient: Any, make_visit: Any) -> Appointment:
    """The visit that somebody wants to move."""
    return make_visit(make_patient("Ann", "Early"), at(DAY, 9))


def ask(desk: Client, visit: Appointment, time: str, day: str = "2027-02-15") -> str:
    form = {"why": "1", "other_day": day, "other_time": time, "other_who": str(visit.practitioner.public_id)}
    answer = desk.post(f"/desk/visit/{visit.public_id}/move/", form)
    assert answer.status_code == 200
    visit.refresh_from_db()
    assert visit.starts_at == at(DAY, 9), "asking changes nothing"
    return str(answer.context["why"]).replace("\xa0", " ")


def test_each_reason_is_named(desk: Client, moved: Appointment, make_patient: Any, make_visit: Any, service: Service) -> None:
    make_visit(make_patient("Bea", "Booked"), at(DAY, 10))
    TimeOff.objects.create(practitioner=moved.practitioner, starts_at=at(DAY, 15), ends_at=at(DAY, 16), kind="sick")
    service.cleanup_minutes = 15
    service.save()
    for time, said in {
        "10:20": "Dr. Osei already has someone at 10:20 a.m.: a visit from 10:00 a.m. to 10:30 a.m.",
        "10:40": "Too close to the visit from 10:00 a.m. to 10:30 a.m.",
        "11:10": "Starts lie every 20 minutes",
        "11:50": "The visit would run past 12:00 p.m., when the hours end.",
        "12:20": "there is a break from 12:00 p.m. to 1:00 p.m.",
        "15:00": "Dr. Osei is out at 3:00 p.m.: time off.",
        "18:00": "the hours are 9:00 a.m. to 5:00 p.m.",
        "13:00": "Monday, February 15 at 1:00 p.m. is free, and offered.",
        "": "Choose a date, a time and a physician.",
    }.items():
        assert said in ask(desk, moved, time).replace("noon", "12:00 p.m."), time
    assert "does not work on Saturday, February 13" in ask(desk, moved, "10:00", "2027-02-13")
    assert "is in the past" in ask(desk, moved, "10:00", "2027-02-01")
    assert "Patients book at most 90 days ahead." in ask(desk, moved, "10:00", "2027-07-05")


def test_a_room_that_is_taken_is_named(desk: Client, moved: Appointment, room: Room, service: Service) -> None:
    service.room_kind = "laser"
    service.save()
    assert ask(desk, moved, "13:00") == "No room for it (laser) is free at 1:00 p.m."


def test_a_new_booking_is_told_too_and_keeps_what_was_typed(desk: Client, moved: Appointment) -> None:
    form = {
        "do": "why", "new": "1", "first_name": "Noor", "service": str(moved.service.public_id), "day": "2027-02-15", "slot": "other",
        "other_day": "2027-02-15", "other_time": "09:00", "other_who": str(moved.practitioner.public_id),
    }  # fmt: skip
    page = desk.post("/desk/new/", form).content.decode()
    assert "Dr. Osei already has someone at 9:00" in page
    assert 'value="Noor"' in page
