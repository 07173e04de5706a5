"""Which days the clinic works: days with weekly hours, without those that the whole clinic is off."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts import clock
from booking.models import Availability, TimeOff

_MIDNIGHT = time(0)


@dataclass(slots=True)
class WorkDays:
    """`days(date)` is True on a working day. `hours`: weekday → when the first begins and the last ends."""

    zone: ZoneInfo
    hours: dict[int, tuple[time, time]] = field(default_factory=dict)
    off: list[tuple[datetime, datetime]] = field(default_factory=list)

    def __call__(self, day: date) -> bool:
        """Whether somebody works on that day. A clinic without hours yet works Monday to Friday."""
        span = self.hours.get(day.weekday()) if self.hours else (time(9), time(17)) if day.weekday() < 5 else None
        if span is None:
            return False
        opens = clock.instant(day, span[0], self.zone)
        closes = clock.instant(day + timedelta(days=span[1] == _MIDNIGHT), span[1], self.zone)
        return not any(since <= opens and until >= closes for since, until in self.off)


def _spans(rows: Iterable[tuple[int, time, time]]) -> dict[int, tuple[time, time]]:
    """Per weekday, from the first start to the last end; an end of 00:00 is the end of the day."""
    found: dict[int, tuple[time, time]] = {}
    for weekday, start, end in rows:
        first, last = found.get(weekday, (start, end))
        later = _MIDNIGHT if _MIDNIGHT in (last, end) else max(last, end)
        found[weekday] = (min(first, start), later)
    return found


def load(since: date, until: date) -> WorkDays:
    """The working days of a span, in two statements whatever its length."""
    zone = clock.clinic_zone()
    hours = Availability.objects.filter(practitioner__active=True, valid_from__lte=until).exclude(valid_until__lt=since)
    off = TimeOff.objects.filter(practitioner=None, ends_at__gt=clock.day_bounds(since, zone)[0])
    return WorkDays(
        zone,
        _spans(hours.values_list("weekday", "local_start", "local_end").distinct()),
        list(off.filter(starts_at__lt=clock.day_bounds(until, zone)[1]).values_list("starts_at", "ends_at")),
    )
