"""From a claimed delivery to a letter ready to go, or to the reason why it stays here. Looks everything up at that moment.

What a letter may say is the list of plain values in `_visit_words` and its like; rows are not handed to templates. Nothing in
those lists says why a patient comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from accounts import clock
from accounts.models import Clinic, SignInMail
from accounts.quiet import quiet_night
from booking import ics, terms
from booking.links import token_of
from booking.models import COMING, Appointment, DeskText, LinkRequest, RunningLate, WaitlistEntry, WaitlistOffer
from intake.models import ResumeLink
from notifications import words
from notifications.kinds import EMAIL, KINDS, MUST_REACH, TEXT, Kind
from notifications.models import ABOUT_VISITS, Delivery, Inbound, KindNote, Message, State, Subject, TestSend
from patients.models import ContactCode, Helper, LeftAddress, Patient, ReminderBy

FALLBACK = "fallback"  # the reason of a delivery that stands in for one that failed the other way
RESEND = "resend"  # the reason of a delivery that somebody at the desk asked for
NO_WAY = ("by_phone", "no_address", "channel_off", "stopped", "bounced")  # reasons of deliveries, of none of whose ways is open
EVENING_LASTS = timedelta(minutes=10)  # what was planned for the evening before may be so late


@dataclass(frozen=True, slots=True)
class Seen:
    """A row the words were taken from, and its version then. The fence sends only if nothing moved since."""

    table: str
    pk: int
    column: str
    version: int


@dataclass(frozen=True, slots=True)
class Letter:
    """Words for one address. `text` is the whole of a text message, or the text part of an email."""

    address: str
    text: str
    subject: str = ""
    html: str = ""
    calendar: bytes = b""
    unsubscribe: str = ""
    method: str = ""
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing is sent: the state the delivery ends in, and why in one word."""

    state: str
    reason: str
    call: str = ""  # what the desk is to phone about instead


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now: it is looked at again then."""

    until: datetime


@dataclass(slots=True)
class Facts:
    """The rows that a batch of messages is about, read in one query per kind of fact."""

    visits: dict[int, Appointment] = field(default_factory=dict)
    codes: dict[int, ContactCode] = field(default_factory=dict)
    links: dict[int, LinkRequest] = field(default_factory=dict)
    left: dict[int, LeftAddress] = field(default_factory=dict)
    sign_ins: dict[int, SignInMail] = field(default_factory=dict)
    resumes: dict[int, ResumeLink] = field(default_factory=dict)
    offers: dict[int, WaitlistOffer] = field(default_factory=dict)
    waits: dict[int, WaitlistEntry] = field(default_factory=dict)
    flagged: dict[int, Appointment] = field(default_factory=dict)  # by response
    replies: dict[int, Inbound] = field(default_factory=dict)
    tests: dict[int, TestSend] = field(default_factory=dict)
    late: dict[int, RunningLate] = field(default_factory=dict)
    desk_texts: dict[int, DeskText] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)  # by kind

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Facts":
        """Read what these messages are about."""

        def ids(subject: str) -> list[int]:
            return [m.subject_id for m in messages if m.subject_type == subject]

        visits = {
            *(m.subject_id for m in messages if m.subject_type in ABOUT_VISITS),
            *(pk for m in messages if (pk := visit_id_of(m))),
        }
        facts = cls()
        if visits:
            rows = Appointment.objects.select_related("patient", "helper", "practitioner", "service", "response")
            facts.visits = rows.defer("response__document").in_bulk(visits)
        if codes := ids(Subject.CODE):
            facts.codes = ContactCode.objects.in_bulk(codes)
        if links := ids(Subject.LINK):
            facts.links = LinkRequest.objects.in_bulk(links)
        if left := ids(Subject.LEFT):
            facts.left = LeftAddress.objects.select_related("patient").in_bulk(left)
        if sign_ins := ids(Subject.SIGN_IN):
            facts.sign_ins = SignInMail.objects.select_related("user").in_bulk(sign_ins)
        if resumes := ids(Subject.RESUME):
            asked = ResumeLink.objects.select_related("response__patient", "response__appointment")
            facts.resumes = asked.defer("response__document").in_bulk(resumes)
        if offers := ids(Subject.OFFER):
            made = WaitlistOffer.objects.with_reach().select_related("practitioner", "entry__service")
            facts.offers = made.in_bulk(offers)
        if waits := ids(Subject.WAIT):
            facts.waits = WaitlistEntry.objects.with_reach().in_bulk(waits)
        if responses := ids(Subject.RESPONSE):
            rows = Appointment.objects.select_related("practitioner__user", "response").defer("response__document")
            facts.flagged = {visit.response_id: visit for visit in rows.filter(response__in=responses)}
        if replies := ids(Subject.REPLY):
            facts.replies = Inbound.objects.defer("sealed").in_bulk(replies)
        if tests := ids(Subject.TEST):
            facts.tests = TestSend.objects.in_bulk(tests)
        if late := [m.sequence for m in messages if m.subject_type == Subject.LATE]:
            facts.late = RunningLate.objects.in_bulk(late)
        if said := [m.sequence for m in messages if m.subject_type == Subject.DESK_TEXT]:
            facts.desk_texts = DeskText.objects.in_bulk(said)
        facts.notes = notes_of({message.kind for message in messages})
        return facts


def notes_of(kinds: set[str]) -> dict[str, str]:
    """The clinic's own sentences, by kind."""
    return dict(KindNote.objects.filter(kind__in=kinds).exclude(words="").values_list("kind", "words"))


