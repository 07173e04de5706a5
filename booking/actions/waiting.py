"""The waiting list, as verbs: join, change, leave; offer a time, take it, pass, let it go."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts import clock
from accounts.links import new_link
from accounts.quiet import quiet_night
from audit import rows
from audit.actions import record
from audit.actor import Actor
from booking import calendar
from booking.actions.errors import NotAllowed, OfferOver
from booking.actions.reach import another_link
from booking.actions.visits import explain, make_visit
from booking.actions.write_path import (
    Wanted,
    insert,
    lock_and_sweep,
    place,
    retrying,
    rooms_of,
    snapshot,
    span_of,
    taken,
    touch,
    update,
)
from booking.links import PURPOSE_WAITING
from booking.models import COMING, Appointment, FreedTime, Practitioner, Service, Status, WaitlistEntry, WaitlistOffer
from booking.waitlist import ANY_TIME, OFFER_LIFE, Notice, OfferState, Waiting
from intake.actions import attach_patient
from intake.models import QuestionnaireResponse
from patients.actions import Contact, add_helper, identify, shown_by
from patients.helpers import HelperContact
from patients.models import Patient


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody on the list can use. No practitioners: any. `times` has a bit per half day."""

    practitioners: tuple[Practitioner, ...] = ()
    times: int = ANY_TIME
    notice: str = Notice.DAY.value
    by_phone: bool = False


# --- Being on the list ---------------------------------------------------------------------------------------------------


@retrying
def join(
    service: Service,
    wishes: Wishes,
    *,
    patient: Patient | None = None,
    visit: Appointment | None = None,
    contact: Contact | None = None,
    helper: HelperContact | None = None,
    checked_channel: str | None = None,
    response: QuestionnaireResponse | None = None,
    article: uuid.UUID | None = None,
    urgent: bool = False,
    by: Actor,
    now: datetime,
) -> WaitlistEntry:
    """Wait for a time. Somebody who waits for this service already only changes what they wish.

    Args:
        patient: who waits; None finds or makes them from `contact`, as a booking does (`checked_channel`).
        helper: who waits in the patient's name, as for a booking. On the list with a visit, whoever hears about that is told.
        visit: the visit they keep until something earlier is taken.
        article: what they read before; the visit that comes of it remembers it.
        response: the draft of a browser that has answered questions; it goes to the visit that comes of it.
    """
    if patient is None:
        if contact is None:
            raise NotAllowed(_("Choose who waits."))
        mine = response.patient_id if response is not None else None
        shown = shown_by(checked_channel, contact, helper)
        patient = identify(contact, checked_channel=shown, mine=mine, by=by, now=now)
        if response is not None:
            attach_patient(response, patient, by=by, now=now)
    named = add_helper(patient, helper, checked_channel=checked_channel, now=now) if helper else None
    entry = _on_list(patient, service)
    if entry is None:
        entry = WaitlistEntry(patient=patient, service=service, helper=named, joined_at=now, changed_at=now)
        _write(entry, wishes)
        entry.visit, entry.response, entry.urgent, entry.article = visit, response, urgent, article
        secret = new_link(PURPOSE_WAITING, entry.public_id, entry.link_generation)
        entry.link_key_id, entry.link_sha256 = secret.key_id, secret.sha256
        try:
            with transaction.atomic():
                entry.save()
        except IntegrityError:  # Joined twice at the same moment.
            entry = WaitlistEntry.objects.on_list().get(patient=patient, service=service)
            return change(entry, wishes, by=by, now=now)
        entry.practitioners.set(wishes.practitioners)
        _note_held(service, now=now)
        record("booking.join_list", by=by, now=now, obj=entry, subject_id=patient.pk)
        if named:
            record("booking.name_helper", by=by, now=now, obj=entry, subject_id=patient.pk)
        return entry
    before = entry.reach
    entry.visit, entry.response = visit or entry.visit, response or entry.response
    if contact is not None:  # by whoever joins now
        entry.helper = named
    if {before.email, before.e164} != {entry.reach.email, entry.reach.e164}:
        another_link(entry, PURPOSE_WAITING, by=by, now=now)  # who was told before is not the one who is told now
    entry.save()
    return change(entry, wishes, by=by, now=now)


