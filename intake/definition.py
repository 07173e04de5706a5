"""A questionnaire as values: sections, pages, groups, questions, options. No ORM, no clock, no input or output."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

# How the version that is published without its safety items is told from the one with them.
WITHOUT_SAFETY = "-no-safety"
# "Any of": question link_id and the codes that open.
Conditions = tuple[tuple[str, frozenset[str]], ...]
# The same as single answers, a link_id and a code each: any of them opens.
Pairs = frozenset[tuple[str, str]]


def pairs_of(conditions: Conditions) -> Pairs:
    """Each answer that opens."""
    return frozenset((name, code) for name, codes in conditions for code in codes)


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a choice."""

    code: str
    label: str
    exclusive: bool = False
    negative: bool = False
    talk: bool = False
    staff_only: bool = False
    picture: str = ""
    score: int | None = None
    system: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question, as asked. `section` is the section's number, `page` the page's number in it (0: on no page)."""

    link_id: str
    type: str
    text: str
    section: int
    page: int = 0
    group: str = ""
    help: str = ""
    help_with_drawing: str = ""
    why: str = ""
    short: str = ""
    missing: str = ""
    multiple: bool = False
    required: bool = False
    recommended: bool = False
    options: tuple[Option, ...] = ()
    show_when: Conditions = ()
    max_choices: int = 0
    max_length: int = 0
    max_files: int = 0
    min: int | None = None
    max: int | str | None = None
    asked: str = ""
    fact: str = ""
    consent: str = ""
    calc: str = ""
    input: str = ""
    autocomplete: str = ""
    widget: str = ""
    loinc: str = ""
    prefill: str = ""
    codes: frozenset[str] = field(init=False, repr=False, compare=False)
    opened_by: Pairs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """The options' codes and the answers that open it, asked for at every page."""
        object.__setattr__(self, "codes", frozenset(option.code for option in self.options))
        object.__setattr__(self, "opened_by", pairs_of(self.show_when))

    @property
    def is_choice(self) -> bool:
        """True for questions answered by options."""
        return self.type in {"choice", "open-choice"}

    def option(self, code: Any) -> Option | None:
        """The option with this code."""
        return next((option for option in self.options if option.code == code), None)


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that are shown together or not at all; `repeats` for rows such as medicines."""

    link_id: str
    text: str
    group: str = ""
    repeats: bool = False
    show_when: Conditions = ()
    opened_by: Pairs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """The answers that open it."""
        object.__setattr__(self, "opened_by", pairs_of(self.show_when))


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What a page has besides its questions. `neutral`: its title in the browser must not say what it is about."""

    number: int
    title: str = ""
    neutral: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One of the parts the patient sees in the list."""

    number: int
    link_id: str
    title: str
    pages: tuple[PageFrame, ...]
    groups: tuple[Group, ...]
    questions: tuple[Question, ...]

    def frame(self, number: int) -> PageFrame | None:
        """The page with this number."""
        return next((page for page in self.pages if page.number == number), None)


@dataclass(frozen=True, slots=True)
class Notice:
    """A consent statement, an advice page or a stop page."""

    code: str
    title: str
    text: str
    when: Conditions = ()
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """One version of a questionnaire."""

    slug: str
    version: str
    language: str
    title: str
    minimum_age: int
    sections: tuple[Section, ...]
    consents: tuple[Notice, ...] = ()
    advice: tuple[Notice, ...] = ()
    stops: tuple[Notice, ...] = ()
    source: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __hash__(self) -> int:
        return hash((self.slug, self.version, self.sha256))

    @property
    def is_without_safety(self) -> bool:
        """True for the version that leaves out what a clinic may only ask if somebody acts on the answer the same day."""
        return self.version.endswith(WITHOUT_SAFETY)

    @cached_property
    def sha256(self) -> str:
        """Of the canonical JSON: what makes a published version recognisable."""
        return hashlib.sha256(canonical(self.source)).hexdigest()

    @cached_property
    def questions(self) -> dict[str, Question]:
        """All questions by link_id, in the order of the form."""
        return {q.link_id: q for section in self.sections for q in section.questions}

    @cached_property
    def groups(self) -> dict[str, Group]:
        """All groups by link_id."""
        return {g.link_id: g for section in self.sections for g in section.groups}

    def rows_of(self, question: Question) -> Group | None:
        """The repeating group whose rows a question is a column of; its answer stands under the group's link_id."""
        group = self.groups.get(question.group)
        return group if group and group.repeats else None

    @cached_property
    def frames(self) -> list[tuple[Section, PageFrame, tuple[Question, ...]]]:
        """Every page with its section and the questions that stand on it, shown or not."""
        return [
            (section, frame, tuple(q for q in section.questions if q.page == frame.number))
            for section in self.sections
            for frame in section.pages
        ]

    @cached_property
    def by_group(self) -> dict[str, list[Question]]:
        """The questions of each group, without those of groups inside it; those of none under the empty name."""
        found: dict[str, list[Question]] = {}
        for question in self.questions.values():
            found.setdefault(question.group, []).append(question)
        return found

    @cached_property
    def deciding(self) -> frozenset[str]:
        """The link_ids of questions whose answers open others."""
        every = [*(q.show_when for q in self.questions.values()), *(g.show_when for g in self.groups.values())]
        return frozenset(name for conditions in every for name, _codes in conditions)

    @cached_property
    def recorded(self) -> frozenset[str]:
        """The link_ids that an answer can stand under: questions, and groups that repeat."""
        return frozenset([*self.questions, *(g.link_id for g in self.groups.values() if g.repeats)])

    @cached_property
    def files(self) -> frozenset[str]:
        """The link_ids of questions that are answered with files."""
        return frozenset(q.link_id for q in self.questions.values() if q.type == "attachment")

    @cached_property
    def counted(self) -> list[Question]:
        """What is worked out follows from these: date of birth, PHQ-2, and above them whatever decides if they are asked."""
        wanted = {"about_dob", *(q.link_id for q in self.phq2)}
        for question in reversed(self.questions.values()):  # conditions look up the form, never down
            if question.link_id in wanted:
                wanted |= {name for name, _codes in question.show_when}
                group = self.groups.get(question.group)
                while group:
                    wanted |= {name for name, _codes in group.show_when}
                    group = self.groups.get(group.group)
        return [q for q in self.questions.values() if q.link_id in wanted]

    @cached_property
    def worked_out(self) -> list[Question]:
        """Questions nobody is asked: their answers follow from others. Facts from earlier answers are not among them."""
        return [q for q in self.questions.values() if q.calc and q.calc != "last-intake"]

    @cached_property
    def phq2(self) -> list[Question]:
        """The two items that the PHQ-2 adds up."""
        return [q for q in self.questions.values() if q.link_id.endswith(("phq2_1", "phq2_2"))]

    def section(self, number: int) -> Section | None:
        """The section with this number, counted from 1."""
        return self.sections[number - 1] if 1 <= number <= len(self.sections) else None

    def page_questions(self, section: int, number: int) -> Iterator[Question]:
        """The questions that stand on a page, shown or not."""
        found = self.section(section)
        return (q for q in found.questions if q.page == number) if found else iter(())

    def notice(self, kind: str, code: str) -> Notice | None:
        """A notice of one kind: "consents", "advice" or "stops"."""
        return next((n for n in getattr(self, kind) if n.code == code), None)


