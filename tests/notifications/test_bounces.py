"""Mail that comes back names its message by the address it comes back to."""

import io
import mailbox
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from booking.models import Appointment
from notifications.models import Delivery, Receipt
from patients.models import Patient
from tests.notifications.conftest import DUE, Post, at, go, states, texts

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(post: Post, settings: Any, visit: Appointment) -> str:
    """The address that the mail about Maya's visit comes back to."""
    settings.MAIL_BOUNCES = "bounces@tn.example"
    Patient.objects.update(reminder_by="email")
    go(DUE)
    return str(post.envelopes[0].mail_from)


def report(to: str, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    """A delivery report, as mail servers write them."""
    return f"""From: MAILER-DAEMON@mx.example
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I could not deliver it.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; maya@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} No

--b--
""".encode()


def take(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    """Pipe a mail into the command."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    call_command("take_bounces", stdout=out)
    return out.getvalue().strip()


def test_the_address_a_mail_comes_back_to_carries_its_sealed_id(sender: str) -> None:
    delivery = Delivery.objects.get(message__kind="booked", channel="email")
    assert sender.startswith(f"bounces+{delivery.public_id.hex}-")
    assert len(sender.partition("@")[0]) <= 64


@pytest.mark.parametrize("change", [str, str.lower, str.upper])
def test_a_bounce_marks_the_message_and_the_address_and_the_patient_gets_a_text(
    sender: str, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    assert take(report(change(sender)), monkeypatch) == "mails=1 ours=1 bounced=1"
    go(DUE)
    assert states("booked") == {"email": ("bounced", ""), "text": ("accepted", "fallback")}
    assert Patient.objects.get().email_bounced_at is not None
    assert len(texts()) == 1
    go(at("2027-03-04 10:20"))
    assert states("reminder_7d")["email"] == ("skipped", "bounced")


def test_a_full_mailbox_is_no_reason_to_give_an_address_up(sender: str, monkeypatch: pytest.MonkeyPatch) -> None:
    take(report(sender, status="5.2.2"), monkeypatch)
    assert states("booked")["email"] == ("bounced", "")
    assert Patient.objects.get().email_bounced_at is None


@pytest.mark.parametrize(
    "raw",
    [
        b"From: maya@example.com\nTo: %b\nSubject: Out of office\n\nI am away.\n",
        b"From: x@y\nTo: bounces+00000000000000000000000000000000-0000000000000000@tn.example\n\nhi\n",
        b"\xff\xfe not a mail", b"",
    ],
)  # fmt: skip
def test_what_is_no_report_of_ours_changes_nothing(sender: str, raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    assert take(raw.replace(b"%b", sender.encode()), monkeypatch) == "mails=1 ours=0 bounced=0"


@pytest.mark.parametrize(("action", "state"), [("delayed", "accepted"), ("delivered", "delivered"), ("relayed", "accepted")])
def test_a_delay_is_no_bounce(sender: str, monkeypatch: pytest.MonkeyPatch, action: str, state: str) -> None:
    take(report(sender, action=action, status="4.4.1"), monkeypatch)
    assert states("booked")["email"] == (state, "")


def test_a_forged_report_is_not_ours(sender: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _dash, rest = sender.partition("-")
    forged = f"{name}-{'0' * 16}@{rest.partition('@')[2]}"
    assert take(report(forged), monkeypatch) == "mails=1 ours=0 bounced=0"


def test_a_mailbox_is_emptied_and_reading_it_twice_is_harmless(sender: str, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    for _ in range(2):
        box.add(report(sender))
    out = io.StringIO()
    call_command("take_bounces", "--mailbox", str(tmp_path / "box"), "--keep", stdout=out)
    call_command("take_bounces", "--mailbox", str(tmp_path / "box"), stdout=out)
    assert Receipt.objects.count() == 1
    assert len(box) == 0
    assert out.getvalue().split("\n")[:2] == ["mails=2 ours=2 bounced=1", "mails=2 ours=2 bounced=0"]


def test_an_address_refused_for_good_at_the_door_is_marked_too(post: Post, visit: Appointment) -> None:
    post.mood = "no_rcpt"
    go(DUE)
    assert states("booked")["email"] == ("failed", "refused")
    assert Patient.objects.get().email_bounced_at == DUE