def _note_held(service: Service, *, now: datetime) -> None:
    """What a browser or the desk only holds just now is no time for who begins to wish for it, and may be free soon."""
    held = Appointment.objects.filter(status=Status.HELD, offer=None, hold_expires_at__gt=now, starts_at__gt=now)
    for hold in held.filter(practitioner__in=service.practitioners.all()):
        _note_free(hold, freed_at=now)


def _note_free(what: Appointment | WaitlistOffer, *, freed_at: datetime) -> None:
    span = {"practitioner_id": what.practitioner_id, "starts_at": what.starts_at, "ends_at": what.ends_at}
    if not FreedTime.objects.filter(**span).exists():
        FreedTime.objects.create(**span, freed_at=freed_at)


def _on_list(patient: Patient, service: Service) -> WaitlistEntry | None:
    return WaitlistEntry.objects.on_list().select_for_update().filter(patient=patient, service=service).first()


def _write(entry: WaitlistEntry, wishes: Wishes) -> None:
    entry.times, entry.notice, entry.by_phone = wishes.times, wishes.notice, wishes.by_phone


def _locked(entry: WaitlistEntry) -> WaitlistEntry:
    return rows.locked(WaitlistEntry.objects.select_related("patient", "service"), pk=entry.pk)


def _to(entry: WaitlistEntry, state: str, *, verb: str, by: Actor, now: datetime) -> WaitlistEntry:
    """Put a locked entry into another state."""
    entry.state, entry.changed_at = state, now
    entry.version += 1
    entry.save()
    record(f"booking.{verb}", by=by, now=now, obj=entry)
    return entry


@retrying
def change(entry: WaitlistEntry, wishes: Wishes, *, by: Actor, now: datetime) -> WaitlistEntry:
    """Other wishes. The place on the list stays, and so does an offer that is out."""
    entry = _locked(entry)
    if not entry.is_on_list:
        raise NotAllowed(_("You are not on the list any more."))
    _write(entry, wishes)
    entry.practitioners.set(wishes.practitioners)
    _note_held(entry.service, now=now)
    return _to(entry, Waiting.WAITING, verb="change_wishes", by=by, now=now)


@retrying
def leave(entry: WaitlistEntry, *, by: Actor, now: datetime) -> WaitlistEntry:
    """Off the list; a time that was offered goes to the next. A visit they have stays."""
    entry = _locked(entry)
    return _off(entry, Waiting.LEFT, by=by, now=now) if entry.is_on_list else entry


def _off(entry: WaitlistEntry, state: str, *, by: Actor, now: datetime) -> WaitlistEntry:
    for offer in WaitlistOffer.objects.select_for_update().filter(entry=entry, state=OfferState.OPEN):
        _end(offer, OfferState.PASSED, now=now)
    return _to(entry, state, verb="leave_list", by=by, now=now)


@retrying
def pause(entry: WaitlistEntry, *, by: Actor, now: datetime) -> WaitlistEntry:
    """Ask them nothing for the time being. The place on the list stays."""
    entry = _locked(entry)
    return _to(entry, Waiting.PAUSED, verb="pause_wait", by=by, now=now) if entry.state == Waiting.WAITING else entry


@retrying
def resume(entry: WaitlistEntry, *, by: Actor, now: datetime) -> WaitlistEntry:
    """After a pause."""
    entry = _locked(entry)
    return _to(entry, Waiting.WAITING, verb="resume_wait", by=by, now=now) if entry.state == Waiting.PAUSED else entry


@retrying
def ask_first(entry: WaitlistEntry, *, first: bool, by: Actor, now: datetime) -> WaitlistEntry:
    """Put somebody before all the others, or back in line."""
    entry = _locked(entry)
    entry.urgent = first
    return _to(entry, entry.state, verb="ask_first", by=by, now=now)


