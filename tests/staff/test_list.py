"""`/desk/day/<date>/?view=list`: the day as one table, in the order that is asked for, and what has no outcome yet."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import clock
from accounts.models import User
from booking.models import Appointment, Practitioner, Service
from tests.factories import next_weekday_at
from tests.staff.conftest import Statements

Names = list[str]


@pytest.fixture
def day(make_patient: Any, make_visit: Any, make_practitioner: Any, service: Service) -> str:
    """Three visits, with two physicians, and one that was cancelled."""
    start, raman = next_weekday_at(9), make_practitioner("Dr. Priya Raman")
    later = Service.objects.create(slug="follow-up", name="A follow-up", minutes=20, step_minutes=10)
    for service_ in (service, later):
        service_.practitioners.add(raman)
    for n, (name, status, more) in enumerate([
        ("Bea Young", "booked", {"practitioner": raman}), ("Ann Zuber", "confirmed", {"service": later}), ("Cleo Adams", "arrived", {}),
        ("Dana Kovacs", "cancelled", {"cancelled_by": "patient", "cancelled_at": start}),
    ]):  # fmt: skip
        make_visit(
            make_patient(*name.split()), start + timedelta(minutes=40 * n), status, arrived_at=start, needs_call=n == 1, **more
        )
    return f"/desk/day/{clock.local(start).date()}/?view=list"


def names_on(page: str) -> Names:
    """Who stands in the table, from the top."""
    return re.findall(r'<tr role="row" id="v-.*?class="nm"[^>]*>(\w+)', page)


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("", ["Bea", "Ann", "Cleo", "Dana"]),
        ("-time", ["Dana", "Cleo", "Ann", "Bea"]),
        ("patient", ["Cleo", "Dana", "Bea", "Ann"]),
        ("service", ["Ann", "Bea", "Cleo", "Dana"]),
        ("who", ["Ann", "Cleo", "Dana", "Bea"]),
        ("-who", ["Bea", "Ann", "Cleo", "Dana"]),
        ("status", ["Cleo", "Bea", "Ann", "Dana"]),
        ("flags", ["Ann", "Bea", "Cleo", "Dana"]),
        ("nonsense", ["Bea", "Ann", "Cleo", "Dana"]),
    ],
)
def test_every_column_sorts_both_ways_by_a_link(desk: Client, day: str, sort: str, names: Names) -> None:
    page = desk.get(f"{day}&sort={sort}").content.decode()
    assert names_on(page) == names
    by = sort if sort.removeprefix("-") in ("time", "patient", "service", "who", "status", "flags") else "time"
    way = "descending" if by.startswith("-") else "ascending"
    back = by.removeprefix("-") if by.startswith("-") else f"-{by}"
    assert re.search(rf'aria-sort="{way}"><a href="\?view=list&amp;sort={back}"', page)
    assert page.count("aria-sort") == 1


def test_openings_and_lunch_are_lines_too_and_come_last_by_patient(desk: Client, day: str) -> None:
    page = desk.get(f"{day}&sort=patient").content.decode()
    assert page.index("Open to") > page.rindex('class="nm"')
    assert "<span>by the patient" in page, "who cancelled"
    assert '<b class="warn i-phone">To be called</b>' in page
    assert page.count('class="dopen"') == page.count('href="/desk/new/?at=')


def test_filters_and_order_go_together_and_stay_through_a_step(desk: Client, day: str) -> None:
    page = desk.get(f"{day}&sort=-who&who=raman").content.decode()
    assert names_on(page) == ["Bea"]
    assert "?view=list&amp;who=raman&amp;sort=who" in page
    assert "sort=-who&amp;show=unconfirmed" in page.replace("&show", "&amp;show")
    visit = Appointment.objects.get(patient__legal_first_name="Bea")
    back = desk.post(f"{day}&sort=-who", {"do": f"confirm:{visit.public_id}:{visit.version}"})["Location"]
    assert "sort=-who" in back
    assert names_on(desk.get(f"{day}&show=cancelled").content.decode()) == ["Dana"]


def test_the_table_takes_at_most_four_statements(desk: Client, day: str) -> None:
    desk.get(day)
    with Statements() as statements:
        desk.get(f"{day}&sort=flags")
    assert len(statements.of_page()) <= 4, "\n".join(statements.of_page())


def test_the_end_of_a_day_says_what_has_no_outcome_and_so_does_the_next_morning(
    reception: User, signed_in: Any, day: str, practitioner: Practitioner
) -> None:
    end = Appointment.objects.latest("ends_at").ends_at
    with time_machine.travel(end - timedelta(hours=2), tick=False):
        assert b"without an outcome" not in signed_in(reception).get(day).content, "they may still be on their way"
    with time_machine.travel(end + timedelta(hours=2), tick=False):
        page = signed_in(reception).get(f"{day}&show=unfinished").content.decode()
        assert "<b>3</b> without an outcome" in page
        assert names_on(page) == ["Bea", "Ann", "Cleo"]
        assert "No-show" in page
        assert "of earlier days" not in page
    with time_machine.travel(end + timedelta(days=1), tick=False):
        desk = signed_in(reception)
        with Statements() as statements:
            today = desk.get(f"/desk/day/{clock.today()}/?view=list").content.decode()
        assert len(statements.of_page()) <= 4
        assert "3 visits of earlier days have no outcome yet." in today
        link = re.search(r'href="([^"]+)">Show those of', today).group(1).replace("&amp;", "&")  # type: ignore[union-attr]
        assert names_on(desk.get(link).content.decode()) == ["Bea", "Ann", "Cleo"]


def test_what_has_had_no_outcome_for_months_is_counted_and_the_oldest_day_is_a_press_away(
    reception: User, signed_in: Any, day: str, practitioner: Practitioner
) -> None:
    old = Appointment.objects.get(patient__legal_first_name="Bea")
    Appointment.objects.filter(pk=old.pk).update(starts_at=old.starts_at - timedelta(90), ends_at=old.ends_at - timedelta(90))
    with time_machine.travel(Appointment.objects.latest("ends_at").ends_at + timedelta(days=1), tick=False):
        desk = signed_in(reception)
        with Statements() as statements:
            today = desk.get(f"/desk/day/{clock.today()}/?view=list").content.decode()
        assert len(statements.of_page()) <= 4
        assert "3 visits of earlier days have no outcome yet." in today
        link = re.search(r'href="([^"]+)"\s*>The oldest are of', today).group(1).replace("&amp;", "&")  # type: ignore[union-attr]
        assert names_on(desk.get(link).content.decode()) == ["Bea"]
