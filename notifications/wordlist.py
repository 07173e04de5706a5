"""Words that say why a patient comes. No message may hold one: the tests search every message, the form checks every note."""

import re

_WORDS = (
    "hair|scalp|shedding|alopecia|bald|dutasteride|finasteride|minoxidil|prp|mesotherapy|metaboli[sz]e|diagnos|symptom|"
    "treatment|assessment|follow-?up|weight|libido|mood|depress|questionnaire|medication|prescription|dermatolog|biopsy|"
    "blood|result|hormon|thyroid|pregnan|injection|dose"
)
CLINICAL = re.compile(rf"\b({_WORDS})\w*", re.I)
ADDRESS = re.compile(r"https?:|www\.|\S+@\S+|\.(?:com|ca|net|org)\b", re.I)


def says_why(words: str) -> str:
    """The first word that says why a patient comes, or an empty string."""
    found = CLINICAL.search(words)
    return found.group(0) if found else ""
