"""Email through a provider's API instead of SMTP, by way of django-anymail. It builds the request; what an answer means, and
whether a request had left when something broke, is decided here, as strictly as for SMTP and for texts.

The letter's metadata is our delivery's id under our seal, so an event finds its message even if the answer was lost.
"""

import re
import ssl
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from anymail.exceptions import (
    AnymailAPIError,
    AnymailError,
    AnymailInvalidAddress,
    AnymailRecipientsRefused,
)
from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from django.conf import settings
from django.core.mail import get_connection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from notifications.channels import Became, Outcome, build_mail
from notifications.letters import Letter
from notifications.models import Delivery
from notifications.receipts import COMPLAINED, SUPPRESSED
from notifications.seals import is_ours, seal

IDLE = 4  # seconds; a connection not used for so long is opened anew: the other end may have closed it
OUR_TROUBLE = frozenset({401, 402, 403, 404, 407, 421, 429})  # our account, or its rate: nothing else would get through either
TRIES_OF_A_NO = 4  # a clear no that does not name the address may be about our account too: this often, then the other way
KEEPS_OUR_ID = {"mailgun": {}, "postmark": {"X-PM-KeepID": "true"}}  # who sends the Message-ID we give, and what that takes
TRACKING_CLASS = {
    "amazon_ses": "AmazonSESTrackingWebhookView", "mailersend": "MailerSendTrackingWebhookView",
    "mailgun": "MailgunTrackingWebhookView", "mailjet": "MailjetTrackingWebhookView",
    "mandrill": "MandrillCombinedWebhookView", "postmark": "PostmarkTrackingWebhookView",
    "sendgrid": "SendGridTrackingWebhookView", "sparkpost": "SparkPostTrackingWebhookView",
}  # fmt: skip


def sealed_id(delivery: Delivery) -> str:
    """Our own id of a delivery as a provider is told it: nobody else can make one up."""
    return f"{delivery.public_id.hex}-{seal(delivery.public_id)}"


def for_provider(delivery: Delivery, letter: Letter) -> Any:
    """The email of a letter, with what anymail adds to Django's: our id goes along, nobody's opening or clicking is watched."""
    mail: Any = build_mail(delivery, letter)
    headers = mail.extra_headers
    del headers["Date"]  # the provider's, like the way back: bounces come as events
    keeps = KEEPS_OUR_ID.get(settings.MAIL_PROVIDER)
    if keeps is None:
        del headers["Message-ID"]
    else:
        headers |= keeps
    mail.metadata = {"delivery": sealed_id(delivery)}
    if settings.MAIL_PROVIDER != "amazon_ses":  # tracks only where a configuration set of the account says so
        mail.track_opens = mail.track_clicks = False
    return mail


class ProviderSession:
    """One HTTP session with the provider, opened at the first letter and kept for the drain."""

    def __init__(self) -> None:
        self.provider = settings.MAIL_PROVIDER
        self.backend = get_connection(settings.EMAIL_BACKEND)
        self.used_at = 0.0

    def close(self) -> None:
        """Let go of the connection."""
        self.backend.close()

    def send(self, delivery: Delivery, letter: Letter) -> Outcome:
        """Hand one email over. Once the request may have left, only a clear answer tells; never tried again here."""
        mail = for_provider(delivery, letter)
        if time.monotonic() - self.used_at > IDLE:
            self.backend.close()
        try:
            self.backend.open()
            self.backend.send_messages([mail])
        except AnymailRecipientsRefused as error:
            return self._outcome(Became.REFUSED, "refused", SUPPRESSED if _suppressed(error) else "refused")
        except AnymailInvalidAddress:
            return self._outcome(Became.REFUSED, "address", "5.1.3")
        except AnymailAPIError as error:
            self.backend.close()
            return self._read(delivery, error)
        except AnymailError as error:  # it could not be put into the provider's words; nothing has left
            return self._outcome(Became.REFUSED, type(error).__name__)
        self.used_at = time.monotonic()
        return Outcome(Became.ACCEPTED, self.provider, provider_id=str(mail.anymail_status.message_id or "")[:255])

    def _read(self, delivery: Delivery, error: AnymailAPIError) -> Outcome:
        """What an error means. Before the request left, or 4xx: it was not taken. Anything else: it may have been."""
        status = _status(error)
        if status is None:
            cause = type(error.__cause__ or error).__name__
            return self._outcome(Became.DOWN if _never_left(error) else Became.UNSURE, cause)
        if status in OUR_TROUBLE:
            return self._outcome(Became.DOWN, "rate" if status == 429 else "account", str(status))
        if 400 <= status < 500:
            again = delivery.attempts < TRIES_OF_A_NO
            return self._outcome(Became.RETRY if again else Became.REFUSED, "refused", str(status))
        return self._outcome(Became.UNSURE, "provider" if status >= 500 else "answer", str(status))

    def _outcome(self, became: Became, error: str, code: str = "") -> Outcome:
        return Outcome(became, self.provider, error_class=error[:16], error_code=code[:32])


