"""Who on the waiting list fits a free time, and in which order: pure, like `booking.slots`. No database, no clock.

Instants are whole seconds since 1970 (UTC). Days and halves of days are the clinic's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.wall import day_bounds
from booking.slots import Start
from booking.waitlist import Notice, half_day_bit


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody on the list can use."""

    entry_id: int
    people: frozenset[int]  # physicians they asked for; empty: any
    times: int  # a bit per half day
    earliest: int  # the first instant that is not too soon for them
    before: int | None  # start of the visit they have: only something earlier is of use
    asked: tuple[tuple[int, int, int], ...]  # (physician, from, until) of what they were offered before
    urgent: bool
    joined: int


def earliest_for(notice: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of which somebody still hears early enough.

    "The day before" and "3 days before" are calendar days, so the night a clock changes makes no difference.
    """
    if notice == Notice.HOURS:
        return now + timedelta(hours=2)
    ahead = 1 if notice == Notice.DAY else 3
    return day_bounds(now.astimezone(zone).date() + timedelta(days=ahead), zone)[0]


def fits(wish: Wish, start: Start, zone: ZoneInfo) -> bool:
    """True if this start is of use, and does not lie in a time they were offered before: who passed is not asked again."""
    there = datetime.fromtimestamp(start.at, zone)
    return (
        start.at >= wish.earliest
        and (wish.before is None or start.at < wish.before)
        and (not wish.people or start.practitioner_id in wish.people)
        and bool(wish.times & half_day_bit(there.weekday(), there.hour))
        and not any(person == start.practitioner_id and low <= start.at < high for person, low, high in wish.asked)
    )


def in_order(wishes: Iterable[Wish], start: Start, zone: ZoneInfo) -> list[Wish]:
    """Those who fit: urgent ones, then who asked for this physician by name, then who waits longest."""
    able = [wish for wish in wishes if fits(wish, start, zone)]
    return sorted(able, key=lambda w: (not w.urgent, start.practitioner_id not in w.people, w.joined, w.entry_id))
