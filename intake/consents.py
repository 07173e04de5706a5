"""Taking back a consent: the record keeps its date, and what rested on it stops at once. A verb, as in `intake.actions`."""

from datetime import datetime

from django.db import transaction

from audit.actions import record
from audit.actor import Actor
from intake import photos
from intake.actions import note_no
from intake.document import Document, decrypt, save_document
from intake.models import Photo, QuestionnaireResponse
from patients.actions import withdraw_consent
from patients.models import Patient

PHOTOS = "C3"


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
