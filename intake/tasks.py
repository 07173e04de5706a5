"""Alarms for the intake: each may run twice, late or not at all without harm."""

from celery import shared_task

from accounts import clock
from intake import later


@shared_task(name="intake.purge_drafts", ignore_result=True)
def purge_drafts() -> None:
    """Delete drafts nobody came back to, and before that their photos."""
    later.purge_photos(now=clock.now())
    later.purge_drafts(now=clock.now())
