"""Free starts: one pure function for listing, holding, booking and moving. No database, no clock.

All instants are whole seconds since 1970 (UTC); days are proleptic ordinals (`date.toordinal()`); wall times are minutes
after local midnight. The work is linear in days, hours and busy rows.

Rules:
- Starts lie on a wall-clock grid anchored to local midnight, so that one odd-length visit does not shift the day, and so
  that the day a clock changes has 23 or 25 hours' worth of them.
- The gap between two visits is the longer of the earlier one's cleanup and the later one's setup; they never add up, and
  they never push a visit past the edge of the working hours.
- Time off blocks what overlaps it, without gaps.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from itertools import pairwise, repeat
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from accounts.wall import clock_change, day_bounds, instant, offset

Span = tuple[int, int]
_Shape = tuple[int, list[tuple[int, int, int]]]
_Room = tuple[int, list[Span], list[int]]  # id, what blocks it, where the blocks begin


class Start(NamedTuple):
    """A free start: when, which local day, with whom and where (0 for no room)."""

    at: int
    day: int
    practitioner_id: int
    room_id: int


# As Start(*values), without a Python call for each of a month's thousands.
_start = partial(tuple.__new__, Start)


@dataclass(frozen=True, slots=True)
class Slot:
    """A free start in the words of the rest of the code. `start` and `end` are aware, in UTC."""

    start: datetime
    end: datetime
    practitioner_id: int
    room_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a service asks of a start. Minutes; `earliest` and `last_day` carry notice and horizon (None: not bound)."""

    minutes: int
    setup: int
    cleanup: int
    step: int
    earliest: int | None = None
    last_day: int | None = None


class Hours(NamedTuple):
    """Weekly hours: weekday 0 is Monday; `until` is the last day they hold, or a far one.

    `room` is the room that visits use in these hours if they need one of its kind (0: any).
    """

    practitioner_id: int
    weekday: int
    start: int
    end: int
    since: int
    until: int
    room: int = 0


class Override(NamedTuple):
    """Other hours on one day. `mode` is 0 replace, 1 add, 2 closed."""

    practitioner_id: int
    day: int
    mode: int
    start: int
    end: int


class Off(NamedTuple):
    """Time off of one practitioner, or of everybody (0)."""

    practitioner_id: int
    start: int
    end: int


class Busy(NamedTuple):
    """Time taken. `counts` is 1 for visits and 0 for holds."""

    practitioner_id: int
    room_id: int
    start: int
    end: int
    setup: int
    cleanup: int
    counts: int


@dataclass(slots=True)
class Calendar:
    """Everything the function needs, as loaded by `booking.calendar` in one statement."""

    people: Sequence[tuple[int, int, int]]  # id, last assigned (seconds), position
    hours: Sequence[Hours] = ()
    overrides: Sequence[Override] = ()
    off: Sequence[Off] = ()
    busy: Sequence[Busy] = ()
    rooms: Sequence[int] | None = None  # None: the service needs no room
    booked_that_day: dict[tuple[int, int], int] = field(default_factory=dict)


@lru_cache(maxsize=512)
def _day_shape(day: date, zone: ZoneInfo) -> _Shape:
    """Start of a local day, and its stretches of one offset as (from, to, start of the day on that stretch's clock)."""
    since, until = (int(edge.timestamp()) for edge in day_bounds(day, zone))
    first, last = offset(since, zone), offset(until - 1, zone)
    if first == last:
        return since, [(since, until, since)]
    change = clock_change(since, until, zone)
    return since, [(since, change, since), (change, until, since - (last - first))]


