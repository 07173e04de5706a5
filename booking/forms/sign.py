"""The signature under the answers, and what is kept of it on the way elsewhere."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from booking.fields import PlainForm, TextField


class SignForm(PlainForm):
    """The statement of truth that goes with the answers: one box and one name."""

    finish_declare = forms.BooleanField(
        label=_("My answers are true as far as I know. I will tell the clinic if anything changes."),
        error_messages={"required": _("Tick the box to say your answers are true as far as you know")},
    )
    finish_signature = TextField(
        limit=200,
        label=_("Type your full name to sign"),
        error_messages={"required": _("Type your full name to sign")},
        widget=forms.TextInput({"autocomplete": "name"}),
    )

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, seen: str, declare_text: str = "", signature_text: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answers_sha256 = seen
        self.fields["seen"].initial = seen
        if declare_text:
            self.fields["finish_declare"].label = declare_text
        if signature_text:
            self.fields["finish_signature"].label = signature_text

    def clean(self) -> dict[str, Any]:
        """What is signed is what was shown: answers changed in another tab are looked at again first."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        seen = self.data.get(self.add_prefix("seen"))
        if seen and seen != self.answers_sha256:
            self.data = {**self.data.dict(), self.add_prefix("seen"): self.answers_sha256}  # type: ignore[attr-defined]
            self.add_error(None, _("Your answers have changed since this page was opened. Look at them again, then go on"))
        return data


class UnsentForm(PlainForm):
    """What stands in the form that signs when somebody goes elsewhere first: any part of it, and the answers it stands under."""

    finish_declare = forms.BooleanField(required=False)
    finish_signature = TextField(limit=200, required=False)
    seen = TextField(limit=64)


class SignedForm(PlainForm):
    """What was signed when the time was lost: the name, and the answers it stands under."""

    signed_as = TextField(limit=200)
    signed_for = TextField(limit=64)
