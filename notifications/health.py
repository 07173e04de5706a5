"""Is anything waiting that should have gone, and is anybody sending?"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import tzdata
from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Count, Min, Q
from django.utils.translation import gettext as _

from accounts import clock
from accounts.limits import hit
from notifications.models import TROUBLE, Channel, Delivery, Heartbeat, Inbound, State

log = logging.getLogger(__name__)

WORKER_FRESH = timedelta(seconds=10)
DUE_ALARM = timedelta(minutes=10)
SENDER_ALARM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the outbox. Ages are seconds; None where it never happened or nothing waits."""

    backlog: int
    oldest_due_seconds: float | None
    unknown: int
    failed: int
    worker_seconds: float | None
    sender_seconds: float | None

    @property
    def tick_seconds(self) -> float | None:
        """How long ago anybody, worker or sender, last did a round."""
        ages = [age for age in (self.worker_seconds, self.sender_seconds) if age is not None]
        return min(ages) if ages else None


def snapshot(*, now: datetime | None = None) -> Snapshot:
    """Read the outbox's gauges: two queries, on partial indexes, PostgreSQL only.

    `failed` and `unknown` count the last seven days.
    """
    now = now or clock.now()
    due = Q(state=State.PENDING, next_attempt_at__lte=now) | Q(state=State.CLAIMED)
    waiting = Delivery.objects.filter(due).aggregate(count=Count("pk"), oldest=Min("next_attempt_at"))
    since = now - timedelta(days=7)
    trouble = Delivery.objects.filter(state__in=TROUBLE, updated_at__gte=since).aggregate(
        unknown=Count("pk", filter=Q(state=State.UNKNOWN)), failed=Count("pk", filter=~Q(state=State.UNKNOWN))
    )
    beats = dict(Heartbeat.objects.values_list("name", "at"))

    def age(moment: datetime | None) -> float | None:
        return None if moment is None else max(0.0, (now - moment).total_seconds())

    return Snapshot(
        backlog=waiting["count"],
        oldest_due_seconds=age(waiting["oldest"]),
        unknown=trouble["unknown"],
        failed=trouble["failed"],
        worker_seconds=age(beats.get("worker")),
        sender_seconds=age(beats.get("sender")),
    )


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number, for the health page and for /metrics. `value` is a number; `shown` is what people read."""

    name: str
    label: str
    value: float
    shown: str
    bad: bool = False


def gauges(*, now: datetime) -> list[Gauge]:
    """Everything worth watching, in seven queries on indexes, PostgreSQL only."""
    state = snapshot(now=now)
    oldest, tick = state.oldest_due_seconds or 0.0, state.tick_seconds
    found = [
        Gauge("oldest_due_seconds", _("Oldest message due since"), oldest, _span(oldest), oldest > DUE_ALARM.total_seconds()),
        Gauge("due_backlog", _("Due now"), state.backlog, str(state.backlog)),
        Gauge(
            "tick_age_seconds", _("Last round"), -1 if tick is None else tick, _("never") if tick is None else _span(tick),
            tick is None or tick > SENDER_ALARM.total_seconds(),
        ),
        Gauge("replies_waiting", _("Texts that need a person"), waiting := Inbound.objects.open().count(), str(waiting)),
    ]  # fmt: skip
    counted = dict.fromkeys(((c, s) for c in Channel.values for s in ("sent", "failed", "unknown")), 0)
    day = Delivery.objects.filter(sent_at__gte=now - timedelta(days=1)).values_list("channel").annotate(n=Count("pk"))
    counted |= {(channel, "sent"): n for channel, n in day}
    trouble = Delivery.objects.filter(state__in=TROUBLE, updated_at__gte=now - timedelta(days=1))
    for channel, what, n in trouble.values_list("channel", "state").annotate(n=Count("pk")):
        counted[channel, "unknown" if what == State.UNKNOWN else "failed"] += n
    labels = {"sent": _("sent"), "failed": _("failed"), "unknown": _("unsure")}
    for (channel, what), n in counted.items():
        label = f"{Channel(channel).label} {labels[what]}, {_('24 hours')}"
        found.append(Gauge(f'messages_last_day{{channel="{channel}",outcome="{what}"}}', label, n, str(n)))
    found.append(Gauge(f'tzdata_info{{version="{tzdata.IANA_VERSION}"}}', _("Time zone rules"), 1, tzdata.IANA_VERSION))
    return found


def metrics(*, now: datetime) -> str:
    """The gauges in the text format that Prometheus reads."""
    lines, typed = [], set()
    for gauge in gauges(now=now):
        family = gauge.name.partition("{")[0]
        if family not in typed:
            typed.add(family)
            lines.append(f"# TYPE truenorth_{family} gauge")
        lines.append(f"truenorth_{gauge.name} {gauge.value:g}")
    return "\n".join(lines) + "\n"


def _span(seconds: float) -> str:
    """A stretch of time, short."""
    return _("%(n)d s") % {"n": seconds} if seconds < 120 else _("%(n)d min") % {"n": seconds // 60}


def alarm(*, now: datetime) -> bool:
    """Mail whoever looks after the system when something has been due for ten minutes; once an hour.

    Straight by SMTP, because it is the outbox that is stuck. True if a mail was tried.
    """
    if not settings.ALARM_MAIL:
        return False
    oldest = snapshot(now=now).oldest_due_seconds or 0
    if oldest <= DUE_ALARM.total_seconds() or not hit("message alarm", limit=1, window=timedelta(hours=1), now=now):
        return False
    minutes = int(oldest // 60)
    log.error("a message has been due for %s minutes", minutes)
    try:
        send_mail(
            f"True North: a message has been due for {minutes} minutes",
            f"Look at {settings.SITE_URL}/clinic/health/ and docs/operations.md.",
            settings.DEFAULT_FROM_EMAIL,
            settings.ALARM_MAIL,
        )
    except OSError as error:  # smtplib's errors are among these
        log.error("the alarm could not be mailed: %s", type(error).__name__)
    return True


def beat(name: str, *, now: datetime | None = None) -> None:
    """Note that `name` ("worker" or "sender") is doing a round."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now or clock.now()})


def worker_is_alive(*, now: datetime | None = None) -> bool:
    """Whether a Celery worker did a round in the last ten seconds."""
    now = now or clock.now()
    return Heartbeat.objects.filter(name="worker", at__gt=now - WORKER_FRESH).exists()


def check() -> str | None:
    """For /readyz: what is wrong with sending, or None."""
    now = snapshot()
    if now.tick_seconds is None or now.tick_seconds > SENDER_ALARM.total_seconds():
        return "nobody sends messages (neither the worker nor send_due did a round in the last minute)"
    if now.oldest_due_seconds is not None and now.oldest_due_seconds > DUE_ALARM.total_seconds():
        return f"a message has been due for {now.oldest_due_seconds / 60:.0f} minutes"
    return None


def worker() -> str | None:
    """For /readyz: whether the Celery worker does its rounds. Without it send_due stands in, more slowly."""
    if worker_is_alive(now=clock.now() - (SENDER_ALARM - WORKER_FRESH)):
        return None
    return "the Celery worker has not done a round in the last minute; send_due stands in"
