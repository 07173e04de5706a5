"""From facts to messages. The apps below state facts in their own transactions; this module pulls those not yet announced.

One transaction per batch: lock the facts (`SKIP LOCKED`, so that planners may run side by side and never wait for a booking),
withdraw what is no longer true, write what is now to be said (`ON CONFLICT DO NOTHING`, so that nothing is said twice), move
the `announced` mark. A fact whose plan fails is logged and left; the others go on.
"""

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, Value

from accounts import clock
from accounts.models import Clinic, SignInMail
from booking.actions import RULES, still_to_come
from booking.late import REST
from booking.models import Appointment, LinkRequest, RunningLate, Status, WaitlistOffer
from booking.waitlist import OfferState
from intake.actions import later
from intake.models import QuestionnaireResponse, ResumeLink
from notifications.kinds import CANCELLATIONS, COMING, EMAIL, KINDS, NEWS, REMINDERS, TEXT, Kind, expiry, out_of_quiet, rested
from notifications.models import TOLD, WAITING, Delivery, Inbound, Message, State, Subject, TestSend
from patients.models import ContactCode, Helper, Patient

log = logging.getLogger(__name__)
BATCH = 100
LINKS_PER_REQUEST = 5
# allauth's name of a mail → kind; the rest are notices that something about the sign-in changed.
# Subject → the mark that is behind, and the column it follows, where they are not called announced and sequence.
MARKS = {Subject.VISIT: ("announced", "version"), Subject.RESPONSE: ("page_announced", "page_sequence"),
         Subject.ASKED: ("ask_announced", "ask_sequence")}  # fmt: skip
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


# --- Visits ---------------------------------------------------------------------------------------------------------


def plan_visit(visit: Appointment, earlier: Sequence[Message], *, now: datetime) -> Plan:
    """What to say about a visit as it is now.

    Args:
        earlier: the visit's messages so far, in the order they were planned; each has `told`, whether its words left us.
    """
    if visit.status in COMING:
        if visit.starts_at <= now:
            return Plan([], visit.ics_sequence)
        return Plan(_coming(visit, earlier, now=now), visit.ics_sequence)
    if visit.status == Status.CANCELLED:
        return Plan(_cancelled(visit, earlier, now=now), visit.ics_sequence)
    if visit.status == Status.NOSHOW:
        return Plan(_missed(visit, now=now), visit.ics_sequence)
    # They are here. What waits is kept back by its status, and is still there if that step is undone.
    return Plan([], visit.ics_sequence)


def _coming(visit: Appointment, earlier: Sequence[Message], *, now: datetime) -> list[Planned]:
    """News of the time if the patient does not know it yet, and the reminders."""
    known = _last_told(earlier)
    knows = known is not None and known.kind not in CANCELLATIONS and _says(known) == (visit.starts_at, visit.practitioner_id)
    since = visit.booked_at or visit.created_at
    planned: list[Planned] = []
    if not knows:
        since = since if visit.ics_sequence == 0 else visit.changed_at
        if not any(m.kind in NEWS and m.sequence == visit.ics_sequence for m in earlier):
            kind = _news_kind(visit, known)
            was = known.says_start if known is not None and kind.code != "booked" else None
            planned += _news(kind, visit, since, now=now, was_start=was)
    for kind in REMINDERS:
        if visit.service.questionnaire or not kind.asks_questions:
            planned += _reminder(kind, visit, since, now=now)
    return planned


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
    end = min(expiry(kind, due, start=None), visit.starts_at + timedelta(hours=36))
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
    asked_at = response.completed_at or response.saved_at
    row = (Subject.RESPONSE.value, response.pk, kind.code, response.page_sequence, "clinic", EMAIL)
    return Plan([Planned(*row, asked_at, asked_at + kind.lasts, urgent=kind.urgent)], response.page_sequence)


def plan_resume(link: ResumeLink) -> Plan:
    """The link back to a draft, to the address it was asked for. Nobody is known yet, so nobody is named."""
    kind = KINDS["resume"]
    row = (Subject.RESUME.value, link.pk, kind.code, link.sequence, "asker", link.channel)
    return Plan([Planned(*row, link.asked_at, link.asked_at + kind.lasts, urgent=kind.urgent)], link.sequence)


