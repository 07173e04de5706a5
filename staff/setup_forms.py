"""What the clinic lead types: visit types, rooms, people, the clinic itself."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.models import Clinic, Role, User
from booking.fields import EmailField, PlainForm, TextField
from booking.models import Practitioner, Room, Service
from intake.models import Questionnaire

ZONES = "St_Johns Halifax Moncton Toronto Winnipeg Regina Edmonton Vancouver Whitehorse Yellowknife".split()
_NUMBER = {"required": _("Give a number"), "invalid": _("Give a whole number")}


def text(limit: int, label: Any, need: Any = "", hint: Any = "") -> TextField:
    """One line of text; needed if `need` says what to do without it."""
    return TextField(limit=limit, label=label, required=bool(need), help_text=hint, error_messages={"required": need})


def number(label: Any, low: int, high: int, hint: Any = "") -> forms.IntegerField:
    """A whole number within bounds."""
    widget = forms.NumberInput({"inputmode": "numeric", "class": "num"})
    return forms.IntegerField(
        label=label, min_value=low, max_value=high, help_text=hint, widget=widget, error_messages=_NUMBER, localize=False
    )


class ServiceForm(PlainForm):
    """A visit type: how long, when, by whom, where, and by which rules patients book and change it."""

    name = text(60, _("Name"), _("Give the visit a name"))
    active = forms.BooleanField(required=False, label=_("In use: it can be booked"))
    online = forms.BooleanField(required=False, label=_("Patients may book it online (else only the clinic does)"))
    practitioners = forms.ModelMultipleChoiceField(
        queryset=Practitioner.objects.none(), required=False, label=_("Who performs it"), widget=forms.CheckboxSelectMultiple
    )
    minutes = number(_("Length, minutes"), 5, 480)
    step_minutes = number(_("A start every … minutes"), 5, 240, _("Counted from midnight: 20 gives 9:00, 9:20, 9:40"))
    setup_minutes = number(_("Set-up before, minutes"), 0, 240)
    cleanup_minutes = number(
        _("Clean-up after, minutes"),
        0,
        240,
        _("Between two visits lies the longer of this and the next one’s set-up"),
    )
    min_notice_minutes = number(_("Shortest notice, minutes"), 0, 60 * 24 * 60, _("Patients only. 120 is two hours"))
    horizon_days = number(_("Furthest ahead, days"), 1, 730, _("Patients only"))
    cancel_cutoff_minutes = number(
        _("Free cancellation until … minutes before"), 0, 60 * 24 * 60, _("1440 is a day. Later, the late fee applies")
    )
    reschedule_cutoff_minutes = number(
        _("Change by link until … minutes before"), 0, 60 * 24 * 60, _("1440 is a day. Later, patients call")
    )
    room_kind = forms.ChoiceField(
        required=False, label=_("Room it needs"), help_text=_("Any free room of that kind. A new kind comes with its room")
    )
    price_text = text(60, _("Price, in words"), hint=_("Such as: $150, not covered by OHIP"))
    questionnaire = forms.ChoiceField(required=False, label=_("Questions before it"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["practitioners"].queryset = Practitioner.objects.filter(active=True)  # type: ignore[attr-defined]
        kinds = sorted(set(Room.objects.values_list("kind", flat=True)))
        self.fields["room_kind"].choices = [("", _("None")), *((kind, kind) for kind in kinds)]  # type: ignore[attr-defined]
        titles = dict(Questionnaire.objects.order_by("published_at").values_list("slug", "title"))
        self.fields["questionnaire"].choices = [("", _("None")), *titles.items()]  # type: ignore[attr-defined]


class RoomForm(PlainForm):
    """A room: its name, and the kind by which visit types ask for it."""

    name = text(40, _("Name"), _("Give the room a name"))
    kind = forms.SlugField(
        max_length=20,
        label=_("Kind"),
        help_text=_("One word, such as consult or treatment"),
        error_messages={"required": _("Give the kind in one word"), "invalid": _("Use letters, digits and hyphens")},
    )
    active = forms.BooleanField(required=False, label=_("In use"), initial=True)


class PractitionerForm(PlainForm):
    """Somebody whom patients come to see."""

    name = text(80, _("Full name"), _("Give the name"), _("As on the site: Dr. Amara Osei"))
    short_name = text(40, _("Short name"), _("Give the short name"), _("As in messages: Dr. Osei"))
    role_text = text(60, _("Role"), hint=_("Such as: Physician and medical lead"))
    registration_number = text(20, _("CPSO number"))
    languages = text(80, _("Languages"))
    approach = forms.CharField(
        required=False, max_length=1200, label=_("About them, for the site"), widget=forms.Textarea({"rows": 4, "class": "input"})
    )
    services = forms.ModelMultipleChoiceField(
        queryset=Service.objects.none(), required=False, label=_("What they do"), widget=forms.CheckboxSelectMultiple
    )
    user = forms.ModelChoiceField(
        queryset=User.objects.none(), required=False, label=_("Sign-in"), empty_label=_("None"),
        help_text=_("Whose day, and whose time off, it is when this person signs in. Somebody new is invited after saving"),
    )  # fmt: skip
    position = number(_("Place in lists"), 0, 999, _("0 comes first"))
    active = forms.BooleanField(required=False, label=_("In use: can be booked"), initial=True)

    def __init__(self, *args: Any, who: Practitioner | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["services"].queryset = Service.objects.filter(active=True)  # type: ignore[attr-defined]
        free = Q(practitioner=None) | Q(practitioner=who) if who else Q(practitioner=None)
        users = User.objects.filter(free, is_active=True).exclude(role=Role.PATIENT).order_by("name")
        self.fields["user"].queryset = users  # type: ignore[attr-defined]


class InviteForm(PlainForm):
    """Somebody new who signs in."""

    name = text(80, _("Name"), _("Give the name"), _("As on screens: Joanne Miller, Dr. Amara Osei"))
    email = EmailField(label=_("Email"), help_text=_("They sign in with it. A link to choose a password goes there"))
    role = forms.ChoiceField(
        label=_("Role"), choices=[(role.value, role.label) for role in (Role.RECEPTION, Role.PHYSICIAN, Role.LEAD)],
        error_messages={"required": _("Choose a role"), "invalid_choice": _("Choose a role")},
    )  # fmt: skip
    practitioner = forms.ModelChoiceField(
        queryset=Practitioner.objects.none(), required=False, label=_("Whose calendar is theirs"), empty_label=_("None"),
        help_text=_("Somebody whom patients come to see; add them under Physicians and nurses first"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        free = Practitioner.objects.filter(active=True, user=None)
        self.fields["practitioner"].queryset = free  # type: ignore[attr-defined]


class ClinicForm(PlainForm):
    """What every page and message says about the clinic."""

    name = text(80, _("Name"), _("Give the clinic’s name"))
    short_name = text(30, _("Short name"), _("Give a short name"), _("Texts begin with it"))
    street = text(80, _("Street"), _("Give the street"))
    unit = text(40, _("Unit"))
    city = text(60, _("City"), _("Give the city"))
    region = text(40, _("Province"), _("Give the province"))
    region_code = forms.ChoiceField(
        label=_("Province, two letters"),
        choices=[(code, code) for code in "AB BC MB NB NL NS NT NU ON PE QC SK YT".split()],
        help_text=_("Public holidays are suggested by it"),
    )
    postal_code = text(10, _("Postal code"), _("Give the postal code"))
    phone = text(20, _("Phone"), _("Give the phone number"), _("As people write it: 519-555-0142"))
    email = EmailField(required=False, label=_("Email"))
    zone = forms.ChoiceField(label=_("Time zone"), help_text=_("Hours and dates are on its clock"))
    zone_label = text(40, _("Time zone, in words"), _("Give the time zone in words"))
    hours_text = text(120, _("Opening hours, in words"), _("Give the opening hours"))
    arrival_text = text(200, _("Parking and arrival"))
    late_fee_text = text(20, _("Late fee, in words"), _("Give the late fee, or “no”"))
    urgent_email = EmailField(
        required=False, label=_("Email for urgent answers"), help_text=_("Paged the same day. Empty: the visit’s physician")
    )
    minimum_age = number(_("Youngest patient, years"), 18, 99)
    recall_months = number(
        _("Remind of a review after … months"), 0, 36, _("Once, by email, only who agreed and has nothing booked. 0 is never")
    )
    auto_offers = forms.BooleanField(required=False, label=_("Offer freed times to the waiting list by itself"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = {clock.clinic_zone().key, *(f"America/{name}" for name in ZONES)}
        self.fields["zone"].choices = [(name, name.replace("_", " ")) for name in sorted(here)]  # type: ignore[attr-defined]


def initial_of(form: type[PlainForm], row: Service | Room | Practitioner | Clinic) -> dict[str, Any]:
    """The stored values of a form's fields."""
    return {name: getattr(row, name) for name in form.base_fields if name not in ("practitioners", "services")}
