"""Error pages in our voice."""

import sys
from typing import Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from accounts.models import Clinic


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: the request was not one of ours."""
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: the same page for what does not exist and for what is not yours."""
    return render(request, "404.html", status=404)


def too_many(request: HttpRequest) -> HttpResponse:
    """429: allauth counted too many tries of something."""
    return render(request, "429.html", status=429)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form was too old or cookies are off; what was saved is still there, and the booking path shows a way to it."""
    page = "intake/lost_place.html" if request.path.startswith("/book/") else "403.html"
    return render(request, page, {"csrf": True}, status=403)


def is_database_away(error: BaseException | None) -> bool:
    """Whether this is PostgreSQL being away or restarted, and no fault of a page."""
    return isinstance(error, OperationalError | InterfaceError)


def server_error(request: HttpRequest, *args: Any) -> HttpResponse:
    """500: rendered without the database, which may be what failed; then it is a 503, wherever the request had come to."""
    if is_database_away(sys.exc_info()[1]):  # before the view (a session is read) or after it (one is saved)
        return not_ready(request, set_up=True)
    return HttpResponse(render_to_string("500.html", {"clinic": Clinic.last_read()}), status=500)


def not_ready(request: HttpRequest, *, set_up: bool) -> HttpResponse:
    """503: the database is away, or the clinic has not been set up yet. Rendered without the database."""
    response = HttpResponse(render_to_string("503.html", {"set_up": set_up, "clinic": Clinic.last_read()}), status=503)
    response["Retry-After"] = "30"
    return response
