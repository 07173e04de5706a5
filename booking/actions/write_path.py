"""The one write path for holds, bookings and moves:

sorted advisory locks (practitioners, then rooms; old place and new), unless the time is taken → expired holds swept → the same
slot function as the listing → one statement decides → audit, version up → commit. The exclusion constraints stand behind it.
A row that does not come back, or a 23P01 from an UPDATE, means "taken": everything is rolled back and the nearest openings are
offered.
When not to lock: freeing time (cancelling, a no-show) takes nothing from anybody and needs none.
"""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils.translation import gettext as _
from psycopg import errors as pg

from accounts import clock
from audit import rows
from audit.actor import Actor
from booking import calendar
from booking.actions.errors import BookingError, Refused, SlotTaken, Stale
from booking.models import Appointment, Practitioner, Service, WaitlistOffer

P = ParamSpec("P")
R = TypeVar("R")

_LOCK_PRACTITIONER, _LOCK_ROOM, _LOCK_RESPONSE = 7001, 7002, 7003


def retrying(verb: Callable[P, R]) -> Callable[P, R]:
    """Run a verb in one transaction; a deadlock or lock time-out is tried twice more, with jitter, and then said politely.

    So is a row that was read before the locks and found changed when it was written (`rows.Missed`): the verb has read it anew.
    """

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(3):
            try:
                with transaction.atomic():
                    return verb(*args, **kwargs)
            except Refused as refusal:
                raise refusal.why() from refusal
            except rows.Missed:
                if attempt == 2:
                    raise
            except OperationalError as error:
                passing = isinstance(error.__cause__, pg.DeadlockDetected | pg.LockNotAvailable)
                if not passing or connection.in_atomic_block:
                    raise
                if attempt == 2:
                    raise BookingError(_("Many people are booking right now. Try again in a moment.")) from error
                time.sleep(random.uniform(0.02, 0.12) * (attempt + 1))  # noqa: S311
        raise AssertionError("unreachable")

    return run


# `booking_queue` (migration 0009) waits for the locks one after the other and says whether they are ours: a filter that is asked
# once before any row is looked for. Joined, it would be skipped when no hold has expired.
_LOCK = """
WITH queue AS MATERIALIZED (SELECT booking_queue(%s::int[], %s::int[], %s, %s, %s, %s, %s, %s, %s::bigint[]) AS ours),
swept AS (
  DELETE FROM booking_appointment a WHERE (SELECT ours FROM queue) AND a.status = 'held'
    AND a.hold_expires_at <= %s AND a.hold_key <> %s
    AND (a.practitioner_id = ANY(%s::bigint[]) OR a.room_id = ANY(%s::bigint[]))
)
SELECT ours FROM queue
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The time that somebody asks for. `own` is the visit that is to be moved there, which is not in its own way."""

    practitioner: Practitioner
    start: datetime
    service: Service
    own: int = 0

    @property
    def end(self) -> datetime:
        """When a visit would be over."""
        return self.start + timedelta(minutes=self.service.minutes)


def lock_and_sweep(
    practitioners: Iterable[int],
    rooms: Iterable[int] = (),
    *,
    now: datetime,
    keep: str = "",
    responses: Iterable[int] = (),
    wanted: Wanted | None = None,
) -> bool:
    """Take the calendars' locks, always in the same order, until the transaction ends; then delete expired holds on them.

    `responses` are locked as well, so that two presses of Book for one questionnaire wait for each other whatever the time.

    The caller's own hold (`keep`) stays although it expired: if nobody took the time, it still books. A hold that was extended
    while we waited for the locks is looked at again by PostgreSQL before it is deleted, and stays.

    Returns False, with nothing locked, if somebody else has the time that is `wanted`, or holds it, when we come or when it is
    our turn. Who can only be refused does not stand in the queue, nor keep it waiting. The caller must refuse then.
    """
    people, places, papers = sorted(set(practitioners)), sorted(set(rooms)), sorted(set(responses))
    spaces = [_LOCK_PRACTITIONER] * len(people) + [_LOCK_ROOM] * len(places) + [_LOCK_RESPONSE] * len(papers)
    keep = keep or "-"
    asked: list[Any] = [None, now, now, now, keep, 0]
    if wanted is not None:
        asked = [wanted.practitioner.pk, wanted.start, wanted.end, now, keep, wanted.own]
    keys = rows.array(people + places + papers)
    swept = [now, keep, rows.array(people), rows.array(places)]
    ours = rows.fetch(_LOCK, [rows.array(spaces), keys, *asked, rows.array(papers), *swept])
    return bool(ours[0][0])


