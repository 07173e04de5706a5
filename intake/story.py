"""The background in one paragraph, put together from the answers' own words by a template. Nothing is concluded. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from intake import engine, wording
from intake.definition import Definition

# Sentence and the questions it is made of. What was not asked, not answered or answered with a plain no is left out.
_SENTENCES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("%s.", ("hair_concern",)),
    ("Noticed: %s.", ("hair_onset", "hair_speed", "hair_course")),
    ("Since the first visit: %s.", ("fu_change",)),
    ("Shedding: %s.", ("hair_shedding", "hair_shedding_time", "fu_shedding")),
    ("In the family: %s.", ("fam_hair",)),
    ("Tried: %s.", ("tx_list",)),
    ("Uses now: %s.", ("fu_using",)),
    ("Noticed from treatment: %s.", ("tx_ari_effects", "tx_min_effects", "fu_effects")),
    ("Health: %s.", ("hx_heart", "hx_other", "hx_mental")),
    ("Medicines: %s.", ("med_item", "med_special")),
    ("Allergies: %s.", ("alg_list",)),
)


def story(definition: Definition, answers: Mapping[str, Any], *, age: int | None, sex: str) -> str:
    """ "38, male. Wide part. Noticed: 1 to 5 years ago, slowly …" """
    shown = engine.enabled(definition, answers)
    parts = [", ".join(part for part in (str(age) if age is not None else "", _lower(sex)) if part) + "."] if age or sex else []
    for sentence, names in _SENTENCES:
        words = [
            word for name in names if name in shown or name in definition.groups for word in _words(definition, name, answers)
        ]
        if words:
            parts.append(_(sentence) % ", ".join(words if sentence == "%s." else map(_lower, words)))
    return " ".join(parts)


def _words(definition: Definition, name: str, answers: Mapping[str, Any]) -> list[str]:
    if name in definition.groups:
        first = engine.row_questions(definition, definition.groups[name])[0].link_id
        return [str(row[first]) for row in answers.get(name) or [] if row.get(first)]
    question = definition.questions.get(name)
    if question is None:
        return []
    value = answers.get(name)
    given = value if isinstance(value, list) else [value]
    options = [question.option(code) for code in given if isinstance(code, str)]
    if options and all(option and option.negative for option in options):
        return []
    return wording.words(question, value)


def _lower(text: str) -> str:
    """As it stands inside a sentence; a name of two capitals, such as PRP, keeps them."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
