"""Everything that changes a calendar. One write path for holds, bookings and moves:

sorted advisory locks (practitioners, then rooms; old place and new) → expired holds swept → the same slot function as the
listing → one statement decides → audit, version up → commit. The exclusion constraints stand behind it. A row that does not
come back, or a 23P01 from an UPDATE, means "taken": everything is rolled back and the nearest openings are offered.
When not to lock: freeing time (cancelling, a no-show) takes nothing from anybody and needs none.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cached_property, partial, wraps
from typing import Any, ParamSpec, TypeVar

from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from psycopg import errors as pg

from accounts import clock, limits
from accounts.links import new_link
from accounts.models import Clinic, User
from audit.actions import event, record
from audit.actor import Actor
from booking import calendar, slots
from booking.links import PURPOSE
from booking.models import OPEN, Appointment, LinkRequest, Practitioner, Room, Service, Status
from booking.slots import Slot
from booking.words import ended
from intake.actions import attach_patient, complete, start_draft
from intake.followup import bring_facts
from intake.models import QuestionnaireResponse
from intake.prefill import offer_last_answers
from patients.actions import Contact, identify, update_contact
from patients.models import Patient

P = ParamSpec("P")
R = TypeVar("R")

HOLD_EXTENSION = timedelta(minutes=15)
HOLD_EXTENSIONS = 2
HOLDS_PER_ADDRESS = 3  # new holds an hour
HOLD_SHARE = 0.05  # of the visits that fit into a week; above it booking goes on without holds
UNDO_BY_PATIENT = timedelta(minutes=3)
_LOCK_PRACTITIONER, _LOCK_ROOM, _LOCK_RESPONSE = 7001, 7002, 7003

# What may follow what: verb → (statuses it may start from, status it leads to, field that takes the time).
TRANSITIONS: dict[str, tuple[frozenset[str], str, str]] = {
    "confirm": (frozenset({Status.BOOKED}), Status.CONFIRMED, "confirmed_at"),
    "arrive": (frozenset({Status.BOOKED, Status.CONFIRMED}), Status.ARRIVED, "arrived_at"),
    "to_room": (frozenset({Status.BOOKED, Status.CONFIRMED, Status.ARRIVED}), Status.IN_ROOM, "in_room_at"),
    "fulfil": (frozenset({Status.ARRIVED, Status.IN_ROOM}), Status.FULFILLED, "fulfilled_at"),
    "mark_noshow": (frozenset({Status.BOOKED, Status.CONFIRMED}), Status.NOSHOW, ""),
    "cancel": (frozenset({Status.BOOKED, Status.CONFIRMED}), Status.CANCELLED, "cancelled_at"),
}


class BookingError(Exception):
    """A refusal whose text may be shown."""


class SlotTaken(BookingError):
    """The time is no longer free; `alternatives` are the closest that are.

    They are looked up when first asked for, which is after the refused transaction has ended: nobody waits for a lock while
    somebody else's alternatives are worked out.
    """

    def __init__(self, text: str, near: Callable[[], list[Slot]]) -> None:
        super().__init__(text)
        self._near = near

    @cached_property
    def alternatives(self) -> list[Slot]:
        """At most three openings, in order of time."""
        return self._near()


class TooLate(BookingError):
    """Past the policy's cut-off: the patient has to call."""


class HoldEnded(BookingError):
    """The hold cannot be extended any more, or is gone."""


class Stale(BookingError):
    """Somebody else changed the visit meanwhile."""


class NotAllowed(BookingError):
    """The visit is not in a state in which this can happen."""


class Warned(BookingError):
    """Staff may do this, but should know something first; repeat with `overbook=True`."""


# --- The write path ---------------------------------------------------------------------------------------------------


