"""Small middlewares of our own: hostile bytes, privacy headers, and the gate for people who work here."""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse

from accounts import clock

Next = Callable[[HttpRequest], HttpResponse]
# What patients and staff see is never kept by a browser or proxy; the public site may be.
_PRIVATE = ("/book", "/v/", "/w/", "/me", "/desk", "/md", "/clinic", "/staff", "/demo", "/editor", "/fhir")
# Where a person who works here may go before the second factor is set up.
_ENROLMENT = ("/staff/mfa/", "/staff/2fa/", "/staff/logout/", "/staff/reauthenticate/", "/staff/login/", "/static/", "/staff/locked/")


def reject_hostile_bytes(get_response: Next) -> Next:
    """Answer 400 to a NUL byte in a path or query: PostgreSQL cannot hold one, so no page can mean it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", "") or "\x00" in request.META.get("QUERY_STRING", ""):
            return HttpResponseBadRequest("Bad request")
        return get_response(request)

    return middleware


def privacy_headers(get_response: Next) -> Next:
    """Private pages are not stored anywhere, and every page closes what it does not use."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith(_PRIVATE):
            response["Cache-Control"] = "no-store, private"
            response["X-Robots-Tag"] = "noindex"
        response.setdefault("Permissions-Policy", "camera=(self), microphone=(), geolocation=(), payment=(), usb=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def staff_gate(get_response: Next) -> Next:
    """Second factor, and the idle lock, for people who work here.

    Runs on every request of a signed-in person. Without a second factor (and when one is required) only the enrolment pages
    answer. After STAFF_IDLE_MINUTES without a request the session has to prove itself again; the page comes back afterwards.
    """
    from allauth.mfa.utils import is_mfa_enabled

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if not user.is_authenticated or request.path.startswith(_ENROLMENT):
            return get_response(request)
        if settings.STAFF_MFA_REQUIRED and user.works_here and not is_mfa_enabled(user):
            return redirect(f"{reverse('mfa_index')}?{urlencode({'next': request.get_full_path()})}")
        now = clock.now()
        seen = request.session.get("seen_at")
        idle = timedelta(minutes=settings.STAFF_IDLE_MINUTES)
        if seen and now - datetime.fromisoformat(seen) > idle:
            return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.get_full_path()})}")
        # Written at most once a minute: a session save on every request would be a write on every read.
        if not seen or now - datetime.fromisoformat(seen) > timedelta(minutes=1):
            request.session["seen_at"] = now.isoformat()
        return get_response(request)

    return middleware
