"""What a physician asks after the answers were sent: questions of the form, views, or an answer in the patient's own words.

The questions become a questionnaire of one page, so the engine, the controls and the wording are those of the form itself. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from intake.definition import Conditions, Definition, PageFrame, Question, Section
from intake.reviewing import OWN_WORDS, TEXT, labels


@dataclass(frozen=True)
class Ask:
    """What one signed review asks. `items` are link_ids of `definition` and OWN_WORDS; `number` is the review's."""

    definition: Definition
    note: str
    items: tuple[str, ...]
    at: datetime
    by: str
    number: int

    @property
    def is_note(self) -> bool:
        """True if it is answered in the patient's own words alone. Then a photo is an answer, too."""
        return self.items == (OWN_WORDS,)

    @property
    def views(self) -> list[Question]:
        """What is asked for that is answered with a file, in the order of the form."""
        return [q for q in self.definition.questions.values() if q.link_id in self.items and q.type == "attachment"]

    @cached_property
    def form(self) -> Definition:
        """The questions on one page. What an answer opens in the form, it opens here: some of it is there for safety."""
        groups = self.definition.groups
        wanted, rows, questions = set(self.items), {}, []
        for q in self.definition.questions.values():
            if q.type in {"attachment", "display"} or q.calc or q.asked or q.fact or q.consent:
                continue
            group, opened = groups.get(q.group), _opened(self.definition, q, wanted)
            if group and group.repeats:
                if q.group not in rows:
                    if q.link_id not in wanted and not opened:
                        continue
                    rows[q.group] = replace(group, group="", show_when=() if q.link_id in wanted else opened)
                questions.append(replace(q, section=1, page=1))
                continue
            if q.link_id in wanted or opened:
                questions.append(replace(q, section=1, page=1, group="", show_when=() if q.link_id in wanted else opened))
                wanted.add(q.link_id)
        if OWN_WORDS in self.items:
            alone = not questions
            text = _("Your answer") if alone else _("In your own words")
            questions.append(
                Question(OWN_WORDS, "text", text, 1, page=1, required=alone, max_length=TEXT, missing=_("Write your answer"))
            )
        section = Section(1, "asked", "", (PageFrame(1),), tuple(rows.values()), tuple(questions))
        return replace(self.definition, sections=(section,), advice=())


def _opened(definition: Definition, question: Question, by: set[str]) -> Conditions:
    """Those conditions of a question, or of the innermost group around it, that look at one of these questions.

    What else would have to hold, such as the age, is not looked at: rather a question too many than one for safety too few.
    """
    conditions, around = question.show_when, definition.groups.get(question.group)
    while True:
        found = tuple((name, codes) for name, codes in conditions if name in by)
        if found or around is None:
            return found
        conditions, around = around.show_when, definition.groups.get(around.group)


def may_be_asked(definition: Definition) -> list[Question]:
    """The questions and views that a physician may ask for: none about who fills in the form, and no consent or signature.

    A repeating group is asked for by its first question.
    """
    who = {q.link_id for q in definition.questions.values() if any(o.staff_only for o in q.options)}
    found, rows = [], set()
    for q in definition.questions.values():
        if not q.page or q.type == "display" or q.calc or q.asked or q.fact or q.consent:
            continue
        if q.link_id in who or any(name in who for name, _codes in q.show_when):
            continue
        if definition.rows_of(q):
            if q.group in rows:
                continue
            rows.add(q.group)
        found.append(q)
    return found


@dataclass(slots=True)
class Came:
    """One thing that was asked, short and as it was asked, and what came of it; no `answers` if nothing did."""

    label: str
    question: str
    answers: list[str] = field(default_factory=list)
    own_words: bool = False
    is_photo: bool = False


def came(entry: Mapping[str, Any]) -> list[Came]:
    """The lines of one addendum. What was written stands under the physician's note, which is what it answers."""
    lines = [Came(item["label"], item["question"], item["answers"], item["own_words"]) for item in entry.get("items", ())]
    if entry["text"]:
        lines.append(Came(_("In their own words"), entry["question"], [entry["text"]], own_words=True))
    return lines


@dataclass(slots=True)
class Round:
    """One time that something was asked. `answered_at`: when the answers came, if they did."""

    ask: Ask
    lines: list[Came]
    answered_at: datetime | None = None


def rounds(asks: Iterable[Ask], addenda: Iterable[Mapping[str, Any]], photos: Iterable[tuple[str, datetime]]) -> list[Round]:
    """What was asked and what came, newest first.

    Args:
        photos: view and time of each that came with these answers or after them.
    """
    found: list[Round] = []
    until = None
    for ask in sorted(asks, key=lambda ask: ask.number, reverse=True):

        def is_its_own(at: datetime, ask: Ask = ask, until: datetime | None = until) -> bool:
            return ask.at <= at and (until is None or at < until)

        said = next((entry for entry in addenda if is_its_own(entry["at"])), None)
        lines = came(said) if said else [Came(label, label) for label in labels(ask.definition, ask.items, files=False)]
        arrived = {view for view, at in photos if is_its_own(at)}
        lines += [Came(q.short, q.text, [_("Came")] if q.link_id in arrived else [], is_photo=True) for q in ask.views]
        found.append(Round(ask, lines, said["at"] if said else None))
        until = ask.at
    return found
