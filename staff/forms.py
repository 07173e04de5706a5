"""What people at the desk type."""

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.fields import DateBoxesField
from accounts.web import in_reason
from booking.fields import EmailField, MobileField, PlainForm, TextField, born_on
from booking.models import Practitioner, TimeOff
from booking.words import phone_text
from patients.helpers import Helper, HelperContact
from patients.models import ReminderBy
from staff.typed import TypedTime, instant_of

CANCEL_REASONS = [
    ("patient-asked", _("The patient asked")),
    ("physician-out", _("The physician is out")),
    ("booked-twice", _("Booked twice")),
    ("other", _("Another reason")),
]


def _mobile() -> MobileField:
    """A number as the desk types it."""
    return MobileField(
        required=False,
        label=_("Mobile number"),
        widget=forms.TextInput({"type": "tel", "inputmode": "tel", "class": "num", "autocomplete": "off"}),
    )


def _email() -> EmailField:
    """An address as the desk types it."""
    return EmailField(
        required=False,
        label=_("Email address"),
        widget=forms.TextInput({"type": "email", "inputmode": "email", "autocomplete": "off", "spellcheck": "false"}),
    )


class CallerForm(PlainForm):
    """A new patient on the phone: three facts, and how to reach them if they say."""

    first_name = TextField(limit=100, label=_("Legal first name"), error_messages={"required": _("Enter the first name")})
    last_name = TextField(limit=100, label=_("Legal last name"), error_messages={"required": _("Enter the last name")})
    date_of_birth = DateBoxesField(
        label=_("Date of birth"),
        whose=_("The date of birth"),
        year_of=_("The year of birth"),
        error_messages={"required": _("Enter the date of birth, like March 27, 1987")},
    )
    mobile = _mobile()
    email = _email()

    def clean_date_of_birth(self) -> date:
        """Somebody who has been born, and not in another century."""
        return born_on(self.cleaned_data["date_of_birth"], clock.today(), _("The date of birth"))


