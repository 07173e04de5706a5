"""The form in which somebody says what would suit them, and what their wishes are in words."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import clock
from booking.actions import Wishes
from booking.fields import PlainForm
from booking.models import Practitioner, Service, WaitlistEntry
from booking.waitlist import ANY_TIME, HALF_DAYS, Notice

_WRONG = gettext_lazy("Choose one of the answers shown")


def open_half_days(service: Service) -> list[int]:
    """The half days (0 is Monday morning) on which somebody works who performs the service, by the hours of the week."""
    found: set[int] = set()
    rows = service.practitioners.filter(active=True, availability__isnull=False)
    for weekday, start, end in rows.values_list("availability__weekday", "availability__local_start", "availability__local_end"):
        if start.hour < 12:
            found.add(weekday * 2)
        if end.hour > 12 or (end.hour, end.minute) == (0, 0) or (end.hour == 12 and end.minute):
            found.add(weekday * 2 + 1)
    return sorted(found)


class WishesForm(PlainForm):
    """With whom, when, how early to hear of it, and how."""

    who = forms.MultipleChoiceField(
        required=False,
        label=gettext_lazy("With whom?"),
        help_text=gettext_lazy("Choose none if anybody is fine. That is quickest."),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": _WRONG},
    )
    times = forms.TypedMultipleChoiceField(
        coerce=int,
        label=gettext_lazy("Which times could work?"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one time that could work"), "invalid_choice": _WRONG},
    )
    notice = forms.ChoiceField(
        choices=Notice.choices,
        label=gettext_lazy("How early do you need to know?"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose how early you need to know"), "invalid_choice": _WRONG},
    )
    reach = forms.ChoiceField(
        choices=[("message", gettext_lazy("By text or email, as for your visits")), ("call", gettext_lazy("By phone"))],
        label=gettext_lazy("How do we offer you a time?"),
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose how we offer you a time"), "invalid_choice": _WRONG},
    )

    def __init__(self, *args: Any, service: Service, people: list[Practitioner], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = {str(person.public_id): person for person in people}
        self.half_days = open_half_days(service)
        self.fields["who"].choices = [(key, person.name) for key, person in self.people.items()]  # type: ignore[attr-defined]
        self.fields["times"].choices = [(n, n) for n in self.half_days]  # type: ignore[attr-defined]
        if len(people) < 2:
            del self.fields["who"]
        self.initial = {"times": self.half_days, "notice": Notice.DAY.value, "reach": "message", **self.initial}

    @property
    def week(self) -> list[dict[str, Any]]:
        """The rows of the table of half days: day, morning, afternoon (None: nobody works)."""
        chosen = {str(value) for value in self["times"].value() or ()}

        def cell(number: int) -> dict[str, Any] | None:
            return {"value": number, "on": str(number) in chosen} if number in self.half_days else None

        days = sorted({number // 2 for number in self.half_days})
        return [{"name": clock.weekday(day), "morning": cell(day * 2), "afternoon": cell(day * 2 + 1)} for day in days]

    def wishes(self) -> Wishes:
        """What a valid form says."""
        data = self.cleaned_data
        people = tuple(self.people[key] for key in data.get("who", ()))
        every = set(data["times"]) == set(self.half_days)  # Ticked them all: days that are added later suit as well.
        times = ANY_TIME if every else sum(1 << number for number in data["times"])
        return Wishes(() if len(people) == len(self.people) else people, times, data["notice"], data["reach"] == "call")


def initial_of(wishes: Wishes | WaitlistEntry, people: Iterable[Practitioner]) -> dict[str, Any]:
    """What the form shows for wishes that are known."""
    return {
        "who": [str(person.public_id) for person in people],
        "times": [n for n in range(HALF_DAYS) if wishes.times >> n & 1],
        "notice": wishes.notice,
        "reach": "call" if wishes.by_phone else "message",
    }


def to_session(wishes: Wishes) -> dict[str, Any]:
    """Wishes as a session keeps them."""
    who = [str(person.public_id) for person in wishes.practitioners]
    return {"who": who, "times": wishes.times, "notice": wishes.notice, "by_phone": wishes.by_phone}


def from_session(kept: Any, people: Iterable[Practitioner]) -> Wishes | None:
    """Wishes out of a session, or None."""
    if not isinstance(kept, dict) or not 1 <= int(kept.get("times") or 0) <= ANY_TIME:
        return None
    who = tuple(person for person in people if str(person.public_id) in kept["who"])
    return Wishes(who, int(kept["times"]), kept["notice"], bool(kept["by_phone"]))


def times_in_words(times: int) -> str:
    """ "Any day", "Mornings", "Afternoons", "Mon mornings, Thu" …"""
    if times == ANY_TIME:
        return _("Any day")
    mornings = [day for day in range(7) if times >> (day * 2) & 1]
    afternoons = [day for day in range(7) if times >> (day * 2 + 1) & 1]
    weekdays = [0, 1, 2, 3, 4]
    if not afternoons and set(weekdays) <= set(mornings):
        return _("Any morning")
    if not mornings and set(weekdays) <= set(afternoons):
        return _("Any afternoon")
    parts = []
    for day in range(7):
        name = clock.weekday(day)
        if day in mornings and day in afternoons:
            parts.append(name)
        elif day in mornings:
            parts.append(_("%(day)s mornings") % {"day": name})
        elif day in afternoons:
            parts.append(_("%(day)s afternoons") % {"day": name})
    return ", ".join(parts)


def in_words(entry: WaitlistEntry) -> list[tuple[str, str]]:
    """An entry's wishes as (question, answer), for its page and for the desk."""
    who = ", ".join(person.short_name for person in entry.practitioners.all())
    return [
        (_("With"), who or _("Anybody")),
        (_("Times"), times_in_words(entry.times)),
        (_("Notice you need"), entry.get_notice_display()),
        (_("By"), _("Phone call") if entry.is_called else _("Text or email")),
    ]
