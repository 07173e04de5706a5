"""Many visits that cannot stay: each is moved, handed to its patient with a time held, or put on the call list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import CharField, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from audit.actions import record
from audit.actor import Actor
from booking import calendar
from booking.actions.errors import BookingError, NotAllowed, SlotTaken, Warned
from booking.actions.steps import ask_to_call, cancel, off_the_list, undo
from booking.actions.visits import explain, move
from booking.actions.write_path import insert, lock_and_sweep, locked, place, retrying, rooms_of, save_call, taken, touch, update
from booking.models import Appointment, Practitioner, Status, TimeOff
from booking.rebooking import HOLD_FOR_PATIENT, HOLD_PREFIX, Batch, BatchRow, Way, hold_key_of, out_words

OUT = "physician-out"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to become of one visit: the way, the version that was on the screen, and the time it is about."""

    visit: Appointment
    way: str
    version: int
    practitioner: Practitioner | None = None
    start: datetime | None = None


def rebook_many(off: TimeOff, choices: Sequence[Choice], *, by: Actor, now: datetime) -> Batch:
    """Do it, visit by visit, each in a transaction of its own: what fails says why and stops nothing else.

    Whose time is gone meanwhile goes onto the call list: nobody is forgotten because somebody else was faster.
    """
    with transaction.atomic():
        user = User.objects.filter(pk=by.id).first()
        batch = Batch.objects.create(time_off=off, made_by=user, made_at=now)
        rows = [BatchRow.objects.create(batch=batch, appointment=c.visit, way=c.way) for c in choices]
        record("booking.rebook_many", by=by, now=now, obj=batch, detail={"visits": len(rows)})
    for row, choice in zip(rows, choices, strict=True):
        try:
            try:
                _do_row(row, choice, off, by=by, now=now)
            except (SlotTaken, Warned) as error:
                row.way, row.refused = Way.CALL, str(error)[:200]
                _do_row(row, replace(choice, way=Way.CALL), off, by=by, now=now)
        except BookingError as error:
            row.done, row.version, row.said = False, 0, str(error)[:200]
            row.save(update_fields=["way", "done", "version", "said", "refused"])
    return batch


@retrying
def _do_row(row: BatchRow, choice: Choice, off: TimeOff, *, by: Actor, now: datetime) -> None:
    row.version = _rebook(choice, off, by=by, now=now).version
    row.done, row.said = True, out_words(off.practitioner) if choice.way == Way.CALL else ""
    row.save(update_fields=["way", "version", "done", "said", "refused"])


def _rebook(choice: Choice, off: TimeOff, *, by: Actor, now: datetime) -> Appointment:
    visit, who, start = choice.visit, choice.practitioner, choice.start
    if choice.way == Way.CALL:
        locked(visit, choice.version)
        return ask_to_call(visit, reason=out_words(off.practitioner), by=by, now=now)
    if who is None or start is None:
        raise NotAllowed(_("Choose a time"))
    if choice.way == Way.MOVE:
        visit = move(visit, who, start, by=by, now=now, version=choice.version)
        return off_the_list(visit, out_words(off.practitioner)) if visit.needs_call else visit
    return hand_over(visit, who, start, by=by, now=now, version=choice.version)


@retrying
def hand_over(
    appointment: Appointment, practitioner: Practitioner, start: datetime, *, by: Actor, now: datetime, version: int | None = None
) -> Appointment:
    """Cancel a visit and hold another time for its patient, who takes it, or another one, by the same private link.

    The time is held for a day, under the constraints of a booking, and never past its own start.

    Raises:
        SlotTaken: the time to be held is not free.
    """
    service = appointment.service
    lock_and_sweep([practitioner.pk, appointment.practitioner_id], rooms_of(service), now=now)
    visit = cancel(appointment, reason=OUT, by=by, now=now, version=version)
    free = calendar.free_start(service, practitioner, start, own=None, for_staff=False, now=now)
    if free is None:
        raise taken(service, start, now=now)
    held = Appointment(
        status=Status.HELD, hold_key=hold_key_of(visit), created_at=now, changed_at=now, source=Appointment.Source.DESK,
        hold_expires_at=min(now + HOLD_FOR_PATIENT, start),
    )  # fmt: skip
    place(held, service, practitioner, start, free.room_id or None)
    if not insert(held):
        raise taken(service, start, now=now)
    record("booking.hand_over", by=by, now=now, obj=visit, detail={"held": start.isoformat()})
    return visit


