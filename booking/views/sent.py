"""What was sent, by a visit's private link: the year of birth first, then a code to the contact on file."""

from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts.signin import new_key
from accounts.web import See
from booking import words
from booking.forms.proof import CodeForm
from booking.views.by_link import YEAR_OPENS_FOR, Visit, year_of_birth
from booking.views.step import Step
from patients.models import ContactCode, ReminderBy

PURPOSE = "visit"
# What a browser has shown for a visit, each for a quarter of an hour.
YEAR, PROOF = "sent_year", "sent_proof"


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
    def _step(self) -> Step:
        """The code asked for in this browser, if it was for this visit and an address that is still on file."""
        step = Step(self.request, PURPOSE, by=self.it.by, now=self.it.now)
        asked = step.code
        if asked and (asked.subject_key != str(self.it.row.public_id) or self._addresses.get(asked.channel) != asked.address):
            step.code = None
        return step

    @property
    def code(self) -> ContactCode | None:
        """The code that this browser waits for."""
        return self._step.code

    def _send(self, channel: str) -> HttpResponse:
        """State that a code is owed, and show the page anew."""
        address, again = self._addresses.get(channel), self.code is not None and self.code.channel == channel
        if address is not None:
            if refusal := self._step.ask(channel, address, str(self.it.row.public_id)):
                messages.warning(self.request, refusal)
            elif again:
                messages.success(self.request, _("A new code is on its way. The one before it does not work any more."))
        return See(self.request.path)

    def _check(self) -> HttpResponse | None:
        form = CodeForm(self.request.POST)
        if form.is_valid() and self.code is None:
            return See(self.request.path)
        if (status := self._step.check(form)) != 200:
            return self._page("code", form, status=status)
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
