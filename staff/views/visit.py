"""`/desk/visit/<id>/`: one visit; its steps, move, cancel, link and contact."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import clock
from accounts.access import reception_required
from accounts.web import as_date, as_number, as_uuid, see
from audit.actions import record
from audit.actor import actor_of
from booking import actions, calendar, hours
from booking.desk_text import on_offer
from booking.links import token_of
from booking.models import COMING, OPEN, Appointment, Practitioner, Service
from booking.picker import choices, value_of
from booking.reasons import in_words, why_not
from booking.words import no_way, phone_text
from intake.consents import messages_refused, messages_wording
from notifications.channels import texts_work
from notifications.kinds import EMAIL, KINDS
from notifications.letters import ways
from patients.actions import PatientError
from staff import board, gaps, history, steps
from staff.forms import CancelForm, ContactForm, HelperForm
from staff.reading import reading
from staff.typed import TypedTime, wanted_of
from staff.views.day import strip_of, to_day


def _visit(request: HttpRequest, public_id: UUID) -> Any:
    visit = board.find_visit(request.user, public_id)
    if visit is None:
        raise Http404
    return visit


def _contact_form(visit: Appointment) -> ContactForm:
    patient = visit.patient
    return ContactForm(
        initial={
            "mobile": phone_text(patient.mobile) if patient.mobile else "",
            "email": patient.email,
            "reminder_by": patient.reminder_by,
            "voicemail_ok": patient.voicemail_ok,
        }
    )


def show(request: HttpRequest, visit: Any, now: datetime, *, status: int = 200, **extra: Any) -> HttpResponse:
    """The visit with its log. Reception sees that the intake is done, never what it says."""
    detail = {"reference": visit.reference}
    with reading(request, "staff.visit_read", now=now, obj=visit, subject_id=visit.patient_id, detail=detail):
        log, told = history.log_of(visit), history.messages_of(visit)
    trouble = hours.trouble_of(visit)
    context = {
        "visit": visit,
        "patient": visit.patient,
        "age": visit.patient.age_on(clock.today(now)),
        "badges": board.badges_of(visit, now) + ([gaps.mark(trouble)] if trouble else []),
        "steps": board.steps_of(visit, now),
        "waiting": visit.waiting_minutes(now),
        "can_change": visit.status in COMING,
        "may_ask": visit.status in OPEN,
        "may_text": bool(on_offer(visit, now=now)),
        "contact": _contact_form(visit),
        "helper_form": HelperForm(initial={"gets_messages": True}, auto_id="helper_%s"),
        "messages_wording": messages_wording(),
        "cancel": CancelForm(),
        "rest": len(actions.from_here_on(visit, now=now)) - 1 if visit.series else 0,
        "log": log,
        "told": told,
        "day": clock.local(visit.starts_at).date(),
        "strip": steps.called_strip(request, str(visit.public_id)) or strip_of(visit, request.GET.get("did", ""), now),
        "strip_url": reverse("staff:visit", args=[visit.public_id]),
    }
    return render(request, "staff/visit.html", context | extra, status=status)


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def visit(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The visit. POST presses one of its buttons and comes back."""
    now = clock.now()
    if request.method == "POST":
        outcome = steps.perform(request, now=now, only=public_id)
        if outcome.refusal:
            return show(request, _visit(request, public_id), now, refusal=outcome.refusal, status=409)
        return _back(public_id, outcome.verb)
    return show(request, _visit(request, public_id), now)


def _back(public_id: UUID, verb: str = "") -> HttpResponse:
    return see("staff:visit", public_id, query=f"?did={verb}" if verb else "")


