"""How a patient is reached about a visit, and finds back to it: contact, link, questions."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.links import new_link
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed
from booking.actions.write_path import locked, retrying
from booking.links import PURPOSE, PURPOSE_WAITING
from booking.models import Appointment, LinkRequest
from booking.waitlist import ON_LIST
from intake.actions import attach_patient, start_draft
from intake.followup import bring_facts
from intake.models import QuestionnaireResponse
from intake.prefill import offer_last_answers
from patients.actions import update_contact
from patients.models import Patient


@retrying
def change_contact(
    patient: Patient, *, email: str, mobile: str, reminder_by: str, voicemail_ok: bool, by: Actor, now: datetime
) -> Patient:
    """Change how a patient is reached. When an address changes, the links of coming visits do too.

    Whoever reads the old address must not be able to open the visit any more; the next message carries the new link.
    """
    before = (patient.email, patient.e164)
    patient = update_contact(
        patient, email=email, mobile=mobile, reminder_by=reminder_by, voicemail_ok=voicemail_ok, by=by, now=now
    )
    if (patient.email, patient.e164) == before:
        return patient
    for visit in patient.appointments.select_for_update().filter(ends_at__gt=now - timedelta(hours=24)):
        visit.link_generation += 1
        secret = new_link(PURPOSE, visit.public_id, visit.link_generation)
        visit.link_key_id, visit.link_sha256 = secret.key_id, secret.sha256
        visit.version += 1
        visit.save(update_fields=["link_generation", "link_key_id", "link_sha256", "version"])
        record("booking.rotate_link", by=by, now=now, obj=visit, subject_id=patient.pk)
    for entry in patient.waiting.select_for_update().filter(state__in=ON_LIST):
        entry.link_generation += 1
        secret = new_link(PURPOSE_WAITING, entry.public_id, entry.link_generation)
        entry.link_key_id, entry.link_sha256 = secret.key_id, secret.sha256
        entry.version += 1
        entry.save(update_fields=["link_generation", "link_key_id", "link_sha256", "version"])
        record("booking.rotate_link", by=by, now=now, obj=entry, subject_id=patient.pk)
    return patient


@transaction.atomic
def request_link(*, channel: str, address: str, now: datetime) -> None:
    """State that someone asked for the link to a visit. Whether there is one is looked up by the sender, never by the page."""
    request = LinkRequest.objects.create(channel=channel, address=address, asked_at=now)
    record("booking.request_link", by=Actor.anonymous(), now=now, obj=request, detail={"channel": channel})


@retrying
def open_questions(appointment: Appointment, *, by: Actor, now: datetime) -> QuestionnaireResponse:
    """The questionnaire of a visit, for its patient to go on with; a visit that has none yet (booked at the desk) gets a draft.

    Raises:
        NotAllowed: the service asks no questions.
    """
    visit = locked(appointment, None)
    if visit.response is not None:
        offer_last_answers(visit.response, by=by, now=now)
        return visit.response
    if not visit.service.questionnaire or visit.patient is None:
        raise NotAllowed(_("There are no questions before this visit."))
    response = start_draft(visit.service.questionnaire, by=by, now=now)
    attach_patient(response, visit.patient, by=by, now=now)
    bring_facts(response, by=by, now=now)
    offer_last_answers(response, by=by, now=now)
    visit.response = response
    visit.version += 1
    visit.save(update_fields=["response", "version"])
    record("booking.open_questions", by=by, now=now, obj=visit, subject_id=visit.patient_id)
    return response
