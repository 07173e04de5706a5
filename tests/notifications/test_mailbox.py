"""/demo/mailbox/: what really went out, safely shown, and only in the demo."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.urls import reverse

from accounts.models import Clinic
from booking.models import Appointment
from devservices.servers import free_port
from notifications.models import CaughtMail, CaughtText, Delivery, Inbound
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, Post, at, go

pytestmark = pytest.mark.django_db
PAGES = ["mailbox", "mail", "mail_html", "mail_ics", "text"]


@pytest.fixture
def demo(settings: Any, clinic: Clinic) -> None:
    """This is the demo."""
    settings.DEMO = True


def caught(html: str = "<html><head></head><body><p>Hello</p></body></html>") -> CaughtMail:
    """A mail in the box."""
    mail = EmailMultiAlternatives("A <subject>", "Hello https://tn.example/v/abc/. Bye", "a@tn.example", ["maya@example.com"])
    mail.attach_alternative(html, "text/html")
    return CaughtMail.objects.create(
        received_at=WEDNESDAY, sender="a@tn.example", recipient="maya@example.com", raw=mail.message().as_bytes()
    )


def url(page: str, pk: int = 1) -> str:
    return reverse(f"notifications:{page}", args=[] if page == "mailbox" else [pk])


@pytest.mark.parametrize("name", PAGES)
def test_outside_the_demo_there_is_no_mailbox(client: Client, settings: Any, clinic: Clinic, name: str) -> None:
    settings.DEMO = False
    assert client.get(url(name, caught().pk)).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_the_mailbox_is_only_for_reading(client: Client, demo: None, name: str) -> None:
    assert client.post(url(name, caught().pk)).status_code == 405


def test_a_text_is_answered_and_the_answer_comes_in_like_any_other(
    client: Client, demo: None, post: Post, visit: Appointment
) -> None:
    go(WEDNESDAY + GRACE)
    go(at("2027-03-09 10:20"))
    asked = CaughtText.objects.order_by("pk").last()
    assert asked is not None
    page = client.get(url("text", asked.pk)).content.decode()
    assert "Reply C to confirm." in page
    sent = client.post(url("answer", asked.pk), {"words": "C"})
    assert sent.status_code == 303
    assert Inbound.objects.get().sender == asked.recipient
    assert "The phone" in client.get(sent.headers["Location"].partition("#")[0]).content.decode()
    assert client.post(url("answer", asked.pk), {"words": " "}).status_code == 422


def test_an_empty_mailbox_says_so(client: Client, demo: None) -> None:
    assert "Nothing yet" in client.get(url("mailbox")).content.decode()


def test_mails_and_texts_stand_in_one_list_the_newest_first(client: Client, demo: None) -> None:
    caught()
    CaughtText.objects.create(
        received_at=WEDNESDAY + GRACE, recipient="+15195550181", body="True North: hi", delivery_id=Delivery().public_id
    )
    page = client.get(url("mailbox")).content.decode()
    assert page.index("True North: hi") < page.index("A &lt;subject&gt;")


def test_links_in_the_words_can_be_followed(client: Client, demo: None) -> None:
    page = client.get(url("mail", caught().pk)).content.decode()
    assert '<a href="https://tn.example/v/abc/">https://tn.example/v/abc/</a>. Bye' in page


def test_the_html_of_a_mail_is_shut_into_a_sandbox(client: Client, demo: None) -> None:
    answer = client.get(url("mail_html", caught("<html><head></head><body><script>alert(1)</script></body></html>").pk))
    policy = dict(part.strip().partition(" ")[::2] for part in answer["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert "allow-scripts" not in policy["sandbox"]
    assert "allow-same-origin" not in policy["sandbox"]
    assert "script-src" not in policy
    assert policy["frame-ancestors"] == "'self'"
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_only_the_page_of_a_mail_may_frame_anything(client: Client, demo: None) -> None:
    assert "frame-src 'self'" in client.get(url("mail", caught().pk))["Content-Security-Policy"]
    assert "frame-src" not in client.get(url("mailbox"))["Content-Security-Policy"]


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe nonsense", b"Subject: =?utf-8?b?broken\r\n\r\n", b"Content-Type: text/html; charset=nope\r\n\r\n<p>x"]
)
def test_a_mail_that_makes_no_sense_is_shown_as_far_as_it_goes(client: Client, demo: None, raw: bytes) -> None:
    mail = CaughtMail.objects.create(received_at=WEDNESDAY, sender="", recipient="x@example.com", raw=raw)
    assert client.get(url("mailbox")).status_code == 200
    assert client.get(url("mail", mail.pk)).status_code == 200


def test_the_calendar_file_can_be_taken_as_it_was_sent(client: Client, demo: None, post: Post, visit: Appointment) -> None:
    go(WEDNESDAY + GRACE)
    mail = CaughtMail.objects.create(received_at=WEDNESDAY, sender="", recipient="", raw=bytes(post.envelopes[0].content or b""))
    answer = client.get(url("mail_ics", mail.pk))
    assert answer["Content-Type"].startswith("text/calendar")
    assert b"BEGIN:VEVENT" in answer.content
    assert "BEGIN:VEVENT" in client.get(url("mail", mail.pk)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_what_the_catcher_receives_over_smtp_is_in_the_mailbox(
    client: Client, settings: Any, clinic: Clinic, book: Callable[..., Appointment], post: Post
) -> None:
    from notifications.catcher import listen
    from tests.notifications.conftest import at

    settings.DEMO, settings.EMAIL_PORT = True, free_port()
    book(at("2027-03-11 10:20"))
    with listen(settings.EMAIL_PORT):
        go(WEDNESDAY + GRACE)
    assert CaughtMail.objects.count() == 1
    page = client.get(url("mailbox")).content.decode()
    assert "Your appointment on Thursday, March 11" in page
    assert "True North: you are booked for" in page
    link = re.search(r'href="(/demo/mailbox/mail/\d+/)"', page)
    assert link
    assert "Reference: TN-" in client.get(link.group(1)).content.decode()
