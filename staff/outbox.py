"""Messages as the desk sees them: what waits, what went, what did not arrive and why, and texts that need a person."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import clock
from booking.actions import last_text
from booking.models import Appointment, WaitlistEntry
from intake.errors import IntakeError
from notifications import channels, replies
from notifications.coming import foresee, will_go
from notifications.kinds import EMAIL, KINDS, TEXT, expiry, missed_until, out_of_quiet, rested
from notifications.letters import visit_id_of, ways
from notifications.models import ABOUT_VISITS, TROUBLE, WAITING, Delivery, Inbound, Message, State, Subject
from patients.models import Patient
from staff.history import ICONS, kinds_of

log = logging.getLogger(__name__)
SHOWN = 100
WEEK = timedelta(days=7)
# Why it did not go or arrive, in the desk's words: by reason, by the other side's code, by the error's class.
CAUSES: dict[str, str | Promise] = {
    "words": gettext_lazy("It could not be written. Tell whoever looks after the system"),
    "no_answer": gettext_lazy("The other side did not answer until it was too late"),
    "refused": gettext_lazy("The other side refused it"),
    "nobody_named": gettext_lazy("Nobody is named for it in the clinic’s details"),
    "21211": gettext_lazy("This is not a phone number"),
    "21614": gettext_lazy("This number takes no texts"),
    "21610": gettext_lazy("This number has said STOP"),
    "30003": gettext_lazy("The phone was off or out of reach"),
    "30005": gettext_lazy("Number not in service"),
    "30006": gettext_lazy("This number takes no texts"),
    "30007": gettext_lazy("The carrier filtered it"),
    "5.1.1": gettext_lazy("There is no such mailbox"),
    "5.2.1": gettext_lazy("The mailbox is closed"),
    "5.2.2": gettext_lazy("The mailbox is full"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One message on the list."""

    delivery: Delivery
    what: str
    visit: Appointment | None
    patient: Patient | None
    at: datetime
    icon: str
    cause: str = ""
    can_retry: bool = False
    instead: str = ""  # what was done about it already: "Emailed instead"
    calls: bool = False  # a call to the patient can say what the message was to say


def cause_of(delivery: Delivery) -> str:
    """Why, in words; the code stays beside it for whoever calls the provider."""
    if delivery.state == State.UNKNOWN:
        return _("The connection broke while it was sent. It may have arrived")
    known = CAUSES.get(delivery.error_code) or CAUSES.get(delivery.reason) or CAUSES["refused"]
    return f"{known} ({delivery.error_code})" if delivery.error_code else str(known)


def _lines(deliveries: Iterable[Delivery], user: Any, *, now: datetime, at: dict[int, datetime] | None = None) -> list[Line]:
    """With their visits, in one more query; `at` is when each will go, by primary key, where that is known."""
    found = list(deliveries)
    visits, patients = _about([d.message for d in found], user)
    names = kinds_of(d.message for d in found)
    return [
        Line(
            d,
            names[d.message.pk],
            visits.get(d.message.pk),
            patients.get(d.message.pk),
            (at or {}).get(d.pk) or d.sent_at or d.next_attempt_at,
            ICONS[d.state],
            cause_of(d) if d.state in TROUBLE else "",
            d.state in TROUBLE and now < d.message.expires_at,
            calls=_can_call(d.message, visits.get(d.message.pk), now),
        )
        for d in found
    ]


def _can_call(message: Message, visit: Appointment | None, now: datetime) -> bool:
    return message.subject_type in ABOUT_VISITS and visit is not None and visit.is_called_about(now)


