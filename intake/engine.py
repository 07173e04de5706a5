"""What applies, what is missing, and what goes into the record. Pure: no ORM, no clock, no settings.

Answers are a plain mapping link_id -> value:
    choice: a code; several: a list of codes (an open choice may end with {"text": ...}); boolean: True;
    string and text: a str in NFC; integer: an int; date: "YYYY-MM-DD"; a repeating group: a list of mappings.
A draft keeps what was answered and is hidden now; `completed` takes it out.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from math import ceil
from typing import Any

from django.utils.translation import gettext as _

from accounts.dates import PARTS
from intake.definition import Definition, Group, Notice, PageFrame, Question, Section, pairs_of

Answers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asking:
    """What the engine has to know about the moment and the person who answers.

    Args:
        today: the clinic's date when the draft was started; ages and years are worked out from it.
        minimum_age: in whole years, the clinic's; never under the questionnaire's own.
        uploads: whether files can be taken; if not, attachment questions are carried but not asked.
        staff: whether a signed-in member of staff fills in the form.
        known: facts known from elsewhere ("date-of-birth"), whose questions are not asked again.
    """

    today: date
    minimum_age: int = 18
    uploads: bool = False
    staff: bool = False
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Page:
    """A page with at least one question for this person."""

    section: Section
    frame: PageFrame
    questions: tuple[Question, ...]

    @property
    def key(self) -> str:
        """ "3/7": the section's and the page's number in the definition."""
        return f"{self.section.number}/{self.frame.number}"

    @property
    def number(self) -> int:
        """The page's number in its section."""
        return self.frame.number


@dataclass(frozen=True, slots=True)
class Problem:
    """An answer that is missing or cannot be accepted. `field` is the id of the control, `page` where to mend it.

    `also` are the ids of other boxes that the message is about.
    """

    link_id: str
    field: str
    message: str
    page: str = ""
    also: tuple[str, ...] = ()


# --- What is shown ---------------------------------------------------------------------------------------------------


def chosen(names: Set[str], answers: Answers) -> set[tuple[str, str]]:
    """The codes that these questions are answered with, each with its question: what conditions look for."""
    found = set()
    for name in answers.keys() & names:
        value = answers[name]
        if isinstance(value, str):
            found.add((name, value))
        elif isinstance(value, list):
            found.update([(name, code) for code in value if isinstance(code, str)])
    return found


def _group_open(definition: Definition, link_id: str, given: set[tuple[str, str]], shown: set[str]) -> bool:
    chain = []
    while link_id:
        group = definition.groups[link_id]
        if group.opened_by and given.isdisjoint(group.opened_by):
            return False
        chain.append(link_id)
        link_id = group.group
    shown.update(chain)
    return True


def enabled(definition: Definition, answers: Answers, among: Iterable[Question] | None = None) -> set[str]:
    """The link_ids of questions and groups that apply. Top to bottom: an answer to a hidden question opens nothing.

    Args:
        among: look at these only, in the order of the form; what opens them must be among them.
    """
    shown: set[str] = set()
    given: set[tuple[str, str]] = set()  # what the questions shown so far open with their answers
    opened = {"": True}  # A group's conditions are on questions above all of it, so it is looked at once.
    for question in definition.questions.values() if among is None else among:
        group = question.group
        if group not in opened:
            opened[group] = _group_open(definition, group, given, shown)
        if not opened[group] or (question.opened_by and given.isdisjoint(question.opened_by)):
            continue
        name = question.link_id
        shown.add(name)
        if name in definition.deciding:
            given |= chosen({name}, answers)
    return shown


