"""A sent response as a physician reads it: what is there, what is not, what changed, and the flags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from intake import actions, asked, engine, photos, trend, wording
from intake.changes import Change, changed
from intake.definition import Definition
from intake.document import Document, open_document, open_documents
from intake.models import QuestionnaireResponse
from intake.story import story
from intake.texts import filled, spoken

# What the patient wants, in their own order; shown first on the physician's page.
_WISHES = {"goal_main", "goal_expect", "goal_open", "finish_other"}


@dataclass(slots=True)
class Line:
    """One answer in the physician's view, in the wording the patient saw."""

    link_id: str
    label: str
    text: str
    answers: list[str]
    own_words: bool = False
    missing: bool = False
    again: str = ""  # what was said when a physician asked it again
    later: bool = False  # it was answered then only


@dataclass(slots=True)
class Topic:
    """A section's lines: what is there, and what was answered with no."""

    title: str
    positives: list[Line] = field(default_factory=list)
    negatives: list[Line] = field(default_factory=list)
    all: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class FlagLine:
    """A flag with the answers behind it, and the photos that were asked for and did not come with them."""

    code: str
    severity: str
    message: str
    acknowledge: bool
    evidence: list[Line]
    not_sent: list[str] = field(default_factory=list)
    since: str = ""  # ISO; when an answer that came later raised it, perhaps again
    seen: dict[str, Any] = field(default_factory=dict)
    remark: str = ""  # typed beside it, and not kept yet


@dataclass(slots=True)
class Picks:
    """What can be asked again: (link_id, short name) of each. `folded`: found by its topic, not shown at once."""

    title: str
    items: list[tuple[str, str]]
    folded: bool = False


@dataclass(slots=True)
class Sheet:
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
    background: str = ""
    changes: list[Change] = field(default_factory=list)
    compared_with: QuestionnaireResponse | None = None
    addenda: list[dict[str, Any]] = field(default_factory=list)
    picks: list[Picks] = field(default_factory=list)
    points: list[trend.Point] = field(default_factory=list)

    @property
    def compared_on(self) -> date | None:
        """The day on which what it is compared with was sent."""
        sent = self.compared_with.completed_at if self.compared_with else None
        return clock.local(sent).date() if sent else None

    @property
    def must_see(self) -> list["FlagLine"]:
        """What must be acknowledged and was not."""
        return [flag for flag in self.flags if flag.acknowledge and not flag.seen]

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


