"""What was sent, by a visit's private link: the year of birth first, then a code to the contact on file."""

from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts import limits
from accounts.signin import new_key
from booking import words
from booking.forms import CodeForm
from booking.views.by_link import YEAR_OPENS_FOR, Visit, year_of_birth
from booking.views.code import HOUR, PER_ADDRESS, PER_CLIENT, RESEND_AFTER, TRIES_PER_CLIENT, one_key
from booking.views.journey import See, as_uuid, client_address
from patients.actions import PatientError, ask_again, ask_code, check_code
from patients.models import ContactCode, ReminderBy

PURPOSE = "visit"
# What a browser has shown for a visit, each for a quarter of an hour; and the code that it waits for.
YEAR, PROOF, CODE = "sent_year", "sent_proof", "sent_code"


class Door:
    """The way in to what was sent, for one browser. `asks` is the page to show, until everything was shown."""

    def __init__(self, request: HttpRequest, it: Visit, template: str, **context: Any) -> None:
        self.request, self.it, self.template, self.context = request, it, template, context

    def asks(self) -> HttpResponse | None:
        """What is asked next; None for a form sent by a browser that has shown year and code."""
        posted = self.request.method == "POST"
        if self._shown(PROOF):
            return None if posted else self._page("open")
        if not self._shown(YEAR):
            form, status = year_of_birth(self.request, self.it)
            if form is not None:
                return self._page("year", form, status=status)
            new_key(self.request)
            self._note(YEAR)
            return self._send(next(iter(self._addresses), ""))
        if not posted:
            return self._page("code", CodeForm()) if self._addresses else self._page("nowhere")
        if (wish := self.request.POST.get("do", "")) in {"again", "email", "text"}:
            return self._send(self.code.channel if wish == "again" and self.code else wish)
        return self._check()

    # --- What this browser has shown --------------------------------------------------------------------------------

    def _shown(self, what: str) -> bool:
        kept = self.request.session.get(what) or {}
        same = kept.get("visit") == str(self.it.row.public_id)
        return same and self.it.now < datetime.fromisoformat(kept["until"])

    def _note(self, what: str) -> None:
        until = (self.it.now + YEAR_OPENS_FOR).isoformat()
        self.request.session[what] = {"visit": str(self.it.row.public_id), "until": until}

    # --- The code ---------------------------------------------------------------------------------------------------

    @cached_property
    def _addresses(self) -> dict[str, str]:
        """Channel → address of the patient, the preferred one first; of whoever booked for them only if they have none."""
        for person in (self.it.row.patient, self.it.row.reach):
            assert person is not None
            found = {"text": person.e164} if person.can_text and words.takes_texts(person.e164) else {}
            found |= {"email": person.email} if person.can_email else {}
            if found:
                by_mail = person.reminder_by in {ReminderBy.EMAIL, ReminderBy.PHONE}
                return dict(reversed(found.items())) if by_mail else found
        return {}

    @cached_property
    def code(self) -> ContactCode | None:
        """The code asked for in this browser, for this visit and an address that is still on file."""
        asked = ContactCode.objects.filter(
            public_id=as_uuid(self.request.session.get(CODE)), purpose=PURPOSE, subject_key=str(self.it.row.public_id)
        ).first()
        return asked if asked and self._addresses.get(asked.channel) == asked.address else None

    def _send(self, channel: str) -> HttpResponse:
        """State that a code is owed, and show the page anew."""
        here = See(self.request.path)
        address = self._addresses.get(channel)
        if address is None:
            return here
        same = self.code if self.code and self.code.channel == channel else None
        if same and self.it.now - same.asked_at < RESEND_AFTER:
            messages.info(self.request, _("We sent one less than 30 seconds ago. Give it a moment."))
            return here
        by_client = limits.hit(f"code-from:{client_address(self.request)}", limit=PER_CLIENT, window=HOUR, now=self.it.now)
        if not (by_client and limits.hit(f"code-to:{one_key(address)}", limit=PER_ADDRESS, window=HOUR, now=self.it.now)):
            messages.warning(self.request, _("We have sent many codes in the last hour. Wait a while, or call us"))
            return here
        who: dict[str, Any] = {"by": self.it.by, "now": self.it.now}
        try:
            code = ask_again(same, **who) if same else ask_code(
                channel=channel, address=address, purpose=PURPOSE, subject_key=str(self.it.row.public_id), **who
            )  # fmt: skip
        except PatientError as refusal:
            messages.warning(self.request, str(refusal))
            return here
        self.request.session[CODE] = str(code.public_id)
        if same:
            messages.success(self.request, _("A new code is on its way. The one before it does not work any more."))
        return here

    def _check(self) -> HttpResponse | None:
        form = CodeForm(self.request.POST)
        if not form.is_valid():
            return self._page("code", form, status=422)
        if self.code is None:
            return See(self.request.path)
        if not limits.hit(f"code-try:{client_address(self.request)}", limit=TRIES_PER_CLIENT, window=HOUR, now=self.it.now):
            form.add_error("code", _("Too many tries. Wait 10 minutes or call us"))
            return self._page("code", form, status=429)
        try:
            check_code(self.code, form.cleaned_data["code"], by=self.it.by, now=self.it.now)
        except PatientError as refusal:
            form.add_error("code", str(refusal))
            return self._page("code", form, status=422)
        new_key(self.request)
        self._note(PROOF)
        return None

    # --- The page ---------------------------------------------------------------------------------------------------

    def _page(self, stage: str, form: Any = None, *, status: int = 200) -> HttpResponse:
        sent = self.code if stage == "code" else None
        said = {
            "it": self.it,
            "visit": self.it.row,
            "stage": stage,
            "form": form,
            "channel": sent.channel if sent else "",
            "sent_to": words.masked(sent.channel, sent.address) if sent else "",
            "others": [c for c in self._addresses if sent is None or c != sent.channel] if stage == "code" else [],
            "back_url": self.it.url("visit"),
        }
        return render(self.request, self.template, said | self.context, status=status)
