"""Asking for a correction, and answering."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from audit.actions import event, record, record_all
from audit.actor import Actor
from intake.corrections import Correction
from intake.errors import IntakeError
from patients.models import Patient

OPEN_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class Said:
    """A correction as it is read."""

    row: Correction
    asked: str
    answer: str


@transaction.atomic
def ask_correction(patient: Patient, *, about: str, text: str, by: Actor, now: datetime) -> Correction:
    """State that a patient wants something corrected. Nothing on the record changes by it.

    Raises:
        IntakeError: ten are waiting for an answer already.
    """
    if Correction.objects.filter(patient=patient).open().count() >= OPEN_AT_ONCE:
        raise IntakeError(_("You have asked several times and we have not answered yet. Call us, and we will go through it."))
    row = Correction(patient=patient, about=about, asked_at=now)
    row.seal(asked=text)
    row.save()
    record("intake.ask_correction", by=by, now=now, obj=row, subject_id=patient.pk, detail={"about": about})
    return row


@transaction.atomic
def answer_correction(correction: Correction, *, made: bool, answer: str, by: Actor, now: datetime) -> Correction:
    """Say what became of it: corrected, or not and why. Once.

    Raises:
        IntakeError: somebody answered already.
    """
    row = Correction.objects.select_for_update().get(pk=correction.pk)
    if row.answered_at is not None:
        raise IntakeError(_("This was already answered."))
    row.seal(asked=row.texts()[0], answer=answer)
    row.made, row.answered_at, row.answered_by = made, now, User.objects.filter(pk=by.id).first()
    row.save()
    record("intake.answer_correction", by=by, now=now, obj=row, detail={"made": made})
    return row


@transaction.atomic
def read_corrections(rows: Iterable[Correction], *, by: Actor, now: datetime) -> list[Said]:
    """The texts, each reading in the trail."""
    found = list(rows)
    record_all([event("intake.read_correction", by=by, now=now, obj=row) for row in found])
    return [Said(row, *row.texts()) for row in found]
