"""What a verb refuses with: the text of each may be shown."""

from collections.abc import Callable
from functools import cached_property

from booking.slots import Slot


class BookingError(Exception):
    """A refusal whose text may be shown."""


class SlotTaken(BookingError):
    """The time is no longer free; `alternatives` are the closest that are.

    They are looked up when first asked for, which is after the refused transaction has ended: nobody waits for a lock while
    somebody else's alternatives are worked out.
    """

    def __init__(self, text: str, near: Callable[[], list[Slot]]) -> None:
        super().__init__(text)
        self._near = near

    @cached_property
    def alternatives(self) -> list[Slot]:
        """At most three openings, in order of time."""
        return self._near()


class Refused(Exception):
    """A constraint has refused a row. `why` says it, and is asked once the refused transaction has ended."""

    def __init__(self, why: Callable[[], BookingError]) -> None:
        super().__init__(why)
        self.why = why


class TooLate(BookingError):
    """Past the policy's cut-off: the patient has to call."""


class HoldEnded(BookingError):
    """The hold cannot be extended any more, or is gone."""


class Stale(BookingError):
    """Somebody else changed the visit meanwhile."""


class NotAllowed(BookingError):
    """The visit is not in a state in which this can happen."""


class Warned(BookingError):
    """Staff may do this, but should know something first; repeat with `overbook=True`, and with `told` what it was."""

    def __init__(self, text: str, told: str) -> None:
        super().__init__(text)
        self.told = told


class OfferOver(BookingError):
    """An offer of the waiting list that cannot be taken any more; who it was made to stays on the list."""


class SeriesTaken(BookingError):
    """Some visits of a series cannot be had, so none is booked or moved. `lost` has their places, from 0."""

    def __init__(self, text: str, lost: list[int]) -> None:
        super().__init__(text)
        self.lost = lost
