"""The ways out. A channel is one class: open once per drain, `send` a letter, close. It says exactly what became of it.

Only two answers are safe to act on: taken, and certainly not sent. Everything between is `UNSURE` and is not tried again.
"""

import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from email.encoders import encode_base64
from email.mime.base import MIMEBase
from email.utils import formatdate, parseaddr
from enum import StrEnum
from typing import Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend
from django.core.mail.message import sanitize_address
from django.db import DatabaseError
from django.utils.module_loading import import_string

from accounts import clock
from accounts.logs import scrub
from notifications.letters import Letter
from notifications.models import CaughtText, Channel, ChannelSwitch, Delivery
from notifications.seals import seal

RECONNECT_AFTER = 200  # messages on one SMTP connection


class Became(StrEnum):
    """What became of a letter."""

    ACCEPTED = "accepted"
    RETRY = "retry"  # certainly not sent; may work later
    DOWN = "down"  # certainly not sent; nothing else would get through now either
    REFUSED = "refused"  # certainly not sent; will never work like this
    UNSURE = "unsure"  # may have been sent


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter, and what the other side said: its id for it, or an error's class and code."""

    became: Became
    provider: str
    provider_id: str = ""
    error_class: str = ""
    error_code: str = ""


class Session(Protocol):
    """A channel while it is open."""

    provider: str

    def send(self, delivery: Delivery, letter: Letter) -> Outcome:
        """Hand a letter over. Never raises for what the other side does."""

    def close(self) -> None:
        """Let go of the connection."""


# --- Email -----------------------------------------------------------------------------------------------------------


def message_id(delivery: Delivery) -> str:
    """The same on every try of a delivery, so that a receiver that sees two can tell."""
    return f"<{delivery.public_id}@{urlsplit(settings.SITE_URL).hostname}>"


def return_path(delivery: Delivery) -> str:
    """Where the mail comes back to: our own id under our seal is in the address, so a bounce names its message."""
    name, _at, host = settings.MAIL_BOUNCES.partition("@")
    if not host:
        return parseaddr(settings.DEFAULT_FROM_EMAIL)[1]
    return f"{name}+{delivery.public_id.hex}-{seal(delivery.public_id)}@{host}"


