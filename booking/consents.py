"""Consents from a visit's own page: what was agreed to and when, and taking it back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from booking.models import Appointment
from intake.consents import withdraw as withdraw_consent

COLLECTION = "C1"


def withdraw(appointment: Appointment, code: str, *, by: Actor, now: datetime) -> bool:
    """Withdraw a consent of the visit's patient. Without C1 the desk is asked to call: what was sent has to be talked about.

    Returns:
        False if there was none that stands.
    """
    with transaction.atomic():
        visit = Appointment.objects.select_for_update(of=("self",)).select_related("patient").get(pk=appointment.pk)
        assert visit.patient is not None
        if not withdraw_consent(visit.patient, code, by=by, now=now):
            return False
        if code == COLLECTION:
            visit.needs_call, visit.call_reason = True, _("Took back the agreement to the form")[:40]
            visit.version += 1
            visit.save(update_fields=["needs_call", "call_reason", "version"])
            record("booking.ask_to_call", by=by, now=now, obj=visit, subject_id=visit.patient_id, detail={"reason": code})
    return True
