"""`/desk/series/`: several visits in one go. What is asked for, then every date with what is in the way, then Book."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import reception_required
from accounts.web import as_uuid, in_reason, see
from audit.actor import actor_of
from booking import actions, series
from booking.fields import PlainForm
from booking.models import Appointment, Practitioner, Service, Status
from booking.picker import Choice, choices, parse_value
from patients.models import Patient
from staff.reading import reading
from staff.typed import TypedTime, instant_of


class PlanForm(PlainForm):
    """What is asked for: a first time, how many, how far apart, and how far from that each may lie."""

    service = forms.ModelChoiceField(
        Service.objects.filter(active=True), to_field_name="public_id", empty_label=None, label=gettext_lazy("Visit type"),
        error_messages={"required": gettext_lazy("Choose a visit type"), "invalid_choice": gettext_lazy("Choose a visit type")},
    )  # fmt: skip
    who = forms.ModelChoiceField(
        Practitioner.objects.filter(active=True), to_field_name="public_id", empty_label=gettext_lazy("Any physician"),
        required=False, label=gettext_lazy("Physician"), widget=forms.Select({"data-hide-optional": "1"}),
        error_messages={"invalid_choice": gettext_lazy("Choose a physician")},
    )  # fmt: skip
    day = forms.DateField(
        label=gettext_lazy("First visit on"), widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": gettext_lazy("Choose the first day"), "invalid": gettext_lazy("Choose the first day")},
    )  # fmt: skip
    time = forms.TimeField(
        label=gettext_lazy("At"), widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        error_messages={"required": gettext_lazy("Choose a time"), "invalid": gettext_lazy("Choose a time")},
    )  # fmt: skip
    visits = forms.TypedChoiceField(
        coerce=int, initial=3, choices=[(n, n) for n in range(2, series.MOST_VISITS + 1)], label=gettext_lazy("Visits"),
        error_messages={"required": gettext_lazy("Choose how many"), "invalid_choice": gettext_lazy("Choose how many")},
    )  # fmt: skip
    weeks = forms.TypedChoiceField(
        coerce=int, initial=4, choices=[(n, n) for n in range(1, series.MOST_WEEKS + 1)], label=gettext_lazy("Weeks apart"),
        error_messages={"required": gettext_lazy("Choose how far apart"), "invalid_choice": gettext_lazy("Choose how far apart")},
    )  # fmt: skip
    window = forms.TypedChoiceField(
        coerce=int, initial=7, choices=[(n, n) for n in range(series.MOST_WINDOW + 1)], label=gettext_lazy("Days around it"),
        error_messages={"required": gettext_lazy("Choose how many days"), "invalid_choice": gettext_lazy("Choose how many days")},
    )  # fmt: skip

    which: Sequence[tuple[str, str]] = ()  # the two readings of a time that comes twice

    def clean(self) -> dict[str, Any]:
        """The physician must do that kind of visit, and the first time must be to come."""
        data = super().clean() or self.cleaned_data
        if data.get("service") and data.get("who") and not data["service"].practitioners.filter(pk=data["who"].pk).exists():
            self.add_error("who", _("This physician does not do that visit type"))
        if data.get("day") and data.get("time") is not None:
            if not in_reason(data["day"]):
                self.add_error("day", _("Choose the first day"))
                return data
            try:
                data["start"] = instant_of(data["day"], data["time"], self.data.get("which", ""))
            except TypedTime as trouble:
                self.add_error("time", str(trouble))
                self.which = trouble.choices
                return data
            if data["start"] <= clock.now():
                self.add_error("day", _("The first visit must be in the future"))
        return data

    def plan(self) -> series.Plan:
        """What a valid form says."""
        data = self.cleaned_data
        return series.Plan(data["service"], data["who"], data["start"], data["visits"], data["weeks"], data["window"])


@dataclass(slots=True)
class Line:
    """One visit of the plan on the page: its choices, the chosen one, what is in the way."""

    number: int
    ideal: datetime
    conflict: str
    choices: list[Choice] = field(default_factory=list)
    chosen: str = ""
    lost: bool = False


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def book(request: HttpRequest) -> HttpResponse:
    """`?patient=`: who. Show the dates (GET with the plan), then Book (POST with the plan and a start for each)."""
    now = clock.now()
    data = request.POST if request.method == "POST" else request.GET
    patient = get_object_or_404(Patient.objects.for_actor(request.user).current(), public_id=as_uuid(data.get("patient")))
    asked = request.method == "POST" or "weeks" in data
    form = PlanForm(data if asked else None, initial={} if asked else _initial(request, patient, now))
    pairs = [(name, data.get(name, "")) for name in (*form.fields, "which")]
    context: dict[str, Any] = {"patient": patient, "form": form, "pairs": pairs, "lines": [], "refusal": ""}
    status, plan, posted, lost = 200, None, list[str](), list[int]()
    if asked and not form.is_valid():
        status = 422
    elif asked:
        plan = form.plan()
        posted = [request.POST.get(f"slot{n}", "") for n in range(1, plan.visits + 1)] if request.method == "POST" else []
        if posted:
            wanted = _wanted(plan.service, posted)
            if wanted is None:
                context["refusal"], status = _("Choose a time for each visit"), 422
            else:
                try:
                    made = actions.book_series(plan.service, wanted, patient=patient, by=actor_of(request), now=now)
                except actions.SeriesTaken as refusal:
                    context["refusal"], lost, status = str(refusal), refusal.lost, 409
                except actions.BookingError as refusal:
                    context["refusal"], status = str(refusal), 409
                else:
                    words = {"n": len(made), "when": clock.long_when(made[0].starts_at)}
                    messages.success(request, _("%(n)d visits are booked, from %(when)s on.") % words)
                    return see("staff:patient", patient.public_id)
    with reading(request, "staff.patient_read", now=now, obj=patient, subject_id=patient.pk, detail={"series": True}):
        context["lines"] = _lines(plan, posted, lost, now=now) if plan else []
        return render(request, "staff/series.html", context, status=status)


def _initial(request: HttpRequest, patient: Patient, now: datetime) -> dict[str, Any]:
    """A series goes on as the visit it comes from (`?visit=`): the same in everything, four weeks on.

    From the patient's page it is whoever sees them next, or saw them last.
    """
    found: dict[str, Any] = {"day": clock.today(now), "visits": 3, "weeks": 4, "window": 7}
    theirs = (
        Appointment.objects.for_actor(request.user).visits().filter(patient=patient).select_related("practitioner", "service")
    )
    like = theirs.filter(public_id=as_uuid(request.GET.get("visit"))).first()
    seen = (
        like
        or theirs.upcoming(now).order_by("starts_at").first()
        or theirs.filter(status=Status.FULFILLED).order_by("-starts_at").first()
    )
    if seen is None or not seen.practitioner.active:
        return found
    services = Service.objects.filter(active=True, practitioners=seen.practitioner)
    service = next((s for s in services if like and s.pk == like.service_id), None) or services.first()
    if service is None:
        return found
    found |= {"service": service.public_id, "who": seen.practitioner.public_id}
    if like is None:
        return found
    at = clock.local(like.starts_at)
    return found | {"time": at.time(), "day": max(found["day"], at.date() + timedelta(weeks=found["weeks"]))}


def _wanted(service: Service, posted: list[str]) -> list[tuple[Practitioner, datetime]] | None:
    """A physician and a start for each visit, or None if one is missing."""
    people = {person.public_id: person for person in service.practitioners.filter(active=True)}
    parsed = [parse_value(text) for text in posted]
    found = [(people[p[1]], p[0]) for p in parsed if p is not None and p[1] in people]
    return found if len(found) == len(posted) else None


def _lines(plan: series.Plan, posted: list[str], lost: list[int], *, now: datetime) -> list[Line]:
    people = list(plan.service.practitioners.filter(active=True))
    lines = []
    for target in series.propose(plan, now=now):
        free = choices(target.near, people)
        before = posted[target.number - 1] if posted else ""
        gone = target.number - 1 in lost
        values = [choice.value for choice in free]
        chosen = before if before in values and not gone else next((v for v in values if not (gone and v == before)), "")
        lines.append(Line(target.number, target.ideal, target.conflict, free, chosen, gone))
    return lines
