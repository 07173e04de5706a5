"""The six journeys of messages, with real processes: the sender, a mail server, the provider over HTTP, its webhooks."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner, Status
from notifications.models import Delivery, Inbound
from patients.models import Patient
from tests.factories import next_weekday_at
from tests.notifications.conftest import Post, says, signed
from tests.notifications.provider import NUMBER, SID, TOKEN, Provider
from tests.notifications.test_processes import running, wait_for

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]
PATIENT = Actor.patient(1)


@pytest.fixture
def sender(process_env: dict[str, str], provider: Provider, settings: Any, tmp_path: Path) -> Iterator[Path]:
    """`manage.py send_due` at work; the path of its log."""
    settings.MESSAGE_QUIET_HOURS, settings.MESSAGE_GRACE_SECONDS = "", 2
    env = process_env | {
        "DJANGO_SETTINGS_MODULE": "config.settings", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(settings.EMAIL_PORT),
        "EMAIL_USE_TLS": "0", "SMS_CHANNEL": "twilio", "TWILIO_API": provider.url, "TWILIO_ACCOUNT_SID": SID,
        "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM": NUMBER, "MESSAGE_QUIET_HOURS": "", "MESSAGE_GRACE_SECONDS": "2",
        "SITE_URL": "https://tn.example", "SECRET_KEY": settings.SECRET_KEY, "REDIS_URL": "redis://127.0.0.1:1/0",
    }  # fmt: skip
    log = tmp_path / "sender.log"
    with running([sys.executable, "manage.py", "send_due", "--every", "0.3"], env, log):
        yield log


def said(provider: Provider, words: str) -> Callable[[], list[str]]:
    """Texts that hold these words."""
    return lambda: [body for body in provider.bodies if words in body]


def soon(days: int = 10) -> Any:
    """A time that can be booked."""
    return next_weekday_at(10, 20, now=clock.now(), days=days)


def test_booked_reminded_and_confirmed_by_text(
    sender: Path, provider: Provider, book: Callable[..., Appointment], client: Client
) -> None:
    start = clock.now().replace(second=0, microsecond=0) + timedelta(days=2)
    visit = book(start, now=clock.now() - timedelta(days=10))
    wait_for(said(provider, "Reply C to confirm."), sender)
    assert says(client, "C").status_code == 200
    wait_for(said(provider, "thank you, you are confirmed"), sender)
    visit.refresh_from_db()
    assert visit.status == Status.CONFIRMED


def test_a_late_booking_is_told_once_and_reminded_of_nothing_stale(
    sender: Path, provider: Provider, post: Post, book: Callable[..., Appointment]
) -> None:
    book(clock.now().replace(second=0, microsecond=0) + timedelta(hours=5), now=clock.now())
    wait_for(said(provider, "you are booked for"), sender)
    time.sleep(2)
    assert len(provider.bodies) == 1
    assert len(post.subjects) == 1
    skipped = Delivery.objects.filter(state="skipped", reason="late_booking").values_list("message__kind", flat=True)
    assert {"reminder_7d", "reminder_2d", "reminder_1d"} <= set(skipped)


def test_a_move_within_the_grace_is_one_message_with_the_new_time(
    sender: Path, provider: Provider, post: Post, practitioner: Practitioner, book: Callable[..., Appointment], desk: Actor
) -> None:
    visit = book(soon(), now=clock.now())
    moved = soon(12)
    actions.move(visit, practitioner, moved, by=desk, now=clock.now(), overbook=True)
    wait_for(lambda: provider.bodies and post.subjects, sender)
    time.sleep(2)
    assert provider.bodies == [
        b for b in provider.bodies if f"you are booked for {clock.sms_when(moved)}".replace("\xa0", " ") in b
    ]
    assert (len(provider.bodies), len(post.subjects)) == (1, 1)


def test_cancelled_by_the_clinic_says_sorry_and_how_to_choose_again(
    sender: Path, provider: Provider, post: Post, book: Callable[..., Appointment], desk: Actor
) -> None:
    visit = book(soon(), now=clock.now())
    wait_for(said(provider, "you are booked for"), sender)
    actions.cancel(visit, by=desk, now=clock.now())
    wait_for(said(provider, "sorry, we have to cancel"), sender)
    wait_for(lambda: [s for s in post.subjects if s.startswith("We had to cancel")], sender)


def test_a_text_that_does_not_arrive_goes_by_mail(
    sender: Path, provider: Provider, post: Post, book: Callable[..., Appointment], client: Client
) -> None:
    Patient.objects.update(reminder_by="text")
    book(soon(), now=clock.now())
    wait_for(said(provider, "you are booked for"), sender)
    assert post.subjects == []
    path = provider.taken[0]["StatusCallback"].removeprefix("https://tn.example")
    assert signed(client, path, {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30006"}).status_code == 204
    wait_for(lambda: post.subjects, sender)
    assert Patient.objects.get().mobile_bounced_at is not None


def test_stop_ends_texts_and_start_brings_them_back(
    sender: Path, provider: Provider, post: Post, book: Callable[..., Appointment], desk: Actor, client: Client
) -> None:
    visit = book(soon(), now=clock.now())
    wait_for(said(provider, "you are booked for"), sender)
    says(client, "STOP")
    wait_for(lambda: Patient.objects.filter(texts_stopped_at__isnull=False).exists(), sender)
    actions.cancel(visit, by=desk, now=clock.now())
    wait_for(lambda: [s for s in post.subjects if s.startswith("We had to cancel")], sender)
    assert len(provider.bodies) == 1
    says(client, "START")
    wait_for(lambda: Patient.objects.filter(texts_stopped_at=None).exists(), sender)
    book(soon(14), now=clock.now())
    wait_for(lambda: len(provider.bodies) == 2, sender)
    assert list(Inbound.objects.order_by("pk").values_list("meaning", flat=True)) == ["stop", "start"]