def _about(messages: list[Message], user: Any) -> tuple[dict[int, Appointment], dict[int, Patient]]:
    """Which visit and which patient each message is about, as far as it is about one and `user` may see them."""
    by_visit = {m.pk: pk for m in messages if (pk := m.subject_id if m.subject_type in ABOUT_VISITS else visit_id_of(m))}
    by_answers = {m.pk: m.subject_id for m in messages if m.subject_type == Subject.RESPONSE}
    by_offer = {m.pk: m.subject_id for m in messages if m.subject_type == Subject.OFFER}
    either = Q(pk__in=by_visit.values()) | Q(response__in=by_answers.values())
    there = list(Appointment.objects.for_actor(user).filter(either).select_related("patient", "practitioner"))
    visits, answered = {v.pk: v for v in there}, {v.response_id: v for v in there if v.response_id}
    found = {pk: visits[n] for pk, n in by_visit.items() if n in visits}
    found |= {pk: answered[n] for pk, n in by_answers.items() if n in answered}
    patients = {pk: visit.patient for pk, visit in found.items() if visit.patient}
    if by_offer:
        mine = WaitlistEntry.objects.for_actor(user).filter(offers__in=by_offer.values())
        waits = {n: entry.patient for entry in mine.select_related("patient").annotate(n=F("offers")) if (n := entry.n)}
        patients |= {pk: waits[n] for pk, n in by_offer.items() if n in waits}
    by_wait = {m.pk: m.subject_id for m in messages if m.subject_type == Subject.WAIT}
    if by_wait:
        places = WaitlistEntry.objects.for_actor(user).select_related("patient").in_bulk(by_wait.values())
        patients |= {pk: places[n].patient for pk, n in by_wait.items() if n in places}
    by_left = {m.pk: m.subject_id for m in messages if m.subject_type == Subject.LEFT}
    if by_left:
        whose = Patient.objects.for_actor(user).filter(left_addresses__in=by_left.values())
        left = {n: row for row in whose.annotate(n=F("left_addresses")) if (n := row.n)}
        patients |= {pk: left[n] for pk, n in by_left.items() if n in left}
    return found, patients


def _said(message: Message) -> tuple[object, ...]:
    """What a message is and to whom, whichever way it goes."""
    return message.subject_type, message.subject_id, message.kind, message.sequence, message.recipient


def _with_instead(lines: list[Line]) -> list[Line]:
    """With the other way each went, or that a call is due, in one more query."""
    ids = {line.delivery.message.subject_id for line in lines}
    told = _deliveries().filter(message__subject_id__in=ids, state__in=[State.ACCEPTED, State.DELIVERED])
    ways_told = {(*_said(d.message), d.channel) for d in told}
    return [replace(line, instead=_instead(line, ways_told)) for line in lines]


def _instead(line: Line, told: set[tuple[object, ...]]) -> str:
    for channel, words in ((EMAIL, _("Emailed instead")), (TEXT, _("Texted instead"))):
        if channel != line.delivery.channel and (*_said(line.delivery.message), channel) in told:
            return words
    return _("On the call list") if line.calls and line.visit is not None and line.visit.needs_call else ""


def _deliveries() -> Any:
    return Delivery.objects.select_related("message")


def trouble(user: Any, *, now: datetime) -> list[Line]:
    """What failed, came back or may have been sent in the last week, and nobody has dealt with."""
    found = _deliveries().filter(state__in=TROUBLE, settled_at=None, updated_at__gte=now - WEEK)
    return _with_instead(_lines(found.order_by("-updated_at")[:SHOWN], user, now=now))


def waiting(user: Any, *, now: datetime) -> list[Line]:
    """What will go out within a day, when it really will: one line for each message, by the way it takes."""
    until = now + timedelta(days=1)
    found = _deliveries().filter(state__in=WAITING, next_attempt_at__lt=until).order_by("next_attempt_at", "pk")
    going = [(delivery, at) for delivery, at in will_go(found[: 3 * SHOWN], now=now) if at < until][:SHOWN]
    return _lines([delivery for delivery, _at in going], user, now=now, at={delivery.pk: at for delivery, at in going})


