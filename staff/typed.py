"""A date and a time as somebody types them at the desk: on the night of a clock change they may mean two instants, or none."""

from collections.abc import Iterable
from datetime import date, datetime, time

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import clock
from accounts.web import as_date, as_uuid
from booking.models import Practitioner
from booking.picker import parse_value


class TypedTime(Exception):
    """What was typed names no one instant. `choices` are the two it may mean, as (fold, words); empty if it never comes."""

    def __init__(self, text: str, choices: list[tuple[str, str]]) -> None:
        super().__init__(text)
        self.choices = choices


def as_wall(text: object) -> time | None:
    """A wall time as 14:20, without a zone, to the minute; or None."""
    try:
        wall = time.fromisoformat(str(text or ""))
    except ValueError:
        return None
    return None if wall.tzinfo else wall.replace(second=0, microsecond=0)


def instant_of(day: date, wall: time, which: str = "") -> datetime:
    """The instant at which the clinic's clock shows `wall` on `day`.

    Args:
        which: "0" for the first and "1" for the second of an hour that comes twice; else it is asked for.

    Raises:
        TypedTime: the clock shows it twice that day and `which` does not say when, or it skips it.
    """
    zone, wall = clock.clinic_zone(), wall.replace(second=0, microsecond=0, tzinfo=None)
    first, second = (clock.instant(day, wall, zone, fold=fold) for fold in (0, 1))
    said = {"time": clock.wall_time(wall), "date": clock.month_day(day)}
    if first.astimezone(zone).replace(tzinfo=None) != datetime.combine(day, wall):
        text = _("There is no %(time)s on %(date)s: the clocks go forward that night. The first time after it is %(next)s")
        raise TypedTime(text % (said | {"next": clock.clock_time(first)}), [])
    if first == second:
        return first
    if which in ("0", "1"):
        return second if which == "1" else first
    names = [(str(fold), at, at.astimezone(zone).tzname()) for fold, at in enumerate((first, second))]
    words = (_("%(time)s %(zone)s, before the clocks go back"), _("%(time)s %(zone)s, after the clocks go back"))
    choices = [
        (fold, text % {"time": clock.clock_time(at), "zone": zone_name})
        for (fold, at, zone_name), text in zip(names, words, strict=True)
    ]
    raise TypedTime(_("%(time)s comes twice on %(date)s, because the clocks go back. Choose which one") % said, choices)


def wanted_of(request: HttpRequest, people: Iterable[Practitioner]) -> tuple[datetime, Practitioner] | None:
    """The start and physician that were posted: a listed one, or one typed as day, time and name.

    Raises:
        TypedTime: the time that was typed comes twice that day, or never.
    """
    by_id = {person.public_id: person for person in people}
    listed = parse_value(request.POST.get("slot"))
    if listed is not None and listed[1] in by_id:
        return listed[0], by_id[listed[1]]
    day, wall = as_date(request.POST.get("other_day")), as_wall(request.POST.get("other_time"))
    who = as_uuid(request.POST.get("other_who"))
    if day is None or wall is None or who is None or who not in by_id:
        return None
    return instant_of(day, wall, request.POST.get("other_which", "")), by_id[who]
