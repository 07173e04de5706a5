"""Hours as people edit them: a week and the dates that differ from it, and which visits a change leaves outside.

Hours are minutes after midnight on the clinic's wall clock; 1440 is the end of the day. Nothing here changes anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from django.db.models import Count, Max, Q

from accounts import clock
from booking import slots
from booking.models import (
    COMING,
    Appointment,
    AppointmentQuerySet,
    Availability,
    AvailabilityOverride,
    Practitioner,
    TimeOff,
)
from booking.slots import Calendar, Hours, Override

_FAR = date(9999, 1, 1).toordinal()
MODES = {"replace": 0, "add": 1, "closed": 2}


class Interval(NamedTuple):
    """From when to when on a weekday (0 is Monday), in which room (0: any) and for which services (none named: all)."""

    weekday: int
    start: int
    end: int
    room: int = 0
    services: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Day:
    """What differs on one date: other hours instead, more hours as well, or closed."""

    date: date
    mode: str
    spans: tuple[tuple[int, int], ...] = ()


def minutes_of(wall: time | None, *, end: bool = False) -> int:
    """A wall time as minutes; midnight as an end is 1440."""
    minutes = wall.hour * 60 + wall.minute if wall else 0
    return 1440 if end and not minutes else minutes


def wall_of(minutes: int) -> time:
    """Minutes as a wall time; 1440 is 00:00."""
    return time(minutes // 60 % 24, minutes % 60)


def short_time(minutes: int) -> str:
    """ "1:30" for 810: the short time of the desk, where the day makes a.m. and p.m. plain."""
    return f"{minutes // 60 % 12 or 12}:{minutes % 60:02d}"


def in_force(day: date) -> Q:
    """Weekly hours that hold on a day."""
    return Q(valid_from__lte=day) & (Q(valid_until=None) | Q(valid_until__gte=day))


def _intervals(rows: Iterable[Availability]) -> list[Interval]:
    return sorted(
        Interval(
            r.weekday,
            minutes_of(r.local_start),
            minutes_of(r.local_end, end=True),
            r.room_id or 0,
            frozenset(s.pk for s in r.services.all()),
        )
        for r in rows
    )


def week_on(practitioner: Practitioner, day: date) -> list[Interval]:
    """The weekly hours in force on a day, in order."""
    return _intervals(practitioner.availability.filter(in_force(day)).prefetch_related("services"))


def weeks_on(people: Iterable[Practitioner], day: date) -> dict[int, list[Interval]]:
    """The weekly hours of several people that are in force on a day, by primary key."""
    rows: dict[int, list[Availability]] = {who.pk: [] for who in people}
    for row in Availability.objects.filter(in_force(day), practitioner__in=list(rows)).prefetch_related("services"):
        rows[row.practitioner_id].append(row)
    return {pk: _intervals(mine) for pk, mine in rows.items()}


def versions(practitioner: Practitioner) -> list[date]:
    """The days from which weekly hours hold, in order; where some end and none begin, from then on nobody works."""
    spans = set(practitioner.availability.values_list("valid_from", "valid_until"))
    return sorted({since for since, _until in spans} | {until + timedelta(days=1) for _since, until in spans if until})


def mark_of(practitioner: Practitioner) -> str:
    """Changes with every change of somebody's weekly hours; a form carries the one it was made from."""
    rows = practitioner.availability.aggregate(
        last=Max("pk"), rows=Count("pk"), ended=Max("valid_until"), ends=Count("valid_until")
    )
    return "{last}.{rows}.{ended}.{ends}".format(**rows)


def dates_mark_of(practitioner: Practitioner) -> str:
    """What a form about dates that differ was made from: a date set since then has rows that are newer."""
    return str(practitioner.overrides.aggregate(last=Max("pk"))["last"] or 0)


def different_days(practitioner: Practitioner, *, since: date) -> list[Day]:
    """The dates from `since` on that differ from the week, in order."""
    found: dict[date, list[AvailabilityOverride]] = {}
    for row in practitioner.overrides.filter(date__gte=since).order_by("date", "local_start", "pk"):
        found.setdefault(row.date, []).append(row)
    return [Day(day, rows[0].mode, tuple(_span(r) for r in rows if r.mode != "closed")) for day, rows in found.items()]


def _span(row: AvailabilityOverride) -> tuple[int, int]:
    return minutes_of(row.local_start), minutes_of(row.local_end, end=True)


def as_hours(practitioner: Practitioner, week: Iterable[Interval], service_id: int | None = None) -> list[Hours]:
    """A week for the slot function; with a service, only the hours in which it can start."""
    return [
        Hours(practitioner.pk, i.weekday, i.start, i.end, 0, _FAR, i.room)
        for i in week
        if service_id is None or not i.services or service_id in i.services
    ]


