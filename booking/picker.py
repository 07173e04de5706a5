"""What the page to pick a time shows: the soonest time, days with their times, the days between, a month.

One statement loads the calendar; the slot function does the rest. No request, no session: the time page and the page that
moves a visit both use it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts import clock
from accounts.web import as_date, as_instant, as_number, as_uuid
from booking import calendar, slots, terms, words
from booking.models import Practitioner, Service
from booking.slots import Slot, Start

DAYS_AT_ONCE = 5
MOST_IN_PART = 6  # buttons of a morning or afternoon; a longer one shows an even spread of them
MOST_CHIPS = 6
WEEKS_SHOWN = 4
MAX_MORE = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """One time as a button. `value` is what the button posts."""

    value: str
    start: datetime
    practitioner: Practitioner

    @classmethod
    def of(cls, start: datetime, practitioner: Practitioner) -> "Choice":
        """A start with somebody as a button."""
        return cls(value_of(start, practitioner), start, practitioner)


@dataclass(slots=True)
class Day:
    """A day with times, or (with `gap`) one line about days without."""

    date: date
    morning: list[Choice] = field(default_factory=list)
    afternoon: list[Choice] = field(default_factory=list)
    gap: str = ""
    all_url: str = ""
    terms: list[str] = field(default_factory=list)

    @property
    def few_of_morning(self) -> list[Choice]:
        """The morning's buttons."""
        return self._few(self.morning)

    @property
    def few_of_afternoon(self) -> list[Choice]:
        """The afternoon's buttons."""
        return self._few(self.afternoon)

    @property
    def total(self) -> int:
        """How many times the day has."""
        return len(self.morning) + len(self.afternoon)

    @property
    def more(self) -> bool:
        """True if some of them are not among the buttons."""
        return len(self.few_of_morning) + len(self.few_of_afternoon) < self.total

    def _few(self, times: list[Choice]) -> list[Choice]:
        """All of them, or an even spread with the first and the last, behind the link to all."""
        if not self.all_url or len(times) <= MOST_IN_PART:
            return times
        last = MOST_IN_PART - 1
        return [times[round(n * (len(times) - 1) / last)] for n in range(MOST_IN_PART)]

    @property
    def anchor(self) -> str:
        """The id of the section."""
        return f"d{self.date.isoformat()}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One day of the month. `url` is empty when it has no times."""

    date: date | None
    url: str = ""
    today: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class Month:
    """The month calendar, weeks from Sunday."""

    title: date
    weeks: list[list[Cell]]
    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class Link:
    """A filter as a link."""

    label: str
    url: str
    current: bool
    icon: str = ""


@dataclass(slots=True)
class Filters:
    """What the page was asked to show. Anything odd counts as not asked."""

    practitioner: Practitioner | None = None
    part: str = ""
    more: int = 0
    start_day: date | None = None
    month: date | None = None

    @classmethod
    def read(cls, query: QueryDict, people: list[Practitioner]) -> "Filters":
        """From a query string."""
        by_id = {str(person.public_id): person for person in people}
        part = query.get("part", "")
        return cls(
            practitioner=by_id.get(query.get("who", "")),
            part=part if part in {"morning", "afternoon"} else "",
            more=min(as_number(query.get("more"), digits=3) or 0, MAX_MORE),
            start_day=as_date(query.get("day")),
            month=as_date(f"{query.get('month', '')}-01"),
        )

    def query(self, base: dict[str, str], **changes: Any) -> str:
        """A query string with these filters and some changed; what is empty is left out."""
        values = {
            **base,
            "who": str(self.practitioner.public_id) if self.practitioner else "",
            "part": self.part,
            "more": self.more or "",
            "day": self.start_day.isoformat() if self.start_day else "",
            "month": self.month.strftime("%Y-%m") if self.month else "",
            **changes,
        }
        found = urlencode({name: value for name, value in values.items() if value})
        return f"?{found}" if found else "?"


@dataclass(slots=True)
class Picker:
    """Everything the template needs."""

    service: Service
    people: list[Practitioner]
    filters: Filters
    base: dict[str, str]
    today: date
    soonest: Choice | None = None
    soonest_terms: str = ""
    days: list[Day] = field(default_factory=list)
    month: Month | None = None
    more_url: str = ""
    who_links: list[Link] = field(default_factory=list)
    part_links: list[Link] = field(default_factory=list)
    none_text: str = ""
    instead: Choice | None = None
    instead_terms: str = ""

    @property
    def nothing(self) -> bool:
        """True when no filter and no later day would show a time: there is only to wait, or to call."""
        return bool(self.none_text) and self.instead is None

    @property
    def who_select(self) -> bool:
        """True when there are too many physicians for chips."""
        return len(self.people) > MOST_CHIPS

    @property
    def weekdays(self) -> list[str]:
        """Names for the month's columns, from Sunday."""
        return [clock.long_date(date(2026, 3, day)).partition(",")[0] for day in range(1, 8)]

    @property
    def count(self) -> int:
        """How many times the page shows."""
        return sum(len(day.few_of_morning) + len(day.few_of_afternoon) for day in self.days)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def value_of(start: datetime, practitioner: Practitioner) -> str:
    """What a button posts: a plain start time and with whom. The server checks both again."""
    return f"{start.astimezone(UTC):%Y-%m-%dT%H:%MZ} {practitioner.public_id}"


