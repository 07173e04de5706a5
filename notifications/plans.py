"""What each fact asks to be said, one function a kind of fact. `planner` pulls the facts and writes this down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from accounts import clock
from accounts.models import Clinic, SignInMail
from booking.actions import RULES, still_to_come
from booking.late import REST
from booking.models import COMING, Appointment, DeskText, LinkRequest, RunningLate, Status, WaitlistEntry, WaitlistOffer
from booking.waitlist import OfferState
from intake.actions import later
from intake.models import QuestionnaireResponse, ResumeLink
from notifications.kinds import (
    CANCELLATIONS,
    EMAIL,
    KINDS,
    NEWS,
    NOT_ARRIVED,
    REMINDERS,
    Kind,
    expiry,
    missed_until,
    out_of_quiet,
    rested,
)
from notifications.models import Message, State, Subject
from patients.models import ContactCode, Helper, LeftAddress, Patient

LINKS_PER_REQUEST = 5
# allauth's name of a mail → kind; the rest are notices that something about the sign-in changed.
SIGN_IN_KINDS = {"password_reset_key": "password_reset", "invited": "invitation"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A message to write, with its first delivery: waiting, or skipped with a reason."""

    subject_type: str
    subject_id: int
    kind: str
    sequence: int
    recipient: str
    channel: str
    due_at: datetime
    expires_at: datetime
    urgent: bool = False
    state: str = State.PENDING.value
    reason: str = ""
    says_start: datetime | None = None
    says_practitioner_id: int | None = None
    was_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one fact leads to: messages to write, and below which sequence whatever still waits is withdrawn."""

    messages: list[Planned]
    withdraw_below: int = 0
    call_off: tuple[str, ...] = ()  # what the desk was to phone about, and is not so any more


# --- Visits ---------------------------------------------------------------------------------------------------------


def plan_visit(visit: Appointment, earlier: Sequence[Message], *, now: datetime) -> Plan:
    """What to say about a visit as it is now.

    Args:
        earlier: the visit's messages so far, in the order they were planned; each has `told`, whether its words left us, and
            `called`, whether it is the desk that tells instead.
    """
    if visit.status in COMING:
        if visit.starts_at <= now:
            return Plan([], visit.ics_sequence)
        return Plan(_coming(visit, earlier, now=now), visit.ics_sequence, _not_so_any_more(visit, earlier))
    if visit.status == Status.CANCELLED:
        return Plan(_cancelled(visit, earlier, now=now), visit.ics_sequence)
    if visit.status == Status.NOSHOW:
        return Plan(_missed(visit, now=now), visit.ics_sequence)
    # They are here. What waits is kept back by its status, and is still there if that step is undone.
    return Plan([], visit.ics_sequence)


def _coming(visit: Appointment, earlier: Sequence[Message], *, now: datetime) -> list[Planned]:
    """News of the time if the patient does not know it yet, and the reminders."""
    heard = [m for m in earlier if _is_heard(m, visit)]
    known = heard[-1] if heard else None
    knows = known is not None and known.kind not in CANCELLATIONS and _says(known) == (visit.starts_at, visit.practitioner_id)
    since = visit.booked_at or visit.created_at
    planned: list[Planned] = []
    # Cancelled or moved, and taken back: who was reminded of this time is not reminded of it again.
    reminded = {(m.kind, m.channel) for m in heard if m.says_start == visit.starts_at}
    if not knows:
        since = since if visit.ics_sequence == 0 else visit.changed_at
        if not any(m.kind in NEWS and m.sequence == visit.ics_sequence for m in earlier):
            kind = _news_kind(visit, known)
            was = known.says_start if known is not None and kind.code != "booked" else None
            planned += _news(kind, visit, since, now=now, was_start=was)
    for kind in REMINDERS:
        if visit.service.questionnaire or not kind.asks_questions:
            stages = _reminder(kind, visit, since, now=now)
            planned += [p for p in stages if (p.kind, p.channel) not in reminded]
    return planned


def _is_heard(message: Message, visit: Appointment) -> bool:
    """Whether the patient knows what a message says: its words left us, or the desk is not to phone about it any more."""
    return message.told or (message.called and not {_call(message), str(NOT_ARRIVED)} & visit.calls)  # type: ignore[attr-defined]


def _call(message: Message) -> str:
    """What the call list says of a message that cannot be sent."""
    return str(KINDS[message.kind].call) if message.kind in KINDS else ""


def _not_so_any_more(visit: Appointment, earlier: Sequence[Message]) -> tuple[str, ...]:
    """Calls about what the visit no longer is: it was moved or cancelled, and that was taken back before anybody phoned."""
    called = [m for m in earlier if m.called]  # type: ignore[attr-defined]
    so = {_call(m) for m in called if m.sequence == visit.ics_sequence}
    return tuple(sorted(({_call(m) for m in called} - so) & visit.calls))


MOVED = {"clinic": "moved_by_clinic", RULES: "clock_rules"}  # by who moved it


def _news_kind(visit: Appointment, known: Message | None) -> Kind:
    """A move that nobody was told the old time of is simply a booking."""
    if known is None or known.kind in CANCELLATIONS:
        return KINDS["booked"]
    return KINDS[MOVED.get(visit.changed_by, "moved")]


def _cancelled(visit: Appointment, earlier: Sequence[Message], *, now: datetime) -> list[Planned]:
    """News of the end, unless the patient never heard of the beginning or has heard of the end."""
    at = visit.cancelled_at or visit.changed_at
    known = _last_told(earlier)
    if known is None and at - (visit.booked_at or at) <= timedelta(seconds=settings.MESSAGE_GRACE_SECONDS):
        return []
    if known is not None and known.kind in CANCELLATIONS:
        return []
    if visit.cancelled_by == "clinic":
        kind = KINDS["cancelled_by_clinic"]
    else:
        kind = KINDS["cancelled_late" if visit.cancelled_late and Clinic.current().late_fee else "cancelled"]
    # Say the time the patient knows: the one last told, or the patient's own move however young.
    own_or_told = [m for m in earlier if m.says_start and (m.told or m.kind == "moved")]  # type: ignore[attr-defined]
    start = own_or_told[-1].says_start if own_or_told else visit.starts_at
    return _news(kind, visit, at, now=now, says_start=start)


def _missed(visit: Appointment, *, now: datetime) -> list[Planned]:
    """Word that we missed them, after the desk's chance to take it back; not about a visit of days ago."""
    kind = KINDS["missed"]
    due = rested(kind, visit.changed_at)
    end = missed_until(due, start=visit.starts_at)
    return [
        _about_visit(kind, visit, channel, due, end, earliest=visit.changed_at, now=now, says_start=visit.starts_at)
        for channel in kind.channels
    ]


