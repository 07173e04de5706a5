"""Last time's answers, offered on a repeat visit. An offered answer is shown, marked with its date, and counts for nothing
until its page is continued from: it opens no question, raises no flag and is not sent.

What may be offered is said in the questionnaire, question by question (`prefill`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from intake import engine
from intake.definition import Definition, Group
from intake.document import Document
from intake.engine import Page, Problem


def pick(definition: Definition, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """What of earlier answers may be offered: {"answers": …, "rows": …}. Answers this version does not know are left out."""
    answers, rows = {}, {}
    for question in definition.questions.values():
        value = earlier.get(question.link_id)
        if question.prefill == "answer" and engine.is_answered(value) and engine.is_known(question, value):
            answers[question.link_id] = value
        elif question.prefill == "still-taking" and earlier.get(question.group):
            rows[question.group] = [dict(row) for row in earlier[question.group]]
    return {"answers": answers, "rows": rows}


def since(document: Document) -> date | None:
    """The day the offered answers were sent."""
    return date.fromisoformat(document.offered["from"]) if document.offered else None


def for_page(document: Document, page: Page) -> dict[str, Any]:
    """Offered answers to what a page asks: none once it was continued from, or where there is an answer already."""
    if page.key in document.done or not document.offered:
        return {}
    here = {q.link_id for q in page.section.questions if q.page == page.number}
    return {n: v for n, v in document.offered["answers"].items() if n in here and n not in document.answers}


def _group(page: Page, document: Document) -> Group | None:
    here = {q.group for q in page.section.questions if q.page == page.number}
    rows = document.offered.get("rows", {}) if page.key not in document.done else {}
    return next((g for g in page.section.groups if g.link_id in rows and g.link_id in here), None)


def still(definition: Definition, document: Document, page: Page, typed: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Last time's rows (medicines), each a yes-or-no question: name, words and what was just typed."""
    group = _group(page, document)
    if group is None:
        return []
    first, *others = [q.link_id for q in engine.row_questions(definition, group)]
    written = {str(row.get(first, "")).casefold() for row in document.answers.get(group.link_id) or []}
    return [
        {
            "name": f"still-{i}",
            "text": row.get(first, ""),
            "detail": ", ".join(str(row[n]) for n in others if row.get(n)),
            "value": str((typed or {}).get(f"still-{i}", "")),
            "row": row,
        }
        for i, row in enumerate(document.offered["rows"][group.link_id])
        if str(row.get(first, "")).casefold() not in written
    ]


def with_still(definition: Definition, document: Document, page: Page, typed: QueryDict) -> tuple[QueryDict, list[Problem]]:
    """The form with the rows that go on added to those typed; and what was not answered."""
    asked, group = still(definition, document, page, typed), _group(page, document)
    if not asked or group is None:
        return typed, []
    problems = [
        Problem(group.link_id, f"{entry['name']}-yes", _("Choose yes or no for %(name)s") % {"name": entry["text"]})
        for entry in asked
        if entry["value"] not in {"yes", "no"}
    ]
    kept = [entry["row"] for entry in asked if entry["value"] == "yes"]
    if not kept:
        return typed, problems
    form = typed.copy()
    columns = [q.link_id for q in engine.row_questions(definition, group)]
    lists = {name: form.getlist(name) for name in columns}
    length = max(map(len, lists.values()))
    for name, values in lists.items():
        padded = [*values, *[""] * (length - len(values)), *[str(row.get(name, "")) for row in kept]]
        form.setlist(name, padded)
    form.appendlist("shown", group.link_id)
    for question, codes in group.show_when[:1]:
        # Who goes on taking one of them takes medicines.
        form[question] = sorted(codes)[0]
        form.appendlist("shown", question)
    return form, problems
