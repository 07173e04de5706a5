"""A free start as the desk's pages offer it: what the form sends, when, with whom."""

from collections.abc import Iterable
from datetime import datetime

from booking.models import Practitioner, Service
from booking.picker import value_of
from booking.slots import Slot, snug

Offer = tuple[str, datetime, Practitioner]


def snug_of(found: Iterable[Slot], people: Iterable[Practitioner], service: Service) -> set[str]:
    """What the form sends for the starts that leave the rest of their free stretch in one piece."""
    marked = snug(found, service.step_minutes)
    return {value for value, _start, _who in offers_of(marked, people)}


def offers_of(slots: Iterable[Slot], people: Iterable[Practitioner]) -> list[Offer]:
    """The starts with these people, in the order they came."""
    by_pk = {person.pk: person for person in people}
    found = ((slot.start, by_pk[slot.practitioner_id]) for slot in slots if slot.practitioner_id in by_pk)
    return [(value_of(start, who), start, who) for start, who in found]