def parse_value(text: Any) -> tuple[datetime, UUID] | None:
    """The start and the practitioner's public id out of what was posted, or None."""
    start, _space, who = str(text or "").partition(" ")
    at, public_id = as_instant(start), as_uuid(who)
    return (at, public_id) if at and public_id else None


def choices(found: Iterable[Slot], people: Iterable[Practitioner]) -> list[Choice]:
    """Slots with these people as buttons, in the order they came."""
    by_pk = {person.pk: person for person in people}
    return [Choice.of(slot.start, by_pk[slot.practitioner_id]) for slot in found if slot.practitioner_id in by_pk]


def build(
    service: Service,
    people: list[Practitioner],
    query: QueryDict,
    *,
    now: datetime,
    own: int | None = None,
    skip: tuple[datetime, int] | None = None,
    base: dict[str, str] | None = None,
) -> Picker:
    """The picker for a service.

    Args:
        people: who performs the service.
        query: the page's query string: who, part, more, day, month.
        own: primary key of the browser's own hold or visit, whose time counts as free.
        skip: start and practitioner of the visit that is moved: what somebody has is no choice.
        base: parameters to keep in every link.
    """
    zone, today = clock.clinic_zone(), clock.today(now)
    filters = Filters.read(query, people)
    picker = Picker(service, people, filters, base or {}, today)
    horizon = today + timedelta(days=service.horizon_days)
    filters.start_day = filters.start_day if filters.start_day and today < filters.start_day <= horizon else None
    first = filters.start_day or today
    until = first + timedelta(days=7 * (WEEKS_SHOWN + filters.more))
    if filters.month and not today.replace(day=1) <= filters.month <= horizon:
        filters.month = None
    until = min(max(until, _month_end(filters.month or first)), horizon)

    # Everything from today on is loaded once; the calendar of the month, the list and the soonest time come out of it.
    loaded = calendar.load(service, since=today, until=until, now=now, practitioner=filters.practitioner, own=own)
    rules = calendar.rules_of(service, now=now)
    starts = slots.find(loaded, rules, since=today, until=until, zone=zone)
    if filters.practitioner is None:
        starts = slots.any_physician(starts, loaded)
    open_days = {start.day for start in starts}  # before the time of day, to tell "full" from "no times like that"
    if filters.part:
        starts = [s for s in starts if (datetime.fromtimestamp(s.at, zone).hour < 12) == (filters.part == "morning")]

    by_day = _days(picker, starts, skip=skip, zone=zone)
    with_times = [day for day in sorted(by_day) if day >= first]
    listed = with_times[: DAYS_AT_ONCE * (filters.more + 1)]
    working = _working_days(loaded, service, since=today, until=until)
    for before, this in zip([None, *listed], listed, strict=False):
        if before is not None:
            picker.days += _gaps(before + timedelta(days=1), this - timedelta(days=1), working, open_days)
        day = by_day[this]
        if this != filters.start_day:  # the day that was asked for is shown whole
            day.all_url = filters.query(picker.base, day=this.isoformat(), more="", month="") + f"#{day.anchor}"
        day.terms = terms.of_several(service, [choice.start for choice in (*day.morning, *day.afternoon)], now=now)
        picker.days.append(day)
    if picker.soonest:
        picker.soonest_terms = terms.of_one(service, picker.soonest.start, now=now)
    picker.more_url = _more_url(picker, with_times, len(listed), until < horizon)
    picker.month = _month(picker, by_day, set(listed), horizon)
    _link_filters(picker)
    if not listed:
        _say_none(picker, now=now, own=own, weeks=((until - first).days + 6) // 7)
    return picker


def _days(picker: Picker, starts: Iterable[Start], *, skip: tuple[datetime, int] | None, zone: ZoneInfo) -> dict[date, Day]:
    """The starts as the choices of their days; the first of them is the soonest."""
    found: dict[date, Day] = {}
    by_pk = {person.pk: person for person in picker.people}
    for start in starts:
        person = by_pk.get(start.practitioner_id)
        if person is None:
            continue
        at = datetime.fromtimestamp(start.at, UTC)
        if skip == (at, person.pk):
            continue
        day = found.setdefault(date.fromordinal(start.day), Day(date.fromordinal(start.day)))
        choice = Choice.of(at, person)
        (day.morning if clock.local(at, zone).hour < 12 else day.afternoon).append(choice)
        picker.soonest = picker.soonest or choice
    return found


def _more_url(picker: Picker, with_times: list[date], shown: int, goes_on: bool) -> str:
    """The link to more days, at the first that is not shown yet; empty where no more can be booked."""
    filters = picker.filters
    if len(with_times) > shown or (shown and goes_on):
        first_new = with_times[shown] if len(with_times) > shown else with_times[shown - 1]
        return filters.query(picker.base, more=filters.more + 1) + f"#d{first_new.isoformat()}"
    if goes_on and filters.more < MAX_MORE:
        return filters.query(picker.base, more=min(filters.more + WEEKS_SHOWN, MAX_MORE))
    return ""


def _link_filters(picker: Picker) -> None:
    """With whom, and at which time of day, as links."""
    chosen, part = picker.filters.practitioner, picker.filters.part
    picker.who_links = [
        Link(_("Any, soonest first"), _again(picker, who=""), chosen is None),
        *(Link(p.short_name, _again(picker, who=str(p.public_id)), chosen == p) for p in picker.people),
    ]
    picker.part_links = [
        Link(_("Any"), _again(picker, part=""), not part),
        Link(_("Morning"), _again(picker, part="morning"), part == "morning", "sun"),
        Link(_("Afternoon"), _again(picker, part="afternoon"), part == "afternoon", "sunset"),
    ]


def _again(picker: Picker, **changes: str) -> str:
    """A filter's link: with the other filter, from the first day on."""
    return picker.filters.query(picker.base, more="", day="", month="", **changes)


def _working_days(loaded: slots.Calendar, service: Service, *, since: date, until: date) -> set[int]:
    """Days (ordinals) on which somebody works long enough for one visit, were nothing booked."""
    empty = slots.Calendar(loaded.people, loaded.hours, loaded.overrides, loaded.off)
    packed = slots.Rules(service.minutes, 0, 0, max(service.minutes, service.step_minutes))
    return {start.day for start in slots.find(empty, packed, since=since, until=until, zone=clock.clinic_zone())}


def _gaps(first: date, last: date, working: set[int], open_days: set[int]) -> list[Day]:
    """One line for each run of days without times that have the same reason."""
    found: list[Day] = []
    run_start, run_reason = first, ""
    day = first
    while day <= last + timedelta(days=1):
        ordinal = day.toordinal()
        reason = "" if day > last else "closed" if ordinal not in working else "filtered" if ordinal in open_days else "full"
        if reason != run_reason:
            if run_reason:
                found.append(Day(run_start, gap=words.gap_line(run_start, day - timedelta(days=1), run_reason)))
            run_start, run_reason = day, reason
        day += timedelta(days=1)
    return found


def _month(picker: Picker, by_day: dict[date, Day], listed: set[date], horizon: date) -> Month:
    """The calendar of one month; only days with times are links."""
    filters, base = picker.filters, picker.base
    first_listed = min(listed, default=picker.today)
    month = filters.month or first_listed.replace(day=1)
    end = _month_end(month)
    cells: list[Cell] = [Cell(None)] * ((month.weekday() + 1) % 7)
    for number in range(1, end.day + 1):
        day = month.replace(day=number)
        url = ""
        if day in by_day:
            url = (
                f"#d{day.isoformat()}"
                if day in listed
                else filters.query(base, day=day.isoformat(), more="", month=month.strftime("%Y-%m")) + f"#d{day.isoformat()}"
            )
        cells.append(Cell(day, url, day == picker.today, bool(url) and day == first_listed))
    cells += [Cell(None)] * (-len(cells) % 7)
    before, after = month - timedelta(days=1), end + timedelta(days=1)
    return Month(
        title=month,
        weeks=[cells[n : n + 7] for n in range(0, len(cells), 7)],
        previous=filters.query(base, month=before.strftime("%Y-%m")) if before >= picker.today.replace(day=1) else "",
        next=filters.query(base, month=after.strftime("%Y-%m")) if after <= horizon else "",
    )


def _say_none(picker: Picker, *, now: datetime, own: int | None, weeks: int) -> None:
    """Nothing fits: say so, and offer the soonest time with anybody, as far ahead as can be booked."""
    filters = picker.filters
    who = filters.practitioner.short_name if filters.practitioner else ""
    if who:
        picker.none_text = _("No times in the next %(weeks)d weeks with %(who)s.") % {"weeks": weeks, "who": who}
    else:
        picker.none_text = _("No times in the next %(weeks)d weeks.") % {"weeks": weeks}
    found = calendar.soonest(picker.service, now=now, days=picker.service.horizon_days, limit=1, own=own)
    picker.instead = next(iter(choices(found, picker.people)), None)
    if picker.instead:
        picker.instead_terms = terms.of_one(picker.service, picker.instead.start, now=now)
    else:
        picker.none_text, picker.more_url = _("No times are open for booking right now."), ""
