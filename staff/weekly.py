"""A week as the desk sees it: per physician and day how much of the hours is booked, what is open, what is missing."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from accounts import clock
from booking.models import OCCUPYING, OPEN, Appointment, Practitioner, Status
from staff import board, gaps
from staff.lines import Column


@dataclass(slots=True)
class Cell:
    """One physician's day."""

    day: date
    open_minutes: int = 0
    booked_minutes: int = 0
    booked: int = 0
    openings: int = 0
    missing: int = 0
    note: str = ""

    @property
    def tenths(self) -> int:
        """How full it is, in tenths; more than full counts as full."""
        if not self.open_minutes:
            return 10 if self.booked else 0
        return min(round(10 * self.booked_minutes / self.open_minutes), 10)


@dataclass(slots=True)
class Week:
    """Days across, physicians down."""

    days: list[date]
    rows: list[tuple[Practitioner, list[Cell]]]


def _on(person: Any, day: date) -> Any:
    """What a physician's week says of one day."""
    text = day.isoformat()
    return SimpleNamespace(
        pk=person.pk,
        public_id=person.public_id,
        position=person.position,
        short_name=person.short_name,
        hours_json=[
            h for h in person.hours_json
            if h["weekday"] == day.weekday() and h["since"] <= text and (h["until"] is None or h["until"] >= text)
        ],
        overrides_json=[o for o in person.overrides_json if o["date"] == text],
        off_json=person.off_json,
    )  # fmt: skip


def load(user: Any, monday: date, *, now: datetime) -> Week:
    """The week that begins on a Monday; a weekend is shown only when somebody works or comes."""
    zone = clock.clinic_zone()
    since, until = clock.day_bounds(monday, zone)[0], clock.day_bounds(monday + timedelta(days=6), zone)[1]
    people, services = list(gaps.with_hours(monday, monday + timedelta(days=6))), board.bookable(now)
    visits = list(
        Appointment.objects.for_actor(user)
        .between(since, until)
        .exclude(status=Status.HELD, hold_expires_at__lte=now)
        .select_related("service", "response")
        .defer("response__document")
    )
    by_day: dict[date, list[Any]] = defaultdict(list)
    for visit in visits:
        by_day[clock.local(visit.starts_at).date()].append(visit)
    days = [monday + timedelta(days=n) for n in range(7)]
    cells = [_day(people, services, by_day[day], day, now) for day in days]
    shown = [n for n in range(7) if n < 5 or any(cell.open_minutes or cell.booked for cell in cells[n].values())]
    rows = [(person, [cells[n][person.pk] for n in shown]) for person in people]
    rows = [(person, row) for person, row in rows if any(cell.open_minutes or cell.booked or cell.note for cell in row)]
    return Week([days[n] for n in shown], rows)


def _day(people: list[Any], services: list[Any], visits: list[Any], day: date, now: datetime) -> dict[int, Cell]:
    """The cells of one day, by physician."""
    there = [_on(person, day) for person in people]
    columns = {person.pk: Column(person) for person in there}
    calendar = gaps.calendar_of(there, visits, day)
    cells = {person.pk: Cell(day) for person in there}
    for person in there:
        column, cell = columns[person.pk], cells[person.pk]
        gaps.add_hours(column, person, day)
        cell.note = column.note
        lost = [(e.at, e.end) for e in column.entries if e.end and e.kind == "off"]
        minutes = sum(int((b - a).total_seconds()) // 60 for a, b in column.spans)
        minutes -= sum(
            max(int((min(b, d) - max(a, c)).total_seconds()) // 60, 0) for a, b in column.spans for c, d in lost
        )  # fmt: skip
        cell.open_minutes = max(minutes, 0)
    for visit in visits:
        cell = cells.get(visit.practitioner_id, Cell(day))
        if visit.status in (Status.CANCELLED, Status.HELD):
            continue
        cell.booked += 1
        cell.booked_minutes += visit.minutes if visit.status in OCCUPYING else 0
        cell.missing += visit.status in OPEN and visit.intake_missing and not visit.lacks_outcome(now)
    for column, _entry in gaps.gaps(columns, services, gaps.starts_of(there, services, calendar, day, now)):
        cells[column.practitioner.pk].openings += 1
    return cells
