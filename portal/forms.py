"""What patients type in their own account."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.fields import DateBoxesField
from booking.fields import EmailField, MobileField, PlainForm, TextField, born_on
from intake.corrections import Correction
from patients.models import Patient


class BornForm(PlainForm):
    """The date of birth; the first name as well where it fits more than one."""

    date_of_birth = DateBoxesField(birthday=True, label=_("Your date of birth"))
    first_name = TextField(
        limit=100,
        label=_("Your first name"),
        help_text=_("More than one person has this date of birth here."),
        error_messages={"required": _("Enter your first name")},
        widget=forms.TextInput({"autocomplete": "given-name"}),
    )

    def __init__(self, *args: Any, ask_name: bool, first_time: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not ask_name:
            del self.fields["first_name"]
        elif first_time:
            self.fields["first_name"].required = False

    def clean_date_of_birth(self) -> Any:
        """A day that can be one."""
        return born_on(self.cleaned_data["date_of_birth"], clock.today(clock.now()))

    def is_called(self, patient: Patient) -> bool:
        """True if the first name typed is the legal or the preferred one."""
        return patient.answers_to(self.cleaned_data["first_name"])


class NewEmailForm(PlainForm):
    """Another email address."""

    address = EmailField(
        label=_("New email address"),
        help_text=_("We send a code to it. Until you type the code, nothing changes."),
        widget=forms.TextInput({"autocomplete": "email", "type": "email", "inputmode": "email", "spellcheck": "false"}),
    )


class NewMobileForm(PlainForm):
    """Another mobile number."""

    address = MobileField(
        label=_("New mobile number"),
        help_text=_("We text a code to it. Until you type the code, nothing changes."),
        widget=forms.TextInput({"autocomplete": "tel", "type": "tel", "inputmode": "tel", "class": "num"}),
    )


class CorrectionForm(PlainForm):
    """What is wrong, and what should stand there."""

    about = forms.ChoiceField(
        label=_("What is it about?"),
        choices=[
            (Correction.About.DETAILS.value, _("My name, date of birth, contact or visits")),
            (Correction.About.ANSWERS.value, _("My answers or photos")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what it is about"), "invalid_choice": _("Choose one of the answers shown")},
    )
    text = TextField(
        limit=2000,
        label=_("What is wrong, and what is right?"),
        help_text=_("For example: my last name is spelled Whitford, not Witford."),
        error_messages={"required": _("Tell us what is wrong, and what is right")},
        widget=forms.Textarea({"rows": 5}),
    )
