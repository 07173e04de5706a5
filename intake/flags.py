"""Which answers deserve a physician's eyes: versioned rules from a reviewed file, worked out purely. No ORM, no clock.

Only answers to questions that were shown count. A flag says "answers that can go with…", never a diagnosis, and is never shown
to a patient. Three severities and a short list, because long lists of alerts are overridden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from intake import engine
from intake.definition import Definition, Pairs, pairs_of

SEVERITIES = ("urgent", "caution", "info")


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that must hold. `kind` is includes, only, at_least, unanswered or unanswered_recommended."""

    kind: str
    name: str
    codes: frozenset[str] = frozenset()
    number: int = 0
    pairs: Pairs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """The answers, each with its question."""
        object.__setattr__(self, "pairs", pairs_of(((self.name, self.codes),)))


@dataclass(frozen=True, slots=True)
class FlagRule:
    """One flag: it is raised when all conditions of any line hold."""

    code: str
    severity: str
    topic: str
    message: str
    when: tuple[tuple[Condition, ...], ...]
    acknowledge: bool = False
    same_day: bool = False
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FlagRules:
    """One version of the rules for one questionnaire."""

    slug: str
    version: str
    questionnaire: str
    rules: tuple[FlagRule, ...]

    @property
    def name(self) -> str:
        """hair-loss-flags|0.1.0"""
        return f"{self.slug}|{self.version}"

    def rule(self, code: str) -> FlagRule | None:
        """The rule with this code."""
        return next((rule for rule in self.rules if rule.code == code), None)


@dataclass(frozen=True, slots=True)
class Flag:
    """A rule that holds, with the questions whose answers raised it."""

    rule: FlagRule
    evidence: tuple[str, ...]


def raised(rules: FlagRules, definition: Definition, answers: Mapping[str, Any], shown: set[str] | None = None) -> list[Flag]:
    """The flags of these answers, urgent first, then in the file's order. `shown` is what `engine.enabled` said of them."""
    shown = engine.enabled(definition, answers) if shown is None else shown
    given = engine.chosen(shown, answers)
    found = []
    for rule in rules.rules:
        evidence: dict[str, None] = {}
        for line in rule.when:
            names: list[str] = []
            found_here: tuple[str, ...]
            for condition in line:
                if condition.kind == "includes":  # nearly all are
                    found_here = () if given.isdisjoint(condition.pairs) else (condition.name,)
                else:
                    found_here = _evidence(condition, definition, answers, shown)
                if not found_here:
                    break
                names += found_here
            else:
                evidence |= dict.fromkeys(names)
        if evidence:
            found.append(Flag(rule, tuple(evidence)))
    return sorted(found, key=lambda flag: SEVERITIES.index(flag.rule.severity))


def _evidence(condition: Condition, definition: Definition, answers: Mapping[str, Any], shown: set[str]) -> tuple[str, ...]:
    """The questions that make a condition hold; empty when it does not."""
    name = condition.name
    if condition.kind == "unanswered_recommended":
        return tuple(
            q.link_id
            for q in definition.by_group.get(name, ())
            if q.recommended and q.link_id in shown and not engine.is_answered(answers.get(q.link_id))
        )
    if name not in shown:
        return ()
    return (name,) if _holds(condition, answers.get(name)) else ()


def _holds(condition: Condition, value: Any) -> bool:
    """Whether a condition on one answer holds, of every kind but "includes"."""
    if condition.kind == "at_least":
        return isinstance(value, int) and value >= condition.number
    if condition.kind == "unanswered":
        return not engine.is_answered(value)
    given = value if isinstance(value, list) else [value]
    return {code for code in given if isinstance(code, str)} == condition.codes