def _retrying(verb: Callable[P, R]) -> Callable[P, R]:
    """Run a verb in one transaction; a deadlock or lock time-out is tried twice more, with jitter, and then said politely."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(3):
            try:
                with transaction.atomic():
                    return verb(*args, **kwargs)
            except OperationalError as error:
                passing = isinstance(error.__cause__, pg.DeadlockDetected | pg.LockNotAvailable)
                if not passing or connection.in_atomic_block:
                    raise
                if attempt == 2:
                    raise BookingError(_("Many people are booking right now. Try again in a moment.")) from error
                time.sleep(random.uniform(0.02, 0.12) * (attempt + 1))  # noqa: S311
        raise AssertionError("unreachable")

    return run


def _lock_and_sweep(
    practitioners: Iterable[int], rooms: Iterable[int] = (), *, now: datetime, keep: str = "", responses: Iterable[int] = ()
) -> None:
    """Take the calendars' locks, always in the same order, until the transaction ends; then delete expired holds on them.

    `responses` are locked as well, so that two presses of Book for one questionnaire wait for each other whatever the time.

    The caller's own hold (`keep`) stays although it expired: if nobody took the time, it still books. A hold that was extended
    while we waited for the locks is looked at again by PostgreSQL before it is deleted, and stays.
    """
    people, places, papers = sorted(set(practitioners)), sorted(set(rooms)), sorted(set(responses))
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(k.space, k.id) FROM "
            "unnest(%s::int[], %s::int[]) WITH ORDINALITY AS k(space, id, n) ORDER BY n) "
            # As a filter that is asked once before any row is looked for: joined, it would be skipped when no hold has expired.
            "DELETE FROM booking_appointment a WHERE (SELECT count(*) FROM locked) > 0 AND a.status = 'held' "
            "AND a.hold_expires_at <= %s AND a.hold_key <> %s AND (a.practitioner_id = ANY(%s) OR a.room_id = ANY(%s))",
            [
                [_LOCK_PRACTITIONER] * len(people) + [_LOCK_ROOM] * len(places) + [_LOCK_RESPONSE] * len(papers),
                people + places + papers, now, keep or "-", people, places,
            ],
        )  # fmt: skip


def _rooms_of(service: Service) -> list[int]:
    """Every room the service could use; all of them are locked before one is chosen."""
    if not service.room_kind:
        return []
    return list(Room.objects.filter(active=True, kind=service.room_kind).order_by("pk").values_list("pk", flat=True))


def _free_start(
    service: Service, practitioner: Practitioner, start: datetime, *, own: int | None, for_staff: bool, now: datetime
) -> slots.Start | None:
    """The listing's own answer for this start, or None if the listing would not show it."""
    day = clock.local(start).date()
    found = calendar.starts(service, since=day, until=day, now=now, practitioner=practitioner, own_hold=own, for_staff=for_staff)
    at = start.timestamp()
    return next((s for s in found if s.at == at), None)


def _taken(
    service: Service, practitioner: Practitioner | None, start: datetime, *, now: datetime, own: int | None = None
) -> SlotTaken:
    """The refusal for a lost race or a start that was never offered, with the three closest openings."""
    near = partial(calendar.alternatives, service, start, now=now, own_hold=own)
    return SlotTaken(_("Someone else just took %(time)s These are the closest:") % {"time": ended(clock.clock_time(start))}, near)


def _place(appointment: Appointment, service: Service, practitioner: Practitioner, start: datetime, room_id: int | None) -> None:
    """Put an appointment at a time and place, with the wall time that was agreed."""
    zone = clock.clinic_zone()
    appointment.service, appointment.practitioner, appointment.room_id = service, practitioner, room_id
    appointment.starts_at, appointment.ends_at = start, start + timedelta(minutes=service.minutes)
    appointment.local_start, appointment.zone = start.astimezone(zone).strftime("%Y-%m-%dT%H:%M"), zone.key


def _columns(appointment: Appointment) -> dict[str, Any]:
    """Column → value of every column but the key, ready for the database."""
    return {
        f.column: f.get_db_prep_save(getattr(appointment, f.attname), connection)
        for f in Appointment._meta.concrete_fields
        if not f.primary_key
    }


def _insert(appointment: Appointment, *, assigned_at: datetime | None = None) -> bool:
    """Insert the row and raise the calendar's revision in one statement; False if a constraint says the time is taken."""
    columns = _columns(appointment)
    names, marks = ", ".join(f'"{c}"' for c in columns), ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH a AS (INSERT INTO booking_appointment ({names}) VALUES ({marks}) "
            "ON CONFLICT DO NOTHING RETURNING id, practitioner_id), "
            "p AS (UPDATE booking_practitioner SET calendar_rev = calendar_rev + 1, "
            "last_assigned_at = coalesce(%s, last_assigned_at) "
            "FROM a WHERE booking_practitioner.id = a.practitioner_id) SELECT id FROM a",
            [*columns.values(), assigned_at],
        )
        row = cursor.fetchone()
    if row is None:
        return False
    appointment.pk, appointment._state.adding, appointment._state.db = row[0], False, "default"
    return True


