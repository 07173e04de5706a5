"""One short helper per audience. Every staff view goes through one of these."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Role

View = Callable[..., HttpResponse]


def sent_to(request: HttpRequest, to: str, why: str) -> HttpResponse:
    """To a page that can help, which afterwards shows where the person was; scripts get a 401 in words they understand."""
    back = request.get_full_path()
    if request.method not in {"GET", "HEAD"}:
        # What was posted is not done; afterwards the page it was posted from is shown.
        back = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
            back = "/staff/"
    url = f"{reverse(to)}?{urlencode({'next': back} | ({'locked': '1'} if why == 'locked' else {}))}"
    if "application/json" in request.headers.get("Accept", "") or "X-Poll" in request.headers:
        return JsonResponse({"detail": why}, status=401)
    return redirect(url)


def _roles_required(*roles: str) -> Callable[[View], View]:
    """Anonymous people are sent to sign in; a signed-in person in another role sees "not found"."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            user = request.user
            if not user.is_authenticated:
                return sent_to(request, "account_login", "signed_out")
            if not user.is_active or user.role not in roles:
                raise Http404
            return view(request, *args, **kwargs)

        guarded.audience = roles  # type: ignore[attr-defined]
        return guarded

    return decorate


staff_required = _roles_required(Role.RECEPTION, Role.PHYSICIAN, Role.LEAD)
reception_required = _roles_required(Role.RECEPTION, Role.LEAD)
physician_required = _roles_required(Role.PHYSICIAN)
lead_required = _roles_required(Role.LEAD)
physician_or_lead_required = _roles_required(Role.PHYSICIAN, Role.LEAD)
