"""What a physician decides about a response: the fields of a review, and what each outcome needs. No ORM, no clock.

The words are the clinic's; nothing here is ever worked out from the answers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as t

from intake.definition import Definition

Fields = Mapping[str, Any]
LINE, TEXT = 200, 2000
OWN_WORDS = "own_words"  # stands among the questions that are asked for an answer to the note itself
AMEND_REASON = t("Why the signed review is changed")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. `kind`: one, many, line, text, tick, asked; `only` names the outcomes it belongs to (empty: all)."""

    name: str
    label: Any
    kind: str
    part: str
    options: tuple[tuple[str, Any], ...] = ()
    hint: Any = ""
    only: tuple[str, ...] = ()


OUTCOMES: tuple[tuple[str, Any], ...] = (
    ("suitable", t("Suitable")),
    ("more-info", t("Needs more information")),
    ("labs", t("Labs first")),
    ("not-suitable", t("Not suitable")),
    ("refer", t("Refer urgently")),
    ("in-person", t("Cannot decide: see in person")),
)
# What stays open after the signature until somebody says it is done.
TO_CONFIRM = {"labs", "refer"}
# A test, and the LOINC code it is ordered by.
LABS: tuple[tuple[str, str, Any], ...] = (
    ("cbc", "58410-2", t("CBC")),
    ("ferritin", "2276-4", t("Ferritin")),
    ("tsh", "3016-3", t("TSH")),
    ("vitamin-d", "62292-8", t("Vitamin D, 25-OH")),
    ("testosterone", "2986-8", t("Testosterone, total")),
    ("dheas", "2191-5", t("DHEAS")),
    ("prolactin", "", t("Prolactin")),
    ("psa", "2857-1", t("PSA")),
)
# Tests that are ordered together: a press ticks them, and each can be taken away again.
LAB_SETS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("shedding", t("Shedding"), ("cbc", "ferritin", "tsh")),
    ("androgen", t("Androgen signs"), ("testosterone", "dheas", "prolactin")),
    ("before-5ari", t("Before a 5-ARI, 40 or older"), ("psa",)),
)
# What a snippet may name in braces: of the patient, and of the review itself.
NAMES: dict[str, Any] = {
    "first_name": t("the patient’s first name"),
    "age": t("their age"),
    "diagnosis": t("the working diagnosis"),
    "grade": t("the grade"),
    "treatment": t("the treatment"),
}
_NAME = re.compile(r"\{(\w*)\}")
FIELDS: tuple[Field, ...] = (
    Field("outcome", t("Outcome"), "one", "decision", OUTCOMES),
    Field("suitable_for", t("Suitable for"), "line", "decision", hint=t("The visit, or a treatment by name"), only=("suitable",)),
    Field("diagnosis", t("Working diagnosis"), "line", "decision"),
    Field(
        "certainty", t("Certainty"), "one", "decision",
        (("confirmed", t("Confirmed")), ("probable", t("Probable")), ("uncertain", t("Uncertain"))),
    ),
    Field("differential", t("Also considered"), "line", "decision"),
    Field("ask", t("What we need from the patient"), "text", "decision", hint=t("In plain words"), only=("more-info",)),
    Field("ask_items", t("What they answer"), "asked", "decision", only=("more-info",)),
    Field("labs", t("Tests"), "many", "decision", tuple((code, label) for code, _loinc, label in LABS), only=("labs",)),
    Field("labs_other", t("Other tests"), "line", "decision", only=("labs",)),
    Field(
        "visit", t("The visit until then"), "one", "decision", (("keep", t("Stays")), ("move", t("Reception moves it"))),
        only=("more-info", "labs"),
    ),
    Field(
        "reason", t("Why not"), "one", "decision",
        (
            ("contraindication", t("A contraindication")), ("other-cause", t("Another cause is more likely")),
            ("expectation", t("It cannot do what is hoped for")), ("not-offered", t("We do not offer what is needed")),
            ("other", t("Another reason")),
        ),
        only=("not-suitable",),
    ),
    Field(
        "patient_text", t("What the patient is told"), "text", "decision",
        hint=t("No message goes out by itself"), only=("not-suitable",),
    ),
    Field("refer_to", t("Refer to"), "line", "decision", only=("refer",)),
    Field("refer_why", t("Why"), "text", "decision", only=("refer",)),
    Field(
        "patient_told", t("Patient told"), "one", "decision", (("yes", t("Yes")), ("no", t("Not yet"))), only=("refer",)
    ),
    Field("patient_told_when", t("When"), "line", "decision", only=("refer",)),
    Field(
        "scale", t("Pattern scale"), "one", "exam",
        (("norwood", t("Norwood")), ("ludwig", t("Ludwig")), ("sinclair", t("Sinclair")), ("none", t("None fits"))),
    ),
    Field("grade", t("Grade"), "line", "exam", hint=t("Such as IIIv, II or 3")),
    Field("pull_test", t("Pull test"), "line", "exam", hint=t("Hairs at vertex, sides, back; 2 or fewer of 50 to 60 is usual")),
    Field(
        "scarring", t("Signs of scarring"), "one", "exam", (("no", t("No")), ("yes", t("Yes")), ("unsure", t("Unsure")))
    ),
    Field(
        "trichoscopy", t("Trichoscopy"), "many", "exam",
        (
            ("diameter", t("Hair-diameter variability")), ("yellow-dots", t("Yellow dots")), ("black-dots", t("Black dots")),
            ("openings", t("Loss of follicular openings")), ("perifollicular", t("Perifollicular scale or redness")),
        ),
    ),
    Field("scalp", t("Scalp findings"), "text", "exam"),
    Field("salt", t("SALT"), "line", "exam", hint=t("0 to 100, only for alopecia areata")),
    Field("treatment", t("Treatment"), "line", "plan", hint=t("Name, route, how often")),
    Field("off_label", t("Off-label use was talked about"), "tick", "plan"),
    Field("plan", t("Plan"), "text", "plan"),
    Field(
        "back_in", t("See again in"), "one", "plan",
        (("3", t("3 months")), ("6", t("6 months")), ("12", t("12 months")), ("none", t("Not planned"))),
    ),
    Field("note", t("Note"), "text", "plan", hint=t("For the chart. Patients and reception do not see it")),
)  # fmt: skip
BY_NAME = {field.name: field for field in FIELDS}
TEXTS = [field for field in FIELDS if field.kind == "text"]
_NEEDS: dict[str, tuple[tuple[str, Any], ...]] = {
    "suitable": (
        ("suitable_for", t("Say what it is suitable for: the visit, or a treatment by name")),
        ("diagnosis", t("Enter the working diagnosis")),
        ("certainty", t("Choose how certain it is")),
        ("scale", t("Choose the pattern scale, or “None fits”")),
    ),
    "more-info": (
        ("ask", t("Say what you need from the patient, in plain words")),
        ("ask_items", t("Choose at least one question or photo, or an answer in their own words")),
    ),
    "labs": (),
    "not-suitable": (
        ("reason", t("Choose the reason")),
        ("patient_text", t("Write what the patient is told")),
    ),
    "refer": (
        ("refer_to", t("Say to whom")),
        ("refer_why", t("Say why")),
        ("patient_told", t("Say whether the patient has been told")),
    ),
    "in-person": (),
}