@retrying
def remember_visit(entry: WaitlistEntry, *, by: Actor, now: datetime) -> WaitlistEntry:
    """Somebody who waited without a visit has booked one meanwhile: from now on only something earlier is of use."""
    entry = _locked(entry)
    found = Appointment.objects.visits().filter(response__isnull=False, response=entry.response_id).first()
    if found is None or entry.visit_id is not None:
        return entry
    entry.visit = found
    return _to(entry, entry.state, verb="remember_visit", by=by, now=now)


# --- Offers --------------------------------------------------------------------------------------------------------------


@retrying
def offer(entry: WaitlistEntry, practitioner: Practitioner, start: datetime, *, by: Actor, now: datetime) -> WaitlistOffer:
    """Hold a free time for somebody on the list, and state that it is offered. 45 minutes, counted from when it is told.

    In quiet hours nobody is told: the time is then held until the morning's 45 minutes are over.

    Raises:
        SlotTaken: the time is not free.
        NotAllowed: they do not wait, or have an offer already.
    """
    service = entry.service
    _offer_out(entry, now=now)  # a look before anybody waits for a lock, and again below
    if not lock_and_sweep([practitioner.pk], rooms_of(service), now=now, wanted=Wanted(practitioner, start, service)):
        raise taken(service, start, now=now)
    entry = _locked(entry)
    if not entry.is_on_list:
        raise NotAllowed(_("%(name)s is not on the list any more.") % {"name": entry.patient.call_name})
    out = _offer_out(entry, now=now)
    if out is not None:
        _end(out, OfferState.EXPIRED, now=now)
    night = quiet_night(now, clock.clinic_zone()) if not entry.is_called else None
    told_at = night[1] if night else now
    free = calendar.free_start(service, practitioner, start, own=None, for_staff=True, now=now)
    if free is None or start <= told_at:
        raise taken(service, start, now=now)
    made = WaitlistOffer.objects.create(
        entry=entry, practitioner=practitioner, starts_at=start, ends_at=start + timedelta(minutes=service.minutes),
        offered_at=told_at, expires_at=min(told_at + OFFER_LIFE, start), automatic=not by.is_staff,
        announced=int(entry.is_called),  # Nothing to announce where the desk calls.
    )  # fmt: skip
    held = Appointment(
        status=Status.HELD, hold_key=f"offer:{made.public_id}", hold_expires_at=made.expires_at, patient=entry.patient,
        offer=made, source=Appointment.Source.WEB, article=entry.article, created_at=now, changed_at=now,
    )  # fmt: skip
    place(held, service, practitioner, start, free.room_id or None)
    if not insert(held):
        raise explain(held, now=now)
    record("booking.offer", by=by, now=now, obj=made, subject_id=entry.patient_id, detail={"start": start.isoformat()})
    return made


def _offer_out(entry: WaitlistEntry, *, now: datetime) -> WaitlistOffer | None:
    """The offer that is open although its time is up; refused while it can still be taken."""
    out = entry.offers.filter(state=OfferState.OPEN).first()
    if out is not None and out.is_live(now):
        raise NotAllowed(
            _("%(name)s has an offer until %(time)s")
            % {"name": entry.patient.call_name, "time": clock.ended(clock.clock_time(out.expires_at))}
        )
    return out


def _end(made: WaitlistOffer, state: str, *, now: datetime) -> None:
    """End a locked offer without a visit: the time is free for the next."""
    made.state, made.answered_at = state, now
    made.sequence += 1
    made.save(update_fields=["state", "answered_at", "sequence"])
    Appointment.objects.filter(offer=made, status=Status.HELD).delete()
    Practitioner.objects.calendar_changed(made.practitioner_id)
    if made.starts_at > now:
        _note_free(made, freed_at=made.offered_at)


def _locked_offer(made: WaitlistOffer) -> WaitlistOffer:
    return WaitlistOffer.objects.select_for_update(of=("self",)).select_related("entry", "practitioner").get(pk=made.pk)


