"""What shows who somebody is: a code, a year of birth; and where a code or a link goes."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from booking.fields import EmailField, PlainForm, TextField, parse_phone


class AddressForm(PlainForm):
    """An email address or a mobile number, whichever was used for the booking."""

    address = TextField(
        limit=254,
        label=_("Your email address or mobile number"),
        help_text=_("The one you gave when you booked."),
        error_messages={"required": _("Enter an email address, like name@example.com, or a mobile number, like 519-555-0178")},
        widget=forms.TextInput({"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def clean_address(self) -> tuple[str, str]:
        """The channel and the address: ("email", …) or ("text", E.164)."""
        text = self.cleaned_data["address"]
        if "@" in text:
            return "email", EmailField().clean(text)
        if number := parse_phone(text):
            return "text", number
        raise ValidationError(
            _("Enter an email address, like name@example.com, or a mobile number, like 519-555-0178"), code="invalid"
        )


class CodeForm(PlainForm):
    """The six numbers. Spaces and dashes are fine, and so is pasting the whole line."""

    code = TextField(
        limit=200,
        label=_("Your code"),
        error_messages={"required": _("Enter the 6 numbers we sent you")},
        widget=forms.TextInput(
            {
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "class": "num",
                "spellcheck": "false",
                "autocapitalize": "none",
            }
        ),
    )

    def clean_code(self) -> str:
        """Six digits."""
        digits = "".join(c for c in self.cleaned_data["code"] if c.isascii() and c.isdigit())
        if len(digits) != 6:
            raise ValidationError(_("Enter the 6 numbers we sent you"), code="invalid")
        return digits


class YearForm(PlainForm):
    """The year of birth, before answers can be seen again."""

    year = TextField(
        limit=20,
        label=_("Your year of birth"),
        error_messages={"required": _("Your year of birth must have 4 numbers, like 1987")},
        widget=forms.TextInput({"autocomplete": "bday-year", "inputmode": "numeric", "maxlength": 4, "class": "num"}),
    )

    def clean_year(self) -> int:
        """Four digits."""
        text = self.cleaned_data["year"]
        if not (len(text) == 4 and text.isascii() and text.isdigit()):
            raise ValidationError(_("Your year of birth must have 4 numbers, like 1987"), code="invalid")
        return int(text)
