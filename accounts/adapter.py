"""How allauth behaves here: no sign-up, exact limits, sign-ins in the audit trail, no mail sent inside a request."""

import base64
import ipaddress
import logging
import secrets
from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.limits import hit
from accounts.models import SignInMail, User, is_patient
from accounts.signin import is_proof_fresh, same_address, seal, unseal
from accounts.web import client_address
from audit.actions import record
from audit.actor import Actor, actor_for

log = logging.getLogger(__name__)
# Tries of a password, right or wrong, counted in PostgreSQL before the password is looked at: exact when many arrive at
# once, and not to be reset by a success in between.
TRIES_PER_ADDRESS = 10
TRIES_PER_IP = 60
TRY_WINDOW = timedelta(minutes=5)
RESETS_PER_PERSON = 3
RESET_WINDOW = timedelta(minutes=15)


class AccountAdapter(DefaultAccountAdapter):
    """People who work here are created with `manage.py create_staff`, never by signing up."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _("That email and password do not match. Check both and try again"),
        "too_many_login_attempts": _("Too many tries. Wait 5 minutes, or ask the clinic lead"),
        "rate_limited": _("Too many tries. Wait a few minutes"),
        "incorrect_code": _("That code does not match. Wait for the next one in your app"),
        "incorrect_password": _("That password does not match"),
        "enter_current_password": _("Enter your current password"),
        "account_inactive": _("This account has ended. Ask the clinic lead"),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up on the web."""
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Where to go after signing in or out: a path of this site, never an address with a host in it."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts=None)

    # --- Two doors --------------------------------------------------------------------------------------------------

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Patients belong in their own account; people who work here on theirs."""
        return reverse("portal:home") if is_patient(request.user) else super().get_login_redirect_url(request)

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Only people who work here come in by the staff's door; a patient's passkey is shown the other one."""
        if not user.works_here:
            return redirect("portal:sign_in")
        return super().pre_login(request, user, **kwargs)

    # --- Limits -----------------------------------------------------------------------------------------------------

    def get_client_ip(self, request: HttpRequest) -> str:
        """As allauth's; an IPv4 address in IPv6 clothes (::ffff:203.0.113.7) is itself, so that not all of them count as one."""
        ip = ipaddress.ip_address(super().get_client_ip(request))
        return str(getattr(ip, "ipv4_mapped", None) or ip)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse before the password is checked: by address, then by network address, then allauth's own limits."""
        now = clock.now()
        address = same_address(str(credentials.get("email") or ""))
        allowed = hit(f"sign-in:{address}", limit=TRIES_PER_ADDRESS, window=TRY_WINDOW, now=now)
        allowed &= hit(f"sign-in-ip:{client_address(request)}", limit=TRIES_PER_IP, window=TRY_WINDOW, now=now)
        if not allowed:
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def reauthenticate(self, user: User, password: str) -> bool:
        """The password again, for someone who is signed in (allauth looks for an address row that we do not need)."""
        again = self.authenticate(context.request, email=user.email, password=password)
        return again is not None and again.pk == user.pk

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not again within ACCOUNT_REAUTHENTICATION_TIMEOUT (5 minutes) of a sign-in, which counts as proof too."""
        return not is_proof_fresh(context.request) and super().is_reauthentication_required(app=app, **kwargs)

    # --- Audit trail ------------------------------------------------------------------------------------------------

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in, and say so in the trail."""
        with transaction.atomic():
            super().login(request, user)
            record("accounts.signed_in", by=actor_for(user), now=clock.now(), obj=user)

    def logout(self, request: HttpRequest) -> None:
        """Sign out, and say so in the trail."""
        user = request.user
        by = actor_for(user) if user.is_authenticated else Actor.anonymous()
        super().logout(request)
        if user.is_authenticated:
            with transaction.atomic():
                record("accounts.signed_out", by=by, now=clock.now(), obj=user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """A wrong password for someone who exists is an event about that person."""
        user = User.objects.filter(email__iexact=str(credentials.get("email") or "")).first()
        if user is not None:
            with transaction.atomic():
                record("accounts.sign_in_failed", by=Actor.anonymous(), now=clock.now(), obj=user)

    # --- Mail -------------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """State the fact that a mail is owed. `notifications` renders and sends it; unknown addresses get nothing."""
        user = context["user"]
        if not user.works_here:
            return
        kind, now = template_prefix.rsplit("/", 1)[-1], clock.now()
        if kind == "password_reset_key" and not hit(f"reset:{user.pk}", limit=RESETS_PER_PERSON, window=RESET_WINDOW, now=now):
            return
        with transaction.atomic():
            SignInMail.objects.create(user=user, kind=kind, asked_at=now)
            record(f"accounts.{kind}", by=Actor.anonymous(), now=now, obj=user)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell people that their password or a factor changed, at the address they sign in with."""
        super().send_notification_mail(template_prefix, user, (context or {}) | {"user": user}, email or user.email)


class MFAAdapter(DefaultMFAAdapter):
    """Names shown in authenticator apps and passkey prompts; secrets sealed at rest."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("That code does not match. Wait for the next one in your app"),
    }

    def get_totp_label(self, user: User) -> str:
        """The account's name in the authenticator app."""
        return user.email

    def encrypt(self, text: str) -> str:
        """A secret as it is stored."""
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """A stored secret. Where its key is gone no code can match, whoever asks: a colleague resets that second step."""
        try:
            return unseal(encrypted_text)
        except KeyError:
            log.error("a second factor is sealed with a key that LINK_KEYS no longer holds")
            return base64.b32encode(secrets.token_bytes(20)).decode()
