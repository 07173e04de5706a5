"""Texts through a provider over HTTP: taken once, never guessed, and what the provider knows about a number is kept."""

import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from booking.models import Appointment
from notifications import drain, receipts
from notifications.models import ChannelSwitch, Delivery, Receipt
from notifications.seals import digest_of, seal
from notifications.twilio import signature_of, status_url
from patients.models import Patient
from tests.notifications.conftest import DUE, Post, at, go, signed, states
from tests.notifications.provider import NUMBER, Provider

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.django_db


def the_text() -> Delivery:
    """The text that says "booked"."""
    return Delivery.objects.get(message__kind="booked", channel="text")


def receipt(client: Client, status: str, code: str = "", *, of: Delivery | None = None) -> int:
    """The provider reports."""
    delivery = of or the_text()
    path = f"/hooks/twilio/status/{delivery.public_id}/{seal(delivery.public_id)}/"
    form = {"MessageSid": "SM1", "MessageStatus": status} | ({"ErrorCode": code} if code else {})
    return signed(client, path, form).status_code


def test_a_text_is_handed_over_with_our_own_address_for_its_receipt(provider: Provider, visit: Appointment) -> None:
    go(DUE)
    (text,) = provider.taken
    assert text["To"] == "+15195550181"
    assert text["From"] == NUMBER
    assert text["Body"].startswith("True North: you are booked for Thu Mar 11, 10:20 am")
    assert text["StatusCallback"] == status_url(the_text())
    assert 60 <= int(text["ValidityPeriod"]) <= 14400
    sent = the_text()
    assert (sent.state, sent.provider, sent.provider_id) == ("accepted", "twilio", text["sid"])
    assert sent.sent_to == digest_of("+15195550181")


def test_one_connection_carries_a_whole_drain(provider: Provider, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11, 14):
        book(at(f"2027-03-11 {hour:02d}:00"))
    go(DUE)
    assert (len(provider.taken), provider.connections) == (4, 1)


@pytest.mark.parametrize("mood", ["then_500", "hang_up"])
def test_taken_and_then_an_error_is_unknown_not_sent_again_and_healed_by_its_receipt(
    provider: Provider, visit: Appointment, client: Client, mood: str
) -> None:
    provider.mood = mood
    go(DUE)
    provider.mood = "ok"
    for n in range(5):
        go(DUE + n * HOUR)
    assert the_text().state == "unknown"
    assert len(provider.taken) == 1
    assert receipt(client, "delivered") == 204
    go(DUE + 6 * HOUR)
    assert the_text().state == "delivered"


def test_too_many_at_once_is_tried_again_later_and_arrives_once(provider: Provider, visit: Appointment) -> None:
    provider.mood = "busy"
    go(DUE)
    assert (the_text().state, the_text().error_code) == ("pending", "20429")
    assert ChannelSwitch.objects.get(channel="text").paused_until
    provider.mood = "ok"
    for n in range(1, 5):
        go(DUE + n * HOUR)
    assert len(provider.taken) == 1


def test_nobody_listening_is_tried_again_later(provider: Provider, visit: Appointment, settings: Any) -> None:
    settings.TWILIO_API = "http://127.0.0.1:1"
    go(DUE)
    assert (the_text().state, the_text().error_class) == ("pending", "ConnectionRefuse")


def test_a_number_that_stopped_at_the_provider_gets_no_more_texts_from_us(
    provider: Provider, visit: Appointment, post: Post
) -> None:
    provider.mood = "21610"
    go(DUE)
    assert states("booked")["text"] == ("failed", "refused")
    assert Patient.objects.get().texts_stopped_at == DUE
    provider.mood = "ok"
    go(at("2027-03-09 10:20"))
    assert provider.taken == []
    assert states("reminder_2d") == {"email": ("accepted", ""), "text": ("skipped", "stopped")}


