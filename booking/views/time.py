"""B7: pick a time. Tapping one is the choice: it is held and the path goes on."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.web import as_uuid, client_address, see
from booking import actions, calendar, picker
from booking.forms.sign import SignedForm
from booking.links import hold_key_of
from booking.views.journey import Journey, guard
from intake.actions import save_contact
from intake.errors import IntakeError

HOLD_MINUTES = 15


@require_http_methods(["GET", "HEAD", "POST"])
def time(request: HttpRequest) -> HttpResponse:
    """Skipped while a chosen time stands; `?change=1`, or any filter, shows the page all the same (`do=all`: all, by a form)."""
    now = clock.now()
    journey = Journey(request, now)
    if elsewhere := guard(journey):
        return elsewhere
    if request.method == "POST" and request.POST.get("do") == "all":
        _keep_signature(journey)
        return see("booking:time", query="?change=1")
    if request.method == "POST":
        return _choose(journey)
    if not request.GET and not journey.hold_ended and journey.chosen:
        return journey.next_step()
    if not request.GET and (who := journey.session.get("with")):  # whose times were asked for; "Any" is a filter like any other
        return redirect(f"{reverse('booking:time')}?{urlencode({'who': who})}")
    return _page(journey)


def _page(journey: Journey, *, status: int = 200, taken: actions.SlotTaken | None = None, error: str = "") -> HttpResponse:
    service = journey.service
    if service is None:
        return render(journey.request, "booking/closed.html", status=503)
    people = calendar.people(service)
    own = journey.hold.pk if journey.hold else None
    # Filters of a page that was sent back stay as they were: the form's address carries them.
    built = picker.build(service, people, journey.request.GET, now=journey.now, own=own, base={"change": "1"})
    context: dict[str, Any] = {
        "picker": built,
        "response": journey.response,
        "pass": {"draft": str(journey.response.public_id)} if journey.response else {},
        "error": error,
        "has_errors": bool(error or taken),
        "taken_text": str(taken) if taken else "",
        "near": picker.choices(taken.alternatives, people) if taken else [],
        "hold": journey.hold,
        "lost": journey.chosen if journey.hold_ended and not taken else None,
        "error_items": [("", error)],
        "post_url": journey.request.get_full_path(),
        "back_url": reverse("intake:questions"),
        "keep_url": "",
        "waiting_url": reverse("booking:join_list"),
    }
    if journey.hold:
        context["keep_url"] = journey.next_step()["Location"]
    if (lost := context["lost"]) and calendar.free_start(service, lost.practitioner, lost.start, now=journey.now):
        context["lost_value"] = picker.value_of(lost.start, lost.practitioner)
    return render(journey.request, "booking/time.html", context, status=status)


def _keep_signature(journey: Journey) -> None:
    """Signed, and then somebody else was quicker: it is not asked for twice. Kept with the details, sealed, until it is sent."""
    form, response = SignedForm(journey.request.POST), journey.response
    if response is None or "signed_as" not in journey.request.POST or not form.is_valid():
        return
    with suppress(IntakeError):  # sent meanwhile, or in other hands: the next page says so
        signed = form.cleaned_data | {"signed_at": journey.now.isoformat(), "signed_tick": True}
        save_contact(response, signed, by=journey.by, now=journey.now)


def _choose(journey: Journey) -> HttpResponse:
    service = journey.service
    parsed = picker.parse_value(journey.request.POST.get("slot"))
    practitioner = None
    if service and parsed:
        practitioner = service.practitioners.filter(public_id=parsed[1], active=True).first()
    if service is None or parsed is None or practitioner is None:
        return _page(journey, status=422, error=_("Choose one of the times shown"))
    try:
        held = actions.hold(
            service,
            practitioner,
            parsed[0],
            hold_key=hold_key_of(journey.request),
            address=client_address(journey.request),
            minutes=HOLD_MINUTES,
            article=as_uuid(journey.session.get("article")),
            by=journey.by,
            now=journey.now,
        )
    except actions.SlotTaken as refusal:
        return _page(journey, status=409, taken=refusal)
    except actions.BookingError as refusal:
        return _page(journey, status=409, error=str(refusal))
    journey.choose(parsed[0], practitioner, held)
    _keep_signature(journey)
    journey.look_again()
    return journey.next_step()
