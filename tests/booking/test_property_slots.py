"""The slot function against a slow, obvious one that tries every minute of the day."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from booking import slots
from booking.slots import Busy, Calendar, Hours, Off, Override, Rules

TORONTO = ZoneInfo("America/Toronto")
FAR = date(9999, 1, 1).toordinal()
DAYS = [date(2026, 11, 1), date(2027, 3, 14), date(2027, 2, 10), date(2027, 2, 13), date(2026, 10, 31)]


def minutes_of(day: date) -> list[tuple[int, int]]:
    """Every minute of a local day as (instant, wall minute), walked through in UTC."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=12)
    found = []
    for n in range(60 * 60):
        moment = at + timedelta(minutes=n)
        local = moment.astimezone(TORONTO)
        if local.date() == day:
            found.append((int(moment.timestamp()), local.hour * 60 + local.minute))
    return found


ALL_MINUTES = {day + timedelta(days=n): minutes_of(day + timedelta(days=n)) for day in DAYS for n in (0, 1)}


def open_minutes(day: date, walls: list[tuple[int, int]]) -> set[int]:
    """The instants, minute by minute, that wall intervals cover. An ambiguous end is its second reading."""
    minutes = ALL_MINUTES[day]
    covered: set[int] = set()
    for start, end in walls:
        first = min((at for at, wall in minutes if wall >= start), default=None)
        same = [at for at, wall in minutes if wall == end]
        last = max(same) if same else max((at for at, wall in minutes if wall < end), default=-60) + 60
        covered |= {at for at, _wall in minutes if first is not None and first <= at < last}
    return covered


def clear(at: int, rules: Rules, busy: list[Busy]) -> bool:
    """No busy row is closer than the longer of one's cleanup and the other's setup."""
    end = at + 60 * rules.minutes
    return all(end + 60 * max(rules.cleanup, b.setup) <= b.start or b.end + 60 * max(b.cleanup, rules.setup) <= at for b in busy)


def reference(calendar: Calendar, rules: Rules, days: list[date]) -> list[tuple[int, int, int, int]]:
    """Every free start: try each minute, ask each rule."""
    found = []
    for day in days:
        if rules.last_day is not None and day.toordinal() > rules.last_day:
            continue
        for person, _assigned, _position in calendar.people:
            changes = [o for o in calendar.overrides if (o.practitioner_id, o.day) == (person, day.toordinal())]
            walls = [
                (h.start, h.end, h.room if h.room in (calendar.rooms or ()) else 0)
                for h in calendar.hours
                if h.practitioner_id == person and h.weekday == day.weekday() and h.since <= day.toordinal() <= h.until
            ]
            if any(o.mode != 1 for o in changes):
                walls = []
            walls += [(o.start, o.end, 0) for o in changes if o.mode != 2]
            named = sorted({room for _start, _end, room in walls})
            covered = {room: open_minutes(day, [(a, b) for a, b, r in walls if r == room]) for room in named}
            mine = [b for b in calendar.busy if b.practitioner_id == person]
            for at, wall in ALL_MINUTES[day]:
                span = range(at, at + 60 * rules.minutes, 60)
                within = [room for room in named if all(minute in covered[room] for minute in span)]
                if wall % rules.step or not within:
                    continue
                if rules.earliest is not None and at < rules.earliest:
                    continue
                if any(o.start < span.stop and at < o.end for o in calendar.off if o.practitioner_id in (0, person)):
                    continue
                if not clear(at, rules, mine):
                    continue
                room = 0
                if calendar.rooms is not None:
                    places = [r for name in within for r in ([name] if name else calendar.rooms)]
                    free = [r for r in places if clear(at, rules, [b for b in calendar.busy if b.room_id == r])]
                    if not free:
                        continue
                    room = free[0]
                found.append((at, day.toordinal(), person, room))
    return sorted(found)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Calendar, Rules, list[date]]:
    """A calendar of one or two physicians over a day or two, and a service."""
    first = draw(st.sampled_from(DAYS))
    days = [first, first + timedelta(days=1)][: draw(st.integers(1, 2))]
    midnight = ALL_MINUTES[first][0][0]
    people = [(n, 0, n) for n in range(1, draw(st.integers(1, 2)) + 1)]
    who = st.sampled_from([p[0] for p in people])
    wall = st.integers(0, 96).map(lambda n: 15 * n)
    spans = st.tuples(wall, wall).map(sorted).filter(lambda s: s[0] < s[1])
    at = st.integers(-4 * 60, 50 * 60).map(lambda n: midnight + 60 * n)
    some = {"max_size": 3}
    hours = draw(st.lists(st.tuples(who, st.sampled_from(days), spans), min_size=1, max_size=6))
    rules = Rules(
        minutes=draw(st.sampled_from([5, 20, 30, 45, 90, 240])), setup=draw(st.sampled_from([0, 5, 15])),
        cleanup=draw(st.sampled_from([0, 10, 15])), step=draw(st.sampled_from([5, 10, 15, 20, 25, 45])),
        earliest=draw(st.none() | at.map(lambda t: t + 17)), last_day=draw(st.none() | st.sampled_from([d.toordinal() for d in days])),
    )  # fmt: skip
    length = st.sampled_from([10, 30, 45])
    gap = st.sampled_from([0, 5, 20])
    rooms = draw(st.none() | st.lists(st.integers(1, 3), unique=True, max_size=2))
    busy = draw(
        st.lists(
            st.builds(
                lambda p, room, start, minutes, setup, cleanup: Busy(p, room, start, start + 60 * minutes, setup, cleanup, 1),
                st.sampled_from([*(p[0] for p in people), 99]), st.integers(0, 3), at, length, gap, gap,
            ),
            max_size=8,
        )
    )  # fmt: skip
    calendar = Calendar(
        people=people,
        hours=[
            Hours(p, day.weekday(), a, b, draw(st.sampled_from([0, FAR - 1])) if p == 2 else 0, FAR, draw(st.integers(0, 2)))
            for p, day, (a, b) in hours
        ],
        overrides=[
            Override(p, day.toordinal(), mode, *((0, 1440) if mode == 2 else span))
            for p, day, mode, span in draw(st.lists(st.tuples(who, st.sampled_from(days), st.integers(0, 2), spans), **some))
        ],
        off=[Off(p, start, start + 60 * n) for p, start, n in draw(st.lists(st.tuples(st.sampled_from([0, 1, 2]), at, length), **some))],
        busy=busy,
        rooms=rooms,
    )  # fmt: skip
    return calendar, rules, days