def _last_told(earlier: Iterable[Message]) -> Message | None:
    return next((m for m in reversed(list(earlier)) if m.told), None)  # type: ignore[attr-defined]


def _says(message: Message) -> tuple[datetime | None, int | None]:
    return message.says_start, message.says_practitioner_id


def _news(
    kind: Kind,
    visit: Appointment,
    at: datetime,
    *,
    now: datetime,
    was_start: datetime | None = None,
    says_start: datetime | None = None,
) -> list[Planned]:
    """One message per channel; which of them really go is decided at the fence, from the patient's choice at that moment."""
    due = rested(kind, at)
    end = expiry(kind, due, start=visit.starts_at)
    return [
        _about_visit(
            kind, visit, channel, due, end, earliest=at, now=now, was_start=was_start, says_start=says_start or visit.starts_at
        )
        for channel in kind.channels
    ]


def _reminder(kind: Kind, visit: Appointment, since: datetime, *, now: datetime) -> list[Planned]:
    """A stage, or its rows marked as skipped when it is stale: the time was made too late for it, or it is long past."""
    zone = clock.zone_of(visit.zone)
    if kind.hours_before is None:
        due = clock.days_before(visit.starts_at, kind.days_before or 0, zone)
    else:
        due = visit.starts_at - timedelta(hours=kind.hours_before)
    end = expiry(kind, due, start=visit.starts_at)
    reason = "late_booking" if due - since < kind.min_lead else ""
    return [
        _about_visit(kind, visit, channel, due, end, earliest=since, now=now, says_start=visit.starts_at, reason=reason)
        for channel in kind.channels
    ]


