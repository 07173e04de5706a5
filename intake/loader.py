"""From a reviewed file to a checked definition. What does not fit together is named with its file and line."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from intake.definition import WITHOUT_SAFETY, Definition, from_json
from intake.errors import IntakeError
from intake.flags import SEVERITIES, Condition, FlagRule, FlagRules

FOLDER = Path(__file__).resolve().parent / "questionnaires"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_FLAG: dict[str, Any] = {
    "code": ("token", True),
    "severity": (SEVERITIES, True),
    "acknowledge": ("bool", False),
    "same_day": ("bool", False),
    "topic": ("token", True),
    "message": ("text", True),
    "sources": (["token"], False),
    "when": ([["flag condition"]], True),
}
_FLAGS: dict[str, Any] = {
    "flags": ("token", True),
    "version": ("token", True),
    "questionnaire": ("token", True),
    "rules": ([_FLAG], True),
}
LINK_ID = re.compile(r"[a-z][a-z0-9_]{0,59}")
ITEM_TYPES = ("attachment", "boolean", "choice", "date", "display", "integer", "open-choice", "string", "text")
_CONTACTS = ("call-911", "call-811", "call-988", "text-988", "call-clinic")
CALCS = ("age-band", "phq2", "last-intake")
DEFAULT_LENGTH = {"string": 200, "open-choice": 200, "text": 2000}
_MAX_LENGTH = 2000

# What a file may hold: key -> (kind, required). A kind is a word, a list of one kind, a mapping, or a tuple of allowed words.
_OPTION: dict[str, Any] = {
    "code": ("token", True),
    "label": ("text", True),
    "exclusive": ("bool", False),
    "negative": ("bool", False),
    "safety": ("bool", False),
    "talk": ("bool", False),
    "staff_only": ("bool", False),
    "picture": ("token", False),
    "score": ("int", False),
    "system": (("loinc",), False),
}
_QUESTION: dict[str, Any] = {
    "link_id": ("link_id", True),
    "page": ("int", False),
    "group": ("link_id", False),
    "type": (ITEM_TYPES, True),
    "text": ("text", True),
    "help": ("text", False),
    "help_with_drawing": ("text", False),
    "why": ("text", False),
    "short": ("text", False),
    "missing": ("text", False),
    "multiple": ("bool", False),
    "required": ("bool", False),
    "recommended": ("bool", False),
    "options": ([_OPTION], False),
    "show_when": ("conditions", False),
    "max_choices": ("int", False),
    "max_length": ("int", False),
    "max_files": ("int", False),
    "min": ("int", False),
    "max": ("int or this-year", False),
    "asked": (("details", "check"), False),
    "fact": (("date-of-birth",), False),
    "safety": ("bool", False),
    "consent": ("token", False),
    "calc": (CALCS, False),
    "input": (("email", "tel", "numeric"), False),
    "autocomplete": ("token", False),
    "widget": (("pictures", "head-map"), False),
    "loinc": ("token", False),
    "prefill": (("answer", "still-taking"), False),
}
QUESTION_KEYS = tuple(_QUESTION)
_NOTICE: dict[str, Any] = {"code": ("token", True), "title": ("text", True), "text": ("text", True)}
_FILE: dict[str, Any] = {
    "questionnaire": ("token", True),
    "version": ("token", True),
    "language": ("token", True),
    "title": ("text", True),
    "code_system": ("token", True),
    "minimum_age": ("int", True),
    "copyright": ("text", False),
    "consents": ([_NOTICE], False),
    "advice": ([{**_NOTICE, "when": ("conditions", True), "contacts": ([_CONTACTS], True), "safety": ("bool", False)}], False),
    "stops": ([_NOTICE], False),
    "sections": (
        [
            {
                "link_id": ("link_id", True),
                "title": ("text", True),
                "pages": (
                    [{"number": ("int", True), "title": ("text", False), "neutral": ("bool", False)}],
                    True,
                ),
                "groups": (
                    [
                        {
                            "link_id": ("link_id", True),
                            "text": ("text", True),
                            "group": ("link_id", False),
                            "repeats": ("bool", False),
                            "show_when": ("conditions", False),
                        }
                    ],
                    False,
                ),
                "questions": ([_QUESTION], True),
            }
        ],
        True,
    ),
}


class _Mapping(dict[str, Any]):
    """A mapping that remembers the line it began on."""

    line: int = 0


class _File:
    """Reads one file. Every scalar is taken as written, so that a code of `no` stays a word."""

    def __init__(self, name: str) -> None:
        self.name = name

    def stop(self, line: int, problem: str) -> IntakeError:
        return IntakeError(f"{self.name}, line {line}: {problem}")

    def read(self, node: yaml.Node, kind: Any, what: str) -> Any:
        line = node.start_mark.line + 1
        if isinstance(kind, dict):
            return self.mapping(node, kind, what)
        if isinstance(kind, list):
            if not isinstance(node, yaml.SequenceNode) or not node.value:
                raise self.stop(line, f"{what} must be a list with at least one entry.")
            return [self.read(child, kind[0], what) for child in node.value]
        if kind == "conditions":
            return self.conditions(node, what)
        if kind == "flag condition":
            return self.flag_condition(node)
        if not isinstance(node, yaml.ScalarNode):
            raise self.stop(line, f"{what} must be a single value.")
        return self.scalar(node.value, kind, what, line)

    def scalar(self, value: str, kind: Any, what: str, line: int) -> str | int | bool:
        if not value.strip():
            raise self.stop(line, f"{what} is empty.")
        if isinstance(kind, tuple):
            if value not in kind:
                raise self.stop(line, f"{what} must be one of {', '.join(kind)}, not {value!r}.")
        elif kind == "int" or (kind == "int or this-year" and value != "this-year"):
            if not re.fullmatch(r"\d{1,6}", value):
                raise self.stop(line, f"{what} must be a whole number, not {value!r}.")
            return int(value)
        elif kind == "bool":
            if value not in ("true", "false"):
                raise self.stop(line, f"{what} must be true or false, not {value!r}.")
            return value == "true"
        elif kind == "link_id" and not LINK_ID.fullmatch(value):
            raise self.stop(line, f"{what} must be lower-case letters, digits and underscores, not {value!r}.")
        return value

    def mapping(self, node: yaml.Node, spec: dict[str, Any], what: str) -> _Mapping:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise self.stop(line, f"{what} must be a mapping.")
        result = _Mapping()
        result.line = line
        for key_node, value_node in node.value:
            key, at = key_node.value, key_node.start_mark.line + 1
            if key not in spec:
                raise self.stop(at, f"unknown key {key!r}.")
            if key in result:
                raise self.stop(at, f"{key!r} is given twice.")
            result[key] = self.read(value_node, spec[key][0], key)
        for key, (_kind, required) in spec.items():
            if required and key not in result:
                name = result.get("link_id") or result.get("code") or what
                raise self.stop(line, f"{name} has no {key!r}.")
        return result

    def conditions(self, node: yaml.Node, what: str) -> dict[str, list[str]]:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode) or not node.value:
            raise self.stop(line, f"{what} must be a mapping of question to a list of codes.")
        found: dict[str, list[str]] = {}
        for key_node, value_node in node.value:
            if key_node.value in found:
                raise self.stop(key_node.start_mark.line + 1, f"{key_node.value!r} is given twice in {what}.")
            found[key_node.value] = self.read(value_node, ["token"], f"{what} of {key_node.value}")
        return found

    def flag_condition(self, node: yaml.Node) -> tuple[int, Condition]:
        """One condition of a flag, with its line."""
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
            raise self.stop(line, "a condition is one mapping, such as {hair_scalp: [shiny]}.")
        key, value = node.value[0]
        if key.value in ("unanswered", "unanswered_recommended"):
            return line, Condition(key.value, str(self.read(value, "link_id", key.value)))
        if key.value == "at_least":
            if not isinstance(value, yaml.MappingNode) or len(value.value) != 1:
                raise self.stop(line, "at_least is one mapping of a question to a number.")
            name, number = value.value[0]
            return line, Condition("at_least", name.value, number=self.read(number, "int", "at_least"))
        found = self.conditions(value if key.value == "only" else node, "a condition")
        name, codes = next(iter(found.items()))
        return line, Condition("only" if key.value == "only" else "includes", name, frozenset(codes))


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
    file, root = _root(text, name)
    source = file.mapping(root, _FILE, "the file")
    _check(file, source)
    without = _without_safety(file, copy.deepcopy(source))
    if without is not None:
        _check(file, without)
    return tuple(from_json(_unmarked(version)) for version in (source, without) if version is not None)


def _unmarked(source: _Mapping) -> _Mapping:
    """Without the marks: they are for this file, and not part of what is published."""
    for item in _marked(source):
        item.pop("safety", None)
    return source


def _marked(source: _Mapping) -> list[_Mapping]:
    """Whatever can carry the mark."""
    asked = [question for section in source["sections"] for question in section["questions"]]
    return [*source.get("advice", []), *asked, *(option for question in asked for option in question.get("options", []))]


def _without_safety(file: _File, source: _Mapping) -> _Mapping | None:
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


def _root(text: str, name: str) -> tuple[_File, yaml.Node]:
    file = _File(name)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise file.stop(mark.line + 1 if mark else 1, getattr(error, "problem", "") or "cannot be read.") from error
    if root is None:
        raise file.stop(1, "the file is empty.")
    return file, root


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
    file, root = _root(path.read_text(encoding="utf-8"), path.name)
    source = file.mapping(root, _FLAGS, "the file")
    if source["questionnaire"] != definition.slug:
        raise file.stop(source.line, f"these rules are for {source['questionnaire']}, not {definition.slug}.")
    _no_twins(file, source["rules"], "code")
    rules = []
    for rule in source["rules"]:
        if definition.is_without_safety:
            rule["when"] = [line for line in (_known(line, definition) for line in rule["when"]) if line]
            if not rule["when"]:
                continue
        for line in rule["when"]:
            for at, condition in line:
                _check_condition(file, at, condition, definition)
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


def _check_condition(file: _File, line: int, condition: Condition, definition: Definition) -> None:
    if condition.kind == "unanswered_recommended":
        if condition.name not in definition.groups:
            raise file.stop(line, f"there is no group {condition.name!r}.")
        return
    question = definition.questions.get(condition.name)
    if question is None:
        raise file.stop(line, f"there is no question {condition.name!r}.")
    for code in sorted(condition.codes):
        if question.option(code) is None:
            raise file.stop(line, f"{condition.name!r} has no answer {code!r}.")


def _check(file: _File, source: _Mapping) -> None:
    """What a grammar cannot say: names that must exist, order, and pages."""
    codes: dict[str, set[str]] = {}  # Question -> its codes, for those that stand above.
    names: dict[str, int] = {}
    consents = {notice["code"] for notice in source.get("consents", [])}
    for kind in ("consents", "advice", "stops"):
        _no_twins(file, source.get(kind, []), "code")

    def claim(item: _Mapping) -> None:
        if item["link_id"] in names:
            raise file.stop(item.line, f"link_id {item['link_id']!r} is already used in line {names[item['link_id']]}.")
        names[item["link_id"]] = item.line

    def conditions(found: dict[str, list[str]] | None, line: int) -> None:
        for question, wanted in (found or {}).items():
            if question not in codes:
                raise file.stop(line, f"the condition names {question!r}, which is no choice question above it.")
            for code in wanted:
                if code not in codes[question]:
                    raise file.stop(line, f"the condition names the answer {code!r}, which {question!r} does not have.")

    for section in source["sections"]:
        claim(section)
        groups: dict[str, _Mapping] = {}
        for group in section.get("groups", []):
            claim(group)
            if group.get("group") and group["group"] not in groups:
                raise file.stop(group.line, f"group {group['group']!r} is not above in this section.")
            groups[group["link_id"]] = group
        judged: set[str] = set()
        for question in section["questions"]:
            claim(question)
            _check_question(file, question, consents)
            conditions(question.get("show_when"), question.line)
            at: str | None = question.get("group")
            if at and at not in groups:
                raise file.stop(question.line, f"group {at!r} is not in this section.")
            while at and at not in judged:
                # A group's conditions may name what stands above its first question.
                conditions(groups[at].get("show_when"), groups[at].line)
                judged.add(at)
                at = groups[at].get("group")
            if question["type"] in ("choice", "open-choice"):
                codes[question["link_id"]] = {option["code"] for option in question["options"]}
        _check_pages(file, section, {name for name, group in groups.items() if group.get("repeats")})
    for notice in source.get("advice", []):
        conditions(notice["when"], notice.line)


def _check_pages(file: _File, section: _Mapping, repeating: set[str]) -> None:
    """Every question stands on a page of its section, in their order; no page is empty, and one with several has a title."""
    frames = {frame["number"]: frame for frame in section["pages"]}
    _no_twins(file, section["pages"], "number")
    always: dict[int, int] = {}  # page -> how many questions it asks of everybody
    last = 0
    for question in section["questions"]:
        if question.get("calc"):
            continue
        name, page = question["link_id"], question.get("page", 0)
        if page not in frames:
            raise file.stop(question.line, f"{name!r} stands on page {page or '(none)'}, which is not among the pages.")
        if page < last:
            raise file.stop(question.line, f"{name!r} is on page {page}, after a question of page {last}.")
        last = page
        sometimes = question.get("show_when") or question.get("asked") or question.get("group") in repeating
        if not sometimes and question["type"] != "display":
            always[page] = always.get(page, 0) + 1
    used = {question.get("page") for question in section["questions"]}
    for number, frame in frames.items():
        if number not in used:
            raise file.stop(frame.line, f"page {number} has no question.")
        if always.get(number, 0) > 1 and not frame.get("title"):
            raise file.stop(frame.line, f"page {number} asks several questions and needs a title.")


def _check_question(file: _File, q: _Mapping, consents: set[str]) -> None:
    name, choice = q["link_id"], q["type"] in ("choice", "open-choice")
    if choice and not q.get("options"):
        raise file.stop(q.line, f"{name!r} is a choice without options.")
    if not choice and (q.get("options") or q.get("max_choices")):
        raise file.stop(q.line, f"{name!r} is not a choice but has options.")
    if q.get("multiple") and not (choice or q["type"] == "attachment"):
        raise file.stop(q.line, f"{name!r} cannot have several answers.")
    if choice:
        _no_twins(file, q["options"], "code")
        for option in q["options"]:
            if option.get("exclusive") and not q.get("multiple"):
                raise file.stop(option.line, f"{name!r} takes one answer; none of them can be exclusive.")
    if q["type"] != "display" and not q.get("short"):
        raise file.stop(q.line, f"{name!r} has no 'short' label for the summary.")
    if q.get("consent") and q["consent"] not in consents:
        raise file.stop(q.line, f"{name!r} names consent {q['consent']!r}, which has no statement.")
    if q.get("calc") and (q.get("page") or q.get("required") or q.get("show_when")):
        raise file.stop(q.line, f"{name!r} is worked out, so it has no page, no condition and is not required.")
    if q.get("prefill") and (q.get("consent") or q.get("calc") or q["type"] in ("attachment", "display", "boolean")):
        raise file.stop(q.line, f"{name!r} is never filled in from last time.")
    if q.get("max_length", 0) > _MAX_LENGTH:
        raise file.stop(q.line, f"{name!r} allows more than {_MAX_LENGTH} characters.")
    if q["type"] in DEFAULT_LENGTH and "max_length" not in q:
        q["max_length"] = DEFAULT_LENGTH[q["type"]]


def _no_twins(file: _File, items: list[_Mapping], key: str) -> None:
    seen: set[Any] = set()
    for item in items:
        if item[key] in seen:
            raise file.stop(item.line, f"{key} {item[key]!r} is given twice.")
        seen.add(item[key])
