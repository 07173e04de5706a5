"""Consents after the form: taken back, and given again. Verbs, as in `intake.actions`.

Taking one back dates its record, and what rested on it stops at once. Giving it again writes a new record.
"""

import hashlib
from datetime import datetime

from django.db import transaction

from audit.actions import record
from audit.actor import Actor
from intake import photos
from intake.actions import WAYS, consent_text, note_no
from intake.definition import Definition, Question
from intake.document import Document, decrypt, save_document
from intake.errors import IntakeError
from intake.models import Photo, Questionnaire, QuestionnaireResponse
from patients.actions import withdraw_consent
from patients.models import ConsentRecord, Patient

MESSAGES, PHOTOS = "C2", "C3"
_INTAKE = "hair-loss-intake"  # whose words for messages hold, before whichever visit


def withdraw(patient: Patient, code: str, *, by: Actor, now: datetime) -> bool:
    """Withdraw a consent. Without C2 no message goes out; without C3 nobody is shown the photos and none are taken.

    Returns:
        False if there was none that stands.
    """
    with transaction.atomic():
        done = withdraw_consent(patient, code, by=by, now=now)
        if done and code == PHOTOS:
            for response in QuestionnaireResponse.objects.filter(patient=patient).select_for_update(no_key=True):
                _no_photos(response, by=by, now=now)
    return done


def messages_question() -> tuple[Definition, Question] | None:
    """The consent to messages as it is asked now, with the questionnaire it stands in; None if nothing is published."""
    try:
        definition = Questionnaire.newest(_INTAKE).as_definition
    except IntakeError:
        return None
    question = next((q for q in definition.questions.values() if q.consent == MESSAGES), None)
    return (definition, question) if question else None


def messages_refused(patient: Patient) -> bool:
    """True if the last word on messages was no, or was taken back."""
    latest = ConsentRecord.objects.filter(patient=patient, code=MESSAGES).order_by("given_at", "pk").last()
    return latest is not None and (not latest.decision or latest.withdrawn_at is not None)


def note_messages(patient: Patient, *, by: Actor, now: datetime) -> bool:
    """Record what the patient has just chosen in the words of `messages_question`: yes by these ways, or no.

    Returns:
        False if that is what stands already, or nobody has asked and the answer is no.
    """
    asked = messages_question()
    ways = WAYS.get(patient.reminder_by, "")
    with transaction.atomic():
        Patient.objects.select_for_update().get(pk=patient.pk)
        latest = ConsentRecord.objects.filter(patient=patient, code=MESSAGES).order_by("given_at", "pk").last()
        stands = latest.choice if latest is not None and latest.decision and latest.withdrawn_at is None else ""
        if asked is None or ways == stands:
            return False
        definition, question = asked
        ConsentRecord.objects.create(
            patient=patient,
            code=MESSAGES,
            text_version=f"{definition.slug}|{definition.version}",
            text_sha256=hashlib.sha256(consent_text(question).encode()).hexdigest(),
            language=definition.language,
            decision=bool(ways),
            choice=ways,
            given_by="staff" if by.is_staff else "self",
            how="verbal" if by.is_staff else "web",
            heard_by_id=by.id if by.is_staff else None,
            given_at=now,
        )
        detail = {"code": MESSAGES, "decision": bool(ways)}
        record("patients.give_consent", by=by, now=now, obj=patient, subject_id=patient.pk, detail=detail)
    return True


def _no_photos(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """Withdraw the photos of one response; a draft's own answer becomes no, so that none are asked for."""
    questions = response.definition.questions.values()
    views = [q.link_id for q in questions if q.group == photos.GROUP]
    hidden = response.photos.filter(link_id__in=views, status=Photo.Status.KEPT).update(status=Photo.Status.WITHDRAWN)
    if hidden:
        detail = {"photos": hidden}
        record("intake.withdraw_photos", by=by, now=now, obj=response, subject_id=response.patient_id, detail=detail)
    asked = next((q for q in questions if q.consent == PHOTOS), None)
    if asked is None or not response.is_draft or decrypt(response).answers.get(asked.link_id) != "yes":
        return

    def change(document: Document) -> None:
        document.answers[asked.link_id] = "no"
        note_no(document, response.definition, asked, by=by, now=now)

    save_document(response, change, by=by, now=now, action="intake.withdraw_photos")
