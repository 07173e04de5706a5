"""What we learn about whether a patient can be reached: STOP and START from a phone, and mail or texts that came back.

Each raises the patients' `version`, so that a message that is being written at that moment is looked at again before it goes.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import F, QuerySet

from audit import rows
from audit.actions import event, record_all
from audit.actor import Actor
from patients.models import Helper, Patient

# When STOP came from the number `said.mobile`, for a statement in which `said` is a row. It belongs to the number: whoever
# gives the same number has it too, patient or helper.
STOPPED_AT = """greatest(
  (SELECT max(texts_stopped_at) FROM patients_patient WHERE mobile = said.mobile AND mobile <> ''),
  (SELECT max(texts_stopped_at) FROM patients_helper WHERE mobile = said.mobile AND mobile <> ''))"""


def stopped_at(mobile: str) -> datetime | None:
    """When STOP came from this number, or None; see STOPPED_AT."""
    at: datetime | None = rows.fetch(f"SELECT {STOPPED_AT} FROM (SELECT %s::text AS mobile) said", [mobile])[0][0]
    return at


@transaction.atomic
def stop_texts(mobile: str, *, by: Actor, now: datetime) -> int:
    """STOP: nobody at this number gets texts any more; visits stand. Returns how many patients and helpers that changes."""
    helpers = Helper.objects.filter(mobile=mobile, texts_stopped_at=None)
    return _helped(helpers, texts_stopped_at=now) + _mark(
        Patient.objects.filter(mobile=mobile, texts_stopped_at=None), "patients.stop_texts", texts_stopped_at=now, by=by, now=now
    )


@transaction.atomic
def start_texts(mobile: str, *, by: Actor, now: datetime) -> int:
    """START: texts may go to this number again, to those who chose them. Returns how many patients that changes."""
    stopped = Patient.objects.filter(mobile=mobile, texts_stopped_at__isnull=False)
    helpers = Helper.objects.filter(mobile=mobile, texts_stopped_at__isnull=False)
    return _helped(helpers, texts_stopped_at=None) + _mark(stopped, "patients.start_texts", texts_stopped_at=None, by=by, now=now)


@transaction.atomic
def mark_bounced(channel: str, address: str, *, by: Actor, now: datetime) -> int:
    """What was sent there came back for good, so nothing more is sent there until the address changes or a code comes back.

    Args:
        channel: "email" or "text".
    """
    field = "email_bounced_at" if channel == "email" else "mobile_bounced_at"
    there = Patient.objects.reached_at(**{"email" if channel == "email" else "mobile": address})
    at = {"email__iexact": address} if channel == "email" else {"mobile": address}
    helped = _helped(Helper.objects.filter(**at, **{field: None}), **{field: now})
    return helped + _mark(there.filter(**{field: None}), "patients.contact_bounced", by=by, now=now, **{field: now})


def _helped(helpers: QuerySet[Helper], **values: datetime | None) -> int:
    """The same for people who booked for somebody."""
    return helpers.update(**values, version=F("version") + 1)


@transaction.atomic
def _mark(patients: QuerySet[Patient], action: str, *, by: Actor, now: datetime, **values: datetime | None) -> int:
    """Change the rows, each with its event."""
    found = list(patients.select_for_update().order_by("pk"))
    for patient in found:
        for name, value in values.items():
            setattr(patient, name, value)
        patient.version += 1
        patient.save(update_fields=[*values, "version"])
    record_all([event(action, by=by, now=now, obj=patient, subject_id=patient.pk) for patient in found])
    return len(found)
