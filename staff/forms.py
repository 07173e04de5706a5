"""What people at the desk type."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.fields import DateBoxesField
from booking.forms import EmailField, MobileField, PlainForm, TextField
from patients.models import ReminderBy

CANCEL_REASONS = [
    ("patient-asked", _("The patient asked")),
    ("physician-out", _("The physician is out")),
    ("booked-twice", _("Booked twice")),
    ("other", _("Another reason")),
]


class CallerForm(PlainForm):
    """A new patient on the phone: three facts, and how to reach them if they say."""

    first_name = TextField(limit=100, label=_("Legal first name"), error_messages={"required": _("Enter the first name")})
    last_name = TextField(limit=100, label=_("Legal last name"), error_messages={"required": _("Enter the last name")})
    date_of_birth = DateBoxesField(
        label=_("Date of birth"),
        error_messages={
            "required": _("Enter the date of birth, like March 27, 1987"),
            "invalid": _("The date of birth must be a real date, like March 27, 1987"),
            "year": _("The year of birth must have 4 numbers, like 1987"),
        },
    )
    mobile = MobileField(
        required=False,
        label=_("Mobile number"),
        widget=forms.TextInput({"type": "tel", "inputmode": "tel", "class": "num", "autocomplete": "off"}),
    )
    email = EmailField(
        required=False,
        label=_("Email address"),
        widget=forms.TextInput({"type": "email", "inputmode": "email", "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_date_of_birth(self) -> Any:
        """Somebody who has been born, and not in another century."""
        from accounts import clock

        born = self.cleaned_data["date_of_birth"]
        if born and not 1900 <= born.year <= clock.today().year:
            raise forms.ValidationError(self.fields["date_of_birth"].error_messages["invalid"])
        if born and born > clock.today():
            raise forms.ValidationError(self.fields["date_of_birth"].error_messages["invalid"])
        return born


class ContactForm(PlainForm):
    """How a patient is reached."""

    mobile = MobileField(
        required=False,
        label=_("Mobile number"),
        widget=forms.TextInput({"type": "tel", "inputmode": "tel", "class": "num", "autocomplete": "off"}),
    )
    email = EmailField(
        required=False,
        label=_("Email address"),
        widget=forms.TextInput({"type": "email", "inputmode": "email", "autocomplete": "off", "spellcheck": "false"}),
    )
    reminder_by = forms.ChoiceField(label=_("How to remind"), choices=ReminderBy.choices, widget=forms.Select)
    voicemail_ok = forms.BooleanField(required=False, label=_("We may leave a voicemail with our name"))

    def clean(self) -> dict[str, Any]:
        """The way to remind must be one that can work."""
        data = super().clean() or self.cleaned_data
        way = data.get("reminder_by")
        if way in (ReminderBy.TEXT, ReminderBy.TEXT_EMAIL) and "mobile" in data and not data["mobile"]:
            self.add_error("mobile", _("Texts need a mobile number. Or choose another way to remind"))
        if way == ReminderBy.EMAIL and "email" in data and not data["email"]:
            self.add_error("email", _("Email reminders need an email address. Or choose another way to remind"))
        return data


class CancelForm(PlainForm):
    """Why a visit is cancelled: one of a few words, never health information."""

    reason = forms.ChoiceField(
        label=_("Reason"),
        choices=CANCEL_REASONS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a reason"), "invalid_choice": _("Choose a reason")},
    )
