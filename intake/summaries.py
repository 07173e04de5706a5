"""A draft in words: for Check your answers. How a physician reads what was sent: `intake.sheet`."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from audit.actor import Actor
from intake import actions, engine, photos, wording
from intake.definition import Definition, Section, canonical
from intake.document import open_document
from intake.models import QuestionnaireResponse
from intake.standing import standing_of
from intake.texts import filled, spoken

GIST = 3  # answers that a folded section shows


@dataclass(slots=True)
class Card:
    """One section on the check page, folded to a line; its rows have the keys `intake/_summary.html` draws.

    Args:
        waiting: how many of its questions need an answer before the form can be sent; then it is open.
        is_open: shown with all its rows.
        gist: what the line says of the answers. Nothing of a page with a neutral title, so not about health.
    """

    number: int
    title: str
    rows: list[dict[str, Any]]
    waiting: int = 0
    is_open: bool = False
    gist: str = ""

    @property
    def given(self) -> int:
        """How many answers it holds."""
        return sum(not row["missing"] for row in self.rows)

    @property
    def skipped(self) -> int:
        """How many questions were left out that may be left out."""
        return max(0, len(self.rows) - self.given - self.waiting)


@dataclass(slots=True)
class Check:
    """What `/book/check/` shows of the questions.

    Args:
        cards: summary cards with Change links.
        complete: True if nothing required is missing, so that `actions.complete` will accept it.
        begun: whether any page of the questions was gone through.
        minutes: about how long those that wait take, for the summary cards.
        is_long: whether all of them take 6 to 8 minutes, and not about 2.
        go_on: URL of the first page that waits; empty when complete.
        declaration: the statement to tick (C4), as in the form.
        signature_label: the label of the box to sign in.
        answers_sha256: of the answers as shown; changes whenever one of them does.
        offered: True if last time's answers are filled in and wait to be looked over.
    """

    cards: list[Card]
    complete: bool
    begun: bool
    minutes: int
    is_long: bool
    go_on: str
    declaration: str = ""
    signature_label: str = ""
    answers_sha256: str = ""
    offered: bool = False

    @property
    def all_open(self) -> bool:
        """True if no section is folded."""
        return all(card.is_open for card in self.cards)


def for_check(response: QuestionnaireResponse, *, by: Actor, now: datetime, cards: bool = True, opened: str = "") -> Check:
    """The cards for the check page, from a draft.

    Draw them with `{% include "intake/_summary.html" with check=check %}`. With `cards=False`, only what the sending of the
    form needs. `opened` is the number of the section to show open, or "all".
    """
    document = open_document(response, by=by, now=now, purpose="check")
    definition, asking = response.definition, actions.asking_for(response, document)
    answers = document.answers
    standing = standing_of(response, answers, asking)
    applies, problems = standing.applies, standing.problems
    shown: list[Card] = []
    minutes = 0
    if cards:
        pages = {page.key for page in engine.pages(definition, answers, asking, applies)}
        wanting = {problem.link_id for problem in problems}
        parts = wording.summary(definition, answers, asking)
        shown = [_card(definition, part, wanting, pages, opened) for part in parts]
        minutes = engine.minutes_left(definition, len(pages), len({problem.page for problem in problems}))
    declare = definition.questions.get("finish_declare")
    sign = definition.questions.get("finish_signature")
    return Check(
        cards=[card for card in shown if card.rows],
        complete=not problems,
        begun=bool(document.done),
        minutes=minutes,
        is_long=engine.is_long(definition),
        go_on=_page_url(problems[0].page) if problems else "",
        declaration=filled(declare.text) if declare else "",
        signature_label=filled(sign.text) if sign else "",
        answers_sha256=_digest(standing.counting),
        offered=bool(document.offered),
    )


def _card(definition: Definition, part: wording.SectionSummary, wanting: set[str], pages: set[str], opened: str) -> Card:
    """One section, perhaps without a row.

    Args:
        wanting: the link_ids of what needs an answer.
        pages: the keys of those that apply, to which Change leads.
    """
    card = Card(part.section.number, part.section.title, [])
    said: list[str] = []
    views = [row for row in part.rows if row.question.group == photos.GROUP]
    for row in part.rows:
        if row.question.group == photos.GROUP:
            if row is views[0]:
                card.rows.append(_photos_row(views))
            continue
        if row.question.consent and row.question.type == "boolean" and not row.missing:
            continue  # Without it nobody comes this far, so there is nothing to look over.
        group = definition.rows_of(row.question)
        wants = (group or row.question).link_id in wanting
        card.waiting += wants
        values = [spoken(row.question.type, text) for text in row.answers]
        if _may_be_told(part.section, row):
            said += [text for text in values[:1] if text != _("Yes")]
        card.rows.append(
            {
                "label": filled(row.label),
                "values": values + ([row.note] if row.note else []),
                "value": _("Not answered yet") if wants else _("Not given") if row.missing else "",
                "missing": row.missing,
                "url": _change_url(row.page) if row.page in pages else "",
                "action": _("Answer") if row.missing else _("Change"),
            }
        )
    card.is_open = bool(card.waiting) or opened in {"all", str(card.number)}
    card.gist = " · ".join(said[:GIST])
    return card


def _may_be_told(section: Section, row: wording.Row) -> bool:
    """True if a folded section may say it: neither a bare yes nor one of a list, for lists are of conditions and medicines."""
    question, frame = row.question, section.frame(row.question.page)
    told = question.type == "choice" and not question.multiple and len(question.options) > 2
    return told and not row.negative and not (frame and frame.neutral)


def _photos_row(views: list[wording.Row]) -> dict[str, Any]:
    """The views of the scalp in one row: which are there."""
    sent = [filled(view.label) for view in views if not view.missing]
    return {
        "label": _("Photos of your scalp"),
        "values": sent,
        "value": "" if sent else _("None yet. You can add them later"),
        "missing": not sent,
        "url": _change_url(views[0].page),
        "action": _("Change") if sent else _("Add"),
    }


@cache
def _page_url(key: str) -> str:
    section, _sep, number = key.partition("/")
    return reverse("intake:question", args=[int(section), int(number)])


def _change_url(key: str) -> str:
    return f"{_page_url(key)}?change=1"


def _digest(answers: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(answers)).hexdigest()
