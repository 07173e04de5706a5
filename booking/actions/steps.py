"""What happens to a booked visit: each step, and one step back."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts import clock
from accounts.models import Clinic
from audit.actions import record
from audit.actor import Actor
from booking import calendar
from booking.actions.errors import NotAllowed, SlotTaken, TooLate
from booking.actions.write_path import (
    GIVE_UP,
    KEPT,
    lock_and_sweep,
    locked,
    retrying,
    rooms_of,
    save_call,
    side,
    snapshot,
    span_of,
    touch,
    update,
)
from booking.models import COMING, Appointment, Status, WaitlistEntry, WaitlistOffer
from booking.reasons import all_against
from booking.rebooking import hold_key_of
from booking.waitlist import OfferState, Waiting

UNDO_BY_PATIENT = timedelta(minutes=3)

# What may follow what: verb → (statuses it may start from, status it leads to, field that takes the time).
TRANSITIONS: dict[str, tuple[frozenset[str], str, str]] = {
    "confirm": (frozenset({Status.BOOKED}), Status.CONFIRMED, "confirmed_at"),
    "arrive": (frozenset({Status.BOOKED, Status.CONFIRMED}), Status.ARRIVED, "arrived_at"),
    "to_room": (frozenset({Status.BOOKED, Status.CONFIRMED, Status.ARRIVED}), Status.IN_ROOM, "in_room_at"),
    "fulfil": (frozenset({Status.ARRIVED, Status.IN_ROOM}), Status.FULFILLED, "fulfilled_at"),
    "mark_noshow": (frozenset({Status.BOOKED, Status.CONFIRMED}), Status.NOSHOW, ""),
    "cancel": (frozenset({Status.BOOKED, Status.CONFIRMED}), Status.CANCELLED, "cancelled_at"),
}


def _step(verb: str, visit: Appointment, *, by: Actor, now: datetime, **changes: Any) -> Appointment:
    """One row of TRANSITIONS, for a locked visit."""
    sources, target, stamp = TRANSITIONS[verb]
    if visit.status == target:
        return visit
    if visit.status not in sources:
        raise NotAllowed(_("That does not go with a visit that is “%(status)s”.") % {"status": visit.get_status_display()})
    visit.previous = snapshot(visit, verb)
    visit.status = target
    for name, value in ({stamp: now} if stamp else {}).items() | changes.items():
        setattr(visit, name, value)
    frees = target in (Status.CANCELLED, Status.NOSHOW)
    touch(visit, by=by, now=now, tells=target == Status.CANCELLED)
    update(visit, bump=[visit.practitioner_id] if frees else [], frees=span_of(visit) if frees else None)
    record(
        f"booking.{verb}", by=by, now=now, obj=visit,
        detail={"from": visit.previous["status"], "to": target},
    )  # fmt: skip
    return visit


@retrying
def confirm(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient is coming: said by link, by text or on the phone."""
    visit = locked(appointment, version)
    if not by.is_staff and now >= visit.starts_at:
        raise NotAllowed(_("This visit has already started."))
    return _step("confirm", visit, by=by, now=now)


