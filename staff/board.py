"""A clinic day as the desk sees it, loaded in three statements whatever the number of visits and physicians."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import JSONObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import clock
from booking import slots
from booking.models import (
    OCCUPYING,
    OPEN,
    Appointment,
    Availability,
    AvailabilityOverride,
    Practitioner,
    Room,
    Service,
    Status,
    TimeOff,
)
from booking.picker import value_of

FILTERS = ("waiting", "unconfirmed", "missing", "openings")
# What may be done next, by status: the likeliest first.
STEPS: dict[str, list[str]] = {
    Status.BOOKED: ["arrive", "confirm"],
    Status.CONFIRMED: ["arrive"],
    Status.ARRIVED: ["to_room", "fulfil"],
    Status.IN_ROOM: ["fulfil"],
}


def board_time(moment: datetime) -> str:
    """ "11:00": the short time of the board, where the day makes a.m. and p.m. plain."""
    there = clock.local(moment)
    return f"{there.hour % 12 or 12}:{there.minute:02d}"


def steps_of(visit: Appointment, now: datetime) -> list[tuple[str, str]]:
    """The buttons of a visit: (verb, word). A no-show is offered once the visit should have started."""
    words = {
        "arrive": _("Arrived"),
        "confirm": _("Confirm"),
        "to_room": _("To room"),
        "fulfil": _("Done"),
    }
    found = [(verb, words[verb]) for verb in STEPS.get(visit.status, [])]
    if visit.status in (Status.BOOKED, Status.CONFIRMED) and now >= visit.starts_at:
        found.append(("mark_noshow", _("No-show")))
    return found


@dataclass(slots=True)
class Entry:
    """One line of a column: a visit, a hold, an opening, or time away."""

    kind: str
    at: datetime
    time: str
    visit: Appointment | None = None
    text: str = ""
    value: str = ""
    badges: list[tuple[str, str, str]] = field(default_factory=list)  # colour, icon, word
    steps: list[tuple[str, str]] = field(default_factory=list)
    minutes: int | None = None
    selected: bool = False


@dataclass(slots=True)
class Column:
    """One physician's day."""

    practitioner: Practitioner
    entries: list[Entry] = field(default_factory=list)
    cancelled: list[Entry] = field(default_factory=list)
    booked: int = 0
    openings: int = 0
    working: bool = False
    note: str = ""

    @property
    def summary(self) -> str:
        """ "10 booked, 1 opening"."""
        parts = [_("%(n)d booked") % {"n": self.booked}]
        if self.note:
            parts.append(self.note)
        elif self.openings:
            parts.append(ngettext("%(n)d opening", "%(n)d openings", self.openings) % {"n": self.openings})
        return ", ".join(parts)


@dataclass(slots=True)
class Board:
    """Everything the day screen shows."""

    day: date
    columns: list[Column]
    counts: dict[str, int]
    visits: dict[str, Appointment]
    show: str = ""
    mark: str = ""

    @property
    def is_empty(self) -> bool:
        """True when the chosen filter leaves nothing to show."""
        return not any(column.entries or column.cancelled for column in self.columns)

    @property
    def is_closed(self) -> bool:
        """True when nobody works and nothing is booked."""
        return not any(column.working or column.booked for column in self.columns)


def _people(day: date, since: datetime, until: datetime) -> list[Any]:
    """Everybody active with that day's hours, exceptions and time off, in one statement."""
    mine = {"practitioner": OuterRef("pk")}
    hours = Availability.objects.filter(**mine, weekday=day.weekday(), valid_from__lte=day).filter(
        Q(valid_until=None) | Q(valid_until__gte=day)
    )
    overrides = AvailabilityOverride.objects.filter(**mine, date=day)
    off = TimeOff.objects.filter(Q(practitioner=OuterRef("pk")) | Q(practitioner=None)).filter(
        ends_at__gt=since, starts_at__lt=until
    )
    return list(
        Practitioner.objects.filter(active=True)
        .defer("approach", "languages", "role_text")
        .annotate(
            hours_json=ArraySubquery(hours.values(j=JSONObject(start="local_start", end="local_end"))),
            overrides_json=ArraySubquery(overrides.values(j=JSONObject(mode="mode", start="local_start", end="local_end"))),
            off_json=ArraySubquery(off.values(j=JSONObject(start="starts_at", end="ends_at", kind="kind"))),
        )
    )


def _services() -> list[Any]:
    """What can be booked, with whom and where, in one statement."""
    people = Service.practitioners.through.objects.filter(service=OuterRef("pk")).values("practitioner_id")
    rooms = Room.objects.filter(active=True, kind=OuterRef("room_kind")).order_by("pk").values("pk")
    return list(
        Service.objects.filter(active=True)
        .order_by("minutes")
        .annotate(people_ids=ArraySubquery(people), room_ids=ArraySubquery(rooms))
    )


