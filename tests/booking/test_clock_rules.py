"""The zone's rules change after people have booked: the time on the clock that was agreed stays (case 28)."""

import importlib.resources
import zoneinfo
from io import StringIO

import pytest
from django.core.management import call_command

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.models import Appointment
from notifications.plans import plan_visit
from tests.booking.test_clock_cases import always_open as always_open
from tests.booking.test_clock_cases import book, z

SYSTEM = Actor.system()


@pytest.fixture
def summer_for_ever(monkeypatch):
    """Ontario stops changing clocks and stays on summer time, as British Columbia did; call it when everybody has booked."""

    def change() -> None:
        data = importlib.resources.files("tzdata").joinpath("zoneinfo", "America", "Puerto_Rico")  # UTC-4 all year
        with data.open("rb") as file:
            zone = zoneinfo.ZoneInfo.from_file(file, key="America/Toronto")
        monkeypatch.setattr(clock, "zone_of", lambda _name: zone)

    return change


@pytest.fixture
def visits(always_open, practitioner):
    """Two visits one after the other in winter, and one in summer that no rule moves."""
    starts = ["2026-12-10 19:00", "2026-12-10 19:30", "2027-06-10 18:00"]
    return [book(always_open, practitioner, z(start), name) for start, name in zip(starts, ["Noor", "Ana", "Lee"], strict=True)]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("keep_wall_times", *arguments, stdout=out)
    return out.getvalue()


def test_nothing_moves_while_the_rules_are_the_same(visits):
    assert actions.moved_by_rules(now=clock.now()) == []


def test_the_command_names_what_would_move_and_changes_nothing(visits, summer_for_ever):
    summer_for_ever()
    said = run()
    assert f"{visits[0].reference}  2026-12-10T14:00 America/Toronto  2026-12-10 19:00Z -> 2026-12-10 18:00Z" in said
    assert visits[2].reference not in said
    assert "Noor" not in said
    assert Appointment.objects.get(pk=visits[0].pk).starts_at == visits[0].starts_at


def test_each_visit_moves_to_its_wall_time_and_its_neighbour_is_not_in_the_way(visits, summer_for_ever):
    summer_for_ever()
    assert "moved=2 to_call=0" in run("--apply")
    first, second, summer = (Appointment.objects.get(pk=v.pk) for v in visits)
    assert (first.starts_at, second.starts_at) == (z("2026-12-10 18:00"), z("2026-12-10 18:30"))
    assert (first.local_start, first.minutes, first.ics_sequence) == ("2026-12-10T14:00", visits[0].minutes, 1)
    assert summer.version == visits[2].version
    event = AuditEvent.objects.filter(action="booking.keep_wall_time").earliest("pk")
    assert (event.object_id, event.detail["wall"]) == (first.pk, "2026-12-10T14:00")
    assert "moved=0" in run("--apply")


def test_a_confirmed_visit_stays_confirmed_and_cannot_be_undone_into_the_wrong_hour(visits, summer_for_ever):
    actions.confirm(visits[0], by=SYSTEM, now=clock.now())
    summer_for_ever()
    visit = actions.keep_wall_time(visits[0], by=SYSTEM, now=clock.now())
    assert (visit.status, visit.previous) == ("confirmed", {})


def test_where_somebody_has_the_time_by_now_the_visit_stays_and_is_to_be_called(
    always_open, practitioner, visits, summer_for_ever
):
    summer_for_ever()
    newer = book(always_open, practitioner, z("2026-12-10 18:00"), "Max")
    assert newer.local_start == visits[0].local_start
    assert "moved=1 to_call=1" in run("--apply")
    first = Appointment.objects.get(pk=visits[0].pk)
    assert (first.starts_at, first.needs_call) == (visits[0].starts_at, True)
    assert first.call_reason == "New clock rules: agree on a time"


def test_the_calendar_is_brought_up_to_date_by_mail_and_nobody_is_told_that_we_moved_them(visits, summer_for_ever):
    class Told:
        told, called, kind, sequence = True, False, "booked", 0
        says_start, says_practitioner_id = visits[0].starts_at, visits[0].practitioner_id

    summer_for_ever()
    visit = actions.keep_wall_time(visits[0], by=SYSTEM, now=clock.now())
    news = [
        m for m in plan_visit(visit, [Told()], now=clock.now()).messages if "reminder" not in m.kind and "q" not in m.kind[:1]
    ]
    assert [(m.kind, m.channel, m.sequence) for m in news] == [("clock_rules", "email", 1)]
