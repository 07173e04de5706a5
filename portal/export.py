"""Everything the clinic holds of one patient, as one zip file: for people to read, and for programs."""

import json
import tempfile
import zipfile
from datetime import datetime
from typing import IO, Any

from django.db import transaction

from accounts.models import Clinic
from audit.actions import record
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment
from intake import paper
from intake.actions import read_corrections
from intake.corrections import Correction
from intake.models import QuestionnaireResponse
from patients.models import Patient
from records import parts

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
            sent.append(parts.answers(response, by=by, now=now))
            made = paper.for_patient(response, reference=references.get(response.pk, ""), by=by, now=now)
            out.writestr(f"answers-{number}-{response.completed_at:%Y-%m-%d}.pdf", made)
            sent[-1]["photos"] = parts.photos(out, number, response, by=by, now=now)
        corrections = Correction.objects.for_actor(user).order_by("asked_at")
        whole = {
            "clinic": Clinic.current().name,
            "made_at": now.isoformat(),
            "you": parts.person(patient),
            "visits": [parts.visit(v) for v in visits],
            "answers": sent,
            "consents": [parts.consent(row) for row in patient.consents.order_by("given_at")],
            "corrections": [parts.correction(said) for said in read_corrections(corrections, by=by, now=now)],
            "who_looked_or_changed": _trail(patient),
        }
        out.writestr("my-data.json", json.dumps(whole, ensure_ascii=False, indent=1, default=str))
    file.seek(0)
    return file


def _trail(patient: Patient) -> list[dict[str, Any]]:
    events = (
        AuditEvent.objects.filter(subject_id=patient.pk).order_by("at", "pk").values("at", "actor_kind", "actor_role", "action")
    )
    return [{"at": e["at"], "who": e["actor_role"] or _KIND.get(e["actor_kind"], ""), "what": e["action"]} for e in events]
