"""What happens to patients, as verbs: each one transaction of write, audit, version up.

One module per noun, all of them to be imported from here.
"""

from patients.actions.codes import ask_again, ask_code, check_code, digits_of
from patients.actions.consents import choose_care, consents_of, withdraw_consent
from patients.actions.errors import PatientError
from patients.actions.merging import merge
from patients.actions.people import (
    Contact,
    add_helper,
    identify,
    leave,
    open_account,
    reached_by,
    recognise,
    shown_by,
    update_contact,
    update_helper,
)
from patients.actions.reach import mark_bounced, start_texts, stop_texts, stopped_at

__all__ = [
    "Contact",
    "PatientError",
    "add_helper",
    "ask_again",
    "ask_code",
    "check_code",
    "choose_care",
    "consents_of",
    "digits_of",
    "identify",
    "leave",
    "mark_bounced",
    "merge",
    "open_account",
    "reached_by",
    "recognise",
    "shown_by",
    "start_texts",
    "stop_texts",
    "stopped_at",
    "update_contact",
    "update_helper",
    "withdraw_consent",
]