def _visits(user: Any, since: datetime, until: datetime, now: datetime) -> list[Any]:
    """The day's visits and live holds with everything a line shows, in one statement. Never an answer."""
    before = Appointment.objects.filter(patient=OuterRef("patient"), status=Status.FULFILLED, starts_at__lt=OuterRef("starts_at"))
    return list(
        Appointment.objects.for_actor(user)
        .between(since, until)
        .exclude(status=Status.HELD, hold_expires_at__lte=now)
        .select_related("service", "patient", "response", "room", "practitioner")
        .defer("response__document", "practitioner__approach")
        .annotate(seen_before=Exists(before))
        .order_by("starts_at", "lane", "pk")
    )


def load(user: Any, day: date, *, now: datetime, show: str = "", selected: str = "") -> Board:
    """The day for a person at the desk.

    Args:
        show: one of FILTERS, or empty for everything.
        selected: public id of a visit to mark.
    """
    zone = clock.clinic_zone()
    since, until = clock.day_bounds(day, zone)
    people, services, visits = _people(day, since, until), _services(), _visits(user, since, until, now)
    columns = {person.pk: Column(person) for person in people}
    for visit in visits:
        columns.setdefault(visit.practitioner_id, Column(visit.practitioner))
    calendar = _calendar(people, visits, day)
    for person in people:
        _hours_of(columns[person.pk], person, day)
    counts = {"booked": 0, "waiting": 0, "unconfirmed": 0, "missing": 0, "openings": 0}
    for visit in visits:
        column, entry = columns[visit.practitioner_id], _entry(visit, now)
        entry.selected = bool(selected) and str(visit.public_id) == selected
        if visit.status == Status.CANCELLED:
            if not show:
                column.cancelled.append(entry)
            continue
        kinds = set()
        if visit.status != Status.HELD:
            column.booked += 1
            counts["booked"] += 1
            kinds = _kinds(visit)
            for kind in kinds:
                counts[kind] += 1
        if not show or show in kinds:
            column.entries.append(entry)
    for column, gap in _gaps(columns, services, calendar, day, now):
        column.openings += 1
        counts["openings"] += 1
        if show in ("", "openings"):
            column.entries.append(gap)
    for column in columns.values():
        if show:
            column.entries = [entry for entry in column.entries if entry.kind != "off"]
        column.entries.sort(key=lambda entry: (entry.at, entry.kind != "off"))
    shown = [c for c in columns.values() if c.entries or c.cancelled or (not show and c.working)]
    found = {str(v.public_id): v for v in visits if v.status != Status.HELD}
    return Board(day, shown, counts, found, show, mark_of(v.version for v in visits if v.status != Status.HELD))


def mark_of(versions: Iterable[int]) -> str:
    """Changes with every booking, step, move and cancellation of a day: how many visits, and their versions summed."""
    seen = list(versions)
    return f"{len(seen)}.{sum(seen)}"


def mark_now(day: date) -> str:
    """The day's mark as it is in the database."""
    since, until = clock.day_bounds(day, clock.clinic_zone())
    return mark_of(Appointment.objects.between(since, until).visits().values_list("version", flat=True))


def _kinds(visit: Appointment) -> set[str]:
    """Which of the filters a visit answers to."""
    kinds = set()
    if visit.status == Status.ARRIVED:
        kinds.add("waiting")
    if visit.status == Status.BOOKED:
        kinds.add("unconfirmed")
    if visit.status in OPEN and visit.intake_missing:
        kinds.add("missing")
    return kinds


def badges_of(visit: Any) -> list[tuple[str, str, str]]:
    """Badges as (colour, icon, word). Nothing here says why the patient comes."""
    found = []
    if visit.status in OPEN and visit.intake_missing:
        found.append(("warn", "formx", _("Intake missing")))
    if not getattr(visit, "seen_before", True):
        found.append(("plain", "user", _("First visit")))
    if visit.needs_call:
        found.append(("warn", "phone", _("To be called")))
    if visit.response is not None and visit.response.urgent_flags and visit.status in (Status.BOOKED, Status.CONFIRMED):
        found.append(("warn", "bell", _("Call before visit")))
    return found


def _entry(visit: Appointment, now: datetime) -> Entry:
    held = visit.status == Status.HELD
    return Entry(
        "hold" if held else "visit",
        visit.starts_at,
        board_time(visit.starts_at),
        visit,
        text=_("held until %(time)s") % {"time": board_time(visit.hold_expires_at)} if visit.hold_expires_at else "",
        badges=[] if held else badges_of(visit),
        steps=[] if held else steps_of(visit, now),
        minutes=visit.waiting_minutes(now) if visit.status == Status.ARRIVED else None,
    )


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")[:2]
    return int(hours) * 60 + int(minutes)


