"""Letters that are not about a visit's own course: codes, links, sign-in, red flags, answers to texts that came in."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import clock
from accounts.models import Clinic
from accounts.signin import password_link
from booking.links import token_of, waiting_token_of
from booking.models import COMING, Appointment, Status
from booking.waitlist import OfferState
from intake.actions.later import KEPT
from intake.actions.later import token_of as resume_token_of
from notifications import care
from notifications.kinds import EMAIL, OPT_OUT_ANSWERS, TEXT, Kind
from notifications.letters import (
    FALLBACK,
    RESEND,
    Facts,
    Letter,
    Seen,
    Stay,
    letter_of,
    questions_link,
    seen_of,
    to_patient,
    visit_id_of,
    visit_link,
    visit_words,
    ways,
    why_not,
)
from notifications.models import Delivery, State, Subject
from notifications.samples import sample_words
from patients.actions import digits_of, stopped_at
from patients.care import agreed_to_care
from patients.models import Helper, Patient

SIGN_IN_WORDS = {
    "password_changed": gettext_noop("Your password was changed."),
    "password_reset": gettext_noop("Your password was changed with a link from an email."),
    "password_set": gettext_noop("A password was set."),
    "totp_activated": gettext_noop("An authenticator app was added to your sign-in."),
    "totp_deactivated": gettext_noop("The authenticator app was removed from your sign-in."),
    "webauthn_added": gettext_noop("A passkey was added to your sign-in."),
    "webauthn_removed": gettext_noop("A passkey was removed from your sign-in."),
    "recovery_codes_generated": gettext_noop("New recovery codes were made for your sign-in."),
}
SOMETHING_CHANGED = gettext_noop("Something about your sign-in was changed.")


def _code(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    code = facts.codes.get(delivery.message.subject_id)
    if code is None or code.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    if not code.is_live(now):
        return Stay(State.SKIPPED, "used" if code.used_at else "too_late")
    if stay := _no_text(delivery, code.address, texts_work):
        return stay
    digits = digits_of(code)
    said = {
        "digits": digits,
        "spaced": f"{digits[:3]} {digits[3:]}",
        "minutes": max(1, round((code.expires_at - code.asked_at).total_seconds() / 60)),
    }
    seen = (Seen("patients_contactcode", code.pk, "sequence", code.sequence),)
    return letter_of(kind, delivery.channel, code.address, said, seen, now=now)


def _no_text(delivery: Delivery, number: str, texts_work: bool) -> Stay | None:
    """Why a text that somebody asked for cannot go: there are none here, or STOP came from that number."""
    if delivery.channel != TEXT:
        return None
    if not texts_work:
        return Stay(State.SKIPPED, "channel_off")
    return Stay(State.SKIPPED, "stopped") if stopped_at(number) else None


def _link(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    message = delivery.message
    request = facts.links.get(message.subject_id)
    visit = facts.visits.get(visit_id_of(message) or 0)
    if request is None or visit is None or visit.patient is None or visit.status not in COMING or visit.starts_at <= now:
        return Stay(State.SKIPPED, "changed")
    typed = request.address.casefold() if delivery.channel == EMAIL else request.address
    people = [p for p in (visit.reach, visit.patient) if p is not None]
    patient = next((p for p in people if typed == (p.email.casefold() if delivery.channel == EMAIL else p.e164)), None)
    if patient is None:
        return Stay(State.SKIPPED, "changed")
    if stay := _no_text(delivery, request.address, texts_work):
        return stay
    address = patient.email if delivery.channel == EMAIL else patient.e164
    seen = seen_of(visit, patient)
    return letter_of(kind, delivery.channel, address, visit_words(visit, message, now=now), seen, visit=visit, now=now)


def _left(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """That messages do not come there any more: no name, no visit, no link. Not if they do again, or never stopped.

    What the patient has chosen since does not count: whoever took the address over could choose that nobody is told.
    """
    left = facts.left.get(delivery.message.subject_id)
    if left is None or left.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    there = {"email__iexact" if delivery.channel == EMAIL else "mobile": left.address}
    reached = set(Patient.objects.current().filter(**there).values_list("pk", flat=True))
    if left.patient_id in reached:
        return Stay(State.SKIPPED, "changed")
    if stay := _no_text(delivery, left.address, texts_work):
        return stay
    helpers = Helper.objects.filter(gets_messages=True, **there)
    others = bool(reached) or Appointment.objects.upcoming(now).filter(helper__in=helpers).exists()
    seen = (
        Seen("patients_leftaddress", left.pk, "sequence", left.sequence),
        Seen("patients_patient", left.patient_id, "version", left.patient.version),
    )
    return letter_of(kind, delivery.channel, left.address, {"at": left.left_at, "others": others}, seen, now=now)


def _sign_in(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    mail = facts.sign_ins.get(delivery.message.subject_id)
    if mail is None or mail.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    user = mail.user
    if not user.is_active:
        return Stay(State.SKIPPED, "left")
    said: dict[str, Any] = {"name": user.name}
    if kind.code == "invitation" and user.has_usable_password():
        return Stay(State.SKIPPED, "changed")  # They have chosen one meanwhile; the link would be of no use.
    if kind.code in ("password_reset", "invitation"):
        said["link"] = password_link(user)
    else:
        said |= {"what": _(SIGN_IN_WORDS.get(mail.kind, SOMETHING_CHANGED)), "at": mail.asked_at}
    seen = (Seen("accounts_signinmail", mail.pk, "sequence", mail.sequence),)
    return letter_of(kind, EMAIL, user.email, said, seen, now=now)


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
    return letter_of(kind, EMAIL, address, said, seen, now=now)


def _resume(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """The way back to a draft: no name, and nothing of what is in it. Answers deleted meanwhile get no letter.

    What the desk hands over is opened by the visit's own link, and goes only the ways that the patient still wants, to the
    address that is theirs now: the one it was asked for may have been somebody else's.
    """
    link = facts.resumes.get(delivery.message.subject_id)
    if link is None or link.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    visit = getattr(link.response, "appointment", None) if link.for_visit else None
    if not link.response.is_draft or link.expires_at <= now or bool(link.response.patient_id) != (visit is not None):
        return Stay(State.SKIPPED, "changed")
    address, said = link.address, dict[str, Any](days=KEPT.days)
    seen: tuple[Seen, ...] = (Seen("intake_resumelink", link.pk, "sequence", link.sequence),)
    if visit:
        patient = link.response.patient
        if visit.status not in COMING or patient is None:
            return Stay(State.SKIPPED, "changed")
        if not (patient.wants_email if delivery.channel == EMAIL else patient.wants_text):
            return Stay(State.SKIPPED, why_not(delivery.channel, patient, texts_work))
        address, seen = patient.email if delivery.channel == EMAIL else patient.e164, seen + seen_of(visit, patient)
        said |= {"start": visit.starts_at, "messages_link": f"{visit_link(visit)}messages/", "link": questions_link(visit)}
    else:
        said["link"] = settings.SITE_URL + reverse("booking:resume", args=[resume_token_of(link)])
    if stay := _no_text(delivery, address, texts_work):
        return stay
    return letter_of(kind, delivery.channel, address, said, seen, now=now)


def _reply(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """The answer to a text that came in, to the number it came from. STOP gets one last word; then nothing but HELP's."""
    inbound = facts.replies.get(delivery.message.subject_id)
    if inbound is None or not texts_work:
        return Stay(State.SKIPPED, "channel_off")
    if kind.code not in OPT_OUT_ANSWERS and stopped_at(inbound.sender):
        return Stay(State.SKIPPED, "stopped")
    if kind.code != "confirmed":
        return letter_of(kind, TEXT, inbound.sender, {"instead": _instead_of_texts(inbound.sender)}, (), now=now)
    visit = facts.visits.get(visit_id_of(delivery.message) or 0)
    if (
        visit is None
        or visit.patient is None
        or visit.status != Status.CONFIRMED
        or visit.starts_at != delivery.message.says_start
        or inbound.sender not in {reader.e164 for reader in (visit.reach, visit.patient) if reader is not None}
    ):
        return Stay(State.SUPERSEDED, "changed")
    said = visit_words(visit, delivery.message, now=now)
    return letter_of(kind, TEXT, inbound.sender, said, seen_of(visit, visit.patient), visit=visit, now=now)


