"""A questionnaire's wording as people read it: with the clinic's own name and number, and dates written out."""

from datetime import date

from accounts import clock
from accounts.models import Clinic


def filled(text: str) -> str:
    """`text` with {clinic} and {phone} replaced; nothing else in it means anything."""
    clinic = Clinic.current()
    return text.replace("{clinic}", clinic.name).replace("{phone}", clinic.phone)


def spoken(kind: str, text: str) -> str:
    """One answer of a question of that type: a date as people write it; anything else as it stands."""
    return clock.written_date(date.fromisoformat(text)) if kind == "date" else filled(text)
