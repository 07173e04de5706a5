"""The clinic's own name and number in a questionnaire's wording."""

from accounts.models import Clinic


def filled(text: str) -> str:
    """`text` with {clinic} and {phone} replaced; nothing else in it means anything."""
    clinic = Clinic.current()
    return text.replace("{clinic}", clinic.name).replace("{phone}", clinic.phone)
