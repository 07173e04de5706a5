"""Where a browser stands on the booking path. The session holds ids only; everything else is in the database."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import Clinic
from accounts.web import as_instant, as_uuid, iso, see
from audit import rows
from audit.actor import Actor
from booking import actions, words
from booking.links import hold_key_of
from booking.models import Appointment, Practitioner, Service, Status
from intake.actions import doubt_age
from intake.document import Document, open_document
from intake.engine import age_on
from intake.models import QuestionnaireResponse
from intake.seats import of_other_answers, other_answers
from patients.actions import Contact
from patients.helpers import HelperContact
from patients.models import ContactCode, ReminderBy

# What a draft keeps beside the details when somebody books for another person.
HELPER_FIELDS = ("helper_name", "helper_relation", "messages_to", "own_mobile", "own_email")
# What a browser remembers of a booking; another draft starts without it.
STEPS = ("draft", "hold", "wanted", "with", "service", "code", "no_code", "article", "booked", "shown")

_ON_THE_WAY = (QuestionnaireResponse, Appointment, Appointment, Practitioner, Service, ContactCode)
# Only a hold has a key: asked for its status as well, PostgreSQL would look at everybody's holds.
_WHERE_IT_STANDS = f"""
SELECT {", ".join(rows.columns(model, alias) for model, alias in zip(_ON_THE_WAY, "rvhpsc", strict=True))}
FROM (SELECT %s::uuid AS draft, %s::uuid AS hold, %s AS hold_key, %s::uuid AS code) browser
LEFT JOIN intake_questionnaireresponse r ON r.public_id = browser.draft
LEFT JOIN booking_appointment v ON v.response_id = r.id
LEFT JOIN booking_appointment h ON h.public_id = browser.hold AND h.hold_key = browser.hold_key
LEFT JOIN booking_practitioner p ON p.id = h.practitioner_id
LEFT JOIN booking_service s ON s.id = h.service_id
LEFT JOIN patients_contactcode c ON c.public_id = browser.code AND c.subject_key = r.public_id::text
"""

# For a browser without a hold: with whom it wants the time, and what patients may book.
_UNHELD = f"""
SELECT {rows.columns(Practitioner, "p")}, {rows.columns(Service, "s")}
FROM (SELECT %s::uuid AS who) wanted
LEFT JOIN booking_practitioner p ON p.public_id = wanted.who AND p.active
LEFT JOIN booking_service s ON s.active AND s.online AND s.questionnaire <> ''
ORDER BY s.position, s.name
"""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The time a browser has chosen. `until` is the end of its hold, None while unheld; `ended`: it was held, and is not now."""

    start: datetime
    practitioner: Practitioner
    hold: Appointment | None
    ended: bool = False

    @property
    def until(self) -> datetime | None:
        """When the hold ends."""
        return self.hold.hold_expires_at if self.hold else None


