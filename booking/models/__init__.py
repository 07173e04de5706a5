"""What can be booked, with whom, when, and what has been booked. Tables that go with one feature stand in its own module."""

from booking.desk_text import DeskText
from booking.feeds import CalendarFeed
from booking.late import RunningLate
from booking.models.appointment import (
    ANSWERED,
    ASKED_TO_CALL,
    COMING,
    HAS_A_QUESTION,
    OCCUPYING,
    OPEN,
    TO_BE_MOVED,
    TOOK_BACK,
    Appointment,
    AppointmentQuerySet,
    Status,
)
from booking.models.availability import Availability, AvailabilityOverride, TimeOff
from booking.models.lost_link import LinkRequest
from booking.models.services import Practitioner, Room, Service
from booking.rebooking import Batch, BatchRow
from booking.waitlist import FreedTime, WaitlistEntry, WaitlistOffer

__all__ = [
    "ANSWERED",
    "ASKED_TO_CALL",
    "COMING",
    "HAS_A_QUESTION",
    "OCCUPYING",
    "OPEN",
    "TOOK_BACK",
    "TO_BE_MOVED",
    "Appointment",
    "AppointmentQuerySet",
    "Availability",
    "AvailabilityOverride",
    "Batch",
    "BatchRow",
    "CalendarFeed",
    "DeskText",
    "FreedTime",
    "LinkRequest",
    "Practitioner",
    "Room",
    "RunningLate",
    "Service",
    "Status",
    "TimeOff",
    "WaitlistEntry",
    "WaitlistOffer",
]
