"""`/clinic/messages/` and `/clinic/health/`: preview, note, test, who does without; gauges and switches."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts import clock
from accounts.models import User
from booking.desk_text import ShortText
from booking.models import Appointment, Service
from notifications import health
from notifications.kinds import EMAIL, KINDS, TEXT
from notifications.models import CaughtText, ChannelSwitch, Delivery, KindNote
from notifications.other_letters import sample_letter
from notifications.wordlist import CLINICAL
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, Post, book, desk, go, post, visit  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(signed_in: Callable[[User], Client], lead_user: User) -> Client:
    """Lena's browser."""
    return signed_in(lead_user)


def test_every_kind_has_a_sample_in_every_channel(clinic: Any) -> None:
    for kind in KINDS.values():
        for channel in kind.channels:
            letter = sample_letter(kind, channel, now=WEDNESDAY)
            assert letter.text
            assert not CLINICAL.search(letter.text + letter.subject), kind.code
            assert channel == EMAIL or len(letter.text) <= 160


def test_the_list_and_each_page_show_how_it_looks(lead: Client, clinic: Any) -> None:
    assert "Two days before" in lead.get("/clinic/messages/").content.decode()
    page = lead.get("/clinic/messages/reminder_2d/").content.decode()
    assert "Reply C to confirm." in page
    assert "of 160 characters" in page
    shown = lead.get("/clinic/messages/reminder_2d/email.html")
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert "Dr. Amara Osei" in shown.content.decode()


def test_the_lead_reads_every_short_text_of_the_desk(lead: Client, clinic: Any) -> None:
    page = lead.get("/clinic/messages/desk_text/").content.decode()
    assert "call us when you can" in page
    assert page.count("mail-bubble") == len(ShortText)
    assert "We will call you to find another time." in page


def test_a_sentence_of_the_clinics_own_is_in_the_next_mail(lead: Client, post: Post, visit: Appointment) -> None:  # noqa: F811
    words = "Our door is on the river side while the street is repaired."
    assert lead.post("/clinic/messages/booked/", {"do": "note", "words": words}).status_code == 303
    go(WEDNESDAY + GRACE)
    sent = post.mails[0]
    assert words in sent.get_body(("plain",)).get_content().replace("\n", " ")
    assert words in sent.get_body(("html",)).get_content()


def test_a_sentence_that_another_lead_changed_meanwhile_is_not_written_over(lead: Client, clinic: Any, lead_user: User) -> None:
    url = "/clinic/messages/booked/"
    seen = re.search(r'name="seen" value="(\w+)"', lead.get(url).content.decode())[1]  # type: ignore[index]
    lead.post(url, {"do": "note", "words": "Use the river door.", "seen": seen})
    late = lead.post(url, {"do": "note", "words": "Ring the bell.", "seen": seen})
    page = late.content.decode()
    assert (late.status_code, KindNote.objects.get().words) == (409, "Use the river door.")
    assert f"{lead_user.name} changed this" in page
    assert "Ring the bell.</textarea>" in page
    again = re.search(r'name="seen" value="(\w+)"', page)[1]  # type: ignore[index]
    assert lead.post(url, {"do": "note", "words": "Ring the bell.", "seen": again}).status_code == 303
    assert KindNote.objects.get().words == "Ring the bell."


@pytest.mark.parametrize(
    "words",
    ["Bring your minoxidil.", "Your treatment starts soon", "See https://x.example", "Write to me@x.ca", "x" * 201],
)
def test_a_sentence_that_says_why_or_leads_away_is_refused_with_what_was_typed(lead: Client, clinic: Any, words: str) -> None:
    answer = lead.post("/clinic/messages/booked/", {"do": "note", "words": words})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not KindNote.objects.exists()


def test_a_test_goes_out_through_the_outbox_and_says_so(lead: Client, post: Post, clinic: Any) -> None:  # noqa: F811
    assert lead.post("/clinic/messages/booked/", {"do": "email", "email": "lena@tn.example"}).status_code == 303
    assert lead.post("/clinic/messages/booked/", {"do": "text", "mobile": "519-555-0163"}).status_code == 303
    go(clock.now())
    assert post.subjects[0].startswith("Test: Your appointment on")
    assert CaughtText.objects.get().recipient == "+15195550163"
    assert lead.post("/clinic/messages/booked/", {"do": "email"}).status_code == 422