def _suppressed(error: AnymailRecipientsRefused) -> bool:
    """Whether the provider refused because mail to that address came back before."""
    return "rejected" in (getattr(getattr(error.email_message, "anymail_status", None), "status", None) or ())


def _status(error: AnymailAPIError) -> int | None:
    """The HTTP status of the answer, if there was one; Amazon's client gives a dictionary."""
    if isinstance(error.response, dict):
        found = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return int(found) if found else None
    return error.status_code


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and whatever is inside it: causes, arguments and reasons."""
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__cause__, found.__context__, getattr(found, "reason", None), *found.args]


def _never_left(error: BaseException) -> bool:
    """Whether it is certain that no request left: no connection was made, or the other side was not who it should be."""
    return any(
        isinstance(e, NewConnectionError | ConnectTimeoutError | ssl.SSLCertVerificationError)
        or type(e).__name__ in ("EndpointConnectionError", "NoCredentialsError")  # Amazon's client
        for e in _chain(error)
    )


# --- What the provider tells later -----------------------------------------------------------------------------------

OUTCOMES = {
    EventType.QUEUED: "accepted", EventType.SENT: "accepted", EventType.DEFERRED: "accepted",
    EventType.DELIVERED: "delivered", EventType.COMPLAINED: COMPLAINED,
    EventType.BOUNCED: "bounced", EventType.REJECTED: "bounced", EventType.FAILED: "bounced",
}  # fmt: skip
WATCHED = frozenset({EventType.OPENED, EventType.CLICKED})
_GONE = frozenset({RejectReason.INVALID, RejectReason.BOUNCED, RejectReason.SPAM, RejectReason.UNSUBSCRIBED})
_ENHANCED = re.compile(r"\b5\.\d{1,3}\.\d{1,3}\b")


def delivery_of(event: AnymailTrackingEvent) -> UUID | None:
    """The delivery that an event is about: named by our seal, else by the provider's id for it."""
    said = str((event.metadata or {}).get("delivery", ""))
    name, _dash, typed = said.partition("-")
    if re.fullmatch(r"[0-9a-f]{32}-[0-9a-f]{16}", said):
        return UUID(name) if is_ours(UUID(name), typed) else None
    if not event.message_id:
        return None
    sent = Delivery.objects.filter(provider=settings.MAIL_PROVIDER, provider_id=event.message_id, channel="email")
    return sent.values_list("public_id", flat=True).first()


def code_of(event: AnymailTrackingEvent) -> str:
    """Why it was not delivered: the mail server's enhanced code, or that the provider keeps the address off its list."""
    if event.event_type == EventType.REJECTED and event.reject_reason in _GONE:
        return SUPPRESSED
    if event.event_type not in (EventType.BOUNCED, EventType.REJECTED, EventType.FAILED):
        return ""
    found = _ENHANCED.search(f"{event.mta_response or ''} {event.description or ''}")
    return found.group(0) if found else str(event.reject_reason or event.event_type)
