"""What every template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Clinic


def theme_of(request: HttpRequest) -> str:
    """The chosen theme: "light", "dark", or "" for the device's choice."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in {"light", "dark"} else ""


def clinic(request: HttpRequest) -> dict[str, Any]:
    """The clinic, the demo mark and the chosen theme."""
    try:
        here = Clinic.current()
    except Clinic.DoesNotExist:
        here = None
    return {"clinic": here, "demo": settings.DEMO, "theme": theme_of(request)}
