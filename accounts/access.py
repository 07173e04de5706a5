"""One short helper per audience. Every staff view goes through one of these."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.models import Role

View = Callable[..., HttpResponse]


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page, which afterwards shows where the person was; scripts get a 401."""
    if "application/json" in request.headers.get("Accept", "") or "X-Poll" in request.headers:
        return JsonResponse({"detail": "signed_out"}, status=401)
    back = request.get_full_path()
    if request.method not in {"GET", "HEAD"}:
        back = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
            back = "/staff/"
    return redirect_to_login(back)


def _roles_required(*roles: str) -> Callable[[View], View]:
    """Anonymous people are sent to sign in; a signed-in person in another role sees "not found"."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            user = request.user
            if not user.is_authenticated:
                return _to_sign_in(request)
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