def test_a_visit_type_does_without_a_stage(lead: Client, service: Service) -> None:
    url, key = "/clinic/messages/reminder_7d/", service.public_id
    assert f'name="shown" value="{key}:on"' in lead.get(url).content.decode()
    lead.post(url, {"do": "services", "shown": f"{key}:on"})
    assert Service.objects.get().messages_off == ["reminder_7d"]
    assert f'name="shown" value="{key}:off"' in lead.get(url).content.decode()
    lead.post(url, {"do": "services", "shown": f"{key}:off", "with": key})
    assert Service.objects.get().messages_off == []
    assert lead.post("/clinic/messages/booked/", {"do": "services"}).status_code == 404


def test_a_visit_type_made_or_changed_since_the_page_was_opened_is_left_as_it_is(lead: Client, service: Service) -> None:
    """Its reminders would be off, and nobody would have said so."""
    new = Service.objects.create(name="Laser session", slug="laser", minutes=30)
    Service.objects.filter(pk=service.pk).update(messages_off=["reminder_7d"])  # a colleague, a moment ago
    lead.post("/clinic/messages/reminder_7d/", {"do": "services", "shown": f"{service.public_id}:on", "with": service.public_id})
    assert Service.objects.get(pk=new.pk).messages_off == []
    assert Service.objects.get(pk=service.pk).messages_off == ["reminder_7d"]


def test_the_health_page_shows_what_is_stuck_and_switches_channels(lead: Client, visit: Appointment) -> None:  # noqa: F811
    page = lead.get("/clinic/health/").content.decode()
    assert "Nobody sends messages" in page
    assert "Time zone rules" in page
    assert lead.post("/clinic/health/", {"do": "text:off", "reason": "provider"}).status_code == 303
    assert not ChannelSwitch.objects.get(channel=TEXT).enabled
    assert "Switched off: provider" in lead.get("/clinic/health/").content.decode()
    lead.post("/clinic/health/", {"do": "text:on"})
    assert ChannelSwitch.objects.get(channel=TEXT).enabled
    assert lead.post("/clinic/health/", {"do": "pigeon:off"}).status_code == 404
    assert lead.post("/clinic/health/", {"do": "text:off", "reason": "a\x00"}).status_code == 422


def test_metrics_are_off_without_a_token_and_closed_without_it(client: Client, settings: Any, clinic: Any) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    settings.METRICS_TOKEN = "s" * 20
    assert client.get("/metrics").status_code == 404
    told = client.get("/metrics", headers={"Authorization": "Bearer " + "s" * 20}).content.decode()
    assert "truenorth_oldest_due_seconds 0\n" in told
    assert 'truenorth_messages_last_day{channel="email",outcome="sent"} 0\n' in told
    assert 'truenorth_tzdata_info{version="' in told


def test_whoever_looks_after_the_system_is_mailed_once_an_hour_when_something_is_stuck(settings: Any, visit: Appointment) -> None:  # noqa: F811
    settings.ALARM_MAIL = ["admin@tn.example"]
    go(WEDNESDAY)
    now = Delivery.objects.earliest("next_attempt_at").next_attempt_at
    assert not health.alarm(now=now + timedelta(minutes=9))
    assert health.alarm(now=now + timedelta(minutes=11))
    assert not health.alarm(now=now + timedelta(minutes=12))
    assert mail.outbox[0].subject == "True North: a message has been due for 11 minutes"
    assert "Maya" not in mail.outbox[0].body


@pytest.mark.parametrize(
    ("code", "says"),
    [("reminder_1d", "We will see you tomorrow:\n\n  Thursday, February 11"), ("missed", "You had an appointment on Wednesday, February 10"),
     ("code", "It works for 15 minutes."), ("recall", "We last met on Wednesday, August 12, 2026")],
)  # fmt: skip
def test_a_sample_is_true_of_its_own_day(code: str, says: str, clinic: Any) -> None:
    assert says in sample_letter(KINDS[code], "email", now=WEDNESDAY).text