@retrying
def take_new_time(
    appointment: Appointment, practitioner: Practitioner, start: datetime, *, by: Actor, now: datetime, version: int | None = None
) -> Appointment:
    """A patient whose visit the clinic cancelled takes another time for it: the same visit, the same link.

    The time held for them is theirs whatever the notice; any other one is bound by the policy. What was held is let go.

    Raises:
        NotAllowed: the clinic did not cancel it, or it is on again.
        SlotTaken: the time is not free.
    """
    service = appointment.service
    held = held_for(appointment)
    lock_and_sweep(
        [practitioner.pk, *([held.practitioner_id] if held else [])], rooms_of(service), now=now, keep=hold_key_of(appointment)
    )
    visit = locked(appointment, version)
    if visit.status != Status.CANCELLED or visit.cancelled_by != "clinic":
        raise NotAllowed(_("This visit cannot be moved any more."))
    held = held_for(visit)
    own = held is not None and (held.practitioner_id, held.starts_at) == (practitioner.pk, start) and start > now
    before = held.practitioner_id if held else practitioner.pk
    if held:
        held.delete()
    free = calendar.free_start(service, practitioner, start, own=visit.pk, for_staff=own, now=now)
    if free is None:
        raise taken(service, start, now=now)
    old = visit.starts_at
    place(visit, service, practitioner, start, free.room_id or None)
    visit.status, visit.lane, visit.previous = Status.BOOKED, 0, {}
    visit.cancelled_at, visit.cancelled_by, visit.cancel_reason, visit.cancelled_late = None, "", "", False
    visit.confirmed_at, visit.needs_call = None, bool(visit.call_reason)  # what else they were to be called about stays
    for settled in (str(NOT_TAKEN), out_words(appointment.practitioner), out_words(None)):
        visit.drop_call(settled)
    touch(visit, by=by, now=now, tells=True)
    if not update(visit, bump=[before, practitioner.pk], assigned_at=now):
        raise explain(visit, now=now)
    detail = {"from": old.isoformat(), "to": start.isoformat()}
    record("booking.take_new_time", by=by, now=now, obj=visit, detail=detail)
    return visit


def held_for(visit: Appointment) -> Appointment | None:
    """The time that is held for a visit's patient, live or just expired."""
    return (
        Appointment.objects.filter(status=Status.HELD, hold_key=hold_key_of(visit)).select_related("practitioner").first()
    )  # fmt: skip


NOT_TAKEN = gettext_lazy("Did not take the time held for them")


def call_those_who_did_not_take(*, by: Actor, now: datetime) -> int:
    """Whose held time has run out without an answer goes onto the call list, once. Returns how many went."""
    rows = BatchRow.objects.filter(way=Way.LINK, done=True, said="", batch__undone_at=None)
    live = Appointment.objects.filter(status=Status.HELD, hold_expires_at__gt=now).values("hold_key")
    waiting = rows.annotate(key=Concat(Value(HOLD_PREFIX), "appointment_id", output_field=CharField())).exclude(key__in=live)
    return sum(_not_taken(row, by=by, now=now) for row in waiting.select_related("appointment")[:50])


@retrying
def _not_taken(row: BatchRow, *, by: Actor, now: datetime) -> bool:
    row = BatchRow.objects.select_for_update().get(pk=row.pk)
    visit = locked(row.appointment, None)
    if row.said:
        return False
    held = held_for(visit)
    if held is not None and held.hold_expires_at is not None and held.hold_expires_at > now:
        return False
    row.said = str(NOT_TAKEN)
    row.save(update_fields=["said"])
    if visit.status != Status.CANCELLED or visit.cancel_reason != OUT:
        return False  # They have a time.
    later = Appointment.objects.upcoming(now).filter(patient=visit.patient_id, service=visit.service_id)
    if later.exists() or not visit.add_call(str(NOT_TAKEN)):
        return False
    save_call(visit)
    record("booking.not_taken", by=by, now=now, obj=visit)
    return True


def undo_batch(batch: Batch, *, by: Actor, now: datetime) -> int:
    """Put every visit of a batch back that nobody has touched since. Returns how many were left as they are.

    Raises:
        NotAllowed: more than ten minutes have passed, or it was undone already.
    """
    with transaction.atomic():
        fresh = Batch.objects.select_for_update().get(pk=batch.pk)
        if not fresh.can_undo(now):
            raise NotAllowed(_("It is too late to undo this."))
        fresh.undone_at = now
        fresh.save(update_fields=["undone_at"])
        record("booking.undo_batch", by=by, now=now, obj=fresh)
    left = 0
    for row in fresh.rows.filter(done=True).select_related("appointment"):
        try:
            _undo_row(row, by=by, now=now)
        except BookingError:
            left += 1
    return left


@retrying
def _undo_row(row: BatchRow, *, by: Actor, now: datetime) -> None:
    if row.way != Way.CALL:
        undo(row.appointment, by=by, now=now, version=row.version)
    else:
        visit = off_the_list(locked(row.appointment, row.version), row.said)
        record("booking.called_off", by=by, now=now, obj=visit)
    row.done, row.said, row.refused = False, "", ""
    row.save(update_fields=["done", "said", "refused"])
