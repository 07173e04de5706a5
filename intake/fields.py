"""A page's questions as what a template draws: controls with ids, values, hints and errors. Pure."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from accounts.dates import PARTS
from accounts.fields import DateBoxes
from intake import answering, engine
from intake.answering import Typed
from intake.definition import Conditions, Definition, Option, Question
from intake.engine import Answers, Asking, Page, Problem
from intake.texts import filled


@dataclass(slots=True)
class Choice:
    """One radio, box or picture."""

    id: str
    option: Option
    checked: bool


@dataclass(slots=True)
class Box:
    """One input of several that belong together: a medicine's name."""

    id: str
    name: str
    label: str
    value: str = ""
    hint: str = ""
    error: str = ""
    optional: bool = False
    max_length: int = 0


@dataclass(slots=True)
class MedicineRow:
    """One row of a repeating group."""

    number: int
    boxes: list[Box]


@dataclass(slots=True)
class Control:
    """A question as drawn.

    Args:
        kind: radios, checks, pictures, tick, text, textarea, number, date, rows, files or display.
        files: the photos that are there already (kind "files").
        follow: JSON of the conditions on this page that show it; empty if it does not depend on this page.
        waiting: True if it does not apply yet (drawn into a template element for the script).
    """

    kind: str
    link_id: str
    text: str
    question: Question
    heading: bool = False
    help: str = ""
    why: str = ""
    error: str = ""
    optional: bool = False
    value: str = ""
    text_value: str = ""
    checked: bool = False
    choices: list[Choice] = field(default_factory=list)
    pictures: list[Choice] = field(default_factory=list)
    date: DateBoxes | None = None
    parts: list[str] = field(default_factory=list)
    rows: list[MedicineRow] = field(default_factory=list)
    follow: str = ""
    waiting: bool = False
    mode: str = ""
    type: str = "text"
    errors: dict[str, str] = field(default_factory=dict)
    files: list[Any] = field(default_factory=list)
    since: Any = None  # The day this answer was given, when it is offered from last time.

    @property
    def pose(self) -> str:
        """The drawing that shows how to take this photo; empty if there is none."""
        return f"img/pose/{POSES[self.link_id]}.svg" if self.link_id in POSES else ""

    @property
    def most(self) -> int:
        """How many files it takes."""
        return max(self.question.max_files, 1)

    @property
    def is_full(self) -> bool:
        """True if another file would have to replace one, or cannot be taken."""
        return len(self.files) >= self.most

    @property
    def can_add(self) -> bool:
        """True if one more can be taken, or the one there is can be taken again."""
        return not self.is_full or (self.most == 1 and all(photo.changeable for photo in self.files))

    @property
    def takes_pdf(self) -> bool:
        """True where a document is taken as well as a photo."""
        return self.link_id == "hx_labs_file"

    @property
    def described(self) -> str:
        """The ids that explain this control to a screen reader."""
        ids = [f"{self.link_id}-since" if self.since else ""]
        ids += [f"{self.link_id}-hint" if self.help else "", f"{self.link_id}-error" if self.error else ""]
        return " ".join(part for part in ids if part)

    @property
    def date_boxes(self) -> str:
        """The three boxes of a date, drawn."""
        return self.date.render(self.link_id, self.parts, {"id": self.link_id}) if self.date else ""

    @property
    def sentences(self) -> list[str]:
        """The help sentence by sentence: what nobody may miss reads better as a list."""
        return re.split(r"(?<=\.) (?=[A-Z])", self.help) if self.help else []

    @property
    def first(self) -> str:
        """The id of its first box, where a message about all of it leads."""
        return self.rows[0].boxes[0].id if self.rows else engine.first_control(self.question)

    @property
    def is_group(self) -> bool:
        """True if it is drawn as a fieldset with a legend."""
        return self.kind in {"radios", "checks", "pictures", "date", "rows"}


POSES = {
    "photo_front": "front", "photo_top": "top", "photo_crown": "crown", "photo_left": "left", "photo_right": "right",
    "photo_back": "back", "photo_patch": "close", "photo_scalp": "close", "photo_brows": "brows",
}  # fmt: skip


def file_control(question: Question, *, error: str = "") -> Control:
    """A question that takes files, drawn on its own."""
    return Control(
        "files", question.link_id, filled(question.text), question, help=filled(question.help), error=error, optional=True
    )


def title_of(page: Page) -> str:
    """The page's own heading; empty if its first question is the heading."""
    firm = [q for q in page.questions if q.type != "display" and not _on_page(page, q.show_when)]
    return page.frame.title if len(firm) > 1 or any(q.type == "display" for q in page.questions) else ""


def _on_page(page: Page, conditions: Conditions) -> dict[str, list[str]]:
    """Those of a question's conditions that look at this very page."""
    here = {q.link_id for q in page.section.questions if q.page == page.number}
    return {name: sorted(codes) for name, codes in conditions if name in here}


