"""The waiting list for patients: join it, say what suits, take or pass on a time that is offered. GET changes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock, limits
from accounts.web import as_uuid, client_address, see
from audit.actor import Actor
from booking import actions, calendar, terms, words
from booking.links import find_entry, token_of, waiting_token_of
from booking.models import Appointment, Service, WaitlistEntry, WaitlistOffer
from booking.views.by_link import Visit, by_link
from booking.views.journey import Journey, guard
from booking.waitlist import ON_LIST, OfferState
from booking.wishes import WishesForm, from_session, in_words, initial_of, to_session
from intake.errors import IntakeError
from patients.models import ReminderBy

JOINS_PER_HOUR = 10  # from one address


# --- Joining -------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def join_list(request: HttpRequest) -> HttpResponse:
    """No time fits: wait for one. Who it is and how to reach them is asked as for a visit, on the pages for that."""
    journey = Journey(request, clock.now())
    if elsewhere := guard(journey):
        return elsewhere
    service = journey.service
    if service is None:
        return render(request, "booking/closed.html", status=503)
    if (entry := _joined(journey)) is not None:
        return redirect("booking:waiting", token=waiting_token_of(entry))
    people = calendar.people(service)
    kept = from_session(request.session.get("wishes"), people)
    initial = initial_of(kept, kept.practitioners) if kept else {}
    form = WishesForm(request.POST if request.method == "POST" else None, initial=initial, service=service, people=people)
    ready = journey.has_details and journey.is_reachable
    context: dict[str, Any] = {
        "form": form, "response": journey.response, "service": service,
        "back_url": reverse("booking:time"), "button": _("Continue"),
    }  # fmt: skip
    if ready:
        context["button"] = _("Join the waiting list")
        reader = journey.helper if journey.helper and journey.helper.gets_messages else journey.contact
        context["who"], context["helper"] = journey.contact, journey.helper
        by_email = not reader.mobile or (reader.email and reader.reminder_by == ReminderBy.EMAIL)
        context["reach"] = words.masked_email(reader.email) if by_email else words.masked_phone(reader.mobile)
    if request.method != "POST":
        return render(request, "booking/join_list.html", context)
    if not form.is_valid():
        return render(request, "booking/join_list.html", context, status=422)
    wishes = form.wishes()
    if not ready:
        request.session["wishes"] = to_session(wishes)
        _let_go(journey)
        return journey.next_step()
    if not limits.hit(f"join:{client_address(request)}", limit=JOINS_PER_HOUR, window=timedelta(hours=1), now=journey.now):
        context["refusal"] = _("Too many tries. Wait a while, or call us.")
        return render(request, "booking/join_list.html", context, status=429)
    try:
        entry = actions.join(
            service,
            wishes,
            contact=journey.contact,
            helper=journey.helper,
            checked_channel=journey.checked_channel,
            response=journey.response,
            article=as_uuid(journey.session.get("article")),
            by=journey.by,
            now=journey.now,
        )
    except (actions.BookingError, IntakeError) as refusal:
        context["refusal"] = str(refusal)
        return render(request, "booking/join_list.html", context, status=409)
    request.session.pop("wishes", None)
    return see("booking:waiting", waiting_token_of(entry))


def _joined(journey: Journey) -> WaitlistEntry | None:
    """The place on the list that this browser's draft has already."""
    return WaitlistEntry.objects.on_list().filter(response=journey.response).first() if journey.response else None


def _let_go(journey: Journey) -> None:
    """Who waits for another time does not keep the one that was chosen."""
    journey.let_go()
    for key in ("hold", "wanted"):
        journey.session.pop(key, None)
    journey.look_again()


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_waiting(request: HttpRequest, it: Visit) -> HttpResponse:
    """Something earlier than the visit one has, which is kept until then."""
    if not it.is_coming or it.row.patient is None:
        return redirect("booking:visit", token=it.token)
    entry = WaitlistEntry.objects.on_list().beside(it.row).first()
    if entry is not None and request.method != "POST":
        return redirect("booking:waiting", token=waiting_token_of(entry))
    form, status = _form(request, it.row.service, entry), 200
    if request.method == "POST":
        if form.is_valid():
            entry = actions.join(
                it.row.service, form.wishes(), patient=it.row.patient, visit=it.row, by=it.by, now=it.now
            )  # fmt: skip
            return see("booking:waiting", waiting_token_of(entry))
        status = 422
    context = {
        "it": it, "visit": it.row, "form": form, "service": it.row.service,
        "back_url": it.url("visit"), "button": _("Join the waiting list"),
    }  # fmt: skip
    return render(request, "booking/join_list.html", context, status=status)


def _form(request: HttpRequest, service: Service, entry: WaitlistEntry | None) -> WishesForm:
    initial = initial_of(entry, entry.practitioners.all()) if entry else {}
    data = request.POST if request.method == "POST" else None
    return WishesForm(data, initial=initial, service=service, people=calendar.people(service))


# --- On the list ---------------------------------------------------------------------------------------------------------


