"""By when a physician must have looked at what was sent. Pure: which days the clinic works is given."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.wall import day_bounds

WORKING_DAYS = 2
_LONGEST = 60  # days a clinic is closed in a row, at most


def due_at(sent_at: datetime, *, same_day: bool, works: Callable[[date], bool], zone: ZoneInfo) -> datetime:
    """The end of the clinic's day by which it is due: the day it was sent, or the second working day after it.

    Args:
        same_day: an answer asks for somebody the same day, working day or not.
        works: whether the clinic works on a day.
    """
    day, left = sent_at.astimezone(zone).date(), 0 if same_day else WORKING_DAYS
    for _day in range(_LONGEST):
        if not left:
            break
        day += timedelta(days=1)
        left -= works(day)
    return day_bounds(day, zone)[1]
