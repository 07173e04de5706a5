"""A real SMTP server with bad moods, and visits to write about."""

import asyncio
import email
import email.policy
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db.models import Min
from django.http import HttpResponse
from django.test import Client

from accounts import clock
from audit.actor import Actor
from booking.actions import book_for
from booking.models import Appointment, Practitioner, Service
from devservices.servers import free_port
from notifications import rounds
from notifications.models import CaughtText, Delivery
from notifications.twilio import signature_of
from patients.actions import add_helper
from patients.helpers import HelperContact
from patients.models import Patient
from tests.factories import WEDNESDAY
from tests.notifications.provider import NUMBER, SID, TOKEN, Provider, listening

GRACE = timedelta(minutes=3)
DUE = WEDNESDAY + GRACE  # when what is said of a booking on Wednesday leaves
MINUTE = timedelta(minutes=1)


class Post:
    """An SMTP server on the loopback. `mood`: ok, no_rcpt (550), busy (451), drop (closes after the body), late_no (554)."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.envelopes: list[Envelope] = []
        self.connections = 0
        self.before_answer: Callable[[], None] = lambda: None

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return answers

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.mood == "no_rcpt":
            return "550 No such user"
        if self.mood == "busy":
            return "451 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.mood == "late_no":
            return "554 Not like this"
        self.envelopes.append(envelope)
        await asyncio.to_thread(self.before_answer)
        if self.mood == "drop":
            server.transport.close()
        return "250 Queued as 42"

    @property
    def mails(self) -> list[EmailMessage]:
        """What came in, parsed by the standard library."""
        return [email.message_from_bytes(bytes(e.content or b""), policy=email.policy.default) for e in self.envelopes]

    @property
    def subjects(self) -> list[str]:
        return [str(mail["subject"]) for mail in self.mails]


@pytest.fixture
def post(settings: Any) -> Iterator[Post]:
    """The clinic's mail goes to this server."""
    handler = Post()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    settings.EMAIL_USE_TLS, settings.EMAIL_HOST_USER = False, ""
    settings.SITE_URL, settings.SMS_CHANNEL = "https://tn.example", "catcher"
    settings.MESSAGE_GRACE_SECONDS, settings.MESSAGE_QUIET_HOURS = 180, "21:00-08:00"
    yield handler
    controller.stop()


@pytest.fixture
def desk() -> Actor:
    """Reception, as an actor."""
    return Actor("staff", None, "reception", "Joanne")


@pytest.fixture
def book(service: Service, practitioner: Practitioner, patient: Patient, desk: Actor) -> Callable[..., Appointment]:
    """Books Maya with Dr. Osei: `book(start, now=…)`."""

    def make(start: datetime, *, now: datetime = WEDNESDAY, **fields: Any) -> Appointment:
        who = fields.get("patient", patient)
        return book_for(service, practitioner, start, patient=who, contact=None, overbook=True, by=desk, now=now)

    return make


@pytest.fixture
def visit(book: Callable[..., Appointment]) -> Appointment:
    """Maya's visit on Thursday, March 11, 2027 at 10:20, booked on Wednesday, February 10 at 9:00."""
    return book(at("2027-03-11 10:20"))


@pytest.fixture
def helped(visit: Appointment) -> Appointment:
    """Maya's visit, about which Tom hears, who booked for her."""
    assert visit.patient is not None
    tom = HelperContact("Tom Lee", "son", "tom@example.com", "+15195550166", "text_email", voicemail_ok=False, gets_messages=True)
    visit.helper = add_helper(visit.patient, tom, checked_channel=None, now=WEDNESDAY)
    visit.save(update_fields=["helper"])
    return visit


def at(words: str) -> datetime:
    """An instant, from the clinic's clock: "2027-03-12 10:20"."""
    wall = datetime.fromisoformat(words)
    return clock.instant(wall.date(), wall.time(), clock.zone_of("America/Toronto"))


def go(now: datetime) -> dict[str, int]:
    """One round at that moment: receipts, replies, plan, send."""
    return dict(rounds.once(now=now))


def live(since: datetime, until: datetime, *, times: int = 1) -> None:
    """The rounds of days or weeks: each day's, and just before, at and after every moment that something waits for.

    What a round finds depends on what waits and for when; those in between find what the one before left.

    Args:
        times: how many rounds at each of these moments.
    """
    moment = since
    while moment < until:
        for _round in range(times):
            go(moment)
        waiting = Delivery.objects.filter(state="pending", next_attempt_at__gt=moment + timedelta(seconds=1))
        due = waiting.aggregate(first=Min("next_attempt_at"))["first"]
        if due and due <= moment + timedelta(days=1):
            go(due - timedelta(seconds=1))
            moment = due
        else:
            moment += timedelta(days=1)


def texts() -> list[str]:
    """Every text that went out, oldest first."""
    return list(CaughtText.objects.order_by("pk").values_list("body", flat=True))


def states(kind: str) -> dict[str, tuple[str, str]]:
    """channel → (state, reason) of the newest delivery of a kind."""
    rows = Delivery.objects.filter(message__kind=kind).order_by("message__sequence", "pk")
    return {d.channel: (str(d.state), d.reason) for d in rows}


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection to a mail server or a broker fails the test."""
    import smtplib

    import kombu.connection

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a request must not talk to a mail server or a broker")

    monkeypatch.setattr(smtplib.SMTP, "__init__", refuse)
    monkeypatch.setattr(kombu.connection.Connection, "__init__", refuse)


@pytest.fixture
def provider(post: Post, settings: Any) -> Iterator[Provider]:
    """Texts go through this provider, by HTTP."""
    with listening(Provider()) as there:
        settings.SMS_CHANNEL, settings.TWILIO_API = "twilio", there.url
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = SID, TOKEN, NUMBER
        yield there


def says(client: Client, words: str, *, sender: str = "+15195550181", sid: str = "") -> HttpResponse:
    """The provider hands us a text that came in, signed."""
    form = {"MessageSid": sid or f"SM{uuid.uuid4().hex}", "From": sender, "To": NUMBER, "Body": words}
    return signed(client, "/hooks/twilio/text/", form)


def signed(client: Client, path: str, form: dict[str, str]) -> HttpResponse:
    """A POST with the provider's signature for our public address."""
    signature = signature_of("https://tn.example" + path, form.items())
    return client.post(path, form, headers={"X-Twilio-Signature": signature})


def emails() -> Delivery:
    """The email that says "booked"."""
    return Delivery.objects.get(message__kind="booked", channel="email")