def _update(appointment: Appointment, *, bump: Iterable[int] = (), assigned_at: datetime | None = None) -> bool:
    """Write the row back, and the revision of the calendars in `bump`, in one statement; False if the time is taken."""
    columns = _columns(appointment)
    sets = ", ".join(f'"{c}" = %s' for c in columns)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"WITH a AS (UPDATE booking_appointment SET {sets} WHERE id = %s) "
                "UPDATE booking_practitioner SET calendar_rev = calendar_rev + 1, last_assigned_at = "
                "CASE WHEN id = %s THEN coalesce(%s, last_assigned_at) ELSE last_assigned_at END WHERE id = ANY(%s)",
                [*columns.values(), appointment.pk, appointment.practitioner_id, assigned_at, sorted(set(bump))],
            )
    except IntegrityError as error:
        if isinstance(error.__cause__, pg.ExclusionViolation):
            return False
        raise
    return True


def _locked(appointment: Appointment, version: int | None) -> Appointment:
    """The row as it is now, locked; refused if it is not the version the caller saw."""
    fresh = (
        Appointment.objects.select_for_update(of=("self",))
        .select_related("service", "practitioner", "patient", "room")
        .get(pk=appointment.pk)
    )
    if version is not None and fresh.version != version:
        raise Stale(_("This visit changed at %(time)s. Here is where it is now.") % {"time": clock.clock_time(fresh.changed_at)})
    return fresh


def _side(by: Actor) -> str:
    """Who changes a visit, as its messages tell it."""
    return "clinic" if by.is_staff else "patient"


def _touch(appointment: Appointment, *, by: Actor, now: datetime, tells: bool = False) -> None:
    """Version up; `tells` when time, place, practitioner or cancelled changed, which the calendar file must hear of."""
    appointment.version += 1
    appointment.ics_sequence += 1 if tells else 0
    appointment.changed_by, appointment.changed_at = _side(by), now


# --- Holds --------------------------------------------------------------------------------------------------------------


@_retrying
def hold(
    service: Service,
    practitioner: Practitioner,
    start: datetime,
    *,
    hold_key: str,
    address: str,
    minutes: int = 15,
    article: uuid.UUID | None = None,
    by: Actor,
    now: datetime,
) -> Appointment | None:
    """Hold a time for a browser: an appointment row with an expiry, under the same constraints as a booking.

    One hold per browser: picking again moves it. Returns None when no hold is made because this address has made three in
    this hour, or because holds already fill 5 % of the coming week; booking then goes on unheld.

    Args:
        address: the client's network address, counted but not kept.
        minutes: how long to hold: 15 from the time page, 30 from Start.

    Raises:
        SlotTaken: the time is not free, or was never offered.
    """
    rooms = _rooms_of(service)
    own = Appointment.objects.filter(status=Status.HELD, hold_key=hold_key).first()
    _lock_and_sweep([practitioner.pk, *([own.practitioner_id] if own else [])], rooms, now=now, keep=hold_key)
    own = Appointment.objects.select_for_update().filter(status=Status.HELD, hold_key=hold_key).first()
    free = _free_start(service, practitioner, start, own=own.pk if own else None, for_staff=False, now=now)
    if free is None:
        raise _taken(service, practitioner, start, now=now, own=own.pk if own else None)
    if own is None and not _may_hold(service, address, now=now):
        return None
    held = own or Appointment(status=Status.HELD, hold_key=hold_key, created_at=now, source=Appointment.Source.WEB)
    before = held.practitioner_id if own else practitioner.pk
    _place(held, service, practitioner, start, free.room_id or None)
    held.article = article or held.article
    held.hold_expires_at, held.changed_at = now + timedelta(minutes=minutes), now
    if own:
        held.version += 1
    written = _update(held, bump=[before, practitioner.pk]) if own else _insert(held)
    if not written:
        raise _taken(service, practitioner, start, now=now, own=own.pk if own else None)
    record("booking.hold", by=by, now=now, obj=held, detail={"minutes": minutes})
    return held