def plan_answer(inbound: Inbound, code: str, visit: Appointment | None, *, now: datetime) -> None:
    """Write the answer to a text that came in, in the caller's transaction: this fact is in our own table."""
    kind = KINDS[code]
    message = Planned(
        Subject.REPLY.value,
        inbound.pk,
        code,
        1,
        f"visit:{visit.pk}" if visit else "sender",
        TEXT,
        now,
        now + kind.lasts,
        urgent=kind.urgent,
        says_start=visit.starts_at if visit else None,
    )
    write(Subject.REPLY, {inbound.pk: Plan([message])}, now)


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


def plan_test(test: TestSend, *, now: datetime, lasts: timedelta) -> None:
    """Write a test message, in the caller's transaction."""
    message = Planned(Subject.TEST.value, test.pk, test.kind, 1, "tester", test.channel, now, now + lasts, urgent=True)
    write(Subject.TEST, {test.pk: Plan([message])}, now)


# --- Pulling ------------------------------------------------------------------------------------------------------------


def tick(*, now: datetime | None = None) -> int:
    """Plan for every fact that is behind. Returns how many facts were planned. Safe to run anywhere, any number at a time."""
    now = now or clock.now()
    return sum(_pull(*_SOURCES[n], now) for n in _with_something_behind())


def _with_something_behind() -> list[int]:
    """Which of the sources have a fact that is behind. Most rounds find none, so all of them are asked in one statement."""
    first, *rest = [behind.order_by().values(n=Value(n))[:1] for n, (_subject, behind, _plan) in enumerate(_SOURCES)]
    return sorted(row["n"] for row in first.union(*rest, all=True))


def _pull(subject: Subject, behind: Any, plan: Callable[[list[Any], datetime], dict[int, Plan]], now: datetime) -> int:
    done, after = 0, 0
    while True:
        with transaction.atomic():
            # Locked for this transaction; those that somebody is changing come next time.
            rows = behind.filter(pk__gt=after).order_by("pk")[:BATCH]
            facts = list(rows.select_for_update(skip_locked=True, of=("self",), no_key=True))
            plans = plan(facts, now)
            write(subject, plans, now)
            if plans:
                mark, of = MARKS.get(subject, ("announced", "sequence"))
                behind.model._default_manager.filter(pk__in=plans).update(**{mark: F(of)})
        done += len(plans)
        if len(facts) < BATCH:
            return done
        after = facts[-1].pk


def _each(facts: list[Any], plan: Callable[[Any], Plan]) -> dict[int, Plan]:
    """The plan of each fact; one that cannot be planned must not stop the others."""
    plans: dict[int, Plan] = {}
    for fact in facts:
        try:
            plans[fact.pk] = plan(fact)
        except Exception:
            log.exception("planning failed: %s %s", fact._meta.label, fact.pk)
    return plans


def _visits(facts: list[Any], now: datetime) -> dict[int, Plan]:
    told = Delivery.objects.filter(message=OuterRef("pk"), state__in=TOLD)
    earlier: dict[int, list[Message]] = {fact.pk: [] for fact in facts}
    known = Message.objects.filter(subject_type=Subject.VISIT, subject_id__in=earlier).annotate(told=Exists(told))
    for message in known.order_by("sequence", "due_at", "pk"):
        earlier[message.subject_id].append(message)
    return _each(facts, lambda fact: plan_visit(fact, earlier[fact.pk], now=now))


def _offers(facts: list[Any], now: datetime) -> dict[int, Plan]:
    gone = [fact.pk for fact in facts if fact.state == OfferState.SKIPPED]
    left = Delivery.objects.filter(message__subject_type=Subject.OFFER, message__subject_id__in=gone, state__in=TOLD)
    told = set(left.values_list("message__subject_id", flat=True))
    return _each(facts, lambda fact: plan_offer(fact, told=fact.pk in told))


