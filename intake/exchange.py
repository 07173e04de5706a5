"""What goes out as FHIR: rows opened, audited, and handed to `intake.fhir`."""

from datetime import datetime
from typing import Any

from django.conf import settings

from audit.actor import Actor
from intake import engine, fhir
from intake.document import open_document
from intake.errors import IntakeError
from intake.models import Photo, Questionnaire, QuestionnaireResponse
from intake.texts import filled


def find_questionnaire(slug: str, version: str = "") -> Questionnaire:
    """A published version; the newest without one.

    Raises:
        IntakeError: it is not published.
    """
    if not version:
        return Questionnaire.newest(slug)
    found = Questionnaire.objects.filter(slug=slug, version=version).first()
    if found is None:
        raise IntakeError(f"There is no published questionnaire {slug} {version}.")
    return found


def questionnaire_json(row: Questionnaire, *, as_asked: bool = False) -> dict[str, Any]:
    """A published version as an R4 Questionnaire; `as_asked` with the clinic's name and number in the wording."""
    made = fhir.to_questionnaire(row.as_definition, base=settings.SITE_URL, say=filled if as_asked else None)
    return made | {"date": row.published_at.date().isoformat()}


def response_json(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> dict[str, Any]:
    """A response as an R4 QuestionnaireResponse. The read is in the trail before anything is decrypted.

    Amended, it holds what was said last, as R4 means it: with the time of that, and without the signature, which is of what was
    sent.
    """
    document = open_document(response, by=by, now=now, purpose="fhir")
    amended = any(entry.get("values") for entry in document.addenda)
    sent_at = response.saved_at if amended else response.completed_at or response.saved_at
    return fhir.to_response(
        response.definition,
        engine.calc(response.definition, document.latest, response.today) if amended else document.answers,
        base=settings.SITE_URL,
        public_id=str(response.public_id),
        status=response.status,
        authored=sent_at.isoformat(),
        patient=str(response.patient.public_id) if response.patient else "",
        signed=None if amended else document.signed,
        files=_files(response),
        say=filled,
    )


def _files(response: QuestionnaireResponse) -> dict[str, list[dict[str, Any]]]:
    """That there are photos and documents, and what they are; the files themselves stay sealed here."""
    found: dict[str, list[dict[str, Any]]] = {}
    for photo in response.photos.filter(status=Photo.Status.KEPT).order_by("position", "pk"):
        kind = "application/pdf" if photo.is_pdf else "image/jpeg"
        about = {
            "contentType": kind,
            "size": photo.size,
            "title": str(photo.public_id),
            "creation": photo.received_at.isoformat(),
        }
        found.setdefault(photo.link_id, []).append(about)
    return found