def _may_hold(service: Service, address: str, *, now: datetime) -> bool:
    """False when this address, or everybody together, holds too much."""
    today = clock.today(now)
    until = today + timedelta(days=6)
    week = calendar.load(service, since=today, until=until, now=now)
    size = slots.capacity(week, calendar.rules_of(service, now=now), since=today, until=until, zone=clock.clinic_zone())
    live = Appointment.objects.filter(status=Status.HELD, hold_expires_at__gt=now).count()
    if live >= max(1, int(size * HOLD_SHARE)):
        return False
    return limits.hit(f"hold:{address}", limit=HOLDS_PER_ADDRESS, window=timedelta(hours=1), now=now)


@_retrying
def extend_hold(appointment: Appointment, *, hold_key: str, by: Actor, now: datetime) -> Appointment:
    """Keep a hold 15 minutes longer, twice at most.

    Raises:
        HoldEnded: gone, not this browser's, or extended twice already.
    """
    held = Appointment.objects.select_for_update().filter(pk=appointment.pk, status=Status.HELD, hold_key=hold_key).first()
    if held is None or held.hold_expires_at is None or held.hold_extensions >= HOLD_EXTENSIONS:
        raise HoldEnded(
            _("We could not hold %(time)s any longer. Your answers are safe. It may still be free:")
            % {"time": clock.clock_time(appointment.starts_at)}
        )
    held.hold_expires_at = max(held.hold_expires_at, now) + HOLD_EXTENSION
    held.hold_extensions += 1
    held.version += 1
    held.save(update_fields=["hold_expires_at", "hold_extensions", "version"])
    record("booking.extend_hold", by=by, now=now, obj=held)
    return held


@_retrying
def release_hold(appointment: Appointment, *, hold_key: str, by: Actor, now: datetime) -> None:
    """Give a held time back. Nothing happens if it is gone already or somebody else's."""
    held = Appointment.objects.select_for_update().filter(pk=appointment.pk, status=Status.HELD, hold_key=hold_key).first()
    if held is None:
        return
    record("booking.release_hold", by=by, now=now, obj=held)
    Practitioner.objects.filter(pk=held.practitioner_id).update(calendar_rev=F("calendar_rev") + 1)
    held.delete()


# --- Booking ------------------------------------------------------------------------------------------------------------


@_retrying
def book(
    service: Service,
    practitioner: Practitioner,
    start: datetime,
    *,
    contact: Contact,
    checked_channel: str | None,
    response: QuestionnaireResponse,
    declared_at: datetime | None = None,
    signature: str = "",
    hold_key: str = "",
    article: uuid.UUID | None = None,
    by: Actor,
    now: datetime,
) -> Appointment:
    """Book a visit for the person behind a draft: hold, patient, consents, answers and audit in one transaction.

    Pressing twice is harmless: a response that already has an appointment gets that one back.

    Args:
        checked_channel: "email" or "text" when a code to that contact came back; None books too, marked "to be called".
        declared_at, signature: the statement of truth; given when the questionnaire is complete, which then is sent.
        hold_key: this browser's; its hold, live or expired but not taken, becomes the booking.

    Raises:
        SlotTaken: the time is gone, or was never offered.
        NotAllowed: this patient has a visit at that time.
    """
    rooms = _rooms_of(service)
    _lock_and_sweep([practitioner.pk], rooms, now=now, keep=hold_key, responses=[response.pk])
    rows = list(
        Appointment.objects.select_for_update().filter(
            Q(response=response) | Q(status=Status.HELD, hold_key=hold_key or "-", practitioner=practitioner, starts_at=start)
        )
    )
    for row in rows:
        if row.response_id == response.pk and row.status != Status.HELD:
            return row
    own = next((row for row in rows if row.service_id == service.pk), None)
    free = _free_start(service, practitioner, start, own=own.pk if own else None, for_staff=False, now=now)
    # A time that was offered and held stays good although its notice has meanwhile run out.
    if free is None and (own is None or not _still_works(service, practitioner, own, now=now)):
        raise _taken(service, practitioner, start, now=now)
    patient = identify(contact, checked_channel=checked_channel, by=by, now=now)
    visit = own or Appointment(created_at=now, source=Appointment.Source.WEB)
    _place(visit, service, practitioner, start, (free.room_id or None) if free else visit.room_id)
    visit.article = article or visit.article
    _make_visit(visit, patient, response, needs_call=checked_channel is None, by=by, now=now)
    if not (_update(visit, bump=[practitioner.pk], assigned_at=now) if own else _insert(visit, assigned_at=now)):
        raise _explain(visit, now=now)
    booked = event(
        "booking.book", by=by, now=now, obj=visit, subject_id=patient.pk,
        detail={"checked": checked_channel or "", "held": own is not None, "sent": bool(signature)},
    )  # fmt: skip
    if signature:
        complete(
            response, patient=patient, declared_at=declared_at or now, signature=signature, by=by, now=now, events=[booked],
        )  # fmt: skip
    else:
        attach_patient(response, patient, by=by, now=now, events=[booked])
    return visit


