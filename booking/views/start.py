"""B1: the beginning. A chosen opening is carried by the form and held from the press on Start."""

from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.web import as_instant, as_uuid, client_address, iso, see
from booking import actions, calendar, idle, picker
from booking.forms.start import ServiceForm
from booking.links import hold_key_of
from booking.models import Practitioner, Service
from booking.views.journey import STEPS, Journey
from intake import photo_views
from intake.actions import delete_draft, start_draft

HOLD_MINUTES = 30


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """`?slot=` (instant), `?who=` (practitioner) and `?from=` (article) come from a booking card; GET only shows them.

    `?who=` alone asks for the times of that one.
    `?wait=1` (with an article, too) begins with the waiting list, `?known=1` is for who was here before: time and code first.
    """
    now = clock.now()
    journey = Journey(request, now)
    service = next(iter(journey.online), None)
    if service is None:
        return render(request, "booking/closed.html", status=503)
    if request.method == "POST":
        if idle.is_closed(request, now):
            if request.POST.get("draft") == "keep":
                return redirect("booking:closed")
            # Perhaps it is somebody else by now: nothing of what was here is shown to them, and nothing is deleted.
            for key in (*STEPS, *photo_views.SENT, idle.SEEN):
                request.session.pop(key, None)
        return _begin(journey)
    opening = _opening(service, request.GET.get("slot"), request.GET.get("who"), now=now)
    if opening and not calendar.free_start(service, opening[1], opening[0], now=now):
        near = calendar.alternatives(service, opening[0], now=now)
        return _page(journey, service, article=request.GET.get("from", ""), taken=opening[0], near=near)
    waits = request.GET.get("wait") == "1" and opening is None
    asked = as_uuid(request.GET.get("who")) if opening is None and not waits else None
    person = service.practitioners.filter(public_id=asked, active=True).first() if asked else None
    return _page(journey, service, article=request.GET.get("from", ""), opening=opening, waits=waits, person=person)


def _opening(service: Service, start_text: object, who: object, *, now: datetime) -> tuple[datetime, Practitioner] | None:
    """The opening that was named, if it can be one at all."""
    at, public_id = as_instant(start_text), as_uuid(who)
    if at is None or public_id is None or at <= now:
        return None
    practitioner = service.practitioners.filter(public_id=public_id, active=True).first()
    return (at, practitioner) if practitioner else None


def _taken_text(at: datetime) -> str:
    return _("Someone else just took %(time)s These are the closest:") % {"time": clock.ended(clock.clock_time(at))}


def _page(
    journey: Journey,
    service: Service,
    *,
    article: str = "",
    opening: tuple[datetime, Practitioner] | None = None,
    taken: datetime | None = None,
    near: list[picker.Slot] | None = None,
    waits: bool = False,
    person: Practitioner | None = None,
    form: ServiceForm | None = None,
    status: int = 200,
) -> HttpResponse:
    form = form or (_form(journey) if not opening and not taken else None)
    context = {
        "service": service,
        "opening": opening,
        "slot": iso(opening[0]) if opening else "",
        "until": journey.now + timedelta(minutes=HOLD_MINUTES),
        "article": str(as_uuid(article) or ""),
        "has_draft": _has_draft(journey),
        "closed": idle.is_closed(journey.request, journey.now),
        "booked": journey.booked,
        "taken": taken,
        "has_errors": status >= 400,
        "taken_text": _taken_text(taken) if taken else "",
        "post_url": reverse("booking:start"),
        "pass": {"from": str(as_uuid(article) or ""), "draft": "keep", "service": str(service.public_id)},
        "form": form,
        "services_many": len(journey.online) > 1,
        "near": picker.choices(near or [], calendar.people(service)) if taken else [],
        "hold": journey.hold,
        "waits": waits,
        "person": person,
        "known": journey.request.GET.get("known") == "1" and not waits,
    }
    return render(journey.request, "booking/start.html", context, status=status)


def _has_draft(journey: Journey) -> bool:
    """True if this browser can go on with a draft."""
    return journey.is_draft and journey.visit is None and not idle.is_closed(journey.request, journey.now)


