"""`/me/sign-in/`: an email address or mobile, the code sent to it, the date of birth. No password, and nobody signs up."""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.webauthn.views import LoginWebAuthnView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import clock, limits
from accounts.models import is_patient
from accounts.web import See, see
from audit.actor import Actor
from booking import words
from booking.forms.proof import AddressForm, CodeForm
from booking.views.step import Step, one_key
from patients.actions import open_account, reached_by
from portal import access
from portal.forms import BornForm

BIRTH_TRIES, BIRTH_WAIT = 5, timedelta(minutes=15)
BIRTHS_A_DAY = 20
_NEXT = "me_next"


def _step(request: HttpRequest) -> Step:
    return Step(request, "portal_sign_in", by=Actor.anonymous(), now=clock.now())


def _elsewhere(request: HttpRequest) -> HttpResponse | None:
    """Who is signed in already has a home."""
    if not request.user.is_authenticated:
        return None
    return redirect("portal:home" if is_patient(request.user) else "staff:home")


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Where to send the code. Known and unknown addresses get the same answer; the sender looks up whether to send."""
    if elsewhere := _elsewhere(request):
        return elsewhere
    form = AddressForm(request.POST if request.method == "POST" else None)
    form.fields["address"].help_text = _("One that the clinic has on file for you.")
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            channel, address = form.cleaned_data["address"]
            request.session[_NEXT] = access.safe_next(request.POST.get("next", ""))
            refusal = _step(request).ask(channel, address)
            if not refusal:
                return see("portal:code")
            form.add_error(None, refusal)
            status = 429
    context = {"form": form, "closed": request.GET.get("closed") == "1", "next": request.GET.get("next", "")}
    return render(request, "portal/sign_in.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The six numbers; `do=again` sends new ones."""
    step = _step(request)
    if elsewhere := _elsewhere(request):
        return elsewhere
    if step.code is None:
        return see("portal:sign_in")
    form, status = CodeForm(), 200
    if request.POST.get("do") == "again":
        if refusal := step.ask(step.code.channel, step.code.address):
            messages.warning(request, refusal)
        else:
            messages.success(request, _("A new code is on its way. The one before it does not work any more."))
        return see("portal:code")
    if request.method == "POST":
        form = CodeForm(request.POST)
        status = step.check(form)
        if status == 200:
            return see("portal:who")
    context = {
        "form": form,
        "channel": step.code.channel,
        "sent_to": words.masked(step.code.channel, step.code.address),
        "post_url": reverse("portal:code"),
        "back_url": reverse("portal:sign_in"),
        "if_known": True,
    }
    return render(request, "portal/code.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def who(request: HttpRequest) -> HttpResponse:
    """Which of the people behind one contact: the date of birth, and for twins the first name. Then the account opens."""
    if elsewhere := _elsewhere(request):
        return elsewhere
    step = _step(request)
    if step.code is None or not step.accepted:
        return see("portal:sign_in")
    form, status = BornForm(None, ask_name=False), 200
    if request.method == "POST":
        ask_name = "first_name" in request.POST
        form, status = BornForm(request.POST, ask_name=ask_name), 422
        whose = one_key(step.code.address)
        if form.is_valid() and not limits.hit(f"me-born:{whose}", limit=BIRTH_TRIES, window=BIRTH_WAIT, now=step.now):
            form.add_error(None, _("Too many tries. Wait 15 minutes or call us"))
            status = 429
        elif form.is_valid() and not limits.hit(
            f"me-born-day:{whose}", limit=BIRTHS_A_DAY, window=timedelta(days=1), now=step.now
        ):
            form.add_error(None, _("Too many tries today. Call us"))
            status = 429
        elif form.is_valid():
            people = reached_by(step.code, form.cleaned_data["date_of_birth"])
            if ask_name:
                people = [p for p in people if form.is_called(p)]
            if len(people) == 1:
                user = open_account(people[0], step.code, by=Actor.patient(people[0].pk), now=step.now)
                onward = request.session.pop(_NEXT, "")
                step.forget()
                access.sign_in(request, user, method="code", now=step.now)
                return See(access.safe_next(onward))
            if len(people) > 1 and not ask_name:
                form, status = BornForm(request.POST, ask_name=True, first_time=True), 200
            else:
                form.add_error(None, _("We find nobody with that date of birth here. Check it, or call us"))
    return render(request, "portal/who.html", {"form": form, "back_url": reverse("portal:sign_in")}, status=status)


class Passkey(LoginWebAuthnView):
    """In with a passkey that was added to the account. The staff's door takes none of these, and this one none of theirs."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The challenge, for the script; anybody else is sent to the page."""
        if get_adapter().is_ajax(request):
            return super().get(request, *args, **kwargs)
        return redirect("portal:sign_in")

    def form_invalid(self, form: Any) -> HttpResponse:
        """Back to the page, with why."""
        messages.error(self.request, _("That passkey does not open an account here. Use a code."))
        return see("portal:sign_in")

    def form_valid(self, form: Any) -> HttpResponse:
        """The account it belongs to, if that is a patient's."""
        key = form.cleaned_data["credential"]
        if not is_patient(key.user):
            return self.form_invalid(form)
        access.sign_in(self.request, key.user, method="passkey", now=clock.now())
        post_authentication(self.request, key, passwordless=True)
        return See(access.safe_next(self.request.POST.get("next", "")))


passkey = require_http_methods(["GET", "HEAD", "POST"])(Passkey.as_view())


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Out, and nothing of it stays in the browser."""
    if request.user.is_authenticated and is_patient(request.user):
        get_adapter().logout(request)
    return see("portal:sign_in")