def sent(user: Any, *, now: datetime) -> list[Line]:
    """What went, newest first."""
    found = _deliveries().filter(sent_at__isnull=False, sent_at__gte=now - WEEK)
    return _lines(found.order_by("-sent_at")[:SHOWN], user, now=now)


@dataclass(frozen=True, slots=True)
class Question:
    """A text that needs a person: its words, who may have written it, and the visit it is about."""

    inbound: Inbound
    words: str
    people: list[Patient]
    visit: Appointment | None


def questions(user: Any) -> list[Question]:
    """Texts that need a person, oldest first. Reading them is a read of health information: the caller records it first."""
    found = list(Inbound.objects.open().order_by("received_at")[:SHOWN])
    people: dict[str, list[Patient]] = {}
    for patient in Patient.objects.for_actor(user).current().filter(mobile__in={i.sender for i in found}):
        people.setdefault(patient.e164, []).append(patient)
    ids = {i.visit_id for i in found if i.visit_id}
    visits = Appointment.objects.for_actor(user).select_related("patient", "practitioner").in_bulk(ids)
    return [Question(i, _words(i), people.get(i.sender, []), visits.get(i.visit_id or 0)) for i in found]


def _words(inbound: Inbound) -> str:
    try:
        return replies.body_of(inbound)
    except IntakeError as error:
        log.error("text %s: %s", inbound.pk, error)
        return _("These words cannot be opened. Tell whoever looks after the system; call the number meanwhile.")


def unreachable(user: Any, *, now: datetime) -> list[tuple[Patient, Appointment]]:
    """Patients with a visit to come whose address came back, or who stopped texts: with the next of their visits."""
    bad = Q(patient__email_bounced_at__isnull=False) | Q(patient__mobile_bounced_at__isnull=False)
    visits = Appointment.objects.for_actor(user).upcoming(now).filter(bad | Q(patient__texts_stopped_at__isnull=False))
    first: dict[int, Appointment] = {}
    for visit in visits.select_related("patient", "practitioner").order_by("starts_at")[:SHOWN]:
        first.setdefault(visit.patient_id or 0, visit)
    return [(visit.patient, visit) for visit in first.values() if visit.patient is not None]


def counts(*, now: datetime) -> dict[str, int]:
    """The numbers on the chips."""
    return {
        "people": Inbound.objects.open().count(),
        "trouble": Delivery.objects.filter(state__in=TROUBLE, settled_at=None, updated_at__gte=now - WEEK).count(),
    }


_NEWS_OF = {"book": "booked", "move": "moved_by_clinic", "cancel": "cancelled_by_clinic", "mark_noshow": "missed"}


def goes_at(visit: Appointment, verb: str) -> datetime | None:
    """When the first message about what was just done to a visit leaves, nights considered; None if none does."""
    reader, kind = visit.reach or visit.patient, KINDS[_NEWS_OF[verb]]
    if reader is None or kind.code in visit.service.messages_off:
        return None
    due, zone = rested(kind, visit.changed_at), clock.zone_of(visit.zone)
    latest = missed_until(due, start=visit.starts_at) if verb == "mark_noshow" else expiry(kind, due, start=visit.starts_at)
    if due >= latest:
        return None
    return min(
        (
            out_of_quiet(kind, channel, due, earliest=visit.changed_at, latest=latest, zone=zone)
            for channel in ways(kind, reader, texts_work=channels.texts_work())
        ),
        default=None,
    )


def text_goes_at(visit: Appointment, now: datetime) -> datetime | None:
    """When the text leaves that the desk asked for last, while it can be taken back."""
    last = last_text(visit, now=now)
    if last is None:
        return None
    last.appointment = visit
    going = foresee(last, now=now)
    return going.at if going else None


def when(at: datetime, now: datetime) -> str:
    """ "at 9:59 a.m.", or with the day if it is not today."""
    today = clock.local(at).date() == clock.today(now)
    return _("at %(time)s") % {"time": clock.clock_time(at)} if today else _("on %(when)s") % {"when": clock.long_when(at)}
