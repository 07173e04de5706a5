"""`/desk/time-off/` and `/clinic/closures/`: who is away when, when nobody works, and which booked visits that touches."""

from datetime import date, datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts import clock
from accounts.access import lead_required, staff_required
from accounts.models import Clinic, Role
from accounts.web import see
from audit.actor import actor_of
from booking import actions, hours
from booking.holidays import holidays_of
from booking.models import Appointment, Practitioner, TimeOff
from staff.forms import TimeOffForm
from staff.reading import affected, reading


def _people(user: Any) -> list[Practitioner]:
    """Whose time off somebody may enter: everybody's at the desk, one's own as a physician."""
    found = Practitioner.objects.filter(active=True)
    return list(found if user.role in (Role.RECEPTION, Role.LEAD) else found.filter(user=user))


def _offs(user: Any, *, now: datetime) -> list[TimeOff]:
    found = TimeOff.objects.filter(ends_at__gt=now).select_related("practitioner").prefetch_related("batches")
    found = found.order_by("starts_at", "pk")
    if user.role == Role.PHYSICIAN:
        return [off for off in found if off.practitioner is None or off.practitioner.user_id == user.pk]
    return list(found)


def when(off: TimeOff) -> str:
    """ "March 14 to 18", or "Thursday, March 12 from 1:00 p.m. to 3:00 p.m."."""
    days = off.in_days(clock.clinic_zone())
    if days:
        first, last = (clock.full_date(day) for day in days)
        return first if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}
    since, until = clock.local(off.starts_at), clock.local(off.ends_at)
    end = clock.clock_time(off.ends_at) if since.date() == until.date() else clock.long_when(off.ends_at)
    return _("%(date)s from %(start)s to %(end)s") % {
        "date": clock.full_date(since), "start": clock.clock_time(off.starts_at), "end": end,
    }  # fmt: skip


def _page(request: HttpRequest, form: TimeOffForm, now: datetime, *, status: int = 200, **extra: Any) -> HttpResponse:
    user = request.user
    visits = Appointment.objects.for_actor(user)
    with reading(request, "staff.time_off_read", now=now):
        offs = _offs(user, now=now)
        booked = list(hours.coming(visits, now=now).filter(starts_at__lt=max((off.ends_at for off in offs), default=now)))
        rows = [(off, when(off), off.reason_for(user), sum(off.touches(visit) for visit in booked)) for off in offs]
    context = {"form": form, "now": now, "rows": rows, "people": form.people.values(), "at_desk": user.role != Role.PHYSICIAN}
    return render(request, "staff/time_off.html", context | extra, status=status)


@staff_required
@require_http_methods(["GET", "HEAD", "POST"])
def time_off(request: HttpRequest) -> HttpResponse:
    """What is planned, and a form for more. Saving lists the visits it touches and asks; they stay booked."""
    now, people = clock.now(), _people(request.user)
    clinic_too = request.user.role == Role.LEAD
    if request.method != "POST":
        initial = {"who": request.GET.get("who", ""), "first": clock.today(now), "kind": request.GET.get("kind", "vacation")}
        return _page(request, TimeOffForm(initial=initial, people=people, clinic_too=clinic_too), now)
    form = TimeOffForm(request.POST, people=people, clinic_too=clinic_too)
    if not form.is_valid():
        return _page(request, form, now, status=422)
    data = form.cleaned_data
    who = form.people.get(data["who"])
    find = partial(
        hours.within, Appointment.objects.for_actor(request.user), who, data["starts_at"], data["ends_at"], now=now
    )  # fmt: skip
    touched = affected(request, find, now=now, obj=who)
    if request.POST.get("do") == "preview" or (touched and request.POST.get("sure") != str(len(touched))):
        status = 200 if request.POST.get("do") == "preview" else 409
        return _page(request, form, now, touched=touched, looked=True, status=status)
    try:
        off = actions.take_time_off(
            who, data["kind"], data["starts_at"], data["ends_at"], reason=data["reason"], by=actor_of(request), now=now
        )
    except actions.BookingError as error:
        return _page(request, form, now, refusal=str(error), status=409)
    whose = who.short_name if who else _("The whole clinic")
    messages.success(request, _("Saved: %(who)s, %(what)s") % {"who": whose, "what": clock.ended(when(off))})
    at_desk = request.user.role != Role.PHYSICIAN
    return see("staff:time_off_visits", off.pk) if touched and at_desk else see("staff:time_off")


@staff_required
@require_POST
def end(request: HttpRequest, off_id: int) -> HttpResponse:
    """Take time off back, or end it now. Closures are the clinic lead's."""
    now = clock.now()
    off = next((off for off in _offs(request.user, now=now) if off.pk == off_id), None)
    gone = off is None and request.user.role != Role.PHYSICIAN
    if not gone and (off is None or (off.practitioner is None and request.user.role != Role.LEAD)):
        raise Http404
    if off is not None and actions.end_time_off(off, by=actor_of(request), now=now):
        messages.success(request, _("The time can be booked again: %(what)s") % {"what": clock.ended(when(off))})
    else:
        messages.info(request, _("Somebody took it back meanwhile, or it is over."))
    return see("staff:time_off")


@lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def closures(request: HttpRequest) -> HttpResponse:
    """A year's public holidays, each to be closed or not. Nothing is closed by itself."""
    now = clock.now()
    today = clock.today(now)
    years = range(today.year, today.year + 6)
    year = next((year for year in years if str(year) == request.GET.get("year")), today.year)
    zone = clock.clinic_zone()
    closed = {clock.local(off.starts_at).date() for off in TimeOff.objects.filter(practitioner=None) if off.in_days(zone)}
    found = [h for h in holidays_of(year, Clinic.current().region_code) if h.date >= today]
    context: dict[str, Any] = {"year": year, "years": years[:3], "closed": closed, "holidays": found}
    if request.method != "POST":
        return render(request, "staff/closures.html", context | {"ticked": {h.date for h in found if h.usual}})
    names = {h.date.isoformat(): (h.date, h.name) for h in found if h.date not in closed}
    chosen = [names[day] for day in request.POST.getlist("day") if day in names]
    ticked = {day for day, _name in chosen}
    if not chosen:
        return render(
            request, "staff/closures.html", context | {"ticked": ticked, "nothing": True, "has_errors": True}, status=422
        )
    touched = affected(request, partial(_on_days, request, ticked, now), now=now)
    if touched and request.POST.get("sure") != str(len(touched)):
        return render(request, "staff/closures.html", context | {"ticked": ticked, "touched": touched}, status=409)
    made = actions.close_days(chosen, by=actor_of(request), now=now)
    messages.success(
        request, ngettext("%(n)d day closed.", "%(n)d days closed.", len(made)) % {"n": len(made)}
    )  # fmt: skip
    return see("staff:time_off")


def _on_days(request: HttpRequest, days: set[date], now: datetime) -> list[Appointment]:
    zone = clock.clinic_zone()
    visits = Appointment.objects.for_actor(request.user)
    return [v for day in sorted(days) for v in hours.within(visits, None, *clock.day_bounds(day, zone), now=now)]
