"""Quiet hours: when nobody is written to, on the clinic's clock. Reads the setting, no database."""

from datetime import datetime, timedelta
from datetime import time as wall
from zoneinfo import ZoneInfo

from django.conf import settings

from accounts.wall import instant

DAY = timedelta(days=1)


def quiet_hours() -> tuple[wall, wall] | None:
    """From when until when nobody is written to; None where the setting is empty.

    Raises:
        ValueError: when the setting is not like "21:00-08:00".
    """
    if not settings.MESSAGE_QUIET_HOURS:
        return None
    since, _dash, until = settings.MESSAGE_QUIET_HOURS.partition("-")
    return wall.fromisoformat(since), wall.fromisoformat(until)


def quiet_night(at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """The quiet hours that `at` lies in, as instants; None when it lies in none.

    Both ends are wall times, so the night a clock changes is an hour longer or shorter.
    """
    hours = quiet_hours()
    if hours is None:
        return None
    since, until = hours
    there = at.astimezone(zone)
    now = there.time().replace(tzinfo=None)
    quiet = (since <= now or now < until) if since > until else since <= now < until
    if not quiet:
        return None
    evening = there.date() if now >= since else there.date() - DAY
    morning = evening + DAY if since > until else evening
    return instant(evening, since, zone), instant(morning, until, zone)
