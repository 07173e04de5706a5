"""The zone's rules changed: visits keep the wall time that was agreed, so their instants move."""

from datetime import date, datetime, time

from django.utils.translation import gettext as _

from accounts import clock
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import BookingError, NotAllowed
from booking.actions.steps import ask_to_call
from booking.actions.visits import explain
from booking.actions.write_path import lock_and_sweep, locked, retrying, touch, update
from booking.models import COMING, Appointment

RULES = "rules"  # in place of who changed it: nobody did


def agreed_start(visit: Appointment) -> datetime:
    """The instant of the agreed wall time, by the zone rules of this process; of an hour that happens twice, the nearer."""
    day, at = date.fromisoformat(visit.local_start[:10]), time.fromisoformat(visit.local_start[11:])
    readings = [clock.instant(day, at, clock.zone_of(visit.zone), fold=fold) for fold in (0, 1)]
    return min(readings, key=lambda reading: abs(reading - visit.starts_at))


def moved_by_rules(*, now: datetime) -> list[tuple[Appointment, datetime]]:
    """Coming visits that stand at another instant than their wall time now means, with that instant.

    In the order in which they can move: whoever goes first makes room for the next.
    """
    coming = Appointment.objects.upcoming(now).select_related("practitioner", "service", "patient").order_by("starts_at")
    found = [(visit, start) for visit in coming.iterator() if (start := agreed_start(visit)) != visit.starts_at]
    later = [pair for pair in found if pair[1] > pair[0].starts_at]
    return [pair for pair in found if pair[1] < pair[0].starts_at] + later[::-1]


@retrying
def keep_wall_time(appointment: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """Put a visit back at the wall time that was agreed. Nobody is asked to confirm again; calendars hear of it.

    Raises:
        BookingError: somebody else has that time by now.
    """
    lock_and_sweep([appointment.practitioner_id], [appointment.room_id] if appointment.room_id else [], now=now)
    visit = locked(appointment, None)
    if visit.practitioner_id != appointment.practitioner_id or visit.room_id != appointment.room_id:
        raise NotAllowed(_("This visit changed a moment ago."))
    start, was = agreed_start(visit), visit.starts_at
    if visit.status not in COMING or start == was:
        return visit
    visit.starts_at, visit.ends_at = start, start + (visit.ends_at - was)
    visit.previous = {}  # One step back would be the wrong hour.
    touch(visit, by=by, now=now, tells=True)
    visit.changed_by = RULES
    if not update(visit, bump=[visit.practitioner_id]):
        raise explain(visit, now=now)
    detail = {"from": was.isoformat(), "to": start.isoformat(), "wall": visit.local_start, "zone": visit.zone}
    record("booking.keep_wall_time", by=by, now=now, obj=visit, detail=detail)
    return visit


def keep_wall_times(*, by: Actor, now: datetime) -> tuple[list[Appointment], list[Appointment]]:
    """Every visit that has to move, each in a transaction of its own: those that did, and those that are to be called.

    One that stands in another's way may have moved when it is that one's turn again.
    """
    done: list[Appointment] = []
    while True:
        stuck = []
        before = len(done)
        for visit, _start in moved_by_rules(now=now):
            try:
                done.append(keep_wall_time(visit, by=by, now=now))
            except BookingError:
                stuck.append(visit)
        if len(done) == before:
            break
    return done, [ask_to_call(visit, reason=_("New clock rules: agree on a time"), by=by, now=now) for visit in stuck]
