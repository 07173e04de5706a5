"""Alarms for booking: each may run twice, late or not at all without harm."""

from celery import shared_task

from accounts import clock
from booking import matching
from booking.actions import purge_left_drafts
from intake import actions as intake_actions


@shared_task(name="booking.waiting_round", ignore_result=True)
def waiting_round() -> None:
    """End offers whose time is up; offer what became free to the waiting list."""
    matching.run()


@shared_task(name="booking.purge_drafts", ignore_result=True)
def purge_drafts() -> None:
    """Delete drafts nobody came back to, and before that their photos."""
    now = clock.now()
    intake_actions.purge_photos(now=now)
    intake_actions.purge_drafts(now=now)
    purge_left_drafts(now=now)