class Place:
    """A place on the list as its private link opens it."""

    def __init__(self, request: HttpRequest, token: str, entry: WaitlistEntry, now: datetime) -> None:
        self.request, self.token, self.entry, self.now = request, token, entry, now
        self.by = Actor.patient(entry.patient_id)
        self.offers = list(entry.offers.select_related("practitioner", "appointment__practitioner").order_by("-pk")[:10])

    @property
    def offer(self) -> WaitlistOffer | None:
        """The offer that can be taken now."""
        return next((offer for offer in self.offers if offer.is_live(self.now)), None)

    @property
    def missed(self) -> WaitlistOffer | None:
        """The last offer, if it went unanswered: the page says so kindly."""
        last = next((o for o in self.offers if o.state != OfferState.SKIPPED), None)
        over = last is not None and (last.state == OfferState.EXPIRED or (last.state == OfferState.OPEN and not self.offer))
        return last if over else None

    @property
    def visit(self) -> Appointment | None:
        """The visit they have: the one they keep, or the one they took."""
        taken = next((o.held for o in self.offers if o.state == OfferState.ACCEPTED), None)
        visit = taken or self.entry.visit
        return visit if visit is not None and visit.is_open and visit.starts_at > self.now else None


def _by_link(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Unknown, replaced and expired links get the same page, byte for byte."""

    @wraps(view)
    def found(request: HttpRequest, token: str) -> HttpResponse:
        now = clock.now()
        entry = find_entry(token, now=now)
        if entry is None:
            return render(request, "booking/dead_link.html", status=404)
        return view(request, Place(request, token, entry, now))

    return found


@require_http_methods(["GET", "HEAD", "POST"])
@_by_link
def waiting(request: HttpRequest, place: Place) -> HttpResponse:
    """The offer with its deadline, or how things stand. The buttons (`do`): take, pass, leave."""
    if request.method != "POST":
        return _page(place)
    do = request.POST.get("do", "")
    verb, _colon, public_id = do.partition(":")
    if verb == "leave":
        actions.leave(place.entry, by=place.by, now=place.now)
        return see("booking:waiting", place.token)
    # An old page must not answer a newer offer, so the button names its own.
    offer = next((o for o in place.offers if str(o.public_id) == public_id), None)
    if offer is None or verb not in {"take", "pass"}:
        return _page(place, status=422, refusal=_("Choose one of the buttons shown"))
    offer.entry = place.entry
    if verb == "pass":
        actions.decline(offer, by=place.by, now=place.now)
        messages.success(request, _("Thank you for telling us. You stay on the list."))
        return see("booking:waiting", place.token)
    moves = place.visit is not None
    try:
        visit = actions.accept(offer, by=place.by, now=place.now)
    except actions.BookingError as refusal:
        return _refused(place, refusal)
    if not moves:  # a visit that moved says so itself
        when = clock.ended(clock.long_when(visit.starts_at))
        messages.success(request, _("It is yours. The visit is on %(when)s") % {"when": when})
    return see("booking:visit", token_of(visit))


def _refused(place: Place, refusal: actions.BookingError) -> HttpResponse:
    """The page as it is by now, and why not."""
    found = WaitlistEntry.objects.select_related("patient", "service", "visit__practitioner", "visit__service")
    now_there = Place(place.request, place.token, found.get(pk=place.entry.pk), place.now)
    return _page(now_there, status=409, refusal=str(refusal))


def _page(place: Place, *, status: int = 200, refusal: str = "") -> HttpResponse:
    entry, visit = place.entry, place.visit
    context = {
        "place": place,
        "entry": entry,
        "for_whom": entry.patient.call_name if entry.reach != entry.patient else "",
        "offer": place.offer,
        "terms": terms.of_one(entry.service, place.offer.starts_at, now=place.now) if place.offer else "",
        "missed": None if refusal else place.missed,
        "visit": visit,
        "visit_url": reverse("booking:visit", args=[token_of(visit)]) if visit else "",
        "wishes": in_words(entry),
        "waits": entry.state in ON_LIST,
        "refusal": refusal,
        "has_errors": bool(refusal),
        "ends_today": place.offer is not None and clock.local(place.offer.expires_at).date() == clock.today(place.now),
    }
    return render(place.request, "booking/waiting.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@_by_link
def waiting_wishes(request: HttpRequest, place: Place) -> HttpResponse:
    """Other wishes; the place on the list stays."""
    if not place.entry.is_on_list:
        return redirect("booking:waiting", token=place.token)
    form, status = _form(request, place.entry.service, place.entry), 200
    if request.method == "POST":
        if form.is_valid():
            try:
                actions.change(place.entry, form.wishes(), by=place.by, now=place.now)
            except actions.BookingError as refusal:
                return _refused(place, refusal)
            messages.success(request, _("Saved. Your place on the list stays."))
            return see("booking:waiting", place.token)
        status = 422
    context = {
        "form": form, "service": place.entry.service, "button": _("Save"), "changing": True,
        "back_url": reverse("booking:waiting", args=[place.token]),
    }  # fmt: skip
    return render(request, "booking/join_list.html", context, status=status)
