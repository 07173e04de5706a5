"""The consent to be reminded of care that is due, apart from messages about a visit that is booked. Never taken for granted."""

import hashlib
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from patients.actions import withdraw_consent
from patients.models import ConsentRecord, Patient

CARE = "C8"
_VERSION = "care-reminders|1"


def care_wording() -> tuple[str, str]:
    """What is agreed to, and what is said beside it. Both are hashed into the record; a new wording needs a new version."""
    return (
        _("Email me once when it may be time for a review and nothing is booked"),
        _("It says when we last met, never why. Every such email has a link that ends them; so does this box."),
    )


def agreed_to_care(patient: Patient) -> bool:
    """True while the consent stands."""
    return ConsentRecord.objects.filter(patient=patient, code=CARE, decision=True, withdrawn_at=None).exists()


@transaction.atomic
def choose_care(patient: Patient, yes: bool, *, by: Actor, now: datetime) -> bool:
    """Give the consent, or take it back. False if that is what stands already.

    The patient's version goes up, so that a reminder being written at that moment is looked at again.
    """
    locked = Patient.objects.select_for_update().get(pk=patient.pk)
    if agreed_to_care(locked) == yes:
        return False
    if not yes:
        return withdraw_consent(locked, CARE, by=by, now=now)
    words = "\n".join(care_wording())
    ConsentRecord.objects.create(
        patient=locked, code=CARE, text_version=_VERSION, text_sha256=hashlib.sha256(words.encode()).hexdigest(),
        decision=True, choice="email", given_by="staff" if by.is_staff else "self", how="verbal" if by.is_staff else "web",
        heard_by_id=by.id if by.is_staff else None, given_at=now,
    )  # fmt: skip
    locked.version += 1
    locked.save(update_fields=["version"])
    record("patients.give_consent", by=by, now=now, obj=locked, subject_id=locked.pk, detail={"code": CARE, "decision": True})
    return True
