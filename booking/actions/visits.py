"""A visit comes to be, and gets another time."""

import uuid
from collections import Counter
from datetime import datetime, timedelta
from functools import partial

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import clock, limits
from accounts.links import new_link
from accounts.models import Clinic, User
from audit import rows
from audit.actions import event, record, record_all
from audit.actor import Actor
from booking import calendar
from booking.actions.errors import BookingError, NotAllowed, TooLate, Warned
from booking.actions.write_path import (
    Wanted,
    insert,
    lock_and_sweep,
    locked,
    place,
    put,
    retrying,
    rooms_of,
    send,
    snapshot,
    span_of,
    stale,
    taken,
    touch,
    update,
)
from booking.links import PURPOSE
from booking.models import COMING, OPEN, Appointment, Practitioner, Service, Status
from booking.reasons import all_against, in_words
from booking.rebooking import out_words
from booking.words import span
from intake.actions import attach_patient, complete
from intake.models import QuestionnaireResponse
from patients.actions import Contact, add_helper, identify, shown_by
from patients.helpers import HelperContact
from patients.models import Patient

NOT_CHECKED = gettext_noop("Contact not checked")
UNCHECKED_PER_ADDRESS = 3  # visits a day without a code
UNCHECKED_OPEN = 20  # of them on the call list at once

# The visit of a response that was booked before, and this browser's hold, found by its place (as `journey` says).
_OWN = (
    f"SELECT {rows.columns(Appointment, 'a')} FROM booking_appointment a WHERE a.response_id = %s "
    "OR (a.hold_key = %s AND a.practitioner_id = %s AND a.starts_at = %s) FOR UPDATE"
)


@retrying
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
    helper: HelperContact | None = None,
    address: str = "",
    by: Actor,
    now: datetime,
) -> Appointment:
    """Book a visit for the person behind a draft: hold, patient, consents, answers and audit in one transaction.

    Pressing twice is harmless: a response that already has an appointment gets that one back.

    Args:
        checked_channel: "email" or "text" when a code to that contact came back; None books too, marked "to be called".
        helper: who books for the patient. The code came back from the helper then, and proves nothing of the patient's contact.
        declared_at, signature: the statement of truth; given when the questionnaire is complete, which then is sent.
        address: the client's network address, counted but not kept where nobody's code came back.
        hold_key: this browser's; its hold, live or expired but not taken, becomes the booking.

    Raises:
        SlotTaken: the time is gone, or was never offered.
        NotAllowed: this patient has a visit at that time.
        IntakeError: the answers cannot be sent.
    """
    rooms = rooms_of(service)
    wanted = Wanted(practitioner, start, service)
    free_yet = lock_and_sweep([practitioner.pk], rooms, now=now, keep=hold_key, responses=[response.pk], wanted=wanted)
    known: list[Appointment] = [
        rows.instances(row, Appointment)[0] for row in rows.fetch(_OWN, [response.pk, hold_key or "-", practitioner.pk, start])
    ]
    for row in known:
        if row.response_id == response.pk and row.status != Status.HELD:
            return row
    if not free_yet:
        raise taken(service, start, now=now)
    own = next((row for row in known if row.service_id == service.pk), None)
    free = calendar.free_start(service, practitioner, start, own=own.pk if own else None, for_staff=False, now=now)
    # A time that was offered and held stays good although its notice has meanwhile run out.
    if free is None and (own is None or not _still_works(service, practitioner, own, now=now)):
        raise taken(service, start, now=now)
    if checked_channel is None:
        _unchecked(address, now=now)
    # What is written when a visit is booked, from patient to trail, is gathered here and sent as one statement.
    writes = rows.Together()
    shown = shown_by(checked_channel, contact, helper)
    patient = identify(contact, checked_channel=shown, mine=response.patient_id, by=by, now=now, into=writes)
    visit = own or Appointment(created_at=now, source=Appointment.Source.WEB)
    place(visit, service, practitioner, start, (free.room_id or None) if free else visit.room_id)
    visit.article = article or visit.article
    visit.helper = add_helper(patient, helper, checked_channel=checked_channel, now=now) if helper else None
    make_visit(visit, patient, response, needs_call=checked_channel is None, by=by, now=now)
    put(visit, assigned_at=now, into=writes)
    if signature:
        complete(response, patient=patient, declared_at=declared_at or now, signature=signature, by=by, now=now, into=writes)
    else:
        attach_patient(response, patient, by=by, now=now, into=writes)
    detail = {"checked": checked_channel or "", "held": own is not None, "sent": bool(signature)}
    told = [event("booking.book", by=by, now=now, obj=visit, subject_id=patient.pk, detail=detail)]
    if helper:
        told.append(event("booking.name_helper", by=by, now=now, obj=visit, subject_id=patient.pk))
    record_all(told, into=writes)
    try:
        send(writes, partial(explain, visit, now=now))
    except rows.Missed:  # Somebody else wrote to the answers; `retrying` tries again.
        response.refresh_from_db()
        raise
    return visit


