"""What can be counted, over time: how much it weighs, how it compares with the first visit, and the physician's grade. Pure.

Drawn small, one beside the other; every number is an answer or a grade as it was given.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from intake import wording
from intake.definition import Definition

WIDTH, HEIGHT, EDGE = 160, 48, 5  # of a drawing, in its own units
# Question → what it counts for: a check-in asks under a name of its own.
_ASKED = {"hair_impact": "impact", "fu_impact": "impact", "fu_change": "change"}
_RANGE = {"impact": (0, 4), "change": (-3, 3), "norwood": (1, 7), "ludwig": (1, 3), "sinclair": (1, 5)}
_GRADE = re.compile(r"(VII|VI|IV|V|III|II|I|[1-7])\s?-?(v|vertex|a)?", re.IGNORECASE)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7}


@dataclass(frozen=True, slots=True)
class Point:
    """One value on a day, in numbers and as it reads. `of`: impact, change, or the scale of a grade."""

    of: str
    day: date
    value: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Points of one kind, oldest first, drawn between `since` and `until`."""

    title: str
    points: list[Point]
    since: date
    until: date

    @property
    def dots(self) -> list[tuple[str, str]]:
        """Where each stands in the drawing: left to right by day, bottom to top by value."""
        low, high = _RANGE[self.points[0].of]
        days = max((self.until - self.since).days, 1)
        return [
            (
                f"{EDGE + (WIDTH - 2 * EDGE) * (p.day - self.since).days / days:.1f}",
                f"{HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (p.value - low) / (high - low):.1f}",
            )
            for p in self.points
        ]

    @property
    def line(self) -> str:
        """The line through them, as SVG writes it."""
        return " ".join(f"{x},{y}" for x, y in self.dots)


def of_answers(definition: Definition, answers: Mapping[str, Any], day: date) -> Iterator[Point]:
    """What is counted of these answers."""
    for name, what in _ASKED.items():
        question, value = definition.questions.get(name), answers.get(name)
        if question is not None and isinstance(value, str):
            yield Point(what, day, int(value), ", ".join(wording.words(question, value)))


def of_review(fields: Mapping[str, Any], day: date) -> Iterator[Point]:
    """The grade, if it is one that the scale has: III vertex lies between III and IV."""
    scale, grade = str(fields.get("scale", "")), str(fields.get("grade", ""))
    found = _GRADE.fullmatch(grade.strip()) if scale in _RANGE else None
    if found:
        value = _ROMAN.get(found[1].lower()) or int(found[1])
        if value <= _RANGE[scale][1]:
            yield Point(scale, day, value + 0.5 * bool(found[2]), grade)


def charts(points: Iterable[Point]) -> list[Chart]:
    """Those with two days or more; of grades, those of the scale that was used last."""
    ordered = sorted(points, key=lambda point: point.day)
    grades = [p.of for p in ordered if p.of in {"norwood", "ludwig", "sinclair"}]
    titles = {"impact": _("Effect on their life"), "change": _("Compared with the first visit")}
    titles |= {grades[-1]: _("Grade, %(scale)s") % {"scale": grades[-1].title()}} if grades else {}
    kept = {what: {p.day: p for p in ordered if p.of == what} for what in titles}
    drawn = [p for by_day in kept.values() if len(by_day) > 1 for p in by_day.values()]
    since, until = (min(p.day for p in drawn), max(p.day for p in drawn)) if drawn else (date.min, date.min)
    return [Chart(titles[what], list(by_day.values()), since, until) for what, by_day in kept.items() if len(by_day) > 1]
