"""Sending what is due. Any number of these may run at once, anywhere.

claim      a batch, with SKIP LOCKED and a lease; committed at once
compose    look everything up and write the words (letters.py); what is no longer true stays here, with a reason
fence      one statement: if nothing the words were taken from has moved since, and the channel is on, write "sending"
send       hand it over (channels.py)
result     accepted, or try again later, or failed; where nobody knows, unknown: never guessed, healed by a receipt

"sending" is on disk before a byte leaves, so a process that dies in between leaves exactly one unknown message behind, never
a second copy. "accepted" is written by the next message's fence, in the same statement and commit: so there is one commit for
each message, and still at most one in "sending". Leases run on the database's clock; everything else on `now`.
"""

import logging
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, QuerySet

from accounts import clock
from audit import rows
from audit.actor import Actor
from booking.actions import ask_to_call
from booking.actions.write_path import retrying
from booking.models import Appointment
from notifications import allowance, channels, receipts
from notifications.channels import Became, Outcome, Session
from notifications.fallback import call_about, call_those_who_have_not_heard, fall_back
from notifications.kinds import EMAIL, MUST_REACH, TEXT
from notifications.letters import Facts, Letter, Stay, Wait, compose
from notifications.models import ABOUT_VISITS, Channel, ChannelSwitch, Delivery, Message, State
from notifications.seals import digest_of
from patients.models import ReminderBy

log = logging.getLogger(__name__)
LEASE = "60 seconds"
BATCH = 50
LATE_NEWS = 200  # that one round of reconcile ends
BUDGET = 20.0  # seconds a drain goes on for; then whatever it has not started goes back
PAUSE = timedelta(seconds=10)  # a channel whose other side does not answer rests at most this long
BREAK_AFTER, BREAK_PAUSE = 5, timedelta(seconds=60)  # tries in a row that were not taken; then a longer rest
RETRY_BASE, RETRY_BASE_URGENT, RETRY_MAX = timedelta(seconds=30), timedelta(seconds=2), timedelta(minutes=30)

# What every message costs: prepared (audit/rows.py), so parameters are cast where no column tells their type. Rows that are known
# by key say `(state = …) IS TRUE`, which no partial index answers: its planner's guess is "hardly a row", and while a thousand
# messages go out it holds all of their dead entries. Whatever touches several rows skips those that others hold, so that nothing
# here can wait in a circle; a row that was skipped is looked at again when its lease ends, or found to be untrue by its fence.
# Materialized, because a plan may ask a sub-select again for each row, and each time it would lock that many more.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id FROM notifications_delivery
    WHERE state = 'pending' AND next_attempt_at <= %(now)s AND channel <> ALL(%(resting)s::text[]) {urgent}
    ORDER BY next_attempt_at, id LIMIT %(size)s FOR UPDATE SKIP LOCKED)
UPDATE notifications_delivery d
SET state = 'claimed', claim = %(claim)s, lease_until = now() + %(lease)s::interval, updated_at = %(now)s
FROM due WHERE d.id = due.id
RETURNING d.id
"""
_KNOWN = """
SELECT {both} FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id
WHERE d.id = ANY(%s::bigint[]) ORDER BY d.next_attempt_at, d.id
"""
_KEEP = """
UPDATE notifications_delivery d
SET state = k.state, reason = k.reason, lease_until = NULL, updated_at = %(now)s
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[]) AS k(id, state, reason)
WHERE d.id = k.id AND d.id IN (
    SELECT id FROM notifications_delivery WHERE id = ANY(%(ids)s::bigint[]) AND (state = 'claimed') IS TRUE AND claim = %(claim)s
    FOR UPDATE SKIP LOCKED)
"""
_FENCE = """
UPDATE notifications_delivery
SET state = 'sending', attempts = attempts + 1, lease_until = now() + %(lease)s::interval, sent_to = %(to)s,
    updated_at = %(now)s
WHERE id = %(id)s AND (state = 'claimed') IS TRUE AND claim = %(claim)s AND lease_until > now()
  AND NOT EXISTS (SELECT 1 FROM notifications_channelswitch WHERE channel = %(channel)s AND NOT enabled)