def _still_works(service: Service, practitioner: Practitioner, own: Appointment, *, now: datetime) -> bool:
    """True if a held start is still within the practitioner's hours, whatever the notice."""
    return (
        own.starts_at > now and _free_start(service, practitioner, own.starts_at, own=own.pk, for_staff=True, now=now) is not None
    )


def _make_visit(
    visit: Appointment, patient: Patient, response: QuestionnaireResponse | None, *, needs_call: bool, by: Actor, now: datetime
) -> None:
    """Turn a held or new row into a booked one with its private link."""
    visit.status, visit.patient, visit.response = Status.BOOKED, patient, response
    visit.hold_expires_at, visit.hold_extensions, visit.hold_key = None, 0, ""
    visit.booked_at = now
    visit.needs_call, visit.call_reason = needs_call, _("Contact not checked") if needs_call else ""
    secret = new_link(PURPOSE, visit.public_id, visit.link_generation)
    visit.link_key_id, visit.link_sha256 = secret.key_id, secret.sha256
    visit.previous = {}
    _touch(visit, by=by, now=now)
    visit.version = max(visit.version, 1)


def _explain(visit: Appointment, *, now: datetime) -> BookingError:
    """Which constraint refused: only losers pay for this read."""
    if visit.patient_id:
        other = Appointment.objects.filter(
            patient_id=visit.patient_id, status__in=OPEN, starts_at__lt=visit.ends_at, ends_at__gt=visit.starts_at
        ).exclude(pk=visit.pk).first()  # fmt: skip
        if other and visit.patient:
            return NotAllowed(
                _("%(name)s already has a visit on %(when)s")
                % {"name": visit.patient.call_name, "when": clock.long_when(other.starts_at)}
            )
    return _taken(visit.service, visit.practitioner, visit.starts_at, now=now)


@_retrying
def book_for(
    service: Service,
    practitioner: Practitioner,
    start: datetime,
    *,
    patient: Patient | None,
    contact: Contact | None,
    overbook: bool = False,
    by: Actor,
    now: datetime,
) -> Appointment:
    """Book for a caller. Staff are warned by the policy, not bound by it.

    Args:
        patient: the person on file, or None to make one from `contact`.
        overbook: go on after a warning; an overlap then takes the lowest free lane, at most three beside the first.

    Raises:
        Warned: outside hours, in time off, or over another visit, and `overbook` is not set.
        SlotTaken, NotAllowed: it cannot be done at all.
    """
    rooms = _rooms_of(service)
    _lock_and_sweep([practitioner.pk], rooms, now=now)
    free = _free_start(service, practitioner, start, own=None, for_staff=True, now=now)
    if free is None and not overbook:
        raise _warning(practitioner, start, service, now=now)
    if patient is None:
        if contact is None:
            raise NotAllowed(_("Choose who the visit is for."))
        patient = identify(contact, checked_channel=None, by=by, now=now)
    visit = Appointment(created_at=now, source=Appointment.Source.DESK, created_by=User.objects.filter(pk=by.id).first())
    _place(visit, service, practitioner, start, (free.room_id or None) if free else None)
    _make_visit(visit, patient, None, needs_call=False, by=by, now=now)
    for lane in (0, 1, 2, 3) if overbook else (0,):
        visit.lane = lane
        if _insert(visit, assigned_at=now):
            record("booking.book_for", by=by, now=now, obj=visit, subject_id=patient.pk, detail={"lane": lane})
            return visit
    raise _explain(visit, now=now)


