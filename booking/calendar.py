"""Loading the calendar for the slot function, in one statement whatever the range and the number of practitioners."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from heapq import nsmallest
from threading import Lock
from typing import Any

from django.db.models import Sum

from accounts import clock
from audit.rows import columns, fetch, instances
from booking import slots
from booking.models import OCCUPYING, Practitioner, Service
from booking.slots import Busy, Calendar, Hours, Off, Override, Rules, Slot, Start

_EPOCH = date(1970, 1, 1).toordinal()
_FAR = date(9999, 1, 1).toordinal()

_OCCUPYING = ", ".join(f"'{status}'" for status in OCCUPYING)
_MINUTES = "(extract(hour from {0}) * 60 + extract(minute from {0}))::bigint"
_SQL = f"""
WITH p AS MATERIALIZED (
  SELECT p.id, coalesce(extract(epoch from p.last_assigned_at), 0)::bigint AS assigned, p.position::bigint AS position
  FROM booking_practitioner p JOIN booking_service_practitioners sp ON sp.practitioner_id = p.id
  WHERE sp.service_id = %(service)s AND p.active AND (%(who)s::bigint IS NULL OR p.id = %(who)s)
), r AS MATERIALIZED (SELECT id FROM booking_room WHERE active AND kind = %(kind)s ORDER BY id)
SELECT
  (SELECT array_agg(ARRAY[id, assigned, position]) FROM p),
  (SELECT array_agg(id) FROM r),
  (SELECT array_agg(ARRAY[h.practitioner_id, h.weekday::bigint,
      {_MINUTES.format("h.local_start")}, {_MINUTES.format("h.local_end")},
      (h.valid_from - date '1970-01-01')::bigint, coalesce(h.valid_until - date '1970-01-01', {_FAR - _EPOCH})::bigint,
      coalesce(h.room_id, 0)])
    FROM booking_availability h WHERE h.practitioner_id = ANY(ARRAY(SELECT id FROM p))
      AND h.valid_from <= %(until)s AND (h.valid_until IS NULL OR h.valid_until >= %(since)s)
      AND coalesce((SELECT bool_or(hs.service_id = %(service)s) FROM booking_availability_services hs
        WHERE hs.availability_id = h.id), true)),
  (SELECT array_agg(ARRAY[o.practitioner_id, (o.date - date '1970-01-01')::bigint,
      CASE o.mode WHEN 'replace' THEN 0 WHEN 'add' THEN 1 ELSE 2 END::bigint,
      coalesce({_MINUTES.format("o.local_start")}, 0), coalesce({_MINUTES.format("o.local_end")}, 0)])
    FROM booking_availabilityoverride o WHERE o.practitioner_id = ANY(ARRAY(SELECT id FROM p))
      AND o.date BETWEEN %(since)s AND %(until)s),
  (SELECT array_agg(ARRAY[coalesce(t.practitioner_id, 0), floor(extract(epoch from t.starts_at))::bigint,
      ceil(extract(epoch from t.ends_at))::bigint])
    FROM booking_timeoff t WHERE (t.practitioner_id IS NULL OR t.practitioner_id = ANY(ARRAY(SELECT id FROM p)))
      AND t.ends_at > %(from_at)s AND t.starts_at < %(to_at)s),
  (SELECT array_agg(ARRAY[a.practitioner_id, coalesce(a.room_id, 0), extract(epoch from a.starts_at)::bigint,
      extract(epoch from a.ends_at)::bigint, s.setup_minutes::bigint, s.cleanup_minutes::bigint,
      (a.status <> 'held')::int::bigint])
    FROM booking_appointment a JOIN booking_service s ON s.id = a.service_id
    WHERE a.status IN ({_OCCUPYING}) AND a.starts_at >= %(from_at)s - interval '9 hours' AND a.starts_at < %(to_at)s
      AND a.id <> %(own)s AND NOT (a.status = 'held' AND a.hold_expires_at <= %(now)s)
      AND {{busy_of}})
