"""A month in numbers: who came, who did not, how full it was, and which articles people came from. No names of patients.

Offered time is worked out from the hours, dates and time off of that month, which a later change never touches (hours are dated).
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Q, QuerySet, Sum

from accounts import clock
from accounts.web import as_date
from booking import hours, slots
from booking.models import Appointment, Availability, AvailabilityOverride, Practitioner, Status, TimeOff
from booking.slots import Calendar, Hours

FAR = date(9999, 1, 1).toordinal()
SHOWN = 20  # articles
_CAME = Q(status__in=[Status.ARRIVED, Status.IN_ROOM, Status.FULFILLED])
_STAYS = ~Q(status=Status.CANCELLED)
_LASTS = ExpressionWrapper(F("ends_at") - F("starts_at"), output_field=DurationField())


@dataclass(slots=True)
class Tally:
    """What became of visits. A visit that was cancelled in time is neither kept nor missed."""

    booked: int = 0
    came: int = 0
    missed: int = 0
    cancelled: int = 0
    late: int = 0
    minutes: int = 0
    offered: int = 0  # minutes

    @property
    def no_show(self) -> int | None:
        """Percent of those who were expected and are over that were missed; None before anybody was."""
        over = self.came + self.missed
        return round(100 * self.missed / over) if over else None

    @property
    def filled(self) -> int | None:
        """Percent of the offered time that was booked; more than all of it where somebody was overbooked."""
        return round(100 * self.minutes / self.offered) if self.offered else None


@dataclass(frozen=True, slots=True)
class Month:
    """Everybody's tallies, the sum of them, and those of each article that somebody came from."""

    first: date
    people: list[tuple[Practitioner, Tally]]
    all: Tally
    articles: list[tuple[Any, Tally]]
    online: int
    by_desk: int


def month_of(text: str, today: date) -> date:
    """The first day of the month that is named ("2026-11"), or of this one."""
    return as_date(f"{text}-01") or today.replace(day=1)


def after(first: date) -> date:
    """The first day of the next month."""
    return (first + timedelta(days=32)).replace(day=1)


def load(user: Any, first: date) -> Month:
    """A month's numbers, in as many statements whatever it holds."""
    zone, last = clock.clinic_zone(), after(first) - timedelta(days=1)
    since, until = clock.day_bounds(first, zone)[0], clock.day_bounds(last, zone)[1]
    visits = Appointment.objects.for_actor(user).visits().between(since, until)
    counted = {row["practitioner_id"]: _tally(row) for row in _counted(visits, "practitioner_id")}
    everybody = list(Practitioner.objects.all())
    offered = _offered([who.pk for who in everybody], first, last, since, until)
    people = []
    for who in everybody:
        one = counted.get(who.pk, Tally())
        one.offered = offered.get(who.pk, 0)
        if one.booked or one.cancelled or one.offered:
            people.append((who, one))
    total = Tally(*(sum(getattr(one, each.name) for _who, one in people) for each in fields(Tally)))
    articles = [(row["article"], _tally(row)) for row in _counted(visits.exclude(article=None), "article")[:SHOWN]]
    source = dict(visits.values_list("source").annotate(n=Count("pk")).order_by())
    return Month(first, people, total, articles, source.get(Appointment.Source.WEB, 0), source.get(Appointment.Source.DESK, 0))


def _counted(visits: QuerySet[Appointment], by: str) -> Any:
    return (
        visits.values(by)
        .annotate(
            booked=Count("pk", filter=_STAYS),
            came=Count("pk", filter=_CAME),
            missed=Count("pk", filter=Q(status=Status.NOSHOW)),
            cancelled=Count("pk", filter=Q(status=Status.CANCELLED)),
            late=Count("pk", filter=Q(status=Status.CANCELLED, cancelled_late=True)),
            lasts=Sum(_LASTS, filter=_STAYS),
        )
        .order_by("-booked", by)
    )


def _tally(row: dict[str, Any]) -> Tally:
    lasts = int(row["lasts"].total_seconds()) // 60 if row["lasts"] else 0
    return Tally(row["booked"], row["came"], row["missed"], row["cancelled"], row["late"], lasts)


def _offered(people: Iterable[int], first: date, last: date, since: datetime, until: datetime) -> dict[int, int]:
    """The minutes in which each could be booked, on the clinic's clock: hours and dates, less time off."""
    zone = clock.clinic_zone()
    rows = Availability.objects.filter(Q(valid_until=None) | Q(valid_until__gte=first), valid_from__lte=last)
    weekly = [
        Hours(
            r.practitioner_id, r.weekday, hours.minutes_of(r.local_start), hours.minutes_of(r.local_end, end=True),
            r.valid_from.toordinal(), r.valid_until.toordinal() if r.valid_until else FAR,
        )
        for r in rows
    ]  # fmt: skip
    overrides = [
        slots.Override(
            o.practitioner_id, o.date.toordinal(), hours.MODES[o.mode],
            hours.minutes_of(o.local_start), hours.minutes_of(o.local_end, end=True),
        )
        for o in AvailabilityOverride.objects.filter(date__range=(first, last))
    ]  # fmt: skip
    off = [
        (o.practitioner_id, int(o.starts_at.timestamp()), int(o.ends_at.timestamp()))
        for o in TimeOff.objects.filter(starts_at__lt=until, ends_at__gt=since)
    ]
    keys = list(people)
    plan = Calendar([(pk, 0, 0) for pk in keys], weekly, overrides)
    found: dict[int, int] = {}
    for pk in keys:
        away = slots.merge((start, end) for whose, start, end in off if whose in (None, pk))
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        spans = [span for day in days for span in slots.merge(slots.open_spans(plan, pk, day, zone=zone))]
        worked = sum(end - start for start, end in spans)
        lost = sum(max(0, min(end, b) - max(start, a)) for start, end in spans for a, b in away)
        found[pk] = (worked - lost) // 60
    return found
