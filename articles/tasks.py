"""Alarms for the public site: each may run twice, late or not at all without harm."""

from celery import shared_task

from accounts import clock
from articles import actions
from audit.actor import Actor


@shared_task(name="articles.keep_schedule", ignore_result=True)
def keep_schedule() -> None:
    """Publish what was to begin by now, and take down what was to end."""
    actions.keep_schedule(by=Actor.system(), now=clock.now())
