"""The pieces of a record as plain values and files: for the patient who takes everything along, and for the privacy contact.

Every answer and photo is opened with an event in the trail first.
"""

import zipfile
from datetime import datetime
from typing import Any

from accounts import clock
from audit.actor import Actor
from booking.models import Appointment
from intake.actions import Said, read_photo
from intake.document import open_document
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse
from intake.photos import visible
from intake.sheet import for_patient
from patients.models import ConsentRecord, Patient


def person(patient: Patient) -> dict[str, Any]:
    """Who they are and how they are reached."""
    return {
        "legal_first_name": patient.legal_first_name, "legal_last_name": patient.legal_last_name,
        "preferred_name": patient.preferred_name, "date_of_birth": patient.date_of_birth, "email": patient.email,
        "mobile": patient.e164, "reminders_by": patient.reminder_by, "voicemail_ok": patient.voicemail_ok,
    }  # fmt: skip


def visit(visit: Appointment) -> dict[str, Any]:
    """A visit, as it stands."""
    return {
        "reference": visit.reference, "service": visit.service.name, "with": visit.practitioner.name, "status": visit.status,
        "starts_at": clock.local(visit.starts_at).isoformat(), "ends_at": clock.local(visit.ends_at).isoformat(),
        "booked_at": visit.booked_at, "cancelled_at": visit.cancelled_at, "cancelled_by": visit.cancelled_by,
    }  # fmt: skip


def consent(row: ConsentRecord) -> dict[str, Any]:
    """A decision."""
    names = ("code", "decision", "choice", "given_by", "how", "text_version", "text_sha256", "given_at", "withdrawn_at")
    return {name: getattr(row, name) for name in names}


def correction(said: Said) -> dict[str, Any]:
    """What they asked to have corrected, and what came of it."""
    row = said.row
    return {
        "asked_at": row.asked_at, "about": row.about, "asked": said.asked, "answered_at": row.answered_at, "corrected": row.made,
        "answer": said.answer,
    }  # fmt: skip


def answers(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> dict[str, Any]:
    """In words as asked, and as the codes that programs read."""
    return {
        "form": f"{response.questionnaire.slug} {response.questionnaire.version}",
        "sent_at": response.completed_at,
        "in_words": [
            {"section": topic.title, "questions": [{"question": line.text, "answer": line.answers} for line in topic.all]}
            for topic in for_patient(response, by=by, now=now)
        ],
        "as_codes": open_document(response, by=by, now=now, purpose="export").answers,
    }


def photos(
    out: zipfile.ZipFile, number: int, response: QuestionnaireResponse, *, by: Actor, now: datetime, withdrawn: bool = False
) -> list[dict[str, Any]]:
    """Photos and files put into the zip; what they show and when. With `withdrawn`, also those that nobody is shown any more."""
    listed = []
    found = response.photos.all() if withdrawn else visible(response)
    for place, photo in enumerate(found.order_by("received_at", "pk"), start=1):
        name = f"photos/{number}-{place:02d}-{photo.link_id}.{'pdf' if photo.is_pdf else 'jpg'}"
        try:
            # Pictures are packed as they are: they do not get smaller.
            out.writestr(name, read_photo(photo, by=by, now=now), compress_type=zipfile.ZIP_STORED)
        except IntakeError:
            name = ""  # it cannot be opened; the rest is not held back for it
        about: dict[str, Any] = {"file": name, "view": photo.link_id, "taken": photo.shown_on}
        listed.append(about | ({"withdrawn": photo.status == photo.Status.WITHDRAWN} if withdrawn else {}))
    return listed
