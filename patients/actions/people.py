"""Who a person is: found or made, their contact, their helper, their account."""

from copy import copy
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import Role, User
from audit import rows
from audit.actions import event, record, record_all
from audit.actor import Actor
from patients.actions import reach
from patients.actions.errors import PatientError
from patients.helpers import HelperContact
from patients.models import ContactCode, Helper, LeftAddress, MergeOffer, Patient
from patients.reachable import ReminderBy


@dataclass(frozen=True, slots=True)
class Contact:
    """Who someone says they are. `mobile` is E.164 or empty; `email` may be empty for callers."""

    first_name: str
    last_name: str
    date_of_birth: date
    preferred_name: str = ""
    email: str = ""
    mobile: str = ""
    reminder_by: str = "text_email"
    voicemail_ok: bool = False


# Since when nobody texts this number, the key that a new patient gets, and who may be the same person: born on that day, and
# reached there or named so.
_KNOWN = f"""
SELECT {reach.STOPPED_AT}, said.next, {rows.columns(Patient, "p")}
FROM
  (SELECT %s::date AS born, lower(%s::text) AS email, %s::text AS mobile, lower(%s::text) AS last, lower(%s::text) AS first,
    {rows.next_key(Patient)} AS next) said
LEFT JOIN patients_patient p ON p.date_of_birth = said.born AND p.merged_into_id IS NULL
  AND ((p.email <> '' AND lower(p.email) = said.email) OR (p.mobile <> '' AND p.mobile = said.mobile)
    OR (lower(p.legal_last_name) = said.last AND lower(p.legal_first_name) = said.first))
ORDER BY p.id LIMIT 20
"""


def identify(
    contact: Contact,
    *,
    checked_channel: str | None,
    mine: int | None = None,
    by: Actor,
    now: datetime,
    into: rows.Together | None = None,
) -> Patient:
    """The patient behind a booking: an existing one only on proof, else a new one.

    A visit joins an existing patient when a code came back from the contact on file **and** the date of birth is the same (and
    the first name, which tells twins apart). Everything less makes a new patient, and where it may be the same person the desk
    gets an offer to merge. Nothing about an existing patient is ever shown or changed without that proof.

    Args:
        checked_channel: "email" or "text" when a code to that contact came back, else None.
        mine: key of the patient that this browser's answers have already, since it joined the waiting list: with the same date of
            birth and first name it is them, and nothing on file changes without a code.
        into: what the caller writes; a new patient's row goes with it, and has its key at once.
    """
    candidates, stopped_at, key = _candidates(contact)
    own = [found for found in candidates if found.pk == mine and found.answers_to(contact.first_name)]
    known = _proven(own or candidates, contact, checked_channel)
    if own and known is None:
        return own[0]
    if known:
        return _refresh(known, contact, checked_channel, stopped_at, by=by, now=now, into=into)
    patient = Patient(
        pk=key,
        legal_first_name=contact.first_name,
        legal_last_name=contact.last_name,
        preferred_name=contact.preferred_name,
        date_of_birth=contact.date_of_birth,
        email=contact.email,
        mobile=contact.mobile,
        reminder_by=contact.reminder_by,
        voicemail_ok=contact.voicemail_ok,
        email_checked_at=now if checked_channel == "email" and contact.email else None,
        mobile_checked_at=now if checked_channel == "text" and contact.mobile else None,
        texts_stopped_at=stopped_at,
        created_at=now,
    )
    writes = into or rows.Together()
    writes.insert([patient])
    detail = {"checked": checked_channel or "", "may_be": len(candidates)}
    record_all([event("patients.create", by=by, now=now, obj=patient, subject_id=key, detail=detail)], into=writes)
    if into is None:
        writes.send()
    if candidates:
        reason = _("Same date of birth and name or contact")
        offers = [MergeOffer(patient=patient, candidate=found, reason=reason, created_at=now) for found in candidates]
        MergeOffer.objects.bulk_create(offers)
    return patient


def shown_by(checked_channel: str | None, contact: Contact, helper: HelperContact | None) -> str | None:
    """The channel by which a code showed that the patient's contact is theirs, for `identify` and `recognise`.

    A code that went to somebody who helps shows nothing about the patient, unless the two share the address, as families do.
    """
    if helper is None:
        return checked_channel
    same = {"email": contact.email.casefold() == helper.email.casefold(), "text": contact.mobile == helper.mobile}
    return checked_channel if checked_channel and same[checked_channel] else None


def recognise(contact: Contact, *, checked_channel: str) -> Patient | None:
    """The patient whom `identify` would join after a code came back by this channel; nothing is changed."""
    return _proven(_candidates(contact)[0], contact, checked_channel)


