"""Is anything waiting that should have gone, and is anybody sending?"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q

from accounts import clock
from notifications.models import Delivery, Heartbeat, State

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
    trouble = Delivery.objects.filter(state__in=[State.UNKNOWN, State.FAILED, State.BOUNCED], updated_at__gte=since).aggregate(
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
