"""From a claimed delivery to a letter ready to go, or to the reason why it stays here. Looks everything up at that moment.

What a letter may say is the list of plain values in `_visit_words` and its like; rows are not handed to templates. Nothing in
those lists says why a patient comes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from allauth.account import app_settings as allauth_settings
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts import clock
from accounts.models import Clinic, SignInMail
from booking import ics
from booking.links import token_of
from booking.models import Appointment, LinkRequest
from intake.later import KEPT
from intake.later import token_of as resume_token_of
from intake.models import ResumeLink
from notifications import words
from notifications.kinds import COMING, EMAIL, KINDS, TEXT, Kind
from notifications.models import Delivery, Message, State, Subject
from patients.actions import digits_of
from patients.models import ContactCode, Patient, ReminderBy

FALLBACK = "fallback"  # the reason of a delivery that stands in for one that failed the other way
SIGN_IN_WORDS = {
    "password_changed": "Your password was changed.",
    "password_reset": "Your password was changed with a link from an e-mail.",
    "password_set": "A password was set.",
    "totp_activated": "An authenticator app was added to your sign-in.",
    "totp_deactivated": "The authenticator app was removed from your sign-in.",
    "webauthn_added": "A passkey was added to your sign-in.",
    "webauthn_removed": "A passkey was removed from your sign-in.",
    "recovery_codes_generated": "New recovery codes were made for your sign-in.",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A row the words were taken from, and its version then. The fence sends only if nothing moved since."""

    table: str
    pk: int
    column: str
    version: int


@dataclass(frozen=True, slots=True)
class Letter:
    """Words for one address. `text` is the whole of a text message, or the text part of an e-mail."""

    address: str
    text: str
    subject: str = ""
    html: str = ""
    calendar: bytes = b""
    method: str = ""
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Stay:
    """Nothing is sent: the state the delivery ends in, and why in one word."""

    state: str
    reason: str
    call: str = ""  # what the desk is to phone about instead


@dataclass(slots=True)
class Facts:
    """The rows that a batch of messages is about, read in one query per kind of fact."""

    visits: dict[int, Appointment] = field(default_factory=dict)
    codes: dict[int, ContactCode] = field(default_factory=dict)
    links: dict[int, LinkRequest] = field(default_factory=dict)
    sign_ins: dict[int, SignInMail] = field(default_factory=dict)
    resumes: dict[int, ResumeLink] = field(default_factory=dict)
    flagged: dict[int, Appointment] = field(default_factory=dict)  # by response

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Facts":
        """Read what these messages are about."""

        def ids(subject: str) -> list[int]:
            return [m.subject_id for m in messages if m.subject_type == subject]

        visits = {*ids(Subject.VISIT), *(pk for m in messages if m.subject_type == Subject.LINK and (pk := _visit_id(m)))}
        facts = cls()
        if visits:
            rows = Appointment.objects.select_related("patient", "practitioner", "service", "response")
            facts.visits = rows.defer("response__document").in_bulk(visits)
        if codes := ids(Subject.CODE):
            facts.codes = ContactCode.objects.in_bulk(codes)
        if links := ids(Subject.LINK):
            facts.links = LinkRequest.objects.in_bulk(links)
        if sign_ins := ids(Subject.SIGN_IN):
            facts.sign_ins = SignInMail.objects.select_related("user").in_bulk(sign_ins)
        if resumes := ids(Subject.RESUME):
            asked = ResumeLink.objects.select_related("response__patient", "response__appointment")
            facts.resumes = asked.defer("response__document").in_bulk(resumes)
        if responses := ids(Subject.RESPONSE):
            rows = Appointment.objects.select_related("practitioner__user", "response").defer("response__document")
            facts.flagged = {visit.response_id: visit for visit in rows.filter(response__in=responses)}
        return facts


def _visit_id(message: Message) -> int | None:
    """The visit that a lost-link message opens."""
    role, _colon, pk = message.recipient.partition(":")
    return int(pk) if role == "visit" else None


