"""Template helpers of the screens for people who work here."""

from functools import cache
from typing import Any
from uuid import UUID

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.templatetags.ui import STATUSES, status_words
from booking.hours import short_time
from staff.board import board_time, keys_of
from staff.lines import Entry

register = template.Library()
register.filter("board_time", board_time)
register.filter("short_time", short_time)
register.filter("keys_of", keys_of)
CARD = (
    '<li id="v-{}" class="{}" data-v="{}"><time>{}</time><a class="nm" href="{}">{}</a><span class="st">{}</span>'
    '<span class="what">{}</span><i class="yr">{}</i>{}{}</li>'
)
BUTTON = '<button class="sbtn sbtn-xs" name="do" value="{}">{}<span class="vh"> {}</span></button>'
UNDO = '<button class="sbtn sbtn-xs quiet i-undo" name="do" value="{}"><span class="vh">{} {}</span></button>'
KEYS = {"arrive": "A", "confirm": "C", "to_room": "R", "fulfil": "D", "mark_noshow": "S"}


@register.filter
def in_hours(minutes: int) -> str:
    """ "12.5 h" for 750 minutes; whole hours without a fraction."""
    return f"{minutes / 60:.1f}".removesuffix(".0") + "\N{NO-BREAK SPACE}h"


@register.filter
def key_of(verb: str) -> str:
    """The key that does what a button does."""
    return KEYS.get(verb, "")


@cache
def _visits() -> tuple[str, str]:
    """The address of a visit's page, around its id."""
    nobody = UUID(int=0)
    before, _id, after = reverse("staff:visit", args=[nobody]).partition(str(nobody))
    return before, after


@register.simple_tag
def card(entry: Entry, every: bool = False) -> SafeString:
    """One visit of the day. A day has hundreds, so it is put together here and not by a template of its own.

    Args:
        every: with all its buttons, and the undo; else the likeliest one.
    """
    visit: Any = entry.visit
    person, key = visit.patient, visit.public_id
    before, after = _visits()
    css = f"ap {STATUSES[visit.status][3]} {entry.place}"
    css += (" sel" if entry.selected else "") + (" slim" if entry.short else "") + (" thin" if entry.narrow else "")
    badges = format_html_join("", '<b class="{} i-{}">{}</b>', entry.badges)
    offered = entry.steps if every else entry.steps[:1]
    buttons = format_html_join(
        "", BUTTON, ((f"{verb}:{key}:{visit.version}", word, person.full_name) for verb, word in offered)
    )  # fmt: skip
    if every and visit.previous:
        buttons += format_html(UNDO, f"undo:{key}:{visit.version}", _("Undo the last step of"), person.full_name)
    return format_html(
        CARD, key, css, keys_of(entry), entry.time, f"{before}{key}{after}", person.full_name,
        status_words(visit.status, entry.minutes, visit.room or ""), visit.service.name, person.date_of_birth.year,
        format_html('<span class="bd">{}</span>', badges) if badges else "",
        format_html('<span class="ap-do">{}</span>', buttons) if buttons else "",
    )  # fmt: skip