class Journey:
    """One browser's booking. Everything is looked up when first asked for, and once."""

    def __init__(self, request: HttpRequest, now: datetime) -> None:
        self.request, self.session, self.now = request, request.session, now
        self.by = Actor.anonymous()

    @cached_property
    def _stands(self) -> list[Any]:
        """Draft, its visit, hold with practitioner and service, code: whatever of it there is, in one statement."""
        ids = [as_uuid(self.session.get(name)) for name in ("draft", "hold", "code")]
        key = hold_key_of(self.request) if ids[1] else None
        if not any(ids):
            return [None] * len(_ON_THE_WAY)
        [row] = rows.fetch(_WHERE_IT_STANDS, [ids[0], ids[1], key, ids[2]])
        return rows.instances(row, *_ON_THE_WAY)

    # --- The draft ---------------------------------------------------------------------------------------------------
    @cached_property
    def response(self) -> QuestionnaireResponse | None:
        """The draft (or sent) questionnaire of this browser."""
        return self._stands[0]

    @cached_property
    def visit(self) -> Appointment | None:
        """The visit that the draft belongs to, once there is one."""
        return self._stands[1]

    @property
    def is_draft(self) -> bool:
        """True while there is a draft that can still be written."""
        return self.response is not None and self.response.is_draft

    @cached_property
    def document(self) -> Document:
        """The draft's document: the person's own typing, read back to them."""
        if self.response is None:
            return Document()
        return open_document(self.response, by=self.by, now=self.now, purpose="booking")

    def doubts(self, born: date | None) -> bool:
        """True for a date of birth under the clinic's age: whoever typed it is asked whether it is right; it is kept nowhere."""
        if born is None or self.response is None or age_on(born, self.response.today) >= Clinic.current().minimum_age:
            return False
        doubt_age(self.response, by=self.by, now=self.now)
        return True

    # --- The time ----------------------------------------------------------------------------------------------------
    @cached_property
    def service(self) -> Service | None:
        """What is being booked: what is held, what was chosen on the first page, what the answers are for, or the first visit."""
        if self.hold:
            return self.hold.service
        online = self.online
        if len(online) > 1:
            chosen = [s for s in online if str(s.public_id) == self.session.get("service")]
            asked = [s for s in online if self.is_draft and s.questionnaire == self.asks]
            return next(iter((*chosen, *asked, *online)))
        return next(iter(online), None)

    @cached_property
    def online(self) -> list[Service]:
        """What patients may book here."""
        return [service for _practitioner, service in self._unheld if service is not None]

    @cached_property
    def _unheld(self) -> list[tuple[Practitioner | None, Service | None]]:
        """What patients may book (`Service.objects.booked_online`), each beside the practitioner of the time that is wanted."""
        wanted = self.session.get("wanted") or {}
        found = rows.fetch(_UNHELD, [as_uuid(wanted.get("practitioner"))])
        return [tuple(rows.instances(row, Practitioner, Service)) for row in found]

    @property
    def asks(self) -> str:
        """Which questionnaire the draft answers; empty without one."""
        return self.response.definition.slug if self.response else ""

    @cached_property
    def hold_row(self) -> Appointment | None:
        """This browser's hold, alive or just expired and not yet swept."""
        _response, _visit, hold, practitioner, service, _code = self._stands
        if hold is None or hold.status != Status.HELD:
            return None
        hold.practitioner, hold.service = practitioner, service
        return hold

    @cached_property
    def hold(self) -> Appointment | None:
        """This browser's live hold."""
        row = self.hold_row
        return row if row and row.hold_expires_at and row.hold_expires_at > self.now else None

    @cached_property
    def chosen(self) -> Chosen | None:
        """The chosen time: held, unheld (hold caps) or with an expired hold."""
        if self.hold:
            return Chosen(self.hold.starts_at, self.hold.practitioner, self.hold)
        wanted = self.session.get("wanted") or {}
        start = as_instant(wanted.get("start"))
        if start is None or start <= self.now:
            return None
        practitioner = self._unheld[0][0]
        return Chosen(start, practitioner, None, self.hold_ended) if practitioner else None

    @property
    def hold_ended(self) -> bool:
        """True when the chosen time was held and is no longer."""
        return bool(self.session.get("hold")) and self.hold is None

    def choose(self, start: datetime, practitioner: Practitioner, hold: Appointment | None) -> None:
        """Remember the chosen time."""
        self.session.pop("wishes", None)
        self.session["wanted"] = {"start": iso(start), "practitioner": str(practitioner.public_id)}
        if hold is None:
            self.session.pop("hold", None)
        else:
            self.session["hold"] = str(hold.public_id)

    def look_again(self) -> None:
        """Forget what was looked up: the session or the rows behind it have changed."""
        for name in ("_stands", "response", "visit", "document", "hold_row", "hold", "chosen", "code", "service", "_unheld"):
            self.__dict__.pop(name, None)

    # --- The details -------------------------------------------------------------------------------------------------
    @property
    def date_of_birth(self) -> str:
        """ISO date, from the questionnaire or the details, whichever asked; empty while neither has."""
        return str(self.document.contact.get("date_of_birth") or self.document.answers.get("about_dob") or "")

    @property
    def has_details(self) -> bool:
        """True when names, a number, a way to reach and a date of birth are there."""
        typed = self.document.contact
        return bool(self.date_of_birth) and all(typed.get(n) for n in ("first_name", "last_name", "mobile", "reminder_by"))

    @property
    def contact(self) -> Contact:
        """The details as booking wants them; only when `has_details`."""
        typed = self.document.contact
        return Contact(
            first_name=typed["first_name"],
            last_name=typed["last_name"],
            date_of_birth=datetime.fromisoformat(self.date_of_birth).date(),
            preferred_name=typed.get("preferred_name", ""),
            email=typed.get("email", "") if self.helper is None else typed.get("own_email", ""),
            mobile=typed.get("mobile", "") if self.helper is None else typed.get("own_mobile", ""),
            reminder_by=typed["reminder_by"],
            voicemail_ok=bool(typed.get("voicemail_ok")) and self.helper is None,
        )

    @property
    def helper(self) -> HelperContact | None:
        """Who books, if that is not the person who is coming; the details on how to reach "you" are theirs then."""
        typed = self.document.contact
        if not typed.get("helper_name"):
            return None
        return HelperContact(
            name=typed["helper_name"],
            relation=typed.get("helper_relation", ""),
            email=typed.get("email", ""),
            mobile=typed.get("mobile", ""),
            reminder_by=typed.get("reminder_by", ReminderBy.TEXT_EMAIL.value),
            voicemail_ok=bool(typed.get("voicemail_ok")),
            gets_messages=typed.get("messages_to") != "patient",
        )

    # --- The code ----------------------------------------------------------------------------------------------------
    @property
    def channels(self) -> list[str]:
        """The ways a code can go out, the preferred one first."""
        typed = self.document.contact
        email, mobile = typed.get("email", ""), typed.get("mobile", "")
        found = (["text"] if mobile and words.takes_texts(mobile) else []) + (["email"] if email else [])
        if typed.get("reminder_by") in {ReminderBy.EMAIL, ReminderBy.PHONE}:
            found.reverse()
        return found

    def address(self, channel: str) -> str:
        """The address behind a channel."""
        return str(self.document.contact.get("email" if channel == "email" else "mobile") or "")

    @cached_property
    def code(self) -> ContactCode | None:
        """The code asked for in this browser, for this draft and an address that is still the one given."""
        found = self._stands[5]
        return found if found and found.address == self.address(found.channel) else None

    @property
    def checked_channel(self) -> str | None:
        """The channel, "email" or "text", when a code to the address given came back, else None."""
        return self.code.channel if self.code and self.code.used_at else None

    # --- Where to --------------------------------------------------------------------------------------------------
    @property
    def booked(self) -> uuid.UUID | None:
        """The public id of the visit that this browser has booked: its draft's, or one it was let into by a year of birth."""
        return self.visit.public_id if self.visit else as_uuid(self.session.get("booked"))

    @property
    def was_shown(self) -> bool:
        """True if this browser was shown all of the answers, where they are sent from; one that was only let in has seen less."""
        return self.response is not None and self.session.get("shown") == str(self.response.public_id)

    def note_shown(self) -> None:
        """Remember that all of the answers were shown in this browser."""
        if not self.was_shown and self.response is not None:
            self.session["shown"] = str(self.response.public_id)

    @property
    def is_reachable(self) -> bool:
        """True when a code came back, or the person said that they cannot get one, or there is no way to send one."""
        return bool(self.checked_channel or self.session.get("no_code") or not self.channels)

    def let_go(self) -> None:
        """Give back the time that this browser holds, if it holds one."""
        if self.hold_row is not None:
            actions.release_hold(self.hold_row, hold_key=hold_key_of(self.request), by=self.by, now=self.now)

    def next_step(self) -> HttpResponse:
        """303 to the first step that is not done."""
        if not self.has_details:
            return see("booking:details")
        if not self.is_reachable:
            return see("booking:code")
        if self.chosen is None:
            return see("booking:join_list" if self.session.get("wishes") else "booking:time")
        return see("booking:check")


def guard(journey: Journey) -> HttpResponse | None:
    """Where a browser belongs that has no draft to go on with: the beginning, or the visit it has booked.

    A form of a page of other answers, in an older tab, is refused here for every step that begins with this.
    """
    if journey.booked:
        return redirect("booking:done")
    if journey.response is None or not journey.is_draft or journey.visit is not None:
        return redirect("booking:start")
    return other_answers(journey.request) if of_other_answers(journey.request, journey.response) else None
