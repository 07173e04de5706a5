"""A free start as the desk's pages offer it: what the form sends, when, with whom."""

from collections.abc import Iterable
from datetime import datetime

from booking.models import Practitioner
from booking.picker import value_of
from booking.slots import Slot

Offer = tuple[str, datetime, Practitioner]


def offers_of(slots: Iterable[Slot], people: Iterable[Practitioner]) -> list[Offer]:
    """The starts with these people, in the order they came."""
    by_pk = {person.pk: person for person in people}
    found = ((slot.start, by_pk[slot.practitioner_id]) for slot in slots if slot.practitioner_id in by_pk)
    return [(value_of(start, who), start, who) for start, who in found]