def as_overrides(practitioner: Practitioner, days: Iterable[Day]) -> list[Override]:
    """Dates that differ, for the slot function."""
    return [
        Override(practitioner.pk, day.date.toordinal(), MODES[day.mode], start, end)
        for day in days
        for start, end in (day.spans or ((0, 1440),))
    ]


def works(calendar: Calendar, person: int, since: datetime, until: datetime) -> bool:
    """True if a span of time lies within somebody's hours of the day it begins on."""
    zone = clock.clinic_zone()
    spans = slots.open_spans(calendar, person, since.astimezone(zone).date(), zone=zone)
    return any(start <= since.timestamp() and until.timestamp() <= end for start, end in spans)


def coming(visits: AppointmentQuerySet, *, now: datetime) -> AppointmentQuerySet:
    """Booked visits that have not started, with what a list of them shows."""
    found = visits.filter(status__in=COMING, starts_at__gt=now)
    return found.select_related("patient", "service", "practitioner").order_by("starts_at", "pk")


def left_outside(
    visits: AppointmentQuerySet,
    practitioner: Practitioner,
    *,
    since: date,
    until: date | None,
    week: Sequence[Interval] | None = None,
    days: Sequence[Day] | None = None,
    now: datetime,
) -> list[Appointment]:
    """The coming visits that are within hours now and would not be if `week` or `days` held from `since` to `until`.

    Args:
        visits: those the reader may see.
        week: other weekly hours; None leaves them as they are.
        days: every date that would differ, instead of those that differ now; None leaves them.
        until: the last day it is about; None for ever.
    """
    zone = clock.clinic_zone()
    found = coming(visits, now=now).filter(practitioner=practitioner, starts_at__gte=clock.day_bounds(since, zone)[0])
    if until is not None:
        found = found.filter(starts_at__lt=clock.day_bounds(until, zone)[1])
    rows = list(practitioner.availability.prefetch_related("services"))
    here = different_days(practitioner, since=since)
    people = [(practitioner.pk, 0, 0)]
    outside = []
    for visit in found:
        day, service = clock.local(visit.starts_at).date(), visit.service_id
        today = [r for r in rows if r.valid_from <= day and (r.valid_until is None or r.valid_until >= day)]
        was = _intervals(today)
        before = Calendar(people, as_hours(practitioner, was, service), as_overrides(practitioner, here))
        after = Calendar(
            people,
            as_hours(practitioner, was if week is None else week, service),
            as_overrides(practitioner, here if days is None else days),
        )
        span = (practitioner.pk, visit.starts_at, visit.ends_at)
        if works(before, *span) and not works(after, *span):
            outside.append(visit)
    return outside


def within(
    visits: AppointmentQuerySet, practitioner: Practitioner | None, starts_at: datetime, ends_at: datetime, *, now: datetime
) -> list[Appointment]:
    """The coming visits that overlap a span of time off, of one practitioner or of the whole clinic."""
    found = coming(visits, now=now).filter(starts_at__lt=ends_at, ends_at__gt=starts_at)
    return list(found.filter(practitioner=practitioner) if practitioner else found)


def trouble_of(visit: Appointment) -> str:
    """Why a coming visit could not be booked as it stands: "off" (in time off), "hours" (outside hours), or "" for neither."""
    if visit.status not in COMING:
        return ""
    who = visit.practitioner
    mine = Q(practitioner=who) | Q(practitioner=None)
    if TimeOff.objects.filter(mine, starts_at__lt=visit.ends_at, ends_at__gt=visit.starts_at).exists():
        return "off"
    day = clock.local(visit.starts_at).date()
    days = [d for d in different_days(who, since=day) if d.date == day]
    plan = Calendar([(who.pk, 0, 0)], as_hours(who, week_on(who, day), visit.service_id), as_overrides(who, days))
    return "" if works(plan, who.pk, visit.starts_at, visit.ends_at) else "hours"


def until_of(practitioner: Practitioner, valid_from: date) -> date | None:
    """The last day on which hours from `valid_from` on would hold: the day before the next version, or None."""
    later = [day for day in versions(practitioner) if day > valid_from]
    return later[0] - timedelta(days=1) if later else None


def next_away(people: Iterable[Practitioner], *, now: datetime) -> dict[int, TimeOff]:
    """The first time off that is not over, of each who has any, closures of the clinic included."""
    found: dict[int, TimeOff] = {}
    keys = [who.pk for who in people]
    for off in TimeOff.objects.filter(Q(practitioner__in=keys) | Q(practitioner=None), ends_at__gt=now).order_by("starts_at"):
        for pk in [off.practitioner_id] if off.practitioner_id else keys:
            found.setdefault(pk, off)
    return found


def away(practitioner: Practitioner, *, now: datetime) -> list[TimeOff]:
    """Somebody's time off that is not over, closures of the clinic included."""
    mine = Q(practitioner=practitioner) | Q(practitioner=None)
    return list(TimeOff.objects.filter(mine, ends_at__gt=now).order_by("starts_at"))
