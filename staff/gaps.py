"""The hours of a day on the board: lunch, time off, openings, and visits that lie outside."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject
from django.utils.translation import gettext as _

from accounts import clock
from booking import slots
from booking.hours import MODES, wall_of
from booking.models import COMING, OCCUPYING, Availability, AvailabilityOverride, Practitioner, TimeOff
from booking.picker import value_of
from staff.lines import Column, Entry, board_time

DAY = 24 * 60
Spans = dict[tuple[int, int], list[tuple[int, int]]]  # (physician, service) → when it may be


def with_hours(first: date, last: date) -> QuerySet[Practitioner]:
    """Everybody active, with the weekly hours, exceptions and time off of these days (inclusive), in one statement."""
    zone = clock.clinic_zone()
    since, until = clock.day_bounds(first, zone)[0], clock.day_bounds(last, zone)[1]
    weekdays = {(first + timedelta(days=n)).weekday() for n in range((last - first).days + 1)}
    mine, everybodys = {"practitioner": OuterRef("pk")}, Q(practitioner=OuterRef("pk")) | Q(practitioner=None)
    hours = Availability.objects.filter(**mine, weekday__in=weekdays, valid_from__lte=last)
    hours = hours.filter(Q(valid_until=None) | Q(valid_until__gte=first))
    only = Availability.services.through.objects.filter(availability=OuterRef("pk")).values("service_id")
    hour = {"start": "local_start", "end": "local_end", "room": "room_id", "weekday": "weekday", "since": "valid_from"}
    overrides = AvailabilityOverride.objects.filter(**mine, date__range=(first, last))
    off = TimeOff.objects.filter(everybodys, ends_at__gt=since, starts_at__lt=until)
    return (
        Practitioner.objects.filter(active=True)
        .defer("approach", "languages", "role_text")
        .annotate(
            hours_json=ArraySubquery(hours.values(j=JSONObject(**hour, until="valid_until", only=ArraySubquery(only)))),
            overrides_json=ArraySubquery(
                overrides.values(j=JSONObject(mode="mode", start="local_start", end="local_end", date="date"))
            ),
            off_json=ArraySubquery(off.values(j=JSONObject(start="starts_at", end="ends_at"))),
        )
    )


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")[:2]
    return int(hours) * 60 + int(minutes)


def hours_of(people: list[Any], day: date, service_id: int | None = None) -> list[slots.Hours]:
    """Everybody's weekly hours on that day; with a service, only those in which it can start."""
    ordinal = day.toordinal()
    return [
        slots.Hours(p.pk, day.weekday(), _minutes(h["start"]), _minutes(h["end"]) or DAY, ordinal, ordinal, h["room"] or 0)
        for p in people
        for h in p.hours_json
        if service_id is None or not h["only"] or service_id in h["only"]
    ]


def calendar_of(people: list[Any], visits: list[Any], day: date) -> slots.Calendar:
    """The day in the slot function's terms."""
    ordinal = day.toordinal()
    return slots.Calendar(
        people=[(person.pk, 0, person.position) for person in people],
        hours=hours_of(people, day),
        overrides=[
            slots.Override(p.pk, ordinal, MODES[o["mode"]], _minutes(o["start"] or "0:0"), _minutes(o["end"] or "0:0") or DAY)
            for p in people
            for o in p.overrides_json
        ],
        off=[
            slots.Off(p.pk, int(_utc(o["start"]).timestamp()), int(_utc(o["end"]).timestamp()))
            for p in people
            for o in p.off_json
        ],
        busy=[
            slots.Busy(
                v.practitioner_id,
                v.room_id or 0,
                int(v.starts_at.timestamp()),
                int(v.ends_at.timestamp()),
                v.service.setup_minutes,
                v.service.cleanup_minutes,
                0,
            )
            for v in visits
            if v.status in OCCUPYING
        ],
    )


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def add_hours(column: Column, person: Any, day: date) -> None:
    """Lunch, time off, and the column's note ("out at 3:30", "not in")."""
    zone = clock.clinic_zone()
    walls = [(_minutes(h["start"]), _minutes(h["end"]) or DAY) for h in person.hours_json]
    if any(o["mode"] != "add" for o in person.overrides_json):
        walls = []
    walls += [(_minutes(o["start"]), _minutes(o["end"]) or DAY) for o in person.overrides_json if o["mode"] != "closed"]
    spans = slots.merge(walls)
    column.working = bool(spans)
    if not spans:
        column.note = _("not in")
        return
    column.spans = [
        (clock.instant(day, wall_of(a), zone), clock.instant(day + timedelta(b == DAY), wall_of(b), zone)) for a, b in spans
    ]
    for before, after in pairwise(spans):
        at = clock.instant(day, wall_of(before[1]), zone)
        word = _("Lunch") if before[1] <= 13 * 60 and after[0] >= 12 * 60 else _("Closed")
        end = clock.instant(day, wall_of(after[0]), zone)
        column.entries.append(
            Entry("off", at, board_time(at), text=_("%(what)s until %(time)s") % {"what": word, "time": board_time(end)}, end=end)
        )
    opens, closes = column.spans[0][0], column.spans[-1][1]
    for off in person.off_json:
        start, end = _utc(off["start"]), _utc(off["end"])
        if start <= opens and end >= closes:  # nothing is left of the day: no lunch, no midnight
            column.note, column.working = _("not in"), False
            column.entries = [
                Entry("off", opens, "", text=_("%(name)s is out all day") % {"name": person.short_name}, end=closes)
            ]
            return
        start, end = max(start, opens), min(end, closes)
        if start >= end:
            continue
        until_text = _("out until %(time)s") % {"time": board_time(end)} if end < closes else _("out")
        column.entries.append(Entry("off", start, board_time(start), text=f"{person.short_name} {until_text}", end=end))
        if end >= closes:
            column.note = _("out at %(time)s") % {"time": board_time(start)}