@reception_required
@require_POST
def cancel(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Cancel with a reason. On the day stands who would take the time, and the undo."""
    now, found = clock.now(), _visit(request, public_id)
    form = CancelForm(request.POST)
    if not form.is_valid():
        return show(request, found, now, cancel=form, form=form, status=422)
    try:
        verb = actions.cancel_series if request.POST.get("rest") == "1" and found.series else actions.cancel
        verb(found, reason=form.cleaned_data["reason"], by=actor_of(request), now=now, version=_version(request))
    except actions.Stale:
        return show(request, _visit(request, public_id), now, refusal=steps.who_changed(found, request.user), status=409)
    except actions.BookingError as error:
        return show(request, _visit(request, public_id), now, refusal=str(error), status=409)
    return to_day(found, "cancel")


def _version(request: HttpRequest) -> int:
    """The version that the page showed; one that no visit has if it says none."""
    return as_number(request.POST.get("version")) or -1


@reception_required
@require_POST
def contact(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Change how the patient is reached, or note who called for them."""
    now, found = clock.now(), _visit(request, public_id)
    if request.POST.get("for") == "helper":
        return _helper(request, found, now)
    form = ContactForm(request.POST, refused=messages_refused(found.patient))
    if not form.is_valid():
        return show(request, found, now, contact=form, form=form, status=422)
    try:
        actions.choose_ways(found.patient, **form.cleaned_data, version=_version(request), by=actor_of(request), now=now)
    except PatientError as refusal:
        return show(request, _visit(request, public_id), now, contact=form, refusal=str(refusal), status=409)
    messages.success(request, _("Contact details saved."))
    return _back(public_id)


def _helper(request: HttpRequest, found: Any, now: datetime) -> HttpResponse:
    form = HelperForm(request.POST, auto_id="helper_%s")
    if not form.is_valid():
        return show(request, found, now, helper_form=form, form=form, status=422)
    try:
        actions.name_helper(found, form.contact(), version=_version(request), by=actor_of(request), now=now)
    except actions.BookingError as refusal:
        return show(request, _visit(request, found.public_id), now, helper_form=form, refusal=str(refusal), status=409)
    messages.success(request, _("Noted who called."))
    return _back(found.public_id)


@reception_required
@require_POST
def link(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Show the patient's private link, or send it again. Both are in the trail: who has the link can change the visit."""
    now, found = clock.now(), _visit(request, public_id)
    by, patient = actor_of(request), found.reach or found.patient
    if request.POST.get("how") != "send":
        with transaction.atomic():
            record("staff.link_shown", by=by, now=now, obj=found)
        url = request.build_absolute_uri(reverse("booking:visit", args=[token_of(found)]))
        return show(request, found, now, shown_link=url)
    by_ways = ways(KINDS["lost_link"], patient, texts_work=texts_work())
    if not by_ways:
        return show(request, found, now, refusal=no_way(patient), status=409)
    with transaction.atomic():
        for channel in by_ways:
            actions.request_link(channel=channel, address=patient.email if channel == EMAIL else patient.e164, now=now)
        record("staff.link_resent", by=by, now=now, obj=found, detail={"by": by_ways})
    messages.success(request, _("The link is on its way."))
    return to_day(found, "") if request.POST.get("back") == "day" else _back(public_id)


@reception_required
@require_safe
def starts(request: HttpRequest, public_id: UUID) -> JsonResponse:
    """Where a visit could go on a day, for the board: each as the value a move posts, whose it is, when, and in words."""
    now, found = clock.now(), _visit(request, public_id)
    day = as_date(request.GET.get("day")) or clock.local(found.starts_at).date()
    free = calendar.openings(found.service, since=day, until=day, now=now, own=found.pk, any_physician=False, for_staff=True)
    listed = [
        {
            "value": choice.value,
            "who": choice.practitioner.pk,
            "at": int(choice.start.timestamp()),
            "words": f"{clock.clock_time(choice.start)}, {choice.practitioner.short_name}",
        }
        for choice in choices(free, calendar.people(found.service))
        if choice.start > now
    ]
    return JsonResponse({"minutes": found.minutes, "version": found.version, "starts": listed})


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Pick another time: any day, any physician of the service. Times outside the list are warned about, not forbidden."""
    now, found = clock.now(), _visit(request, public_id)
    people = calendar.people(found.service)
    if request.method != "POST":
        return _move_page(request, found, people, now)
    try:
        wanted = wanted_of(request, people)
    except TypedTime as trouble:
        return _move_page(request, found, people, now, refusal=str(trouble), other_choices=trouble.choices, status=422)
    if "why" in request.POST:
        return _move_page(request, found, people, now, **why_of(found.service, wanted, now=now, own=found.pk))
    if wanted is None:
        half = request.POST.get("other_time") and as_date(request.POST.get("other_day")) is None
        refusal = _("Choose a date") if half else _("Choose a time")
        return _move_page(request, found, people, now, refusal=refusal, status=422)
    start, person = wanted
    if request.POST.get("rest") == "1" and found.series:
        return _move_rest(request, found, people, start, person, now)
    try:
        moved = actions.move(
            found,
            person,
            start,
            by=actor_of(request),
            now=now,
            version=_version(request),
            overbook=bool(request.POST.get("anyway")),
            told=request.POST.get("anyway", ""),
        )
    except actions.Warned as warning:
        return _move_page(request, found, people, now, warning=warning, wanted=value_of(start, person), status=409)
    except actions.Stale:
        return show(request, _visit(request, public_id), now, refusal=steps.who_changed(found, request.user), status=409)
    except actions.BookingError as error:
        return _move_page(request, found, people, now, refusal=str(error), status=409)
    return to_day(moved, "move")


def _move_rest(
    request: HttpRequest, visit: Any, people: list[Practitioner], start: datetime, person: Practitioner, now: datetime
) -> HttpResponse:
    """This visit, and those of its series after it by as much: all of them or none."""
    try:
        moved = actions.move_series(visit, person, start, by=actor_of(request), now=now, version=_version(request))
    except actions.Stale:
        return show(request, _visit(request, visit.public_id), now, refusal=steps.who_changed(visit, request.user), status=409)
    except actions.BookingError as error:
        return _move_page(request, visit, people, now, refusal=str(error), status=409)
    messages.success(request, _("%(n)d visits have moved.") % {"n": len(moved)})
    return to_day(moved[0], "move")


def why_of(
    service: Service, wanted: tuple[datetime, Practitioner] | None, *, now: datetime, own: int | None = None
) -> dict[str, Any]:
    """What a page says to "why is this time not offered?": for the clinic, and for a patient where that differs."""
    if wanted is None:
        return {"why": _("Choose a date, a time and a physician.")}
    start, person = wanted
    staff = why_not(service, person, start, now=now, own=own)
    patient = why_not(service, person, start, now=now, own=own, for_staff=False) if service.online else None
    if staff:
        return {"why": in_words(staff, service, person, start)}
    when = clock.long_when(start)
    if patient:
        why = {"when": when, "why": in_words(patient, service, person, start)}
        return {"why": _("%(when)s is free for you. Patients do not see it: %(why)s") % why}
    return {"why": _("%(when)s is free, and offered.") % {"when": when}}


def _move_page(
    request: HttpRequest, visit: Any, people: list[Practitioner], now: datetime, *, status: int = 200, **extra: Any
) -> HttpResponse:
    today = clock.today(now)
    day = as_date(request.POST.get("other_day") or request.GET.get("day")) or max(clock.local(visit.starts_at).date(), today)
    with reading(request, "staff.visit_read", now=now, obj=visit, subject_id=visit.patient_id, detail={"move": True}):
        found = calendar.openings(visit.service, since=day, until=day, now=now, own=visit.pk, any_physician=False, for_staff=True)
        soonest = calendar.openings(
            visit.service, since=today, until=today + timedelta(days=21), now=now, own=visit.pk, for_staff=True, limit=30
        )
    that_day = choices(found, people)
    here = value_of(visit.starts_at, visit.practitioner)  # where it is already is no place to move to
    soonest = [s for s in soonest if s.start > now and s.start != visit.starts_at][:5]
    rest = len(actions.from_here_on(visit, now=now)) - 1 if visit.series else 0
    context = {
        "visit": visit,
        "rest": rest,
        "rest_too": rest > 0 and (request.POST.get("rest") or request.GET.get("rest")) == "1",
        "day": day,
        "previous": day - timedelta(days=1),
        "next": day + timedelta(days=1),
        "people": people,
        "other_who": as_uuid(request.POST.get("other_who")) or visit.practitioner.public_id,
        "other_time": request.POST.get("other_time", "")[:5],
        "soonest": choices(soonest, people),
        "lists": [
            (person, [each for each in that_day if each.practitioner == person and each.start > now and each.value != here])
            for person in people
        ],
    }
    return render(request, "staff/move.html", context | extra, status=status)
