"""B9: a code shows that a contact is theirs. Without one the visit is booked too, and we call."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.web import see
from audit.actor import Actor
from booking import words
from booking.forms.proof import CodeForm
from booking.views.journey import Journey, guard
from booking.views.step import TOO_SOON, Step
from intake.actions import is_complete, offer_last_answers
from patients.actions import recognise, shown_by


def _step(journey: Journey) -> Step:
    """The code of a browser on the booking path."""
    step = Step(journey.request, "booking", key="code", by=journey.by, now=journey.now)
    step.code = journey.code  # read with everything else that the browser has
    step.too_many = _("We have sent many codes in the last hour. Wait a while, or choose “I can’t get a code”")
    return step


def send_code(journey: Journey, channel: str) -> str:
    """Ask for a code, a new one if one went to this address before. Returns why not, in words; empty when it is on its way."""
    step = _step(journey)
    refusal = step.ask(channel, journey.address(channel), str(journey.response.public_id))  # type: ignore[union-attr]
    if not refusal:
        journey.session.pop("no_code", None)
        journey.__dict__["code"] = step.code
    return refusal


def forget_code(journey: Journey) -> None:
    """Another address: what was checked does not count any more."""
    for key in ("code", "no_code"):
        journey.session.pop(key, None)


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """One field. The other ways on (`do`): again, email, text, none."""
    journey = Journey(request, clock.now())
    if elsewhere := guard(journey):
        return elsewhere
    if not journey.has_details:
        return see("booking:details")
    if journey.checked_channel or not journey.channels:
        return journey.next_step()
    if request.method != "POST":
        return _page(journey, CodeForm())
    wish = request.POST.get("do", "")
    if wish == "none":
        journey.session["no_code"] = True
        return journey.next_step()
    if wish in {"again", "email", "text"}:
        return _send(journey, wish)
    return _check(journey)


def _page(journey: Journey, form: CodeForm, *, status: int = 200) -> HttpResponse:
    channel = journey.code.channel if journey.code else ""
    context = {
        "form": form,
        "response": journey.response,
        "code": journey.code,
        "channel": channel,
        "sent_to": words.masked(channel, journey.address(channel)) if channel else "",
        "first": journey.channels[0],
        "first_to": words.masked(journey.channels[0], journey.address(journey.channels[0])),
        "other": next((c for c in journey.channels if c != (channel or journey.channels[0])), ""),
    }
    return render(journey.request, "booking/code.html", context, status=status)


def _send(journey: Journey, wish: str) -> HttpResponse:
    channel = (journey.code.channel if journey.code else journey.channels[0]) if wish == "again" else wish
    if channel not in journey.channels:
        return see("booking:code")
    if _step(journey).is_too_soon(channel, journey.address(channel)):
        messages.info(journey.request, TOO_SOON)
        return see("booking:code")
    if refusal := send_code(journey, channel):
        form = CodeForm({})
        form.errors.clear()
        form.add_error(None, refusal)
        return _page(journey, form, status=429)
    messages.success(journey.request, _("A new code is on its way. The one before it does not work any more."))
    return see("booking:code")


def _check(journey: Journey) -> HttpResponse:
    form, asked = CodeForm(journey.request.POST), journey.code
    typed = form.is_valid()
    if typed and asked is None:
        return see("booking:code")
    if (status := _step(journey).check(form)) != 200:
        if typed and status == 422 and asked and asked.has_run_out(journey.now) and not send_code(journey, asked.channel):
            form.errors.clear()
            form.add_error("code", _("That code is too old. We sent a new one"))
        return _page(journey, form, status=status)
    journey.look_again()
    _welcome_back(journey)
    return journey.next_step()


def _welcome_back(journey: Journey) -> None:
    """The code shows that this is somebody we know: what they told us last time is offered on the pages still to come."""
    response, shown = journey.response, shown_by(journey.checked_channel, journey.contact, journey.helper)
    if response is None or shown is None or is_complete(response):
        return
    patient = recognise(journey.contact, checked_channel=shown)
    by = Actor.patient(patient.pk) if patient else journey.by
    day = offer_last_answers(response, by=by, now=journey.now, patient_id=patient.pk) if patient else None
    if patient and day:
        text = _("Welcome back, %(name)s. We filled in what you told us in %(month)s. Check what has changed.")
        messages.success(journey.request, text % {"name": patient.call_name, "month": date_format(day, "F Y")})
