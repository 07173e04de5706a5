"""Small helps for the public pages."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from articles.openings import Opening

register = template.Library()

_MARKS = frozenset({"<!--tn:card:7d1c-->", "<!--tn:bar:7d1c-->"})


@register.simple_tag
def opening_query(opening: Opening, ref: str = "") -> str:
    """`slot=…&who=…&from=…`: carries an opening, and the article it was chosen on, into the booking."""
    return opening.query(ref)


@register.filter
def mark(value: str) -> SafeString | str:
    """One of our two marks, where the live parts are put in later; any other text stays escaped."""
    return mark_safe(value) if value in _MARKS else value  # noqa: S308  only our own two constants


@register.filter
def av(position: int) -> str:
    """The colour letter of the nth avatar."""
    return "abcd"[int(position) % 4]
