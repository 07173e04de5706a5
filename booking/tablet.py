"""The clinic's tablet in a patient's hands: bound to one visit, closed to everything else, and empty afterwards.

Whoever starts it is signed out by that, so there is nothing of the desk in the browser. The session holds the visit and the
time of the last request; the server ends it two minutes after that, whatever the page does. A page that is still on the
screen then goes away by itself, with a script or without.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import clock
from accounts.signin import new_key
from accounts.web import see
from booking.models import Appointment
from intake.models import QuestionnaireResponse

Next = Callable[[HttpRequest], HttpResponse]
KEY = "tablet"
# Before the year of birth is typed there is nothing on it, and it may lie on the counter for a while.
WAITS, IDLE = timedelta(minutes=10), timedelta(minutes=2)
_DOORS = {"booking:tablet", "booking:tablet_over", "booking:tablet_here"}
_INSIDE = {
    "intake:questions",
    "intake:question",
    "intake:advice",
    "intake:stop",
    "intake:photos",
    "intake:photo",
    "intake:photo_add",
    "intake:photo_date",
    "intake:photo_remove",
    "booking:check",
}
_NOTICE = "/privacy/"  # what a consent refers to must be there to read


def start(request: HttpRequest, visit: Appointment, *, now: datetime) -> HttpResponse:
    """Sign out whoever works here, and bind this browser to the visit."""
    get_adapter().logout(request)
    request.session.flush()
    request.session[KEY] = {"visit": str(visit.public_id), "seen": now.isoformat(), "open": False}
    return _emptied(see("booking:tablet"))


def is_on(request: HttpRequest) -> bool:
    """True in a browser that is bound to a visit."""
    return KEY in request.session


def visit_of(request: HttpRequest) -> str:
    """The public id of the visit this browser is bound to."""
    return str(request.session.get(KEY, {}).get("visit", ""))


def let_in(request: HttpRequest, response: QuestionnaireResponse) -> None:
    """The right year of birth was given: the questions are open in this browser, under a new session key."""
    new_key(request)
    request.session[KEY] = request.session[KEY] | {"open": True}
    request.session["draft"] = str(response.public_id)


def end(request: HttpRequest, *, query: str = "") -> HttpResponse:
    """Forget everything, and show that there is nothing."""
    request.session.flush()
    request.tablet_over = True  # type: ignore[attr-defined]
    return see("booking:tablet_over", query=query)


def tablet_gate(get_response: Next) -> Next:
    """The gate of a browser that is bound to a visit, on every view. It runs after the CSRF check and before the view."""

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        if hasattr(request, "tablet_over"):
            return _emptied(answer)
        if hasattr(request, "tablet"):
            answer["Cache-Control"] = "no-store, private"
        return answer

    def process_view(request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or KEY not in request.session:
            return None
        kept, now = request.session[KEY], clock.now()
        limit = IDLE if kept["open"] else WAITS
        if now - datetime.fromisoformat(kept["seen"]) > limit:
            return end(request, query="?late=1")
        name = request.resolver_match.view_name if request.resolver_match else ""
        request.tablet = {"seconds": int(limit.total_seconds()), "open": kept["open"]}  # type: ignore[attr-defined]
        if name == "booking:tablet_over":
            return None
        if name in _DOORS or request.path == _NOTICE or (kept["open"] and name in _INSIDE):
            request.session[KEY] = kept | {"seen": now.isoformat()}
            return None
        return see("intake:questions" if kept["open"] else "booking:tablet")

    middleware.process_view = process_view  # type: ignore[attr-defined]
    return middleware


def _emptied(answer: HttpResponse) -> HttpResponse:
    """With this answer the browser forgets the pages it has shown: Back finds nothing."""
    answer["Clear-Site-Data"] = '"cache", "storage"'
    answer["Cache-Control"] = "no-store, private"
    return answer
