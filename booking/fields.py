"""What every form is made of that a person types into: one line of text, a number, an address, a date of birth, in our words.

The forms of the booking path are in `booking/forms/`, one module a step; other apps make theirs of the same fields.
"""

from datetime import date
from typing import Any

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.dates import Wrong, in_words
from booking import words

ENTER_MOBILE = _("Enter a mobile number with area code, like 519-555-0178")
ENTER_EMAIL = _("Enter an email address, like name@example.com")
_CHARACTERS = _("This holds characters that we cannot keep. Type it again")
EARLIEST_BIRTH_YEAR = 1900


class PlainForm(forms.Form):
    """No colon after labels, no `required` attributes: the server says what is missing, in our words."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class TextField(forms.CharField):
    """One line of text: tidied, of bounded length, without characters that no name has."""

    def __init__(self, *, limit: int, **kwargs: Any) -> None:
        self.limit = limit
        super().__init__(**kwargs)
        self.validators = []  # A NUL is refused below, in our words.

    def to_python(self, value: Any) -> str:
        """The tidied text."""
        return words.tidy(value) if isinstance(value, str) else ""

    def clean(self, value: Any) -> str:
        """Refuse before tidying, which would hide what was sent."""
        if isinstance(value, str) and words.hostile(value):
            raise ValidationError(_CHARACTERS, code="characters")
        text: str = super().clean(value)
        if len(text) > self.limit:
            raise ValidationError(
                ngettext("Use %(n)d character or fewer", "Use %(n)d characters or fewer", self.limit) % {"n": self.limit},
                code="long",
            )
        return text


class MobileField(TextField):
    """A phone number as people type it, Canadian unless it begins with +; cleaned to E.164."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", {"required": ENTER_MOBILE})
        super().__init__(limit=40, **kwargs)

    def clean(self, value: Any) -> str:
        """E.164, or an empty string."""
        text = super().clean(value)
        if not text:
            return ""
        number = parse_phone(text)
        if not number:
            raise ValidationError(ENTER_MOBILE, code="invalid")
        return number


class EmailField(TextField):
    """An email address of at most 254 characters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", {"required": ENTER_EMAIL})
        super().__init__(limit=254, **kwargs)

    def clean(self, value: Any) -> str:
        """The address with its domain in lower case, or an empty string."""
        text = super().clean(value)
        if not text:
            return ""
        name, _at, domain = text.rpartition("@")
        try:
            validate_email(text)
            domain.encode("idna")  # as mail servers are told it
        except (ValidationError, UnicodeError):
            raise ValidationError(ENTER_EMAIL, code="invalid") from None
        return f"{name}@{domain.lower()}"


def parse_phone(text: str) -> str:
    """The E.164 form of a number typed by a person, or "" when it cannot be one."""
    try:
        parsed = phonenumbers.parse(text, "CA")
    except phonenumbers.NumberParseException:
        return ""
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def born_on(born: date, today: date, whose: Any = "") -> date:
    """A date of birth that can be.

    Raises:
        ValidationError: before 1900, or after today.
    """
    if born.year < EARLIEST_BIRTH_YEAR or born > today:
        text = in_words(Wrong("real", ("year",)), whose=str(whose or _("Your date of birth")), year_of="")
        raise ValidationError(text, code="real", params={"parts": ("year",)})
    return born
