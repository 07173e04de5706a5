"""Answers that wait for a physician, and what is sent from the page of a review."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from booking.models import Appointment
from intake.document import decrypt, put
from intake.models import Photo, QuestionnaireResponse
from patients.models import Patient
from tests.factories import PASSWORD

IN_PERSON = {"do": "sign", "version": "0", "outcome": "in-person", "note": "Look at the temples", "password": PASSWORD}


def url_of(visit: Appointment) -> str:
    return f"/md/review/{visit.public_id}/"


def names(page: Any) -> list[str]:
    """Who stands in the queue, from the top."""
    return [entry.response.patient.legal_last_name for entry in page.context["entries"]]


def flag(response: QuestionnaireResponse, code: str = "U04", severity: str = "urgent", evidence: Sequence[str] = ()) -> None:
    """As if an answer had raised it."""
    document = decrypt(response)
    document.flags["found"] = [
        {
            "code": code,
            "severity": severity,
            "topic": "t",
            "message": "Look soon",
            "acknowledge": True,
            "evidence": list(evidence),
        }
    ]
    put(response, document)
    response.urgent_flags = 1
    response.save()


def another(response: QuestionnaireResponse, patient: Patient, *, days: int = 0, **answers: Any) -> QuestionnaireResponse:
    """The same answers, sent by somebody else or so many days earlier; with one photo."""
    document, before = decrypt(response), timedelta(days=days)
    document.answers |= answers
    copy = QuestionnaireResponse.objects.get(pk=response.pk)
    copy.pk, copy.public_id, copy.patient, copy._state.adding = None, uuid4(), patient, True
    copy.started_at, copy.completed_at = response.started_at - before, response.completed_at - before
    put(copy, document)
    copy.save()
    photo(copy)
    return copy


def photo(response: QuestionnaireResponse) -> None:
    """A row without a file: nobody opens it here."""
    Photo.objects.create(
        response=response, link_id="photo_crown", kind="image", received_at=response.completed_at, size=5, name=uuid4().hex,
        key_id="k", width=10, height=10,
    )  # fmt: skip
