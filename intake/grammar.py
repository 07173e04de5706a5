"""How a reviewed file is written, and the reading of one: every key and its kind, with the line on which each thing stands."""

import re
from typing import Any

import yaml

from intake.errors import IntakeError
from intake.flags import SEVERITIES, Condition

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LINK_ID = re.compile(r"[a-z][a-z0-9_]{0,59}")
ITEM_TYPES = ("attachment", "boolean", "choice", "date", "display", "integer", "open-choice", "string", "text")
_CONTACTS = ("call-911", "call-811", "call-988", "text-988", "call-clinic")
CALCS = ("age-band", "phq2", "last-intake")
DEFAULT_LENGTH = {"string": 200, "open-choice": 200, "text": 2000}
MAX_LENGTH = 2000

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
_ADVICE: dict[str, Any] = {
    **_NOTICE,
    "when": ("conditions", True),
    "contacts": ([_CONTACTS], True),
    "safety": ("bool", False),
}
_PAGE: dict[str, Any] = {"number": ("int", True), "title": ("text", False), "neutral": ("bool", False)}
_GROUP: dict[str, Any] = {
    "link_id": ("link_id", True),
    "text": ("text", True),
    "group": ("link_id", False),
    "repeats": ("bool", False),
    "show_when": ("conditions", False),
}
_SECTION: dict[str, Any] = {
    "link_id": ("link_id", True),
    "title": ("text", True),
    "pages": ([_PAGE], True),
    "groups": ([_GROUP], False),
    "questions": ([_QUESTION], True),
}
FILE: dict[str, Any] = {
    "questionnaire": ("token", True),
    "version": ("token", True),
    "language": ("token", True),
    "title": ("text", True),
    "code_system": ("token", True),
    "minimum_age": ("int", True),
    "copyright": ("text", False),
    "consents": ([_NOTICE], False),
    "advice": ([_ADVICE], False),
    "stops": ([_NOTICE], False),
    "sections": ([_SECTION], True),
}
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
FLAGS: dict[str, Any] = {
    "flags": ("token", True),
    "version": ("token", True),
    "questionnaire": ("token", True),
    "rules": ([_FLAG], True),
}


class Entry(dict[str, Any]):
    """A mapping that remembers the line it began on."""

    line: int = 0


class File:
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

    def mapping(self, node: yaml.Node, spec: dict[str, Any], what: str) -> Entry:
        line = node.start_mark.line + 1
        if not isinstance(node, yaml.MappingNode):
            raise self.stop(line, f"{what} must be a mapping.")
        result = Entry()
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


def read(text: str, name: str, spec: dict[str, Any]) -> tuple[File, Entry]:
    """What stands in the text of a file, after FILE or FLAGS, and the file for naming a line of it.

    Raises:
        IntakeError: for YAML that cannot be read, unknown or missing keys, and values that are not of their kind.
    """
    file = File(name)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise file.stop(mark.line + 1 if mark else 1, getattr(error, "problem", "") or "cannot be read.") from error
    if root is None:
        raise file.stop(1, "the file is empty.")
    return file, file.mapping(root, spec, "the file")