def compose(delivery: Delivery, facts: Facts, *, texts_work: bool, now: datetime) -> Letter | Stay:
    """The letter of a claimed delivery as things stand now, or why there is none.

    Args:
        texts_work: whether the text channel is configured and switched on; if not, texts go by e-mail.
    """
    message = delivery.message
    kind = KINDS.get(message.kind)
    if kind is None:
        return Stay(State.SKIPPED, "unknown_kind")
    if now >= message.expires_at:
        return Stay(State.EXPIRED, "too_late")
    by_subject = {
        Subject.VISIT: _visit,
        Subject.CODE: _code,
        Subject.LINK: _link,
        Subject.SIGN_IN: _sign_in,
        Subject.RESPONSE: _page,
        Subject.RESUME: _resume,
    }
    return by_subject[Subject(message.subject_type)](kind, delivery, facts, texts_work, now)


def ways(kind: Kind, patient: Patient, *, texts_work: bool) -> list[str]:
    """The channels a kind goes by for this patient: those chosen, else any other we have an address for, else none.

    A phone call is a choice too: those patients get no message, the desk calls.
    """
    if patient.reminder_by == ReminderBy.PHONE:
        return []
    able = {EMAIL: bool(patient.email), TEXT: bool(patient.mobile) and texts_work}
    chosen = {EMAIL: patient.wants_email, TEXT: patient.wants_text and texts_work}
    picked = [c for c in kind.channels if chosen[c]] or [c for c in kind.channels if able[c]]
    return picked if kind.every else picked[:1]


# --- Visits -----------------------------------------------------------------------------------------------------------


