"""Where the lines of a day stand on the board: rows of five minutes from its first half hour, lanes where they overlap.

Everything is said in classes (`h-2 m-6 t-1 s-4`: two hours and six rows down, an hour and four rows long), because a style
attribute would need a wider content policy. Rows count elapsed time: the day a clock changes has 23 or 25 hours of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts import clock
from staff.lines import Column, Entry, board_time

STEP = 300  # seconds of a row
HALF = 1800
SHORT = 14 * 60  # anything under a quarter of an hour wants taller rows
LANES = 4


@dataclass(slots=True)
class Grid:
    """The hours down the side, how far it reaches, and where the line of this moment is."""

    since: datetime
    until: datetime
    hours: list[tuple[str, str]] = field(default_factory=list)  # place, words
    half: bool = False  # it begins at half past
    tall: bool = False
    now: str = ""


def place(first: int, rows: int) -> str:
    """The classes of a stretch: where it begins and how long it is, in rows."""
    parts = (("h", first // 12), ("m", first % 12), ("t", rows // 12), ("s", rows % 12))
    return " ".join(f"{letter}-{n}" for letter, n in parts if n)


def lay(columns: Iterable[Column], now: datetime) -> Grid | None:
    """Give every line its place. None for a day on which there is nothing to place."""
    columns = list(columns)
    spans = [span for column in columns for span in column.spans]
    spans += [(e.at, e.end) for column in columns for e in column.entries if e.kind != "off" and e.end]
    if not spans:
        return None
    first = min(int(since.timestamp()) for since, _until in spans) // HALF * HALF
    last = -(-max(int(until.timestamp()) for _since, until in spans) // HALF) * HALF
    rows = (last - first) // STEP
    grid = Grid(datetime.fromtimestamp(first, clock.UTC), datetime.fromtimestamp(last, clock.UTC))

    def row(moment: datetime) -> int:
        return min(max(round((moment.timestamp() - first) / STEP), 0), rows)

    for column in columns:
        _close(column, grid)
        cards = []
        for entry in column.entries:
            start, end = row(entry.at), row(entry.end or entry.at)
            if entry.kind not in ("off", "shut"):
                grid.tall |= entry.end is not None and (entry.end - entry.at).total_seconds() < SHORT
                start = min(start, rows - 2)
                end = max(end, start + 2)
                cards.append((start, end, entry))
            entry.short = end - start <= 3
            entry.place = place(start, end - start) if end > start else ""
        _lanes(cards)
    grid.half = clock.local(grid.since).minute == 30
    at = grid.since
    while at <= grid.until:
        if at == grid.since or clock.local(at).minute == 0:
            grid.hours.append((place(row(at), 1), _hour(at)))
        at += timedelta(seconds=HALF)
    if grid.since <= now < grid.until:
        grid.now = place(row(now), 1)
    return grid


def _hour(moment: datetime) -> str:
    """ "8:30", "9 a.m.", "noon": the words beside a line."""
    there = clock.local(moment)
    if there.minute:
        return board_time(moment)
    return clock.clock_time(moment).replace(":00", "")


def _close(column: Column, grid: Grid) -> None:
    """What of the board lies outside the hours of a column: before, after, or all of it."""
    if not column.spans:
        column.entries.insert(0, Entry("shut", grid.since, "", end=grid.until, text=column.note))
        return
    opens, closes = column.spans[0][0], column.spans[-1][1]
    if grid.since < opens:
        column.entries.insert(
            0, Entry("shut", grid.since, "", end=opens, text=_("Starts %(time)s") % {"time": board_time(opens)})
        )
    if closes < grid.until:
        text = _("Ends %(time)s") % {"time": board_time(closes)}
        column.entries.append(Entry("shut", closes, "", end=grid.until, text=text))


def _lanes(cards: list[tuple[int, int, Entry]]) -> None:
    """Side by side where they overlap: each takes the first lane that is free, and all that touch share the width."""
    cards.sort(key=lambda card: (card[0], card[2].visit.lane if card[2].visit else LANES))
    together: list[tuple[Entry, int]] = []
    ends: list[int] = []
    for start, end, entry in [*cards, (1 << 30, 0, None)]:
        if together and start >= max(ends):
            if len(ends) > 1:
                for one, lane in together:
                    one.place += f" x{lane % LANES + 1}{min(len(ends), LANES)}"
                    one.narrow = True
            together, ends = [], []
        if entry is None:
            break
        lane = next((n for n, until in enumerate(ends) if until <= start), len(ends))
        if lane == len(ends):
            ends.append(end)
        ends[lane] = end
        together.append((entry, lane))
