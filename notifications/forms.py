"""Shape of what is typed about messages."""

from django import forms
from django.utils.translation import gettext_lazy as _


class AnswerForm(forms.Form):
    """The demo's telephone: what somebody answers to a text."""

    words = forms.CharField(
        label=_("Answer it"), max_length=160, error_messages={"required": _("Write an answer, such as C")},
        help_text=_("C confirms the visit. STOP and START switch texts off and on. Anything else waits for the desk."),
    )  # fmt: skip
