"""Consents from a visit's own page: what was agreed to and when, and taking it back."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit import rows
from audit.actions import record
from audit.actor import Actor
from booking.actions import change_contact
from booking.models import Appointment
from intake.actions import consent_wording
from intake.consents import messages_question, note_messages
from intake.consents import withdraw as withdraw_consent
from patients.models import Patient

COLLECTION = "C1"


def messages_wording() -> tuple[str, str] | None:
    """The question and the note of the consent to messages, as every page shows them; None if nothing is published."""
    asked = messages_question()
    return consent_wording(asked[1]) if asked else None


def choose_ways(patient: Patient, *, agreed: bool, by: Actor, now: datetime, **reach: Any) -> Patient:
    """How a patient is reached from now on; with `agreed`, the choice was made in the words of the consent and is recorded.

    Args:
        reach: as for `booking.actions.change_contact`, which also says what is raised.
    """
    with transaction.atomic():
        patient = change_contact(patient, **reach, by=by, now=now)
        if agreed:
            note_messages(patient, by=by, now=now)
    return patient


def withdraw(appointment: Appointment, code: str, *, by: Actor, now: datetime) -> bool:
    """Withdraw a consent of the visit's patient. Without C1 the desk is asked to call: what was sent has to be talked about.

    Returns:
        False if there was none that stands.
    """
    with transaction.atomic():
        visit = rows.locked(Appointment.objects.select_related("patient"), pk=appointment.pk)
        assert visit.patient is not None
        if not withdraw_consent(visit.patient, code, by=by, now=now):
            return False
        if code == COLLECTION:
            visit.add_call(_("Took back the agreement to the form"))
            visit.version += 1
            visit.save(update_fields=["needs_call", "call_reason", "version"])
            record("booking.ask_to_call", by=by, now=now, obj=visit, subject_id=visit.patient_id, detail={"reason": code})
    return True