def _about_visit(
    kind: Kind,
    visit: Appointment,
    channel: str,
    due: datetime,
    end: datetime,
    *,
    earliest: datetime,
    now: datetime,
    says_start: datetime,
    was_start: datetime | None = None,
    reason: str = "",
) -> Planned:
    due = out_of_quiet(kind, channel, due, earliest=earliest, latest=end, zone=clock.zone_of(visit.zone))
    reason = reason or ("too_late" if end <= now else "")
    return Planned(
        subject_type=Subject.VISIT.value,
        subject_id=visit.pk,
        kind=kind.code,
        sequence=visit.ics_sequence,
        recipient="patient",
        channel=channel,
        due_at=due,
        expires_at=end,
        state=State.SKIPPED.value if reason else State.PENDING.value,
        reason=reason,
        says_start=says_start,
        says_practitioner_id=visit.practitioner_id,
        was_start=was_start,
    )


# --- Codes, lost links, sign-in mails -----------------------------------------------------------------------------------


def plan_code(code: ContactCode) -> Plan:
    """The six digits, to the address they were asked for; to sign in, only where we know somebody."""
    kind = KINDS["code"]
    there = {"email": code.address} if code.channel == EMAIL else {"mobile": code.address}
    known = code.purpose != "portal_sign_in" or Patient.objects.current().reached_at(**there).exists()
    message = Planned(
        Subject.CODE.value,
        code.pk,
        kind.code,
        code.sequence,
        "asker",
        code.channel,
        code.asked_at,
        code.expires_at,
        urgent=kind.urgent,
        state=State.PENDING.value if known else State.SKIPPED.value,
        reason="" if known else "unknown",
    )
    return Plan([message], code.sequence)


def plan_link(request: LinkRequest, *, now: datetime) -> Plan:
    """A link for each visit still to come of whoever is reached there; for an unknown address, a row that says so and no more.

    A link to answers that were saved from there is owed again, as a fact of its own.
    """
    later.owe_again(channel=request.channel, address=request.address, now=now)
    kind = KINDS["lost_link"]
    there = {"email": request.address} if request.channel == EMAIL else {"mobile": request.address}
    field = "email__iexact" if request.channel == EMAIL else "mobile"
    helps = Q(helper__in=Helper.objects.filter(gets_messages=True, **{field: request.address}))
    visits = Appointment.objects.upcoming(now).filter(Q(patient__in=Patient.objects.current().reached_at(**there)) | helps)
    ids = list(visits.order_by("starts_at").values_list("pk", flat=True)[:LINKS_PER_REQUEST])
    due, end = request.asked_at, request.asked_at + kind.lasts
    row = (Subject.LINK.value, request.pk, kind.code, request.sequence)
    messages = [Planned(*row, f"visit:{pk}", request.channel, due, end, urgent=True) for pk in ids]
    if not messages:
        messages = [Planned(*row, "nobody", request.channel, due, end, urgent=True, state=State.SKIPPED.value, reason="unknown")]
    return Plan(messages, request.sequence)


def plan_sign_in(mail: SignInMail) -> Plan:
    """A mail that allauth wanted to send, to the person who signs in."""
    kind = KINDS[SIGN_IN_KINDS.get(mail.kind, "sign_in_change")]
    row = (Subject.SIGN_IN.value, mail.pk, kind.code, mail.sequence, "user", EMAIL)
    return Plan([Planned(*row, mail.asked_at, mail.asked_at + kind.lasts, urgent=kind.urgent)], mail.sequence)


def plan_page(response: QuestionnaireResponse) -> Plan:
    """Somebody of the clinic must look at these answers today. The message carries the visit's reference, never a name."""
    kind = KINDS["urgent_flag"]
    asked_at = response.saved_at  # when it was sent, or when something was added since
    row = (Subject.RESPONSE.value, response.pk, kind.code, response.page_sequence, "clinic", EMAIL)
    return Plan([Planned(*row, asked_at, asked_at + kind.lasts, urgent=kind.urgent)], response.page_sequence)


def plan_resume(link: ResumeLink) -> Plan:
    """The link back to a draft, to the address it was asked for. Nobody is known yet, so nobody is named."""
    kind = KINDS["resume"]
    row = (Subject.RESUME.value, link.pk, kind.code, link.sequence, "asker", link.channel)
    return Plan([Planned(*row, link.asked_at, link.asked_at + kind.lasts, urgent=kind.urgent)], link.sequence)


