"""What the calendar loads of the clinic: whose times are listed, and where."""

from datetime import date, timedelta

import pytest

from booking import calendar
from booking.models import Appointment, Room, Service
from tests.booking.conftest import on, somebody_books
from tests.factories import WEDNESDAY

THURSDAY = date(2027, 2, 11)


@pytest.fixture(autouse=True)
def _here(at, service):
    """Wednesday morning, with a service to book."""


def listed(service, now=WEDNESDAY):
    """What is free on Thursday, with each physician."""
    return calendar.starts(service, since=THURSDAY, until=THURSDAY, now=now, any_physician=False)


@pytest.fixture
def other(make_practitioner):
    """Dr. Raman, who does something else."""
    return make_practitioner("Dr. Priya Raman", position=1)


@pytest.fixture(autouse=True)
def laser(room, other):
    """What Dr. Raman does, in the treatment room."""
    laser = Service.objects.create(slug="laser", name="Laser", minutes=30, step_minutes=20, room_kind=room.kind)
    laser.practitioners.add(other)
    return laser


def test_who_does_not_do_it_is_not_listed(service, practitioner):
    assert {start.practitioner_id for start in listed(service)} == {practitioner.pk}


def test_who_does_not_work_here_any_more_is_not_listed(service, practitioner, other):
    service.practitioners.add(other)
    type(other).objects.filter(pk=other.pk).update(active=False)
    assert {start.practitioner_id for start in listed(service)} == {practitioner.pk}


def test_a_room_that_is_out_of_use_is_no_place_for_a_visit(service, room):
    service.room_kind = room.kind
    assert listed(service)
    Room.objects.update(active=False)
    assert not listed(service)


def test_what_somebody_else_does_in_the_only_room_takes_it_from_its_first_minute_to_its_last(service, room, other, laser):
    laser.minutes = 40
    laser.save()
    somebody_books(laser, other, on(11, 10))
    service.room_kind, service.minutes = room.kind, 20
    free = {start.at for start in listed(service)}
    around = [on(11, 9, 40), on(11, 10), on(11, 10, 20), on(11, 10, 40)]
    assert [moment.timestamp() in free for moment in around] == [True, False, False, True]


def test_a_visit_of_the_day_before_that_lasts_into_the_morning_is_in_the_way(service, practitioner):
    """None does with the hours of a clinic; it is booked over the limits."""
    practitioner.availability.update(local_start="00:00")
    service.minutes = 480
    service.save()
    somebody_books(service, practitioner, on(11, 0) - timedelta(hours=7))
    service.minutes = 30
    assert min(start.at for start in listed(service)) >= on(11, 1).timestamp()


def test_a_hold_is_over_at_the_minute_it_ends(service, practitioner):
    somebody_books(service, practitioner, on(11, 10))
    Appointment.objects.update(status="held", hold_expires_at=WEDNESDAY + timedelta(minutes=15), hold_key="a" * 64, patient=None)
    assert on(11, 10).timestamp() not in {
        start.at for start in listed(service, now=WEDNESDAY + timedelta(minutes=14, seconds=59))
    }
    assert on(11, 10).timestamp() in {start.at for start in listed(service, now=WEDNESDAY + timedelta(minutes=15))}
