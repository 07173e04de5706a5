"""`/me/`: visits that are coming with what is to do for each, and those that were."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts import clock
from accounts.web import see
from booking import actions
from booking.links import token_of, waiting_token_of
from booking.models import COMING, Appointment, Status, WaitlistEntry, WaitlistOffer
from booking.views.visit import enter_photos, enter_questions
from portal.access import Me, patient_required

PAST = 50


@dataclass(frozen=True, slots=True)
class Coming:
    """A visit that is still to come, with its private pages."""

    visit: Appointment
    token: str
    can_move: bool
    can_change: bool
    takes_photos: bool


@dataclass(frozen=True, slots=True)
class Waits:
    """A place on the waiting list, with its private page and the offer that can be taken now."""

    entry: WaitlistEntry
    token: str
    offer: WaitlistOffer | None
    ends_today: bool


def _mine(request: HttpRequest) -> Any:
    return (
        Appointment.objects.for_actor(request.user)
        .visits()
        .select_related("practitioner", "service", "response")
        .defer("response__document", "practitioner__approach")
    )


@require_safe
@patient_required
def home(request: HttpRequest, me: Me) -> HttpResponse:
    """What is coming comes first; each visit is changed on its own page, by the same rules as from a message."""
    with me.reading("portal.visits_read"):
        visits = list(_mine(request).order_by("-starts_at", "-pk")[:PAST])
        places = WaitlistEntry.objects.for_actor(request.user).on_list().select_related("service")
        places = places.prefetch_related("offers__practitioner").order_by("joined_at")
        waits = [_waits(entry, me.now) for entry in places]
    open_now = [v for v in visits if v.is_open and v.ends_at > me.now]
    coming = [
        Coming(
            v,
            token_of(v),
            can_move=me.now <= v.move_deadline(),
            can_change=v.status in COMING and v.starts_at > me.now,
            takes_photos=v.response is not None and v.response.completed_at is not None,
        )
        for v in reversed(open_now)
    ]
    past = [(v, *_state(v)) for v in visits if v not in open_now]
    return render(request, "portal/home.html", {"me": me, "coming": coming, "past": past, "waits": waits, "tab": "home"})


def _waits(entry: WaitlistEntry, now: datetime) -> Waits:
    offer = next((o for o in entry.offers.all() if o.is_live(now)), None)
    today = offer is not None and clock.local(offer.expires_at).date() == clock.today(now)
    return Waits(entry, waiting_token_of(entry), offer, today)


def _state(visit: Appointment) -> tuple[str, str, str]:
    """A past visit in a word, with colour and icon."""
    words = {Status.CANCELLED: _("Cancelled"), Status.NOSHOW: _("Missed"), Status.FULFILLED: _("Done")}
    looks = {Status.CANCELLED: ("", "x"), Status.NOSHOW: ("warn", "clock"), Status.FULFILLED: ("ok", "dcheck")}
    status = Status(visit.status)
    return (words.get(status, _("Past")), *looks.get(status, ("", "clock")))


def _one(request: HttpRequest, me: Me, public_id: UUID) -> Appointment:
    visit = _mine(request).select_related("patient").filter(public_id=public_id).first()
    if visit is None or not visit.is_open or visit.ends_at <= me.now:
        raise Http404
    return visit


@require_POST
@patient_required
def confirm(request: HttpRequest, me: Me, public_id: UUID) -> HttpResponse:
    """Yes, I am coming: to the time that the page showed."""
    visit = _one(request, me, public_id)
    try:
        if request.POST.get("seen") != str(visit.ics_sequence):
            raise actions.stale(visit)
        actions.confirm(visit, by=me.by, now=me.now, version=visit.version)
    except actions.BookingError as refusal:
        messages.warning(request, str(refusal))
    else:
        when = clock.ended(clock.long_when(visit.starts_at))
        messages.success(request, _("Thank you. We look forward to seeing you %(when)s") % {"when": when})
    return see("portal:home")


@require_POST
@patient_required
def questions(request: HttpRequest, me: Me, public_id: UUID) -> HttpResponse:
    """Go on with the questions of a visit; who is signed in is not asked for the year of birth again."""
    visit = _one(request, me, public_id)
    if not visit.intake_missing:
        raise Http404
    return enter_questions(request, visit, by=me.by, now=me.now)


@require_POST
@patient_required
def photos(request: HttpRequest, me: Me, public_id: UUID) -> HttpResponse:
    """Add photos to what was sent before a visit."""
    visit = _one(request, me, public_id)
    if visit.response is None or visit.response.completed_at is None:
        raise Http404
    return enter_photos(request, visit, back=reverse("portal:home"))
