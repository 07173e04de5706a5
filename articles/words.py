"""Words a physician's public page should not use.

Ontario's rules for physicians' advertising (O. Reg. 114/94, Part II) allow no superlatives, no testimonials, no promise
of a result and no drug by name in advertising. The editor warns; a person decides.
"""

import re

SUPERLATIVES = (
    "best",
    "leading",
    "number one",
    "guaranteed",
    "guarantee",
    "cure",
    "cures",
    "miracle",
    "testimonial",
    "testimonials",
    "results may amaze",
    "painless",
    "risk-free",
)
DRUGS = ("dutasteride", "finasteride", "minoxidil", "spironolactone", "propecia", "avodart", "rogaine")


def _found(text: str, words: tuple[str, ...]) -> list[str]:
    lowered = text.lower()
    return [word for word in words if re.search(rf"\b{re.escape(word)}\b", lowered)]


def superlatives_in(text: str) -> list[str]:
    """The words of `text` that promise too much."""
    return _found(text, SUPERLATIVES)


def drugs_in(text: str) -> list[str]:
    """The drugs `text` names: fine in an article, not beside an invitation to book."""
    return _found(text, DRUGS)
