"""Visits that belong together: booked in one go, and moved or cancelled from one of them on."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from accounts import clock
from accounts.models import User
from audit.actions import record
from audit.actor import Actor
from booking import calendar
from booking.actions.errors import BookingError, NotAllowed, SeriesTaken
from booking.actions.steps import cancel
from booking.actions.visits import make_visit, move
from booking.actions.write_path import insert, lock_and_sweep, locked, place, retrying, rooms_of, stale
from booking.models import COMING, Appointment, Practitioner, Service
from booking.series import shifted
from patients.models import Patient


@retrying
def book_series(
    service: Service, wanted: Sequence[tuple[Practitioner, datetime]], *, patient: Patient, by: Actor, now: datetime
) -> list[Appointment]:
    """Book all of these starts for a patient, or none.

    Raises:
        SeriesTaken: some cannot be had; `lost` says which (from 0). Nothing is booked then.
    """
    if len(wanted) < 2:
        raise NotAllowed(_("A series has two visits or more."))
    lock_and_sweep({who.pk for who, _start in wanted}, rooms_of(service), now=now)
    user, series = User.objects.filter(pk=by.id).first(), uuid.uuid4()
    made: list[Appointment] = []
    lost: list[int] = []
    for number, (who, start) in enumerate(wanted):
        free = calendar.free_start(service, who, start, own=None, for_staff=True, now=now) if start > now else None
        visit = Appointment(created_at=now, source=Appointment.Source.DESK, created_by=user, series=series)
        if free is not None:
            place(visit, service, who, start, free.room_id or None)
            make_visit(visit, patient, None, needs_call=False, by=by, now=now)
        if free is None or not insert(visit, assigned_at=now):
            lost.append(number)
            continue
        record("booking.book_for", by=by, now=now, obj=visit, subject_id=patient.pk, detail={"series": str(series)})
        made.append(visit)
    if lost:
        raise _taken([wanted[n][1] for n in lost], lost, _("Nothing is booked: %(when)s cannot be had."))
    return made


def _taken(starts: Iterable[datetime], lost: list[int], words: str) -> SeriesTaken:
    when = _(" and ").join(clock.long_when(start) for start in starts)
    return SeriesTaken(words % {"when": when}, lost)


def from_here_on(visit: Appointment, *, now: datetime) -> list[Appointment]:
    """The coming visits of a series from this one on, in order of time."""
    if visit.series is None:
        return [visit]
    rest = Appointment.objects.upcoming(now).filter(series=visit.series, starts_at__gte=visit.starts_at)
    return list(rest.select_related("service", "practitioner", "patient", "room").order_by("starts_at"))


@retrying
def move_series(
    appointment: Appointment, practitioner: Practitioner, start: datetime, *, by: Actor, now: datetime, version: int | None = None
) -> list[Appointment]:
    """Move a visit, and those of its series that follow by as many days and wall minutes; all of them or none.

    Raises:
        SeriesTaken: some of the new times cannot be had; the text says which.
        Stale, NotAllowed.
    """
    seen = from_here_on(appointment, now=now)
    people = {practitioner.pk, *(v.practitioner_id for v in seen)}
    rooms = {*rooms_of(appointment.service), *(v.room_id for v in seen if v.room_id)}
    lock_and_sweep(people, rooms, now=now)
    first = locked(appointment, version)
    rest = from_here_on(first, now=now)  # as it is now that nobody else can move it
    if any(visit.practitioner_id not in people for visit in rest):
        raise stale(first)
    if first.pk not in {visit.pk for visit in rest}:
        raise NotAllowed(_("This visit cannot be moved any more."))
    old = first.starts_at
    plan = [(visit, shifted(visit.starts_at, old=old, new=start)) for visit in rest]
    # Away from each other: whichever goes first must not land on one that has not moved yet.
    done: dict[int, Appointment] = {}
    lost: list[tuple[int, datetime]] = []
    for visit, to in reversed(plan) if start > old else plan:
        try:
            done[visit.pk] = move(visit, practitioner, to, by=by, now=now, version=visit.version)
        except BookingError:
            lost.append((rest.index(visit), to))
    if lost:
        lost.sort()
        raise _taken([at for _n, at in lost], [n for n, _at in lost], _("Nothing has moved: %(when)s cannot be had."))
    return [done[visit.pk] for visit in rest]


@retrying
def cancel_series(
    appointment: Appointment, *, reason: str = "", by: Actor, now: datetime, version: int | None = None
) -> list[Appointment]:
    """Cancel a visit and those of its series that follow. Each can be taken back on its own."""
    first = locked(appointment, version)
    if first.status not in COMING:
        raise NotAllowed(_("This visit cannot be cancelled any more."))
    rest = [visit for visit in from_here_on(first, now=now) if visit.pk != first.pk]
    return [cancel(visit, reason=reason, by=by, now=now) for visit in (first, *rest)]
