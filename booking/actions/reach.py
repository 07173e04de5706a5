"""How a patient is reached about a visit, and finds back to it: contact, link, questions."""

from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions import remove_passkey
from accounts.links import new_link
from accounts.signin import end_sessions
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed
from booking.actions.write_path import locked, retrying, save_call
from booking.links import PURPOSE, PURPOSE_WAITING
from booking.models import OPEN, TOOK_BACK, Appointment, LinkRequest
from booking.waitlist import ON_LIST, WaitlistEntry
from booking.words import no_way
from intake.actions import (
    attach_patient,
    bring_facts,
    hand_over,
    later,
    note_messages,
    offer_last_answers,
    start_draft,
    take_over,
    withdraw,
)
from intake.models import QuestionnaireResponse
from patients.actions import add_helper, leave, update_contact
from patients.helpers import HelperContact
from patients.models import Patient

_COLLECTION = "C1"  # the consent without which what was sent has to be talked about


@retrying
def name_helper(
    appointment: Appointment, helper: HelperContact, *, version: int | None = None, by: Actor, now: datetime
) -> Appointment:
    """Somebody else called for the patient: who, and whether they hear of this visit. The patient's own contact stays as it is.

    Raises:
        Stale: the visit changed since it was shown.
        NotAllowed: it is over, or was cancelled.
    """
    visit = locked(appointment, version)
    if visit.patient is None or visit.status not in OPEN:
        raise NotAllowed(_("That visit is over or cancelled."))
    before = visit.helper
    visit.helper = add_helper(visit.patient, helper, checked_channel=None, now=now)
    visit.version += 1
    if before is not None and before.gets_messages and (before.email, before.e164) != (helper.email, helper.mobile):
        another_link(visit, PURPOSE, by=by, now=now)  # who was told before is not the one who is told now
        for entry in visit.waiting.select_for_update().filter(state__in=ON_LIST):
            another_link(entry, PURPOSE_WAITING, by=by, now=now)
            entry.version += 1
            entry.save(update_fields=["version", *_LINK])
        leave(before, visit.reach or visit.patient, patient=visit.patient, now=now)
    visit.save(update_fields=["helper", "version", *_LINK])
    record("booking.name_helper", by=by, now=now, obj=visit)
    return visit


_LINK = ("link_generation", "link_key_id", "link_sha256")


def another_link(row: Appointment | WaitlistEntry, purpose: str, *, by: Actor, now: datetime) -> None:
    """A link in place of the one before, which is dead; the caller saves the row."""
    row.link_generation += 1
    secret = new_link(purpose, row.public_id, row.link_generation)
    row.link_key_id, row.link_sha256 = secret.key_id, secret.sha256
    record("booking.rotate_link", by=by, now=now, obj=row)


@retrying
def change_contact(
    patient: Patient, *, version: int | None = None, checked: str = "", by: Actor, now: datetime, **reach: Any
) -> Patient:
    """Change how a patient is reached. When an address changes, the links of coming visits do too.

    Whoever reads the old address must not be able to open the visit any more; the next message carries the new link. When the
    clinic changes it, the patient's own sign-ins end as well, and the passkeys made in them: they may be somebody else's.

    Args:
        reach: email, mobile, reminder_by, voicemail_ok; what is left out stays.
        version, checked: as for `update_contact`.

    Raises:
        PatientError: as for `update_contact`.
    """
    held = Patient.objects.select_for_update().get(pk=patient.pk)
    before = (held.email, held.e164)
    patient = update_contact(patient, **reach, checked=checked, version=version, by=by, now=now)
    if (patient.email, patient.e164) == before:
        return patient
    if by.is_staff and patient.user is not None:
        end_sessions(patient.user)
        for key in Authenticator.objects.filter(user=patient.user):
            remove_passkey(key, by=by, now=now)
    for visit in patient.appointments.select_for_update().filter(ends_at__gt=now - timedelta(hours=24)):
        another_link(visit, PURPOSE, by=by, now=now)
        visit.version += 1
        visit.save(update_fields=["version", *_LINK])
    for entry in patient.waiting.select_for_update().filter(state__in=ON_LIST):
        another_link(entry, PURPOSE_WAITING, by=by, now=now)
        entry.version += 1
        entry.save(update_fields=["version", *_LINK])
    later.end_links(patient)
    return patient