def plan_left(left: LeftAddress) -> Plan:
    """To whoever reads an address that messages do not come to any more, once a slip would have been put right."""
    kind = KINDS["address_left"]
    due = rested(kind, left.left_at)
    row = (Subject.LEFT.value, left.pk, kind.code, left.sequence, "former")
    return Plan([Planned(*row, left.channel, due, due + kind.lasts)], left.sequence)


def plan_wait(entry: WaitlistEntry) -> Plan:
    """That they are on the list, and the link to their place."""
    kind = KINDS["wait_joined"]
    due = rested(kind, entry.joined_at)
    row = (Subject.WAIT.value, entry.pk, kind.code, entry.sequence, "patient")
    return Plan([Planned(*row, channel, due, due + kind.lasts) for channel in kind.channels])


def plan_offer(made: WaitlistOffer, *, told: bool = False) -> Plan:
    """A time held for somebody on the waiting list until a deadline; answered or withdrawn, whatever still waits is withdrawn.

    Args:
        told: whether the offer's own message may have left.
    """
    kind, due, end = KINDS["wait_offer"], made.offered_at, made.expires_at
    if made.state == OfferState.SKIPPED and made.answered_at and told:  # taken back by the clinic while they had it in hand
        kind, due = KINDS["wait_gone"], made.answered_at
        end = due + kind.lasts
    elif made.state != OfferState.OPEN or made.entry.is_called:
        return Plan([], made.sequence)
    row = (Subject.OFFER.value, made.pk, kind.code, made.sequence, "patient")
    messages = [
        Planned(
            *row, channel, due, end, urgent=kind.urgent,
            says_start=made.starts_at, says_practitioner_id=made.practitioner_id,
        )
        for channel in kind.channels
    ]  # fmt: skip
    return Plan(messages, made.sequence)


def plan_asked(response: QuestionnaireResponse, visit: Appointment | None, *, now: datetime) -> Plan:
    """There is a question from the physician; which, stands on the visit's page only. Not about a visit that has begun."""
    kind, at = KINDS["asked"], response.asked_at
    if at is None or visit is None or visit.status not in COMING or visit.starts_at <= now:
        return Plan([])
    end = expiry(kind, at, start=visit.starts_at)
    return Plan(beside(kind, Subject.ASKED, visit, response.ask_sequence, at, end, earliest=at))


def plan_late(said: RunningLate, *, now: datetime) -> Plan:
    """To everybody of the next hours who has not arrived: once for each time it is said."""
    kind, rested = KINDS["late"], said.said_at + REST
    if not said.counts(now):
        return Plan([])
    messages: list[Planned] = []
    for visit in still_to_come(said.practitioner_id, since=now, until=said.until):
        end = expiry(kind, rested, start=visit.starts_at)
        messages += beside(kind, Subject.LATE, visit, said.pk, rested, end, earliest=said.said_at)
    return Plan(messages)


def plan_desk_text(said: DeskText, *, now: datetime) -> Plan:
    """One of the clinic's short texts; nothing if it was taken back, or does not go with the visit any more."""
    kind, visit = KINDS["desk_text"], said.appointment
    if said.ended_at is not None or not said.fits(visit, now=now):
        return Plan([])
    end = said.ends_at(visit)
    return Plan(beside(kind, Subject.DESK_TEXT, visit, said.pk or 0, said.due_at(visit), end, earliest=said.asked_at))


def beside(
    kind: Kind, subject: Subject, visit: Appointment, sequence: int, due: datetime, end: datetime, *, earliest: datetime
) -> list[Planned]:
    """A message about a visit that is not part of its own course, by each channel of its kind."""
    zone = clock.zone_of(visit.zone)
    return [
        Planned(
            subject.value, visit.pk, kind.code, sequence, "patient", channel,
            out_of_quiet(kind, channel, due, earliest=earliest, latest=end, zone=zone), end, urgent=kind.urgent,
            says_start=visit.starts_at, says_practitioner_id=visit.practitioner_id,
        )
        for channel in kind.channels
    ]  # fmt: skip
