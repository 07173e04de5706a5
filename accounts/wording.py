"""What Django's own fields say of what was typed, in our words, for every form that does not say it itself.

They are set once, when the process starts: the sign-in pages are allauth's, and forms made from models are Django's.
"""

from django import forms
from django.core import validators
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

_CHOOSE = _("Choose one of the answers shown")
_FILL, _ONE, _SOME = _("Fill this in"), _("Choose one"), _("Choose at least one")
_WHOLE = _("That did not arrive whole. Try again")
NAMELESS = (_FILL, _ONE, _SOME, _CHOOSE)  # these say what to do, not where
_WORDS: dict[type[forms.Field], dict[str, object]] = {
    forms.Field: {"required": _FILL},
    forms.ChoiceField: {"required": _ONE, "invalid_choice": _CHOOSE},
    forms.MultipleChoiceField: {"required": _SOME, "invalid_choice": _CHOOSE, "invalid_list": _CHOOSE},
    forms.ModelChoiceField: {"required": _ONE, "invalid_choice": _CHOOSE},
    forms.ModelMultipleChoiceField: {
        "required": _SOME, "invalid_choice": _CHOOSE, "invalid_list": _CHOOSE, "invalid_pk_value": _CHOOSE,
    },
    forms.DateField: {"invalid": _("Enter a date that is in the calendar, like 2027-03-12")},
    forms.TimeField: {"invalid": _("Enter a time, like 09:30")},
    forms.IntegerField: {"invalid": _("Enter a whole number")},
    forms.JSONField: {"required": _WHOLE, "invalid": _WHOLE},  # what a passkey answered
}  # fmt: skip


def reword() -> None:
    """Put them in place of Django's."""
    for kind, words in _WORDS.items():
        kind.default_error_messages = kind.default_error_messages | words  # type: ignore[assignment]
    validators.EmailValidator.message = _("Enter an email address, like name@example.com")
    validators.ProhibitNullCharactersValidator.message = _("This holds characters that we cannot keep. Type it again")
    validators.MaxLengthValidator.message = ngettext_lazy(
        "Use %(limit_value)d character or fewer", "Use %(limit_value)d characters or fewer", "limit_value"
    )
    validators.MinValueValidator.message = _("Enter %(limit_value)s or more")
    validators.MaxValueValidator.message = _("Enter %(limit_value)s or less")
