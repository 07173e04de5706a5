"""A clinic day as the desk sees it, loaded in three statements whatever the number of visits and physicians."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, Max, Min, OuterRef, Subquery, Value
from django.db.models.functions import JSONObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import clock
from booking.late import AHEAD
from booking.models import (
    COMING,
    OPEN,
    Appointment,
    Practitioner,
    Room,
    RunningLate,
    Service,
    Status,
    WaitlistEntry,
)
from booking.slots import Start
from staff import gaps
from staff.grid import Grid, lay
from staff.lines import Behind, Column, Entry, board_time

FILTERS = ("waiting", "unconfirmed", "missing", "openings", "unfinished", "cancelled")
# What may be done next, by status: the likeliest first.
STEPS: dict[str, list[str]] = {
    Status.BOOKED: ["arrive", "confirm"],
    Status.CONFIRMED: ["arrive"],
    Status.ARRIVED: ["to_room", "fulfil"],
    Status.IN_ROOM: ["fulfil"],
}
WORDS = {
    "arrive": gettext_lazy("Arrived"),
    "confirm": gettext_lazy("Confirm"),
    "to_room": gettext_lazy("To room"),
    "fulfil": gettext_lazy("Done"),
}


def steps_of(visit: Appointment, now: datetime) -> list[tuple[str, str]]:
    """The buttons of a visit: (verb, word). Nobody arrives before its day; a no-show is offered once it should have started."""
    verbs = STEPS.get(visit.status, [])
    early = "arrive" in verbs and clock.today(now) < clock.today(visit.starts_at)
    found = [(verb, str(WORDS[verb])) for verb in verbs if verb != "arrive" or not early]
    if visit.status in COMING and now >= visit.starts_at:
        found.append(("mark_noshow", _("No-show")))
    return found


@dataclass(frozen=True, slots=True)
class Left:
    """Visits of earlier days that nobody has said the outcome of: how many, and the latest and the first such day."""

    count: int
    day: date
    first: date


@dataclass(slots=True)
class Board:
    """Everything the day screen shows. `counts` has each of FILTERS and "booked"; `visits` are by public id."""

    day: date
    show: str
    columns: list[Column] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("booked", *FILTERS), 0))
    visits: dict[str, Appointment] = field(default_factory=dict)
    mark: str = ""
    grid: Grid | None = None
    waiting: list[Entry] = field(default_factory=list)  # who sits in the waiting room, whatever is shown
    people: list[Practitioner] = field(default_factory=list)
    present: Column | None = None  # today, where `#now` leads: the first column in which something is still to come
    team: dict[int, Practitioner] = field(default_factory=dict)  # everybody, whoever is shown
    starts: dict[int, list[Start]] = field(default_factory=dict)  # where something can start from now on, by service
    on_list: int = 0  # who would come sooner
    calls: int = 0  # who is to be phoned
    left: Left | None = None  # what earlier days left open
    to_call: list[Any] = field(default_factory=list)  # the first of those to be phoned, of whatever day

    @property
    def following(self) -> Entry | None:
        """Of everybody's lines the first that is not over, today."""
        return min((c.following for c in self.columns if c.following), key=lambda entry: entry.at, default=None)

    @property
    def is_empty(self) -> bool:
        """True when the chosen filter leaves nothing to show."""
        aside = ("shut", "off") if self.show else ("shut",)
        return not any(column.cancelled or any(e.kind not in aside for e in column.entries) for column in self.columns)

    @property
    def is_closed(self) -> bool:
        """True when nobody works and nothing is booked."""
        return not any(column.working or column.booked for column in self.columns)


def _people(day: date, since: datetime, until: datetime, now: datetime) -> list[Any]:
    """Everybody active with that day's hours, exceptions and time off, and who runs late, in one statement."""
    late = RunningLate.objects.filter(practitioner=OuterRef("pk"), ended_at=None, until__gt=max(now, since), said_at__lt=until)
    said = Subquery(late.values(j=JSONObject(minutes="minutes", said_at="said_at"))[:1])
    return list(gaps.with_hours(day, day).annotate(late_json=said))


def bookable(now: datetime, today: datetime | None = None) -> list[Any]:
    """What can be booked, with whom and where, in one statement.

    Args:
        today: when today began, to know as well what the days before it left open.
    """
    people = Service.practitioners.through.objects.filter(service=OuterRef("pk")).values("practitioner_id")
    rooms = Room.objects.filter(active=True, kind=OuterRef("room_kind")).order_by("pk").values("pk")
    waiting = WaitlistEntry.objects.on_list().filter(service=OuterRef("pk")).order_by().values("service").annotate(n=Count("pk"))
    to_call = Appointment.objects.to_call(now).filter(service=OuterRef("pk"))
    calls = to_call.order_by().values("service").annotate(n=Count("pk"))
    before: dict[str, Any] = {}
    if today is not None:
        open_still = Appointment.objects.without_outcome(today).filter(starts_at__lt=today)
        together = open_still.order_by().annotate(all=Value(1)).values("all")
        found = JSONObject(n=Count("pk"), at=Max("starts_at"), first=Min("starts_at"))
        before["left"] = Subquery(together.annotate(j=found).values("j"))
    return list(
        Service.objects.filter(active=True)
        .order_by("minutes")
        .annotate(
            people_ids=ArraySubquery(people),
            room_ids=ArraySubquery(rooms),
            waits=Subquery(waiting.values("n")),
            calls=Subquery(calls.values("n")),
            **before,
        )
    )


