"""Why a visit is cancelled."""

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.fields import PlainForm

CANCEL_REASONS = [
    ("time", _("The time does not work any more")),
    ("unwell", _("I am not well")),
    ("cost", _("The cost")),
    ("elsewhere", _("I am going somewhere else")),
    ("other", _("Something else")),
]


class CancelForm(PlainForm):
    """Why, if they like. Nobody has to say."""

    reason = forms.ChoiceField(
        required=False,
        label=_("Why are you cancelling?"),
        help_text=_("You do not have to say. It helps us plan."),
        choices=CANCEL_REASONS,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose one of the answers shown")},
    )
