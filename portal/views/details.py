"""`/me/details/`: who they are, how we reach them, what we may send. A new address counts once its code came back."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.web import See, see
from booking import words
from booking.actions import change_contact, choose_ways
from booking.forms.details import MessagesForm
from booking.forms.proof import CodeForm
from booking.views.step import Step
from intake.consents import messages_wording
from patients.actions import consents_of
from patients.models import Patient
from portal import access
from portal.access import Me, fresh_proof_required, patient_required
from portal.forms import NewEmailForm, NewMobileForm


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
def details(request: HttpRequest, me: Me) -> HttpResponse:
    """The details, and the choice of messages, which counts at once."""
    patient, status = me.patient, 200
    form = MessagesForm(request.POST if request.method == "POST" else None, reach=patient, consent=messages_wording())
    if request.method == "POST":
        if form.is_valid():
            choose_ways(
                patient,
                reminder_by=form.cleaned_data["reminder_by"],
                voicemail_ok=form.cleaned_data["voicemail_ok"] == "yes",
                agreed=True,
                by=me.by,
                now=me.now,
            )
            messages.success(request, _("Saved. That is how we contact you from now on."))
            return see("portal:details")
        status = 422
    with me.reading("portal.details_read"):
        consents = consents_of(patient)
    context = {"me": me, "patient": patient, "form": form, "consents": consents, "tab": "details"}
    return render(request, "portal/details.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
@fresh_proof_required()
def contact(request: HttpRequest, me: Me, channel: str) -> HttpResponse:
    """Another email address or mobile: a code goes to the new one first."""
    if channel not in {"email", "text"}:
        raise Http404
    kind = NewEmailForm if channel == "email" else NewMobileForm
    form, status = kind(request.POST if request.method == "POST" else None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            address = form.cleaned_data["address"]
            step = Step(request, "portal_contact", by=me.by, now=me.now)
            if channel == "text" and not words.takes_texts(address):
                form.add_error("address", _("This looks like a home phone. Give a mobile, or call us"))
            elif refusal := step.ask(channel, address, str(me.patient.public_id)):
                form.add_error(None, refusal)
                status = 429
            else:
                return see("portal:contact_code")
    context = {"me": me, "form": form, "channel": channel, "back_url": reverse("portal:details"), "tab": "details"}
    return render(request, "portal/contact.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
@fresh_proof_required()
def contact_code(request: HttpRequest, me: Me) -> HttpResponse:
    """The code that went to the new address; once it is right, the address is theirs and the old one is not used any more."""
    step = Step(request, "portal_contact", by=me.by, now=me.now)
    if step.code is None or step.code.subject_key != str(me.patient.public_id):
        return see("portal:details")
    form, status = CodeForm(), 200
    if request.method == "POST":
        form = CodeForm(request.POST)
        status = step.check(form)
        if status == 200:
            address: Any = {"email" if step.code.channel == "email" else "mobile": step.code.address}
            change_contact(me.patient, **address, checked=step.code.channel, by=me.by, now=me.now)
            me.end_other_sign_ins()
            step.forget()
            messages.success(request, _("Saved. Your messages go there from now on."))
            return see("portal:details")
    return _code_page(request, me, step, form, status, back="portal:details", post="portal:contact_code")


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
def prove(request: HttpRequest, me: Me) -> HttpResponse:
    """A code to the contact on file, before what changes how people get in or takes everything out. GET shows, POST sends."""
    step = Step(request, "portal_prove", by=me.by, now=me.now)
    onward = access.safe_next(request.POST.get("next", "") or request.GET.get("next", ""))
    channel, address = _code_way(me.patient)
    if not address:
        raise Http404
    waiting = step.code is not None and step.code.address == address and step.code.used_at is None
    form, status = CodeForm(), 200
    if request.method == "POST" and "code" not in request.POST:
        if refusal := step.ask(channel, address, str(me.patient.public_id)):
            messages.warning(request, refusal)
        return See(f"{reverse('portal:prove')}?next={onward}")
    if request.method == "POST" and waiting:
        form = CodeForm(request.POST)
        status = step.check(form)
        if status == 200:
            step.forget()
            me.proved()
            return See(onward)
    if not waiting:
        context = {"me": me, "to": words.masked(channel, address), "next": onward, "back_url": reverse("portal:home")}
        return render(request, "portal/prove.html", context)
    return _code_page(request, me, step, form, status, back="portal:home", post="portal:prove", onward=onward)


def _code_way(patient: Patient) -> tuple[str, str]:
    """Where a code arrives: by mail; by text where mail came back or there is none; else to what is on file."""
    if not patient.can_email and patient.can_text and words.takes_texts(patient.e164):
        return "text", patient.e164
    return ("email", patient.email) if patient.email else ("text", patient.e164)


def _code_page(
    request: HttpRequest, me: Me, step: Step, form: CodeForm, status: int, *, back: str, post: str, onward: str = ""
) -> HttpResponse:
    assert step.code is not None
    context: dict[str, Any] = {
        "me": me,
        "form": form,
        "channel": step.code.channel,
        "sent_to": words.masked(step.code.channel, step.code.address),
        "post_url": reverse(post),
        "back_url": reverse(back),
        "next": onward,
    }
    return render(request, "portal/code.html", context, status=status)
