"""From a reviewed file to a checked definition. What does not fit together is named with its file and line."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from intake.coherence import check, check_condition, no_twins
from intake.definition import WITHOUT_SAFETY, Definition, from_json
from intake.errors import IntakeError
from intake.flags import Condition, FlagRule, FlagRules
from intake.grammar import DEFAULT_LENGTH, FILE, FLAGS, Entry, File, read

FOLDER = Path(__file__).resolve().parent / "questionnaires"


def load(path: Path) -> Definition:
    """The definition in a file.

    Raises:
        IntakeError: naming file and line, for YAML that cannot be read, unknown or missing keys, missing texts, link_ids
            used twice, conditions on questions or codes that are not there or stand below, and pages that do not add up.
    """
    return load_text(path.read_text(encoding="utf-8"), path.name)


def load_text(text: str, name: str) -> Definition:
    """The definition in a text that is not a file yet; `name` stands for the file's. Raises as `load` does."""
    return _versions(text, name)[0]


def load_versions(path: Path) -> list[Definition]:
    """What a file publishes: the version as it stands, and, if it marks safety items, the same without them.

    Raises:
        IntakeError: as `load`, and for what would be left without a condition.
    """
    return list(_versions(path.read_text(encoding="utf-8"), path.name))


@lru_cache(maxsize=8)  # the checks at the start and the command that publishes read the same files
def _versions(text: str, name: str) -> tuple[Definition, ...]:
    file, source = read(text, name, FILE)
    check(file, source)
    for question in (q for section in source["sections"] for q in section["questions"]):
        if question["type"] in DEFAULT_LENGTH:
            question.setdefault("max_length", DEFAULT_LENGTH[question["type"]])
    without = _without_safety(file, copy.deepcopy(source))
    if without is not None:
        check(file, without)
    return tuple(from_json(_unmarked(version)) for version in (source, without) if version is not None)


def _unmarked(source: Entry) -> Entry:
    """Without the marks: they are for this file, and not part of what is published."""
    for item in _marked(source):
        item.pop("safety", None)
    return source


def _marked(source: Entry) -> list[Entry]:
    """Whatever can carry the mark."""
    asked = [question for section in source["sections"] for question in section["questions"]]
    return [*source.get("advice", []), *asked, *(option for question in asked for option in question.get("options", []))]


def _without_safety(file: File, source: Entry) -> Entry | None:
    """The version without its safety items, conditions on them and pages that asked nothing else; None if none is marked."""
    if not any(item.get("safety") for item in _marked(source)):
        return None
    source["version"] += WITHOUT_SAFETY
    gone: dict[str, set[str] | None] = {}
    source["advice"] = [notice for notice in source.get("advice", []) if not notice.get("safety")]
    for section in source["sections"]:
        for question in section["questions"]:
            codes = {option["code"] for option in question.get("options", []) if option.get("safety")}
            if question.get("safety") or codes:
                gone[question["link_id"]] = None if question.get("safety") else codes
            if codes:
                question["options"] = [option for option in question["options"] if option["code"] not in codes]
        section["questions"] = [question for question in section["questions"] if not question.get("safety")]
        kept = {question.get("page") for question in section["questions"]}
        section["pages"] = [frame for frame in section["pages"] if frame["number"] in kept]
    conditional = [item for section in source["sections"] for item in (*section.get("groups", []), *section["questions"])]
    for item in (*conditional, *source["advice"]):
        key = "show_when" if "show_when" in item else "when"
        if key not in item:
            continue
        item[key] = {q: left for q, codes in item[key].items() if (left := _left(codes, gone.get(q, set())))}
        if not item[key]:
            raise file.stop(item.line, "this depends on safety items alone, so it has to be marked as one.")
    return source


def _left(codes: list[str], gone: set[str] | None) -> list[str]:
    return [] if gone is None else [code for code in codes if code not in gone]


def load_all(folder: Path = FOLDER) -> Iterator[Definition]:
    """Every version that the questionnaire files publish, in order of name; the one without safety items right after its other.

    Raises:
        IntakeError: for the first file that does not load, or two files with one slug and version.
    """
    seen: dict[tuple[str, str], str] = {}
    for path in sorted(folder.glob("*.yaml")):
        for definition in load_versions(path):
            key = (definition.slug, definition.version)
            if key in seen:
                raise IntakeError(f"{path.name}, line 1: {definition.slug} {definition.version} is also in {seen[key]}.")
            seen[key] = path.name
            yield definition


def load_flags(path: Path, definition: Definition) -> FlagRules:
    """The flag rules in a file, checked against the questionnaire they speak of.

    For a version without safety items, what the rules say of those is left out: a condition, or the whole rule. The version with
    them, for which nothing is, stands beside it in the same file.

    Raises:
        IntakeError: naming file and line, for what cannot be read, codes given twice, questions or answers that are not there.
    """
    file, source = read(path.read_text(encoding="utf-8"), path.name, FLAGS)
    if source["questionnaire"] != definition.slug:
        raise file.stop(source.line, f"these rules are for {source['questionnaire']}, not {definition.slug}.")
    no_twins(file, source["rules"], "code")
    rules = []
    for rule in source["rules"]:
        if definition.is_without_safety:
            rule["when"] = [line for line in (_known(line, definition) for line in rule["when"]) if line]
            if not rule["when"]:
                continue
        for line in rule["when"]:
            for at, condition in line:
                check_condition(file, at, condition, definition)
        rules.append(
            FlagRule(
                code=rule["code"],
                severity=rule["severity"],
                topic=rule["topic"],
                message=rule["message"],
                when=tuple(tuple(condition for _at, condition in line) for line in rule["when"]),
                acknowledge=rule.get("acknowledge", False),
                same_day=rule.get("same_day", False),
                sources=tuple(rule.get("sources", ())),
            )
        )
    return FlagRules(source["flags"], source["version"], source["questionnaire"], tuple(rules))


def _known(line: list[tuple[int, Condition]], definition: Definition) -> list[tuple[int, Condition]]:
    """A flag's line as far as this version asks; empty if one of its conditions can never hold."""
    found = []
    for at, condition in line:
        question = definition.questions.get(condition.name)
        if question is None and condition.name not in definition.groups:
            return []
        codes = frozenset(code for code in condition.codes if question and question.option(code))
        if condition.codes and not codes:
            return []
        found.append((at, replace(condition, codes=codes)))
    return found


def newest_flags(definition: Definition, folder: Path | None = None, *, exact: bool = False) -> FlagRules | None:
    """The newest version of the rules for a questionnaire, or None if there are none.

    A draft on an earlier version of the questionnaire gets the newest rules that fit that version; `exact` insists on the
    newest of all.

    Raises:
        IntakeError: no version of the rules fits, naming file and line.
    """
    ours = re.compile(rf"^questionnaire: *{re.escape(definition.slug)} *$", re.MULTILINE)
    every = ((folder or FOLDER) / "flags").glob("*.yaml")
    paths = sorted((path for path in every if ours.search(path.read_text(encoding="utf-8"))), key=_version_of)
    problem: IntakeError | None = None
    for path in reversed(paths):
        try:
            return load_flags(path, definition)
        except IntakeError as error:
            problem = problem or error
            if exact:
                break
    if problem is not None:
        raise problem
    return None


def _version_of(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path.stem)]
