"""The week as a form: seven days, a few lines each. What was typed stays; a line left empty does not count."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from accounts import clock
from accounts.web import as_date
from booking.hours import Day, Interval, minutes_of, wall_of
from booking.models import Room, Service
from staff.typed import as_wall

LINES = 10  # a day; more than anybody works
SPANS = 4  # of a date that differs
MODES = ("replace", "add", "closed")


@dataclass(slots=True)
class Line:
    """From when to when, in which room, for which services (none ticked: all)."""

    key: str
    start: str = ""
    end: str = ""
    room: str = ""
    services: list[str] = field(default_factory=list)
    error: str = ""
    is_stale: bool = False  # it names what the page no longer lists

    @property
    def is_empty(self) -> bool:
        """Nothing typed."""
        return not self.start and not self.end

    @property
    def is_special(self) -> bool:
        """Only some services, or a room."""
        return bool(self.services or self.room)

    def span(self) -> tuple[int, int] | None:
        """Minutes from midnight to midnight; None, and `error` says why, if that cannot be."""
        if self.is_stale:
            self.error = _("The list of visits or rooms has changed. Choose again")
            return None
        start, end = as_wall(self.start), as_wall(self.end)
        if start is None or end is None:
            self.error = _("Give both times, like 09:00 and 12:00")
            return None
        minutes = minutes_of(start), minutes_of(end, end=True)
        if minutes[0] >= minutes[1]:
            self.error = _("Hours must end after they start")
            return None
        return minutes


@dataclass(slots=True)
class Row:
    """One weekday: its lines, and empty ones to add to them."""

    weekday: int
    lines: list[Line]

    @property
    def name(self) -> str:
        """ "Monday"."""
        return clock.weekday(self.weekday)

    @property
    def spare(self) -> list[Line]:
        """The lines for more hours: two on a day without any, since most days have a break."""
        first = len(self.lines)
        return [Line(f"d{self.weekday}-{n}") for n in range(first, first + (1 if first else 2)) if n < LINES]


class WeekForm:
    """The hours of a week, as stored or as typed. A line may name `services` and `rooms`; `offered` can be booked now."""

    def __init__(
        self, rows: list[Row], services: Iterable[Service], rooms: Iterable[Room], *, offered: Iterable[Service]
    ) -> None:
        self.rows, self.errors = rows, dict[str, str]()
        self.services, self.rooms = list(services), list(rooms)
        self.offered = {s.pk for s in offered}

    @classmethod
    def of(
        cls, week: Iterable[Interval], services: Iterable[Service], rooms: Iterable[Room], *, offered: Iterable[Service]
    ) -> "WeekForm":
        """A stored week."""
        rows = [Row(weekday, []) for weekday in range(7)]
        for i in week:
            lines = rows[i.weekday].lines
            lines.append(
                Line(
                    f"d{i.weekday}-{len(lines)}", f"{wall_of(i.start):%H:%M}", f"{wall_of(i.end):%H:%M}",
                    str(i.room or ""), [str(pk) for pk in sorted(i.services)],
                )
            )  # fmt: skip
        return cls(rows, services, rooms, offered=offered)

    @classmethod
    def typed(cls, data: Any, services: Iterable[Service], rooms: Iterable[Room], *, offered: Iterable[Service]) -> "WeekForm":
        """What was sent; lines without a time are left out."""
        form = cls([], services, rooms, offered=offered)
        allowed, places = {str(s.pk) for s in form.services}, {str(r.pk) for r in form.rooms}
        for weekday in range(7):
            lines: list[Line] = []
            for n in range(LINES):
                key = f"d{weekday}-{n}"
                line = Line(f"d{weekday}-{len(lines)}", data.get(f"{key}-from", "")[:8], data.get(f"{key}-to", "")[:8])
                ticked, room = data.getlist(f"{key}-services"), data.get(f"{key}-room", "")
                line.services = [pk for pk in ticked if pk in allowed]
                line.room = room if room in places else ""
                line.is_stale = line.services != ticked or line.room != room
                if not line.is_empty:
                    lines.append(line)
            form.rows.append(Row(weekday, lines))
        return form

    def copy_day(self, weekday: int) -> None:
        """Give Monday to Friday the hours of one day."""
        for row in self.rows[:5]:
            if row.weekday != weekday:
                row.lines = [
                    Line(f"d{row.weekday}-{n}", line.start, line.end, line.room, list(line.services))
                    for n, line in enumerate(self.rows[weekday].lines)
                ]

    def read(self) -> list[Interval]:
        """The week, or what of it can be read; `errors` (control → text) says what cannot."""
        week: list[Interval] = []
        for row in self.rows:
            taken: list[tuple[int, int]] = []
            for line in row.lines:
                span = line.span()
                if span and any(a < span[1] and span[0] < b for a, b in taken):
                    line.error = _("These hours overlap others of the same day")
                    span = None
                if span is None:
                    self.errors[f"{line.key}-from"] = f"{row.name}: {line.error}"
                    continue
                taken.append(span)
                chosen = frozenset(int(pk) for pk in line.services)
                every = bool(self.offered) and self.offered <= chosen
                week.append(Interval(row.weekday, *span, int(line.room or 0), frozenset() if every else chosen))
        return sorted(week)


class DayForm:
    """Other hours on one date, as typed."""

    def __init__(self, data: Mapping[str, str] | None = None, *, today: date) -> None:
        data = data or {}
        self.date, self.mode = data.get("date", "")[:10], data.get("mode", "replace")
        self.lines = [Line(f"x{n}", data.get(f"x{n}-from", "")[:8], data.get(f"x{n}-to", "")[:8]) for n in range(SPANS)]
        self.errors: dict[str, str] = {}
        self.today = today

    def read(self) -> Day | None:
        """The date and its hours; None, and `errors` says why, if they cannot be."""
        day = as_date(self.date)
        if day is None or day < self.today:
            self.errors["date"] = _("Choose a date from today on")
        if self.mode not in MODES:
            self.mode = "replace"
        spans: list[tuple[int, int]] = []
        for line in self.lines if self.mode != "closed" else []:
            if line.is_empty:
                continue
            span = line.span()
            if span and any(a < span[1] and span[0] < b for a, b in spans):
                line.error = _("These hours overlap others of the same day")
                span = None
            if span is None:
                self.errors[f"{line.key}-from"] = line.error
            else:
                spans.append(span)
        if self.mode != "closed" and not spans and not self.errors:
            self.errors["x0-from"] = _("Give the hours of that day, or choose “Closed”")
        return None if self.errors or day is None else Day(day, self.mode, tuple(sorted(spans)))