def age_on(born: date, day: date) -> int:
    """Whole years; someone born on February 29 turns on March 1 in other years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _born(answers: Answers) -> date | None:
    try:
        return date.fromisoformat(answers.get("about_dob", ""))
    except (TypeError, ValueError):
        return None


def calc(definition: Definition, answers: Answers, today: date) -> dict[str, Any]:
    """The answers with every worked-out item worked out again, or taken out where there is nothing to work with."""
    # Facts from earlier answers were written when the draft was begun, and stay.
    again = {q.link_id for q in definition.worked_out}
    result = {k: v for k, v in answers.items() if k not in again}
    shown = enabled(definition, result, definition.counted)
    for question in definition.worked_out:
        value: Any = None
        if question.calc == "age-band" and "about_dob" in shown and (born := _born(result)):
            age = age_on(born, today)
            value = None if age < 18 else "18-39" if age < 40 else "40-59" if age < 60 else "60-plus"
        elif question.calc == "phq2":
            chosen = [q.option(result.get(q.link_id)) for q in definition.phq2 if q.link_id in shown]
            if len(chosen) == 2 and all(option and option.score is not None for option in chosen):
                value = sum(option.score or 0 for option in chosen if option)
        if value is not None:
            result[question.link_id] = value
    return result


def under_age(answers: Answers, asking: Asking) -> bool:
    """True if the date of birth given makes the person younger than the clinic sees."""
    born = _born(answers)
    return born is not None and age_on(born, asking.today) < asking.minimum_age


def is_asked(question: Question, asking: Asking) -> bool:
    """True if the questionnaire itself asks this question, once it applies."""
    if question.calc or question.asked or question.type == "display":
        return False
    if question.type == "attachment" and not asking.uploads:
        return False
    if asking.staff and any(option.staff_only for option in question.options):
        return False  # Who types is known: `staff_answers`.
    return not (question.fact and question.fact in asking.known)


def staff_answers(definition: Definition) -> dict[str, Any]:
    """What goes without saying while somebody who works here fills in the form: the options that only they have."""
    return {q.link_id: o.code for q in definition.questions.values() for o in q.options if o.staff_only}


def pages(definition: Definition, answers: Answers, asking: Asking, shown: set[str] | None = None) -> list[Page]:
    """The pages with something to answer, in order. `shown` is what `enabled` said of these answers, if it was asked."""
    shown = enabled(definition, answers) if shown is None else shown
    return [
        Page(section, frame, tuple([q for q in on_page if q.link_id in shown]))
        for section, frame, on_page, asked in _frames(definition, asking.uploads, asking.staff, asking.known)
        if not asked.isdisjoint(shown)
    ]


@lru_cache(maxsize=64)
def _frames(
    definition: Definition, uploads: bool, staff: bool, known: frozenset[str]
) -> list[tuple[Section, PageFrame, list[Question], frozenset[str]]]:
    """Every page with what can stand on it, and the link_ids of that which `is_asked` says yes to."""
    asking = Asking(date.min, uploads=uploads, staff=staff, known=known)
    found = []
    for section, frame, on_page in definition.frames:
        asked = frozenset(q.link_id for q in on_page if is_asked(q, asking))
        found.append((section, frame, [q for q in on_page if q.link_id in asked or q.type == "display"], asked))
    return found


def find_page(all_pages: Iterable[Page], section: int, number: int) -> Page | None:
    """The page with these numbers, if it is among them."""
    return next((p for p in all_pages if p.section.number == section and p.number == number), None)


def _position(key: str) -> tuple[int, int]:
    section, _sep, number = key.partition("/")
    return int(section), int(number)


def next_page(all_pages: Iterable[Page], key: str) -> Page | None:
    """The first page after `key` ("3/7"); None at the end. `key` itself need not be among the pages."""
    at = _position(key)
    return next((p for p in all_pages if (p.section.number, p.number) > at), None)


def previous_page(all_pages: Iterable[Page], key: str) -> Page | None:
    """The last page before `key`; None at the beginning."""
    at = _position(key)
    before = [p for p in all_pages if (p.section.number, p.number) < at]
    return before[-1] if before else None


def page_problems(definition: Definition, page: Page, answers: Answers) -> list[Problem]:
    """What is missing on a page, as far as required."""
    problems = []
    groups_done: set[str] = set()
    for question in page.questions:
        value = answers.get(question.link_id)
        if question.type == "display" or (isinstance(value, str) and value in question.codes):
            continue
        if group := definition.rows_of(question):
            if group.link_id not in groups_done:
                groups_done.add(group.link_id)
                problems += row_problems(definition, group, answers.get(group.link_id) or [], answers, page.key)
        elif question.required and not (value or is_answered(value)):
            problems.append(Problem(question.link_id, question.link_id, missing_text(question), page.key))
        elif question.options and not _codes_known(question, value):
            problems.append(Problem(question.link_id, question.link_id, _("Choose one of the answers shown"), page.key))
    return problems


def validate_complete(definition: Definition, answers: Answers, asking: Asking, shown: set[str] | None = None) -> list[Problem]:
    """What still stands between a draft and a completed response, in order. Empty: it may be sent. `shown` as for `pages`."""
    return [p for page in pages(definition, answers, asking, shown) for p in page_problems(definition, page, answers)]


def completed(definition: Definition, answers: Answers, shown: set[str] | None = None) -> dict[str, Any]:
    """The answers that count: those of questions that apply. Nothing hidden, nothing empty. `shown` as for `pages`."""
    shown = enabled(definition, answers) if shown is None else shown
    result: dict[str, Any] = {}
    for key, value in answers.items():
        if key not in shown or key not in definition.recorded:
            continue
        if key in definition.groups and isinstance(value, list):
            value = [row for row in value if any(row.values())]
        if value or is_answered(value):
            result[key] = value
    return result


def triggered_advice(definition: Definition, answers: Answers, shown: set[str] | None = None) -> list[Notice]:
    """The advice pages these answers call for. `shown` as for `pages`."""
    shown = enabled(definition, answers) if shown is None else shown
    given = chosen(shown, answers)
    return [notice for notice in definition.advice if not given.isdisjoint(pairs_of(notice.when))]


def is_answered(value: Any) -> bool:
    """False for nothing, an empty text, an empty list and an unticked box. Nought is an answer."""
    return value is not None and value is not False and value != "" and value != []


# --- Progress --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SectionState:
    """How far a section is: "todo", "partly" or "done"; `go` is the page to go on with."""

    section: Section
    state: str
    go: Page | None


def is_finished(definition: Definition, page: Page, answers: Answers, done: Iterable[str]) -> bool:
    """True if the page was continued from, and nothing required is missing on it."""
    return page.key in done and not page_problems(definition, page, answers)


def progress(
    definition: Definition, answers: Answers, done: Iterable[str], asking: Asking, all_pages: list[Page] | None = None
) -> list[SectionState]:
    """The state of every section, in order. `all_pages` is what `pages` said of these answers, if it was asked."""
    done = set(done)
    all_pages = pages(definition, answers, asking) if all_pages is None else all_pages
    states = []
    for section in definition.sections:
        own = [p for p in all_pages if p.section.number == section.number]
        open_pages = [p for p in own if not is_finished(definition, p, answers, done)]
        begun = any(p.key in done for p in own)
        state = "done" if not open_pages else "partly" if begun else "todo"
        states.append(SectionState(section, state, next(iter(open_pages or own), None)))
    return states


def is_long(definition: Definition) -> bool:
    """Whether the questions take 6 to 8 minutes, and not about 2."""
    return len(definition.sections) > 4


def minutes_left(definition: Definition, pages: int, waiting: int) -> int:
    """About how long the pages that wait take, of all pages."""
    return ceil((8 if is_long(definition) else 2) * waiting / max(1, pages))


def first_control(question: Question) -> str:
    """The id of the control an error leads to."""
    if question.type == "date":
        return f"{question.link_id}_{PARTS[0]}"
    return f"{question.link_id}-0" if question.options else question.link_id


def missing_text(question: Question) -> str:
    """What is said when a required answer is not there."""
    if question.missing:
        return question.missing
    if question.multiple:
        return _("Choose at least one answer")
    if question.options:
        return _("Choose an answer")
    return _("Enter an answer")


def row_questions(definition: Definition, group: Group) -> list[Question]:
    """The questions of one row."""
    return definition.by_group.get(group.link_id, [])


def row_problems(definition: Definition, group: Group, rows: list[Any], answers: Answers, page: str) -> list[Problem]:
    required = [q for q in row_questions(definition, group) if q.required]
    filled = [(i, row) for i, row in enumerate(rows) if any(row.values())]
    problems = [
        Problem(group.link_id, f"{q.link_id}-{i}", missing_text(q), page)
        for i, row in filled
        for q in required
        if not is_answered(row.get(q.link_id))
    ]
    if not filled and required and not is_answered(answers.get("med_photo")):
        problems.append(Problem(group.link_id, f"{required[0].link_id}-0", missing_text(required[0]), page))
    return problems


def is_known(question: Question, value: Any) -> bool:
    """True if an answer from elsewhere is one that this question can have."""
    if question.options:
        return isinstance(value, list) == question.multiple and _codes_known(question, value)
    return isinstance(value, str)


def _codes_known(question: Question, value: Any) -> bool:
    if isinstance(value, str) and value:
        return value in question.codes
    given = value if isinstance(value, list) else [value]
    return not [v for v in given if not isinstance(v, dict) and v not in question.codes and v not in (None, "")]