def canonical(source: Any) -> bytes:
    """JSON with one spelling only, for hashing: sorted keys, no spaces, UTF-8."""
    return json.dumps(source, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _conditions(source: dict[str, list[str]] | None) -> Conditions:
    return tuple((question, frozenset(codes)) for question, codes in (source or {}).items())


def _notices(source: list[dict[str, Any]]) -> tuple[Notice, ...]:
    return tuple(
        Notice(
            code=n["code"],
            title=n["title"],
            text=n["text"],
            when=_conditions(n.get("when")),
            contacts=tuple(n.get("contacts", ())),
        )
        for n in source
    )


def from_json(source: dict[str, Any]) -> Definition:
    """The definition a published row holds. The row was checked when it was published; nothing is checked here."""
    sections = []
    for number, part in enumerate(source["sections"], start=1):
        groups = tuple(Group(**{**g, "show_when": _conditions(g.get("show_when"))}) for g in part.get("groups", []))
        questions = tuple(
            Question(
                **{
                    **q,
                    "section": number,
                    "show_when": _conditions(q.get("show_when")),
                    "options": tuple(Option(**option) for option in q.get("options", [])),
                }
            )
            for q in part["questions"]
        )
        frames = tuple(PageFrame(**frame) for frame in part["pages"])
        sections.append(Section(number, part["link_id"], part["title"], frames, groups, questions))
    return Definition(
        slug=source["questionnaire"],
        version=source["version"],
        language=source["language"],
        title=source["title"],
        minimum_age=source["minimum_age"],
        sections=tuple(sections),
        consents=_notices(source.get("consents", [])),
        advice=_notices(source.get("advice", [])),
        stops=_notices(source.get("stops", [])),
        source=source,
    )
