"""Texts that come in: taken once, read later, acted on, answered. Whatever is not plain needs a person at the desk.

`take` is all a webhook does. `handle` runs in the next round: C confirms the visit that was asked about, STOP and START are
kept with the patient, and everything else waits on /desk/messages/. Each answer goes through the outbox like any message.
"""

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts import limits
from audit.actions import record
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Status, WaitlistOffer
from booking.waitlist import OfferState
from intake.actions.rotation import Rotated
from intake.crypto import newest_key_id, seal, unseal
from intake.errors import IntakeError
from notifications import channels, planner
from notifications.kinds import ASKS, OPT_OUT_ANSWERS, TEXT
from notifications.meaning import MAY_MEAN_THE_VISIT, meaning_of, words_of
from notifications.models import TOLD, Delivery, Inbound, Meaning, Message, Subject
from patients import actions as people
from patients.models import Helper, Patient

log = logging.getLogger(__name__)
BATCH = 100
LONGEST = 1600
LABEL = "inbound text"
ANSWERS_AN_HOUR = 6  # to one number: two machines must not talk to each other all night
KEPT = timedelta(days=90)  # the words; what they meant stays


@dataclass(frozen=True, slots=True)
class Understood:
    """What a text came to: the visit it is about, the kind of answer, and whether a person must look."""

    answer: str = ""
    visit: Appointment | None = None
    patient_id: int | None = None
    needs_person: bool = False


def take(provider: str, provider_id: str, sender: str, body: str, *, now: datetime) -> None:
    """Keep a text that came in, once, and read it later.

    Args:
        provider_id: the provider's id of it; a text that is handed over twice is one row.
        sender: the number, as E.164.
    """
    public_id = uuid.uuid4()
    key_id, sealed = seal(body[:LONGEST].encode(), label=LABEL, owner=public_id)
    row = Inbound(
        public_id=public_id, provider=provider, provider_id=provider_id[:64], sender=sender[:20], sealed=sealed, key_id=key_id,
        received_at=now,
    )  # fmt: skip
    Inbound.objects.bulk_create([row], ignore_conflicts=True)


def body_of(inbound: Inbound) -> str:
    """The words, decrypted. Whoever shows them writes that into the trail first."""
    if not inbound.sealed:
        return ""
    return unseal(inbound.sealed, key_id=inbound.key_id, label=LABEL, owner=inbound.public_id).decode()


def handle(*, now: datetime) -> int:
    """Read what came in since. Returns how many texts; one that cannot be handled waits for a person."""
    done = 0
    for inbound in Inbound.objects.filter(handled_at=None).order_by("pk")[:BATCH]:
        try:
            done += _handle(inbound, now=now)
        except Exception:
            log.exception("a text that came in could not be handled: %s", inbound.public_id)
            Inbound.objects.filter(pk=inbound.pk, handled_at=None).update(
                handled_at=now, meaning=Meaning.OTHER, needs_person=True
            )
    return done


@transaction.atomic
def _handle(inbound: Inbound, *, now: datetime) -> bool:
    """One text: act, note what it was, plan the answer; all of it or nothing."""
    row = Inbound.objects.select_for_update(skip_locked=True).filter(pk=inbound.pk, handled_at=None).first()
    if row is None:
        return False  # another round has it
    body = body_of(row)
    row.meaning = meaning_of(body)
    found = _ACT[Meaning(row.meaning)](row, body, now)
    row.handled_at, row.needs_person = now, found.needs_person
    row.visit_id = found.visit.pk if found.visit else None
    row.save(update_fields=["meaning", "handled_at", "needs_person", "visit_id"])
    record(
        "notifications.reply", by=Actor.patient(found.patient_id), now=now, obj=found.visit or row, subject_id=found.patient_id,
        detail={"meaning": row.meaning},
    )  # fmt: skip
    by_provider = found.answer in OPT_OUT_ANSWERS and channels.provider_answers_keywords()
    if (
        found.answer
        and not by_provider
        and limits.hit(f"answer:{row.sender}", limit=ANSWERS_AN_HOUR, window=timedelta(hours=1), now=now)
    ):
        planner.plan_answer(row, found.answer, found.visit, now=now)
    return True


# --- What each meaning leads to -----------------------------------------------------------------------------------------


def _confirm(row: Inbound, body: str, now: datetime) -> Understood:
    """The visit that this number was asked about, if there is exactly one. Two children, one C: a person asks which."""
    asked = visits_told(row.sender, now=now, kinds=ASKS) or visits_told(row.sender, now=now)
    open_ones = [visit for visit in asked if visit.status == Status.BOOKED] or asked
    if len(open_ones) != 1 or offers_told(row.sender, now=now):  # A yes to an offer is no yes to the visit they have.
        return _person(row, body, now)
    visit = open_ones[0]
    try:
        visit = actions.confirm(visit, by=Actor.patient(visit.patient_id), now=now, version=visit.version)
    except actions.BookingError:
        return _person(row, body, now)
    return Understood("confirmed", visit, visit.patient_id)