def _instead_of_texts(number: str) -> str:
    """How whoever has this number hears from us without texts: "email" if all of them can, else "phone"; empty for nobody's."""
    reached: list[Patient | Helper] = [*Patient.objects.current().filter(mobile=number), *Helper.objects.filter(mobile=number)]
    return ("email" if all(who.can_email for who in reached) else "phone") if reached else ""


def _wait(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """That they are on the waiting list, and the way back to it; not who has left it, or has a visit and finds it there."""
    entry = facts.waits.get(delivery.message.subject_id)
    if entry is None or entry.sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    if not entry.is_on_list or entry.visit_id is not None:
        return Stay(State.SKIPPED, "changed")
    reader = entry.reach
    if delivery.channel not in ways(kind, reader, texts_work=texts_work):
        return Stay(State.SKIPPED, why_not(delivery.channel, reader, texts_work))
    link = settings.SITE_URL + reverse("booking:waiting", args=[waiting_token_of(entry)])
    for_whom = entry.patient.call_name if reader != entry.patient else ""
    said = {"name": reader.call_name, "for_whom": for_whom, "called": entry.by_phone, "link": link, "messages_link": link}
    seen = (
        Seen("booking_waitlistentry", entry.pk, "version", entry.version),
        Seen(reader._meta.db_table, reader.pk, "version", reader.version),
    )
    address = reader.email if delivery.channel == EMAIL else reader.e164
    return letter_of(kind, delivery.channel, address, said, seen, now=now)


def _offer(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """A time to take or pass on until a deadline. Answered meanwhile, it is not told."""
    made = facts.offers.get(delivery.message.subject_id)
    gone = kind.code == "wait_gone"
    state = OfferState.SKIPPED if gone else OfferState.OPEN
    if made is None or made.sequence != delivery.message.sequence or made.state != state:
        return Stay(State.SUPERSEDED, "changed")
    if gone and not made.entry.is_on_list:
        return Stay(State.SKIPPED, "changed")
    if not gone and not made.is_live(now):
        return Stay(State.EXPIRED, "too_late")
    reader, patient, visit = made.entry.reach, made.entry.patient, made.entry.visit
    open_ways = [delivery.channel] if delivery.reason in (FALLBACK, RESEND) else ways(kind, reader, texts_work=texts_work)
    if delivery.channel not in open_ways:
        return Stay(State.SKIPPED, why_not(delivery.channel, reader, texts_work))
    link = settings.SITE_URL + reverse("booking:waiting", args=[waiting_token_of(made.entry)])
    said = {
        "name": reader.call_name,
        "for_whom": patient.call_name if reader != patient else "",
        "start": made.starts_at,
        "until": made.expires_at,
        "today": clock.today(made.starts_at) == clock.today(now),
        "until_today": clock.today(made.expires_at) == clock.today(now),
        "minutes": made.entry.service.minutes,
        "physician": made.practitioner.name,
        "physician_short": made.practitioner.short_name,
        "has_visit": visit is not None and visit.status in COMING,
        "link": link,
        "messages_link": link,
    }
    seen = (
        Seen("booking_waitlistoffer", made.pk, "sequence", made.sequence),
        Seen("booking_waitlistentry", made.entry_id, "version", made.entry.version),
        Seen(reader._meta.db_table, reader.pk, "version", reader.version),
    )
    address = reader.email if delivery.channel == EMAIL else reader.e164
    return letter_of(kind, delivery.channel, address, said, seen, now=now)


def _asked(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """That there is a question; answered meanwhile, or after a newer one, it is not told."""
    visit = facts.visits.get(delivery.message.subject_id)
    response = visit.response if visit is not None else None
    if visit is None or visit.patient is None or response is None or response.ask_sequence != delivery.message.sequence:
        return Stay(State.SUPERSEDED, "changed")
    if response.asked_at is None:
        return Stay(State.SKIPPED, "answered")
    more = {"link": settings.SITE_URL + reverse("booking:visit_reply", args=[token_of(visit)])}
    seen = (Seen("intake_questionnaireresponse", response.pk, "version", response.version),)
    return to_patient(kind, delivery, visit, more, seen, texts_work, now)


def _late(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """How far behind we are; taken back, said anew, moved or arrived meanwhile, it is not told."""
    visit, said = facts.visits.get(delivery.message.subject_id), facts.late.get(delivery.message.sequence)
    if visit is None or visit.patient is None or said is None or said.ended_at is not None:
        return Stay(State.SUPERSEDED, "changed")
    if visit.starts_at != delivery.message.says_start or visit.practitioner_id != said.practitioner_id:
        return Stay(State.SKIPPED, "changed")
    seen = (Seen("booking_runninglate", said.pk, "sequence", said.sequence),)
    return to_patient(kind, delivery, visit, {"behind": said.minutes}, seen, texts_work, now)


def _desk_text(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """One of the clinic's short texts; taken back, or the visit moved, ended or further on than it says: it is not told."""
    visit, said = facts.visits.get(delivery.message.subject_id), facts.desk_texts.get(delivery.message.sequence)
    if visit is None or visit.patient is None or said is None or said.ended_at is not None:
        return Stay(State.SUPERSEDED, "changed")
    asked = (delivery.message.says_start, delivery.message.says_practitioner_id)
    if (visit.starts_at, visit.practitioner_id) != asked or not said.fits(visit, now=now):
        return Stay(State.SKIPPED, "changed")
    more = {"saying": said.code, "come_at": said.come_at(visit.starts_at)}
    seen = (Seen("booking_desktext", said.pk, "sequence", said.sequence),)
    return to_patient(kind, delivery, visit, more, seen, texts_work, now)


def _recall(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """That it may be time to come again, to the patient alone; not if the consent went, or something was booked."""
    visit = facts.visits.get(delivery.message.subject_id)
    if visit is None or visit.patient is None or not Clinic.current().recall_months or not care.nothing_booked(visit):
        return Stay(State.SKIPPED, "changed")
    if visit.reach != visit.patient or not agreed_to_care(visit.patient):
        return Stay(State.SKIPPED, "not_chosen")
    more = {"link": settings.SITE_URL + reverse("booking:start"), "unsubscribe": care.ends_at(visit.patient)}
    return to_patient(kind, delivery, visit, more, (), texts_work, now)


def _test(kind: Kind, delivery: Delivery, facts: Facts, texts_work: bool, now: datetime) -> Letter | Stay:
    """A kind with a sample's words, to whoever wanted to see it arrive. It says that it is a test."""
    test = facts.tests.get(delivery.message.subject_id)
    if test is None:
        return Stay(State.SUPERSEDED, "changed")
    if stay := _no_text(delivery, test.address, texts_work):
        return stay
    letter = sample_letter(kind, delivery.channel, address=test.address, now=now)
    return letter if delivery.channel == TEXT else replace(letter, subject=_("Test: %(subject)s") % {"subject": letter.subject})


def sample_letter(kind: Kind, channel: str, *, address: str = "", now: datetime, saying: str = "") -> Letter:
    """What a kind looks like, of a patient who does not exist.

    Args:
        saying: which of the desk's short texts, for the kind that has several.
    """
    said = sample_words(kind.code, now=now) | ({"saying": saying} if saying else {})
    return letter_of(kind, channel, address, said, (), now=now)


BY_SUBJECT = {
    Subject.CODE: _code,
    Subject.LINK: _link,
    Subject.LEFT: _left,
    Subject.SIGN_IN: _sign_in,
    Subject.RESPONSE: _page,
    Subject.RESUME: _resume,
    Subject.REPLY: _reply,
    Subject.TEST: _test,
    Subject.OFFER: _offer,
    Subject.WAIT: _wait,
    Subject.ASKED: _asked,
    Subject.LATE: _late,
    Subject.DESK_TEXT: _desk_text,
    Subject.RECALL: _recall,
}
