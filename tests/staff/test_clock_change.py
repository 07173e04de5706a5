"""What is typed at the desk for the night of a clock change: the sentence, the two choices, and nothing lost.

Weekly hours and the hours of a date are wall time and need no choice: they hold both readings (case 24 of the clock cases).
"""

import pytest
import time_machine
from django.test import Client

from booking.models import Appointment, TimeOff
from tests.booking.conftest import text_of
from tests.booking.test_clock_cases import z

TWICE = "1:30 a.m. comes twice on November 7, because the clocks go back. Choose which one"
CHOICES = ("1:30 a.m. EDT, before the clocks go back", "1:30 a.m. EST, after the clocks go back")
NEVER = "There is no 2:30 a.m. on March 14: the clocks go forward that night. The first time after it is 3:00 a.m."


@pytest.fixture
def desk(clinic, reception, signed_in) -> Client:
    """Joanne's browser, in winter."""
    with time_machine.travel(z("2027-02-10 14:00"), tick=False):
        yield signed_in(reception)


@pytest.fixture
def new(service, patient, practitioner):
    """A booking for Maya at a time that is typed."""
    return {
        "patient": patient.public_id, "service": service.public_id, "slot": "other", "other_who": practitioner.public_id, "do": "book",
    }  # fmt: skip


def asks(answer, *also: str) -> bool:
    page = text_of(answer)
    return answer.status_code == 422 and all(words in page for words in (TWICE, *CHOICES, *also))


def test_a_booking_at_half_past_one_asks_which_of_the_two(desk, new, practitioner):
    night = new | {"other_day": "2027-11-07", "other_time": "01:30"}
    answer = desk.post("/desk/new/", night)
    assert asks(answer, "Maya Chowdhury")
    assert 'value="01:30"' in answer.content.decode(), "what was typed stays"
    assert 'value="2027-11-07"' in answer.content.decode()
    for which, start in (("0", "2027-11-07 05:30"), ("1", "2027-11-07 06:30")):
        warned = desk.post("/desk/new/", night | {"other_which": which})
        assert (warned.status_code, "Book anyway?" in text_of(warned)) == (409, True)
        assert start.replace(" ", "T") in warned.content.decode()
    assert not Appointment.objects.exists()


def test_a_booking_in_the_hour_that_never_comes_is_told_so(desk, new):
    answer = desk.post("/desk/new/", new | {"other_day": "2027-03-14", "other_time": "02:30"})
    assert (answer.status_code, NEVER in text_of(answer)) == (422, True)
    assert not Appointment.objects.exists()


def test_a_move_to_half_past_one_asks_which_of_the_two(desk, appointment, practitioner):
    typed = {
        "version": appointment.version,
        "other_day": "2027-11-07",
        "other_time": "01:30",
        "other_who": practitioner.public_id,
    }
    assert asks(desk.post(f"/desk/visit/{appointment.public_id}/move/", typed))
    appointment.refresh_from_db()
    assert appointment.version == typed["version"]


def test_time_off_from_half_past_one_asks_which_of_the_two_and_takes_the_answer(desk, practitioner):
    typed = {"who": practitioner.slug, "kind": "meeting", "first": "2027-11-07", "first_time": "01:30", "last_time": "05:00"}
    assert asks(desk.post("/desk/time-off/", typed))
    assert not TimeOff.objects.exists()
    assert desk.post("/desk/time-off/", typed | {"first_which": "1"}).status_code == 303
    assert TimeOff.objects.get().starts_at == z("2027-11-07 06:30")


def test_time_off_in_the_hour_that_never_comes_is_told_so(desk, practitioner):
    typed = {"who": practitioner.slug, "kind": "meeting", "first": "2027-03-14", "first_time": "02:30", "last_time": "05:00"}
    answer = desk.post("/desk/time-off/", typed)
    assert (answer.status_code, NEVER in text_of(answer)) == (422, True)
    assert not TimeOff.objects.exists()


def test_a_series_that_begins_at_half_past_one_asks_which_of_the_two(desk, patient, service, practitioner):
    plan = {
        "patient": patient.public_id, "service": service.public_id, "who": practitioner.public_id, "day": "2027-11-07",
        "time": "01:30", "visits": "3", "weeks": "4", "window": "7",
    }  # fmt: skip
    assert asks(desk.get("/desk/series/", plan))
    assert desk.get("/desk/series/", plan | {"which": "0"}).status_code == 200