def _visits(user: Any, since: datetime, until: datetime, now: datetime, *, calls: int = 0) -> tuple[list[Any], list[Any]]:
    """The day's visits and live holds with what a line shows, never an answer; and so many of those to be called, of any day.

    One statement, whatever there is.
    """
    shown = (
        Appointment.objects.for_actor(user)
        .select_related("service", "patient", "response", "room", "practitioner")
        .defer("response__document", "practitioner__approach")
        .annotate(**_beside())
    )
    days = shown.between(since, until).exclude(status=Status.HELD, hold_expires_at__lte=now).annotate(to_call=Value(False))
    if calls:
        first = shown.to_call(now).order_by("starts_at", "pk")[:calls]
        days = days.union(first.annotate(to_call=Value(True)), all=True)
    found = list(days.order_by("starts_at", "lane", "pk"))
    return [visit for visit in found if not visit.to_call], [visit for visit in found if visit.to_call]


def load(
    user: Any,
    day: date,
    *,
    now: datetime,
    show: str = "",
    selected: str = "",
    who: str = "",
    as_list: bool = False,
    some: int = 0,
) -> Board:
    """The day for a person at the desk.

    Args:
        show: one of FILTERS, or empty for everything.
        selected: public id of a visit to mark.
        who: slug of the one physician to show; empty for everybody.
        as_list: without places on a board.
        some: how many of those to be phoned to name beside.
    """
    since, until = clock.day_bounds(day, clock.clinic_zone())
    people, services = _people(day, since, until, now), bookable(now, since if day == clock.today(now) else None)
    board = Board(day, show, calls=sum(service.calls or 0 for service in services))
    board.on_list, board.left = sum(service.waits or 0 for service in services), _left(services)
    visits, board.to_call = _visits(user, since, until, now, calls=min(some, board.calls))
    columns = {person.pk: Column(person) for person in people}
    for visit in visits:
        columns.setdefault(visit.practitioner_id, Column(visit.practitioner))
    calendar = gaps.calendar_of(people, visits, day)
    known: gaps.Spans = {}
    for person in people:
        gaps.add_hours(columns[person.pk], person, day)
        if said := person.late_json:
            columns[person.pk].late = Behind(said["minutes"], datetime.fromisoformat(said["said_at"]))
    for visit in visits:
        entry = entry_of(visit, now)
        entry.selected = bool(selected) and str(visit.public_id) == selected
        if mark := gaps.outside(visit, calendar, people, day, known):
            entry.badges.append(mark)
        _put(board, columns[visit.practitioner_id], entry, visit, now)
    board.team = {column.practitioner.pk: column.practitioner for column in columns.values()}
    board.starts = gaps.starts_of(people, services, calendar, day, now)
    for column, gap in gaps.gaps(columns, services, board.starts):
        column.openings += 1
        board.counts["openings"] += 1
        if show in ("", "openings"):
            column.entries.append(gap)
    for column in columns.values():
        if show and as_list:
            column.entries = [entry for entry in column.entries if entry.kind != "off"]
        column.entries.sort(key=lambda entry: (entry.at, entry.kind != "off"))
    shown = [c for c in columns.values() if c.entries or c.cancelled or (not show and c.working)]
    board.people = [c.practitioner for c in shown]
    board.columns = [c for c in shown if c.practitioner.slug == who] or shown
    if day == clock.today(now):
        _mark_now(board, now)
    board.waiting.sort(key=lambda entry: -(entry.minutes or 0))
    board.grid = None if as_list else lay(board.columns, now)
    board.visits = {str(v.public_id): v for v in visits if v.status != Status.HELD}
    board.mark = mark_of(v.version for v in board.visits.values())
    return board


def _mark_now(board: Board, now: datetime) -> None:
    for column in board.columns:
        column.following = next((e for e in column.entries if e.kind != "off" and (e.end or e.at) > now), None)
    board.present = next((column for column in board.columns if column.following), next(iter(board.columns), None))


def _left(services: list[Any]) -> Left | None:
    """What `bookable` found that the days before today left open."""
    left = next((left for service in services if (left := getattr(service, "left", None)) and left["n"]), None)
    if not left:
        return None
    day, first = (clock.local(datetime.fromisoformat(left[which])).date() for which in ("at", "first"))
    return Left(left["n"], day, first)


