"""What nobody needs any more is deleted, every hour, by any number of processes at once."""

from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import models

from accounts.models import RateCounter, SignInMail
from booking.models import LinkRequest
from intake.actions.later import forget_links
from notifications import replies
from notifications.models import TestSend
from patients.models import ContactCode, LeftAddress

# Facts that were announced, or were too late to be, long ago: most hold an address, some of people who never booked.
KEPT = timedelta(days=7)
_SINCE: tuple[tuple[type[models.Model], str], ...] = (
    (RateCounter, "window_at"),
    (ContactCode, "asked_at"),
    (LinkRequest, "asked_at"),
    (LeftAddress, "left_at"),
    (SignInMail, "asked_at"),
    (TestSend, "asked_at"),
)


def forget(*, now: datetime) -> int:
    """Delete ended sessions with where they were from; what is older than KEPT; the words of old texts, and strangers' numbers.

    Returns:
        How many rows were deleted or emptied.
    """
    gone = sum(model._default_manager.filter(**{f"{name}__lt": now - KEPT}).delete()[0] for model, name in _SINCE)
    gone += forget_links(before=now - KEPT)
    gone += Session.objects.filter(expire_date__lt=now).delete()[0]
    over = UserSession.objects.exclude(session_key__in=Session.objects.values("session_key"))
    return gone + over.delete()[0] + replies.forget(now=now)
