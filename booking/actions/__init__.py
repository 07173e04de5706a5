"""Everything that changes a calendar, as verbs; one module per noun, all of them to be imported from here."""

from booking.actions.errors import BookingError, HoldEnded, NotAllowed, SlotTaken, Stale, TooLate, Warned
from booking.actions.holds import extend_hold, hold, release_hold
from booking.actions.reach import change_contact, open_questions, request_link
from booking.actions.steps import (
    TRANSITIONS,
    UNDO_BY_PATIENT,
    arrive,
    ask_to_call,
    called,
    cancel,
    confirm,
    fulfil,
    mark_noshow,
    to_room,
    undo,
)
from booking.actions.visits import book, book_for, move
from booking.actions.write_path import stale

__all__ = [
    "TRANSITIONS",
    "UNDO_BY_PATIENT",
    "BookingError",
    "HoldEnded",
    "NotAllowed",
    "SlotTaken",
    "Stale",
    "TooLate",
    "Warned",
    "arrive",
    "ask_to_call",
    "book",
    "book_for",
    "called",
    "cancel",
    "change_contact",
    "confirm",
    "extend_hold",
    "fulfil",
    "hold",
    "mark_noshow",
    "move",
    "open_questions",
    "release_hold",
    "request_link",
    "stale",
    "to_room",
    "undo",
]