def _warning(practitioner: Practitioner, start: datetime, service: Service, *, now: datetime) -> Warned:
    """What staff should know before they book a start that the listing does not show."""
    end = start + timedelta(minutes=service.minutes)
    names = {"who": practitioner.short_name, "time": clock.clock_time(start)}
    if end <= now:
        return Warned(_("%(time)s is in the past. Book anyway?") % names)
    if Appointment.objects.occupying().filter(practitioner=practitioner, starts_at__lt=end, ends_at__gt=start).exclude(
        status=Status.HELD, hold_expires_at__lte=now
    ).exists():  # fmt: skip
        return Warned(_("%(who)s already has someone at %(time)s. Book anyway?") % names)
    return Warned(_("%(who)s is out at %(time)s. Book anyway?") % names)


@_retrying
def move(
    appointment: Appointment,
    practitioner: Practitioner,
    start: datetime,
    *,
    by: Actor,
    now: datetime,
    version: int | None = None,
    overbook: bool = False,
) -> Appointment:
    """Move a visit. The old time is kept until the new one is taken; its own time counts as free.

    Raises:
        TooLate: a patient past the cut-off.
        SlotTaken, Warned, Stale, NotAllowed.
    """
    rooms = _rooms_of(appointment.service)
    rooms += [appointment.room_id] if appointment.room_id else []
    _lock_and_sweep([practitioner.pk, appointment.practitioner_id], rooms, now=now)
    visit = _locked(appointment, version)
    if visit.practitioner_id not in (practitioner.pk, appointment.practitioner_id):
        raise Stale(_("This visit changed at %(time)s. Here is where it is now.") % {"time": clock.clock_time(visit.changed_at)})
    if visit.status not in (Status.BOOKED, Status.CONFIRMED):
        raise NotAllowed(_("This visit cannot be moved any more."))
    if not by.is_staff and now > visit.move_deadline():
        raise _too_late()
    if visit.starts_at == start and visit.practitioner_id == practitioner.pk:
        return visit
    free = _free_start(visit.service, practitioner, start, own=visit.pk, for_staff=by.is_staff, now=now)
    if free is None and not by.is_staff:
        raise _taken(visit.service, practitioner, start, now=now, own=visit.pk)
    if free is None and not overbook:
        raise _warning(practitioner, start, visit.service, now=now)
    before = visit.practitioner_id
    previous = _snapshot(visit, "move")
    _place(visit, visit.service, practitioner, start, (free.room_id or None) if free else None)
    visit.previous = previous
    if visit.status == Status.CONFIRMED:
        # A new time wants a new yes from a patient whom the clinic moved; who moves it himself has said so.
        visit.status = Status.BOOKED if by.is_staff else Status.CONFIRMED
    _touch(visit, by=by, now=now, tells=True)
    for lane in (0, 1, 2, 3) if overbook and free is None else (0,):
        visit.lane = lane
        if _update(visit, bump=[before, practitioner.pk]):
            record(
                "booking.move", by=by, now=now, obj=visit, subject_id=visit.patient_id,
                detail={"from": previous["starts_at"], "to": start.isoformat(), "lane": lane},
            )  # fmt: skip
            return visit
    raise _explain(visit, now=now)


def _too_late() -> TooLate:
    return TooLate(_("It is less than 24 hours away. Call %(phone)s and we will do our best") % {"phone": Clinic.current().phone})


# --- Steps of a visit -------------------------------------------------------------------------------------------------


_KEPT = ("status", "practitioner_id", "room_id", "lane", "local_start", "zone", "confirmed_at", "arrived_at", "in_room_at",
         "fulfilled_at", "cancelled_at", "cancelled_by", "cancel_reason", "cancelled_late", "starts_at", "ends_at")  # fmt: skip