def for_patient(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> list[Topic]:
    """Sent answers for the person who gave them: every question that applied, as it was asked, and what a physician asked since.

    No flags. The read is audited.
    """
    document = open_document(response, by=by, now=now, purpose="own answers")
    topics = []
    for part in wording.summary(response.definition, document.answers, actions.asking_for(response, document)):
        topic = Topic(part.section.title)
        for row in part.rows:
            if row.question.type == "attachment":
                continue
            texts = [spoken(row.question.type, text) for text in row.answers] or [_("Not answered")]
            topic.all.append(Line(row.question.link_id, filled(row.label), filled(row.text), texts, row.own_words))
        if topic.all:
            topics.append(topic)
    later = Topic(_("Answered afterwards"))
    for number, entry in enumerate(document.addenda, start=1):
        later.all += [
            Line(f"addendum-{number}", line.label, line.question, line.answers or [_("Not answered")], line.own_words)
            for line in asked.came(entry)
        ]
    return topics + ([later] if later.all else [])


def for_review(
    response: QuestionnaireResponse,
    *,
    last: QuestionnaireResponse | None = None,
    earlier: Sequence[QuestionnaireResponse] = (),
    by: Actor,
    now: datetime,
    events: Sequence[AuditEvent] = (),
) -> Sheet:
    """The response as a physician reads it; the read is audited before anything is decrypted.

    A draft can be read too ("In progress, 3 of 8"): it shows what counts so far.

    Args:
        last: what it is compared with.
        earlier: what else they sent, for what is drawn over time.
        events: the caller's audit events, written with this one's own in one statement.
    """
    read = list(dict.fromkeys([response, *([last] if last else []), *earlier]))
    documents = dict(zip(read, open_documents(read, by=by, now=now, purpose="review", events=events), strict=True))
    document = documents[response]
    definition, asking = response.definition, actions.asking_for(response, document)
    answers = engine.completed(definition, engine.calc(definition, document.answers, response.today))
    topics, talk, wishes = _sorted(wording.summary(definition, answers, asking))
    born = answers.get("about_dob")
    sex = definition.questions.get("about_sex_birth")
    pronouns = answers.get("about_pronouns", "")
    age = engine.age_on(date.fromisoformat(born), clock.local(now).date()) if born else None
    sex_line = ", ".join(wording.words(sex, answers.get("about_sex_birth"))) if sex else ""
    before = documents[last].latest if last else {}
    later = {item["link_id"]: item for entry in document.addenda for item in entry.get("items", ()) if item["answers"]}
    for line in [line for topic in topics for line in topic.all if line.link_id in later]:
        line.again = ", ".join(later[line.link_id]["answers"])
    flags = _flag_lines(document, definition, [line for topic in topics for line in topic.all], later)
    return Sheet(
        response=response,
        form=f"{definition.slug} {definition.version}",
        sent_at=response.completed_at,
        answered_by=_answered_by(answers),
        age=age,
        sex_line=sex_line,
        pronouns=str(pronouns),
        topics=topics,
        talk=talk,
        wishes=wishes,
        consents=[_consent_line(entry, definition) for entry in document.consents],
        advice=[_advice_line(entry) for entry in document.advice_shown],
        phq2=engine.calc(definition, document.latest, response.today).get("calc_phq2"),
        signed=_signed(document),
        sections_done=response.sections_done,
        sections_total=response.sections_total,
        flags=flags,
        flag_rules=str(document.flags.get("rules", "")),
        background=filled(story(definition, answers, age=age, sex=sex_line)),
        changes=[_in_words(c, definition) for c in changed(definition, answers, last.definition, before)] if last else [],
        compared_with=last,
        addenda=[{**entry, "at": datetime.fromisoformat(entry["at"])} for entry in document.addenda],
        points=[p for row, said in documents.items() if row.completed_at for p in _points(row, said)],
        picks=_picks(definition, engine.enabled(definition, answers), topics, talk, flags),
    )


def _points(row: QuestionnaireResponse, document: Document) -> Iterable[trend.Point]:
    assert row.completed_at is not None
    return trend.of_answers(row.definition, document.latest, clock.local(row.completed_at).date())


def _picks(definition: Definition, shown: set[str], topics: list[Topic], talk: list[Line], flags: list[FlagLine]) -> list[Picks]:
    """What can be asked again: what the eye falls on first, then photos, and the rest by topic."""
    may = {q.link_id: q for q in asked.may_be_asked(definition)}
    lines = {line.link_id: line for topic in topics for line in topic.all if line.link_id in may}
    first = dict.fromkeys(line.link_id for flag in flags if flag.severity != "info" for line in flag.evidence)
    first |= dict.fromkeys(line.link_id for line in talk)
    first |= dict.fromkeys(line.link_id for line in lines.values() if line.missing)
    agreed = photos.GROUP in shown
    files = [q for q in may.values() if q.type == "attachment" and (agreed if q.group == photos.GROUP else q.link_id in shown)]
    files.sort(key=lambda q: q.group != photos.GROUP)
    groups = [
        Picks(_("Flagged, left open or to talk about"), [(name, lines[name].label) for name in first if name in lines]),
        Picks(_("Photos"), [(q.link_id, filled(q.short).removesuffix(" photo")) for q in files]),
    ]
    for topic in topics:
        rest = [(line.link_id, line.label) for line in topic.all if line.link_id in may and line.link_id not in first]
        groups.append(Picks(topic.title, rest, folded=True))
    return [group for group in groups if group.items]


def _sorted(parts: Iterable[wording.SectionSummary]) -> tuple[list[Topic], list[Line], list[Line]]:
    """The answers by topic, each where a physician looks for it; what to talk about; and what the patient wishes."""
    topics, talk, wishes = [], [], []
    for part in parts:
        topic = Topic(part.section.title)
        for row in part.rows:
            if row.question.type == "attachment":
                continue  # The panel of photos says what is there and what is not.
            texts = [spoken(row.question.type, text) for text in row.answers]
            line = Line(row.question.link_id, filled(row.label), filled(row.text), texts, row.own_words)
            if row.missing:
                topic.all.append(Line(line.link_id, line.label, line.text, [_("Not answered")], missing=True))
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
    return topics, talk, wishes


def _in_words(change: Change, definition: Definition) -> Change:
    kind = definition.questions[change.link_id].type
    if kind != "date":
        return replace(change, label=filled(change.label), before=filled(change.before), now=filled(change.now))
    return change


def _flag_lines(
    document: Document, definition: Definition, lines: list[Line], later: dict[str, dict[str, Any]]
) -> list[FlagLine]:
    said = {line.link_id: line for line in lines}
    # A flag may rest on what was said later, to a question that did not even apply before.
    said |= {
        n: Line(n, i["label"], i["question"], i["answers"], i["own_words"], later=True) for n, i in later.items() if n not in said
    }
    return [
        FlagLine(
            code=flag["code"],
            severity=flag["severity"],
            message=flag["message"],
            acknowledge=flag["acknowledge"],
            evidence=[said[given] for name in flag["evidence"] for given in _given(definition, name) if given in said],
            not_sent=[filled(definition.questions[name].short) for name in flag["evidence"] if name in definition.files],
            since=flag.get("at", ""),
        )
        for flag in document.flags.get("found", ())
    ]


def _given(definition: Definition, name: str) -> list[str]:
    """The questions that somebody answered for this one: itself, or what it is worked out from."""
    question = definition.questions.get(name)
    if question is not None and question.calc == "phq2":
        return [item.link_id for item in definition.phq2]
    return ["about_dob"] if question is not None and question.calc == "age-band" else [name]


def _answered_by(answers: dict[str, Any]) -> str:
    name = str(answers.get("start_respondent_name", ""))
    relation = str(answers.get("start_respondent_relation", ""))
    who = {
        "self": _("the patient"),
        "helper": _("%(name)s (%(relation)s), helping the patient"),
        "sdm": _("%(name)s (%(relation)s), who decides for the patient"),
        "staff": _("clinic staff with the patient"),
    }.get(str(answers.get("start_respondent", "")), "")
    return who % {"name": name, "relation": relation}


def _consent_line(entry: dict[str, Any], definition: Definition) -> dict[str, Any]:
    notice = definition.notice("consents", entry["code"])
    return {
        "code": entry["code"],
        "title": filled(notice.title) if notice else entry["code"],
        "decision": entry["decision"],
        "aloud": entry.get("how") == "verbal",
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