def build_mail(delivery: Delivery, letter: Letter) -> EmailMultiAlternatives:
    """The email of a letter: text, HTML, and the calendar file."""
    mail = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[letter.address],
        reply_to=[settings.MAIL_REPLY_TO],
        headers={
            "Message-ID": message_id(delivery),
            "Date": formatdate(clock.now().timestamp()),
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    if letter.unsubscribe:  # RFC 8058; never in mail about something that is booked
        mail.extra_headers |= {
            "List-Unsubscribe": f"<{letter.unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    mail.attach_alternative(letter.html, "text/html")
    if letter.calendar:
        part = MIMEBase("text", "calendar", method=letter.method, charset="utf-8", name="appointment.ics")
        part.set_payload(letter.calendar)
        encode_base64(part)
        part.add_header("Content-Disposition", "attachment", filename="appointment.ics")
        mail.attach(part)
    return mail


def _enhanced(answer: bytes) -> str:
    """The enhanced status code of an answer (5.1.1: there is no such mailbox), or what its words amount to."""
    words = answer.decode("utf-8", "replace")
    if found := re.match(r"\s*([45]\.\d{1,3}\.\d{1,3})\b", words):
        return found.group(1)
    return "5.1.1" if re.search(r"no such user|user unknown|unknown user|does not exist", words, re.I) else ""


class MailSession:
    """One SMTP connection, opened at the first letter and kept for the drain.

    The conversation is led by hand, because smtplib's `sendmail` does not tell whether the body was under way when the
    connection broke; that is the difference between "certainly not sent" and "nobody knows".
    """

    provider = "smtp"

    def __init__(self) -> None:
        self.backend = EmailBackend(fail_silently=False)
        self.sent = 0

    def close(self) -> None:
        """Say goodbye."""
        if self.backend.connection is not None:
            try:
                self.backend.close()
            except (OSError, smtplib.SMTPException):
                self.backend.connection = None
        self.sent = 0

    def _connection(self) -> smtplib.SMTP:
        if self.sent >= RECONNECT_AFTER:
            self.close()
        if self.backend.connection is None:
            self.backend.open()
        assert self.backend.connection is not None
        return self.backend.connection

    def _outcome(
        self, became: Became, error: BaseException | None = None, code: int | str = "", answer: bytes | str = b""
    ) -> Outcome:
        said = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
        if became is Became.ACCEPTED:
            return Outcome(became, self.provider, provider_id=scrub(said)[:255])  # some servers repeat the address
        return Outcome(
            became, self.provider, error_class=type(error).__name__[:16] if error else "smtp", error_code=str(code)[:32]
        )

    def send(self, delivery: Delivery, letter: Letter) -> Outcome:
        """Hand one email over. A connection that had died meanwhile is opened once more; nothing was lost with it."""
        fresh = self.backend.connection is None
        outcome = self._once(delivery, letter)
        if outcome.became is Became.DOWN and not fresh and self.backend.connection is None:
            outcome = self._once(delivery, letter)
        return outcome

    def _once(self, delivery: Delivery, letter: Letter) -> Outcome:
        try:
            recipient = sanitize_address(letter.address, "utf-8")
        except ValueError as error:
            return self._outcome(Became.REFUSED, error, "5.1.3")  # it cannot be said to a mail server
        mail = build_mail(delivery, letter)
        sender = sanitize_address(return_path(delivery), "utf-8")
        try:
            smtp = self._connection()
            body = re.sub(rb"\r\n|\r|\n", b"\r\n", mail.message().as_bytes()).removesuffix(b"\r\n") + b"\r\n"
            body = re.sub(rb"(?m)^\.", b"..", body)
            smtp.ehlo_or_helo_if_needed()
            code, answer = smtp.mail(sender, ["BODY=8BITMIME"] if smtp.has_extn("8bitmime") else [])
            if code != 250:
                return self._said_no(smtp, code, answer, ours=True)
            code, answer = smtp.rcpt(recipient)
            if code not in (250, 251):
                return self._said_no(smtp, code, answer)
            code, answer = smtp.docmd("data")
            if code != 354:
                return self._said_no(smtp, code, answer, ours=True)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return self._outcome(Became.DOWN, error, getattr(error, "smtp_code", ""))
        try:
            smtp.send(body + b".\r\n")
            code, answer = smtp.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return self._outcome(Became.UNSURE, error)
        self.sent += 1
        if code != 250:
            return self._said_no(smtp, code, answer)
        return self._outcome(Became.ACCEPTED, answer=answer)

    def _said_no(self, smtp: smtplib.SMTP, code: int, answer: bytes, *, ours: bool = False) -> Outcome:
        """A clear no. 5xx about the address or the letter is final; about us (sender, server) it is worth another try."""
        if code == 421 or code < 0:
            self._drop()
            return self._outcome(Became.DOWN, code=code)
        try:
            smtp.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()
        final = 500 <= code < 600 and not ours
        return self._outcome(Became.REFUSED if final else Became.RETRY, code=_enhanced(answer) or code)

    def _drop(self) -> None:
        """Forget a broken connection without another word."""
        connection, self.backend.connection, self.sent = self.backend.connection, None, 0
        if connection is not None:
            connection.close()


# --- Texts ------------------------------------------------------------------------------------------------------------


class CatcherSession:
    """The SMS channel of the demo and the tests: its provider is a table that /demo/mailbox/ shows."""

    provider = "catcher"

    def send(self, delivery: Delivery, letter: Letter) -> Outcome:
        """Hand one text over."""
        try:
            row = CaughtText.objects.create(
                received_at=clock.now(), recipient=letter.address, body=letter.text, delivery_id=delivery.public_id
            )
        except DatabaseError as error:
            return Outcome(Became.UNSURE, self.provider, error_class=type(error).__name__[:16])
        return Outcome(Became.ACCEPTED, self.provider, provider_id=str(row.pk))

    def close(self) -> None:
        """Nothing is open."""


TEXT_PROVIDERS = {"catcher": "notifications.channels.CatcherSession", "twilio": "notifications.twilio.TwilioSession"}


def text_provider() -> Callable[[], Session] | None:
    """The class that sends texts here, or None where there is none."""
    where = TEXT_PROVIDERS.get(settings.SMS_CHANNEL)
    return import_string(where) if where else None


def texts_configured() -> bool:
    """Whether there is anything to send texts with."""
    return settings.SMS_CHANNEL in TEXT_PROVIDERS


def texts_work() -> bool:
    """Whether texts can be sent now: there is something to send them with, and nobody has switched them off."""
    return texts_configured() and not ChannelSwitch.objects.filter(channel=Channel.TEXT, enabled=False).exists()


def provider_answers_keywords() -> bool:
    """Whether the provider answers STOP, START and HELP by itself, so that we must not."""
    return bool(getattr(text_provider(), "answers_keywords", False))


def open_session(channel: str) -> Session:
    """A session of a channel, still unconnected."""
    if channel == Channel.EMAIL:
        if settings.MAIL_PROVIDER == "smtp":
            return MailSession()
        session: Session = import_string("notifications.mail_provider.ProviderSession")()
        return session
    provider = text_provider()
    assert provider is not None
    return provider()