def starts_of(
    people: list[Any], services: list[Any], calendar: slots.Calendar, day: date, now: datetime
) -> dict[int, list[slots.Start]]:
    """Where on that day something can start from now on, by service."""
    found = {}
    for service in services:
        rules = slots.Rules(
            service.minutes, service.setup_minutes, service.cleanup_minutes, service.step_minutes, earliest=int(now.timestamp())
        )
        one = slots.Calendar(
            [p for p in calendar.people if p[0] in service.people_ids],
            hours_of(people, day, service.pk),
            calendar.overrides,
            calendar.off,
            calendar.busy,
            rooms=service.room_ids if service.room_kind else None,
        )
        found[service.pk] = slots.find(one, rules, since=day, until=day, zone=clock.clinic_zone())
    return found


def gaps(columns: dict[int, Column], services: list[Any], starts: dict[int, list[slots.Start]]) -> list[tuple[Column, Entry]]:
    """Openings: the stretches in which something can start, the shortest service first; a longer one adds only what is left."""
    found: list[tuple[Column, Entry]] = []
    covered: dict[int, list[tuple[int, int, Entry]]] = {}
    for service in services:  # shortest first
        for start in starts[service.pk]:
            mine = covered.setdefault(start.practitioner_id, [])
            end = start.at + service.minutes * 60
            n = next((n for n, (a, b, _entry) in enumerate(mine) if a <= start.at <= b), None)
            if n is None:
                at = datetime.fromtimestamp(start.at, UTC)
                column = columns[start.practitioner_id]
                entry = Entry("open", at, board_time(at), value=value_of(at, column.practitioner))
                found.append((column, entry))
                mine.append((start.at, end, entry))
            else:
                entry = mine[n][2]
                end = max(end, mine[n][1])
                mine[n] = (mine[n][0], end, entry)
            entry.end = datetime.fromtimestamp(end, UTC)
    for _column, entry in found:
        entry.text = board_time(entry.end or entry.at)
    return found


def mark(trouble: str) -> tuple[str, str, str]:
    """The badge of a visit that could not be booked as it stands (`hours.trouble_of`)."""
    return ("warn", "sun", _("In time off")) if trouble == "off" else ("warn", "clock", _("Outside hours"))


def outside(visit: Any, calendar: slots.Calendar, people: list[Any], day: date, known: Spans) -> tuple[str, str, str] | None:
    """The badge of a coming visit that lies in time off or outside hours: it was kept when they changed.

    Args:
        known: what was worked out for other visits of the day; filled here.
    """
    if visit.status not in COMING:
        return None
    who, start, end = visit.practitioner_id, visit.starts_at.timestamp(), visit.ends_at.timestamp()
    if any(o.practitioner_id in (0, who) and o.start < end and start < o.end for o in calendar.off):
        return mark("off")
    key = (who, visit.service_id)
    if key not in known:
        one = slots.Calendar(calendar.people, hours_of(people, day, visit.service_id), calendar.overrides)
        known[key] = slots.open_spans(one, who, day, zone=clock.clinic_zone())
    return None if any(a <= start and end <= b for a, b in known[key]) else mark("hours")
