"""A six-digit code that opens something: asked for, typed, and remembered by the session under what it is for."""

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import limits
from accounts.web import as_uuid, client_address
from audit.actor import Actor
from booking.forms.proof import CodeForm
from booking.views.code import HOUR, RESEND_AFTER, TRIES_PER_CLIENT, may_send
from patients.actions import PatientError, ask_again, ask_code, check_code
from patients.models import ContactCode

GOOD_FOR = timedelta(minutes=15)


class Step:
    """One use of codes (`purpose`: portal_sign_in, portal_prove, portal_contact, visit) in one browser."""

    def __init__(self, request: HttpRequest, purpose: str, *, by: Actor, now: datetime) -> None:
        self.request, self.purpose, self.key, self.by, self.now = request, purpose, f"code_{purpose}", by, now
        public_id = as_uuid(request.session.get(self.key))
        self.code = ContactCode.objects.filter(public_id=public_id, purpose=purpose).first() if public_id else None

    @property
    def accepted(self) -> bool:
        """True for a quarter of an hour after the right digits were typed."""
        return bool(self.code and self.code.used_at and self.now - self.code.used_at <= GOOD_FOR)

    def ask(self, channel: str, address: str, subject_key: str = "") -> str:
        """State that a code is owed. Returns why not, in words; empty when it is.

        Counted together with the booking path's codes, so that one address gets no more by asking in two places.
        """
        same = self.code is not None and (self.code.channel, self.code.address) == (channel, address)
        if same and self.code and self.now - self.code.asked_at < RESEND_AFTER:
            return _("We sent one less than 30 seconds ago. Give it a moment.")
        if not may_send("code", self.request, address, self.now):
            return _("We have sent many codes in the last hour. Wait a while, or call us")
        try:
            if same and self.code:
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
        self.code.refresh_from_db()
        return 200

    def forget(self) -> None:
        """The step is over."""
        self.request.session.pop(self.key, None)
        self.code = None