"""
# FOR SHARE makes a change that is being committed right now count: either it waits for this statement or the row is skipped.
_SEEN = """
  AND EXISTS (
    SELECT 1 FROM (SELECT 1 FROM {table} WHERE id = %(pk{n})s AND {column} = %(version{n})s FOR SHARE SKIP LOCKED) AS s)"""
# A receipt or the sweep may have been quicker; a receipt's word stands, but it knows neither when nor what the server said.
_ACCEPTED = """
UPDATE notifications_delivery
SET state = CASE WHEN state IN ('sending', 'unknown') THEN 'accepted' ELSE state END, provider = %(sent_provider)s,
    provider_id = %(sent_provider_id)s, error_class = '', error_code = CASE WHEN state = 'bounced' THEN error_code ELSE '' END,
    sent_at = %(sent_at)s, lease_until = NULL, updated_at = %(sent_at)s
WHERE id = %(sent_id)s AND claim = %(claim)s AND state IN ('sending', 'unknown', 'accepted', 'delivered', 'bounced')
"""


@cache
def _fence_of(seen: tuple[tuple[str, str], ...], *, after_another: bool) -> str:
    """The fence for rows of these tables and versions; with the word that the message before was accepted, if there is one."""
    fence = _FENCE + "".join(_SEEN.format(table=table, column=column, n=n) for n, (table, column) in enumerate(seen))
    fence += "RETURNING id"
    return f"WITH before AS ({_ACCEPTED}), fenced AS ({fence}) SELECT id FROM fenced" if after_another else fence


def _unreachable(who: str, *, texts_work: bool) -> Q:
    """Those to whom no message goes: they chose a call, or have no address that works. As `letters.ways` says it of one."""
    found = Q(**{f"{who}email": ""}) | Q(**{f"{who}email_bounced_at__isnull": False})
    if texts_work:
        stopped = Q(**{f"{who}mobile_bounced_at__isnull": False}) | Q(**{f"{who}texts_stopped_at__isnull": False})
        found &= Q(**{f"{who}mobile": ""}) | stopped
    return found | Q(**{f"{who}reminder_by": ReminderBy.PHONE})


def run(
    *,
    now: datetime | None = None,
    budget: float = BUDGET,
    batch: int = BATCH,
    stop: Callable[[], bool] = lambda: False,
) -> Counter[str]:
    """Send what is due until nothing is left, the budget is used up or `stop` says so. Returns how many became what.

    Args:
        now: pretend that this is the time (tests); by default the clock is read again for each batch.
        budget: seconds.
    """
    drain = Drain(now=now)
    until = time.monotonic() + budget
    try:
        while time.monotonic() < until and not stop():
            claimed = drain.claim(batch)
            if not claimed:
                break
            for position, delivery in enumerate(claimed):
                if time.monotonic() >= until or stop():
                    drain.release(claimed[position:])
                    break
                drain.handle(delivery)
            drain.flush()
    finally:
        drain.close()
    return drain.count


class Drain:
    """One drain: a claim's name, the open channels, and what became of everything."""

    def __init__(self, *, now: datetime | None = None) -> None:
        self.fixed = now
        self.claim_id = uuid.uuid4()
        self.sessions: dict[str, Session] = {}
        self.count: Counter[str] = Counter()
        self.facts = Facts()
        self.texts_work = False
        self.down: set[str] = set()
        self.troubled: set[str] = set()
        self.accepted: dict[str, Any] = {}  # what the next fence says of the message before
        self.stays: list[tuple[int, Stay]] = []

    def now(self) -> datetime:
        """This instant, unless the caller fixed it."""
        return self.fixed or clock.now()

    def close(self) -> None:
        """Write down what is still open, and close the channels."""
        try:
            self.flush()
        finally:
            for session in self.sessions.values():
                session.close()
            self.sessions.clear()

    def flush(self) -> None:
        """Write down what waits for the next statement: the last message's acceptance, and who stays here."""
        if self.accepted:
            said, self.accepted = self.accepted, {}
            rows.fetch(_ACCEPTED, said | {"claim": self.claim_id})
        if self.stays:
            stays, self.stays = self.stays, []
            self.keep(stays)

    # --- Claim ------------------------------------------------------------------------------------------------------

    def claim(self, size: int) -> list[Delivery]:
        """Take the next due deliveries for this drain, those that somebody waits for first, with all that is known of them."""
        ids = self.claim_ids(size)
        if not ids:
            return []
        both = f"{rows.columns(Delivery, 'd')}, {rows.columns(Message, 'm')}"
        claimed = []
        for row in rows.fetch(_KNOWN.format(both=both), [ids]):
            delivery, delivery.message = rows.instances(row, Delivery, Message)
            claimed.append(delivery)
        self.facts = Facts.of([delivery.message for delivery in claimed])
        return claimed

    def claim_ids(self, size: int) -> list[int]:
        """Take the next due deliveries: only their keys."""
        now = self.now()
        switches = {switch.channel: switch for switch in ChannelSwitch.objects.all()}
        self.troubled = {name for name, switch in switches.items() if switch.failures}
        paused = {name for name, switch in switches.items() if switch.paused_until and switch.paused_until > now}
        off = {name for name, switch in switches.items() if not switch.enabled}
        self.texts_work = channels.texts_configured() and TEXT not in off
        # Email that is switched off waits; texts that are switched off are looked at, because they have somewhere else to go.
        resting = paused | (off & {EMAIL})
        values: dict[str, Any] = {"claim": self.claim_id, "lease": LEASE, "now": now, "size": size}
        ids = self._take(values | {"resting": sorted(resting | set(settings.MESSAGE_RATES))})
        if resting:
            ids += self._take_calls(resting, values)
        for channel, rate in settings.MESSAGE_RATES.items():
            if channel not in resting and (allowed := allowance.take(channel, rate, want=size, now=now)):
                mine = self._take(values | {"resting": sorted(set(Channel.values) - {channel}), "size": allowed})
                allowance.give_back(channel, allowed - len(mine))
                ids += mine
        return ids

    def _take(self, values: dict[str, Any]) -> list[int]:
        """Claim in one statement: those that somebody waits for, or else the others."""
        for urgent in ("AND urgent", ""):
            if ids := [row[0] for row in rows.fetch(_CLAIM.format(urgent=urgent), values)]:
                return ids
        return []

    def _take_calls(self, resting: set[str], values: dict[str, Any]) -> list[int]:
        """Claim what nothing can be sent of, because the desk phones instead: a channel that rests is no reason to wait."""
        about = Appointment.objects.filter(
            Q(_unreachable("helper__", texts_work=self.texts_work), helper__gets_messages=True)
            | Q(Q(helper=None) | Q(helper__gets_messages=False), _unreachable("patient__", texts_work=self.texts_work))
        )
        waiting = Delivery.objects.filter(state=State.PENDING, next_attempt_at__lte=values["now"], channel__in=resting)
        waiting = waiting.filter(message__subject_type__in=ABOUT_VISITS, message__subject_id__in=about.values("pk"))
        calls = list(waiting.values_list("pk", flat=True)[: values["size"]])
        more = {"calls": calls, "resting": sorted(set(Channel.values) - resting)}
        return [row[0] for row in rows.fetch(_CLAIM.format(urgent="AND id = ANY(%(calls)s::bigint[])"), values | more)]

    def keep(self, stays: Sequence[tuple[int, Stay]]) -> None:
        """Mark claimed deliveries that are not sent, with the reason."""
        states, reasons = [str(stay.state) for _pk, stay in stays], [stay.reason for _pk, stay in stays]
        values = {"ids": [pk for pk, _stay in stays], "states": states, "reasons": reasons}
        rows.fetch(_KEEP, values | {"now": self.now(), "claim": self.claim_id})

    def release(self, deliveries: list[Delivery], *, at: datetime | None = None) -> None:
        """Give claimed deliveries back, to be taken again at `at` (default: as soon as may be)."""
        values: dict[str, object] = {"state": State.PENDING, "claim": None, "lease_until": None, "updated_at": self.now()}
        if at:
            values["next_attempt_at"] = at
        self._mine(deliveries).update(**values)
        self.count["released"] += len(deliveries)

    def _mine(self, deliveries: list[Delivery]) -> QuerySet[Delivery]:
        return Delivery.objects.filter(pk__in=[d.pk for d in deliveries], state=State.CLAIMED, claim=self.claim_id)

    # --- One delivery -----------------------------------------------------------------------------------------------

    def handle(self, delivery: Delivery) -> None:
        """Compose, fence, send, note the result."""
        if delivery.channel in self.down:
            return  # given back already
        now = self.now()
        try:
            letter = compose(delivery, self.facts, texts_work=self.texts_work, now=now)
        except DatabaseError:
            raise
        except Exception:
            # A hole in a template, a key that left the ring. Never a letter with a gap, and never in the way of the others.
            log.exception("a %s message could not be written: %s", delivery.message.kind, delivery.public_id)
            self._stumble(delivery, now)
            return
        if isinstance(letter, Wait):
            self.release([delivery], at=letter.until)
            return
        if isinstance(letter, Stay):
            self.count[str(letter.state)] += 1
            late_news = letter.state == State.EXPIRED and delivery.message.kind in MUST_REACH
            if not letter.call and not late_news:
                self.stays.append((delivery.pk, letter))
                return
            with transaction.atomic():
                self.keep([(delivery.pk, letter)])
                if late_news:
                    call_about(delivery, now=now)
                else:
                    ask_to_call(self.facts.visits[delivery.message.subject_id], reason=letter.call, by=Actor.system(), now=now)
            return
        if not self.fence(delivery, letter):
            # Something moved since it was looked up. Look again in a moment, with fresh eyes.
            self.release([delivery], at=now + timedelta(seconds=1))
            return
        self.settle(delivery, self._hand_over(delivery, letter))

    def _hand_over(self, delivery: Delivery, letter: Letter) -> Outcome:
        """Hand it to its channel. A session raises nothing for what the other side does; if it breaks, nobody knows what left."""
        session = self.sessions.get(delivery.channel)
        if session is None:
            session = self.sessions[delivery.channel] = channels.open_session(delivery.channel)
        try:
            return session.send(delivery, letter)
        except Exception as error:
            log.exception("a channel broke over a %s message: %s", delivery.message.kind, delivery.public_id)
            del self.sessions[delivery.channel]
            with suppress(Exception):
                session.close()
            return Outcome(Became.UNSURE, session.provider, error_class=type(error).__name__[:16])

    @retrying
    def _stumble(self, delivery: Delivery, now: datetime) -> None:
        """It could not be written: again later, until it would be too late. A new version of the code may be able to; if not, it
        goes the way of what did not arrive.
        """
        at = now + jitter(delivery.attempts + 1, urgent=delivery.urgent)
        late = at >= delivery.message.expires_at
        self._mine([delivery]).update(
            state=State.FAILED if late else State.PENDING,
            reason="words",
            attempts=delivery.attempts + 1,
            next_attempt_at=at,
            claim=None,
            lease_until=None,
            updated_at=now,
        )
        if late:
            fall_back(delivery, now=now)
        self.count["stumbled"] += 1

    def fence(self, delivery: Delivery, letter: Letter) -> bool:
        """Write "sending" if everything is still as it was seen. False: it is not, or somebody is changing it right now."""
        values: dict[str, Any] = {"id": delivery.pk, "claim": self.claim_id, "channel": delivery.channel}
        delivery.sent_to = digest_of(letter.address)
        values |= {"lease": LEASE, "now": self.now(), "to": delivery.sent_to}
        for n, seen in enumerate(letter.seen):
            values |= {f"pk{n}": seen.pk, f"version{n}": seen.version}
        shape = tuple((seen.table, seen.column) for seen in letter.seen)
        before, self.accepted = self.accepted, {}
        return bool(rows.fetch(_fence_of(shape, after_another=bool(before)), values | before))

    def settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """Write down what became of a letter that was handed over."""
        now = self.now()
        if outcome.became is Became.ACCEPTED:
            sent = {"sent_id": delivery.pk, "sent_at": now}
            self.accepted = sent | {"sent_provider": outcome.provider, "sent_provider_id": outcome.provider_id}
            self.count[str(State.ACCEPTED)] += 1
            self._no_trouble(delivery.channel)
            return
        values: dict[str, object] = {
            "provider": outcome.provider,
            "provider_id": outcome.provider_id,
            "error_class": outcome.error_class,
            "error_code": outcome.error_code,
            "lease_until": None,
            "updated_at": now,
        }
        if outcome.became is Became.UNSURE:
            values |= {"state": State.UNKNOWN, "sent_at": now}
        elif outcome.became is Became.REFUSED:
            values |= {"state": State.FAILED, "reason": "refused"}
        else:
            at = now + jitter(delivery.attempts + 1, urgent=delivery.urgent)
            if at >= delivery.message.expires_at:
                values |= {"state": State.FAILED, "reason": "no_answer"}
            else:
                values |= {"state": State.PENDING, "next_attempt_at": at, "claim": None}
        self._write_down(delivery, outcome, values, now)
        self.count[str(values["state"])] += 1
        if outcome.became in (Became.DOWN, Became.UNSURE):
            self._trouble(delivery.channel, outcome, now)
        else:
            self._no_trouble(delivery.channel)
        if values["state"] in (State.FAILED, State.UNKNOWN):
            log.warning("delivery %s %s: %s %s", delivery.public_id, values["state"], outcome.error_class, outcome.error_code)

    @retrying
    def _write_down(self, delivery: Delivery, outcome: Outcome, values: dict[str, object], now: datetime) -> None:
        """What became of it, and what follows if it failed: all of it or nothing."""
        # A receipt or the sweep may have been quicker; a receipt's word stands.
        Delivery.objects.filter(pk=delivery.pk, claim=self.claim_id, state__in=[State.SENDING, State.UNKNOWN]).update(**values)
        if values["state"] == State.FAILED:
            fall_back(delivery, now=now)
            if outcome.became is Became.REFUSED:
                receipts.mark_contact(delivery, outcome.error_code, now=now)

    def _no_trouble(self, channel: str) -> None:
        """The other side answered."""
        if channel in self.troubled:
            self.troubled.discard(channel)
            ChannelSwitch.objects.filter(channel=channel).update(failures=0)

    def _trouble(self, channel: str, outcome: Outcome, now: datetime) -> None:
        """Count it. Where nothing would get through, or after five in a row, let the channel rest."""
        self.troubled.add(channel)
        ChannelSwitch.objects.get_or_create(channel=channel)
        ChannelSwitch.objects.filter(channel=channel).update(failures=F("failures") + 1)
        broken = ChannelSwitch.objects.filter(channel=channel, failures__gte=BREAK_AFTER).exists()
        if broken:
            log.error("channel %s rests: %s tries in a row were not taken", channel, BREAK_AFTER)
        if broken or outcome.became is Became.DOWN:
            self._rest(channel, now, BREAK_PAUSE if broken else PAUSE)

    def _rest(self, channel: str, now: datetime, pause: timedelta) -> None:
        """Nothing would get through: let the channel rest, and give back what this drain holds of it, uncounted."""
        self.down.add(channel)
        until = now + random.uniform(0.3, 1) * pause  # noqa: S311
        ChannelSwitch.objects.filter(channel=channel).update(paused_until=until)
        held = Delivery.objects.filter(claim=self.claim_id, state=State.CLAIMED, channel=channel)
        held.update(state=State.PENDING, claim=None, lease_until=None, updated_at=now)