@pytest.mark.parametrize("how", ["refused", "receipt"])
def test_a_number_that_takes_no_texts_is_marked_and_the_message_goes_by_mail(
    provider: Provider, book: Callable[..., Appointment], patient: Patient, post: Post, client: Client, how: str
) -> None:
    Patient.objects.update(reminder_by="text")
    book(at("2027-03-11 10:20"))
    provider.mood = "21614" if how == "refused" else "ok"
    go(DUE)
    if how == "receipt":
        receipt(client, "undelivered", "30006")
    go(DUE + HOUR)
    patient.refresh_from_db()
    assert patient.mobile_bounced_at is not None
    assert post.subjects == ["Your appointment on Thursday, March 11"]
    assert states("booked")["email"] == ("accepted", "fallback")


@pytest.mark.parametrize(("code", "mark"), [("21614", "mobile_bounced_at"), ("21610", "texts_stopped_at")])
def test_what_the_provider_knows_of_the_number_of_who_booked_for_somebody_is_kept_there(
    provider: Provider, helped: Appointment, code: str, mark: str
) -> None:
    provider.mood = code
    go(DUE)
    helped.refresh_from_db()
    assert helped.helper is not None
    assert getattr(helped.helper, mark) == DUE
    assert getattr(helped.patient, mark) is None


def test_a_receipt_about_a_number_that_was_changed_since_marks_nothing(
    provider: Provider, visit: Appointment, client: Client
) -> None:
    go(DUE)
    Patient.objects.update(mobile="+15195550199")
    receipt(client, "undelivered", "30006")
    go(DUE + HOUR)
    assert Patient.objects.get().mobile_bounced_at is None


@pytest.mark.parametrize(
    ("events", "ends"),
    [
        (("queued", "sent", "delivered"), "delivered"),
        (("sent", "delivered", "delivered", "sent"), "delivered"),
        (("queued", "sent", "undelivered"), "bounced"),
    ],
)
def test_receipts_in_any_order_and_number_end_the_same(
    provider: Provider, visit: Appointment, client: Client, events: tuple[str, ...], ends: str
) -> None:
    go(DUE)
    orders = list(itertools.permutations(events))
    for n, order in enumerate(random.Random(1).sample(orders, min(6, len(orders)))):
        Receipt.objects.all().delete()
        Delivery.objects.filter(pk=the_text().pk).update(state="accepted" if n % 2 else "unknown")
        for event in order:
            receipt(client, event)
            if n % 3:
                receipts.apply(now=DUE)
        drain.reconcile(now=DUE)
        assert the_text().state == ends, order


def test_each_receipt_is_kept_once(provider: Provider, visit: Appointment, client: Client) -> None:
    go(DUE)
    for _ in range(10):
        receipt(client, "delivered")
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("path", ["text", "status"])
def test_what_is_not_signed_is_refused(provider: Provider, visit: Appointment, client: Client, path: str) -> None:
    go(DUE)
    delivery = the_text()
    where = "/hooks/twilio/text/" if path == "text" else f"/hooks/twilio/status/{delivery.public_id}/{seal(delivery.public_id)}/"
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "From": "+15195550181", "Body": "C"}
    assert client.post(where, form).status_code == 403
    assert client.post(where, form, headers={"X-Twilio-Signature": "é"}).status_code == 403
    other = signature_of("https://tn.example" + where, {**form, "Body": "x"}.items())
    assert client.post(where, form, headers={"X-Twilio-Signature": other}).status_code == 403
    assert not Receipt.objects.exists()


def test_a_receipt_with_a_made_up_seal_is_not_found(provider: Provider, visit: Appointment, client: Client) -> None:
    go(DUE)
    path = f"/hooks/twilio/status/{the_text().public_id}/{'0' * 16}/"
    assert signed(client, path, {"MessageSid": "SM1", "MessageStatus": "delivered"}).status_code == 404


def test_without_the_provider_there_are_no_webhooks(client: Client, post: Post, clinic: Any) -> None:
    assert client.post("/hooks/twilio/text/", {}).status_code == 404


def test_the_signature_is_the_providers(settings: Any) -> None:
    """The example of the provider's own documentation."""
    settings.TWILIO_AUTH_TOKEN = "12345"
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+12349013030", "Digits": "1234", "From": "+12349013030",
            "To": "+18005551212"}  # fmt: skip
    assert signature_of(url, form.items()) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
