"""What is shown, what may be answered, and what goes into the record. Pure: no ORM, no clock, no settings.

Answers are a plain mapping link_id -> value:
    choice: a code; several: a list of codes (an open choice may end with {"text": ...}); boolean: True;
    string and text: a str in NFC; integer: an int; date: "YYYY-MM-DD"; a repeating group: a list of mappings.
A draft keeps what was answered and is hidden now; `completed` takes it out.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from intake.definition import Conditions, Definition, Group, Notice, PageFrame, Question, Section

Answers = Mapping[str, Any]
MAX_ROWS = 30
MAX_AGE = 110
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Typed(Protocol):
    """What came with a form: Django's QueryDict, or anything with its `getlist`."""

    def getlist(self, key: str) -> list[Any]:
        """Every value sent under a name."""
        ...


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
    """An answer that is missing or cannot be accepted. `field` is the id of the control, `page` where to mend it."""

    link_id: str
    field: str
    message: str
    page: str = ""


@dataclass(slots=True)
class Cleaned:
    """What a page's form gave: values to store (None removes one), or problems, and the first follow-up that waits."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    follow_up: str = ""


# --- What is shown ---------------------------------------------------------------------------------------------------


def _holds(conditions: Conditions, answers: Answers, shown: set[str]) -> bool:
    for question, codes in conditions:
        if question in shown:
            value = answers.get(question)
            if isinstance(value, str):
                if value in codes:
                    return True
            elif isinstance(value, list):
                for code in value:
                    if isinstance(code, str) and code in codes:
                        return True
    return not conditions


def _group_open(definition: Definition, link_id: str, answers: Answers, shown: set[str]) -> bool:
    chain = []
    while link_id:
        group = definition.groups[link_id]
        if not _holds(group.show_when, answers, shown):
            return False
        chain.append(link_id)
        link_id = group.group
    shown.update(chain)
    return True


def enabled(definition: Definition, answers: Answers) -> set[str]:
    """The link_ids of questions and groups that apply. Top to bottom: an answer to a hidden question opens nothing."""
    shown: set[str] = set()
    opened: dict[str, bool] = {}  # A group's conditions are on questions above all of it, so it is looked at once.
    for question in definition.questions.values():
        group = question.group
        if group:
            if group not in opened:
                opened[group] = _group_open(definition, group, answers, shown)
            if not opened[group]:
                continue
        if not question.show_when or _holds(question.show_when, answers, shown):
            shown.add(question.link_id)
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
    shown = enabled(definition, result)
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
    found: list[Page] = []
    for section, frame, on_page in definition.frames:
        questions = tuple(q for q in on_page if q.link_id in shown and (q.type == "display" or is_asked(q, asking)))
        if any(q.type != "display" for q in questions):
            found.append(Page(section, frame, questions))
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
        if question.type == "display":
            continue
        group = definition.groups.get(question.group)
        if group and group.repeats:
            if group.link_id not in groups_done:
                groups_done.add(group.link_id)
                problems += _row_problems(definition, group, answers.get(group.link_id) or [], answers, page.key)
        elif question.required and not is_answered(answers.get(question.link_id)):
            problems.append(Problem(question.link_id, question.link_id, missing_text(question), page.key))
        elif question.options and not _codes_known(question, answers.get(question.link_id)):
            problems.append(Problem(question.link_id, question.link_id, _("Choose one of the answers shown"), page.key))
    return problems


def validate_complete(definition: Definition, answers: Answers, asking: Asking, shown: set[str] | None = None) -> list[Problem]:
    """What still stands between a draft and a completed response, in order. Empty: it may be sent. `shown` as for `pages`."""
    return [p for page in pages(definition, answers, asking, shown) for p in page_problems(definition, page, answers)]


def completed(definition: Definition, answers: Answers, shown: set[str] | None = None) -> dict[str, Any]:
    """The answers that count: those of questions that apply. Nothing hidden, nothing empty. `shown` as for `pages`."""
    shown = enabled(definition, answers) if shown is None else shown
    rows = {g.link_id for g in definition.groups.values() if g.repeats}
    result: dict[str, Any] = {}
    for key, value in answers.items():
        if key not in shown or not (key in definition.questions or key in rows):
            continue
        if key in rows and isinstance(value, list):
            value = [row for row in value if any(row.values())]
        if is_answered(value):
            result[key] = value
    return result


def shown_count(definition: Definition, answers: Answers) -> int:
    """How many of the possible fields apply to these answers, those asked elsewhere and photos included."""
    shown = enabled(definition, answers)
    return sum(1 for q in definition.questions.values() if q.link_id in shown and not q.calc and q.type != "display")


def triggered_advice(definition: Definition, answers: Answers, shown: set[str] | None = None) -> list[Notice]:
    """The advice pages these answers call for. `shown` as for `pages`."""
    shown = enabled(definition, answers) if shown is None else shown
    return [notice for notice in definition.advice if notice.when and _holds(notice.when, answers, shown)]


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


def first_unfinished(definition: Definition, answers: Answers, done: Iterable[str], asking: Asking) -> Page | None:
    """The page to go on with; None when all is answered."""
    done = set(done)
    return next((p for p in pages(definition, answers, asking) if not is_finished(definition, p, answers, done)), None)


# --- What may be answered --------------------------------------------------------------------------------------------


def clean_page(
    definition: Definition,
    section: int,
    number: int,
    typed: Typed,
    answers: Answers,
    asking: Asking,
    *,
    partial: bool = False,
) -> Cleaned:
    """Read one page's form against the draft's answers.

    Questions are judged top to bottom, each with the answers above it. One that begins to apply only through this very
    form, and was not on it, is a follow-up: `follow_up` asks for the page to be shown again. Unknown names are ignored.

    Args:
        typed: the form; `shown` names the questions that were on it.
        partial: accept what is missing (a row is added or taken away, and nothing is finished yet).
    """
    result = Cleaned()
    working = calc(definition, answers, asking.today)
    before = shown = enabled(definition, working)
    on_form = {str(name) for name in typed.getlist("shown")}
    groups_done: set[str] = set()
    for question in definition.page_questions(section, number):
        if not is_asked(question, asking) or question.link_id not in shown:
            continue
        group = definition.groups.get(question.group)
        rows = group if group and group.repeats else None
        name = rows.link_id if rows else question.link_id
        if name in groups_done:
            continue
        if question.type == "attachment" and (name in before or name in on_form):
            groups_done.add(name)
            # Files come one by one, each with its own form. Here none can be named but those of this draft.
            if not {str(value) for value in typed.getlist(name)} <= set(answers.get(name) or []):
                result.problems.append(Problem(name, f"file-{name}", _("This photo is not among your answers. Add it here")))
            continue
        if name not in before and name not in on_form and not _is_typed(question, typed):
            result.follow_up = result.follow_up or name
            groups_done.add(name)
            continue
        groups_done.add(name)
        if rows:
            value, problems = _clean_rows(definition, rows, typed, working, partial)
        else:
            value, problems = _clean(question, typed, asking)
            if not problems and question.required and not partial and not is_answered(value):
                problems = [Problem(name, first_control(question), missing_text(question))]
        result.problems += problems
        if not problems:
            value = value if is_answered(value) else None
            result.values[name] = value
            if value == working.get(name):
                continue
            working = {k: v for k, v in working.items() if k != name}
            if value is not None:
                working[name] = value
            working = calc(definition, working, asking.today)
            shown = enabled(definition, working)
    return result


def first_control(question: Question) -> str:
    """The id of the control an error leads to."""
    if question.type == "date":
        return f"{question.link_id}_day"
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


def text_problem(value: Any, limit: int) -> str:
    """Why a text cannot be kept; empty if it can. Lengths are code points after NFC with line ends as one."""
    if not isinstance(value, str) or any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\t\n" for c in value):
        return _("This holds characters that we cannot keep. Type it again")
    if len(value) > limit:
        return ngettext("Use %(n)d character or fewer", "Use %(n)d characters or fewer", limit) % {"n": limit}
    return ""


def normal_text(value: Any) -> Any:
    """NFC, line ends as one, no space around."""
    if not isinstance(value, str):
        return value
    return unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _is_typed(question: Question, typed: Typed) -> bool:
    names = [question.link_id]
    if question.type == "date":
        names = [f"{question.link_id}_{part}" for part in ("day", "month", "year")]
    return any(str(value).strip() for name in names for value in typed.getlist(name))


def _clean(question: Question, typed: Typed, asking: Asking) -> tuple[Any, list[Problem]]:
    name = question.link_id

    def bad(message: str, control: str = "") -> tuple[Any, list[Problem]]:
        return None, [Problem(name, control or first_control(question), message)]

    if question.type == "date":
        return _clean_date(question, typed, asking)
    given = typed.getlist(name)
    if question.options:
        return _clean_choice(question, given, typed, asking)
    values = [value for value in given if normal_text(value) != ""]
    if len(values) > 1:
        return bad(_("Give only one answer"))
    value = normal_text(values[0]) if values else ""
    if question.type == "boolean":
        if value not in ("", "true"):
            return bad(_("Choose one of the answers shown"))
        return value == "true", []
    if question.type == "integer":
        return _clean_integer(question, value, asking)
    if problem := text_problem(value, question.max_length):
        return bad(problem)
    if question.type == "string":
        value = " ".join(value.split())
    return value, []


def _clean_choice(question: Question, given: list[Any], typed: Typed, asking: Asking) -> tuple[Any, list[Problem]]:
    def bad(message: str, control: str = "") -> tuple[Any, list[Problem]]:
        return None, [Problem(question.link_id, control or first_control(question), message)]

    allowed = {o.code: o for o in question.options if asking.staff or not o.staff_only}
    chosen = list(dict.fromkeys(value for value in given if value != ""))
    if any(not isinstance(value, str) or value not in allowed for value in chosen):
        return bad(_("Choose one of the answers shown"))
    if not question.multiple:
        if len(chosen) > 1 or len(given) > 1:
            return bad(_("Choose only one answer"))
        return (chosen[0] if chosen else None), []
    picked: list[Any] = [code for code in allowed if code in chosen]
    exclusive = [allowed[code] for code in picked if allowed[code].exclusive]
    if question.type == "open-choice":
        own = [normal_text(v) for v in typed.getlist(f"{question.link_id}_text") if normal_text(v) != ""]
        if len(own) > 1:
            return bad(_("Give only one answer"), f"{question.link_id}_text")
        if own:
            if problem := text_problem(own[0], question.max_length):
                return bad(problem, f"{question.link_id}_text")
            picked.append({"text": " ".join(own[0].split())})
    if exclusive and len(picked) > 1:
        return bad(_("Choose “%(label)s” alone, or take it away") % {"label": exclusive[0].label})
    if question.max_choices and len(picked) > question.max_choices:
        return bad(_("Choose no more than %(n)d") % {"n": question.max_choices})
    return picked, []


def _clean_integer(question: Question, value: Any, asking: Asking) -> tuple[Any, list[Problem]]:
    if value == "":
        return None, []
    top = asking.today.year if question.max == "this-year" else question.max
    low = question.min
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 9:
        number = int(value)
        if (low is None or number >= low) and (not isinstance(top, int) or number <= top):
            return number, []
    message = _("Enter a whole number")
    if low is not None and isinstance(top, int):
        message = _("Enter a number from %(low)d to %(top)d") % {"low": low, "top": top}
        if question.max == "this-year":
            message = _("Enter a year from %(low)d to %(top)d") % {"low": low, "top": top}
    return None, [Problem(question.link_id, question.link_id, message)]


def _clean_date(question: Question, typed: Typed, asking: Asking) -> tuple[Any, list[Problem]]:
    name = question.link_id
    parts: dict[str, str] = {}
    for part in ("day", "month", "year"):
        values = [normal_text(v) for v in typed.getlist(f"{name}_{part}") if normal_text(v) != ""]
        if len(values) > 1:
            return None, [Problem(name, f"{name}_{part}", _("Give only one answer"))]
        parts[part] = values[0] if values and isinstance(values[0], str) else ""
    if not any(parts.values()):
        return None, []

    def bad(part: str, message: str) -> tuple[Any, list[Problem]]:
        return None, [Problem(name, f"{name}_{part}", message)]

    real = _("Your date of birth must be a real date, like March 27, 1987")
    for part in ("day", "month", "year"):
        if not parts[part]:
            missing = {
                "day": _("Your date of birth must have a day"),
                "month": _("Your date of birth must have a month"),
                "year": _("Your date of birth must have a year"),
            }
            return bad(part, missing[part])
    month = parts["month"].lower()
    if len(month) >= 3 and month[:3] in _MONTHS and month.isalpha():
        parts["month"] = str(_MONTHS.index(month[:3]) + 1)
    if not (parts["year"].isascii() and parts["year"].isdecimal() and len(parts["year"]) == 4):
        return bad("year", _("Your year of birth must have 4 numbers, like 1987"))
    for part in ("day", "month"):
        if not (parts[part].isascii() and parts[part].isdecimal() and len(parts[part]) <= 2):
            return bad(part, real)
    try:
        born = date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except ValueError:
        return bad("month" if not 1 <= int(parts["month"]) <= 12 else "day" if parts["year"] != "0000" else "year", real)
    if born > asking.today:
        return bad("year", _("Your date of birth must be in the past"))
    if age_on(born, asking.today) > MAX_AGE:
        return bad("year", _("Check the year: it makes you older than %(n)d") % {"n": MAX_AGE})
    return born.isoformat(), []


# --- Rows (medicines) ------------------------------------------------------------------------------------------------


def row_questions(definition: Definition, group: Group) -> list[Question]:
    """The questions of one row."""
    return [q for q in definition.questions.values() if q.group == group.link_id]


def typed_rows(definition: Definition, group: Group, typed: Typed) -> list[dict[str, Any]]:
    """Rows as typed, the empty ones too, at most MAX_ROWS and one."""
    columns = {q.link_id: typed.getlist(q.link_id) for q in row_questions(definition, group)}
    count = min(max((len(values) for values in columns.values()), default=0), MAX_ROWS + 1)
    return [{name: normal_text(values[i]) if i < len(values) else "" for name, values in columns.items()} for i in range(count)]


def _clean_rows(definition: Definition, group: Group, typed: Typed, answers: Answers, partial: bool) -> tuple[Any, list[Problem]]:
    rows = typed_rows(definition, group, typed)
    problems = []
    if len(rows) > MAX_ROWS:
        message = _("Write down no more than %(n)d; tell us the others at your visit") % {"n": MAX_ROWS}
        return None, [Problem(group.link_id, f"{row_questions(definition, group)[0].link_id}-{MAX_ROWS - 1}", message)]
    for i, row in enumerate(rows):
        problems += [
            Problem(group.link_id, f"{question.link_id}-{i}", problem)
            for question in row_questions(definition, group)
            if (problem := text_problem(row[question.link_id], question.max_length))
        ]
    if not problems:
        rows = [{name: " ".join(value.split()) for name, value in row.items()} for row in rows]
        if not partial:
            problems = _row_problems(definition, group, rows, answers, "")
            rows = [row for row in rows if any(row.values())]
    return rows, problems


def _row_problems(definition: Definition, group: Group, rows: list[Any], answers: Answers, page: str) -> list[Problem]:
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


def twice_named(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """Texts that stand in more than one row, whatever their case; for a word of warning, never an error."""
    seen: dict[str, int] = {}
    for row in rows:
        key = str(row.get(name, "")).casefold()
        seen[key] = seen.get(key, 0) + 1
    return [str(r.get(name)) for i, r in enumerate(rows) if seen.pop(str(r.get(name, "")).casefold(), 0) > 1]


def is_known(question: Question, value: Any) -> bool:
    """True if an answer from elsewhere is one that this question can have."""
    if question.options:
        return isinstance(value, list) == question.multiple and _codes_known(question, value)
    return isinstance(value, str)


def _codes_known(question: Question, value: Any) -> bool:
    if isinstance(value, str) and value:
        return question.option(value) is not None
    if not isinstance(value, list):
        value = [value]
    codes = [option.code for option in question.options]
    return all(isinstance(v, dict) or v in (None, "") or v in codes for v in value)


# --- How answers read ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Row:
    """One answered (or unanswered) question, in the wording the patient saw."""

    question: Question
    label: str
    text: str
    answers: tuple[str, ...]
    page: str
    own_words: bool = False
    negative: bool = False
    talk: bool = False
    missing: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class SectionSummary:
    """A section's rows, in the order of the form."""

    section: Section
    rows: tuple[Row, ...]


