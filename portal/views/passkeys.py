"""`/me/passkeys/`: signing in with a fingerprint or face instead of a code."""

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.actions import add_passkey, remove_passkey
from accounts.passkey_forms import PatientAddForm
from accounts.web import see
from portal.access import Me, fresh_proof_required, patient_required

MOST = 5


def _mine(me: Me) -> list[Authenticator]:
    found = Authenticator.objects.filter(user=me.patient.user, type=Authenticator.Type.WEBAUTHN)
    return list(found.order_by("created_at"))


@require_http_methods(["GET", "HEAD", "POST"])
@patient_required
@fresh_proof_required()
def passkeys(request: HttpRequest, me: Me) -> HttpResponse:
    """Those there are; POST adds the one that the browser has just made."""
    keys, user = _mine(me), me.patient.user
    assert user is not None
    form, status = PatientAddForm(user=user, initial={"name": _("My phone")}), 200
    if request.method == "POST":
        form = PatientAddForm(request.POST, user=user)
        status = 422
        if len(keys) < MOST and form.is_valid():
            made = form.cleaned_data
            add_passkey(user, name=made["name"][:60], credential=made["credential"], by=me.by, now=me.now)
            messages.success(request, _("Added. Next time, choose “Sign in with a passkey”."))
            return see("portal:passkeys")
    form.fields["name"].label = _("Name for this device")
    context = {
        "me": me,
        "keys": keys,
        "form": form,
        "full": len(keys) >= MOST,
        "js_data": {"creation_options": auth.begin_registration(user, True)},
        "back_url": reverse("portal:details"),
        "tab": "details",
    }
    return render(request, "portal/passkeys.html", context, status=status)


@require_POST
@patient_required
@fresh_proof_required(form="portal:passkeys")
def passkey_remove(request: HttpRequest, me: Me, pk: int) -> HttpResponse:
    """It stops working at once, and so does whatever it has opened."""
    key = next((k for k in _mine(me) if k.pk == pk), None)
    if key is None:
        raise Http404
    remove_passkey(key, by=me.by, now=me.now)
    me.end_other_sign_ins()
    messages.success(request, _("Removed. It does not open your account any more."))
    return see("portal:passkeys")
