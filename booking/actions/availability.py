"""Weekly hours and the dates that differ from them.

Hours are effective-dated: a change holds from a day on, and what held before stays as it was. Booked visits are never moved
by a change of hours; screens mark those that it leaves outside.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts import clock
from audit.actions import record
from audit.actor import Actor
from booking import hours
from booking.actions.errors import NotAllowed, Stale
from booking.actions.write_path import lock_and_sweep, retrying
from booking.hours import Day, Interval
from booking.models import Availability, AvailabilityOverride, Practitioner

DAY = timedelta(days=1)


def _check(spans: Iterable[tuple[int, int, int]]) -> None:
    """Refuse hours that end before they start, or overlap: (weekday, start, end)."""
    found = sorted(spans)
    if any(not 0 <= start < end <= 1440 for _weekday, start, end in found):
        raise NotAllowed(_("Hours must end after they start."))
    if any(one[0] == two[0] and two[1] < one[2] for one, two in pairwise(found)):
        raise NotAllowed(_("Hours of one day must not overlap."))


@retrying
def set_week(
    practitioner: Practitioner, week: Sequence[Interval], *, valid_from: date, seen: str = "", by: Actor, now: datetime
) -> None:
    """Make this the practitioner's week from a day on, until the next version begins.

    What held before ends the day before; a version that begins on the same day is replaced. An empty week is "not working".

    Args:
        seen: the mark of the hours that the form was made from (`hours.mark_of`); empty does not ask.

    Raises:
        Stale: somebody else changed the hours meanwhile.
        NotAllowed: hours that overlap or end before they start, or no hours where there are none already.
    """
    _check((i.weekday, i.start, i.end) for i in week)
    lock_and_sweep([practitioner.pk], now=now)
    if seen and seen != hours.mark_of(practitioner):
        raise Stale(_("Somebody changed these hours meanwhile."))
    if not week and not hours.week_on(practitioner, valid_from):
        raise NotAllowed(_("“Not working” holds on that day already: nothing would change."))
    until = hours.until_of(practitioner, valid_from)
    _end_before(practitioner, valid_from)
    _add_week(practitioner, week, valid_from, until)
    Practitioner.objects.calendar_changed(practitioner.pk)
    detail = {"from": valid_from.isoformat(), "hours": [f"{i.weekday} {i.start}-{i.end}" for i in sorted(week)]}
    record("booking.set_week", by=by, now=now, obj=practitioner, detail=detail)


@retrying
def drop_week(practitioner: Practitioner, *, valid_from: date, seen: str = "", by: Actor, now: datetime) -> None:
    """Take back a version that has not begun: what held before goes on.

    Raises:
        Stale: somebody else changed the hours since the page was made (`seen`, as in `set_week`).
        NotAllowed: there is no such version, or it has begun already.
    """
    lock_and_sweep([practitioner.pk], now=now)
    if seen and seen != hours.mark_of(practitioner):
        raise Stale(_("Somebody changed these hours meanwhile."))
    if valid_from <= clock.today(now) or valid_from not in hours.versions(practitioner):
        raise NotAllowed(_("These hours hold already. Make others that begin later instead."))
    until = hours.until_of(practitioner, valid_from)
    practitioner.availability.filter(valid_from=valid_from).delete()
    practitioner.availability.filter(valid_until=valid_from - DAY).update(valid_until=until)
    Practitioner.objects.calendar_changed(practitioner.pk)
    record("booking.drop_week", by=by, now=now, obj=practitioner, detail={"from": valid_from.isoformat()})


def _end_before(practitioner: Practitioner, valid_from: date) -> None:
    practitioner.availability.filter(valid_from=valid_from).delete()
    running = Q(valid_until=None) | Q(valid_until__gte=valid_from)
    practitioner.availability.filter(running, valid_from__lt=valid_from).update(valid_until=valid_from - DAY)


def _add_week(practitioner: Practitioner, week: Sequence[Interval], valid_from: date, until: date | None) -> None:
    rows = Availability.objects.bulk_create(
        Availability(
            practitioner=practitioner, weekday=i.weekday, local_start=hours.wall_of(i.start), local_end=hours.wall_of(i.end),
            valid_from=valid_from, valid_until=until, room_id=i.room or None,
        )
        for i in week
    )  # fmt: skip
    link = Availability.services.through
    link.objects.bulk_create(
        link(availability_id=row.pk, service_id=service) for row, i in zip(rows, week, strict=True) for service in i.services
    )


def _as_seen(practitioner: Practitioner, day: date, seen: str) -> None:
    """Refuse if a date was set since the page was made that had this mark (`hours.dates_mark_of`); empty does not ask."""
    if seen.isascii() and seen.isdigit() and practitioner.overrides.filter(date=day, pk__gt=int(seen[:18])).exists():
        raise Stale(_("Somebody gave this date other hours meanwhile."))


@retrying
def set_day(practitioner: Practitioner, day: Day, *, seen: str = "", by: Actor, now: datetime) -> None:
    """Other hours on one date, in place of whatever differed there before.

    Raises:
        Stale: somebody else set the date since the page was made (`seen`: `hours.dates_mark_of`).
        NotAllowed: no hours given, or hours that overlap or end before they start.
    """
    if day.mode != "closed" and not day.spans:
        raise NotAllowed(_("Give the hours of that day, or choose “Closed”."))
    _check((0, start, end) for start, end in day.spans)
    lock_and_sweep([practitioner.pk], now=now)
    _as_seen(practitioner, day.date, seen)
    practitioner.overrides.filter(date=day.date).delete()
    spans = [None] if day.mode == "closed" else list(day.spans)
    AvailabilityOverride.objects.bulk_create(
        AvailabilityOverride(
            practitioner=practitioner, date=day.date, mode=day.mode,
            local_start=hours.wall_of(span[0]) if span else None, local_end=hours.wall_of(span[1]) if span else None,
        )
        for span in spans
    )  # fmt: skip
    Practitioner.objects.calendar_changed(practitioner.pk)
    record("booking.set_day", by=by, now=now, obj=practitioner, detail={"date": day.date.isoformat(), "mode": day.mode})


@retrying
def clear_day(practitioner: Practitioner, day: date, *, seen: str = "", by: Actor, now: datetime) -> None:
    """The weekly hours hold on that date again. `seen`, and what is raised, as for `set_day`."""
    lock_and_sweep([practitioner.pk], now=now)
    _as_seen(practitioner, day, seen)
    if practitioner.overrides.filter(date=day).delete()[0]:
        Practitioner.objects.calendar_changed(practitioner.pk)
        record("booking.clear_day", by=by, now=now, obj=practitioner, detail={"date": day.isoformat()})
