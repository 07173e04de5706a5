"""The screens between "I want a visit" and "I was there", one module each."""

from booking.views.check import check
from booking.views.code import code
from booking.views.details import details
from booking.views.done import done, leave
from booking.views.lost_link import lost_link
from booking.views.openings import openings
from booking.views.start import start
from booking.views.time import time
from booking.views.visit import (
    visit,
    visit_cancel,
    visit_confirm,
    visit_ics,
    visit_messages,
    visit_questions,
    visit_time,
    visit_undo,
)

__all__ = [
    "check",
    "code",
    "details",
    "done",
    "leave",
    "lost_link",
    "openings",
    "start",
    "time",
    "visit",
    "visit_cancel",
    "visit_confirm",
    "visit_ics",
    "visit_messages",
    "visit_questions",
    "visit_time",
    "visit_undo",
]
