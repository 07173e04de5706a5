"""A date and a time as somebody types them at the desk: on the night of a clock change they may mean two instants, or none."""

from datetime import date, datetime, time

from django.utils.translation import gettext as _

from accounts import clock


class TypedTime(Exception):
    """What was typed names no one instant. `choices` are the two it may mean, as (fold, words); empty if it never comes."""

    def __init__(self, text: str, choices: list[tuple[str, str]]) -> None:
        super().__init__(text)
        self.choices = choices


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