def _form(journey: Journey, data: QueryDict | None = None) -> ServiceForm | None:
    """What the visit is for, asked only where there is a choice. Who goes on with a draft finds their choice there."""
    if len(journey.online) < 2:
        return None
    open_draft = _has_draft(journey)
    named = journey.request.GET.get("service", "")
    mine = journey.service if open_draft else next((s for s in journey.online if s.slug == named), None)
    kept = journey.asks if open_draft and data is not None and data.get("draft") != "new" else ""
    return ServiceForm(data, online=journey.online, kept=kept, initial={"service": str(mine.public_id)} if mine else {})


def _begin(journey: Journey) -> HttpResponse:
    """Hold the opening, if one was chosen; then a draft, unless there is one to go on with."""
    request, post, now = journey.request, journey.request.POST, journey.now
    article = as_uuid(post.get("from"))
    parsed = picker.parse_value(post.get("pick"))
    chosen = (iso(parsed[0]), str(parsed[1])) if parsed else (post.get("slot"), post.get("who"))
    wants_time = post.get("pick") != "none" and bool(chosen[0])
    service = journey.online[0]
    if wants_time or "pick" in post:  # A time came along with the service that it is of; on an article's card that is the first.
        service = next((s for s in journey.online if str(s.public_id) == post.get("service")), service)
    elif form := _form(journey, post):
        if not form.is_valid():
            waits = post.get("wait") == "1"
            return _page(journey, service, article=post.get("from", ""), waits=waits, form=form, status=422)
        service = form.cleaned_data["service"]
    opening = _opening(service, *chosen, now=now) if wants_time else None
    named = as_instant(chosen[0]) if wants_time else None
    if named and opening is None:  # in the past, or with somebody who does not do this
        near = calendar.alternatives(service, max(named, now), now=now)
        return _page(journey, service, article=post.get("from", ""), taken=named, near=near, status=409)
    held = None
    if opening:
        try:
            held = actions.hold(
                service,
                opening[1],
                opening[0],
                hold_key=hold_key_of(request),
                address=client_address(request),
                minutes=HOLD_MINUTES,
                article=article,
                by=journey.by,
                now=now,
            )
        except actions.SlotTaken as error:
            return _page(journey, service, article=post.get("from", ""), taken=opening[0], near=error.alternatives, status=409)
    _draft(journey, service, again=post.get("draft") == "new")
    if len(journey.online) > 1:
        _for(journey, service)
    if article:
        journey.session["article"] = str(article)
    if post.get("wait") == "1" and held is None:
        return see("booking:join_list")
    if opening:
        journey.choose(opening[0], opening[1], held)
    elif not wants_time and (who := as_uuid(post.get("who"))):
        journey.session["with"] = str(who)
    if post.get("known") == "1":  # a code brings back what they told us, so what it needs comes before the questions
        return journey.next_step() if journey.chosen else see("booking:time")
    if journey.is_draft and journey.document.done:
        return see("intake:questions")
    return see("intake:who_we_see")


def _draft(journey: Journey, service: Service, *, again: bool) -> None:
    """Go on with this browser's draft, or begin one. A draft that belongs to a booked visit is left alone."""
    response = journey.response
    mine = journey.is_draft and journey.visit is None
    if mine and not again and journey.asks == service.questionnaire:
        return
    if mine and again and response is not None:
        delete_draft(response, by=journey.by, now=journey.now)
    for key in STEPS if journey.booked else (key for key in STEPS if key not in {"hold", "wanted"}):
        journey.session.pop(key, None)
    fresh = start_draft(service.questionnaire, by=journey.by, now=journey.now)
    journey.session["draft"] = str(fresh.public_id)
    idle.use(journey.request, journey.now)
    journey.look_again()


def _for(journey: Journey, service: Service) -> None:
    """Remember what the visit is for; a time that was held for something else is let go."""
    if journey.session.get("service") not in (None, str(service.public_id)):
        journey.session.pop("wanted", None)
    journey.session["service"] = str(service.public_id)
    journey.look_again()
    if journey.hold_row is not None and journey.hold_row.service_id != service.pk:
        journey.let_go()
        for key in ("hold", "wanted"):
            journey.session.pop(key, None)
    journey.look_again()
