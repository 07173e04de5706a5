"""GET /book/openings/: free starts as JSON."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from booking import calendar
from tests.booking.conftest import HOSTILE, on, somebody_books
from tests.factories import WEDNESDAY

THURSDAY = "2027-02-11"


@pytest.fixture(autouse=True)
def _here(at, service):
    """Wednesday morning, with a service to book."""


def ask(**query):
    query = {"service": "first-assessment", "from": THURSDAY, "to": THURSDAY} | query
    return Client().get(reverse("booking:openings"), {k: v for k, v in query.items() if v is not None})


def instants(answer):
    """The starts an answer lists, as instants."""
    told = answer.json()
    return [
        datetime.fromtimestamp(told["midnight"][day] + 60 * minute, UTC)
        for day, starts in told["days"].items()
        for minute, _who in starts
    ]


def test_it_lists_what_the_calendar_lists(service):
    thursday = date(2027, 2, 11)
    listed = [s.start for s in calendar.openings(service, since=thursday, until=thursday + timedelta(days=9), now=WEDNESDAY)]
    assert listed
    assert instants(ask(to="2027-02-20")) == listed


def test_a_start_is_minutes_after_midnight_and_a_place_among_the_physicians(practitioner):
    told = ask().json()
    assert told["days"][THURSDAY][:2] == [[540, 0], [560, 0]]
    assert told["who"] == [{"id": str(practitioner.public_id), "name": "Dr. Osei"}]
    assert (told["zone"], told["minutes"]) == ("America/Toronto", 30)


def test_a_taken_time_is_gone(service, practitioner):
    somebody_books(service, practitioner, on(11, 10))
    listed = instants(ask())
    assert on(11, 10) not in listed
    assert on(11, 11) in listed


def test_minutes_are_elapsed_ones_when_the_clock_changes(service, practitioner):
    practitioner.availability.update(weekday=6)
    answer = ask(**{"from": "2027-03-14", "to": "2027-03-14"})
    assert answer.json()["days"]["2027-03-14"][0] == [480, 0]  # nine o'clock: an hour was skipped
    assert instants(answer)[0] == on(14, 9, month=3)


def test_one_physician_can_be_asked_for(service, practitioner, make_practitioner):
    other = make_practitioner("Dr. Priya Raman", position=1)
    service.practitioners.add(other)
    somebody_books(service, other, on(11, 10))
    assert on(11, 10) not in instants(ask(who=str(other.public_id)))
    assert on(11, 10) in instants(ask(who=str(practitioner.public_id)))
    assert {who for _minute, who in ask().json()["days"][THURSDAY]} <= {0, 1}


def test_an_inactive_physician_is_not_offered(service, make_practitioner):
    service.practitioners.add(make_practitioner("Dr. Priya Raman", active=False))
    assert [who["name"] for who in ask().json()["who"]] == ["Dr. Osei"]


def test_days_beyond_the_horizon_or_behind_us_are_empty(service):
    horizon = date(2027, 2, 10) + timedelta(days=service.horizon_days)
    assert ask(**{"from": str(horizon + timedelta(days=1)), "to": str(horizon + timedelta(days=30))}).json()["days"] == {}
    assert ask(**{"from": "9999-12-30", "to": "9999-12-31"}).json()["days"] == {}
    assert ask(**{"from": "0001-01-01", "to": "0001-01-02"}).json()["days"] == {}
    assert set(ask(**{"from": "2027-02-08", "to": THURSDAY}).json()["days"]) == {"2027-02-10", THURSDAY}
    last = max(ask(**{"from": str(horizon - timedelta(days=20)), "to": str(horizon + timedelta(days=30))}).json()["days"])
    assert last <= str(horizon)


def test_notice_binds(service):
    assert min(instants(ask(**{"from": "2027-02-10"}))) >= WEDNESDAY + timedelta(minutes=service.min_notice_minutes)


@pytest.mark.parametrize(
    "query",
    [
        {"from": None}, {"to": None}, {"from": "2027-2-11"}, {"from": "20270211"}, {"to": "2027-W06-4"}, {"to": "2027-02-30"},
        {"from": "2027-02-12"}, {"from": THURSDAY, "to": "2027-04-14"}, {"who": "x"}, {"who": str(UUID(int=0))},
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_sentence(query):
    answer = ask(**query)
    assert answer.status_code == 422
    assert answer.json()["detail"]


def test_sixty_two_days_are_the_most():
    assert ask(to="2027-04-13").status_code == 200


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", ["from", "to", "service", "who"])
def test_hostile_input_is_refused(name, text):
    assert ask(**{name: text}).status_code in ({200} if (name, text) == ("who", "") else {400, 404, 422})


def test_a_service_that_is_not_booked_online_is_not_there(service):
    service.online = False
    service.save()
    assert ask().status_code == 404


def test_it_answers_get_only_and_is_not_stored():
    assert Client().post(reverse("booking:openings")).status_code == 405
    answer = ask()
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")


def test_it_takes_two_statements():
    clock.clinic_zone()
    with CaptureQueriesContext(connection) as queries:
        ask(to="2027-03-13")
    assert len(queries) == 2, [q["sql"] for q in queries]