def _unchecked(address: str, *, now: datetime) -> None:
    """Refuse to book for one more whom nobody can vouch for: too many from there today, or too many still to be called."""
    waiting = Appointment.objects.upcoming(now).filter(needs_call=True, call_reason__contains=_(NOT_CHECKED)).count()
    if waiting >= UNCHECKED_OPEN or not limits.hit(
        f"book-unchecked:{address}", limit=UNCHECKED_PER_ADDRESS, window=timedelta(days=1), now=now
    ):
        text = _("We cannot book one more visit without a code right now. Call %(phone)s and we will book it with you.")
        raise NotAllowed(text % {"phone": Clinic.current().phone})


def _still_works(service: Service, practitioner: Practitioner, own: Appointment, *, now: datetime) -> bool:
    """True if a held start is still within the practitioner's hours, whatever the notice."""
    return (
        own.starts_at > now
        and calendar.free_start(service, practitioner, own.starts_at, own=own.pk, for_staff=True, now=now) is not None
    )


def make_visit(
    visit: Appointment, patient: Patient, response: QuestionnaireResponse | None, *, needs_call: bool, by: Actor, now: datetime
) -> None:
    """Turn a held or new row into a booked one with its private link."""
    visit.status, visit.patient, visit.response = Status.BOOKED, patient, response
    visit.hold_expires_at, visit.hold_extensions, visit.hold_key = None, 0, ""
    visit.booked_at = now
    visit.needs_call, visit.call_reason = needs_call, _(NOT_CHECKED) if needs_call else ""
    secret = new_link(PURPOSE, visit.public_id, visit.link_generation)
    visit.link_key_id, visit.link_sha256 = secret.key_id, secret.sha256
    visit.previous = {}
    touch(visit, by=by, now=now)
    visit.version = max(visit.version, 1)


def explain(visit: Appointment, *, now: datetime) -> BookingError:
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
    return taken(visit.service, visit.starts_at, now=now)


@retrying
def book_for(
    service: Service,
    practitioner: Practitioner,
    start: datetime,
    *,
    patient: Patient | None,
    contact: Contact | None,
    helper: HelperContact | None = None,
    overbook: bool = False,
    told: str | None = None,
    by: Actor,
    now: datetime,
) -> Appointment:
    """Book for a caller. Staff are warned by the policy, not bound by it.

    Pressing twice is harmless: a patient who has this very visit already gets that one back.

    Args:
        patient: the person on file, or None to make one from `contact`.
        helper: who called for the patient, if it was somebody else.
        overbook: go on after a warning; an overlap then takes the lowest free lane, at most three beside the first.
        told: what the warning was about (`Warned.told`); what has come since is asked about. None does not ask.

    Raises:
        Warned: outside hours, in time off, over another visit, or without a room, and that was not said yes to.
        SlotTaken, NotAllowed: it cannot be done at all.
    """
    rooms = rooms_of(service)
    free_yet = lock_and_sweep(
        [practitioner.pk], rooms, now=now, wanted=None if overbook else Wanted(practitioner, start, service)
    )
    free = calendar.free_start(service, practitioner, start, own=None, for_staff=True, now=now) if free_yet else None
    if free is None:
        same = Appointment.objects.filter(practitioner=practitioner, service=service, starts_at=start)
        if patient is not None and (twice := same.filter(patient=patient, status__in=COMING).first()):
            return twice
        room_id, over = _insist(practitioner, start, service, overbook=overbook, told=told, now=now)
    else:
        room_id, over = free.room_id or None, []
    if patient is None:
        if contact is None:
            raise NotAllowed(_("Choose who the visit is for."))
        patient = identify(contact, checked_channel=None, by=by, now=now)
    visit = Appointment(created_at=now, source=Appointment.Source.DESK, created_by=User.objects.filter(pk=by.id).first())
    place(visit, service, practitioner, start, room_id)
    visit.helper = add_helper(patient, helper, checked_channel=None, now=now) if helper else None
    make_visit(visit, patient, None, needs_call=False, by=by, now=now)
    for lane in (0, 1, 2, 3) if free is None else (0,):
        visit.lane = lane
        if insert(visit, assigned_at=now):
            detail = {"lane": lane} | ({"in_spite_of": over} if over else {})
            record("booking.book_for", by=by, now=now, obj=visit, subject_id=patient.pk, detail=detail)
            if helper:
                record("booking.name_helper", by=by, now=now, obj=visit, subject_id=patient.pk)
            return visit
    raise explain(visit, now=now)


