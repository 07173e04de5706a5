"""Template filters and tags of the booking pages."""

from typing import Any

from django import template
from django.utils.html import format_html

from accounts import clock
from booking.views.journey import Chosen, Journey
from booking.words import phone_text, span
from patients.models import Helper, Patient

register = template.Library()
register.filter("phone_text", phone_text)
register.filter("span", span)


@register.filter
def phone_link(person: Patient | Helper) -> str:
    """The mobile of a patient, or of who helps them, as a link that calls it; empty without one."""
    return format_html('<a class="num" href="tel:{}">{}</a>', person.e164, phone_text(person.mobile)) if person.mobile else ""


@register.simple_tag(takes_context=True)
def chosen_time(context: dict[str, Any]) -> Chosen | None:
    """The time that this browser has chosen, for pages that are not about the time."""
    session = context["request"].session
    return Journey(context["request"], clock.now()).chosen if session.get("hold") or session.get("wanted") else None
