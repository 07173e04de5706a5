"""What is another answer than last time, in the words of each form. Pure.

A question is the same one if it has the same link_id; a check-in asks some of the intake's questions under names of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from intake import engine, wording
from intake.definition import Definition, Question

# In a check-in → in the intake.
_AS_BEFORE = {
    "fu_impact": "hair_impact",
    "fu_using": "tx_list",
    "fu_phq2_1": "phq2_1",
    "fu_phq2_2": "phq2_2",
    "fu_selfharm_now": "hx_selfharm_now",
}
# Facts about the sending, not about the person.
_ASIDE = {"finish_declare", "finish_signature", "start_respondent", "start_respondent_name", "start_respondent_relation"}
_DASH = "–"


@dataclass(frozen=True, slots=True)
class Change:
    """One answer then and now. `kind`: "new" if it was not given before, "gone" if it is not given now, else "other"."""

    link_id: str
    label: str
    before: str
    now: str
    kind: str


def changed(now_def: Definition, now: Mapping[str, Any], then_def: Definition, then: Mapping[str, Any]) -> Iterator[Change]:
    """The answers that differ, in the order of the present form. What only one of the forms asks is left out."""
    shown_now, shown_then = engine.enabled(now_def, now), engine.enabled(then_def, then)
    done: set[str] = set()
    for question in now_def.questions.values():
        name = question.link_id
        if question.type in {"display", "attachment"} or question.consent or name in _ASIDE:
            continue
        earlier = name if name in then_def.questions else _AS_BEFORE.get(name, "")
        before = then_def.questions.get(earlier)
        if before is None or (name not in shown_now and earlier not in shown_then):
            continue
        if group := now_def.rows_of(question):
            if group.link_id in done:
                continue
            done.add(group.link_id)
            a, b, label = _rows(now_def, group.link_id, now), _rows(then_def, group.link_id, then), group.text
            name = question.link_id
        else:
            a = _said(question, now.get(name)) if name in shown_now else ""
            b = _said(before, then.get(earlier)) if earlier in shown_then else ""
            label = question.short
        if a != b:
            yield Change(name, label, b or _DASH, a or _DASH, "new" if not b else "gone" if not a else "other")


def _said(question: Question, value: Any) -> str:
    return ", ".join(wording.words(question, value))


def _rows(definition: Definition, group_id: str, answers: Mapping[str, Any]) -> str:
    columns = [q.link_id for q in engine.row_questions(definition, definition.groups[group_id])]
    rows = [", ".join(str(row[c]) for c in columns if row.get(c)) for row in answers.get(group_id) or []]
    return "; ".join(sorted(row for row in rows if row))
