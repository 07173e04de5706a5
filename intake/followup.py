"""What a check-in has to know from before: facts from the patient's earlier answers, written into its draft once.

They stand in the item with `calc: last-intake`, hidden and written by the server alone, so that "only people who…" is an
ordinary condition of the questionnaire.
"""

from collections.abc import Mapping
from typing import Any

from intake import engine
from intake.definition import Definition

CALC = "last-intake"
_ARI = {"fin-oral", "dut-oral", "ari-top", "meso"}


def facts(definition: Definition, answers: Mapping[str, Any]) -> set[str]:
    """What one sent response says of later check-ins."""
    shown = engine.enabled(definition, answers)
    found = {fact for fact, asked in (("pregnancy", "preg_status"), ("prostate", "pros_history")) if asked in shown}
    used = {*answers.get("tx_list", ()), *answers.get("fu_using", ())}
    return found | ({"ari"} if used & _ARI else set())