class ContactForm(PlainForm):
    """How a patient is reached."""

    mobile = _mobile()
    email = _email()
    reminder_by = forms.ChoiceField(label=_("How to remind"), choices=ReminderBy.choices, widget=forms.Select)
    voicemail_ok = forms.BooleanField(required=False, label=_("We may leave a voicemail with our name"))
    agreed = forms.BooleanField(required=False, label=_("I read this to the patient, and these ways are what they chose"))

    def __init__(self, *args: Any, refused: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refused = refused

    def clean(self) -> dict[str, Any]:
        """The way to remind must be one that can work."""
        data = super().clean() or self.cleaned_data
        way = data.get("reminder_by")
        if way in (ReminderBy.TEXT, ReminderBy.TEXT_EMAIL) and "mobile" in data and not data["mobile"]:
            self.add_error("mobile", _("Texts need a mobile number. Or choose another way to remind"))
        if way == ReminderBy.EMAIL and "email" in data and not data["email"]:
            self.add_error("email", _("Email reminders need an email address. Or choose another way to remind"))
        if self.refused and way and way != ReminderBy.PHONE and not data.get("agreed"):
            self.add_error("agreed", _("They said no to messages. Read the words to them, and tick only if they now agree"))
        return data


class HelperForm(PlainForm):
    """Who called for the patient: kept beside the patient's own contact, never in its place."""

    name = TextField(limit=120, label=_("Name"), error_messages={"required": _("Enter the name")})
    relation = TextField(
        limit=60, label=_("Who they are to the patient"), help_text=_("Such as: daughter"),
        error_messages={"required": _("Say who they are to the patient, such as: daughter")},
    )  # fmt: skip
    mobile = _mobile()
    email = _email()
    gets_messages = forms.BooleanField(required=False, label=_("They get the messages about this visit, not the patient"))

    def clean(self) -> dict[str, Any]:
        """Messages need an address to go to."""
        data = super().clean() or self.cleaned_data
        if data.get("gets_messages") and not self.errors and not data.get("mobile") and not data.get("email"):
            self.add_error("mobile", _("Messages need a mobile number or an email address"))
        return data

    @staticmethod
    def of(helper: Helper) -> dict[str, Any]:
        """What the form shows of somebody who called before."""
        mobile = phone_text(helper.mobile) if helper.mobile else ""
        return {
            "name": helper.name, "relation": helper.relation, "mobile": mobile, "email": helper.email,
            "gets_messages": helper.gets_messages,
        }  # fmt: skip

    def contact(self) -> HelperContact:
        """What was typed; messages go by every way that was given."""
        data = self.cleaned_data
        mobile, email = str(data["mobile"] or ""), data["email"] or ""
        ways = {(True, True): ReminderBy.TEXT_EMAIL, (True, False): ReminderBy.TEXT, (False, True): ReminderBy.EMAIL}
        way = ways.get((bool(mobile), bool(email)), ReminderBy.PHONE)
        return HelperContact(
            data["name"], data["relation"], email, mobile, way, voicemail_ok=False, gets_messages=data["gets_messages"]
        )


class SwitchForm(PlainForm):
    """Why a channel is switched off or on, for the log."""

    reason = TextField(limit=80, required=False, label=_("Why (for the log)"))


class CancelForm(PlainForm):
    """Why a visit is cancelled: one of a few words, never health information."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=CANCEL_REASONS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason"), "invalid_choice": _("Choose a reason")},
    )


class TimeOffForm(PlainForm):
    """Who is away, from when to when. Without times it is whole days."""

    who = forms.ChoiceField(label=_("Who"), error_messages={"required": _("Choose who is away")})
    kind = forms.ChoiceField(label=_("What"), choices=[c for c in TimeOff.Kind.choices if c[0] != "holiday"])
    first = forms.DateField(
        label=_("First day"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": _("Give the first day"), "invalid": _("Give the first day as a date")},
    )
    first_time = forms.TimeField(
        required=False, label=_("From"), help_text=_("Empty: the whole day"), widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    last = forms.DateField(
        required=False,
        label=_("Last day"),
        help_text=_("Empty: the same day"),
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    last_time = forms.TimeField(
        required=False, label=_("Until"), help_text=_("Empty: the whole day"), widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    reason = TextField(
        limit=200,
        required=False,
        label=_("Reason"),
        help_text=_("Only this person and the clinic lead see it. No health details."),
    )

    def __init__(self, *args: Any, people: Iterable[Practitioner], clinic_too: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.which: dict[str, list[tuple[str, str]]] = {}
        self.people = {person.slug: person for person in people}
        choices = [(slug, person.name) for slug, person in self.people.items()]
        if len(choices) > 1:  # Nobody's day goes because they came first in the list.
            choices.insert(0, ("", str(_("Choose who"))))
        choices += [("clinic", str(_("The whole clinic")))] if clinic_too else []
        self.fields["who"].choices = choices  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """The span as instants, `starts_at` and `ends_at`; whole days are as long as the clock makes them."""
        data = super().clean() or self.cleaned_data
        first, zone = data.get("first"), clock.clinic_zone()
        if not first:
            return data
        last = data.get("last") or first
        if not (in_reason(first) and in_reason(last)):
            self.add_error("first", _("Give the first day as a date"))
            return data
        start, end = data.get("first_time"), data.get("last_time")
        starts_at = self._instant("first", first, start) if start else clock.day_bounds(first, zone)[0]
        ends_at = self._instant("last", last, end) if end else clock.day_bounds(last, zone)[1]
        if starts_at is None or ends_at is None:
            return data
        data["starts_at"], data["ends_at"] = starts_at, ends_at
        if data["ends_at"] <= data["starts_at"]:
            self.add_error("last_time" if end else "last", _("Time off must end after it starts"))
        return data

    def _instant(self, edge: str, day: date, wall: time) -> datetime | None:
        """The instant that was typed, or None and an error; one that comes twice is asked for with a field of its own."""
        try:
            return instant_of(day, wall, self.data.get(f"{edge}_which", ""))
        except TypedTime as trouble:
            self.add_error(f"{edge}_time", str(trouble))
            self.which[edge] = trouble.choices
            return None