def _visit(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    message = delivery.message
    visit = facts.visits.get(message.subject_id)
    if visit is None or visit.patient is None or visit.ics_sequence != message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    if visit.status not in kind.statuses:
        return Stay(State.SKIPPED, "confirmed" if visit.status in COMING else "changed")
    patient = visit.patient
    open_ways = [delivery.channel] if delivery.reason == FALLBACK else ways(kind, patient, texts_work=texts_work)
    if delivery.channel not in open_ways:
        # Each kind has a row per channel; only the first asks for the call.
        call = str(kind.call) if not open_ways and delivery.channel == kind.channels[0] else ""
        return Stay(State.SKIPPED, _why_not(delivery.channel, patient, texts_work), call)
    address = patient.email if delivery.channel == EMAIL else patient.e164
    said = _visit_words(visit, message, now=now)
    seen = _seen(visit, patient)
    return _letter(kind, delivery.channel, address, said, seen, visit=visit, now=now)


def _seen(visit: Appointment, patient: Patient) -> tuple[Seen, ...]:
    return (
        Seen("booking_appointment", visit.pk, "version", visit.version),
        Seen("patients_patient", patient.pk, "version", patient.version),
    )


def _why_not(channel: str, patient: Patient, texts_work: bool) -> str:
    if patient.reminder_by == ReminderBy.PHONE:
        return "by_phone"
    if channel == TEXT and not texts_work and patient.mobile:
        return "channel_off"
    if not (patient.email if channel == EMAIL else patient.mobile):
        return "no_address"
    return "not_chosen"


def _clinic_words() -> dict[str, Any]:
    clinic = Clinic.current()
    street = ", ".join(part for part in (clinic.street, clinic.unit) if part)
    first, rest = clinic.short_name, clinic.name.removeprefix(clinic.short_name).strip()
    return {
        "clinic": {
            name: getattr(clinic, name)
            for name in ("name", "phone", "tel", "hours_text", "zone_label", "city", "arrival_text", "late_fee_text")
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


def _visit_words(visit: Appointment, message: Message, *, now: datetime) -> dict[str, Any]:
    """Everything a message about a visit may say. No service, no article, no answer: only when, who, where."""
    start = message.says_start or visit.starts_at
    link = visit_link(visit)
    assert visit.patient is not None
    return {
        "name": visit.patient.call_name,
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
        "cutoff_hours": visit.service.cancel_cutoff_minutes // 60,
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


def _letter(
    kind: Kind,
    channel: str,
    address: str,
    said: dict[str, Any],
    seen: tuple[Seen, ...],
    *,
    visit: Appointment | None = None,
    now: datetime,
) -> Letter:
    said = _clinic_words() | said
    if channel == TEXT:
        return Letter(address, words.text(kind.code, said), seen=seen)
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
        seen=seen,
    )


# --- Codes, lost links, sign-in mails ---------------------------------------------------------------------------------


def _code(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    code = facts.codes.get(delivery.message.subject_id)
    if code is None or code.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    if not code.is_live(now):
        return Stay(State.SKIPPED, "used" if code.used_at else "too_late")
    if delivery.channel == TEXT and not texts_work:
        return Stay(State.SKIPPED, "channel_off")
    digits = digits_of(code)
    said = {
        "digits": digits,
        "spaced": f"{digits[:3]} {digits[3:]}",
        "minutes": max(1, round((code.expires_at - code.asked_at).total_seconds() / 60)),
    }
    seen = (Seen("patients_contactcode", code.pk, "sequence", code.sequence),)
    return _letter(kind, delivery.channel, code.address, said, seen, now=now)


def _link(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    message = delivery.message
    request = facts.links.get(message.subject_id)
    visit = facts.visits.get(_visit_id(message) or 0)
    if request is None or visit is None or visit.patient is None or visit.status not in COMING or visit.starts_at <= now:
        return Stay(State.SKIPPED, "changed")
    patient = visit.patient
    on_file = patient.email.casefold() if delivery.channel == EMAIL else patient.e164
    typed = request.address.casefold() if delivery.channel == EMAIL else request.address
    if on_file != typed:
        return Stay(State.SKIPPED, "changed")
    if delivery.channel == TEXT and not texts_work:
        return Stay(State.SKIPPED, "channel_off")
    address = patient.email if delivery.channel == EMAIL else patient.e164
    seen = _seen(visit, patient)
    return _letter(kind, delivery.channel, address, _visit_words(visit, message, now=now), seen, visit=visit, now=now)


def _sign_in(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    mail = facts.sign_ins.get(delivery.message.subject_id)
    if mail is None or mail.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    user = mail.user
    if not user.is_active:
        return Stay(State.SKIPPED, "left")
    said: dict[str, Any] = {"name": user.name}
    if kind.code == "password_reset":
        uid, key = user_pk_to_url_str(user), allauth_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        said["link"] = settings.SITE_URL + path.replace("UID-KEY", f"{uid}-{key}")
    else:
        said |= {"what": _(SIGN_IN_WORDS.get(mail.kind, "Something about your sign-in was changed.")), "at": mail.asked_at}
    seen = (Seen("accounts_signinmail", mail.pk, "sequence", mail.sequence),)
    return _letter(kind, EMAIL, user.email, said, seen, now=now)


def _page(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """To the named person, else to the visit's physician: a reference and a link behind sign-in. No name, no reason."""
    visit = facts.flagged.get(delivery.message.subject_id)
    if visit is None or visit.response is None:
        return Stay(State.SKIPPED, "no_visit")
    user = visit.practitioner.user
    address = Clinic.current().urgent_email or (user.email if user and user.is_active else "")
    if not address:
        return Stay(State.FAILED, "nobody_named")
    said = {
        "reference": visit.reference,
        "at": visit.starts_at,
        "who": visit.practitioner.short_name,
        "link": settings.SITE_URL + reverse("staff:review", args=[visit.public_id]),
    }
    seen = (Seen("intake_questionnaireresponse", visit.response.pk, "page_sequence", delivery.message.sequence),)
    return _letter(kind, EMAIL, address, said, seen, now=now)


def _resume(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """The way back to a draft: no name, and nothing of what is in it. Answers deleted meanwhile get no letter.

    What the desk hands over is opened by the visit's own link, and goes only the ways that the patient still wants.
    """
    link = facts.resumes.get(delivery.message.subject_id)
    if link is None or link.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    visit = getattr(link.response, "appointment", None) if link.for_visit else None
    if not link.response.is_draft or link.expires_at <= now or bool(link.response.patient_id) != (visit is not None):
        return Stay(State.SKIPPED, "changed")
    patient = link.response.patient
    if visit and (visit.status not in COMING or patient is None or patient.reminder_by == ReminderBy.PHONE):
        return Stay(State.SKIPPED, "changed")
    if delivery.channel == TEXT and not texts_work:
        return Stay(State.SKIPPED, "channel_off")
    said: dict[str, Any] = {"days": KEPT.days}
    if visit:
        path = reverse("booking:visit_questions", args=[token_of(visit)])
        said |= {"start": visit.starts_at, "messages_link": f"{visit_link(visit)}messages/"}
    else:
        path = reverse("booking:resume", args=[resume_token_of(link)])
    said["link"] = settings.SITE_URL + path
    seen = (Seen("intake_resumelink", link.pk, "sequence", link.sequence),)
    return _letter(kind, delivery.channel, link.address, said, seen, now=now)
