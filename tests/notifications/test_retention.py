"""What is deleted every hour, and what is not."""

from datetime import date, timedelta

import pytest
from django.contrib.sessions.models import Session

from accounts import clock, limits
from accounts.models import RateCounter
from audit.actor import Actor
from booking.models import LinkRequest
from intake.actions import attach_patient, later, publish_all, save_contact, start_draft
from intake.models import QuestionnaireResponse, ResumeLink
from notifications import replies, retention
from notifications.models import Inbound
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


def test_the_address_of_a_link_that_leads_nowhere_any_more_goes_and_one_that_works_stays(clinic, patient):
    publish_all(by=Actor.system(), now=clock.now())
    month = clock.now() - timedelta(days=20)
    sent, open_yet = (start_draft("hair-loss-intake", by=BY, now=month) for _ in range(2))
    for draft in (sent, open_yet):
        save_contact(draft, {"date_of_birth": date(1991, 4, 2)}, by=BY, now=month)
        later.save_for_later(draft, channel="email", address="maya@example.com", by=BY, now=month)
    attach_patient(sent, patient, by=BY, now=month)
    QuestionnaireResponse.objects.filter(pk=sent.pk).update(status="completed", completed_at=month)
    retention.forget(now=clock.now())
    assert [link.response for link in ResumeLink.objects.all()] == [open_yet]


@pytest.mark.parametrize(("who", "kept"), [("+15195550181", "+15195550181"), ("+15195550100", "")])
def test_the_number_of_a_text_from_nobody_we_know_goes_with_its_words(clinic, patient, who, kept):
    then = clock.now() - timedelta(days=91)
    replies.take("catcher", "1", who, "HELP", now=then)
    replies.handle(now=then)
    retention.forget(now=clock.now())
    text = Inbound.objects.get()
    assert (text.sender, replies.body_of(text)) == (kept, "")