def visit_id_of(message: Message) -> int | None:
    """The visit that a lost link opens, or that an answer is about."""
    role, _colon, pk = message.recipient.partition(":")
    return int(pk) if role == "visit" else None


def compose(delivery: Delivery, facts: Facts, *, texts_work: bool, now: datetime) -> Letter | Stay | Wait:
    """The letter of a claimed delivery as things stand now, or why there is none, or none yet.

    Args:
        texts_work: whether the text channel is configured and switched on; if not, texts go by email.
    """
    message = delivery.message
    kind = KINDS.get(message.kind)
    if kind is None:
        return Stay(State.SKIPPED, "unknown_kind")
    if now >= message.expires_at:
        return Stay(State.EXPIRED, "too_late")
    if message.subject_type != Subject.TEST and (kept := _kept_by_night(kind, delivery, now)):
        return kept
    kind = replace(kind, note=facts.notes.get(kind.code, ""))
    if message.subject_type == Subject.VISIT:
        return _visit(kind, delivery, facts, texts_work, now)
    from notifications import other_letters  # it builds on this module

    return other_letters.BY_SUBJECT[Subject(message.subject_type)](kind, delivery, facts, texts_work, now)


def _kept_by_night(kind: Kind, delivery: Delivery, now: datetime) -> Stay | Wait | None:
    """What comes late into quiet hours (a sender was away, a second try, the other way) wakes nobody, as if it were planned now.

    It waits for the morning if that is not too late; if it is, only news goes out, and what was due in the last minutes before.
    """
    night = quiet_night(now, clock.clinic_zone()) if delivery.channel not in kind.wakes else None
    if night is None:
        return None
    evening, morning = night
    if morning < delivery.message.expires_at:
        return Wait(morning)
    return None if kind.code in MUST_REACH or now < evening + EVENING_LASTS else Stay(State.SKIPPED, "quiet")


def ways(kind: Kind, patient: Patient | Helper, *, texts_work: bool) -> list[str]:
    """The channels a kind goes by for this patient: those chosen, else any other we have an address for, else none.

    A phone call is a choice too: those patients get no message, the desk calls.
    """
    if patient.reminder_by == ReminderBy.PHONE:
        return []
    able = {EMAIL: patient.can_email, TEXT: patient.can_text and texts_work}
    chosen = {EMAIL: patient.wants_email, TEXT: patient.wants_text and texts_work}
    picked = [c for c in kind.channels if chosen[c]] or [c for c in kind.channels if able[c]]
    return picked if kind.every else picked[:1]


# --- Visits -----------------------------------------------------------------------------------------------------------


