"""Template filters and tags of the booking pages."""

from typing import Any

from django import template

from accounts import clock
from booking.views.journey import Chosen, Journey
from booking.words import phone_text, span

register = template.Library()
register.filter("phone_text", phone_text)
register.filter("span", span)


@register.simple_tag(takes_context=True)
def chosen_time(context: dict[str, Any]) -> Chosen | None:
    """The time that this browser has chosen, for pages that are not about the time."""
    session = context["request"].session
    return Journey(context["request"], clock.now()).chosen if session.get("hold") or session.get("wanted") else None
