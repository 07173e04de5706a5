"""Template filters of the booking pages."""

from django import template

from booking.words import ended, phone_text, span

register = template.Library()
register.filter("phone_text", phone_text)
register.filter("span", span)


@register.filter
def stop(text: object) -> str:
    """`text` with a full stop, unless it ends in one: "10:57 a.m." is the end of a sentence already."""
    return ended(str(text))
