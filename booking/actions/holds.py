"""A time held for a browser while its person answers: an appointment with an expiry."""

import uuid
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts import clock, limits
from audit.actions import record
from audit.actor import Actor
from booking import calendar, slots
from booking.actions.errors import HoldEnded, SlotTaken
from booking.actions.write_path import Wanted, insert, lock_and_sweep, place, retrying, rooms_of, taken, update
from booking.models import Appointment, Practitioner, Service, Status

HOLD_EXTENSION = timedelta(minutes=15)
MOST_OF_ONE = timedelta(minutes=60)  # however often the browser picks another time meanwhile
HOLDS_PER_ADDRESS = 3  # new holds an hour
HOLD_SHARE = 0.05  # of the visits that fit into a week; above it booking goes on without holds


@retrying
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

    One hold per browser: picking another time moves it, picking the same one does not renew it. Returns None when no hold is
    made because this address has made three in this hour, or because holds already fill 5 % of the coming week; booking then
    goes on unheld.

    Args:
        address: the client's network address, counted but not kept.
        minutes: how long to hold: 15 from the time page, 30 from Start.

    Raises:
        SlotTaken: the time is not free, or was never offered.
    """
    rooms = rooms_of(service)
    own = Appointment.objects.filter(status=Status.HELD, hold_key=hold_key).first()

    def gone() -> SlotTaken:
        return taken(service, start, now=now, own=own.pk if own else None)

    people = [practitioner.pk, *([own.practitioner_id] if own else [])]
    if not lock_and_sweep(people, rooms, now=now, keep=hold_key, wanted=Wanted(practitioner, start, service)):
        raise gone()
    own = Appointment.objects.select_for_update().filter(status=Status.HELD, hold_key=hold_key).first()
    free = calendar.free_start(service, practitioner, start, own=own.pk if own else None, for_staff=False, now=now)
    if free is None:
        raise gone()
    is_new = own is None or own.hold_expires_at is None or own.hold_expires_at <= now
    if is_new and not _may_hold(service, address, now=now):
        return None
    held = own or Appointment(status=Status.HELD, hold_key=hold_key, source=Appointment.Source.WEB)
    before, had = (held.practitioner_id if own else practitioner.pk), (held.practitioner_id, held.starts_at)
    place(held, service, practitioner, start, free.room_id or None)
    held.article = article or held.article
    if is_new:
        held.created_at, held.hold_extensions, held.hold_expires_at = now, 0, now + timedelta(minutes=minutes)
    elif had != (practitioner.pk, start):
        held.hold_expires_at = min(now + timedelta(minutes=minutes), held.created_at + MOST_OF_ONE)
    held.changed_at = now
    if not (update(held, bump=[before, practitioner.pk]) if own else insert(held)):
        raise gone()
    record("booking.hold", by=by, now=now, obj=held, detail={"minutes": minutes})
    return held


def _may_hold(service: Service, address: str, *, now: datetime) -> bool:
    """False when this address, or everybody together, holds too much."""
    today = clock.today(now)
    until = today + timedelta(days=6)
    week = calendar.load(service, since=today, until=until, now=now)
    size = slots.capacity(week, calendar.rules_of(service, now=now), since=today, until=until, zone=clock.clinic_zone())
    browsers = Appointment.objects.filter(status=Status.HELD, source=Appointment.Source.WEB, offer=None)
    live = browsers.filter(hold_expires_at__gt=now).count()
    if live >= max(1, int(size * HOLD_SHARE)):
        return False
    return limits.hit(f"hold:{address}", limit=HOLDS_PER_ADDRESS, window=timedelta(hours=1), now=now)


@retrying
def extend_hold(appointment: Appointment, *, hold_key: str, by: Actor, now: datetime) -> Appointment:
    """Keep a hold 15 minutes longer, twice at most.

    Raises:
        HoldEnded: gone, not this browser's, or extended twice already.
    """
    held = Appointment.objects.select_for_update().filter(pk=appointment.pk, status=Status.HELD, hold_key=hold_key).first()
    if held is None or held.hold_expires_at is None or not held.may_extend:
        raise HoldEnded(
            _("We could not hold %(time)s any longer. Your answers are safe. It may still be free:")
            % {"time": clock.clock_time(appointment.starts_at)}
        )
    held.hold_expires_at = max(held.hold_expires_at, now) + HOLD_EXTENSION
    held.hold_extensions += 1
    held.save(update_fields=["hold_expires_at", "hold_extensions"])
    Practitioner.objects.calendar_changed(held.practitioner_id)  # it may have expired
    record("booking.extend_hold", by=by, now=now, obj=held)
    return held


@retrying
def release_hold(appointment: Appointment, *, hold_key: str, by: Actor, now: datetime) -> None:
    """Give a held time back. Nothing happens if it is gone already or somebody else's."""
    held = Appointment.objects.select_for_update().filter(pk=appointment.pk, status=Status.HELD, hold_key=hold_key).first()
    if held is None:
        return
    record("booking.release_hold", by=by, now=now, obj=held)
    Practitioner.objects.calendar_changed(held.practitioner_id)
    held.delete()
