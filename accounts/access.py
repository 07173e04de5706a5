"""One short helper per audience. Every staff view goes through one of these."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import Role

View = Callable[..., HttpResponse]


def _roles_required(*roles: str) -> Callable[[View], View]:
    """Anonymous people are sent to sign in; a signed-in person in another role sees "not found"."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            user = request.user
            if not user.is_authenticated:
                return redirect_to_login(request.get_full_path())
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
