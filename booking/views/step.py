"""A six-digit code that opens something: asked for, typed, and remembered by the session under what it is for."""

import unicodedata
from datetime import datetime, timedelta
from functools import cached_property

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import limits
from accounts.web import as_uuid, client_address
from audit.actor import Actor
from booking.forms.proof import CodeForm
from patients.actions import PatientError, ask_again, ask_code, check_code
from patients.models import ContactCode

# What goes out of one kind, an hour: to one address, and for one client.
MOST = {"code": (5, 20), "resume": (5, 20), "link": (3, 15)}
TRIES_PER_CLIENT = 60  # typed codes an hour
HOUR = timedelta(hours=1)
RESEND_AFTER = timedelta(seconds=30)
GOOD_FOR = timedelta(minutes=15)
TOO_SOON = gettext_lazy("We sent one less than 30 seconds ago. Give it a moment.")


def one_key(address: str) -> str:
    """Spellings of one address count as one: case, accents and "+tags" do not make a new one."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", address) if not unicodedata.combining(c)).casefold()
    name, at, domain = plain.rpartition("@")
    return f"{name.partition('+')[0]}@{domain}" if at else plain


def may_send(what: str, request: HttpRequest, address: str, now: datetime) -> bool:
    """Count a code or a link (of MOST) that is to go out; False when there were too many for this client or this address."""
    per_address, per_client = MOST[what]
    by_client = limits.hit(f"{what}-from:{client_address(request)}", limit=per_client, window=HOUR, now=now)
    return by_client and limits.hit(f"{what}-to:{one_key(address)}", limit=per_address, window=HOUR, now=now)


class Step:
    """One use of codes (`purpose`: booking, portal_sign_in, portal_prove, portal_contact, visit) in one browser."""

    def __init__(self, request: HttpRequest, purpose: str, *, key: str = "", by: Actor, now: datetime) -> None:
        self.request, self.purpose, self.key, self.by, self.now = request, purpose, key or f"code_{purpose}", by, now
        self.too_many = _("We have sent many codes in the last hour. Wait a while, or call us")

    @cached_property
    def code(self) -> ContactCode | None:
        """The code that this browser asked for."""
        public_id = as_uuid(self.request.session.get(self.key))
        return ContactCode.objects.filter(public_id=public_id, purpose=self.purpose).first() if public_id else None

    @property
    def accepted(self) -> bool:
        """True for a quarter of an hour after the right digits were typed."""
        return bool(self.code and self.code.used_at and self.now - self.code.used_at <= GOOD_FOR)

    def is_asked_again(self, channel: str, address: str) -> bool:
        """True if the code of this browser went to the same address."""
        return self.code is not None and (self.code.channel, self.code.address) == (channel, address)

    def is_too_soon(self, channel: str, address: str) -> bool:
        """True while the one before may still be on its way."""
        return self.code is not None and self.is_asked_again(channel, address) and self.now - self.code.asked_at < RESEND_AFTER

    def ask(self, channel: str, address: str, subject_key: str = "") -> str:
        """State that a code is owed. Returns why not, in words; empty when it is.

        Counted for all purposes together, so that one address gets no more by asking in two places.
        """
        if self.is_too_soon(channel, address):
            return str(TOO_SOON)
        if not may_send("code", self.request, address, self.now):
            return self.too_many
        try:
            if self.code and self.is_asked_again(channel, address):
                self.code = ask_again(self.code, by=self.by, now=self.now)
            else:
                self.code = ask_code(
                    channel=channel, address=address, purpose=self.purpose, subject_key=subject_key, by=self.by, now=self.now
                )
        except PatientError as refusal:
            return str(refusal)
        self.request.session[self.key] = str(self.code.public_id)
        return ""

    def check(self, form: CodeForm) -> int:
        """200 when the digits typed are right; else the status to answer with, the reason in the form."""
        if not form.is_valid():
            return 422
        if self.code is None or not limits.hit(
            f"code-try:{client_address(self.request)}", limit=TRIES_PER_CLIENT, window=HOUR, now=self.now
        ):
            form.add_error("code", _("Too many tries. Wait 10 minutes or call us"))
            return 429
        try:
            check_code(self.code, form.cleaned_data["code"], by=self.by, now=self.now)
        except PatientError as refusal:
            form.add_error("code", str(refusal))
            return 422
        self.code.used_at = self.now
        return 200

    def forget(self) -> None:
        """The step is over."""
        self.request.session.pop(self.key, None)
        self.code = None
