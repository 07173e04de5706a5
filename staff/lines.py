"""A column of the day and its lines."""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import clock
from booking.models import Appointment, Practitioner


def board_time(moment: datetime) -> str:
    """ "11:00": the short time of the board, where the day makes a.m. and p.m. plain."""
    there = clock.local(moment)
    return f"{there.hour % 12 or 12}:{there.minute:02d}"


@dataclass(slots=True)
class Entry:
    """One line of a column: a visit, a hold, an opening, time away; and on the board what lies outside the hours ("shut")."""

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
    end: datetime | None = None
    place: str = ""  # where it stands on the board, as classes
    short: bool = False  # one line high
    narrow: bool = False  # beside another


@dataclass(frozen=True, slots=True)
class Behind:
    """That a physician runs late: about how much, and since when it is said."""

    minutes: int
    said_at: datetime


@dataclass(slots=True)
class Column:
    """One physician's day."""

    practitioner: Practitioner
    entries: list[Entry] = field(default_factory=list)
    cancelled: list[Entry] = field(default_factory=list)
    booked: int = 0
    openings: int = 0
    working: bool = False
    spans: list[tuple[datetime, datetime]] = field(default_factory=list)  # the hours
    note: str = ""
    late: Behind | None = None
    expected: bool = False  # today, somebody has still to arrive
    following: Entry | None = None  # today, the first line that is not over

    @property
    def summary(self) -> str:
        """ "10 booked, 1 opening"."""
        parts = [_("%(n)d booked") % {"n": self.booked}]
        if self.note:
            parts.append(self.note)
        elif self.openings:
            parts.append(ngettext("%(n)d opening", "%(n)d openings", self.openings) % {"n": self.openings})
        return ", ".join(parts)