def filled_in(text: str, values: Mapping[str, Any]) -> str:
    """A snippet with what is known put in; the rest stays as it stands, so that it is seen."""
    return _NAME.sub(lambda found: str(values.get(found[1]) or found[0]), text)


def unknown_names(text: str) -> list[str]:
    """What stands in braces and is none of `NAMES`."""
    return [found[0] for found in _NAME.finditer(text) if found[1] not in NAMES]


def _left_open(text: str) -> list[str]:
    return [found[0] for found in _NAME.finditer(text) if found[1] in NAMES]


def belongs(field: Field, outcome: str) -> bool:
    """True if this field counts with that outcome."""
    return not field.only or outcome in field.only


def kept(fields: Fields) -> dict[str, Any]:
    """What is signed: only what was filled in, and belongs to the outcome."""
    outcome = str(fields.get("outcome", ""))
    return {f.name: fields[f.name] for f in FIELDS if fields.get(f.name) and belongs(f, outcome)}


def problems(fields: Fields, open_flags: Iterable[str], *, reason_needed: bool, reason: str) -> list[tuple[str, str]]:
    """What stands between a draft and its signature, as (field, words). The field is "" for what is on no field.

    Args:
        open_flags: codes of flags that must be acknowledged and were not; they hold back "Suitable" alone.
        reason_needed: True for an amendment.
    """
    outcome = str(fields.get("outcome", ""))
    found: list[tuple[str, str]] = []
    if outcome not in _NEEDS:
        found.append(("outcome", _("Choose an outcome")))
    found += [(name, str(words)) for name, words in _NEEDS.get(outcome, ()) if not fields.get(name)]
    if outcome == "suitable" and fields.get("scale", "none") != "none" and not fields.get("grade"):
        found.append(("grade", _("Enter the grade")))
    if outcome == "labs" and not (fields.get("labs") or fields.get("labs_other")):
        found.append(("labs", _("Choose at least one test")))
    for name, left in ((f.name, _left_open(fields.get(f.name) or "")) for f in TEXTS if belongs(f, outcome)):
        if left:
            found.append((name, _("Write what %(name)s stands for, or take it out") % {"name": left[0]}))
    waiting = list(open_flags)
    if waiting and outcome == "suitable":
        found.append(("flags", _("Acknowledge what must be seen first: %(codes)s") % {"codes": ", ".join(waiting)}))
    if reason_needed and not reason:
        found.append(("amend_reason", _("Say why the signed review is changed")))
    return found


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a review as it is read."""

    name: str
    label: str
    text: str


def labels(definition: Definition, items: Iterable[str], *, files: bool = True) -> list[str]:
    """What was chosen to be asked, by its short names and in the order of the form; those of files only if wanted."""
    chosen = set(items)
    found = [q for q in definition.questions.values() if q.link_id in chosen and (files or q.type != "attachment")]
    names = [definition.groups[q.group].text if q.group and definition.groups[q.group].repeats else q.short for q in found]
    return names + ([_("In their own words")] if OWN_WORDS in chosen else [])


def in_words(fields: Fields, definition: Definition) -> list[Said]:
    """A review of answers to this form as it is read, in the order of its fields; empty fields are left out."""
    lines = []
    for field in FIELDS:
        value = fields.get(field.name)
        if not value or not belongs(field, str(fields.get("outcome", ""))):
            continue
        words = {code: str(label) for code, label in field.options}
        if field.kind == "tick":
            text = _("Yes")
        elif field.kind == "asked":
            text = ", ".join(labels(definition, value))
        elif field.kind == "many":
            text = ", ".join(words.get(code, code) for code in value)
        else:
            text = words.get(value, str(value))
        lines.append(Said(field.name, str(field.label), text))
    return lines
