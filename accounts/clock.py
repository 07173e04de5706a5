"""Time for people: the clinic's clock, and instants in the clinic's words. Wall time becomes an instant in accounts/wall.py.

Instants are aware datetimes in UTC. Wall time belongs to the clinic's zone. Formats follow the clinic's style:
"Thursday, March 12 at 10:20 a.m."
"""

import zoneinfo
from datetime import date, datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Clinic
from accounts.wall import UTC, day_bounds, days_before, instant, is_ambiguous, zone_of

__all__ = ["UTC", "day_bounds", "days_before", "instant", "is_ambiguous", "zone_of"]
NBSP = "\u00a0"
_MONTHS = "January February March April May June July August September October November December".split()
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def now() -> datetime:
    """This instant, in UTC."""
    return timezone.now()


def clinic_zone() -> zoneinfo.ZoneInfo:
    """The clinic's time zone."""
    return zone_of(Clinic.current().zone)


def local(moment: datetime, zone: zoneinfo.ZoneInfo | None = None) -> datetime:
    """`moment` on the clinic's clock."""
    return moment.astimezone(zone or clinic_zone())


def today(at: datetime | None = None) -> date:
    """The clinic's date at an instant (default: this one)."""
    return local(at or now()).date()


def clock_time(moment: datetime) -> str:
    """ "10:20 a.m." with a no-break space; noon and midnight in words."""
    there = local(moment)
    if (there.hour, there.minute) == (12, 0):
        return _("noon")
    if (there.hour, there.minute) == (0, 0):
        return _("midnight")
    return wall_time(there.time())


def wall_time(wall: time) -> str:
    """ "1:30 a.m.": what a clock shows, whatever the instant."""
    half = _("a.m.") if wall.hour < 12 else _("p.m.")
    return f"{wall.hour % 12 or 12}:{wall.minute:02d}{NBSP}{half}"


def ended(text: str) -> str:
    """`text` with a full stop, unless it ends in one: "10:57 a.m." is the end of a sentence already."""
    return text if text.endswith(".") else f"{text}."


def _as_date(value: datetime | date) -> date:
    return local(value).date() if isinstance(value, datetime) else value


def weekday(number: int) -> str:
    """ "Monday"; 0 is Monday."""
    return _(WEEKDAYS[number])


def month_day(value: datetime | date) -> str:
    """ "March 12"."""
    day = _as_date(value)
    return f"{_(_MONTHS[day.month - 1])}{NBSP}{day.day}"


def long_date(value: datetime | date) -> str:
    """ "Thursday, March 12"."""
    return f"{weekday(_as_date(value).weekday())}, {month_day(value)}"


def full_date(value: datetime | date) -> str:
    """ "Thursday, March 12, 2026"."""
    return f"{long_date(value)}, {_as_date(value).year}"


def written_date(value: date) -> str:
    """ "March 27, 1987"."""
    return f"{month_day(value)}, {value.year}"


def short_date(value: datetime | date) -> str:
    """ "Thu, March 12"."""
    return f"{weekday(_as_date(value).weekday())[:3]}, {month_day(value)}"


def long_when(moment: datetime) -> str:
    """ "Thursday, March 12 at 10:20 a.m."."""
    return _("%(date)s at %(time)s") % {"date": long_date(moment), "time": clock_time(moment)}


def sms_date(value: datetime | date) -> str:
    """ "Thu Mar 12", for texts."""
    day = _as_date(value)
    return f"{WEEKDAYS[day.weekday()][:3]} {_MONTHS[day.month - 1][:3]} {day.day}"


def sms_time(moment: datetime) -> str:
    """ "10:20 am", for texts."""
    there = local(moment)
    return f"{there.hour % 12 or 12}:{there.minute:02d} {'am' if there.hour < 12 else 'pm'}"


def sms_when(moment: datetime) -> str:
    """ "Thu Mar 12, 10:20 am", for texts."""
    return f"{sms_date(moment)}, {sms_time(moment)}"


def in_days(value: datetime | date, from_day: date) -> str:
    """ "today", "tomorrow", "in 2 days", "next week", "in 3 weeks", seen from `from_day`."""
    days = (_as_date(value) - from_day).days
    if days <= 0:
        return _("today")
    if days == 1:
        return _("tomorrow")
    weeks = (
        _as_date(value) - timedelta(days=_as_date(value).weekday()) - from_day + timedelta(days=from_day.weekday())
    ).days // 7
    if (days < 7 and weeks == 0) or days < 5:
        return _("in %(n)d days") % {"n": days}
    if weeks == 1:
        return _("next week")
    return _("in %(n)d weeks") % {"n": weeks}
