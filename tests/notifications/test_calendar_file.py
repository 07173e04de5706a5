"""The .ics file: one entry that moves and goes, in any calendar program."""

from typing import Any

import icalendar
import pytest

from accounts import clock
from audit.actor import Actor
from booking import actions, ics
from booking.models import Appointment, Practitioner
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, Post, at, go

PATIENT = Actor.patient(1)
pytestmark = pytest.mark.django_db


def calendars(post: Post) -> list[Any]:
    """The calendar files of all mails, parsed."""
    return [
        icalendar.Calendar.from_ical(part.get_content())
        for mail in post.mails
        for part in mail.walk()
        if part.get_content_type() == "text/calendar"
    ]


def test_create_move_cancel_is_one_entry_with_rising_sequence(post: Post, visit: Appointment, practitioner: Practitioner) -> None:
    go(WEDNESDAY + GRACE)
    actions.move(visit, practitioner, at("2027-03-15 14:40"), by=PATIENT, now=at("2027-02-11 09:00"))
    go(at("2027-02-11 09:30"))
    actions.cancel(visit, by=PATIENT, now=at("2027-02-12 09:00"))
    go(at("2027-02-12 09:30"))
    found = [
        (c["method"], e["uid"], e["sequence"], e["status"], e["dtstart"].dt) for c in calendars(post) for e in c.walk("VEVENT")
    ]
    uid = f"{visit.public_id}@tn.example"
    assert [f[:4] for f in found] == [
        ("REQUEST", uid, 0, "CONFIRMED"),
        ("REQUEST", uid, 1, "CONFIRMED"),
        ("CANCEL", uid, 2, "CANCELLED"),
    ]
    assert [f[4] for f in found] == [at("2027-03-11 10:20"), at("2027-03-15 14:40"), at("2027-03-15 14:40")]


def test_the_part_names_its_method_and_is_a_file(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE)
    part = next(p for p in post.mails[0].walk() if p.get_content_type() == "text/calendar")
    assert part.get_param("method") == "REQUEST"
    assert part.get_filename() == "appointment.ics"


def test_times_carry_the_clinics_zone_and_its_rules(post: Post, visit: Appointment) -> None:
    raw = ics.calendar_file(visit, method="PUBLISH", link="https://tn.example/v/x/", now=WEDNESDAY).decode()
    assert "DTSTART;TZID=America/Toronto:20270311T102000" in raw
    rules = icalendar.Calendar.from_ical(raw).walk("VTIMEZONE")[0]
    assert rules["tzid"] == "America/Toronto"
    assert rules.to_tz(lookup_tzid=False).utcoffset(at("2027-07-01 10:00").replace(tzinfo=None)).total_seconds() == -4 * 3600
    assert rules.to_tz(lookup_tzid=False).utcoffset(at("2027-12-01 10:00").replace(tzinfo=None)).total_seconds() == -5 * 3600


def test_it_says_when_where_and_with_whom_to_talk_and_nothing_else(post: Post, visit: Appointment) -> None:
    raw = ics.calendar_file(visit, method="PUBLISH", link="https://tn.example/v/x/", now=WEDNESDAY)
    event = icalendar.Calendar.from_ical(raw).walk("VEVENT")[0]
    assert event["summary"] == "Appointment, True North"
    assert event["location"] == "100 Example Street, Suite 200, Kitchener, Ontario"
    assert event["description"] == "519-555-0142\nhttps://tn.example/v/x/"
    assert event["class"] == "PRIVATE"
    assert "assessment" not in raw.decode().lower()
    assert "attendee" not in event
    assert raw.count(b"\r\n") == raw.count(b"\n")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert clock.now()


def test_a_request_has_an_organizer_and_the_patient_as_attendee(post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE)
    event = calendars(post)[0].walk("VEVENT")[0]
    assert event["organizer"] == "mailto:appointments@tn.example"
    assert event["attendee"] == "mailto:maya@example.com"
