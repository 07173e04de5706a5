"""Template filters of the booking pages."""

from django import template

register = template.Library()


@register.filter
def stop(text: object) -> str:
    """`text` with a full stop, unless it ends in one: "10:57 a.m." is the end of a sentence already."""
    words = str(text)
    return words if words.endswith(".") else f"{words}."