@settings(max_examples=150)
@given(questions())
def test_it_finds_exactly_what_trying_every_minute_finds(question):
    calendar, rules, days = question
    found = slots.find(calendar, rules, since=days[0], until=days[-1], zone=TORONTO)
    assert [s.at for s in found] == sorted(s.at for s in found)
    assert sorted(map(tuple, found)) == reference(calendar, rules, days)


@settings(max_examples=40)
@given(questions(), st.integers(0, 14))
def test_every_start_is_listed_or_refused_with_a_reason(question, first):
    """And the reason is true: what it names is there."""
    calendar, rules, days = question
    listed = {(s.at, s.practitioner_id) for s in slots.find(calendar, rules, since=days[0], until=days[-1], zone=TORONTO)}
    for at, wall in [moment for day in days for moment in ALL_MINUTES[day][first::15]]:
        for person in (1, 2, 3):
            refusal = slots.why(calendar, rules, at, person, zone=TORONTO)
            assert (refusal is None) == ((at, person) in listed), (at, person, refusal)
            if refusal is None:
                continue
            end = at + 60 * rules.minutes
            match refusal.reason:
                case "not_performed":
                    assert person not in [p[0] for p in calendar.people]
                case "visit" | "hold":
                    assert refusal.start < end and at < refusal.end
                case "gap":
                    assert refusal.end <= at or end <= refusal.start
                case "time_off" | "closed":
                    assert any((o.start, o.end) == refusal[1:] for o in calendar.off)
                case "grid":
                    assert wall % rules.step
                case "room":
                    assert calendar.rooms is not None
                case "break":
                    assert refusal.start <= at < refusal.end
                case _:
                    assert refusal.reason in {"notice", "horizon", "not_working", "outside_hours", "ends_late"}


@settings(max_examples=60)
@given(questions(), st.lists(st.integers(0, 3), min_size=4, max_size=4), st.lists(st.integers(0, 9), min_size=2, max_size=2))
def test_any_physician_is_whoever_has_the_fewest_visits_then_was_assigned_longest_ago(question, booked, assigned):
    calendar, rules, days = question
    calendar.people = [(person, assigned[person - 1], position) for person, _assigned, position in calendar.people]
    calendar.booked_that_day = {
        (person, day.toordinal()): booked[2 * n + person - 1] for n, day in enumerate(days) for person, _a, _p in calendar.people
    }
    found = slots.find(calendar, rules, since=days[0], until=days[-1], zone=TORONTO)
    chosen = slots.any_physician(found, calendar)
    assert [s.at for s in chosen] == sorted({s.at for s in found})
    order = {person: (assigned_at, position) for person, assigned_at, position in calendar.people}
    for start in chosen:
        rivals = [s for s in found if s.at == start.at]
        assert start == min(rivals, key=lambda s: (calendar.booked_that_day[s.practitioner_id, s.day], *order[s.practitioner_id]))


@settings(max_examples=60)
@given(questions())
def test_a_snug_start_leaves_what_is_left_of_its_run_in_one_piece(question):
    """Marks are listed starts; each run has one at either end; taking one never splits the run."""
    calendar, rules, days = question
    calendar.rooms = None

    def listed(extra: list[Busy]) -> list[slots.Slot]:
        one = Calendar(calendar.people, calendar.hours, calendar.overrides, calendar.off, [*calendar.busy, *extra])
        return [slots.as_slot(s, rules.minutes) for s in slots.find(one, rules, since=days[0], until=days[-1], zone=TORONTO)]

    found, step = listed([]), timedelta(minutes=rules.step)
    marked = slots.snug(found, rules.step)
    assert marked <= set(found)
    for person, _assigned, _position in calendar.people:
        runs: list[list[slots.Slot]] = []
        for slot in (s for s in found if s.practitioner_id == person):
            if not runs or slot.start - runs[-1][-1].start != step:
                runs.append([])
            runs[-1].append(slot)
        assert {s for s in marked if s.practitioner_id == person} == {end for run in runs for end in (run[0], run[-1])}
        for run in runs[:3]:
            for taken in {run[0], run[-1]}:
                at, end = int(taken.start.timestamp()), int(taken.end.timestamp())
                left = [s for s in listed([Busy(person, 0, at, end, rules.setup, rules.cleanup, 1)]) if s in run]
                assert all(b.start - a.start == step for a, b in itertools.pairwise(left)), (taken, left)