def _answered(made: WaitlistOffer) -> WaitlistOffer | None:
    """The offer as it is, if it is answered already: that never changes again, so nobody needs to wait for a lock to be told."""
    fresh = WaitlistOffer.objects.select_related("entry", "practitioner").get(pk=made.pk)
    return None if fresh.state == OfferState.OPEN else fresh


def _decide(made: WaitlistOffer, state: str, *, verb: str, by: Actor, now: datetime) -> WaitlistOffer:
    if (answered := _answered(made)) is not None:
        return answered
    made = _locked_offer(made)
    if made.state == OfferState.OPEN:
        _end(made, state, now=now)
        record(f"booking.{verb}", by=by, now=now, obj=made, subject_id=made.entry.patient_id)
    return made


@retrying
def decline(made: WaitlistOffer, *, by: Actor, now: datetime) -> WaitlistOffer:
    """Pass on a time. They stay on the list; the time goes to the next."""
    return _decide(made, OfferState.PASSED, verb="pass_offer", by=by, now=now)


@retrying
def expire(made: WaitlistOffer, *, by: Actor, now: datetime) -> WaitlistOffer:
    """Nobody answered in time. They stay on the list; the time goes to the next."""
    return made if now < made.expires_at else _decide(made, OfferState.EXPIRED, verb="expire_offer", by=by, now=now)


@retrying
def call_with_offer(made: WaitlistOffer, *, by: Actor, now: datetime) -> WaitlistOffer:
    """No message about a time reaches whom it is offered to: the desk calls, and it stays theirs for as long as an offer does.

    From now on, or from the morning on; once for each offer.
    """
    made = _locked_offer(made)
    if made.to_call or not made.is_live(now):
        return made
    night = quiet_night(now, clock.clinic_zone())
    made.to_call, made.expires_at = True, min((night[1] if night else now) + OFFER_LIFE, made.starts_at)
    made.save(update_fields=["to_call", "expires_at"])
    Appointment.objects.filter(offer=made, status=Status.HELD).update(hold_expires_at=made.expires_at)
    record("booking.call_with_offer", by=by, now=now, obj=made, subject_id=made.entry.patient_id)
    return made


@retrying
def skip(entry: WaitlistEntry, practitioner: Practitioner, start: datetime, *, by: Actor, now: datetime) -> WaitlistOffer:
    """Pass somebody over for this one time: an offer of it is taken back, and it is not offered to them again."""
    out = WaitlistOffer.objects.filter(entry=entry, practitioner=practitioner, starts_at=start, state=OfferState.OPEN).first()
    if out is not None:
        return _decide(out, OfferState.SKIPPED, verb="skip_offer", by=by, now=now)
    passed_over = WaitlistOffer.objects.create(
        entry=entry, practitioner=practitioner, starts_at=start, ends_at=start + timedelta(minutes=entry.service.minutes),
        state=OfferState.SKIPPED, offered_at=now, expires_at=now, answered_at=now, announced=1,
    )  # fmt: skip
    record("booking.skip_offer", by=by, now=now, obj=passed_over, subject_id=entry.patient_id)
    return passed_over