def _candidates(contact: Contact) -> tuple[list[Patient], datetime | None, int]:
    """Who it may be; since when nobody texts the number given; and the key for nobody whom we know."""
    said = [contact.date_of_birth, contact.email, contact.mobile, contact.last_name, contact.first_name]
    known = rows.fetch(_KNOWN, said)
    stopped_at, key = known[0][:2]
    return [found for row in known if (found := rows.instances(row[2:], Patient)[0]) is not None], stopped_at, key


def _proven(candidates: list[Patient], contact: Contact, checked_channel: str | None) -> Patient | None:
    """Who it is: the contact on file was checked, and date of birth and first name are the same."""
    for patient in candidates:
        email = checked_channel == "email" and contact.email and patient.email.casefold() == contact.email.casefold()
        mobile = checked_channel == "text" and contact.mobile and patient.e164 == contact.mobile
        if (email or mobile) and patient.answers_to(contact.first_name):
            return patient
    return None


def _refresh(
    patient: Patient,
    contact: Contact,
    channel: str | None,
    stopped_at: datetime | None,
    *,
    by: Actor,
    now: datetime,
    into: rows.Together | None,
) -> Patient:
    """Take over how to remind; fill what was empty; never replace a contact on file by an unchecked one.

    Args:
        stopped_at: since when nobody texts the number given.

    Raises:
        rows.Missed: somebody has changed this patient, or merged them into another, since they were read.
    """
    before = {name: getattr(patient, name) for name in _TOLD}
    patient.reminder_by, patient.voicemail_ok = contact.reminder_by, contact.voicemail_ok
    patient.preferred_name = contact.preferred_name or patient.preferred_name
    if contact.email and not patient.email:
        patient.email_since = now
    if contact.mobile and not patient.mobile:
        patient.mobile_since, patient.texts_stopped_at = now, stopped_at
    patient.email, patient.mobile = patient.email or contact.email, patient.mobile or contact.mobile
    if channel == "email":
        patient.email_checked_at, patient.email_bounced_at = now, None
    else:  # Nobody is known without a code.
        patient.mobile_checked_at, patient.mobile_bounced_at = now, None
    patient.version += 1
    as_read = Patient.objects.filter(pk=patient.pk, version=patient.version - 1)
    if not as_read.update(**{name: getattr(patient, name) for name in _REFRESHED}):
        raise rows.Missed("patient")
    detail = {"checked": channel or "", "changed": [name for name in _TOLD if getattr(patient, name) != before[name]]}
    told = event("patients.refresh", by=by, now=now, obj=patient, subject_id=patient.pk, detail=detail)
    record_all([told], into=into)
    return patient


_TOLD = ("reminder_by", "voicemail_ok", "preferred_name", "email", "mobile")
_REFRESHED = (
    *_TOLD, "version", "email_since", "email_checked_at", "email_bounced_at", "mobile_since", "mobile_checked_at",
    "mobile_bounced_at", "texts_stopped_at",
)  # fmt: skip


@transaction.atomic
def update_contact(
    patient: Patient,
    *,
    email: str | None = None,
    mobile: str | None = None,
    reminder_by: str | None = None,
    voicemail_ok: bool | None = None,
    checked: str = "",
    version: int | None = None,
    by: Actor,
    now: datetime,
) -> Patient:
    """Change how a patient is reached; None leaves what is on file.

    A changed address is unchecked until a code comes back from it; the one before is told (`leave`).

    Args:
        checked: "email" or "text" when a code to that new address came back just now.
        version: the patient's as it was shown to whoever changes it; None where nothing on file was shown to be typed over.

    Raises:
        PatientError: the details changed since they were shown.
    """
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    if version not in (None, patient.version):
        raise PatientError(_("These details changed a moment ago. Look at them, then save again"))
    email, mobile = patient.email if email is None else email, patient.e164 if mobile is None else mobile
    reminder_by = patient.reminder_by if reminder_by is None else reminder_by
    voicemail_ok = patient.voicemail_ok if voicemail_ok is None else voicemail_ok
    changed = [
        name
        for name, old, new in (
            ("email", patient.email, email),
            ("mobile", patient.e164, mobile),
            ("reminder_by", patient.reminder_by, reminder_by),
            ("voicemail_ok", patient.voicemail_ok, voicemail_ok),
        )
        if old != new
    ]
    if not changed:
        return patient
    before = copy(patient)
    if email.casefold() != before.email.casefold():
        patient.email_since = now
    if "email" in changed:
        patient.email_checked_at, patient.email_bounced_at = now if checked == "email" else None, None
    if "mobile" in changed:
        patient.mobile_since = now
        patient.mobile_checked_at, patient.mobile_bounced_at = now if checked == "text" else None, None
        patient.texts_stopped_at = reach.stopped_at(mobile)
    patient.email, patient.mobile, patient.reminder_by, patient.voicemail_ok = email, mobile, reminder_by, voicemail_ok
    patient.version += 1
    patient.save()
    leave(before, patient, patient=patient, now=now)
    record("patients.update_contact", by=by, now=now, obj=patient, subject_id=patient.pk, detail={"changed": changed})
    return patient


