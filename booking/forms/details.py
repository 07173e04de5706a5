"""Who is coming, and how to reach them: asked once, and changed later by the link."""

from datetime import date
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.fields import DateBoxesField
from booking import words
from booking.fields import ENTER_EMAIL, EmailField, MobileField, PlainForm, TextField, born_on
from patients.models import Helper, Patient, ReminderBy


class DetailsForm(PlainForm):
    """Who is coming and how to reach them. `date_of_birth` is there only while nobody has asked it yet."""

    first_name = TextField(
        limit=100,
        label=_("Legal first name"),
        help_text=_("As on your health card or other ID."),
        error_messages={"required": _("Enter your first name")},
        widget=forms.TextInput({"autocomplete": "given-name"}),
    )
    last_name = TextField(
        limit=100,
        label=_("Legal last name"),
        error_messages={"required": _("Enter your last name")},
        widget=forms.TextInput({"autocomplete": "family-name"}),
    )
    preferred_name = TextField(
        limit=100,
        required=False,
        label=_("Name we should call you"),
        widget=forms.TextInput({"autocomplete": "nickname"}),
    )
    date_of_birth = DateBoxesField(birthday=True, label=_("Date of birth"))
    mobile = MobileField(
        label=_("Mobile number"),
        help_text=_(
            "For your code and reminders. We never say why you are visiting. From abroad, begin with + and the country code."
        ),
        widget=forms.TextInput({"autocomplete": "tel", "type": "tel", "inputmode": "tel", "class": "num"}),
    )
    email = EmailField(
        required=False,
        label=_("Email address"),
        help_text=_(
            "Your confirmation goes there, with a calendar entry. You can leave it out if you choose text only, or a phone call."
        ),
        widget=forms.TextInput(
            {
                "autocomplete": "email",
                "type": "email",
                "inputmode": "email",
                "autocapitalize": "none",
                "spellcheck": "false",
                "data-hide-optional": "1",
            }
        ),
    )
    reminder_by = forms.ChoiceField(
        label=_("How may we contact you about your appointment?"),
        help_text=_(
            "Ordinary email and texts are not fully private. We keep them short, leave out health details, and send a link to a"
            " secure page. You can change this at any time."
        ),
        choices=ReminderBy.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how we may contact you"), "invalid_choice": _("Choose one of the answers shown")},
    )
    voicemail_ok = forms.ChoiceField(
        label=_("May we leave a voicemail with our name?"),
        choices=[("no", _("No")), ("yes", _("Yes"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose yes or no"), "invalid_choice": _("Choose one of the answers shown")},
    )

    # Only when somebody books for another person. The fields above that say how to reach "you" are the helper's then.
    helper_name = TextField(
        limit=120,
        label=_("Your name"),
        error_messages={"required": _("Enter your name")},
        widget=forms.TextInput({"autocomplete": "name"}),
    )
    helper_relation = TextField(
        limit=60,
        label=_("How do you know the patient?"),
        help_text=_("For example: partner, parent, friend."),
        error_messages={"required": _("Enter how you know the patient")},
    )
    messages_to = forms.ChoiceField(
        label=_("Who hears from us about this visit?"),
        choices=[("helper", _("I do")), ("patient", _("The person who is coming"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose who hears from us"), "invalid_choice": _("Choose one of the answers shown")},
    )
    own_mobile = MobileField(
        required=False,
        label=_("Their mobile number"),
        help_text=_("If they have one of their own. It is kept apart from yours."),
        widget=forms.TextInput({"autocomplete": "off", "type": "tel", "inputmode": "tel", "class": "num"}),
    )
    own_email = EmailField(
        required=False,
        label=_("Their email address"),
        widget=forms.TextInput(
            {"autocomplete": "off", "type": "email", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    may_help = forms.BooleanField(
        label=_("They asked me to book for them, or I make health decisions for them. They know what I tell you here."),
        error_messages={"required": _("Tick the box if you may book for them; else they book, or call us")},
    )
    THEIR_MISSING: ClassVar[dict[str, Any]] = {
        "first_name": _("Enter their first name"),
        "last_name": _("Enter their last name"),
        "date_of_birth": _("Enter their date of birth, like March 27, 1987"),
    }
    THEIRS = (
        "first_name", "last_name", "preferred_name", "date_of_birth", "own_mobile", "own_email", "helper_name", "helper_relation",
    )  # fmt: skip
    HELPER = ("helper_name", "helper_relation", "messages_to", "own_mobile", "own_email", "may_help")

    def __init__(
        self,
        *args: Any,
        ask_birth: bool,
        today: date,
        consent: tuple[str, str] | None = None,
        for_other: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.today, self.for_other = today, for_other
        if for_other:
            for name in ("first_name", "last_name", "preferred_name", "date_of_birth"):
                self.fields[name].widget.attrs["autocomplete"] = "off"
            self.fields["first_name"].label = _("Their legal first name")
            self.fields["last_name"].label = _("Their legal last name")
            self.fields["preferred_name"].label = _("Name we should call them")
            self.fields["date_of_birth"].label = _("Their date of birth")
            for name, missing in self.THEIR_MISSING.items():
                self.fields[name].error_messages["required"] = missing
            born: DateBoxesField = self.fields["date_of_birth"]  # type: ignore[assignment]
            born.whose, born.year_of = _("Their date of birth"), _("Their year of birth")
            self.order_fields(self.THEIRS)  # as on the page, and so in the list of what is wrong
            self.fields["first_name"].help_text = _("As on their health card or other ID.")
            self.fields["mobile"].label, self.fields["email"].label = _("Your mobile number"), _("Your email address")
        else:
            for name in self.HELPER:
                del self.fields[name]
        if consent:  # The words that are agreed to are the questionnaire's, and are kept with the decision.
            self.fields["reminder_by"].label, self.fields["reminder_by"].help_text = consent
        if not ask_birth:
            del self.fields["date_of_birth"]

    def clean_date_of_birth(self) -> date:
        """A day between 1900 and today."""
        whose = self.fields["date_of_birth"].whose  # type: ignore[attr-defined]
        return born_on(self.cleaned_data["date_of_birth"], self.today, whose)

    def clean(self) -> dict[str, Any]:
        """The address a chosen way needs; a number that cannot take a text."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        way = data.get("reminder_by")
        if way in {ReminderBy.TEXT_EMAIL, ReminderBy.EMAIL} and "email" in data and not data["email"]:
            self.add_error("email", ENTER_EMAIL)
        if way in {ReminderBy.TEXT_EMAIL, ReminderBy.TEXT} and data.get("mobile") and not words.takes_texts(data["mobile"]):
            self.add_error("mobile", _("This looks like a home phone. Choose “Phone call”, or give a mobile"))
        if self.for_other and data.get("messages_to") == "patient" and not (data.get("own_mobile") or data.get("own_email")):
            self.add_error("own_mobile", _("Give a number or an email of theirs, or choose that you hear from us"))
        return data


class MessagesForm(PlainForm):
    """How to reach a patient about this visit; only ways there is an address for."""

    reminder_by = DetailsForm.base_fields["reminder_by"]
    voicemail_ok = DetailsForm.base_fields["voicemail_ok"]

    def __init__(
        self, data: Any, *, reach: Patient | Helper, consent: tuple[str, str] | None, care: tuple[str, str, bool] | None = None
    ) -> None:
        """For whoever is reached, in the words of the consent that choosing is.

        Args:
            care: the words of the consent to reminders of care, and whether it stands; None where there are none.
        """
        super().__init__(data, initial={"reminder_by": reach.reminder_by, "voicemail_ok": "yes" if reach.voicemail_ok else "no"})
        if care:
            self.fields["care"] = forms.BooleanField(required=False, label=care[0], help_text=care[1], initial=care[2])
        if consent:
            self.fields["reminder_by"].label, self.fields["reminder_by"].help_text = consent
        takes_texts = bool(reach.mobile) and words.takes_texts(reach.mobile)
        possible = {
            ReminderBy.PHONE: bool(reach.mobile),
            ReminderBy.EMAIL: bool(reach.email),
            ReminderBy.TEXT: takes_texts,
            ReminderBy.TEXT_EMAIL: takes_texts and bool(reach.email),
        }
        allowed = {way.value for way, there in possible.items() if there}
        self.fields["reminder_by"].choices = [(value, label) for value, label in ReminderBy.choices if value in allowed]  # type: ignore[attr-defined]