def _asked(facts: list[Any], now: datetime) -> dict[int, Plan]:
    visits = {visit.response_id: visit for visit in Appointment.objects.filter(response__in=facts)}
    return _each(facts, lambda fact: plan_asked(fact, visits.get(fact.pk), now=now))


_BEHIND = Q(announced__lt=F("sequence"))
_RESPONSES = QuestionnaireResponse.objects.defer("document")
# What is said something about: subject, the facts whose mark is behind, and the plans of some of them.
_SOURCES: tuple[tuple[Subject, Any, Callable[[list[Any], datetime], dict[int, Plan]]], ...] = (
    (Subject.CODE, ContactCode.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_code)),
    (Subject.LINK, LinkRequest.objects.filter(_BEHIND), lambda facts, now: _each(facts, lambda fact: plan_link(fact, now=now))),
    (Subject.RESUME, ResumeLink.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_resume)),
    (Subject.SIGN_IN, SignInMail.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_sign_in)),
    (Subject.RESPONSE, _RESPONSES.filter(page_announced__lt=F("page_sequence")), lambda facts, now: _each(facts, plan_page)),
    (Subject.OFFER, WaitlistOffer.objects.filter(_BEHIND).select_related("entry__patient"), _offers),
    (Subject.VISIT, Appointment.objects.visits().exclude(announced=F("version")).select_related("service"), _visits),
    (Subject.ASKED, _RESPONSES.filter(ask_announced__lt=F("ask_sequence")), _asked),
    (Subject.LATE, RunningLate.objects.filter(_BEHIND), lambda facts, now: _each(facts, lambda said: plan_late(said, now=now))),
)


# A delivery that a drain holds in this moment is left to it: its fence, or its next look, finds that it is no longer true.
_WITHDRAW = """
UPDATE notifications_delivery SET state = 'superseded', reason = 'changed', updated_at = %(now)s WHERE id IN (
    SELECT d.id FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id
    JOIN unnest(%(ids)s::bigint[], %(below)s::int[]) AS f(id, below) ON m.subject_id = f.id AND m.sequence < f.below
    WHERE d.state = ANY(%(waiting)s) AND m.subject_type = %(subject)s
    FOR UPDATE OF d SKIP LOCKED)
"""
_INSERT = """
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
        subject_type text, subject_id bigint, kind text, sequence int, recipient text, channel text, due_at timestamptz,
        expires_at timestamptz, urgent bool, state text, reason text, says_start timestamptz, says_practitioner_id bigint,
        was_start timestamptz)
), m AS (
    INSERT INTO notifications_message (subject_type, subject_id, kind, sequence, recipient, channel, due_at, expires_at,
        says_start, says_practitioner_id, was_start, created_at)
    SELECT subject_type, subject_id, kind, sequence, recipient, channel, due_at, expires_at,
        says_start, says_practitioner_id, was_start, %(now)s FROM r
    ON CONFLICT DO NOTHING
    RETURNING id, subject_type, subject_id, kind, sequence, recipient, channel, due_at
)
INSERT INTO notifications_delivery (public_id, message_id, channel, urgent, state, reason, next_attempt_at, attempts, provider,
    provider_id, error_class, error_code, created_at, updated_at)
SELECT gen_random_uuid(), m.id, m.channel, r.urgent, r.state, r.reason, m.due_at, 0, '', '', '', '', %(now)s, %(now)s
FROM m JOIN r USING (subject_type, subject_id, kind, sequence, recipient, channel)
"""


def write(subject: str, plans: dict[int, Plan], now: datetime) -> None:
    """Withdraw what waits and is no longer true; add what is new. Two statements, however many facts."""
    rows = [asdict(message) for plan in plans.values() for message in plan.messages]
    with connection.cursor() as cursor:
        below = {pk: plan.withdraw_below for pk, plan in plans.items() if plan.withdraw_below}
        if below:
            values: dict[str, Any] = {"ids": list(below), "below": list(below.values()), "waiting": [str(s) for s in WAITING]}
            cursor.execute(_WITHDRAW, values | {"subject": str(subject), "now": now})
        if rows:
            cursor.execute(_INSERT, {"rows": json.dumps(rows, default=lambda moment: moment.isoformat()), "now": now})
