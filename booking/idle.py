"""A page left open closes: after half an hour without a request it takes the year of birth to see anything of the path again.

Nothing is deleted. The time of the last request stands in the session, written at most once a minute. A form that comes too
late is taken, because who typed it should not type it again; what it leads to is not shown.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import clock
from intake.seats import DESK_KEY

Next = Callable[[HttpRequest], HttpResponse]
SEEN = "path_seen_at"
# What a browser of the path holds that leads to somebody's answers.
HOLDS = ("draft", "booked", "photos")
# What asks nothing of a session and shows nothing of it: names of views. `start` looks for itself.
_OPEN = {
    "booking:start",
    "booking:closed",
    "booking:openings",
    "booking:lost_link",
    "booking:resume",
    "booking:leave",
    "intake:who_we_see",
    "intake:call_us",
    "intake:get_help",
}
# Forms that are taken when they come late: they only write.
_LATE = {"intake:question", "booking:details"}
_STEP = timedelta(minutes=1)


def limit() -> timedelta:
    """How long a browser may rest."""
    return timedelta(minutes=settings.PATIENT_IDLE_MINUTES)


def is_closed(request: HttpRequest, now: datetime) -> bool:
    """True when this browser holds answers and has rested too long."""
    return any(map(request.session.get, HOLDS)) and _rest(request, now) > limit()


def _rest(request: HttpRequest, now: datetime) -> timedelta:
    """How long ago the last request was; nothing if this is the first."""
    seen = request.session.get(SEEN)
    return now - datetime.fromisoformat(seen) if seen else timedelta()


def use(request: HttpRequest, now: datetime) -> None:
    """Note that this browser is in use."""
    request.session[SEEN] = now.isoformat()


def patient_gate(get_response: Next) -> Next:
    """The gate of the patient's path, on every view under /book/. It runs after the CSRF check and before the view."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if "HTTP_X_SAVE" in request.META and 300 <= answer.status_code < 400:
            # A script that sent the form is told where to go: it goes there itself.
            return JsonResponse({"next": answer["Location"]})
        return answer

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        match = request.resolver_match
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or not request.path.startswith("/book/"):
            return None
        if match is None or match.view_name in _OPEN or not any(map(request.session.get, HOLDS)):
            return None
        if DESK_KEY in request.session:
            return None  # Somebody who works here, on the phone with a patient: the desk has a lock of its own.
        now = clock.now()
        if is_closed(request, now):
            return _closed(request, match.view_name, view, args, kwargs)
        if SEEN not in request.session or _rest(request, now) >= _STEP:
            use(request, now)
        request.closes_after = settings.PATIENT_IDLE_MINUTES  # type: ignore[attr-defined]
        return None

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _closed(request: HttpRequest, name: str, view: Any, args: Any, kwargs: Any) -> HttpResponse:
    if request.method in {"GET", "HEAD"}:
        return _to_closed({"next": request.get_full_path()})
    if name not in _LATE:
        return _to_closed({"next": request.path, "late": "no"})
    answer: HttpResponse = view(request, *args, **kwargs)
    if 300 <= answer.status_code < 400 and answer["Location"] != reverse("booking:start"):
        return _to_closed({"next": answer["Location"], "late": "yes"})
    return _to_closed({"next": request.path, "late": "no"})


def _to_closed(query: dict[str, str]) -> HttpResponse:
    if not query["next"].startswith("/book/"):
        query["next"] = reverse("intake:questions")
    return redirect(f"{reverse('booking:closed')}?{urlencode(query)}")
