"""What happens to questionnaires and responses, as verbs: each one transaction of write, audit, version up.

One module per noun, all of them to be imported from here.
"""

from intake.actions.consents import merge_records, note_messages, withdraw
from intake.actions.corrections import Said, answer_correction, ask_correction, read_corrections
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
from intake.actions.earlier import bring_facts, has_sent, offer_last_answers
from intake.actions.later import YearRefused, find_link, hand_over, purge_drafts, purge_photos, reopen, resume, save_for_later
from intake.actions.photos import PhotoRefused, Upload, add_photo, date_photo, drop_photos, read_photo, remove_photo
from intake.actions.replies import AskedElse, open_ask, reply
from intake.actions.reviews import (
    NotYet,
    Taken,
    acknowledge_flag,
    amend_review,
    asked_of,
    claim_review,
    confirm_done,
    discard_review,
    missing_to_sign,
    release_review,
    save_review,
    sign_review,
)
from intake.actions.sending import attach_patient, complete
from intake.actions.snippets import SnippetChanged, use_snippet, write_snippet

__all__ = [
    "AskedElse",
    "NotYet",
    "PhotoRefused",
    "Said",
    "Saved",
    "SnippetChanged",
    "Taken",
    "Upload",
    "YearRefused",
    "acknowledge_flag",
    "add_photo",
    "amend_review",
    "answer_correction",
    "ask_correction",
    "asked_of",
    "asking_for",
    "attach_patient",
    "bring_facts",
    "claim_review",
    "complete",
    "confirm_done",
    "date_photo",
    "delete_draft",
    "discard_review",
    "doubt_age",
    "drop_photos",
    "find_link",
    "hand_over",
    "has_sent",
    "is_complete",
    "merge_records",
    "missing_to_sign",
    "note_messages",
    "offer_last_answers",
    "open_ask",
    "publish",
    "publish_all",
    "purge_drafts",
    "purge_photos",
    "read_corrections",
    "read_photo",
    "release_review",
    "remove_photo",
    "reopen",
    "reply",
    "resume",
    "save_contact",
    "save_for_later",
    "save_page",
    "save_review",
    "sign_review",
    "start_draft",
    "take_over",
    "use_snippet",
    "withdraw",
    "write_snippet",
]