def _calendar(people: list[Any], visits: list[Any], day: date) -> slots.Calendar:
    """The day in the slot function's terms."""
    ordinal = day.toordinal()
    modes = {"replace": 0, "add": 1, "closed": 2}
    return slots.Calendar(
        people=[(person.pk, 0, person.position) for person in people],
        hours=[
            slots.Hours(p.pk, day.weekday(), _minutes(h["start"]), _minutes(h["end"]) or 1440, ordinal, ordinal)
            for p in people
            for h in p.hours_json
        ],
        overrides=[
            slots.Override(p.pk, ordinal, modes[o["mode"]], _minutes(o["start"] or "0:0"), _minutes(o["end"] or "0:0") or 1440)
            for p in people
            for o in p.overrides_json
        ],
        off=[
            slots.Off(p.pk, int(_utc(o["start"]).timestamp()), int(_utc(o["end"]).timestamp()))
            for p in people
            for o in p.off_json
        ],
        busy=[
            slots.Busy(
                v.practitioner_id,
                v.room_id or 0,
                int(v.starts_at.timestamp()),
                int(v.ends_at.timestamp()),
                v.service.setup_minutes,
                v.service.cleanup_minutes,
                0,
            )
            for v in visits
            if v.status in OCCUPYING
        ],
    )


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hours_of(column: Column, person: Any, day: date) -> None:
    """Lunch, time off, and the column's note ("out at 3:30", "not in today")."""
    zone = clock.clinic_zone()
    walls = [(_minutes(h["start"]), _minutes(h["end"]) or 1440) for h in person.hours_json]
    if any(o["mode"] != "add" for o in person.overrides_json):
        walls = []
    walls += [(_minutes(o["start"]), _minutes(o["end"]) or 1440) for o in person.overrides_json if o["mode"] != "closed"]
    spans = slots.merge(walls)
    column.working = bool(spans)
    if not spans:
        column.note = _("not in today")
        return
    for before, after in pairwise(spans):
        at = clock.instant(day, _wall(before[1]), zone)
        word = _("Lunch") if before[1] <= 13 * 60 and after[0] >= 12 * 60 else _("Closed")
        end = clock.instant(day, _wall(after[0]), zone)
        column.entries.append(
            Entry("off", at, board_time(at), text=_("%(what)s until %(time)s") % {"what": word, "time": board_time(end)})
        )
    since, until = clock.day_bounds(day, zone)
    for off in person.off_json:
        start, end = max(_utc(off["start"]), since), min(_utc(off["end"]), until)
        until_text = _("out until %(time)s") % {"time": board_time(end)} if end < until else _("out")
        column.entries.append(Entry("off", start, board_time(start), text=f"{person.short_name} {until_text}"))
        if end >= clock.instant(day, _wall(spans[-1][1]), zone):
            column.note = _("out at %(time)s") % {"time": board_time(start)} if start > since else _("not in today")


def _wall(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def _gaps(
    columns: dict[int, Column], services: list[Any], calendar: slots.Calendar, day: date, now: datetime
) -> list[tuple[Column, Entry]]:
    """Openings: for each physician the stretches in which the shortest service they perform can start."""
    found: list[tuple[Column, Entry]] = []
    zone = clock.clinic_zone()
    shortest: dict[int, Any] = {}
    for service in services:  # shortest first
        for pk in service.people_ids:
            shortest.setdefault(pk, service)
    for service in services:
        people = [p for p in calendar.people if shortest.get(p[0]) is service]
        if not people:
            continue
        rules = slots.Rules(
            service.minutes,
            service.setup_minutes,
            service.cleanup_minutes,
            service.step_minutes,
            earliest=int(now.timestamp()),
        )
        one = slots.Calendar(
            people,
            calendar.hours,
            calendar.overrides,
            calendar.off,
            calendar.busy,
            rooms=service.room_ids if service.room_kind else None,
        )
        last: dict[int, tuple[int, Entry]] = {}
        for start in slots.find(one, rules, since=day, until=day, zone=zone):
            before = last.get(start.practitioner_id)
            end = start.at + service.minutes * 60
            if before and start.at <= before[0]:
                entry = before[1]
            else:
                at = datetime.fromtimestamp(start.at, UTC)
                column = columns[start.practitioner_id]
                entry = Entry("open", at, board_time(at), value=value_of(at, column.practitioner))
                found.append((column, entry))
            entry.text = board_time(datetime.fromtimestamp(end, UTC))
            last[start.practitioner_id] = (end, entry)
    return found


def find_visit(user: Any, public_id: Any) -> Any:
    """One visit with everything its page shows, or None."""
    before = Appointment.objects.filter(patient=OuterRef("patient"), status=Status.FULFILLED, starts_at__lt=OuterRef("starts_at"))
    return (
        Appointment.objects.for_actor(user)
        .visits()
        .select_related("service", "patient", "response", "room", "practitioner", "created_by")
        .defer("response__document")
        .annotate(seen_before=Exists(before))
        .filter(public_id=public_id)
        .first()
    )
