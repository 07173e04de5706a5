"""Small middlewares of our own: hostile bytes, privacy headers, and the gate for people who work here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts import clock
from accounts.access import sent_to
from accounts.errors import bad_request, is_database_away, not_ready
from accounts.models import Clinic, is_patient
from accounts.signin import end_sessions, has_second_factor, new_key

Next = Callable[[HttpRequest], HttpResponse]
# What patients and staff see is never kept by a browser or proxy; the public site may be.
_PRIVATE = ("/book/", "/v/", "/w/", "/m/", "/me/", "/desk/", "/md/", "/clinic/", "/staff/", "/demo/", "/editor/", "/fhir/")
_WAYS_OUT = {"/staff/logout/", "/me/sign-out/", "/book/leave/"}
_STAFF_DOORS = ("/staff/", "/editor/")
# What answers while the screen is locked, and what answers before the second factor is set up: names of views.
_ALWAYS = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reauthenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}
# Where somebody who is signed in shows once more that it is them.
_PROOFS = {"account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"}
# Where a second factor comes or goes. A session that was opened before, with the password alone, must not go on with it.
_FACTORS = {"mfa_activate_totp", "mfa_deactivate_totp", "mfa_add_webauthn", "mfa_remove_webauthn", "mfa_generate_recovery_codes"}
_ENROLMENT = {
    "mfa_index",
    "mfa_activate_totp",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_remove_webauthn",
    "mfa_edit_webauthn",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "account_change_password",
}


class ContentPolicy(CSPMiddleware):
    """django-csp's, which puts the policy together anew for each answer: here only where a page has one of its own."""

    @cached_property
    def _policy(self) -> str:
        return build_policy()

    @cached_property
    def _editor_policy(self) -> str:
        return build_policy(config=settings.EDITOR_POLICY)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The header."""
        if request.path_info.startswith("/editor/"):
            response[HEADER] = self._editor_policy
            return response
        own = HEADER in response or any(name.startswith("_csp") for name in response.__dict__) or hasattr(request, "_csp_nonce")
        if own or settings.DEBUG:
            return super().process_response(request, response)
        response[HEADER] = self._policy
        return response


def reject_hostile_bytes(get_response: Next) -> Next:
    """Answer 400 to a NUL byte in a path, query or cookie: PostgreSQL cannot hold one, so no page can mean it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if "\x00" in request.path or "%00" in query or "\x00" in "".join(request.COOKIES.values()):
            return bad_request(request)
        return get_response(request)

    return middleware


def privacy_headers(get_response: Next) -> Next:
    """Private pages are not stored anywhere, and every page closes what it does not use."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path.startswith(_PRIVATE):
            response["Cache-Control"] = "no-store, private"
            response["X-Robots-Tag"] = "noindex"
        left = request.path in _WAYS_OUT and request.method == "POST"
        if left and 300 <= response.status_code < 400:  # not where somebody else's page sent the form
            # After signing out, the Back button shows nothing.
            response["Clear-Site-Data"] = '"cache", "storage"'
        response.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    # A clinic without its row, or without its database, is not an error of the page: it says so, and what to do.
    middleware.process_exception = _not_ready  # type: ignore[attr-defined]
    return middleware


def _not_ready(request: HttpRequest, exception: Exception) -> HttpResponse | None:
    """503 before `manage.py set_up_clinic` was run, and while PostgreSQL is away."""
    if isinstance(exception, Clinic.DoesNotExist):
        return not_ready(request, set_up=False)
    if is_database_away(exception):
        return not_ready(request, set_up=True)
    return None


def staff_gate(get_response: Next) -> Next:
    """The gate for people who work here, on every view: the second factor, the idle lock, the end of the working day.

    - Before a second factor exists (and one is required) only the enrolment pages answer.
    - After STAFF_IDLE_MINUTES without a request the session has to prove itself again; the page's address is kept and
      nothing of the page is shown. A background request (header X-Poll) does not count as use.
    - After SESSION_COOKIE_AGE (12 hours) the session ends, used or not.

    It runs after the CSRF check and before the view. Whether somebody still works here, and in which role, is read from the
    database on each request (request.user), so a leaver is out at once.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if request.method == "POST" and 300 <= answer.status_code < 400:
            if (name := _name(request)) in _PROOFS:
                new_key(request)
            elif name in _FACTORS and request.user.is_authenticated:
                end_sessions(request.user, keep=request.session.session_key)
        return answer

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        # Without a session nobody is signed in, and a page that does not look at the session can be cached.
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return None
        user = request.user
        if is_patient(user) and request.path.startswith(_STAFF_DOORS) and _name(request) != "account_login":
            raise Http404  # the staff's pages around signing in, and the editor, are not there for patients
        if not user.is_authenticated or not user.works_here:
            return None
        now, session = clock.now(), request.session
        since = _instant(session.get("signed_in_at"))
        if since is None:
            session["signed_in_at"] = now.isoformat()
        elif now - since > timedelta(seconds=settings.SESSION_COOKIE_AGE):
            logout(request)
            return sent_to(request, "account_login", "signed_out")
        name = _name(request)
        if name in _ALWAYS:
            return None
        seen = _last_seen(request)
        if seen and now - seen > timedelta(minutes=settings.STAFF_IDLE_MINUTES):
            return sent_to(request, "account_reauthenticate", "locked")
        if settings.STAFF_MFA_REQUIRED and name not in _ENROLMENT and not has_second_factor(user):
            return sent_to(request, "mfa_index", "second_factor_missing")
        # Written at most once a minute: a session save on every request would be a write on every read.
        if "X-Poll" not in request.headers and (not seen or now - seen > timedelta(minutes=1)):
            session["seen_at"] = now.isoformat()
        return None

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _instant(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None


def _last_seen(request: HttpRequest) -> datetime | None:
    """The last request that counts, or the last proof of identity if that is newer."""
    proofs = get_authentication_records(request, request.user)
    times = [datetime.fromtimestamp(proofs[-1]["at"], UTC)] if proofs else []
    if stored := _instant(request.session.get("seen_at")):
        times.append(stored)
    return max(times, default=None)
