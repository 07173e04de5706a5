"""/feed/<token>/calendar.ics: a practitioner's own calendar program reads when they have visits, and nothing else."""

from datetime import timedelta

import icalendar
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from tests.booking.conftest import on

DESK = Actor("staff", None, "lead", "Lena")


@pytest.fixture
def url(practitioner):
    return reverse("booking:feed", args=[actions.open_feed(practitioner, by=DESK, now=clock.now()).token])


def entries(url):
    return icalendar.Calendar.from_ical(Client().get(url).content).walk("VEVENT")


def test_it_says_when_and_neither_whom_nor_why(visit, url):
    body = Client().get(url)
    (entry,) = entries(url)
    assert (entry["summary"], entry["dtstart"].dt, entry["dtend"].dt) == ("Appointment", visit.starts_at, visit.ends_at)
    assert entry["dtstart"].params["TZID"] == "America/Toronto"
    for secret in ("Daniel", "Whitford", visit.reference, str(visit.public_id), "/v/", "ssessment", "hair"):
        assert secret not in body.content.decode()
    assert body["Cache-Control"] == "private, max-age=300"


def test_a_moved_visit_is_the_same_entry_with_a_higher_sequence_and_a_cancelled_one_is_gone(visit, practitioner, url):
    (before,) = entries(url)
    actions.move(visit, practitioner, on(19, 14), by=DESK, now=clock.now())
    (after,) = entries(url)
    assert (after["uid"], after["sequence"]) == (before["uid"], before["sequence"] + 1)
    visit.refresh_from_db()
    actions.cancel(visit, by=DESK, now=clock.now())
    assert entries(url) == []


def test_a_held_time_is_no_visit(walker, url):
    walker.with_time()
    assert entries(url) == []


def test_a_program_that_asks_again_gets_304_until_something_changed(visit, practitioner, url):
    tag = Client().get(url)["ETag"]
    with CaptureQueriesContext(connection) as seen:
        again = Client().get(url, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, len(seen)) == (304, b"", 1)
    actions.cancel(visit, by=DESK, now=clock.now())
    assert Client().get(url, headers={"If-None-Match": tag}).status_code == 200


def test_yesterdays_answer_is_not_todays(visit, url, at):
    tag = Client().get(url)["ETag"]
    at.shift(timedelta(days=1))
    assert Client().get(url, headers={"If-None-Match": tag}).status_code == 200


def test_a_new_address_ends_the_old_one_and_both_are_in_the_trail(practitioner, url):
    new = actions.open_feed(practitioner, by=DESK, now=clock.now())
    assert Client().get(url).status_code == 404
    address = reverse("booking:feed", args=[new.token])
    assert Client().get(address).status_code == 200
    actions.close_feed(practitioner, by=DESK, now=clock.now())
    assert Client().get(address).status_code == 404
    done = AuditEvent.objects.filter(action__endswith="_feed").order_by("pk")
    assert list(done.values_list("action", flat=True)) == ["booking.open_feed", "booking.open_feed", "booking.close_feed"]


def test_a_leavers_address_ends_with_their_access(practitioner, physician, url):
    assert Client().get(url).status_code == 200
    physician.is_active = False
    physician.save()
    assert Client().get(url).status_code == 404
