"""Texts through Twilio's REST API: one connection per drain, and a plain word on what became of each text.

Two calls are all we need of it, and the SDK hides the one thing that matters here: whether a request had left when the
connection broke. So the standard library's client is led by hand (docs/adr/0140-texts-without-the-sdk.md).
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.urls import reverse

from accounts import clock
from notifications.channels import Became, Outcome
from notifications.letters import Letter
from notifications.models import Delivery
from notifications.seals import seal

TIMEOUT = 10  # seconds to connect, and to wait for an answer
IDLE = 4  # a connection not used for so long is opened anew: the other end may have closed it
LONGEST_VALIDITY = 14400  # seconds that the provider may keep trying


def status_url(delivery: Delivery) -> str:
    """Where the provider reports: our own id under our seal, so that a receipt finds its message whatever got lost."""
    return settings.SITE_URL + reverse("notifications:twilio_status", args=[delivery.public_id, seal(delivery.public_id)])


class TwilioSession:
    """One HTTPS connection, opened at the first text."""

    provider = "twilio"
    # The provider answers STOP, START and HELP itself; a second answer to STOP would be refused.
    answers_keywords = True

    def __init__(self) -> None:
        self.api = urlsplit(settings.TWILIO_API)
        self.path = f"/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/Messages.json"
        secret = f"{settings.TWILIO_ACCOUNT_SID}:{settings.TWILIO_AUTH_TOKEN}".encode()
        self.headers = {
            "Authorization": "Basic " + base64.b64encode(secret).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        self.http: HTTPConnection | None = None
        self.used_at = 0.0

    def close(self) -> None:
        """Hang up."""
        if self.http is not None:
            self.http.close()
            self.http = None

    def _open(self) -> HTTPConnection:
        if self.http is not None and time.monotonic() - self.used_at > IDLE:
            self.close()
        if self.http is None:
            kind = HTTPSConnection if self.api.scheme == "https" else HTTPConnection
            http = kind(self.api.hostname or "", self.api.port, timeout=TIMEOUT)
            http.connect()
            self.http = http
        return self.http

    def send(self, delivery: Delivery, letter: Letter) -> Outcome:
        """Hand one text over. Once the request may have left, only a clear answer tells; never tried again here."""
        left = int((delivery.message.expires_at - clock.now()).total_seconds())
        sender = settings.TWILIO_FROM
        form = {
            "To": letter.address,
            "MessagingServiceSid" if sender.startswith("MG") else "From": sender,
            "Body": letter.text,
            "StatusCallback": status_url(delivery),
            "ValidityPeriod": max(60, min(LONGEST_VALIDITY, left)),
        }
        try:
            http = self._open()
        except (OSError, HTTPException) as error:
            self.close()
            return self._outcome(Became.DOWN, type(error).__name__)
        try:
            http.request("POST", self.path, urlencode(form), self.headers)
            answer = http.getresponse()
            status, body = answer.status, answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            return self._outcome(Became.UNSURE, type(error).__name__)
        self.used_at = time.monotonic()
        return self._read(status, body)

    def _read(self, status: int, body: bytes) -> Outcome:
        """What an answer means. 4xx: it was not taken. 5xx: it may have been."""
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        code = str(said.get("code") or status)
        if 200 <= status < 300:
            if said.get("sid"):
                return Outcome(Became.ACCEPTED, self.provider, provider_id=str(said["sid"])[:255])
            return self._outcome(Became.UNSURE, "answer", code)
        if status in (401, 403, 404, 429):  # our account, or its rate: nothing else would get through now either
            return self._outcome(Became.DOWN, "rate" if status == 429 else "account", code)
        if 400 <= status < 500:
            return self._outcome(Became.REFUSED, "refused", code)
        return self._outcome(Became.UNSURE, "provider", code)

    def _outcome(self, became: Became, error: str, code: str = "") -> Outcome:
        return Outcome(became, self.provider, error_class=error[:16], error_code=code[:32])


def signature_of(url: str, form: Iterable[tuple[str, str]]) -> str:
    """The provider's signature of a webhook: HMAC-SHA1 of the public address and the sorted form, under the account's token."""
    signed = url + "".join(name + value for name, value in sorted(form))
    digest = hmac.new(settings.TWILIO_AUTH_TOKEN.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()
