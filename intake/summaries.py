"""A response in words: for Check your answers, and for the physician."""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import clock
from audit.actor import Actor
from intake import actions, engine, photos
from intake.definition import canonical
from intake.document import Document, open_document
from intake.models import QuestionnaireResponse
from intake.texts import filled

# What the patient wants, in their own order; shown first on the physician's page.
_WISHES = {"goal_main", "goal_expect", "goal_open", "finish_other"}


@dataclass(slots=True)
class Card:
    """One section on the check page; its rows have the keys `components/summary.html` draws."""

    title: str
    rows: list[dict[str, Any]]


@dataclass(slots=True)
class Check:
    """What `/book/check/` shows of the questions.

    Args:
        cards: summary cards with Change links.
        complete: True if nothing required is missing, so that `actions.complete` will accept it.
        unanswered: how many required answers are missing.
        go_on: URL of the first page that waits; empty when complete.
        declaration: the statement to tick (C4), as in the form.
        signature_label: the label of the box to sign in.
        answers_sha256: of the answers as shown; changes whenever one of them does.
    """

    cards: list[Card]
    complete: bool
    unanswered: int
    go_on: str
    declaration: str = ""
    signature_label: str = ""
    answers_sha256: str = ""


def for_check(response: QuestionnaireResponse, *, by: Actor, now: datetime, cards: bool = True) -> Check:
    """The cards for the check page, from a draft.

    Draw them with `{% include "intake/_summary.html" with check=check %}`. With `cards=False`, only what the sending of the
    form needs.
    """
    document = open_document(response, by=by, now=now, purpose="check")
    definition, asking = response.definition, actions.asking_for(response, document)
    answers = document.answers
    applies = engine.enabled(definition, answers)
    pages = {page.key for page in engine.pages(definition, answers, asking, applies)} if cards else set()
    problems = engine.validate_complete(definition, answers, asking, applies)
    wanting = {problem.link_id for problem in problems}
    shown = []
    for part in engine.summary(definition, answers, asking) if cards else ():
        rows = []
        views = [row for row in part.rows if row.question.group == photos.GROUP]
        for row in part.rows:
            if row.question.group == photos.GROUP:
                if row is views[0]:
                    rows.append(_photos_row(views))
                continue
            group = definition.groups.get(row.question.group)
            name = group.link_id if group and group.repeats else row.question.link_id
            missing = row.missing
            rows.append(
                {
                    "label": filled(row.label),
                    "values": [_spoken(row.question.type, text) for text in row.answers] + ([row.note] if row.note else []),
                    "value": _("Not answered yet") if name in wanting else _("Not given") if missing else "",
                    "missing": missing,
                    "url": _change_url(row.page) if row.page in pages else "",
                    "action": _("Answer") if missing else _("Change"),
                }
            )
        if rows:
            shown.append(Card(part.section.title, rows))
    declare = definition.questions.get("finish_declare")
    sign = definition.questions.get("finish_signature")
    return Check(
        cards=shown,
        complete=not problems,
        unanswered=len(problems),
        go_on=_page_url(problems[0].page) if problems else "",
        declaration=filled(declare.text) if declare else "",
        signature_label=filled(sign.text) if sign else "",
        answers_sha256=_digest(engine.completed(definition, answers, applies)),
    )


def _photos_row(views: list[engine.Row]) -> dict[str, Any]:
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


@dataclass(slots=True)
class Line:
    """One answer in the physician's view, in the wording the patient saw."""

    link_id: str
    label: str
    text: str
    answers: list[str]
    own_words: bool = False


@dataclass(slots=True)
class Topic:
    """A section's lines: what is there, and what was answered with no."""

    title: str
    positives: list[Line] = field(default_factory=list)
    negatives: list[Line] = field(default_factory=list)
    all: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class FlagLine:
    """A flag with the answers behind it."""

    code: str
    severity: str
    message: str
    acknowledge: bool
    evidence: list[Line]


@dataclass(slots=True)
class Review:
    """Everything the physician's page draws of a response. See `templates/intake/_read.html`."""

    response: QuestionnaireResponse
    form: str
    sent_at: datetime | None
    answered_by: str
    age: int | None
    sex_line: str
    pronouns: str
    topics: list[Topic]
    talk: list[Line]
    wishes: list[Line]
    consents: list[dict[str, Any]]
    advice: list[str]
    phq2: int | None
    signed: dict[str, Any]
    sections_done: int
    sections_total: int
    flags: list[FlagLine] = field(default_factory=list)
    flag_rules: str = ""

    @property
    def open_flags(self) -> list[FlagLine]:
        """Shown at once: the urgent ones and the first five cautions."""
        urgent = [flag for flag in self.flags if flag.severity == "urgent"]
        return urgent + [flag for flag in self.flags if flag.severity == "caution"][:5]

    @property
    def more_flags(self) -> list[FlagLine]:
        """Behind "Show all"."""
        shown = {flag.code for flag in self.open_flags}
        return [flag for flag in self.flags if flag.code not in shown]