def leave(before: Patient | Helper, reader: Patient | Helper, *, patient: Patient, now: datetime) -> None:
    """State which addresses of `before`, who heard about a patient's visits, are not those of `reader`, who does from now on.

    Not one that cannot be written to, or that was on file for less than a message rests: nobody there has heard from us. Nor
    where phone calls only were wanted: whoever else reads there is not to learn that there are visits. What is wanted from now
    on does not count: whoever takes an address over could want that nobody is told.
    """
    if before.reminder_by == ReminderBy.PHONE:
        return
    gone = [("email", before.email, before.email_since)]
    gone = gone if before.can_email and before.email.casefold() != reader.email.casefold() else []
    gone += [("text", before.e164, before.mobile_since)] if before.can_text and before.e164 != reader.e164 else []
    rested = now - timedelta(seconds=settings.MESSAGE_GRACE_SECONDS)
    for channel, address, since in gone:
        # One that was left before, and used again since, has heard from us; if it was just now, its word is still to go.
        left = patient.left_addresses.filter(channel=channel, address__iexact=address).aggregate(at=Max("left_at"))["at"]
        heard = (since or before.created_at) <= rested if left is None else left <= rested
        if heard:
            LeftAddress.objects.create(patient=patient, channel=channel, address=address, left_at=now)


def add_helper(patient: Patient, helper: HelperContact, *, checked_channel: str | None, now: datetime) -> Helper:
    """Keep who booked for a patient, beside the patient's own contact and never in its place."""
    return Helper.objects.create(
        patient=patient,
        name=helper.name,
        relation=helper.relation,
        email=helper.email,
        mobile=helper.mobile,
        reminder_by=helper.reminder_by,
        voicemail_ok=helper.voicemail_ok,
        gets_messages=helper.gets_messages,
        email_checked_at=now if checked_channel == "email" else None,
        mobile_checked_at=now if checked_channel == "text" else None,
        texts_stopped_at=reach.stopped_at(helper.mobile),
        created_at=now,
    )


@transaction.atomic
def update_helper(helper: Helper, *, reminder_by: str, voicemail_ok: bool, by: Actor, now: datetime) -> Helper:
    """Change how somebody who booked for a patient is reached about that visit."""
    helper = Helper.objects.select_for_update().get(pk=helper.pk)
    helper.reminder_by, helper.voicemail_ok = reminder_by, voicemail_ok
    helper.version += 1
    helper.save(update_fields=["reminder_by", "voicemail_ok", "version"])
    record("patients.update_contact", by=by, now=now, obj=helper, detail={"changed": ["reminder_by"]})
    return helper


def reached_by(code: ContactCode, born: date) -> list[Patient]:
    """Whoever has the contact that a code came back from on file, and was born on that day. Twins are two."""
    there = {"email": code.address} if code.channel == "email" else {"mobile": code.address}
    return list(Patient.objects.current().reached_at(**there).filter(date_of_birth=born).select_related("user")[:10])


@transaction.atomic
def open_account(patient: Patient, code: ContactCode, *, by: Actor, now: datetime) -> User:
    """The account of a patient whose contact on file sent a code back; made at the first sign-in. It has no password.

    The address the user row is filed under is nobody's: people sign in with the contact on their record, which families share.

    Raises:
        PatientError: the code did not come back from the contact on file.
    """
    patient = rows.locked(Patient.objects.select_related("user"), pk=patient.pk)
    on_file = patient.email.casefold() if code.channel == "email" else patient.e164
    if code.used_at is None or code.address.casefold() != on_file:
        raise PatientError(_("That code does not match. Check the newest text"))
    if code.channel == "email":
        patient.email_checked_at = now
    else:
        patient.mobile_checked_at = now
    if patient.user is None:
        patient.user = User.objects.create_user(f"{patient.public_id}@patient.invalid", None, role=Role.PATIENT)
        record("patients.open_account", by=by, now=now, obj=patient, subject_id=patient.pk)
    patient.save(update_fields=["user", "email_checked_at", "mobile_checked_at"])
    return patient.user
