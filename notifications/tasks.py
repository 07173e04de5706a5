"""What the alarm clock starts. No arguments, no results: a lost or doubled task changes nothing."""

from celery import shared_task

from accounts import clock
from notifications import care, drain, health, retention, rounds


@shared_task(name="notifications.tick")
def tick() -> None:
    """Read what came in, plan what is new, send what is due."""
    health.beat("worker")
    rounds.once()


@shared_task(name="notifications.sweep")
def sweep() -> None:
    """Take back what dead processes held."""
    drain.sweep()


@shared_task(name="notifications.reconcile")
def reconcile() -> None:
    """Apply receipts, end what is too late, sound the alarm if something is stuck."""
    drain.reconcile()
    health.alarm(now=clock.now())


@shared_task(name="notifications.forget")
def forget() -> None:
    """What is done every hour: delete what nobody needs any more, write the reminders of reviews that are due."""
    now = clock.now()
    retention.forget(now=now)
    care.plan_recalls(now=now)