def for_review(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> Review:
    """The response as a physician reads it; the read is audited before anything is decrypted.

    A draft can be read too ("In progress, 3 of 8"): it shows what counts so far.
    """
    document = open_document(response, by=by, now=now, purpose="review")
    definition, asking = response.definition, actions.asking_for(response, document)
    answers = engine.completed(definition, engine.calc(definition, document.answers, response.today))
    topics, talk, wishes = [], [], []
    for part in engine.summary(definition, answers, asking):
        topic = Topic(part.section.title)
        for row in part.rows:
            if row.question.type == "attachment":
                continue  # The panel of photos says what is there and what is not.
            texts = [_spoken(row.question.type, text) for text in row.answers]
            line = Line(row.question.link_id, filled(row.label), filled(row.text), texts, row.own_words)
            if row.missing:
                topic.all.append(Line(line.link_id, line.label, line.text, [_("Not answered")]))
                continue
            topic.all.append(line)
            if row.question.consent or row.question.link_id == "start_respondent":
                continue
            if row.question.link_id in _WISHES:
                wishes.append(line)
            elif row.talk:
                talk.append(line)
            elif row.negative:
                topic.negatives.append(line)
            else:
                topic.positives.append(line)
        if topic.all:
            topics.append(topic)
    born = answers.get("about_dob")
    sex = definition.questions.get("about_sex_birth")
    pronouns = answers.get("about_pronouns", "")
    return Review(
        response=response,
        form=f"{definition.slug} {definition.version}",
        sent_at=response.completed_at,
        answered_by=_answered_by(answers),
        age=engine.age_on(date.fromisoformat(born), clock.local(now).date()) if born else None,
        sex_line=", ".join(engine.words(sex, answers.get("about_sex_birth"))) if sex else "",
        pronouns=str(pronouns),
        topics=topics,
        talk=talk,
        wishes=wishes,
        consents=[_consent_line(entry, definition) for entry in document.consents],
        advice=[_advice_line(entry) for entry in document.advice_shown],
        phq2=answers.get("calc_phq2"),
        signed=_signed(document),
        sections_done=response.sections_done,
        sections_total=response.sections_total,
        flags=_flag_lines(document, [line for topic in topics for line in topic.all]),
        flag_rules=str(document.flags.get("rules", "")),
    )


def _flag_lines(document: Document, lines: list[Line]) -> list[FlagLine]:
    said = {line.link_id: line for line in lines}
    return [
        FlagLine(
            code=flag["code"],
            severity=flag["severity"],
            message=flag["message"],
            acknowledge=flag["acknowledge"],
            evidence=[said[name] for name in flag["evidence"] if name in said],
        )
        for flag in document.flags.get("found", ())
    ]


@cache
def _page_url(key: str) -> str:
    section, _sep, number = key.partition("/")
    return reverse("intake:question", args=[int(section), int(number)])


def _change_url(key: str) -> str:
    return f"{_page_url(key)}?change=1"


def _spoken(kind: str, text: str) -> str:
    """A date as people write it; anything else as it stands."""
    return clock.date_of_birth(date.fromisoformat(text)) if kind == "date" else filled(text)


def _digest(answers: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(answers)).hexdigest()


def _answered_by(answers: dict[str, Any]) -> str:
    name = str(answers.get("start_respondent_name", ""))
    relation = str(answers.get("start_respondent_relation", ""))
    who = {
        "self": _("the patient"),
        "helper": _("%(name)s (%(relation)s), helping the patient"),
        "sdm": _("%(name)s (%(relation)s), who decides for the patient"),
        "staff": _("clinic staff with the patient"),
    }.get(str(answers.get("start_respondent", "")), "")
    return who % {"name": name, "relation": relation} if "%(" in who else who


def _consent_line(entry: dict[str, Any], definition: Any) -> dict[str, Any]:
    notice = definition.notice("consents", entry["code"])
    return {
        "code": entry["code"],
        "title": filled(notice.title) if notice else entry["code"],
        "decision": entry["decision"],
        "at": datetime.fromisoformat(entry["at"]),
        "text": entry["text"],
    }


def _advice_line(entry: dict[str, str]) -> str:
    when = clock.long_when(datetime.fromisoformat(entry["at"]))
    return _("Advice page %(code)s was shown on %(when)s") % {"code": entry["code"], "when": when}


def _signed(document: Document) -> dict[str, Any]:
    if not document.signed:
        return {}
    return {**document.signed, "at": datetime.fromisoformat(document.signed["at"])}