def jitter(attempt: int, *, urgent: bool) -> timedelta:
    """How long to wait before the next try: anything up to a bound that doubles each time ("full jitter")."""
    base = RETRY_BASE_URGENT if urgent else RETRY_BASE
    bound = min(RETRY_MAX, base * 2 ** min(attempt - 1, 12))
    return max(timedelta(seconds=1), random.random() * bound)  # noqa: S311


# --- Housekeeping -----------------------------------------------------------------------------------------------------


def sweep(*, now: datetime | None = None) -> Counter[str]:
    """What processes that died left behind: claims wait again, sends become unknown. Leases run on the database's clock."""
    now = now or clock.now()
    count: Counter[str] = Counter()
    with connection.cursor() as cursor:
        for found, becomes in (("claimed", "pending"), ("sending", "unknown")):
            cursor.execute(
                "UPDATE notifications_delivery SET state = %s, lease_until = NULL, updated_at = %s WHERE id IN ("
                "SELECT id FROM notifications_delivery WHERE state = %s AND lease_until < now() FOR UPDATE SKIP LOCKED)",
                [becomes, now, found],
            )
            if cursor.rowcount:
                count[becomes] += cursor.rowcount
                log.warning("sweep: %s deliveries %s → %s", cursor.rowcount, found, becomes)
    return count


def reconcile(*, now: datetime | None = None) -> Counter[str]:
    """Apply what receipts say, and end what waits past its time."""
    now = now or clock.now()
    count = receipts.apply(now=now)
    count["to_call"] += call_those_who_have_not_heard(now=now)
    late = Message.objects.filter(expires_at__lte=now).values("pk")
    waiting = Delivery.objects.filter(Q(state=State.PENDING), next_attempt_at__lte=now, message__in=late)
    news = waiting.filter(message__kind__in=MUST_REACH)
    count["expired"] += sum(_expire(delivery, now=now) for delivery in news.select_related("message")[:LATE_NEWS])
    count["expired"] += waiting.exclude(message__kind__in=MUST_REACH).update(
        state=State.EXPIRED, reason="too_late", updated_at=now
    )
    return count


@retrying
def _expire(delivery: Delivery, *, now: datetime) -> int:
    """News that waited past its time, and the call it needs now."""
    waits = Delivery.objects.filter(pk=delivery.pk, state=State.PENDING)
    expired = waits.update(state=State.EXPIRED, reason="too_late", updated_at=now)
    if expired:
        call_about(delivery, now=now)
    return expired