"""
_OF_PEOPLE = "a.practitioner_id = ANY(ARRAY(SELECT id FROM p))"
_SQL_PLAIN = _SQL.format(busy_of=_OF_PEOPLE)
_SQL_ROOMS = _SQL.format(busy_of=f"({_OF_PEOPLE} OR a.room_id = ANY(ARRAY(SELECT id FROM r)))")


def load(
    service: Service, *, since: date, until: date, now: datetime, practitioner: Practitioner | None = None, own: int | None = None
) -> Calendar:
    """The calendar of a service for the local days `since` to `until` (inclusive), in one statement.

    Args:
        practitioner: only this one; default everybody who performs the service.
        own: primary key of the caller's own hold or visit, which counts as free.
    """
    zone = clock.clinic_zone()
    from_at, to_at = clock.day_bounds(since, zone)[0], clock.day_bounds(until, zone)[1]
    params: dict[str, Any] = {
        "service": service.pk,
        "who": practitioner.pk if practitioner else None,
        "kind": service.room_kind,
        "since": since,
        "until": until,
        "from_at": from_at,
        "to_at": to_at,
        "own": own or 0,
        "now": now,
    }
    [(people, rooms, hours, overrides, off, busy)] = fetch(_SQL_ROOMS if service.room_kind else _SQL_PLAIN, params)
    calendar = Calendar(
        people=[tuple(p) for p in people or ()],
        hours=[Hours(h[0], h[1], h[2], h[3] or 1440, h[4] + _EPOCH, h[5] + _EPOCH, h[6]) for h in hours or ()],
        overrides=[Override(o[0], o[1] + _EPOCH, o[2], o[3], o[4] or 1440) for o in overrides or ()],
        off=[Off(*o) for o in off or ()],
        busy=[Busy(*b) for b in busy or ()],
        rooms=(rooms or []) if service.room_kind else None,
    )
    for row in calendar.busy:
        if row.counts:
            key = (row.practitioner_id, datetime.fromtimestamp(row.start, zone).date().toordinal())
            calendar.booked_that_day[key] = calendar.booked_that_day.get(key, 0) + 1
    return calendar


def rules_of(service: Service, *, now: datetime, for_staff: bool = False) -> Rules:
    """The service's rules; notice and horizon bind patients, and only "not in the past" binds staff."""
    base = (service.minutes, service.setup_minutes, service.cleanup_minutes, service.step_minutes)
    if for_staff:
        return Rules(*base, earliest=int(now.timestamp()) - service.minutes * 60)
    earliest = int((now + timedelta(minutes=service.min_notice_minutes)).timestamp())
    return Rules(*base, earliest=earliest, last_day=clock.today(now).toordinal() + service.horizon_days)


def starts(
    service: Service,
    *,
    since: date,
    until: date,
    now: datetime,
    practitioner: Practitioner | None = None,
    own: int | None = None,
    any_physician: bool = True,
    for_staff: bool = False,
) -> list[Start]:
    """Free starts as plain numbers; see `openings`."""
    calendar = load(service, since=since, until=until, now=now, practitioner=practitioner, own=own)
    found = slots.find(
        calendar, rules_of(service, now=now, for_staff=for_staff), since=since, until=until, zone=clock.clinic_zone()
    )
    return slots.any_physician(found, calendar) if any_physician and practitioner is None else found


def free_start(
    service: Service,
    practitioner: Practitioner,
    start: datetime,
    *,
    own: int | None = None,
    for_staff: bool = False,
    now: datetime,
) -> Start | None:
    """The listing's own answer for this start, or None if the listing would not show it. `own` is not in its own way."""
    day, at = clock.local(start).date(), start.timestamp()
    found = starts(service, since=day, until=day, now=now, practitioner=practitioner, own=own, for_staff=for_staff)
    return next((s for s in found if s.at == at), None)


def openings(
    service: Service,
    *,
    since: date,
    until: date,
    now: datetime,
    practitioner: Practitioner | None = None,
    own: int | None = None,
    any_physician: bool = True,
    for_staff: bool = False,
    limit: int | None = None,
) -> list[Slot]:
    """What can be booked on the clinic-local days `since` to `until` (inclusive), soonest first.

    Args:
        practitioner: only this one; else everybody who performs the service.
        own: primary key of the caller's own hold or visit; its time counts as free.
        any_physician: one slot per time with the fair choice of practitioner, instead of one per practitioner.
        for_staff: not bound by notice and horizon.
        limit: at most so many.
    """
    found = starts(
        service, since=since, until=until, now=now, practitioner=practitioner, own=own,
        any_physician=any_physician, for_staff=for_staff,
    )  # fmt: skip
    return [slots.as_slot(s, service.minutes) for s in found[:limit]]