def controls(
    definition: Definition,
    page: Page,
    answers: Answers,
    asking: Asking,
    *,
    typed: Typed | None = None,
    problems: list[Problem] | None = None,
) -> list[Control]:
    """Everything on a page, in order, follow-ups that do not apply yet included.

    Args:
        typed: a form that had problems; it is shown again as it was typed.
    """
    titled = bool(title_of(page))
    found: list[Control] = []
    shown = engine.enabled(definition, answers)
    on_form = {str(name) for name in typed.getlist("shown")} if typed else set()
    messages = _by_control(problems or [])
    done: set[str] = set()
    for question in page.section.questions:
        if question.page != page.number:
            continue
        if question.type == "display":
            if question.link_id in shown:
                found.append(Control("display", question.link_id, filled(question.text), question, help=filled(question.help)))
            continue
        if not engine.is_asked(question, asking):
            continue
        group, rows = definition.groups.get(question.group), definition.rows_of(question)
        name = rows.link_id if rows else question.link_id
        if name in done:
            continue
        done.add(name)
        follow = _on_page(page, question.show_when or (group.show_when if group else ()))
        applies = question.link_id in shown or name in on_form
        if not applies and not follow:
            continue
        first = not any(control.kind != "display" for control in found)
        control = _control(definition, question, answers, asking, typed if name in on_form else None)
        if rows:
            control.link_id, control.text = rows.link_id, _("Your medicines")
        control.heading = first and not titled and not rows
        control.follow = json.dumps(follow) if follow else ""
        control.waiting = not applies
        _mark(control, messages.get(name, {}))
        found.append(control)
    return found


def _by_control(problems: list[Problem]) -> dict[str, dict[str, str]]:
    """What is wrong: link_id -> id of the control -> message."""
    found: dict[str, dict[str, str]] = {}
    for problem in problems:
        for at in (problem.field, *problem.also):
            found.setdefault(problem.link_id, {}).setdefault(at, problem.message)
    return found


def _control(definition: Definition, q: Question, answers: Answers, asking: Asking, typed: Typed | None) -> Control:
    stored = answers.get(q.link_id)
    control = Control(
        kind=_kind(definition, q),
        link_id=q.link_id,
        text=filled(q.text),
        question=q,
        help=filled(q.help),
        why=filled(q.why),
        optional=not q.required and q.type != "display",
    )
    if q.options:
        given = typed.getlist(q.link_id) if typed else stored if isinstance(stored, list) else [stored]
        chosen = {value for value in given if isinstance(value, str)}
        choices = [
            Choice(f"{q.link_id}-{i}", option, option.code in chosen)
            for i, option in enumerate(o for o in q.options if asking.staff or not o.staff_only)
        ]
        control.pictures = [c for c in choices if c.option.picture]
        control.choices = [c for c in choices if not c.option.picture]
        if q.type == "open-choice":
            own = typed.getlist(f"{q.link_id}_text") if typed else [v["text"] for v in given if isinstance(v, dict)]
            control.text_value = str(own[0]) if own else ""
    elif control.kind == "date":
        control.date, control.parts = _date_boxes(q, stored, typed)
    elif control.kind == "rows":
        control.rows = _medicine_rows(definition, q, answers, typed)
    elif control.kind == "tick":
        control.checked = (typed.getlist(q.link_id) == ["true"]) if typed else stored is True
    else:
        values = typed.getlist(q.link_id) if typed else [] if stored is None else [stored]
        control.value = str(values[0]) if values else ""
        control.mode = "numeric" if q.type == "integer" else q.input
        control.type = q.input if q.input in {"email", "tel"} else "text"
    return control


def _kind(definition: Definition, q: Question) -> str:
    if definition.rows_of(q):
        return "rows"
    if q.options:
        return "pictures" if any(o.picture for o in q.options) else "checks" if q.multiple else "radios"
    return {"boolean": "tick", "date": "date", "attachment": "files", "text": "textarea", "integer": "number"}.get(q.type, "text")


def _date_boxes(q: Question, stored: Any, typed: Typed | None) -> tuple[DateBoxes, list[str]]:
    """The control that every date has, and what stands in its boxes."""
    widget = DateBoxes(birthday=q.autocomplete == "bday")
    if typed:
        given = [typed.getlist(f"{q.link_id}_{part}") for part in PARTS]
        return widget, [str(values[0]) if values else "" for values in given]
    return widget, [str(value) for value in widget.decompress(stored)]


def _medicine_rows(definition: Definition, q: Question, answers: Answers, typed: Typed | None) -> list[MedicineRow]:
    group = definition.groups[q.group]
    stored = answers.get(group.link_id) or []
    rows: list[Mapping[str, Any]] = [*(answering.typed_rows(definition, group, typed) if typed else stored)] or [{}]
    return [
        MedicineRow(
            i + 1,
            [
                Box(
                    id=f"{c.link_id}-{i}",
                    name=c.link_id,
                    label=c.text,
                    value=str(row.get(c.link_id, "")),
                    hint=c.help if i == 0 else "",
                    optional=not c.required,
                    max_length=c.max_length,
                )
                for c in engine.row_questions(definition, group)
            ],
        )
        for i, row in enumerate(rows)
    ]


def problem_lines(drawn: list[Control], problems: list[Problem]) -> list[tuple[str, str]]:
    """The errors on top of a page; where two say the same, each begins with its question."""
    said, asked = Counter(p.message for p in problems), {c.link_id: c.text for c in drawn}
    return [(p.field, f"{asked.get(p.link_id, '')} {p.message}".strip() if said[p.message] > 1 else p.message) for p in problems]


def _mark(control: Control, errors: dict[str, str]) -> None:
    """Say what is wrong, on the control or the box of it that has to be changed."""
    control.errors = errors
    boxes = [box for row in control.rows for box in row.boxes]
    for box in boxes:
        box.error = errors.get(box.id, "")
    # The boxes of rows say their own; only what belongs to none of them stands above the rows.
    known = {box.id for box in boxes}
    control.error = next((text for at, text in errors.items() if at not in known), "")
    if control.date:
        control.date.wrong = tuple(part for part in PARTS if f"{control.link_id}_{part}" in errors)
        control.date.error_id = f"{control.link_id}-error"