_ROOMS = "SELECT id FROM booking_room WHERE active AND kind = %s ORDER BY id"


def rooms_of(service: Service) -> list[int]:
    """Every room the service could use; all of them are locked before one is chosen."""
    if not service.room_kind:
        return []
    return [row[0] for row in rows.fetch(_ROOMS, [service.room_kind])]


def taken(service: Service, start: datetime, *, now: datetime, own: int | None = None) -> SlotTaken:
    """The refusal for a lost race or a start that was never offered, with the three closest openings."""
    near = partial(calendar.closest, service, start, now=now)
    if own:  # Their own time counts as free, which holds for nobody else.
        near = partial(calendar.alternatives, service, start, now=now, own=own)
    return SlotTaken(
        _("Someone else just took %(time)s These are the closest:") % {"time": clock.ended(clock.clock_time(start))}, near
    )


def place(appointment: Appointment, service: Service, practitioner: Practitioner, start: datetime, room_id: int | None) -> None:
    """Put an appointment at a time and place, with the wall time that was agreed."""
    zone = clock.clinic_zone()
    appointment.service, appointment.practitioner, appointment.room_id = service, practitioner, room_id
    appointment.starts_at, appointment.ends_at = start, start + timedelta(minutes=service.minutes)
    appointment.local_start, appointment.zone = start.astimezone(zone).strftime("%Y-%m-%dT%H:%M"), zone.key


# The calendar's revision goes up with every change to it; whoever was given a visit last is next behind the others.
_REVISED = "UPDATE booking_practitioner SET calendar_rev = calendar_rev + 1, last_assigned_at = %s WHERE id = %s"
_INSERT = f"""
WITH a AS ({rows.insert_into(Appointment)} ON CONFLICT DO NOTHING RETURNING id, practitioner_id),
p AS (UPDATE booking_practitioner SET calendar_rev = calendar_rev + 1,
  last_assigned_at = coalesce(%s::timestamptz, last_assigned_at) FROM a WHERE booking_practitioner.id = a.practitioner_id)
SELECT id FROM a
"""
_UPDATE, _UPDATE_AND_NOTE = (
    f"""
WITH a AS (UPDATE booking_appointment SET {rows.assignments(Appointment)} WHERE id = %s){noted}
UPDATE booking_practitioner SET calendar_rev = calendar_rev + 1, last_assigned_at =
  CASE WHEN id = %s THEN coalesce(%s::timestamptz, last_assigned_at) ELSE last_assigned_at END WHERE id = ANY(%s::bigint[])
"""
    for noted in (
        "",
        ", f AS (INSERT INTO booking_freedtime (practitioner_id, starts_at, ends_at, freed_at) VALUES (%s, %s, %s, %s))",
    )
)


def insert(appointment: Appointment, *, assigned_at: datetime | None = None) -> bool:
    """Insert the row and raise the calendar's revision in one statement; False if a constraint says the time is taken."""
    made = rows.fetch(_INSERT, [*rows.values_of(appointment), assigned_at])
    if not made:
        return False
    appointment.pk, appointment._state.adding, appointment._state.db = made[0][0], False, "default"
    return True


def put(visit: Appointment, *, assigned_at: datetime, into: rows.Together) -> None:
    """Add the row of a visit, new or held so far, to what is sent with `send`."""
    if visit.pk is None:
        [[visit.pk]] = rows.fetch(f"SELECT {rows.next_key(Appointment)}", [])
        statement = f"{rows.insert_into(Appointment, keyed=True)} ON CONFLICT DO NOTHING RETURNING id"
        into.add(statement, rows.values_of(visit, keyed=True), must="visit")
        into.then(partial(rows.is_stored, visit))
    else:
        into.add(
            f"UPDATE booking_appointment SET {rows.assignments(Appointment)} WHERE id = %s", [*rows.values_of(visit), visit.pk]
        )
    into.add(_REVISED, [assigned_at, visit.practitioner_id])


