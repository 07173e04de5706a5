"""From facts to messages. The apps below state facts in their own transactions; this module pulls those not yet announced.

One transaction per batch: lock the facts (`SKIP LOCKED`, so that planners may run side by side and never wait for a booking),
withdraw what is no longer true, write what is now to be said (`ON CONFLICT DO NOTHING`, so that nothing is said twice), move
the `announced` mark. A fact whose plan fails is logged and left; the others go on.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, Value

from accounts import clock
from accounts.models import SignInMail
from audit.actor import Actor
from booking.actions import ask_no_call
from booking.models import Appointment, DeskText, LinkRequest, RunningLate, WaitlistEntry, WaitlistOffer
from booking.waitlist import OfferState
from intake.models import QuestionnaireResponse, ResumeLink
from notifications.kinds import KINDS, TEXT
from notifications.letters import NO_WAY
from notifications.models import TOLD, WAITING, Delivery, Inbound, Message, State, Subject, TestSend
from notifications.plans import (
    Plan,
    Planned,
    plan_asked,
    plan_code,
    plan_desk_text,
    plan_late,
    plan_left,
    plan_link,
    plan_offer,
    plan_page,
    plan_resume,
    plan_sign_in,
    plan_visit,
    plan_wait,
)
from patients.models import ContactCode, LeftAddress

log = logging.getLogger(__name__)
BATCH = 100
# Subject → the mark that is behind, and the column it follows, where they are not called announced and sequence.
MARKS = {Subject.VISIT: ("announced", "version"), Subject.RESPONSE: ("page_announced", "page_sequence"),
         Subject.ASKED: ("ask_announced", "ask_sequence")}  # fmt: skip


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
            for fact in facts:
                for reason in plans[fact.pk].call_off if fact.pk in plans else ():
                    ask_no_call(fact, reason=reason, by=Actor.system(), now=now)
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


def _of_visits(facts: list[Any], now: datetime) -> dict[int, Plan]:
    tries = Delivery.objects.filter(message=OuterRef("pk"))
    told, called, unsaid = (Exists(tries.filter(state)) for state in (Q(state__in=TOLD), _LEFT_TO_THE_DESK, Q(state__in=_UNSAID)))
    earlier: dict[int, list[Message]] = {fact.pk: [] for fact in facts}
    known = Message.objects.filter(subject_type=Subject.VISIT, subject_id__in=earlier)
    known = known.annotate(told=told, called=called, unsaid=unsaid).order_by("sequence", "due_at", "pk")
    open_ways = {(m.subject_id, m.kind, m.sequence) for m in known if m.unsaid}
    for message in known:
        message.called &= (message.subject_id, message.kind, message.sequence) not in open_ways
        earlier[message.subject_id].append(message)
    return _each(facts, lambda fact: plan_visit(fact, earlier[fact.pk], now=now))


def _of_offers(facts: list[Any], now: datetime) -> dict[int, Plan]:
    gone = [fact.pk for fact in facts if fact.state == OfferState.SKIPPED]
    left = Delivery.objects.filter(message__subject_type=Subject.OFFER, message__subject_id__in=gone, state__in=TOLD)
    told = set(left.values_list("message__subject_id", flat=True))
    return _each(facts, lambda fact: plan_offer(fact, told=fact.pk in told))


def _of_questions(facts: list[Any], now: datetime) -> dict[int, Plan]:
    visits = {visit.response_id: visit for visit in Appointment.objects.filter(response__in=facts)}
    return _each(facts, lambda fact: plan_asked(fact, visits.get(fact.pk), now=now))


# No way was open, or it came back: the desk phones where that is needed; not while the other way is still to be tried, or was
# not because the visit changed.
_LEFT_TO_THE_DESK = Q(state__in=[State.FAILED, State.BOUNCED]) | Q(state=State.SKIPPED, reason__in=NO_WAY)
_UNSAID = [*WAITING, State.SUPERSEDED, State.EXPIRED]
_BEHIND = Q(announced__lt=F("sequence"))
_RESPONSES = QuestionnaireResponse.objects.defer("document")
# What is said something about: subject, the facts whose mark is behind, and the plans of some of them.
_SOURCES: tuple[tuple[Subject, Any, Callable[[list[Any], datetime], dict[int, Plan]]], ...] = (
    (Subject.CODE, ContactCode.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_code)),
    (Subject.LINK, LinkRequest.objects.filter(_BEHIND), lambda facts, now: _each(facts, lambda fact: plan_link(fact, now=now))),
    (Subject.RESUME, ResumeLink.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_resume)),
    (Subject.LEFT, LeftAddress.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_left)),
    (Subject.SIGN_IN, SignInMail.objects.filter(_BEHIND), lambda facts, now: _each(facts, plan_sign_in)),
    (Subject.RESPONSE, _RESPONSES.filter(page_announced__lt=F("page_sequence")), lambda facts, now: _each(facts, plan_page)),
    (Subject.OFFER, WaitlistOffer.objects.filter(_BEHIND).with_reach(), _of_offers),
    (Subject.WAIT, WaitlistEntry.objects.filter(_BEHIND).with_reach(), lambda facts, now: _each(facts, plan_wait)),
    (Subject.VISIT, Appointment.objects.visits().exclude(announced=F("version")).select_related("service"), _of_visits),
    (Subject.ASKED, _RESPONSES.filter(ask_announced__lt=F("ask_sequence")), _of_questions),
    (Subject.LATE, RunningLate.objects.filter(_BEHIND), lambda facts, now: _each(facts, lambda said: plan_late(said, now=now))),
    (
        Subject.DESK_TEXT,
        DeskText.objects.filter(_BEHIND).select_related("appointment"),
        lambda facts, now: _each(facts, lambda said: plan_desk_text(said, now=now)),
    ),
)


# A delivery that a drain holds in this moment is left to it: its fence, or its next look, finds that it is no longer true.
_WITHDRAW = """
UPDATE notifications_delivery SET state = 'superseded', reason = 'changed', updated_at = %(now)s WHERE id IN (
    SELECT d.id FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id
    JOIN unnest(%(ids)s::bigint[], %(below)s::int[]) AS f(id, below) ON m.subject_id = f.id AND m.sequence < f.below
    WHERE d.state = ANY(%(waiting)s) AND m.subject_type = %(subject)s
    FOR UPDATE OF d SKIP LOCKED)
