"""The day as one table: a line a visit, hold, opening or time away, in the order that is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from booking.models import Practitioner, Status
from staff.board import Board
from staff.lines import Entry

# The order in which people at the desk ask: who is here, who is to come, who is through.
_STATUSES = [
    Status.ARRIVED,
    Status.IN_ROOM,
    Status.BOOKED,
    Status.CONFIRMED,
    Status.HELD,
    Status.FULFILLED,
    Status.NOSHOW,
    Status.CANCELLED,
]
COLUMNS = {
    "time": gettext_lazy("Time"),
    "patient": gettext_lazy("Patient"),
    "service": gettext_lazy("Visit type"),
    "who": gettext_lazy("Physician"),
    "status": gettext_lazy("Status"),
    "flags": gettext_lazy("Flags"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line, and whose it is."""

    entry: Entry
    practitioner: Practitioner


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: its words, which way the table is sorted by it ("" if it is not), and what a press asks for."""

    name: str
    words: str
    way: str
    asks: str


def read(text: str) -> str:
    """The order that an address asks for: a column's name, with a minus for downwards; else by time."""
    return text if text.removeprefix("-") in COLUMNS else "time"


def heads(sort: str) -> list[Head]:
    """The heads of a table sorted so. A press on the one it is sorted by turns it round."""
    by, down = sort.removeprefix("-"), sort.startswith("-")
    found = []
    for name, words in COLUMNS.items():
        mine = name == by
        way = "" if not mine else "descending" if down else "ascending"
        found.append(Head(name, str(words), way, f"-{name}" if mine and not down else name))
    return found


def rows_of(board: Board, sort: str) -> list[Row]:
    """Every line of the day in order; what has no value in the column comes last, whichever way it is sorted."""
    rows = [Row(entry, column.practitioner) for column in board.columns for entry in (*column.entries, *column.cancelled)]
    rows.sort(key=lambda row: (row.entry.at, row.entry.kind != "visit"))
    value = _VALUES[sort.removeprefix("-")]
    known = [row for row in rows if value(row) is not None]
    known.sort(key=value, reverse=sort.startswith("-"))
    return known + [row for row in rows if value(row) is None]


def _patient(row: Row) -> Any:
    visit = row.entry.visit
    person = visit.patient if visit else None
    return (person.legal_last_name.casefold(), person.legal_first_name.casefold()) if person else None


def _flags(row: Row) -> Any:
    """Most first, so that one press brings up what needs a look."""
    return -len(row.entry.badges) if row.entry.kind == "visit" else None


_VALUES: dict[str, Callable[[Row], Any]] = {
    "time": lambda row: row.entry.at,
    "patient": _patient,
    "service": lambda row: row.entry.visit.service.name.casefold() if row.entry.visit else None,
    "who": lambda row: row.practitioner.name.casefold(),
    "status": lambda row: _STATUSES.index(Status(row.entry.visit.status)) if row.entry.visit else None,
    "flags": _flags,
}