def send(writes: rows.Together, why: Callable[[], BookingError]) -> None:
    """Write everything that goes with a visit that was `put` there.

    Raises:
        Refused: a constraint says that the time is taken; `why` looks up what to say.
        rows.Missed: another row is not what it was when it was read.
    """
    try:
        writes.send()
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.ExclusionViolation):
            raise Refused(why) from error
        raise
    except rows.Missed as missed:
        if missed.args == ("visit",):
            raise Refused(why) from missed
        raise


Span = tuple[int, datetime, datetime]  # a practitioner's time: whose, from, until


def span_of(appointment: Appointment | WaitlistOffer) -> Span:
    """The time a visit takes up now, or an offer is about, to be passed to `update` as `frees` once it has moved or ended."""
    return appointment.practitioner_id, appointment.starts_at, appointment.ends_at


def update(
    appointment: Appointment, *, bump: Iterable[int] = (), assigned_at: datetime | None = None, frees: Span | None = None
) -> bool:
    """Write the row back, and the revision of the calendars in `bump`, in one statement; False if the time is taken.

    With `frees`, time that is still to come and free from now on is noted for the waiting list, by the same statement.
    """
    noted = [*frees, appointment.changed_at] if frees is not None and frees[2] > appointment.changed_at else []
    place = [appointment.pk, *noted, appointment.practitioner_id, assigned_at, sorted(set(bump))]
    try:
        with transaction.atomic():
            rows.fetch(_UPDATE_AND_NOTE if noted else _UPDATE, [*rows.values_of(appointment), *place])
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.ExclusionViolation):
            return False
        raise
    return True


def locked(appointment: Appointment, version: int | None) -> Appointment:
    """The row as it is now, locked; refused if it is not the version the caller saw."""
    fresh = rows.locked(Appointment.objects.select_related("service", "practitioner", "patient", "room"), pk=appointment.pk)
    if version is not None and fresh.version != version:
        raise stale(fresh)
    return fresh


def stale(visit: Appointment) -> Stale:
    """The refusal for somebody who acts on a visit as it no longer is."""
    when = {"time": clock.ended(clock.clock_time(visit.changed_at))}
    return Stale(_("This visit changed at %(time)s Here is where it is now.") % when)


def side(by: Actor) -> str:
    """Who changes a visit, as its messages tell it."""
    return "clinic" if by.is_staff else "patient"


def save_call(visit: Appointment) -> Appointment:
    """Write what a locked visit is on the call list for. Not a change that anybody is told of."""
    visit.version += 1
    visit.save(update_fields=["needs_call", "call_reason", "version"])
    return visit


def touch(appointment: Appointment, *, by: Actor, now: datetime, tells: bool = False) -> None:
    """Version up; `tells` when time, place, practitioner or cancelled changed, which the calendar file must hear of."""
    appointment.version += 1
    appointment.ics_sequence += 1 if tells else 0
    appointment.changed_by, appointment.changed_at = side(by), now


KEPT = ("status", "practitioner_id", "room_id", "lane", "local_start", "zone", "confirmed_at", "arrived_at", "in_room_at",
         "fulfilled_at", "cancelled_at", "cancelled_by", "cancel_reason", "cancelled_late", "starts_at", "ends_at")  # fmt: skip


GIVE_UP = frozenset({"move", "cancel", "mark_noshow"})  # verbs that leave a visit's time to others


def snapshot(visit: Appointment, verb: str) -> dict[str, Any]:
    """What a one-step undo puts back; of a visit beside others that gives up its time, who they were."""
    values = {name: getattr(visit, name) for name in KEPT}
    kept = {"verb": verb} | {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items()}
    if visit.lane and verb in GIVE_UP:
        kept["beside"] = list(Appointment.objects.beside(visit).values_list("pk", flat=True))
    return kept