@transaction.atomic
def request_link(*, channel: str, address: str, now: datetime) -> None:
    """State that someone asked for the link to a visit. Whether there is one is looked up by the sender, never by the page."""
    request = LinkRequest.objects.create(channel=channel, address=address, asked_at=now)
    record("booking.request_link", by=Actor.anonymous(), now=now, obj=request, detail={"channel": channel})


@retrying
def open_questions(appointment: Appointment, *, by: Actor, now: datetime) -> QuestionnaireResponse:
    """The questionnaire of a visit, to go on with: for its patient, or for the desk with the patient. One that is not there yet
    is begun.

    The patient takes over what the desk has begun. The desk opens what it has begun itself, and is offered nothing of earlier
    answers; facts for a check-in are brought by the system, unseen.

    Raises:
        NotAllowed: the service asks no questions, or the patient has begun them; the text may be shown.
    """
    visit = locked(appointment, None)
    response = visit.response
    if by.is_staff and visit.status not in OPEN:
        raise NotAllowed(_("This visit is over or cancelled."))
    if response is None:
        if not visit.service.questionnaire or visit.patient is None:
            raise NotAllowed(_("There are no questions before this visit."))
        response = start_draft(visit.service.questionnaire, by=by, now=now)
        attach_patient(response, visit.patient, by=by, now=now)
        bring_facts(response, by=Actor.system() if by.is_staff else by, now=now)
        visit.response = response
        visit.version += 1
        visit.save(update_fields=["response", "version"])
        record("booking.open_questions", by=by, now=now, obj=visit)
    elif by.is_staff and not response.is_at_desk:
        raise NotAllowed(_("The patient has begun these questions, so only the patient can see them. Send them the link."))
    elif response.is_at_desk and not by.is_staff:
        take_over(response, by=by, now=now)
    if not by.is_staff:
        offer_last_answers(response, by=by, now=now)
    return response


@retrying
def hand_over_questions(appointment: Appointment, *, by: Actor, now: datetime) -> list[str]:
    """The desk gives the questions it began to the patient, who gets the link. Returns the channels it goes by.

    Raises:
        NotAllowed: there is no way to send it, or nothing in the desk's hands; the text may be shown.
    """
    visit = locked(appointment, None)
    response, patient = visit.response, visit.patient
    if response is None or patient is None or not response.is_at_desk:
        raise NotAllowed(_("These questions are not in your hands any more."))
    ways = [("text", patient.e164)] if patient.wants_text else []
    ways += [("email", patient.email)] if patient.wants_email else []
    if not ways:
        raise NotAllowed(no_way(patient))
    hand_over(response, ways, by=by, now=now)
    return [channel for channel, _address in ways]


@retrying
def choose_ways(patient: Patient, *, agreed: bool, by: Actor, now: datetime, **reach: Any) -> Patient:
    """How a patient is reached from now on; with `agreed`, the choice was made in the words of the consent and is recorded.

    Args:
        reach: as for `change_contact`, which also says what is raised.
    """
    patient = change_contact(patient, **reach, by=by, now=now)
    if agreed:
        note_messages(patient, by=by, now=now)
    return patient


@retrying
def withdraw_consent(appointment: Appointment, code: str, *, by: Actor, now: datetime) -> bool:
    """Withdraw a consent of the visit's patient. Without C1 the desk is asked to call: what was sent has to be talked about.

    Returns:
        False if there was none that stands.
    """
    patient = Patient.objects.get(appointments=appointment.pk)
    if not withdraw(patient, code, by=by, now=now):  # the patient is locked before a visit, as in `change_contact`
        return False
    if code == _COLLECTION:
        visit = locked(appointment, None)
        visit.add_call(_(TOOK_BACK))
        save_call(visit)
        record("booking.ask_to_call", by=by, now=now, obj=visit, detail={"reason": code})
    return True
