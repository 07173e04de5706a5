"""Everything the clinic holds of one patient, as one zip file: for people to read, and for programs."""

import json
import tempfile
import zipfile
from datetime import datetime
from typing import IO, Any

from django.db import transaction

from accounts import clock
from accounts.models import Clinic
from audit.actions import record
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment
from intake import paper
from intake.actions import read_corrections, read_photo
from intake.corrections import Correction
from intake.document import open_document
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse
from intake.photos import visible
from intake.sheet import for_patient
from patients.models import Patient

IN_MEMORY = 8 * 1024 * 1024  # a larger file goes to disk, unnamed, and is gone with the answer
_KIND = {"staff": "the clinic", "patient": "you", "system": "the system", "anonymous": "the booking page"}


def everything(patient: Patient, *, by: Actor, now: datetime) -> IO[bytes]:
    """The zip file, at its beginning. Every answer and photo in it is a read in the trail, all in one transaction."""
    user = patient.user
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (the response closes it)
    with transaction.atomic(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        record("portal.data_taken", by=by, now=now, obj=patient, subject_id=patient.pk)
        visits = list(
            Appointment.objects.for_actor(user).visits().select_related("practitioner", "service").order_by("starts_at")
        )
        references = {v.response_id: v.reference for v in visits}
        sent = []
        responses = QuestionnaireResponse.objects.for_actor(user).select_related("questionnaire", "patient")
        for number, response in enumerate(responses.order_by("completed_at"), start=1):
            sent.append(_answers(response, by=by, now=now))
            made = paper.for_patient(response, reference=references.get(response.pk, ""), by=by, now=now)
            out.writestr(f"answers-{number}-{response.completed_at:%Y-%m-%d}.pdf", made)
            sent[-1]["photos"] = _photos(out, number, response, by=by, now=now)
        corrections = Correction.objects.for_actor(user).order_by("asked_at")
        whole = {
            "clinic": Clinic.current().name,
            "made_at": now.isoformat(),
            "you": _person(patient),
            "visits": [_visit(v) for v in visits],
            "answers": sent,
            "consents": list(
                patient.consents.order_by("given_at").values(
                    "code", "decision", "choice", "given_by", "how", "text_version", "text_sha256", "given_at", "withdrawn_at"
                )
            ),
            "corrections": [
                {"asked_at": s.row.asked_at, "asked": s.asked, "answered_at": s.row.answered_at, "corrected": s.row.made,
                 "answer": s.answer}
                for s in read_corrections(corrections, by=by, now=now)
            ],
            "who_looked_or_changed": _trail(patient),
        }  # fmt: skip
        out.writestr("my-data.json", json.dumps(whole, ensure_ascii=False, indent=1, default=str))
    file.seek(0)
    return file


def _person(patient: Patient) -> dict[str, Any]:
    return {
        "legal_first_name": patient.legal_first_name, "legal_last_name": patient.legal_last_name,
        "preferred_name": patient.preferred_name, "date_of_birth": patient.date_of_birth, "email": patient.email,
        "mobile": patient.e164, "reminders_by": patient.reminder_by, "voicemail_ok": patient.voicemail_ok,
    }  # fmt: skip


def _visit(visit: Appointment) -> dict[str, Any]:
    return {
        "reference": visit.reference, "service": visit.service.name, "with": visit.practitioner.name, "status": visit.status,
        "starts_at": clock.local(visit.starts_at).isoformat(), "ends_at": clock.local(visit.ends_at).isoformat(),
        "booked_at": visit.booked_at, "cancelled_at": visit.cancelled_at, "cancelled_by": visit.cancelled_by,
    }  # fmt: skip


def _answers(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> dict[str, Any]:
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


def _photos(
    out: zipfile.ZipFile, number: int, response: QuestionnaireResponse, *, by: Actor, now: datetime
) -> list[dict[str, Any]]:
    listed = []
    for place, photo in enumerate(visible(response).order_by("received_at", "pk"), start=1):
        name = f"photos/{number}-{place:02d}-{photo.link_id}.{'pdf' if photo.is_pdf else 'jpg'}"
        try:
            # Pictures are packed as they are: they do not get smaller.
            out.writestr(name, read_photo(photo, by=by, now=now), compress_type=zipfile.ZIP_STORED)
        except IntakeError:
            name = ""  # it cannot be opened; the rest is not held back for it
        listed.append({"file": name, "view": photo.link_id, "taken": photo.shown_on})
    return listed


def _trail(patient: Patient) -> list[dict[str, Any]]:
    events = (
        AuditEvent.objects.filter(subject_id=patient.pk).order_by("at", "pk").values("at", "actor_kind", "actor_role", "action")
    )
    return [{"at": e["at"], "who": e["actor_role"] or _KIND.get(e["actor_kind"], ""), "what": e["action"]} for e in events]
