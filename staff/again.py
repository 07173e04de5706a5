"""Who has nothing booked and should: who was missed, whose visit was cancelled, and who is due for a review.

A list, not a queue: whoever books again, wherever they do, is off it; what is older than its time leaves by itself.
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts import clock
from accounts.models import Clinic
from booking.models import OPEN, Appointment, Status
from notifications.care import months_before
from staff.steps import BY_MISTAKE

RECENT = timedelta(days=60)  # a missed or cancelled visit longer ago is not brought up any more
REVIEW_FOR = timedelta(days=180)  # so long a review that is due is listed
SHOWN = 100
NEVER_MEANT = ("booked-twice", BY_MISTAKE)  # why the desk cancelled what nobody was to come to: it asks for nothing


@dataclass(frozen=True, slots=True)
class Again:
    """The last visits of patients who have nothing booked, by why they are listed; the latest first, reviews the longest due."""

    missed: list[Appointment]
    cancelled: list[Appointment]
    due: list[Appointment]

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.missed) + len(self.cancelled) + len(self.due)


def load(user: Any, *, now: datetime) -> Again:
    """Three statements, whatever there is. Reviews are listed only where the clinic says after how many months they are due."""
    meant = Appointment.objects.for_actor(user).visits().exclude(cancel_reason__in=NEVER_MEANT)
    mine = meant.filter(patient=OuterRef("patient"))
    later = mine.filter(starts_at__gt=OuterRef("starts_at"))
    booked = mine.filter(status__in=OPEN, ends_at__gt=now)
    last = meant.filter(~Exists(later), ~Exists(booked), patient__merged_into=None)
    last = last.select_related("patient", "practitioner", "service")
    recent = last.filter(starts_at__gte=now - RECENT).order_by("-starts_at", "pk")
    open_now = recent.exclude(pk__in=Appointment.objects.to_call(now).values("pk"))  # those are called already
    return Again(
        list(open_now.filter(status=Status.NOSHOW)[:SHOWN]),
        list(open_now.filter(status=Status.CANCELLED)[:SHOWN]),
        _due(last, now),
    )


def _due(last: Any, now: datetime) -> list[Appointment]:
    months = Clinic.current().recall_months
    if not months:
        return []
    until = clock.instant(months_before(clock.today(now), months), time(0), clock.clinic_zone())
    seen = Q(status=Status.FULFILLED, starts_at__lt=until, starts_at__gte=until - REVIEW_FOR)
    return list(last.filter(seen).order_by("starts_at", "pk")[:SHOWN])