def _pass(row: Inbound, body: str, now: datetime) -> Understood:
    """N passes on the time that was offered to this number, if there is exactly one. The page of its link says the same."""
    offered = offers_told(row.sender, now=now)
    if len(offered) != 1:
        return _person(row, body, now)
    patient_id = offered[0].entry.patient_id
    actions.decline(offered[0], by=Actor.patient(patient_id), now=now)
    return Understood(patient_id=patient_id)


def _stop(row: Inbound, body: str, now: datetime) -> Understood:
    """No more texts to this number. "Cancel" stops texts on every network, but may be meant for the visit: a person asks."""
    people.stop_texts(row.sender, by=Actor.patient(None), now=now)
    visit = next(iter(visits_told(row.sender, now=now)), None)
    meant_more = visit is not None and bool(MAY_MEAN_THE_VISIT & set(words_of(body)))
    return Understood("texts_off", visit if meant_more else None, _only(row.sender), needs_person=meant_more)


def _start(row: Inbound, body: str, now: datetime) -> Understood:
    people.start_texts(row.sender, by=Actor.patient(None), now=now)
    return Understood("texts_on", None, _only(row.sender))


def _help(row: Inbound, body: str, now: datetime) -> Understood:
    return Understood("help", None, _only(row.sender))


def _person(row: Inbound, body: str, now: datetime) -> Understood:
    told = visits_told(row.sender, now=now)
    visit = told[0] if len(told) == 1 else None
    return Understood("not_read", visit, visit.patient_id if visit else _only(row.sender), needs_person=True)


_ACT = {
    Meaning.CONFIRM: _confirm,
    Meaning.PASS: _pass,
    Meaning.STOP: _stop,
    Meaning.START: _start,
    Meaning.HELP: _help,
    Meaning.OTHER: _person,
}


def _only(mobile: str) -> int | None:
    """The patient with this number, if there is one and no more."""
    found = list(Patient.objects.current().filter(mobile=mobile).values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


def visits_told(mobile: str, *, now: datetime, kinds: frozenset[str] | None = None) -> list[Appointment]:
    """Coming visits that this number hears about, of which a text has told the time they have now.

    A visit that has moved since is not among them: C must not confirm a time that the text did not say.

    Args:
        kinds: only if it was a text of one of these kinds.
    """
    text_left = Delivery.objects.filter(message=OuterRef("pk"), channel=TEXT, state__in=TOLD)
    told = Message.objects.filter(
        Exists(text_left), subject_type=Subject.VISIT, subject_id=OuterRef("pk"), sequence=OuterRef("ics_sequence")
    )
    if kinds is not None:
        told = told.filter(kind__in=kinds)
    helper_hears = Q(helper__mobile=mobile, helper__gets_messages=True)
    patient_hears = Q(Q(helper=None) | Q(helper__gets_messages=False), patient__mobile=mobile)
    coming = Appointment.objects.upcoming(now).filter(helper_hears | patient_hears, Exists(told))
    return list(coming.select_related("patient", "practitioner", "service").order_by("starts_at"))


def offers_told(mobile: str, *, now: datetime) -> list[WaitlistOffer]:
    """Times of the waiting list that are offered to whoever has this number right now."""
    live = WaitlistOffer.objects.filter(state=OfferState.OPEN, expires_at__gt=now, offered_at__lte=now).with_reach()
    there = Q(entry__patient__mobile=mobile) | Q(entry__helper__mobile=mobile) | Q(entry__visit__helper__mobile=mobile)
    return [made for made in live.filter(there) if made.entry.reach.e164 == mobile]


def old_texts() -> QuerySet[Inbound]:
    """Texts whose words are kept, but not under the newest key."""
    return Inbound.objects.exclude(key_id__in=("", newest_key_id()))


def reseal(rows: list[Inbound], done: Rotated) -> None:
    """The words of these texts under the newest key; one that cannot be opened is named and stays as it was."""
    for row in rows:
        try:
            words = unseal(row.sealed, key_id=row.key_id, label=LABEL, owner=row.public_id)
        except IntakeError as error:
            log.error("text %s: %s", row.pk, error)
            done.failed.append(f"text {row.pk}")
            continue
        key_id, sealed = seal(words, label=LABEL, owner=row.public_id)
        Inbound.objects.filter(pk=row.pk).exclude(key_id="").update(sealed=sealed, key_id=key_id)
        done.texts += 1


def forget(*, now: datetime) -> int:
    """Delete the words of texts older than 90 days, and the number of whoever is nobody's patient. Returns how many."""
    old = Inbound.objects.filter(received_at__lt=now - KEPT, handled_at__isnull=False)
    waits = Q(needs_person=True, settled_at=None)
    known = Q(sender__in=Patient.objects.values("mobile")) | Q(sender__in=Helper.objects.values("mobile"))
    strangers = old.filter(visit_id=None).exclude(sender="").exclude(waits).exclude(known).update(sender="")
    return strangers + old.exclude(sealed=b"").update(sealed=b"", key_id="")
