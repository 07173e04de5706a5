"""How a draft stands: what applies and what is missing, worked out once for the same answers."""

from dataclasses import dataclass
from typing import Any

from intake import engine
from intake.models import QuestionnaireResponse


@dataclass(frozen=True, slots=True)
class Standing:
    """What `engine` says of these answers: which questions apply, what is missing, and the answers that count."""

    answers: dict[str, Any]
    asking: engine.Asking
    applies: set[str]
    problems: list[engine.Problem]
    counting: dict[str, Any]


def standing_of(response: QuestionnaireResponse, answers: dict[str, Any], asking: engine.Asking) -> Standing:
    """How these answers stand.

    The instance keeps it: where the page that asks for a signature has walked through the questions, the verb that sends them
    does not walk again. It is used for equal answers only, so the verb trusts nothing about answers that it has not opened.
    """
    known: Standing | None = response.__dict__.get("_standing")
    if known is None or known.asking != asking or known.answers != answers:
        applies = engine.enabled(response.definition, answers)
        problems = engine.validate_complete(response.definition, answers, asking, applies)
        counting = engine.completed(response.definition, answers, applies)
        known = response.__dict__["_standing"] = Standing(dict(answers), asking, applies, problems, counting)
    return known