def _snapshot(visit: Appointment, verb: str) -> dict[str, Any]:
    """What a one-step undo puts back."""
    values = {name: getattr(visit, name) for name in _KEPT}
    return {"verb": verb} | {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items()}


def _step(verb: str, visit: Appointment, *, by: Actor, now: datetime, **changes: Any) -> Appointment:
    """One row of TRANSITIONS, for a locked visit."""
    sources, target, stamp = TRANSITIONS[verb]
    if visit.status == target:
        return visit
    if visit.status not in sources:
        raise NotAllowed(_("That does not go with a visit that is “%(status)s”.") % {"status": visit.get_status_display()})
    visit.previous = _snapshot(visit, verb)
    visit.status = target
    for name, value in ({stamp: now} if stamp else {}).items() | changes.items():
        setattr(visit, name, value)
    frees = target in (Status.CANCELLED, Status.NOSHOW)
    _touch(visit, by=by, now=now, tells=target == Status.CANCELLED)
    _update(visit, bump=[visit.practitioner_id] if frees else [])
    record(
        f"booking.{verb}", by=by, now=now, obj=visit, subject_id=visit.patient_id,
        detail={"from": visit.previous["status"], "to": target},
    )  # fmt: skip
    return visit


@_retrying
def confirm(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient is coming: said by link, by text or on the phone."""
    visit = _locked(appointment, version)
    if not by.is_staff and now >= visit.starts_at:
        raise NotAllowed(_("This visit has already started."))
    return _step("confirm", visit, by=by, now=now)


@_retrying
def arrive(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient is in the waiting room."""
    return _step("arrive", _locked(appointment, version), by=by, now=now)


@_retrying
def to_room(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient is in a room."""
    return _step("to_room", _locked(appointment, version), by=by, now=now)


@_retrying
def fulfil(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The visit is over."""
    return _step("fulfil", _locked(appointment, version), by=by, now=now)


@_retrying
def mark_noshow(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient did not come. The row stays; the time is free."""
    visit = _locked(appointment, version)
    if now < visit.starts_at:
        raise NotAllowed(_("This visit has not started yet."))
    return _step("mark_noshow", visit, by=by, now=now)


@_retrying
def cancel(appointment: Appointment, *, reason: str = "", by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """Cancel a visit. The row stays for ever; the time is free at once. Late is noted when a patient cancels past the cut-off.

    Raises:
        TooLate: a patient, once the visit has started.
    """
    visit = _locked(appointment, version)
    if not by.is_staff and now >= visit.starts_at:
        raise TooLate(_("This visit has already started. Call %(phone)s.") % {"phone": Clinic.current().phone})
    late = not by.is_staff and now > visit.cancel_deadline()
    return _step(
        "cancel", visit, by=by, now=now,
        cancelled_by=_side(by), cancel_reason=reason[:40], cancelled_late=late, needs_call=False,
    )  # fmt: skip


@_retrying
def undo(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """Take back the last step. Staff: any one step. Patients: their own move within three minutes, their own cancel while free.

    Raises:
        SlotTaken: the time was taken meanwhile; with openings.
        NotAllowed: there is nothing to undo.
    """
    back = dict(appointment.previous)
    places = [appointment.practitioner_id, *([back["practitioner_id"]] if back else [])]
    rooms = [r for r in (appointment.room_id, back.get("room_id")) if r]
    _lock_and_sweep(places, rooms, now=now)
    visit = _locked(appointment, version)
    back = dict(visit.previous)
    if not back or back["practitioner_id"] not in places:
        raise NotAllowed(_("There is nothing to undo."))
    if not by.is_staff and not _patient_may_undo(visit, now=now):
        raise NotAllowed(_("It is too late to undo this. Call %(phone)s.") % {"phone": Clinic.current().phone})
    tells = back["verb"] in ("move", "cancel")
    wanted = datetime.fromisoformat(back["starts_at"])
    for name in _KEPT:
        value = back[name]
        setattr(visit, name, datetime.fromisoformat(value) if name.endswith("_at") and value else value)
    visit.previous = {}
    _touch(visit, by=by, now=now, tells=tells)
    if not _update(visit, bump=places):
        raise SlotTaken(
            _("%(time)s was taken meanwhile. These are the closest:") % {"time": clock.clock_time(wanted)},
            partial(calendar.alternatives, appointment.service, wanted, now=now, own_hold=visit.pk),
        )
    record("booking.undo", by=by, now=now, obj=visit, subject_id=visit.patient_id, detail={"verb": back["verb"]})
    return Appointment.objects.select_related("service", "practitioner", "patient", "room").get(pk=visit.pk)


def _patient_may_undo(visit: Appointment, *, now: datetime) -> bool:
    """A patient takes back only what the patient did: a move for three minutes, a cancel until the visit would start."""
    if visit.changed_by != "patient":
        return False
    if visit.previous["verb"] == "move":
        return now - visit.changed_at <= UNDO_BY_PATIENT
    return visit.previous["verb"] == "cancel" and now < visit.starts_at


@_retrying
def called(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient has been phoned; the visit leaves the call list."""
    visit = _locked(appointment, version)
    visit.needs_call, visit.call_reason = False, ""
    _touch(visit, by=by, now=now)
    _update(visit)
    record("booking.called", by=by, now=now, obj=visit, subject_id=visit.patient_id)
    return visit


@_retrying
def ask_to_call(appointment: Appointment, *, reason: str, by: Actor, now: datetime) -> Appointment:
    """Put a visit on the call list: there is something to say, and no message that can say it. Not a change of the visit."""
    visit = _locked(appointment, None)
    if visit.needs_call:
        return visit
    visit.needs_call, visit.call_reason = True, reason[:40]
    visit.version += 1
    visit.save(update_fields=["needs_call", "call_reason", "version"])
    record("booking.ask_to_call", by=by, now=now, obj=visit, subject_id=visit.patient_id, detail={"reason": reason[:40]})
    return visit


@_retrying
def change_contact(
    patient: Patient, *, email: str, mobile: str, reminder_by: str, voicemail_ok: bool, by: Actor, now: datetime
) -> Patient:
    """Change how a patient is reached. When an address changes, the links of coming visits do too.

    Whoever reads the old address must not be able to open the visit any more; the next message carries the new link.
    """
    before = (patient.email, patient.e164)
    patient = update_contact(
        patient, email=email, mobile=mobile, reminder_by=reminder_by, voicemail_ok=voicemail_ok, by=by, now=now
    )
    if (patient.email, patient.e164) == before:
        return patient
    for visit in patient.appointments.select_for_update().filter(ends_at__gt=now - timedelta(hours=24)):
        visit.link_generation += 1
        secret = new_link(PURPOSE, visit.public_id, visit.link_generation)
        visit.link_key_id, visit.link_sha256 = secret.key_id, secret.sha256
        visit.version += 1
        visit.save(update_fields=["link_generation", "link_key_id", "link_sha256", "version"])
        record("booking.rotate_link", by=by, now=now, obj=visit, subject_id=patient.pk)
    return patient


@transaction.atomic
def request_link(*, channel: str, address: str, now: datetime) -> None:
    """State that someone asked for the link to a visit. Whether there is one is looked up by the sender, never by the page."""
    request = LinkRequest.objects.create(channel=channel, address=address, asked_at=now)
    record("booking.request_link", by=Actor.anonymous(), now=now, obj=request, detail={"channel": channel})


@_retrying
def open_questions(appointment: Appointment, *, by: Actor, now: datetime) -> QuestionnaireResponse:
    """The questionnaire of a visit, for its patient to go on with; a visit that has none yet (booked at the desk) gets a draft.

    Raises:
        NotAllowed: the service asks no questions.
    """
    visit = _locked(appointment, None)
    if visit.response is not None:
        offer_last_answers(visit.response, by=by, now=now)
        return visit.response
    if not visit.service.questionnaire or visit.patient is None:
        raise NotAllowed(_("There are no questions before this visit."))
    response = start_draft(visit.service.questionnaire, by=by, now=now)
    attach_patient(response, visit.patient, by=by, now=now)
    bring_facts(response, by=by, now=now)
    offer_last_answers(response, by=by, now=now)
    visit.response = response
    visit.version += 1
    visit.save(update_fields=["response", "version"])
    record("booking.open_questions", by=by, now=now, obj=visit, subject_id=visit.patient_id)
    return response
