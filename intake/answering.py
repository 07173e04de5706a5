"""What people may type: a page's form, read against a draft's answers. Pure: no ORM, no clock, no settings."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.dates import PARTS, Wrong, in_words, read
from intake.definition import Definition, Group, Question
from intake.engine import (
    Answers,
    Asking,
    Problem,
    age_on,
    calc,
    enabled,
    first_control,
    is_answered,
    is_asked,
    missing_text,
    row_problems,
    row_questions,
)

MAX_ROWS = 30
MAX_AGE = 110


class Typed(Protocol):
    """What came with a form: Django's QueryDict, or anything with its `getlist`."""

    def getlist(self, key: str) -> list[Any]:
        """Every value sent under a name."""
        ...


@dataclass(slots=True)
class Cleaned:
    """What a page's form gave: values to store (None removes one), or problems, and the first follow-up that waits."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    follow_up: str = ""


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
    done: set[str] = set()
    for question in definition.page_questions(section, number):
        if not is_asked(question, asking) or question.link_id not in shown:
            continue
        rows = definition.rows_of(question)
        name = rows.link_id if rows else question.link_id
        if name in done:
            continue
        done.add(name)
        if name not in before and name not in on_form and not _is_typed(question, typed):
            result.follow_up = result.follow_up or name
            continue
        if question.type == "attachment":
            # Files come one by one, each with its own form. Here none can be named but those of this draft.
            if not {str(value) for value in typed.getlist(name)} <= set(answers.get(name) or []):
                result.problems.append(Problem(name, f"file-{name}", _("This photo is not among your answers. Add it here")))
            continue
        if rows:
            value, problems = _clean_rows(definition, rows, typed, working, partial)
        else:
            value, problems = _clean(question, typed, asking)
            if not problems and not partial:
                problems = _missing(question, value)
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


def change_rows(definition: Definition, values: dict[str, Any], command: str) -> str:
    """Add an empty row or take one away; the id of the box to go to: in the new row, or in what comes after the one that went.

    Args:
        values: from `clean_page`; its rows are changed.
        command: "add", or "remove-" and the row's number from 0.
    """
    group = next((g for g in definition.groups.values() if g.repeats and g.link_id in values), None)
    if group is None:
        return ""
    rows = list(values[group.link_id] or [])
    first = row_questions(definition, group)[0].link_id
    if command == "add":
        if len(rows) < MAX_ROWS:
            rows = (rows or [{}]) + [{}]
    elif (at := command.removeprefix("remove-")).isdecimal() and len(at) <= 3 and int(at) < len(rows):
        del rows[int(at)]
        values[group.link_id] = rows or None
        return f"{first}-{max(min(int(at), len(rows) - 1), 0)}"
    values[group.link_id] = rows or None
    return f"{first}-{max(len(rows) - 1, 0)}"


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
        names = [f"{question.link_id}_{part}" for part in PARTS]
    return any(str(value).strip() for name in names for value in typed.getlist(name))


def _missing(question: Question, value: Any) -> list[Problem]:
    if not question.required or is_answered(value):
        return []
    also = tuple(f"{question.link_id}_{part}" for part in PARTS[1:]) if question.type == "date" else ()
    return [Problem(question.link_id, first_control(question), missing_text(question), also=also)]


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
        if len(given) > 1:
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
    for part in PARTS:
        values = [normal_text(v) for v in typed.getlist(f"{name}_{part}") if normal_text(v) != ""]
        if len(values) > 1:
            return None, [Problem(name, f"{name}_{part}", _("Give only one answer"))]
        parts[part] = values[0] if values and isinstance(values[0], str) else ""

    def bad(message: str, first: str, *more: str) -> tuple[Any, list[Problem]]:
        return None, [Problem(name, f"{name}_{first}", message, also=tuple(f"{name}_{part}" for part in more))]

    born = read(parts["month"], parts["day"], parts["year"])
    if isinstance(born, Wrong):
        return bad(in_words(born, whose=_("Your date of birth"), year_of=_("Your year of birth")), *born.parts)
    if born is None:
        return None, []
    if born > asking.today:
        return bad(_("Your date of birth must be in the past"), "year")
    if age_on(born, asking.today) > MAX_AGE:
        return bad(_("Check the year: it makes you older than %(n)d") % {"n": MAX_AGE}, "year")
    return born.isoformat(), []


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
            problems = row_problems(definition, group, rows, answers, "")
            rows = [row for row in rows if any(row.values())]
    return rows, problems
