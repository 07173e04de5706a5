"""Consents on a patient's file: which stand, taken back, and the one to be reminded of care."""

import hashlib
from datetime import datetime

from django.db import transaction

from audit.actions import record
from audit.actor import Actor
from patients.care import CARE, VERSION, agreed_to_care, care_wording
from patients.models import ConsentRecord, Patient, ReminderBy


def consents_of(patient: Patient) -> list[ConsentRecord]:
    """The latest decision on each consent, in the order of the codes."""
    return list(ConsentRecord.objects.filter(patient=patient).order_by("code", "-given_at", "-pk").distinct("code"))


@transaction.atomic
def withdraw_consent(patient: Patient, code: str, *, by: Actor, now: datetime) -> bool:
    """Take back a consent; the records keep when it was given. Without C2 the patient is phoned, never written to.

    Returns:
        False if none was given that still stands.
    """
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    stands = ConsentRecord.objects.filter(patient=patient, code=code, decision=True, withdrawn_at=None)
    if not stands.update(withdrawn_at=now):
        return False
    if code == "C2":
        patient.reminder_by = ReminderBy.PHONE
    patient.version += 1
    patient.save()
    record("patients.withdraw_consent", by=by, now=now, obj=patient, subject_id=patient.pk, detail={"code": code})
    return True


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
        patient=locked, code=CARE, text_version=VERSION, text_sha256=hashlib.sha256(words.encode()).hexdigest(),
        decision=True, choice="email", given_by="staff" if by.is_staff else "self", how="verbal" if by.is_staff else "web",
        heard_by_id=by.id if by.is_staff else None, given_at=now,
    )  # fmt: skip
    locked.version += 1
    locked.save(update_fields=["version"])
    record("patients.give_consent", by=by, now=now, obj=locked, subject_id=locked.pk, detail={"code": CARE, "decision": True})
    return True
