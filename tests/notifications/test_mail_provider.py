"""Email through a provider's API, over real HTTP: taken once, never guessed, healed by events; nobody is watched."""

import base64
import hashlib
import hmac
import itertools
import json
import random
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client

from booking.models import Appointment
from config.mail import PROVIDERS, mail_provider
from notifications import drain, receipts
from notifications.mail_provider import TRACKING_CLASS, sealed_id
from notifications.models import ChannelSwitch, Delivery, Receipt
from patients.models import Patient
from tests.notifications.conftest import DUE, Post, at, go, states, texts

HOUR = timedelta(hours=1)
SECRET = "hooks:a-secret-of-the-webhook"
TOKEN = "token-of-the-server"
NO = {"inactive": (406, "You tried to send to a recipient that has been marked as inactive.\nFound inactive addresses: "
                        "maya@example.com.\nInactive recipients are ones that have generated a hard bounce."),
      "strange": (300, "Invalid metadata content."), "sender": (400, "The Sender signature was not found.")}  # fmt: skip
pytestmark = pytest.mark.django_db


class Api:
    """`mood`: ok, then_500 or hang_up or slow (takes it first), busy (429), key (401), or one of NO."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.taken: list[dict[str, Any]] = []
        self.asked = self.connections = 0
        self.wait = threading.Event()

    def answer(self, handler: BaseHTTPRequestHandler, letter: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        if self.mood == "busy":
            return 429, {"ErrorCode": 0, "Message": "Slow down"}
        if self.mood == "key" or handler.headers.get("X-Postmark-Server-Token", TOKEN) != TOKEN:
            return 401, {"ErrorCode": 10, "Message": "Bad or missing API token"}
        if self.mood in NO:
            return 422, {"ErrorCode": NO[self.mood][0], "Message": NO[self.mood][1]}
        self.taken.append(letter)
        if self.mood == "slow":
            self.wait.wait(3)
        if self.mood == "then_500":
            return 500, {"Message": "Internal error"}
        name = f"pm-{len(self.taken)}"
        return 200, {
            "ErrorCode": 0,
            "Message": "OK",
            "MessageID": name,
            "message": "Queued.",
            "To": letter.get("To", ""),
            "id": f"<{name}@mg>",
        }


@pytest.fixture
def api(post: Post, settings: Any) -> Iterator[Api]:
    """Email goes to this provider."""
    there = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            there.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            letter = json.loads(body) if "json" in self.headers["Content-Type"] else {"raw": body, "path": self.path}
            status, said = there.answer(self, letter)
            if there.mood == "hang_up":
                self.close_connection = True
                self.connection.close()
                return
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Whoever gave up waiting is no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    settings.MAIL_PROVIDER, settings.EMAIL_BACKEND = "postmark", "anymail.backends.postmark.EmailBackend"
    written = json.dumps({"POSTMARK_SERVER_TOKEN": TOKEN, "POSTMARK_API_URL": url, "MAILGUN_API_URL": url + "v3",
                          "MAILGUN_API_KEY": "mg", "MAILGUN_WEBHOOK_SIGNING_KEY": "mg-signs", "WEBHOOK_SECRET": SECRET})  # fmt: skip
    settings.ANYMAIL = mail_provider("postmark", written, timeout=1)
    yield there
    there.wait.set()
    server.shutdown()
    server.server_close()


def the_mail() -> Delivery:
    """The mail that says "booked"."""
    return Delivery.objects.get(message__kind="booked", channel="email")


def tells(client: Client, event: dict[str, Any], *, secret: str = SECRET, of: Delivery | None = None) -> HttpResponse:
    """The provider posts an event about the mail."""
    said = {"Metadata": {"delivery": sealed_id(of or the_mail())}, "MessageID": "pm-1", **event}
    headers = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}
    return client.post("/hooks/mail/", said, content_type="application/json", headers=headers)


DELIVERED = {"RecordType": "Delivery", "Recipient": "maya@example.com", "DeliveredAt": "2027-02-10T14:04:00Z"}
LATER = {"RecordType": "Bounce", "Type": "Transient", "ID": 2, "BouncedAt": "2027-02-10T14:05:00Z"}
SPAM = {"RecordType": "SpamComplaint", "Type": "SpamComplaint", "ID": 3, "BouncedAt": "2027-02-10T14:06:00Z"}


def hard(details: str = "smtp;550 5.1.1 No such user") -> dict[str, Any]:
    return {"RecordType": "Bounce", "Type": "HardBounce", "ID": 1, "Details": details, "BouncedAt": "2027-02-10T14:05:00Z"}


# --- Sending ------------------------------------------------------------------------------------------------------------


def test_a_letter_goes_out_by_api_with_our_sealed_id_and_its_calendar_and_nobody_is_watched(
    api: Api, visit: Appointment, post: Post
) -> None:
    go(DUE)
    (letter,) = api.taken
    sent = the_mail()
    assert (sent.state, sent.provider, sent.provider_id) == ("accepted", "postmark", "pm-1")
    assert post.mails == []  # nothing by SMTP
    assert letter["Metadata"] == {"delivery": sealed_id(sent)}
    assert (letter["TrackOpens"], letter["TrackLinks"]) == (False, "None")
    headers = {h["Name"]: h["Value"] for h in letter["Headers"]}
    assert headers["Message-ID"] == f"<{sent.public_id}@tn.example>"
    assert headers["X-PM-KeepID"] == "true"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert letter["TextBody"].startswith("Hello Maya")
    assert "<html" in letter["HtmlBody"]
    (file,) = letter["Attachments"]
    assert 'method="REQUEST"' in file["ContentType"]
    assert b"METHOD:REQUEST" in base64.b64decode(file["Content"])


def test_one_connection_carries_a_whole_drain_of_mails(api: Api, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11, 14):
        book(at(f"2027-03-11 {hour:02d}:00"))
    go(DUE)
    assert (len(api.taken), api.connections) == (4, 1)


@pytest.mark.parametrize("name", [name for name in PROVIDERS if name != "amazon_ses"])
def test_every_provider_is_told_with_each_letter_not_to_track(api: Api, visit: Appointment, settings: Any, name: str) -> None:
    """The words differ; the letter says it, and a backend that could not pass it on would refuse to send."""
    from importlib import import_module

    settings.MAIL_PROVIDER = name
    payload = next(v for k, v in vars(import_module(f"anymail.backends.{name}")).items() if k.endswith("Payload") and k[0] != "R")
    assert {"set_track_opens", "set_track_clicks", "set_metadata"} <= set(dir(payload))
    assert TRACKING_CLASS[name] in vars(import_module(f"anymail.webhooks.{name}"))


@pytest.mark.parametrize("mood", ["then_500", "hang_up", "slow"])
def test_mail_taken_and_then_an_error_is_unknown_not_sent_again_and_healed_by_its_event(
    api: Api, visit: Appointment, client: Client, mood: str
) -> None:
    api.mood = mood
    go(DUE)
    api.mood = "ok"
    for n in range(3):
        go(DUE + n * HOUR)
    assert the_mail().state == "unknown"
    assert len(api.taken) == 1
    assert tells(client, DELIVERED).status_code == 200
    go(DUE + 6 * HOUR)
    assert the_mail().state == "delivered"


@pytest.mark.parametrize(("mood", "error"), [("busy", ("rate", "429")), ("key", ("account", "401"))])
def test_a_rate_or_a_wrong_key_rests_the_channel_and_the_mail_goes_later_once(
    api: Api, visit: Appointment, mood: str, error: tuple[str, str]
) -> None:
    api.mood = mood
    go(DUE)
    assert (the_mail().state, the_mail().error_class, the_mail().error_code) == ("pending", *error)
    assert ChannelSwitch.objects.get(channel="email").paused_until
    api.mood = "ok"
    for n in range(1, 4):
        go(DUE + n * HOUR)
    assert len(api.taken) == 1


def test_nobody_listening_at_the_provider_is_tried_again_later(api: Api, visit: Appointment, settings: Any) -> None:
    settings.ANYMAIL = settings.ANYMAIL | {"POSTMARK_API_URL": "http://127.0.0.1:1/"}
    go(DUE)
    assert the_mail().state == "pending"
    assert ChannelSwitch.objects.get(channel="email").paused_until


def test_an_address_on_the_providers_own_list_is_marked_and_the_patient_gets_a_text(
    api: Api, book: Callable[..., Appointment], patient: Patient
) -> None:
    Patient.objects.update(reminder_by="email")
    book(at("2027-03-11 10:20"))
    api.mood = "inactive"
    go(DUE)
    go(DUE + HOUR)
    patient.refresh_from_db()
    assert states("booked") == {"email": ("failed", "refused"), "text": ("accepted", "fallback")}
    assert patient.email_bounced_at is not None


@pytest.mark.parametrize("mood", ["strange", "sender"])
def test_a_no_that_names_no_address_is_tried_a_few_times_and_then_goes_the_other_way(
    api: Api, book: Callable[..., Appointment], patient: Patient, mood: str
) -> None:
    Patient.objects.update(reminder_by="email")
    book(at("2027-03-11 10:20"))
    api.mood = mood
    for n in range(8):
        go(DUE + n * HOUR)
    patient.refresh_from_db()
    assert states("booked") == {"email": ("failed", "refused"), "text": ("accepted", "fallback")}
    assert api.asked == 5
    assert patient.email_bounced_at is None
    assert len(texts()) == 1


# --- Events -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "ends", "marked"),
    [
        ((LATER, DELIVERED, DELIVERED), "delivered", False),
        ((LATER, hard(), hard()), "bounced", True),
        ((hard("smtp;552 5.2.2 Mailbox full"), LATER), "bounced", False),
        ((DELIVERED, SPAM), "delivered", True),
    ],
)
def test_events_in_any_order_and_number_end_the_same(
    api: Api, visit: Appointment, client: Client, events: tuple[dict[str, Any], ...], ends: str, marked: bool
) -> None:
    go(DUE)
    for n, order in enumerate(random.Random(1).sample(list(itertools.permutations(events)), 2)):
        Receipt.objects.all().delete()
        Patient.objects.update(email_bounced_at=None)
        Delivery.objects.filter(pk=the_mail().pk).update(state="accepted" if n % 2 else "unknown")
        for event in order:
            tells(client, event)
            if n % 2:
                receipts.apply(now=DUE)
        drain.reconcile(now=DUE)
        assert the_mail().state == ends
        assert (Patient.objects.get().email_bounced_at is not None) is marked


def test_an_event_without_our_id_finds_its_message_by_the_providers(api: Api, visit: Appointment, client: Client) -> None:
    go(DUE)
    tells(client, {**DELIVERED, "Metadata": {}})
    go(DUE + HOUR)
    assert the_mail().state == "delivered"


def test_an_event_with_a_made_up_seal_is_nobodys(api: Api, visit: Appointment, client: Client) -> None:
    go(DUE)
    made_up = {"delivery": f"{the_mail().public_id.hex}-{'0' * 16}"}
    assert tells(client, {**DELIVERED, "Metadata": made_up}).status_code == 200
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("secret", ["", "hooks:another", "é"])
def test_an_event_without_the_secret_is_refused(api: Api, visit: Appointment, client: Client, secret: str) -> None:
    go(DUE)
    assert tells(client, DELIVERED, secret=secret).status_code == 403
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("signed", [True, False])
def test_where_the_provider_signs_the_signature_counts_too(
    api: Api, visit: Appointment, client: Client, settings: Any, signed: bool
) -> None:
    settings.MAIL_PROVIDER, settings.EMAIL_BACKEND = "mailgun", "anymail.backends.mailgun.EmailBackend"
    go(DUE)
    (letter,) = api.taken
    assert letter["path"] == "/v3/tn.example/messages"
    for field in (b"o:tracking-clicks", b"o:tracking-opens"):
        assert b"no" in letter["raw"].split(field)[1][:40]
    assert the_mail().provider_id == "<pm-1@mg>"
    when, token = "1550000000", "t" * 50
    signature = hmac.new(b"mg-signs" if signed else b"else", f"{when}{token}".encode(), hashlib.sha256).hexdigest()
    event = {"event": "delivered", "timestamp": 1550000000.0, "id": "e1", "recipient": "maya@example.com",
             "user-variables": {"delivery": sealed_id(the_mail())}, "message": {"headers": {"message-id": "pm-1@mg"}}}  # fmt: skip
    said = {"signature": {"timestamp": when, "token": token, "signature": signature}, "event-data": event}
    answer = tells(client, said)
    assert answer.status_code == (200 if signed else 403)
    assert Receipt.objects.filter(outcome="delivered").exists() is signed


def test_words_that_are_no_event_are_answered_and_not_quoted(
    api: Api, visit: Appointment, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    basic = {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}
    assert client.post("/hooks/mail/", "CANARY", content_type="application/json", headers=basic).status_code == 400
    assert "CANARY" not in caplog.text


def test_a_provider_that_watches_after_all_is_complained_about_and_what_it_saw_is_not_kept(
    api: Api, visit: Appointment, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    go(DUE)
    tells(client, {"RecordType": "Open", "Recipient": "maya@example.com", "ReceivedAt": "2027-02-10T14:05:00Z"})
    assert "switch tracking off" in caplog.text
    assert not Receipt.objects.exists()


def test_without_a_provider_or_without_a_secret_there_is_no_such_page(
    api: Api, client: Client, clinic: Any, settings: Any
) -> None:
    settings.ANYMAIL = {name: value for name, value in settings.ANYMAIL.items() if name != "WEBHOOK_SECRET"}
    assert client.post("/hooks/mail/", {}).status_code == 404
    settings.MAIL_PROVIDER = "smtp"
    assert client.post("/hooks/mail/", {}).status_code == 404


# --- Settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written"),
    [("brevo", '{"BREVO_API_KEY": "x"}'), ("postmark", ""), ("postmark", "{"), ("postmark", '["x"]'),
     ("postmark", '{"WEBHOOK_SECRET": "short:one"}'), ("mailgun", '{"MAILGUN_API_KEY": "x", "DEBUG_API_REQUESTS": true}')],
)  # fmt: skip
def test_settings_that_cannot_be_right_stop_the_start(name: str, written: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        mail_provider(name, written, timeout=10)


def test_amazons_client_may_not_try_again_by_itself() -> None:
    said = mail_provider("amazon_ses", '{"AMAZON_SES_CLIENT_PARAMS": {"region_name": "ca-central-1"}}', timeout=10)
    assert said["AMAZON_SES_CLIENT_PARAMS"]["config"]["retries"] == {"total_max_attempts": 1}
    assert said["AMAZON_SES_CLIENT_PARAMS"]["region_name"] == "ca-central-1"
