"""B12: save and finish later. A link goes out; it asks for the year of birth before it shows anything."""

from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import clock, limits
from accounts.signin import new_key
from accounts.web import client_address, see
from audit.actor import Actor
from booking import actions, idle, words
from booking.forms.later import SaveForm
from booking.forms.proof import YearForm
from booking.views.journey import STEPS, Journey
from booking.views.step import may_send
from intake.actions import later, save_contact
from intake.errors import IntakeError
from intake.seats import of_other_answers, other_answers

TRIES_PER_CLIENT = 60  # typed years an hour
HOUR = timedelta(hours=1)


def _elsewhere(journey: Journey) -> HttpResponse | None:
    """Without a draft there is nothing to save; a booked visit has its own link; a page of other answers is not about these."""
    if journey.booked:
        return redirect("booking:done")
    if not journey.is_draft or journey.response is None:
        return redirect("booking:start")
    return other_answers(journey.request) if of_other_answers(journey.request, journey.response) else None


@require_http_methods(["GET", "HEAD", "POST"])
def save(request: HttpRequest) -> HttpResponse:
    """Asks for an address and the date of birth only where they are not known yet; POST sends the link."""
    journey = Journey(request, clock.now())
    if elsewhere := _elsewhere(journey):
        return elsewhere
    assert journey.response is not None
    if request.method != "POST":
        return _page(journey, _form(journey))
    form = _form(journey, request.POST)
    if not form.is_valid():
        return _page(journey, form, status=422)
    typed = form.cleaned_data
    born = typed.get("date_of_birth")
    if journey.doubts(born):
        return _page(journey, form, status=422, too_young=born)
    channel, address = typed.get("address") or (journey.channels[0], journey.address(journey.channels[0]))
    if not may_send("resume", request, address, journey.now):
        form.add_error(None, _("We have sent many links in the last hour. Wait a while and try again."))
        return _page(journey, form, status=429)
    new: dict[str, Any] = {"date_of_birth": born} if born else {}
    if "address" in typed:
        new["email" if channel == "email" else "mobile"] = address
    try:
        if new:
            save_contact(journey.response, new, by=journey.by, now=journey.now)
        later.save_for_later(journey.response, channel=channel, address=address, by=journey.by, now=journey.now)
    except IntakeError:
        return redirect("booking:start")
    return see("booking:save", query="?sent=1")


def _form(journey: Journey, data: Any = None) -> SaveForm:
    return SaveForm(data, ask_address=not journey.channels, ask_birth=not journey.date_of_birth, today=clock.today(journey.now))


def _page(journey: Journey, form: SaveForm, *, status: int = 200, too_young: date | None = None) -> HttpResponse:
    assert journey.response is not None
    sent = journey.response.resume_links.order_by("-pk").first() if journey.request.GET.get("sent") == "1" else None
    context = {
        "form": form,
        "response": journey.response,
        "too_young": too_young,
        "sent_to": words.masked(sent.channel, sent.address) if sent else "",
        "known_to": words.masked(journey.channels[0], journey.address(journey.channels[0])) if journey.channels else "",
        "days": later.KEPT.days,
        "photo_hours": settings.PHOTO_HOURS if journey.response and journey.response.photos.exists() else 0,
        "back_url": reverse("booking:check" if journey.request.GET.get("back") == "check" else "intake:questions"),
    }
    return render(journey.request, "booking/save.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest) -> HttpResponse:
    """Are you sure? Then the draft, its links and this browser's memory of it are gone."""
    journey = Journey(request, clock.now())
    if elsewhere := _elsewhere(journey):
        return elsewhere
    if request.method != "POST":
        return render(
            request, "booking/delete_answers.html", {"response": journey.response, "back_url": reverse("intake:questions")}
        )
    try:
        _forget(journey)
    except IntakeError:
        return redirect("booking:start")
    messages.success(request, _("Your answers are deleted, and the links to them do not work any more."))
    return see("booking:start")


@require_POST
def too_young(request: HttpRequest) -> HttpResponse:
    """The date of birth that was said back is right: nothing is kept, and the page says who can help."""
    journey = Journey(request, clock.now())
    if elsewhere := _elsewhere(journey):
        return elsewhere
    if journey.response is None or not journey.response.doubted:
        return see("intake:questions")
    try:
        _forget(journey, action="intake.stop_under_age")
    except IntakeError:
        return redirect("booking:start")
    return see("intake:stop", "under-age")


def _forget(journey: Journey, *, action: str = "intake.delete_draft") -> None:
    """Delete the draft and let go of the held time."""
    if journey.response is not None:
        actions.delete_answers(journey.response, by=journey.by, now=journey.now, action=action)
    journey.let_go()
    for key in STEPS:
        journey.session.pop(key, None)


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: HttpRequest, token: str) -> HttpResponse:
    """The link back. Unknown and expired ones get the page that visits give, byte for byte."""
    now = clock.now()
    link = later.find_link(token, now=now)
    if link is None:
        return render(request, "booking/dead_link.html", status=404)
    if request.session.get("draft") == str(link.response.public_id):
        return see("intake:questions")  # It is open in this browser, or asks there whether it rested too long.
    form = YearForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            if not limits.hit(f"resume-try:{client_address(request)}", limit=TRIES_PER_CLIENT, window=HOUR, now=now):
                form.add_error("year", _("Too many tries. Wait 10 minutes or call us"))
                status = 429
            else:
                try:
                    response = later.resume(link, form.cleaned_data["year"], by=Actor.anonymous(), now=now)
                except later.YearRefused as refusal:
                    form.add_error("year", str(refusal))
                    status = 429 if refusal.wait else 422
                else:
                    return _sit_down(request, str(response.public_id))
    return render(request, "booking/resume.html", {"form": form}, status=status)


def _sit_down(request: HttpRequest, draft: str) -> HttpResponse:
    """The draft into this browser. Its own hold and code stay when it is the same draft; another's hold is given back."""
    same = request.session.get("draft") == draft
    if not same:
        Journey(request, clock.now()).let_go()
        for key in STEPS:
            request.session.pop(key, None)
        new_key(request)
    request.session["draft"] = draft
    idle.use(request, clock.now())
    return see("intake:questions")