def _visit(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    message = delivery.message
    visit = facts.visits.get(message.subject_id)
    if visit is None or visit.patient is None or visit.ics_sequence != message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    if kind.asks_questions and visit.status in kind.statuses and not visit.intake_missing:
        return Stay(State.SKIPPED, "switched_off" if kind.code in visit.service.messages_off else "answered")
    seen: tuple[Seen, ...] = ()
    if kind.asks_questions and visit.response is not None:
        seen = (Seen("intake_questionnaireresponse", visit.response.pk, "version", visit.response.version),)
    more = {"link": questions_link(visit)} if kind.asks_questions else {}
    return to_patient(kind, delivery, visit, more, seen, texts_work, now)


def to_patient(
    kind: Kind,
    delivery: Delivery,
    visit: Appointment,
    more: dict[str, Any],
    more_seen: tuple[Seen, ...],
    texts_work: bool,
    now: datetime,
) -> Letter | Stay:
    """A letter about a visit to whoever hears about it, by a channel that is theirs; or why not.

    Args:
        more: what it may say beside the words of every visit.
        more_seen: rows it was taken from beside the visit and the patient.
    """
    assert visit.patient is not None
    if visit.status not in kind.statuses:
        return Stay(State.SKIPPED, "confirmed" if visit.status in COMING and kind.statuses & COMING else "changed")
    if kind.code in visit.service.messages_off:
        return Stay(State.SKIPPED, "switched_off")
    patient = visit.reach or visit.patient
    open_ways = [delivery.channel] if delivery.reason in (FALLBACK, RESEND) else ways(kind, patient, texts_work=texts_work)
    if delivery.channel not in open_ways:
        # Each kind has a row per channel; only the first asks for the call.
        call = str(kind.call) if not open_ways and delivery.channel == kind.channels[0] else ""
        return Stay(State.SKIPPED, why_not(delivery.channel, patient, texts_work), call)
    address = patient.email if delivery.channel == EMAIL else patient.e164
    said = visit_words(visit, delivery.message, now=now) | more
    seen = seen_of(visit, patient) + more_seen
    return letter_of(kind, delivery.channel, address, said, seen, visit=visit, now=now)


def seen_of(visit: Appointment, patient: Patient | Helper) -> tuple[Seen, ...]:
    return (
        Seen("booking_appointment", visit.pk, "version", visit.version),
        Seen(patient._meta.db_table, patient.pk, "version", patient.version),
    )


def why_not(channel: str, patient: Patient | Helper, texts_work: bool) -> str:
    """Why a channel is not among a patient's ways, in one word."""
    if patient.reminder_by == ReminderBy.PHONE:
        return "by_phone"
    if channel == TEXT and not texts_work and patient.mobile:
        return "channel_off"
    if not (patient.email if channel == EMAIL else patient.mobile):
        return "no_address"
    if channel == TEXT and patient.texts_stopped_at:
        return "stopped"
    if (patient.email_bounced_at if channel == EMAIL else patient.mobile_bounced_at) is not None:
        return "bounced"
    return "not_chosen"


def clinic_words() -> dict[str, Any]:
    clinic = Clinic.current()
    street = ", ".join(part for part in (clinic.street, clinic.unit) if part)
    first, rest = clinic.short_name, clinic.name.removeprefix(clinic.short_name).strip()
    return {
        "clinic": {
            name: getattr(clinic, name)
            for name in ("name", "phone", "tel", "hours_text", "zone_label", "city", "arrival_text", "late_fee_text", "late_fee")
        }
        | {"short_name": first},
        "clinic_rest": rest if clinic.name.startswith(first) else "",
        "place": f"{street}, {clinic.city}, {clinic.region}",
        "street": street,
        "postal_address": f"{street}, {clinic.city}, {clinic.region_code}  {clinic.postal_code.replace(' ', clock.NBSP)}",
        "host": urlsplit(settings.SITE_URL).netloc,
    }


def visit_link(visit: Appointment) -> str:
    """The private link of a visit, for a message."""
    return settings.SITE_URL + reverse("booking:visit", args=[token_of(visit)])


def questions_link(visit: Appointment) -> str:
    """Where the questions of a visit go on; it leads to the visit once none are left."""
    return settings.SITE_URL + reverse("booking:visit_questions", args=[token_of(visit)])


def visit_words(visit: Appointment, message: Message, *, now: datetime) -> dict[str, Any]:
    """Everything a message about a visit may say. No service, no article, no answer: only when, who, where."""
    start = message.says_start or visit.starts_at
    link = visit_link(visit)
    assert visit.patient is not None
    reader = visit.reach or visit.patient
    return {
        "name": reader.call_name,
        "for_whom": visit.patient.call_name if reader != visit.patient else "",
        "start": start,
        "old_start": message.was_start if message.was_start != start else None,
        "same_time": message.was_start == start,
        "minutes": visit.minutes,
        "physician": visit.practitioner.name,
        "physician_short": visit.practitioner.short_name,
        "reference": visit.reference,
        "confirmed": visit.status != "booked",
        "questions": _questions(visit),
        "free_until": visit.cancel_deadline(),
        "free_now": now < visit.cancel_deadline(),
        "close": terms.by_now(visit.service, start, now=now),
        "cutoff_hours": visit.service.cancel_cutoff_minutes // 60,
        "today": clock.local(start).date() == clock.local(now).date(),
        "tomorrow": clock.local(start).date() - clock.local(now).date() == timedelta(days=1),
        "link": link,
        "messages_link": f"{link}messages/",
    }


def _questions(visit: Appointment) -> dict[str, int] | None:
    """How far the patient is with the questions, or None if none are left. Numbers only."""
    if not visit.intake_missing:
        return None
    response = visit.response
    return {"done": response.sections_done, "total": response.sections_total} if response else {"done": 0, "total": 0}


def letter_of(
    kind: Kind,
    channel: str,
    address: str,
    said: dict[str, Any],
    seen: tuple[Seen, ...],
    *,
    visit: Appointment | None = None,
    now: datetime,
) -> Letter:
    said = clinic_words() | said
    if channel == TEXT:
        return Letter(address, words.text(kind.code, said), seen=seen)
    said["note"] = kind.note
    said["subject"] = words.subject(kind.code, said)
    calendar = b""
    if kind.calendar and visit is not None:
        calendar = ics.calendar_file(
            visit,
            method=kind.calendar,
            link=said["link"],
            now=now,
            organizer=parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
            attendee=address,
        )
    return Letter(
        address,
        words.plain(kind.code, said),
        subject=said["subject"],
        html=words.html(kind.code, said),
        calendar=calendar,
        method=kind.calendar,
        unsubscribe=said["unsubscribe"] if kind.care else "",
        seen=seen,
    )
