"""B9: a code shows that a contact is theirs. Without one the visit is booked too, and we call."""

import unicodedata
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock, limits
from accounts.web import client_address, see
from audit.actor import Actor
from booking import words
from booking.forms.proof import CodeForm
from booking.views.journey import Journey, guard
from intake.actions import is_complete, offer_last_answers
from patients.actions import PatientError, ask_again, ask_code, check_code, recognise, shown_by

# What goes out of one kind, an hour: to one address, and for one client.
MOST = {"code": (5, 20), "resume": (5, 20), "link": (3, 15)}
TRIES_PER_CLIENT = 60  # typed codes an hour
HOUR = timedelta(hours=1)
RESEND_AFTER = timedelta(seconds=30)


def one_key(address: str) -> str:
    """Spellings of one address count as one: case, accents and "+tags" do not make a new one."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", address) if not unicodedata.combining(c)).casefold()
    name, at, domain = plain.rpartition("@")
    return f"{name.partition('+')[0]}@{domain}" if at else plain


def may_send(what: str, request: HttpRequest, address: str, now: datetime) -> bool:
    """Count a code or a link (of MOST) that is to go out; False when there were too many for this client or this address."""
    per_address, per_client = MOST[what]
    by_client = limits.hit(f"{what}-from:{client_address(request)}", limit=per_client, window=HOUR, now=now)
    return by_client and limits.hit(f"{what}-to:{one_key(address)}", limit=per_address, window=HOUR, now=now)


def send_code(journey: Journey, channel: str) -> bool:
    """Ask for a code, a new one if one went to this address before; False when the limits are reached."""
    address = journey.address(channel)
    if not may_send("code", journey.request, address, journey.now):
        return False
    if journey.code is not None and journey.code.channel == channel:
        code = ask_again(journey.code, by=journey.by, now=journey.now)
    else:
        code = ask_code(
            channel=channel,
            address=address,
            purpose="booking",
            subject_key=str(journey.response.public_id),  # type: ignore[union-attr]
            by=journey.by,
            now=journey.now,
        )
    journey.session["code"] = str(code.public_id)
    journey.session.pop("no_code", None)
    journey.__dict__["code"] = code
    return True


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
    same = journey.code is not None and journey.code.channel == channel
    if same and journey.code and journey.now - journey.code.asked_at < RESEND_AFTER:
        messages.info(journey.request, _("We sent one less than 30 seconds ago. Give it a moment."))
        return see("booking:code")
    form = CodeForm({})
    form.errors.clear()
    try:
        if send_code(journey, channel):
            messages.success(journey.request, _("A new code is on its way. The one before it does not work any more."))
            return see("booking:code")
        form.add_error(None, _("We have sent many codes in the last hour. Wait a while, or choose “I can’t get a code”"))
    except PatientError as refusal:
        form.add_error(None, str(refusal))
    return _page(journey, form, status=429)


def _check(journey: Journey) -> HttpResponse:
    form = CodeForm(journey.request.POST)
    if not form.is_valid():
        return _page(journey, form, status=422)
    asked = journey.code
    if asked is None:
        return see("booking:code")
    if not limits.hit(f"code-try:{client_address(journey.request)}", limit=TRIES_PER_CLIENT, window=HOUR, now=journey.now):
        form.add_error("code", _("Too many tries. Wait 10 minutes or call us"))
        return _page(journey, form, status=429)
    paused = asked.paused_until is not None and journey.now < asked.paused_until
    too_old = not paused and asked.used_at is None and journey.now >= asked.expires_at
    try:
        check_code(asked, form.cleaned_data["code"], by=journey.by, now=journey.now)
    except PatientError as refusal:
        text = str(refusal)
        if too_old and send_code(journey, asked.channel):
            text = _("That code is too old. We sent a new one")
        form.add_error("code", text)
        return _page(journey, form, status=422)
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
