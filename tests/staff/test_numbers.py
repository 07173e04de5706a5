"""`/clinic/numbers/`: a month in numbers, worked out from visits, hours and time off."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from wagtail.models import Page

from accounts.models import User
from articles.models import ArticlePage
from audit.actor import Actor
from booking import actions
from booking.hours import Day
from booking.models import Appointment, Availability, Practitioner, Service
from staff import numbers
from tests.factories import WEDNESDAY
from tests.staff.conftest import Statements, at

URL = "/clinic/numbers/?month=2027-02"
DAY = WEDNESDAY.date()
FEBRUARY = 20 * 7 * 60  # twenty weekdays, 9 to noon and 1 to 5


@pytest.fixture
def lead(clinic: Any, lead_user: User, signed_in: Callable[[User], Client]) -> Any:
    """The clinic lead's browser, on a Wednesday in February."""
    with time_machine.travel(WEDNESDAY, tick=False):
        yield signed_in(lead_user)


def tally(lead: Client, url: str = URL) -> numbers.Tally:
    return lead.get(url).context["month"].all


def test_who_came_who_did_not_and_how_full_it_was(
    lead: Client, service: Service, practitioner: Practitioner, make_patient: Any, make_visit: Any
) -> None:
    states = ["fulfilled", "fulfilled", "fulfilled", "noshow", "cancelled", "cancelled", "booked"]
    for hour, status in enumerate(states):
        make_visit(make_patient(f"Penelope{hour}", "X"), at(DAY, 9 + hour), status, cancelled_late=hour == 4)
    make_visit(make_patient("March", "X"), at(date(2027, 3, 1), 9))
    found = tally(lead)
    assert (found.booked, found.came, found.missed, found.cancelled, found.late) == (5, 3, 1, 2, 1)
    assert (found.no_show, found.minutes, found.offered) == (25, 5 * service.minutes, FEBRUARY)
    page = lead.get(URL).content.decode()
    assert "25 %" in page
    assert "Penelope" not in page, "no names of patients"


def test_what_is_offered_follows_hours_dates_and_time_off(lead: Client, practitioner: Practitioner) -> None:
    values: dict[str, Any] = {"by": Actor.system(), "now": WEDNESDAY}
    assert tally(lead).offered == FEBRUARY
    actions.set_day(practitioner, Day(DAY + timedelta(days=1), "closed"), **values)
    actions.take_time_off(practitioner, "meeting", at(DAY, 11), at(DAY, 14), **values)  # lunch is no work: two hours
    assert tally(lead).offered == FEBRUARY - 7 * 60 - 2 * 60
    actions.close_days([(DAY + timedelta(days=2), "Holiday")], **values)
    assert tally(lead).offered == FEBRUARY - 2 * 7 * 60 - 2 * 60


def test_articles_are_told_by_their_title_with_what_came_of_them(lead: Client, make_patient: Any, make_visit: Any) -> None:
    page = Page.objects.first().add_child(instance=ArticlePage(title="When hair thins", live=False))
    for hour, status in ((9, "fulfilled"), (10, "noshow"), (11, "booked")):
        make_visit(make_patient(f"Penelope{hour}", "X"), at(DAY, hour), status, article=page.article_ref)
    text = lead.get(URL).content.decode()
    row = text[text.index("When hair thins") :].split("</tr>")[0]
    assert [int(n) for n in re.findall(r'"num">(\d+)<', row)] == [3, 1, 1, 0]


def test_an_empty_month_says_so_and_a_month_that_is_none_is_this_one(lead: Client, practitioner: Practitioner) -> None:
    practitioner.availability.all().delete()
    assert "Nobody worked" in lead.get(URL).content.decode()
    assert lead.get("/clinic/numbers/?month=2027-13").context["month"].first == date(2027, 2, 1)


def test_it_costs_the_same_however_much_there_is(
    lead: Client, practitioner: Practitioner, make_practitioner: Any, make_patient: Any, make_visit: Any
) -> None:
    counts = []
    for n in range(2):
        with Statements() as said:
            lead.get(URL)
        counts.append(len(said.of_page()))
        for hour in range(5):
            make_visit(make_patient(f"P{n}{hour}", "X"), at(DAY, 9 + hour), practitioner=make_practitioner(f"Dr. N{n}{hour}"))
    assert counts[0] == counts[1] <= 9


@pytest.mark.parametrize("first", [date(2026, 11, 1), date(2027, 3, 1)])
def test_a_day_on_which_clocks_change_is_as_long_as_the_clock_makes_it(
    lead: Client, practitioner: Practitioner, first: date
) -> None:
    """Sunday from midnight to midnight: 25 hours in November, 23 in March, 24 else."""
    Availability.objects.all().delete()
    Availability.objects.create(
        practitioner=practitioner, weekday=6, local_start=time(0), local_end=time(0), valid_from=date(2020, 1, 1)
    )
    sundays = sum((first + timedelta(days=n)).weekday() == 6 for n in range((numbers.after(first) - first).days))
    extra = 1 if first.month == 11 else -1
    assert tally(lead, f"/clinic/numbers/?month={first:%Y-%m}").offered == (24 * sundays + extra) * 60


def test_the_numbers_are_the_leads(desk: Client) -> None:
    assert desk.get(URL).status_code == 404
    assert Appointment.objects.count() == 0