@retrying
def accept(made: WaitlistOffer, *, by: Actor, now: datetime) -> Appointment:
    """Take the offered time. A visit they had moves there and its old time is free for the next; without one, it is booked.

    Pressing twice is harmless: the visit that came of it comes back.

    Raises:
        OfferOver: past its deadline, passed on, or given to somebody else; they stay on the list.
    """
    if (answered := _answered(made)) is not None:
        return _visit_of(answered, answered.held)
    had = made.entry.visit or Appointment.objects.visits().filter(response__isnull=False, response=made.entry.response_id).first()
    people = [made.practitioner_id, *([had.practitioner_id] if had else [])]
    rooms = rooms_of(made.entry.service) + ([had.room_id] if had and had.room_id else [])
    lock_and_sweep(people, rooms, now=now, keep=f"offer:{made.public_id}")
    entry = _locked(made.entry)  # before the offer, as everybody locks them
    made = _locked_offer(made)
    held = Appointment.objects.select_for_update().filter(offer=made).first()
    if not made.is_live(now) or held is None:
        return _visit_of(made, held)
    current = None
    if had is not None:
        current = rows.locked(Appointment.objects.select_related("service", "practitioner", "patient"), pk=had.pk)
        if current.status not in COMING or current.starts_at <= now:
            current = None
        elif current.practitioner_id not in people or entry.visit_id not in (None, had.pk):  # It was moved meanwhile.
            raise OfferOver(_("Your visit changed a moment ago. Look at it, then try again."))
    visit = _bring_forward(current, held, by=by, now=now) if current else _book_held(held, entry, by=by, now=now)
    made.state, made.answered_at = OfferState.ACCEPTED, now
    made.sequence += 1
    made.save(update_fields=["state", "answered_at", "sequence"])
    FreedTime.objects.filter(practitioner=made.practitioner, starts_at__lt=made.ends_at, ends_at__gt=made.starts_at).delete()
    _to(entry, Waiting.BOOKED, verb="accept_offer", by=by, now=now)
    return visit


def _visit_of(made: WaitlistOffer, held: Appointment | None) -> Appointment:
    """What came of an offer that cannot be taken now: the visit of whoever took it, else the refusal."""
    if made.state == OfferState.ACCEPTED and held is not None:
        return held
    raise OfferOver(_("That time was just taken. You are still on the list."))


def _bring_forward(visit: Appointment, held: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Move a visit into the time that is held for it: one visit, one link, one calendar entry; its old time is freed."""
    made, practitioner, start, room_id = held.offer, held.practitioner, held.starts_at, held.room_id
    Appointment.objects.filter(pk=held.pk).delete()
    before, left = visit.practitioner_id, span_of(visit)
    visit.previous = snapshot(visit, "move")
    place(visit, visit.service, practitioner, start, room_id)
    visit.offer, visit.lane = made, 0
    touch(visit, by=by, now=now, tells=True)
    if not update(visit, bump=[before, practitioner.pk], frees=left):
        raise explain(visit, now=now)
    detail = {"from": left[1].isoformat(), "to": start.isoformat(), "lane": 0}
    record("booking.move", by=by, now=now, obj=visit, detail=detail)
    return visit


def _book_held(held: Appointment, entry: WaitlistEntry, *, by: Actor, now: datetime) -> Appointment:
    """Turn the held time into a visit of its own."""
    response = entry.response if entry.response_id and not Appointment.objects.filter(response=entry.response).exists() else None
    held.helper = entry.helper
    make_visit(held, entry.patient, response, needs_call=False, by=by, now=now)
    if not update(held, bump=[held.practitioner_id], assigned_at=now):
        raise explain(held, now=now)
    record("booking.book", by=by, now=now, obj=held, subject_id=entry.patient_id, detail={"offer": True})
    return held


def _whose_visit_is_over(now: datetime) -> QuerySet[WaitlistEntry]:
    came = Q(visit__status__in=[Status.ARRIVED, Status.IN_ROOM, Status.FULFILLED, Status.NOSHOW])
    gone = Q(visit__status=Status.CANCELLED, visit__cancelled_by="patient", visit__cancelled_at__lt=now - OFFER_LIFE)
    return WaitlistEntry.objects.on_list().filter(came | gone)


def close_those_who_came(*, by: Actor, now: datetime) -> int:
    """Take those off the list whose visit is over, or who have cancelled it themselves. Returns how many.

    If that turns out to be a slip, and is undone, they are on it again.
    """
    return sum(_close(entry, by=by, now=now) for entry in _whose_visit_is_over(now))


@retrying
def _close(entry: WaitlistEntry, *, by: Actor, now: datetime) -> bool:
    entry = _locked(entry)
    still = _whose_visit_is_over(now).filter(pk=entry.pk).exists()
    return still and _off(entry, Waiting.OVER, by=by, now=now) is not None