def summary(definition: Definition, answers: Answers, asking: Asking) -> list[SectionSummary]:
    """Every question that applies and is asked here, with its answer in words."""
    shown = enabled(definition, answers)
    return [SectionSummary(section, tuple(_rows(definition, section, answers, asking, shown))) for section in definition.sections]


def _rows(definition: Definition, section: Section, answers: Answers, asking: Asking, shown: set[str]) -> Iterator[Row]:
    groups_done: set[str] = set()
    for q in section.questions:
        if q.link_id not in shown or (not is_asked(q, asking) and not (q.fact and answers.get(q.link_id))):
            continue
        page = f"{section.number}/{q.page}"
        group = definition.groups.get(q.group)
        if group and group.repeats:
            if group.link_id in groups_done:
                continue
            groups_done.add(group.link_id)
            columns = [c.link_id for c in row_questions(definition, group)]
            rows = [r for r in answers.get(group.link_id) or [] if any(r.values())]
            texts = tuple(", ".join(str(r[c]) for c in columns if r.get(c)) for r in rows)
            twice = twice_named(rows, columns[0])
            note = _("“%(name)s” is there twice.") % {"name": twice[0]} if twice else ""
            yield Row(q, group.text, group.text, texts, page, own_words=True, missing=not texts, note=note)
            continue
        value = answers.get(q.link_id)
        options = [q.option(v) for v in (value if isinstance(value, list) else [value]) if isinstance(v, str)]
        chosen = [option for option in options if option]
        yield Row(
            question=q,
            label=q.short,
            text=q.text,
            answers=tuple(words(q, value)),
            page=page,
            own_words=q.type in {"string", "text"},
            negative=bool(chosen) and all(o.negative for o in chosen),
            talk=any(o.talk for o in chosen),
            missing=not is_answered(value),
        )


def words(question: Question, value: Any) -> list[str]:
    """An answer as the patient read it. A date stays ISO: how to write it is the screen's business."""
    if not is_answered(value):
        return []
    if question.type == "boolean":
        return [_("Yes")]
    if question.type == "attachment":
        count = len(value) if isinstance(value, list) else 1
        return [ngettext("%(n)d file", "%(n)d files", count) % {"n": count}]
    result = []
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, dict):
            result.append(str(part.get("text", "")))
        else:
            option = question.option(part) if question.options else None
            result.append(option.label if option else str(part))
    return result
