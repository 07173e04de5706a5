"""`/clinic/services/`, `/clinic/rooms/`, `/clinic/physicians/`, `/clinic/details/`: the clinic is set up on screens."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from accounts.access import lead_required
from accounts.actions import AccountError, Changed, save_clinic
from accounts.marks import mark_of
from accounts.models import Clinic
from accounts.web import see
from audit.actor import actor_of
from booking import actions, hours
from booking.models import Appointment, Practitioner, Room, Service
from staff.meanwhile import meanwhile
from staff.setup_forms import ClinicForm, PractitionerForm, RoomForm, ServiceForm, initial_of


def _done(request: HttpRequest, name: str, said: str) -> HttpResponse:
    messages.success(request, said)
    return see(name)


def _seen(request: HttpRequest) -> str:
    """The mark of what was stored when the form was made; a form without one is not asked."""
    return request.POST.get("seen", "")[:32]


@lead_required
@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """Every visit type, those no longer in use last."""
    found = Service.objects.prefetch_related("practitioners").order_by("-active", "position", "name")
    return render(request, "staff/services.html", {"services": found})


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def service(request: HttpRequest, public_id: UUID | None = None) -> HttpResponse:
    """One visit type, or a new one."""
    row = get_object_or_404(Service, public_id=public_id) if public_id is not None else None
    shown = row or Service(minutes=30, active=True)
    initial = initial_of(ServiceForm, shown) | {"practitioners": row.practitioners.all() if row else []}
    form = ServiceForm(request.POST if request.method == "POST" else None, initial=initial)
    status, changed = 200, None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            values = dict(form.cleaned_data)
            people = values.pop("practitioners")
            try:
                saved = actions.save_service(row, values, people, seen=_seen(request), by=actor_of(request), now=clock.now())
            except actions.Stale:
                row, status = Service.objects.get(pk=row.pk if row else 0), 409
                stored = initial_of(ServiceForm, row) | {"practitioners": row.practitioners.all()}
                changed = meanwhile(form, stored, row)
            except actions.BookingError as error:
                form.add_error(None, str(error))
                status = 409
            else:
                return _done(request, "staff:services", _("Saved: %(name)s.") % {"name": saved.name})
    mark = actions.mark_of_service(row, initial_of(ServiceForm, row)) if row else ""
    title = row.name if row else _("New visit type")
    context = {"title": title, "up": "staff:services", "form": form, "mark": mark, "changed": changed}
    return render(request, "staff/service.html", context, status=status)


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def rooms(request: HttpRequest) -> HttpResponse:
    """Every room, each with its form, and one for a new room."""
    found = list(Room.objects.order_by("-active", "kind", "name"))
    posted = request.POST.get("room", "") if request.method == "POST" else None
    row = next((r for r in found if str(r.pk) == posted), None)
    if posted and row is None:
        raise Http404
    form = RoomForm(request.POST, auto_id=f"r{posted}_%s") if posted is not None else None
    status, changed = 200, None
    if form is not None:
        status = 422
        if form.is_valid():
            try:
                saved = actions.save_room(row, form.cleaned_data, seen=_seen(request), by=actor_of(request), now=clock.now())
            except actions.Stale:
                fresh, status = Room.objects.get(pk=row.pk if row else 0), 409
                found = [fresh if r == fresh else r for r in found]
                changed = meanwhile(form, initial_of(RoomForm, fresh), fresh)
            except actions.BookingError as error:
                form.add_error("name", str(error))
                status = 409
            else:
                return _done(request, "staff:rooms", _("Saved: %(name)s.") % {"name": saved.name})
    forms = [
        (
            r,
            form if r == row and form else RoomForm(initial=initial_of(RoomForm, r), auto_id=f"r{r.pk}_%s"),
            mark_of(r, RoomForm.base_fields),
            changed if r == row else None,
        )
        for r in found
    ]
    new = form if form is not None and row is None else RoomForm(auto_id="r_%s")
    return render(request, "staff/rooms.html", {"rooms": forms, "new": new, "form": form}, status=status)


@lead_required
@require_safe
def physicians(request: HttpRequest) -> HttpResponse:
    """Everybody whom patients come to see, those who left last."""
    found = Practitioner.objects.select_related("user").annotate(n=Count("services", filter=Q(services__active=True)))
    return render(request, "staff/physicians.html", {"people": found.order_by("-active", "position", "name")})


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def physician(request: HttpRequest, who: str | None = None) -> HttpResponse:
    """One of them, or somebody new. Who leaves is taken out of use; the visits still booked are counted."""
    row = get_object_or_404(Practitioner, slug=who) if who is not None else None
    initial = _initial(row) if row else {"position": Practitioner.objects.count()}
    form = PractitionerForm(request.POST if request.method == "POST" else None, initial=initial, who=row)
    status, now, changed = 200, clock.now(), None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                values = dict(form.cleaned_data)
                does = values.pop("services")
                saved = actions.save_practitioner(row, values, does, seen=_seen(request), by=actor_of(request), now=now)
            except actions.Stale:
                row, status = Practitioner.objects.get(pk=row.pk if row else 0), 409
                changed = meanwhile(form, _initial(row), row)
            except actions.BookingError as error:
                form.add_error(None, str(error))
                status = 409
            else:
                return _saved(request, saved)
    mark = actions.mark_of_practitioner(row, initial_of(PractitionerForm, row)) if row else ""
    title = row.name if row else _("Add somebody")
    context = {"title": title, "up": "staff:physicians", "form": form, "who": row, "mark": mark, "changed": changed}
    return render(request, "staff/physician.html", context, status=status)


def _initial(who: Practitioner) -> dict[str, Any]:
    return initial_of(PractitionerForm, who) | {"services": who.services.filter(active=True)}


def _saved(request: HttpRequest, who: Practitioner) -> HttpResponse:
    """Where to go on: somebody new has no hours yet; who left may have visits."""
    if who.active and not hours.versions(who):
        messages.success(request, _("Saved. Now give %(name)s hours. Inviting them is under Clinic.") % {"name": who.short_name})
        return see("staff:availability", who.slug)
    left = hours.coming(Appointment.objects.for_actor(request.user), now=clock.now()).filter(practitioner=who).count()
    if left and not who.active:
        text = _("%(name)s cannot be booked any more. Visits still booked with them: %(n)d.")
        messages.warning(request, text % {"name": who.short_name, "n": left})
        return see("staff:physicians")
    return _done(request, "staff:physicians", _("Saved: %(name)s.") % {"name": who.name})


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def details(request: HttpRequest) -> HttpResponse:
    """Name, address, zone, late fee: what every page and message says."""
    row = Clinic.objects.get(pk=1)
    form = ClinicForm(request.POST if request.method == "POST" else None, initial=initial_of(ClinicForm, row))
    mark = mark_of(row, ClinicForm.base_fields)
    context: dict[str, Any] = {"title": _("Clinic details"), "up": "staff:clinic", "form": form, "mark": mark}
    if request.method != "POST":
        return render(request, "staff/clinic_details.html", context)
    if not form.is_valid():
        return render(request, "staff/clinic_details.html", context, status=422)
    try:
        save_clinic(form.cleaned_data, seen=_seen(request), by=actor_of(request), now=clock.now())
    except Changed:
        context["changed"] = meanwhile(form, initial_of(ClinicForm, row), row)
        return render(request, "staff/clinic_details.html", context, status=409)
    except AccountError as error:
        form.add_error(None, str(error))
        return render(request, "staff/clinic_details.html", context, status=409)
    return _done(request, "staff:clinic", _("Saved."))
