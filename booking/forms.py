"""What people type on the booking path. Every message is one of the clinic's own; nothing typed is lost."""

from datetime import date
from typing import Any, ClassVar

import phonenumbers
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.dates import Wrong, in_words
from accounts.fields import DateBoxesField
from booking import words
from booking.models import Service
from patients.models import Helper, Patient, ReminderBy

_MOBILE = _("Enter a mobile number with area code, like 519-555-0178")
_EMAIL = _("Enter an email address, like name@example.com")
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
        kwargs.setdefault("error_messages", {"required": _MOBILE})
        super().__init__(limit=40, **kwargs)

    def clean(self, value: Any) -> str:
        """E.164, or an empty string."""
        text = super().clean(value)
        if not text:
            return ""
        number = parse_phone(text)
        if not number:
            raise ValidationError(_MOBILE, code="invalid")
        return number


class EmailField(TextField):
    """An email address of at most 254 characters."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("error_messages", {"required": _EMAIL})
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
            raise ValidationError(_EMAIL, code="invalid") from None
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


class ServiceForm(PlainForm):
    """What the visit is for, where a clinic offers more than one online."""

    service = forms.ChoiceField(
        label=_("What is the visit for?"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose what the visit is for"),
            "invalid_choice": _("Choose one of the visits shown"),
        },
    )

    def __init__(self, *args: Any, online: list[Service], kept: str = "", **kwargs: Any) -> None:
        """`kept` is the questionnaire of the answers that are gone on with."""
        super().__init__(*args, **kwargs)
        self.online, self.kept = {str(service.public_id): service for service in online}, kept
        self.fields["service"].choices = [(key, _facts(service)) for key, service in self.online.items()]  # type: ignore[attr-defined]

    def clean_service(self) -> Service:
        """The service; answers to another one's questions are not taken along."""
        service = self.online[self.cleaned_data["service"]]
        if self.kept and service.questionnaire != self.kept:
            raise ValidationError(_("The answers saved in this browser are for another visit. Choose that one, or “Start again”"))
        return service


def _facts(service: Service) -> str:
    """ "First assessment: 30 minutes, $150"."""
    said = _("%(name)s: %(n)d minutes") % {"name": service.name, "n": service.minutes}
    return f"{said}, {service.price_text}" if service.price_text else said


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
            self.add_error("email", _EMAIL)
        if way in {ReminderBy.TEXT_EMAIL, ReminderBy.TEXT} and data.get("mobile") and not words.takes_texts(data["mobile"]):
            self.add_error("mobile", _("This looks like a home phone. Choose “Phone call”, or give a mobile"))
        if self.for_other and data.get("messages_to") == "patient" and not (data.get("own_mobile") or data.get("own_email")):
            self.add_error("own_mobile", _("Give a number or an email of theirs, or choose that you hear from us"))
        return data


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


class MessagesForm(PlainForm):
    """How to reach a patient about this visit; only ways there is an address for."""

    reminder_by = forms.ChoiceField(
        label=_("How may we contact you about your appointment?"),
        help_text=DetailsForm.base_fields["reminder_by"].help_text,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how we may contact you"), "invalid_choice": _("Choose one of the answers shown")},
    )
    voicemail_ok = forms.ChoiceField(
        label=_("May we leave a voicemail with our name?"),
        choices=[("no", _("No")), ("yes", _("Yes"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose yes or no"), "invalid_choice": _("Choose one of the answers shown")},
    )

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