def _instant(day: date, minute: int, zone: ZoneInfo, shape: _Shape, *, end: bool) -> int:
    """The instant of a wall minute; on an ambiguous one hours start at the first and end at the second."""
    since, stretches = shape
    if len(stretches) == 1:
        return since + minute * 60
    if minute >= 1440:
        return stretches[-1][1]
    return int(instant(day, time(minute // 60, minute % 60), zone, fold=1 if end else 0).timestamp())


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sorted, with overlapping and touching spans joined; empty ones dropped."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def _open_blocks(spans: Iterable[Span]) -> list[Span]:
    """Open intervals of refused starts, sorted, overlapping ones joined (touching ones leave the start between them free)."""
    merged: list[Span] = []
    for low, high in sorted(spans):
        if merged and low < merged[-1][1]:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return merged


def _blocks(rules: Rules, busy: Iterable[Busy], off: Iterable[Off] = ()) -> list[Span]:
    """The starts that busy rows and time off refuse, as open intervals."""
    length = rules.minutes * 60
    spans = [(b.start - length - 60 * max(rules.cleanup, b.setup), b.end + 60 * max(b.cleanup, rules.setup)) for b in busy]
    spans += [(o.start - length, o.end) for o in off]
    return _open_blocks(spans)


def _is_blocked(at: int, blocks: Sequence[Span], lows: Sequence[int]) -> int:
    """0 if a start is free of `blocks`; else the first instant at which it is again."""
    i = bisect_right(lows, at - 1) - 1
    return blocks[i][1] if i >= 0 and at < blocks[i][1] else 0


def _gaps(low: int, high: int, blocks: Sequence[Span], lows: Sequence[int]) -> Iterator[Span]:
    """The closed stretches of `low` to `high` that no block refuses; a block's own ends are free."""
    i = max(bisect_right(lows, low - 1) - 1, 0)
    while low <= high:
        if i == len(blocks) or blocks[i][0] >= high:
            yield low, high
            return
        begin, end = blocks[i]
        if begin >= low:
            yield low, begin
        low = max(low, end)
        i += 1


class _Plan:
    """Hours and exceptions by practitioner and day."""

    def __init__(self, calendar: Calendar) -> None:
        self.weekly: dict[tuple[int, int], list[Hours]] = {}
        for h in calendar.hours:
            self.weekly.setdefault((h.practitioner_id, h.weekday), []).append(h)
        self.special: dict[tuple[int, int], list[Override]] = {}
        for o in calendar.overrides:
            self.special.setdefault((o.practitioner_id, o.day), []).append(o)

    def walls(self, person: int, day: int, weekday: int) -> list[tuple[int, int, int]]:
        """What a day's hours are, as (start, end, room)."""
        walls = [(h.start, h.end, h.room) for h in self.weekly.get((person, weekday), ()) if h.since <= day <= h.until]
        changes = self.special.get((person, day))
        if changes:
            if any(o.mode != 1 for o in changes):
                walls = []
            walls += [(o.start, o.end, 0) for o in changes if o.mode != 2]
        return walls


def _open(day: date, walls: Iterable[tuple[int, int, int]], zone: ZoneInfo, shape: _Shape) -> list[Span]:
    """Hours of a day as instants, merged."""
    return merge(
        (_instant(day, start, zone, shape, end=False), _instant(day, end, zone, shape, end=True)) for start, end, _room in walls
    )


def open_spans(calendar: Calendar, person: int, day: date, *, zone: ZoneInfo) -> list[Span]:
    """When somebody works on a local day: instants, sorted. Time off is not taken out."""
    return _open(day, _Plan(calendar).walls(person, day.toordinal(), day.weekday()), zone, _day_shape(day, zone))


def find(calendar: Calendar, rules: Rules, *, since: date, until: date, zone: ZoneInfo) -> list[Start]:
    """Every free start on the local days `since` to `until` (inclusive), for every practitioner, in order of time.

    Args:
        calendar: hours, exceptions, time off, busy rows and rooms covering those days.
        rules: the service and, for patients, the policy's notice and horizon.
        zone: the clinic's zone, on whose clock hours and grid lie.
    """
    length, step = rules.minutes * 60, rules.step * 60
    last = min(until.toordinal(), rules.last_day if rules.last_day is not None else until.toordinal())
    days = [
        (day, date.fromordinal(day).weekday(), date.fromordinal(day), _day_shape(date.fromordinal(day), zone))
        for day in range(since.toordinal(), last + 1)
    ]
    rooms = None
    if calendar.rooms is not None:
        rooms = []
        for room in calendar.rooms:
            blocks = _blocks(rules, (b for b in calendar.busy if b.room_id == room))
            rooms.append((room, blocks, [low for low, _high in blocks]))
    by_person: dict[int, list[Busy]] = {}
    for row in calendar.busy:
        by_person.setdefault(row.practitioner_id, []).append(row)
    room_ids = set(calendar.rooms or ())
    plan = _Plan(calendar)
    found: list[Start] = []
    for person, _assigned, _position in calendar.people:
        blocks = _blocks(rules, by_person.get(person, ()), [o for o in calendar.off if o.practitioner_id in (0, person)])
        lows = [low for low, _high in blocks]
        for day, weekday, as_date, shape in days:
            walls = plan.walls(person, day, weekday)
            before = len(found)
            # Hours that name a room of the kind that is needed are looked at apart.
            named = sorted({w[2] if w[2] in room_ids else 0 for w in walls})
            for name in named:
                some = walls if len(named) == 1 else [w for w in walls if (w[2] if w[2] in room_ids else 0) == name]
                places = [r for r in rooms or () if r[0] == name] if name else rooms
                for open_from, open_to in _open(as_date, some, zone, shape):
                    for stretch_from, stretch_to, base in shape[1]:
                        low = max(open_from, stretch_from, rules.earliest or 0)
                        high = min(open_to - length, stretch_to - 1)
                        for free_from, free_to in _gaps(low, high, blocks, lows):
                            times = range(free_from + (base - free_from) % step, free_to + 1, step)
                            if places is None:
                                found += map(_start, zip(times, repeat(day), repeat(person), repeat(0)))
                            else:
                                found += _in_rooms(times, day, person, places)
            if len(named) > 1:
                found[before:] = {start.at: start for start in reversed(found[before:])}.values()
    found.sort(key=itemgetter(0))
    return found


def _in_rooms(times: Iterable[int], day: int, person: int, rooms: Sequence[_Room]) -> Iterator[Start]:
    """The times at which one of the rooms is free, with the first that is."""
    for at in times:
        for room, blocks, lows in rooms:
            if not _is_blocked(at, blocks, lows):
                yield Start(at, day, person, room)
                break


def any_physician(starts: Iterable[Start], calendar: Calendar) -> list[Start]:
    """One start per time: with whoever has the fewest visits that day, then was assigned longest ago.

    Resolved in the listing, so that the name shown is the name booked.
    """
    order = sorted((assigned, position, person) for person, assigned, position in calendar.people)
    if len(order) == 1:
        return list(starts)
    place = {person: n for n, (_assigned, _position, person) in enumerate(order)}
    ranks: dict[tuple[int, int], tuple[int, int]] = {}
    best: dict[int, tuple[tuple[int, int], Start]] = {}
    for start in starts:
        at, day, person, _room = start
        key = (person, day)
        rank = ranks.get(key)
        if rank is None:
            rank = ranks[key] = (calendar.booked_that_day.get(key, 0), place[person])
        other = best.get(at)
        if other is None or rank < other[0]:
            best[at] = (rank, start)
    return [start for _rank, start in best.values()]


def snug(found: Iterable[Slot], step: int) -> set[Slot]:
    """The starts at either end of a run of free ones: whichever is taken, what is left of the run stays in one piece.

    Read off the listing, so that it can mark what is listed, and neither add to it nor leave anything out.

    Args:
        found: starts in order of time, of any number of physicians.
        step: minutes between two starts of a run.
    """
    ends: set[Slot] = set()
    last: dict[int, Slot] = {}
    for slot in found:
        before = last.get(slot.practitioner_id)
        if before is None or slot.start - before.start != timedelta(minutes=step):
            ends |= {slot} if before is None else {before, slot}
        last[slot.practitioner_id] = slot
    return ends | set(last.values())


def as_slot(start: Start, minutes: int) -> Slot:
    """A start as aware datetimes."""
    return Slot(
        datetime.fromtimestamp(start.at, UTC),
        datetime.fromtimestamp(start.at + minutes * 60, UTC),
        start.practitioner_id,
        start.room_id or None,
    )


def capacity(calendar: Calendar, rules: Rules, *, since: date, until: date, zone: ZoneInfo) -> int:
    """How many visits fit end to end into the working hours of those days, were nothing booked."""
    empty = Calendar(calendar.people, calendar.hours, calendar.overrides, calendar.off)
    packed = Rules(rules.minutes, 0, 0, rules.minutes)
    return len(find(empty, packed, since=since, until=until, zone=zone))


class Refusal(NamedTuple):
    """Why a start is not free. `start` and `end` are of what is in the way, where something is."""

    reason: str
    start: int = 0
    end: int = 0

    @property
    def mark(self) -> str:
        """What a form carries to say that this was read."""
        return f"{self.reason}@{self.start}-{self.end}"


def why(calendar: Calendar, rules: Rules, at: int, person: int, *, zone: ZoneInfo) -> Refusal | None:
    """The first rule that refuses a start, in the order in which people would say it; None for a start that `find` lists.

    Args:
        calendar: as for `find`, covering the local day of `at`.
        at: any instant, whole seconds.
    """
    if all(person != row[0] for row in calendar.people):
        return Refusal("not_performed")
    day, end = datetime.fromtimestamp(at, zone).date(), at + rules.minutes * 60
    if rules.earliest is not None and at < rules.earliest:
        return Refusal("notice", end=rules.earliest)
    if rules.last_day is not None and day.toordinal() > rules.last_day:
        return Refusal("horizon")
    refusal = _why_hours(open_spans(calendar, person, day, zone=zone), at, end)
    if refusal:
        return refusal
    for off in calendar.off:
        if off.practitioner_id in (0, person) and off.start < end and at < off.end:
            return Refusal("time_off" if off.practitioner_id else "closed", off.start, off.end)
    over = overlaps(calendar, rules, at, person)
    if over:
        return over[0]
    for b in (b for b in calendar.busy if b.practitioner_id == person):
        if end + 60 * max(rules.cleanup, b.setup) > b.start and at < b.end + 60 * max(b.cleanup, rules.setup):
            return Refusal("gap", b.start, b.end)
    base = next(base for since, until, base in _day_shape(day, zone)[1] if since <= at < until)
    if (at - base) % (rules.step * 60):
        return Refusal("grid")
    found = find(calendar, rules, since=day, until=day, zone=zone)
    return None if any(s.at == at and s.practitioner_id == person for s in found) else Refusal("room")


def overlaps(calendar: Calendar, rules: Rules, at: int, person: int) -> list[Refusal]:
    """Every visit and hold of somebody's that a visit at `at` would lie over, in order of time."""
    end = at + rules.minutes * 60
    over = (b for b in calendar.busy if b.practitioner_id == person and b.start < end and at < b.end)
    return sorted((Refusal("visit" if b.counts else "hold", b.start, b.end) for b in over), key=itemgetter(1, 2, 0))


def free_room(calendar: Calendar, rules: Rules, at: int) -> int:
    """The first room of the kind that is needed that is free at `at`, whatever else is in the way; 0 for none."""
    for room in calendar.rooms or ():
        blocks = _blocks(rules, (b for b in calendar.busy if b.room_id == room))
        if not _is_blocked(at, blocks, [low for low, _high in blocks]):
            return room
    return 0


def _why_hours(spans: Sequence[Span], at: int, end: int) -> Refusal | None:
    """Why hours refuse a span of time, if they do."""
    if not spans:
        return Refusal("not_working")
    if any(start <= at and end <= until for start, until in spans):
        return None
    within = next((s for s in spans if s[0] <= at < s[1]), None)
    if within:
        return Refusal("ends_late", *within)
    if at < spans[0][0] or at >= spans[-1][1]:
        return Refusal("outside_hours", spans[0][0], spans[-1][1])
    return next(Refusal("break", one[1], two[0]) for one, two in pairwise(spans) if one[1] <= at < two[0])
