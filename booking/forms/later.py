"""Save and finish later."""

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.fields import DateBoxesField
from booking.fields import PlainForm, born_on
from booking.forms.proof import AddressForm


class SaveForm(PlainForm):
    """Where the link to a draft goes, and the date of birth that opens it: each only while it is not known."""

    address = AddressForm.base_fields["address"]
    date_of_birth = DateBoxesField(birthday=True, label=_("Date of birth"))

    def __init__(self, *args: Any, ask_address: bool, ask_birth: bool, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.today = today
        self.fields["address"].help_text = _("We send a link to it. Nothing else, unless you book.")
        self.fields["date_of_birth"].help_text = _("To keep your answers private, the link asks for your year of birth.")
        if not ask_address:
            del self.fields["address"]
        if not ask_birth:
            del self.fields["date_of_birth"]

    clean_address = AddressForm.clean_address

    def clean_date_of_birth(self) -> date:
        """A day between 1900 and today."""
        return born_on(self.cleaned_data["date_of_birth"], self.today)
