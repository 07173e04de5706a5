"""Saying that a physician runs late, and taking it back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import clock
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed
from booking.late import AHEAD, MINUTES, RunningLate
from booking.models import COMING, Appointment, Practitioner


def still_to_come(practitioner_id: int, *, since: datetime, until: datetime) -> list[Appointment]:
    """Visits of a physician that start in between, whose patients have not arrived."""
    coming = Appointment.objects.filter(practitioner=practitioner_id, status__in=COMING)
    found = coming.filter(starts_at__gt=since, starts_at__lt=until).select_related("service", "patient", "helper")
    return list(found.order_by("starts_at", "pk"))


@transaction.atomic
def say_late(practitioner: Practitioner, minutes: int, *, by: Actor, now: datetime) -> tuple[RunningLate, int]:
    """Say that a physician is about so many minutes behind. What was said before counts no more.

    Returns:
        the fact, and how many visits of the next three hours (of today) it is for.

    Raises:
        NotAllowed: not a number of minutes that is offered, or nobody is expected.
    """
    if minutes not in MINUTES:
        raise NotAllowed(_("Choose how many minutes"))
    Practitioner.objects.select_for_update(no_key=True).get(pk=practitioner.pk)
    until = min(now + AHEAD, clock.day_bounds(clock.today(now), clock.clinic_zone())[1])
    visits = still_to_come(practitioner.pk, since=now, until=until)
    if not visits:
        raise NotAllowed(_("Nobody else is expected in the next three hours, so there is nobody to tell."))
    _end_last(practitioner, now=now)
    said = RunningLate.objects.create(practitioner=practitioner, minutes=minutes, said_at=now, until=until)
    record("booking.say_late", by=by, now=now, obj=said, detail={"minutes": minutes, "visits": len(visits)})
    return said, len(visits)


@transaction.atomic
def on_time_again(practitioner: Practitioner, *, by: Actor, now: datetime) -> bool:
    """Take it back: whoever has not been told yet is not told. False if nothing was said."""
    Practitioner.objects.select_for_update(no_key=True).get(pk=practitioner.pk)
    last = _end_last(practitioner, now=now)
    if last is not None:
        record("booking.on_time_again", by=by, now=now, obj=last)
    return last is not None


def _end_last(practitioner: Practitioner, *, now: datetime) -> RunningLate | None:
    last = RunningLate.objects.filter(practitioner=practitioner, ended_at=None).first()
    if last is not None:
        last.ended_at = now
        last.sequence += 1
        last.save(update_fields=["ended_at", "sequence"])
    return last