def _insist(
    practitioner: Practitioner,
    start: datetime,
    service: Service,
    *,
    overbook: bool,
    told: str | None,
    own: int | None = None,
    now: datetime,
) -> tuple[int | None, list[str]]:
    """The room of a start that the listing does not show, for staff who book it all the same, and the reasons they went over.

    Raises:
        Warned: they do not know yet what stands against it, or not all of it.
    """
    found, room = all_against(service, practitioner, start, now=now, own=own)
    if not found:  # It was given back this moment.
        raise taken(service, start, now=now, own=own)
    marks = [refusal.mark for refusal in found]
    if not overbook or (told is not None and not Counter(marks) <= Counter(told.split())):
        reasons = dict.fromkeys(in_words(refusal, service, practitioner, start) for refusal in found)
        raise Warned(_("%(reason)s Book anyway?") % {"reason": " ".join(reasons)}, " ".join(marks))
    return room, [refusal.reason for refusal in found]


@retrying
def move(
    appointment: Appointment,
    practitioner: Practitioner,
    start: datetime,
    *,
    by: Actor,
    now: datetime,
    version: int | None = None,
    overbook: bool = False,
    told: str | None = None,
) -> Appointment:
    """Move a visit. The old time is kept until the new one is taken; its own time counts as free.

    Raises:
        TooLate: a patient past the cut-off.
        SlotTaken, Warned, Stale, NotAllowed.
    """
    rooms = rooms_of(appointment.service)
    rooms += [appointment.room_id] if appointment.room_id else []
    wanted = None if overbook else Wanted(practitioner, start, appointment.service, own=appointment.pk)
    free_yet = lock_and_sweep([practitioner.pk, appointment.practitioner_id], rooms, now=now, wanted=wanted)
    if not free_yet and not by.is_staff:  # Whatever has become of the visit, this time is not to be had.
        raise taken(appointment.service, start, now=now, own=appointment.pk)
    visit = _to_move(appointment, practitioner, version, by=by, now=now)
    if visit.starts_at == start and visit.practitioner_id == practitioner.pk:
        return visit
    free = (
        calendar.free_start(visit.service, practitioner, start, own=visit.pk, for_staff=by.is_staff, now=now)
        if free_yet
        else None
    )
    if free is None and not by.is_staff:
        raise taken(visit.service, start, now=now, own=visit.pk)
    if free is None:
        room_id, over = _insist(practitioner, start, visit.service, overbook=overbook, told=told, own=visit.pk, now=now)
    else:
        room_id, over = free.room_id or None, []
    before, left = visit.practitioner_id, span_of(visit)
    previous = snapshot(visit, "move")
    place(visit, visit.service, practitioner, start, room_id)
    visit.previous = previous
    if visit.status == Status.CONFIRMED:
        # A new time wants a new yes from a patient whom the clinic moved; who moves it himself has said so.
        visit.status = Status.BOOKED if by.is_staff else Status.CONFIRMED
    touch(visit, by=by, now=now, tells=True)
    if by.is_staff and visit.drop_call(out := out_words(appointment.practitioner)):
        previous["call"] = out  # who was to be called because nobody is there then; they are again if this is undone
    for lane in (0, 1, 2, 3) if free is None else (0,):
        visit.lane = lane
        if update(visit, bump=[before, practitioner.pk], frees=left):
            record(
                "booking.move", by=by, now=now, obj=visit,
                detail={"from": previous["starts_at"], "to": start.isoformat(), "lane": lane}
                | ({"in_spite_of": over} if over else {}),
            )  # fmt: skip
            return visit
    raise explain(visit, now=now)


def _to_move(
    appointment: Appointment, practitioner: Practitioner, version: int | None, *, by: Actor, now: datetime
) -> Appointment:
    """The visit, locked, if it may be moved to this practitioner."""
    visit = locked(appointment, version)
    if visit.practitioner_id not in (practitioner.pk, appointment.practitioner_id):
        raise stale(visit)
    if visit.status not in COMING:
        raise NotAllowed(_("This visit cannot be moved any more."))
    if not by.is_staff and now > visit.move_deadline():
        words = {"span": span(visit.service.reschedule_cutoff_minutes), "phone": Clinic.current().phone}
        raise TooLate(_("It is less than %(span)s away. Call %(phone)s and we will do our best") % words)
    return visit
