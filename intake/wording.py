"""How answers read, in the wording the patient saw. Pure: no ORM, no clock, no settings."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from intake.definition import Definition, Question, Section
from intake.engine import Answers, Asking, enabled, is_answered, is_asked, row_questions


def twice_named(rows: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """Texts that stand in more than one row, whatever their case; for a word of warning, never an error."""
    seen: dict[str, int] = {}
    for row in rows:
        key = str(row.get(name, "")).casefold()
        seen[key] = seen.get(key, 0) + 1
    return [str(r.get(name)) for i, r in enumerate(rows) if seen.pop(str(r.get(name, "")).casefold(), 0) > 1]


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
        if group := definition.rows_of(q):
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
