"""A date in three parts, as people type it: what it is, or which parts are not right and what to say about them. Pure."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

PARTS = ("month", "day", "year")
MONTHS = (
    gettext_lazy("January"), gettext_lazy("February"), gettext_lazy("March"), gettext_lazy("April"), gettext_lazy("May"),
    gettext_lazy("June"), gettext_lazy("July"), gettext_lazy("August"), gettext_lazy("September"), gettext_lazy("October"),
    gettext_lazy("November"), gettext_lazy("December"),
)  # fmt: skip
_WORDS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is not right about a date as typed: these parts, and nothing about the others.

    Args:
        code: "missing" (parts are empty), "year" (not four numbers) or "real" (there is no such day, or several things).
    """

    code: str
    parts: tuple[str, ...]


def read(month: str, day: str, year: str) -> date | Wrong | None:
    """The date, what is wrong with it, or None while all three parts are empty. A month is a number or begins like its name."""
    typed = {"month": _number_of(month.strip()), "day": day.strip(), "year": year.strip()}
    if not any(typed.values()):
        return None
    missing = tuple(part for part in PARTS if not typed[part])
    odd = tuple(part for part in PARTS if typed[part] and not _is_fine(part, typed[part]))
    if missing and not odd:
        return Wrong("missing", missing)
    if missing or odd:
        wrong = tuple(part for part in PARTS if part in (*missing, *odd))
        return Wrong("year" if wrong == ("year",) else "real", wrong)
    try:
        return date(int(typed["year"]), int(typed["month"]), int(typed["day"]))
    except ValueError:
        return Wrong("real", ("year",) if typed["year"] == "0000" else ("day",))


def in_words(wrong: Wrong, *, whose: str, year_of: str) -> str:
    """What to say. The example looks as the boxes do.

    Args:
        whose, year_of: how the sentence begins: "Your date of birth", "Your year of birth".
    """
    if wrong.code == "missing":
        names = {"month": _("a month"), "day": _("a day"), "year": _("a year")}
        return _("%(date)s must have %(parts)s") % {"date": whose, "parts": _(" and ").join(names[p] for p in wrong.parts)}
    if wrong.code == "year":
        return _("%(year)s must have 4 numbers, like 1987") % {"year": year_of}
    return _("%(date)s must be a real date, like March 27, 1987") % {"date": whose}


def _number_of(month: str) -> str:
    word = month.lower()
    return str(_WORDS.index(word[:3]) + 1) if len(word) >= 3 and word.isalpha() and word[:3] in _WORDS else month


def _is_fine(part: str, text: str) -> bool:
    """True if a part alone can be one."""
    if not (text.isascii() and text.isdecimal()):
        return False
    return len(text) == 4 if part == "year" else len(text) <= 2 and 1 <= int(text) <= (12 if part == "month" else 31)
