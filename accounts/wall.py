"""Wall time and instants, without a database or a clock: the one place where wall time becomes an instant.

Instants are aware datetimes in UTC. The zone rules shipped with the pinned `tzdata` package win over whatever the operating
system has: a stale system copy shifts future visits.
"""

import zoneinfo
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import tzdata

zoneinfo.reset_tzpath(to=())
UTC = zoneinfo.ZoneInfo("UTC")


@lru_cache(maxsize=64)
def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The IANA zone `name`.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: for a name the pinned tzdata does not know.
    """
    return zoneinfo.ZoneInfo(name)


def tzdata_version() -> str:
    """The edition of the zone rules that this process uses, such as "2026c"."""
    return str(tzdata.IANA_VERSION)


def instant(day: date, wall: time, zone: zoneinfo.ZoneInfo, *, fold: int = 0) -> datetime:
    """The instant, in UTC, at which clocks in `zone` show `wall` on `day`.

    A wall time that the clock skips becomes the first valid instant after the gap (02:30 on a spring day is 03:00).
    A wall time that happens twice is the first one, or the second with `fold=1`.
    """
    utc = datetime.combine(day, wall, tzinfo=zone).replace(fold=fold).astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, wall):
        return utc
    # In a gap: zoneinfo applies the offset before it with fold=0 and after it with fold=1; the gap lies between.
    later = datetime.combine(day, wall, tzinfo=zone).replace(fold=0).astimezone(UTC)
    earlier = datetime.combine(day, wall, tzinfo=zone).replace(fold=1).astimezone(UTC)
    low, high = int(min(earlier, later).timestamp()), int(max(earlier, later).timestamp())
    return datetime.fromtimestamp(clock_change(low, high, zone), UTC)


def offset(at: int, zone: zoneinfo.ZoneInfo) -> int:
    """By how many seconds clocks in `zone` are ahead of UTC at an instant (seconds since 1970)."""
    return int((datetime.fromtimestamp(at, zone).utcoffset() or timedelta()).total_seconds())


def clock_change(low: int, high: int, zone: zoneinfo.ZoneInfo) -> int:
    """The first second at which clocks in `zone` have another offset than at `low`; they change once up to `high`."""
    before = offset(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def is_ambiguous(day: date, wall: time, zone: zoneinfo.ZoneInfo) -> bool:
    """True when clocks in `zone` show `wall` twice on `day`, or never."""
    moment = datetime.combine(day, wall, tzinfo=zone)
    return moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()


def day_bounds(day: date, zone: zoneinfo.ZoneInfo) -> tuple[datetime, datetime]:
    """The half-open span of a local day, in UTC: 23, 24 or 25 hours long."""
    return instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone)


def days_before(moment: datetime, days: int, zone: zoneinfo.ZoneInfo) -> datetime:
    """The same wall time `days` calendar days earlier, in UTC (not `days` times 24 hours)."""
    there = moment.astimezone(zone)
    return instant(there.date() - timedelta(days=days), there.time().replace(tzinfo=None), zone, fold=there.fold)