"""
_ROWS = """
WITH r AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s) AS r(
        subject_type text, subject_id bigint, kind text, sequence int, recipient text, channel text, due_at timestamptz,
        expires_at timestamptz, urgent bool, state text, reason text, says_start timestamptz, says_practitioner_id bigint,
        was_start timestamptz)
)
"""
# What was kept back by a step that is undone, such as "arrived" at the wrong line, waits again.
_AGAIN = (
    _ROWS
    + """
UPDATE notifications_delivery SET state = 'pending', reason = '', next_attempt_at = kept.due_at, updated_at = %(now)s
FROM (
    SELECT d.id, r.due_at FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id
    JOIN r USING (subject_type, subject_id, kind, sequence, recipient)
    WHERE m.channel = r.channel AND d.state = 'skipped' AND d.reason = 'changed' AND r.state = 'pending'
      AND m.expires_at > %(now)s
      AND NOT EXISTS (SELECT 1 FROM notifications_delivery o WHERE o.message_id = m.id AND o.id <> d.id)
    FOR UPDATE OF d SKIP LOCKED) kept
WHERE notifications_delivery.id = kept.id
"""
)
_INSERT = (
    _ROWS
    + """, m AS (
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
)


def write(subject: str, plans: dict[int, Plan], now: datetime) -> None:
    """Withdraw what waits and is no longer true; add what is new, and what is so again. Three statements, however many facts."""
    rows = [asdict(message) for plan in plans.values() for message in plan.messages]
    with connection.cursor() as cursor:
        below = {pk: plan.withdraw_below for pk, plan in plans.items() if plan.withdraw_below}
        if below:
            values: dict[str, Any] = {"ids": list(below), "below": list(below.values()), "waiting": [str(s) for s in WAITING]}
            cursor.execute(_WITHDRAW, values | {"subject": str(subject), "now": now})
        if rows:
            planned: dict[str, Any] = {"rows": json.dumps(rows, default=lambda moment: moment.isoformat()), "now": now}
            cursor.execute(_AGAIN, planned)
            cursor.execute(_INSERT, planned)


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


def plan_test(test: TestSend, *, now: datetime, lasts: timedelta) -> None:
    """Write a test message, in the caller's transaction."""
    message = Planned(Subject.TEST.value, test.pk, test.kind, 1, "tester", test.channel, now, now + lasts, urgent=True)
    write(Subject.TEST, {test.pk: Plan([message])}, now)