def _put(board: Board, column: Column, entry: Entry, visit: Appointment, now: datetime) -> None:
    """Count a visit or a hold, and put its line into its column if what is shown has a place for it."""
    if entry.minutes is not None:
        board.waiting.append(entry)
    if visit.status == Status.CANCELLED:
        board.counts["cancelled"] += 1
        if board.show in ("", "cancelled"):
            column.cancelled.append(entry)
        return
    column.expected |= visit.status in COMING and now < visit.starts_at < now + AHEAD
    kinds = set()
    if visit.status != Status.HELD:
        kinds = _kinds(visit, now)
        column.booked += 1
        for kind in ("booked", *kinds):
            board.counts[kind] += 1
    if not board.show or board.show in kinds:
        column.entries.append(entry)


def mark_of(versions: Iterable[int]) -> str:
    """Changes with every booking, step, move and cancellation of a day: how many visits, and their versions summed."""
    seen = list(versions)
    return f"{len(seen)}.{sum(seen)}"


def mark_now(day: date) -> str:
    """The day's mark as it is in the database."""
    since, until = clock.day_bounds(day, clock.clinic_zone())
    return mark_of(Appointment.objects.between(since, until).visits().values_list("version", flat=True))


def _kinds(visit: Appointment, now: datetime) -> set[str]:
    """Which of the filters a visit answers to."""
    over = visit.lacks_outcome(now)  # what was to be done before it can be done no more
    kinds = {
        "waiting": visit.waiting_minutes(now) is not None,
        "unconfirmed": visit.status == Status.BOOKED and not over,
        "missing": visit.status in OPEN and visit.intake_missing and not over,
        "unfinished": over,
    }
    return {kind for kind, so in kinds.items() if so}


def _beside() -> dict[str, Any]:
    """Annotations: whether the patient was here before; which visit of its series one is, and how many there are.

    Of a series those that are cancelled do not count.
    """
    earlier = Appointment.objects.filter(
        patient=OuterRef("patient"), status=Status.FULFILLED, starts_at__lt=OuterRef("starts_at")
    )
    same = Appointment.objects.filter(series=OuterRef("series")).exclude(status=Status.CANCELLED).order_by()
    count = same.values("series").annotate(n=Count("pk")).values("n")
    before = same.filter(starts_at__lte=OuterRef("starts_at")).values("series").annotate(n=Count("pk")).values("n")
    return {"seen_before": Exists(earlier), "series_place": Subquery(before), "series_count": Subquery(count)}


def badges_of(visit: Any, now: datetime) -> list[tuple[str, str, str]]:
    """Badges as (colour, icon, word). Nothing here says why the patient comes."""
    found = []
    if visit.status in OPEN and visit.intake_missing and not visit.lacks_outcome(now):
        found.append(("warn", "formx", _("Intake missing")))
    if not getattr(visit, "seen_before", True):
        found.append(("plain", "user", _("First visit")))
    if visit.series is not None and visit.status != Status.CANCELLED and getattr(visit, "series_count", 0) > 1:
        place = {"n": visit.series_place, "count": visit.series_count}
        found.append(("plain", "layers", _("%(n)d of %(count)d") % place))
    if visit.is_to_call(now):
        found.append(("warn", "phone", _("To be called")))
    urgent = visit.response is not None and visit.response.urgent_flags
    if urgent and visit.status in COMING and not visit.lacks_outcome(now):
        found.append(("warn", "bell", _("Call before visit")))
    return found


def _held_text(visit: Appointment) -> str:
    """ "held until 10:57", or for the waiting list "offered until 11:30"; nothing for a visit."""
    if visit.hold_expires_at is None:
        return ""
    words = _("offered until %(time)s") if visit.offer_id else _("held until %(time)s")
    return words % {"time": board_time(visit.hold_expires_at)}


def keys_of(entry: Entry) -> str:
    """What the keys may do with a visit: its version, and the verbs, "undo", "move" and "cancel" among them."""
    visit = entry.visit
    if visit is None or entry.kind != "visit":
        return ""
    verbs = [verb for verb, _word in entry.steps]
    verbs += ["undo"] if visit.previous else []
    verbs += ["move", "cancel"] if visit.status in COMING else []
    return " ".join([str(visit.version), *verbs])


def entry_of(visit: Appointment, now: datetime) -> Entry:
    """The line of a visit or a hold."""
    held = visit.status == Status.HELD
    return Entry(
        "hold" if held else "visit",
        visit.starts_at,
        board_time(visit.starts_at),
        visit,
        text=_held_text(visit),
        badges=[] if held else badges_of(visit, now),
        steps=[] if held else steps_of(visit, now),
        minutes=visit.waiting_minutes(now),
        end=visit.ends_at,
    )


def find_visit(user: Any, public_id: Any) -> Any:
    """One visit with everything its page shows, or None."""
    return (
        Appointment.objects.for_actor(user)
        .visits()
        .select_related("service", "patient", "helper", "response", "room", "practitioner", "created_by")
        .defer("response__document")
        .annotate(**_beside())
        .filter(public_id=public_id)
        .first()
    )
