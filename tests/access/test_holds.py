"""Scripted holds by the hundred: the calendar stays bookable, and a person still books. HOLDS=1000 makes a thousand of them."""

import os
from contextlib import suppress
from datetime import timedelta

import pytest
from django.test import Client

from accounts import clock
from booking import actions, calendar
from booking.models import Appointment, Practitioner, Status
from booking.picker import value_of
from booking.slots import Slot
from tests.access.conftest import quiet
from tests.access.world import WEB, World, session

HOLDS = int(os.environ.get("HOLDS", "250"))


def free(world: World, days: int) -> int:
    """Starts that can be booked with anybody, per physician."""
    today = clock.today(world.now)
    until = today + timedelta(days=days)
    return len(calendar.openings(world.service, since=today, until=until, now=world.now, any_physician=False))


def hoarder(world: World, number: int) -> Client:
    """A new browser at a new network address, with a draft of its own."""
    client = world.client("anonymous", REMOTE_ADDR=f"198.51.{number // 250}.{number % 250}")
    client.cookies["session"] = session({"draft": str(world.responses["C"].public_id)})
    return client


def test_scripted_holds_from_everywhere_leave_the_calendar_bookable(world: World) -> None:
    before, soon = free(world, 14), free(world, 7)
    today = clock.today(world.now)
    wanted = calendar.openings(world.service, since=today, until=today + timedelta(days=14), now=world.now, any_physician=False)
    people = {p.pk: p for p in calendar.people(world.service)}
    with quiet():
        for number in range(HOLDS):
            slot = wanted[number * 7 % len(wanted)]
            # Past the caps the answer needs no more than the action; the first go through the whole page.
            if number < 60:
                hoarder(world, number).post("/book/time/", {"slot": value_of(slot.start, people[slot.practitioner_id])})
            else:
                hold_directly(world, slot, people[slot.practitioner_id], number)
    held = Appointment.objects.filter(status=Status.HELD).count()
    assert held >= 3
    assert free(world, 14) >= 0.9 * before
    assert free(world, 7) >= 0.8 * soon
    # A person, meanwhile: unheld, but booked.
    person = world.client("drafting")
    slot = world.slot(3)
    assert person.post("/book/time/", {"slot": value_of(slot.start, people[slot.practitioner_id])}).status_code == 303
    person.post("/book/code/", {"do": "none"})
    answer = person.post("/book/check/", {"do": "book", "finish_declare": "on", "finish_signature": "Cy"})
    assert answer["Location"] == "/book/done/"
    assert Appointment.objects.filter(response=world.responses["C"], status=Status.BOOKED, starts_at=slot.start).exists()


def hold_directly(world: World, slot: Slot, practitioner: Practitioner, number: int) -> None:
    key, address = f"{number:064d}", f"198.51.{number // 250}.{number % 250}"
    with suppress(actions.BookingError):
        actions.hold(world.service, practitioner, slot.start, hold_key=key, address=address, by=WEB, now=world.now)


@pytest.mark.parametrize("address", ["203.0.113.5"])
def test_one_address_holds_three_times_an_hour(world: World, address: str) -> None:
    people = {p.pk: p for p in calendar.people(world.service)}
    before = Appointment.objects.filter(status=Status.HELD).count()
    for number in range(12):
        client = world.client("anonymous", REMOTE_ADDR=address, HTTP_X_FORWARDED_FOR=f"10.0.0.{number}")
        client.cookies["session"] = session({"draft": str(world.responses["C"].public_id)})
        slot = world.slot(number * 4)
        assert client.post("/book/time/", {"slot": value_of(slot.start, people[slot.practitioner_id])}).status_code == 303
    assert Appointment.objects.filter(status=Status.HELD).count() - before == 3


def test_one_browser_holds_one_time(world: World) -> None:
    people = {p.pk: p for p in calendar.people(world.service)}
    before, browser = Appointment.objects.filter(status=Status.HELD).count(), world.client("drafting")
    for number in (1, 9, 17, 25):
        slot = world.slot(number)
        browser.post("/book/time/", {"slot": value_of(slot.start, people[slot.practitioner_id])})
    assert Appointment.objects.filter(status=Status.HELD).count() - before == 1
