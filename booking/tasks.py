"""Alarms for booking: each may run twice, late or not at all without harm."""

from celery import shared_task

from booking import matching


@shared_task(name="booking.waiting_round", ignore_result=True)
def waiting_round() -> None:
    """End offers whose time is up; offer what became free to the waiting list."""
    matching.run()
