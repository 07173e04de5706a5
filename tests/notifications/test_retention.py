"""What is deleted every hour, and what is not."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from accounts import clock, limits
from accounts.models import RateCounter
from audit.actor import Actor
from booking.models import LinkRequest
from notifications import retention
from patients.actions import ask_code
from patients.models import ContactCode

pytestmark = pytest.mark.django_db
BY = Actor.anonymous()


def leave_traces(now):
    limits.hit("lost-link:203.0.113.7", limit=5, window=timedelta(hours=1), now=now)
    ask_code(channel="email", address="stranger@example.com", purpose="draft", subject_key="x", by=BY, now=now)
    LinkRequest.objects.create(channel="email", address="stranger@example.com", asked_at=now)
    Session.objects.create(session_key=f"{now:%Y%m%d%H%M%S}", session_data="", expire_date=now + timedelta(hours=12))


def left():
    return [model.objects.count() for model in (RateCounter, ContactCode, LinkRequest, Session)]


def test_after_a_week_no_address_of_a_stranger_is_left(clinic):
    leave_traces(clock.now() - timedelta(days=8))
    retention.forget(now=clock.now())
    assert left() == [0, 0, 0, 0]


def test_what_is_in_use_stays(clinic):
    leave_traces(clock.now())
    retention.forget(now=clock.now())
    assert left() == [1, 1, 1, 1]
