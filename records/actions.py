"""What is deleted with a person: every row and file about them. What stays is the trail, which names rows and nobody.

Nothing is anonymised: a visit without its person is no use to the clinic, and a date, a physician and an age are enough to know
somebody again (ADR 0214).
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection, models, transaction
from django.db.models import Q

from accounts.models import User
from audit.actions import record
from audit.actor import Actor
from booking.models import Appointment, BatchRow, DeskText, WaitlistEntry, WaitlistOffer
from booking.rebooking import hold_key_of
from intake import photos
from intake.actions.photos import purge_files
from intake.corrections import Correction
from intake.models import Photo, QuestionnaireResponse, Review
from notifications.models import CaughtMail, CaughtText, Delivery
from patients.models import ConsentRecord, Helper, LeftAddress, MergeOffer, Patient
from records import keeping, traces
from records.errors import RecordError
from records.people import Person, person_of


@dataclass(frozen=True, slots=True)
class Lot:
    """Rows that go together: what they are called, and which."""

    name: str
    rows: models.QuerySet[Any]


def lots(person: Person) -> list[Lot]:
    """What would be deleted, in the order in which it can be."""
    keys = person.keys
    visits = list(person.visits.values_list("pk", flat=True))
    responses = list(person.responses.values_list("pk", flat=True))
    told = list(traces.messages(person).values_list("pk", flat=True))
    texts = Delivery.objects.filter(message__in=told).values("public_id")
    alone = traces.own_addresses(person)
    mails = Q(pk__in=[]) if not alone else Q(recipient__in=alone)
    users = [row.user_id for row in person.rows if row.user_id]
    holds = [hold_key_of(visit) for visit in Appointment.objects.filter(pk__in=visits)]
    return [
        Lot("texts in the demo's mailbox", CaughtText.objects.filter(Q(delivery_id__in=texts) | mails)),
        Lot("mails in the demo's mailbox", CaughtMail.objects.filter(mails)),
        Lot("messages", traces.messages(person).prefetch_related(None)),
        Lot("texts received", traces.inbound(person)),
        Lot("codes asked for", traces.codes(person)),
        Lot("addresses not used any more", LeftAddress.objects.filter(patient__in=keys)),
        Lot("lost links asked for", traces.lost_links(person)),
        Lot("short texts asked for by the desk", DeskText.objects.filter(appointment__in=visits)),
        Lot("lines of rebooking lists", BatchRow.objects.filter(appointment__in=visits)),
        Lot("corrections", Correction.objects.filter(patient__in=keys)),
        Lot("reviews", Review.objects.filter(response__in=responses)),
        Lot("photos and files", Photo.objects.filter(response__in=responses)),
        Lot("visits and held times", Appointment.objects.filter(Q(pk__in=visits) | Q(hold_key__in=holds))),
        Lot("offers of the waiting list", WaitlistOffer.objects.filter(entry__patient__in=keys)),
        Lot("places on the waiting list", WaitlistEntry.objects.filter(patient__in=keys)),
        Lot("answers", QuestionnaireResponse.objects.filter(pk__in=responses)),
        Lot("consents", ConsentRecord.objects.filter(patient__in=keys)),
        Lot("people who helped", Helper.objects.filter(patient__in=keys)),
        Lot("questions whether two are one", MergeOffer.objects.filter(Q(patient__in=keys) | Q(candidate__in=keys))),
        Lot("patients", Patient.objects.filter(pk__in=keys)),
        Lot("accounts", User.objects.filter(pk__in=users)),
    ]


def erase(person: Person, *, by: Actor, now: datetime) -> dict[str, int]:
    """Delete everything about a person, files included once the transaction is through. Returns how many rows of what.

    Raises:
        RecordError: the record has to be kept, and until when; or it is not there any more.
    """
    with transaction.atomic():
        person = _locked(person)
        if kept := keeping.reasons(person, now=now):
            raise RecordError(" ".join(reason.why for reason in kept))
        row, last, until = person.patient, keeping.last_entry(person), keeping.until(person)
        subject = row.pk if row else None
        _say_how_old(last)
        gone: dict[str, int] = {}
        ids, users = _public_ids(person), [str(row.user_id) for row in person.rows if row.user_id]
        going = [(lot.name, lot.rows.model, list(lot.rows.values_list("pk", flat=True))) for lot in lots(person)]
        for response in person.responses:
            purge_files(response, by=by, now=now, reason="erased")
        _untie(person)
        for name, model, keys in going:
            if keys:
                gone[name] = len(keys)
                model._default_manager.filter(pk__in=keys).delete()
        gone["browser sessions"] = _end_sessions(ids, users)
        gone = {name: count for name, count in gone.items() if count}
        detail = {"rows": gone, "kept_until": until.isoformat() if until else ""}
        record("records.erase", by=by, now=now, obj=row or person.draft, subject_id=subject, detail=detail)
    return gone


def _locked(person: Person) -> Person:
    """The same person as they are now, their rows locked.

    Raises:
        RecordError: nobody is there any more.
    """
    row = person.rows[0] if person.rows else None
    if row is None:
        draft = person.draft
        held = QuestionnaireResponse.objects.select_for_update(of=("self",)).filter(pk=draft.pk if draft else None).first()
        if held is None:
            raise RecordError("That is deleted already.")
        if held.patient_id is None:
            return Person(draft=held)
        row = Patient.objects.get(pk=held.patient_id)
    found = Patient.objects.filter(pk=row.pk).first()
    if found is None:
        raise RecordError("That is deleted already.")
    found = person_of(found).rows[0]
    list(Patient.objects.select_for_update().filter(pk__in=person_of(found).keys).order_by("pk"))
    now_there = person_of(found)
    list(now_there.visits.select_for_update(of=("self",)))
    list(now_there.responses.select_for_update(of=("self",)))
    return now_there


def _say_how_old(last: date | None) -> None:
    """Tell the database that signed reviews of this day and before may go, for this transaction; else it refuses."""
    if last is not None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('truenorth.erase_signed_until', %s, true)", [last.isoformat()])


def _untie(person: Person) -> None:
    """Rows that point at each other in a circle let go."""
    WaitlistEntry.objects.filter(patient__in=person.keys).update(visit=None, response=None)
    Appointment.objects.filter(pk__in=person.visits.values("pk")).update(offer=None, helper=None)
    Patient.objects.filter(pk__in=person.keys).update(merged_into=None, user=None)


def _public_ids(person: Person) -> list[str]:
    """What a browser's session may know this person by."""
    rows: list[models.QuerySet[Any]] = [
        Patient.objects.filter(pk__in=person.keys), person.visits, person.responses,
        WaitlistEntry.objects.filter(patient__in=person.keys), traces.codes(person),
    ]  # fmt: skip
    return [str(key) for found in rows for key in found.values_list("public_id", flat=True)]


def _end_sessions(ids: list[str], users: list[str]) -> int:
    """End browser sessions that name one of these, or are signed in as one of these users."""
    ended = []
    for row in Session.objects.iterator(chunk_size=500):
        known = row.get_decoded()
        if known.get(SESSION_KEY) in users or any(key in str(known) for key in ids):
            ended.append(row.pk)
    Session.objects.filter(pk__in=ended).delete()
    return len(ended)


def files_left(names: list[str]) -> list[str]:
    """Which of these files are still there: a storage may refuse, and then `check_photos` finds them."""
    return [name for name in names if name and photos.store().exists(name)]
