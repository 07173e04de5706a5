"""What happens to questionnaires and responses, as verbs: each one transaction of write, audit, version up.

One module per noun, all of them to be imported from here.
"""

from intake.actions.consents import WAYS, consent_text, consent_wording, note_no
from intake.actions.corrections import answer_correction, ask_correction, read_corrections
from intake.actions.definitions import publish, publish_all
from intake.actions.drafts import (
    Saved,
    asking_for,
    delete_draft,
    doubt_age,
    is_complete,
    save_contact,
    save_page,
    start_draft,
    take_over,
)
from intake.actions.replies import question_for, reply
from intake.actions.reviews import (
    NotYet,
    Taken,
    acknowledge_flag,
    amend_review,
    claim_review,
    confirm_done,
    discard_review,
    missing_to_sign,
    release_review,
    save_review,
    sign_review,
)
from intake.actions.sending import attach_patient, complete

__all__ = [
    "WAYS",
    "NotYet",
    "Saved",
    "Taken",
    "acknowledge_flag",
    "amend_review",
    "answer_correction",
    "ask_correction",
    "asking_for",
    "attach_patient",
    "claim_review",
    "complete",
    "confirm_done",
    "consent_text",
    "consent_wording",
    "delete_draft",
    "discard_review",
    "doubt_age",
    "is_complete",
    "missing_to_sign",
    "note_no",
    "publish",
    "publish_all",
    "question_for",
    "read_corrections",
    "release_review",
    "reply",
    "save_contact",
    "save_page",
    "save_review",
    "sign_review",
    "start_draft",
    "take_over",
]
