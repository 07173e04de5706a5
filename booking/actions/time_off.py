"""Time off: of one practitioner, or of the whole clinic. Booked visits stay; moving them is another verb."""

from collections.abc import Iterable
from datetime import date, datetime

from django.utils.translation import gettext as _

from accounts import clock
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed
from booking.actions.write_path import lock_and_sweep, retrying
from booking.models import Practitioner, TimeOff


def _lock(practitioner_id: int | None, *, now: datetime) -> list[int]:
    """Lock the calendars that a span of time off touches, and raise their revision."""
    touched = (
        [practitioner_id] if practitioner_id else list(Practitioner.objects.filter(active=True).values_list("pk", flat=True))
    )
    lock_and_sweep(touched, now=now)
    Practitioner.objects.calendar_changed(*touched)
    return touched


@retrying
def take_time_off(
    practitioner: Practitioner | None,
    kind: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    reason: str = "",
    by: Actor,
    now: datetime,
) -> TimeOff:
    """No openings from `starts_at` to `ends_at`. It may lie over booked visits, which stay.

    Args:
        practitioner: who is away; None closes the whole clinic.
        reason: private for a person; for a closure the word that everybody sees. Never in the trail.

    Raises:
        NotAllowed: it ends before it starts, is over already, or is entered already.
    """
    if ends_at <= starts_at:
        raise NotAllowed(_("Time off must end after it starts."))
    if ends_at <= now:
        raise NotAllowed(_("That time is over already."))
    _lock(practitioner.pk if practitioner else None, now=now)
    if TimeOff.objects.filter(practitioner=practitioner, starts_at__lte=starts_at, ends_at__gte=ends_at).exists():
        raise NotAllowed(
            _("%(who)s is away then already. Somebody may have entered it a moment ago: look under Planned.")
            % {"who": practitioner.short_name}
            if practitioner
            else _("The clinic is closed then already. Look under Planned.")
        )
    off = TimeOff.objects.create(practitioner=practitioner, kind=kind, starts_at=starts_at, ends_at=ends_at, reason=reason)
    detail = {"kind": kind, "from": starts_at.isoformat(), "to": ends_at.isoformat()}
    record("booking.take_time_off", by=by, now=now, obj=off, detail=detail)
    return off


@retrying
def end_time_off(off: TimeOff, *, by: Actor, now: datetime) -> bool:
    """The time can be booked again. What has begun ends now; what has not is as if it had never been. False: it was already."""
    _lock(off.practitioner_id, now=now)
    fresh = TimeOff.objects.select_for_update().filter(pk=off.pk, ends_at__gt=now).first()
    if fresh is None:
        return False
    detail = {"kind": fresh.kind, "from": fresh.starts_at.isoformat(), "to": fresh.ends_at.isoformat()}
    record("booking.end_time_off", by=by, now=now, obj=fresh, detail=detail)
    if fresh.starts_at < now:
        fresh.ends_at = now
        fresh.save(update_fields=["ends_at"])
    else:
        fresh.delete()
    return True


@retrying
def close_days(days: Iterable[tuple[date, str]], *, by: Actor, now: datetime) -> list[TimeOff]:
    """Close the whole clinic on these days, each with the word that everybody sees. A day closed already is left as it is."""
    zone = clock.clinic_zone()
    _lock(None, now=now)
    made = []
    for day, name in sorted(days):
        starts_at, ends_at = clock.day_bounds(day, zone)
        if ends_at <= now or TimeOff.objects.filter(practitioner=None, starts_at__lte=starts_at, ends_at__gte=ends_at).exists():
            continue
        kind = TimeOff.Kind.HOLIDAY
        made.append(TimeOff.objects.create(practitioner=None, kind=kind, starts_at=starts_at, ends_at=ends_at, reason=name[:200]))
        record("booking.close_day", by=by, now=now, obj=made[-1], detail={"date": day.isoformat()})
    return made