def soonest(
    service: Service,
    *,
    now: datetime,
    days: int = 14,
    limit: int = 3,
    practitioner: Practitioner | None = None,
    own: int | None = None,
) -> list[Slot]:
    """The next openings within `days` days."""
    today = clock.today(now)
    return openings(
        service,
        since=today,
        until=today + timedelta(days=days),
        now=now,
        limit=limit,
        practitioner=practitioner,
        own=own,
    )


def alternatives(service: Service, start: datetime, *, now: datetime, own: int | None = None) -> list[Slot]:
    """The three openings closest to a time that was just taken, in order of time."""
    day = clock.local(start).date()
    since = max(day - timedelta(days=3), clock.today(now))
    found = starts(service, since=since, until=since + timedelta(days=14), now=now, own=own)
    at = start.timestamp()
    near = nsmallest(3, found, key=lambda other: abs(other.at - at))
    return [slots.as_slot(s, service.minutes) for s in sorted(near)]


# What `alternatives` found for everybody who lost the same time, by what it depends on.
_CLOSEST: dict[tuple[Any, ...], list[Slot]] = {}
_ONE_LOOKS = Lock()
_PATIENCE = 2.0  # seconds; then everybody looks for themselves
_STATE = """
SELECT (SELECT coalesce(sum(calendar_rev), 0)::bigint FROM booking_practitioner),
  ARRAY(SELECT p.id FROM booking_practitioner p JOIN booking_service_practitioners sp ON sp.practitioner_id = p.id
    WHERE sp.service_id = %s AND p.active ORDER BY p.id),
  ARRAY(SELECT id FROM booking_room WHERE active AND kind = %s ORDER BY id)
"""


def closest(service: Service, start: datetime, *, now: datetime) -> list[Slot]:
    """`alternatives` for somebody who holds nothing, looked up once a minute for as long as no calendar changes.

    Fifty people who lose one time are told the same three, and one of them pays. The revision is read anew for each, so
    nobody is offered what was taken before they asked.
    """
    [(revision, people, rooms)] = fetch(_STATE, [service.pk, service.room_kind])
    rules = (service.minutes, service.setup_minutes, service.cleanup_minutes, service.step_minutes, service.horizon_days)
    minute = int((now + timedelta(minutes=service.min_notice_minutes)).timestamp()) // 60
    key = (service.pk, start, minute, rules, revision, tuple(people), tuple(rooms))
    if (known := _CLOSEST.get(key)) is not None:
        return known
    mine = _ONE_LOOKS.acquire(timeout=_PATIENCE)
    try:
        known = _CLOSEST.get(key)
        if known is None:
            known = alternatives(service, start, now=now)
            if len(_CLOSEST) > 64:
                _CLOSEST.clear()
            _CLOSEST[key] = known
    finally:
        if mine:
            _ONE_LOOKS.release()
    return known


def forget() -> None:
    """Look everything up anew (tests)."""
    _CLOSEST.clear()


def people(service: Service) -> list[Practitioner]:
    """Who performs the service, in the clinic's order."""
    return list(service.practitioners.filter(active=True))


_NAMED = f"SELECT {columns(Practitioner, 'p')} FROM booking_practitioner p WHERE p.id = ANY(%s::bigint[]) ORDER BY position, name"


def named(ids: Iterable[int]) -> list[Practitioner]:
    """Practitioners by primary key, in the clinic's order."""
    return [instances(row, Practitioner)[0] for row in fetch(_NAMED, [sorted(set(ids))])]


def revision() -> int:
    """A number that rises whenever any calendar changes; cache keys hang on it."""
    return Practitioner.objects.aggregate(rev=Sum("calendar_rev"))["rev"] or 0