@retrying
def arrive(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient is in the waiting room."""
    return _step("arrive", locked(appointment, version), by=by, now=now)


@retrying
def to_room(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient is in a room."""
    return _step("to_room", locked(appointment, version), by=by, now=now)


@retrying
def fulfil(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The visit is over."""
    return _step("fulfil", locked(appointment, version), by=by, now=now)


@retrying
def mark_noshow(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient did not come. The row stays; the time is free."""
    visit = locked(appointment, version)
    if now < visit.starts_at:
        raise NotAllowed(_("This visit has not started yet."))
    return _step("mark_noshow", visit, by=by, now=now)


@retrying
def cancel(appointment: Appointment, *, reason: str = "", by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """Cancel a visit. The row stays for ever; the time is free at once. Late is noted when a patient cancels past the cut-off.

    Raises:
        TooLate: a patient, once the visit has started.
    """
    visit = locked(appointment, version)
    if not by.is_staff and now >= visit.starts_at:
        raise TooLate(_("This visit has already started. Call %(phone)s.") % {"phone": Clinic.current().phone})
    late = not by.is_staff and late_to_cancel(visit, now=now)
    return _step(
        "cancel", visit, by=by, now=now,
        cancelled_by=side(by), cancel_reason=reason[:40], cancelled_late=late, needs_call=False,
    )  # fmt: skip


@retrying
def undo(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """Take back the last step. Staff: any one step. Patients: their own move within three minutes, their own cancel while free.

    Raises:
        SlotTaken: the time was taken meanwhile; with openings.
        NotAllowed: there is nothing to undo.
    """
    back = dict(appointment.previous)
    places = [appointment.practitioner_id, *([back["practitioner_id"]] if back else [])]
    rooms = {*rooms_of(appointment.service), *(r for r in (appointment.room_id, back.get("room_id")) if r)}
    lock_and_sweep(places, rooms, now=now)
    visit = locked(appointment, version)
    back = dict(visit.previous)
    if not back or back["practitioner_id"] not in places:
        raise NotAllowed(_("There is nothing to undo."))
    if not by.is_staff and not _patient_may_undo(visit, now=now):
        raise NotAllowed(_("It is too late to undo this. Call %(phone)s.") % {"phone": Clinic.current().phone})
    tells = back["verb"] in ("move", "cancel")
    wanted = datetime.fromisoformat(back["starts_at"])
    left = span_of(visit) if back["verb"] == "move" else None
    for name in KEPT:
        value = back[name]
        setattr(visit, name, datetime.fromisoformat(value) if name.endswith("_at") and value else value)
    if back.get("call"):
        visit.add_call(back["call"])
    visit.needs_call = bool(visit.call_reason)  # A cancel takes a visit off the call list and keeps the reason.
    visit.previous = {}
    touch(visit, by=by, now=now, tells=tells)
    taken_back = visit.offer if visit.offer and span_of(visit.offer) == left else None
    if taken_back:
        visit.offer = None
    if back["verb"] == "cancel":
        places += _let_go(visit)
    gave_up = back["verb"] in GIVE_UP
    if (gave_up and not _is_free_still(visit, back, by=by, now=now)) or not update(visit, bump=places, frees=left):
        raise SlotTaken(
            _gone(visit),
            partial(calendar.alternatives, appointment.service, wanted, now=now, own=visit.pk),
        )
    if taken_back:
        _offer_undone(taken_back, by=by, now=now)
    if visit.status in COMING:
        _wait_again(WaitlistEntry.objects.filter(visit=visit, state=Waiting.OVER), by=by, now=now)
    record("booking.undo", by=by, now=now, obj=visit, detail={"verb": back["verb"]})
    return Appointment.objects.select_related("service", "practitioner", "patient", "room").get(pk=visit.pk)


def _gone(visit: Appointment) -> str:
    """Why a time that was given up is not to be had again: somebody has it, or the practitioner does not work then any more."""
    words = {"time": clock.clock_time(visit.starts_at), "who": visit.practitioner.short_name}
    if Appointment.objects.beside(visit).exists():
        return _("%(time)s was taken meanwhile. These are the closest:") % words
    return _("%(time)s with %(who)s is not open any more. These are the closest:") % words


def _let_go(visit: Appointment) -> list[int]:
    """Delete the time that is held for a cancelled visit's patient, which is on again. Returns whose time it was."""
    held = Appointment.objects.filter(status=Status.HELD, hold_key=hold_key_of(visit))
    people = list(held.values_list("practitioner_id", flat=True))
    held.delete()
    return people


def _offer_undone(made: WaitlistOffer, *, by: Actor, now: datetime) -> None:
    """Who took an offered time and goes back on it waits as before. It is not offered again."""
    WaitlistOffer.objects.filter(pk=made.pk).update(state=OfferState.PASSED)
    _wait_again(WaitlistEntry.objects.filter(pk=made.entry_id), by=by, now=now)


def _wait_again(entries: QuerySet[WaitlistEntry], *, by: Actor, now: datetime) -> None:
    """Back on the list at the old place, unless they wait anew already."""
    for entry in entries.select_for_update():
        anew = WaitlistEntry.objects.on_list().beside(entry)
        if not anew.exists():
            entry.state, entry.changed_at = Waiting.WAITING, now
            entry.version += 1
            entry.save(update_fields=["state", "changed_at", "version"])
            record("booking.resume_wait", by=by, now=now, obj=entry)


def _is_free_still(visit: Appointment, back: dict[str, Any], *, by: Actor, now: datetime) -> bool:
    """False if a time that was given up is not to be had again by going back to it.

    A patient gets it as one who books does, whatever the notice: within hours, beside nobody; off the steps too, as the desk gave
    it. Staff get back what they had; in a lane of its own, beside whom they overbooked, no constraint sees who has come since.
    """
    if by.is_staff:
        return not visit.lane or not Appointment.objects.beside(visit).exclude(pk__in=back.get("beside", [])).exists()
    asked = (visit.service, visit.practitioner, visit.starts_at)
    free = calendar.free_start(*asked, own=visit.pk, for_staff=True, now=now)
    against, room = ([], free.room_id or None) if free else all_against(*asked, own=visit.pk, now=now)
    visit.lane, visit.room_id = 0, room
    return [refusal.reason for refusal in against] in ([], ["grid"])


def _patient_may_undo(visit: Appointment, *, now: datetime) -> bool:
    """A patient takes back only what the patient did: a move for three minutes, a cancel until the visit would start."""
    if visit.changed_by != "patient":
        return False
    return just_moved(visit, now=now) or (visit.previous["verb"] == "cancel" and now < visit.starts_at)


def just_moved(visit: Appointment, *, now: datetime) -> bool:
    """True while a patient can take back a move of their own."""
    own = visit.changed_by == "patient" and visit.previous.get("verb") == "move"
    return own and now - visit.changed_at <= UNDO_BY_PATIENT


def late_to_cancel(visit: Appointment, *, now: datetime) -> bool:
    """True once cancelling costs the late fee. While a move can still be taken back, the time before it counts as well."""
    if now <= visit.cancel_deadline():
        return False
    if not just_moved(visit, now=now):
        return True
    return now > visit.cancel_deadline(datetime.fromisoformat(visit.previous["starts_at"]))


@retrying
def called(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """The patient has been phoned; the visit leaves the call list. Not a change of the visit."""
    visit = locked(appointment, version)
    visit.needs_call, visit.call_reason = False, ""
    save_call(visit)
    record("booking.called", by=by, now=now, obj=visit)
    return visit


@retrying
def ask_to_call(appointment: Appointment, *, reason: str, by: Actor, now: datetime) -> Appointment:
    """Put a visit on the call list: there is something to say, and no message that can say it. Not a change of the visit."""
    visit = locked(appointment, None)
    if not visit.add_call(reason):
        return visit
    save_call(visit)
    record("booking.ask_to_call", by=by, now=now, obj=visit, detail={"reason": reason})
    return visit


def off_the_list(visit: Appointment, reason: str) -> Appointment:
    """A locked visit off the call list for one reason; what else it is on it for stays."""
    visit.drop_call(reason)
    return save_call(visit)


@retrying
def ask_no_call(appointment: Appointment, *, reason: str, by: Actor, now: datetime) -> Appointment:
    """Take back what `ask_to_call` asked for. Nothing happens if the call was made, or nobody asked for it."""
    visit = locked(appointment, None)
    if reason not in visit.calls:
        return visit
    visit = off_the_list(visit, reason)
    record("booking.called_off", by=by, now=now, obj=visit)
    return visit
