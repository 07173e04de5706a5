"""Template helpers of the screens for people who work here."""

import re
from functools import cache
from typing import Any
from uuid import UUID

from django import template
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts import clock
from accounts.templatetags.ui import STATUSES, status_words
from booking.hours import short_time
from booking.models import Status
from staff.board import board_time, keys_of
from staff.lines import Entry
from staff.table import Row

register = template.Library()
register.filter("board_time", board_time)
register.filter("short_time", short_time)
register.filter("keys_of", keys_of)
CARD = (
    '<li id="v-{}" class="{}" data-v="{}"><time>{}</time><a class="nm" href="{}">{}</a><span class="st">{}</span>'
    '<span class="what"><span>{}</span></span><i class="yr">{}</i>{}{}</li>'
)
LINE = (
    '<tr role="row" id="v-{}" class="ap {}" data-v="{}"><td role="cell" class="tm"><time>{}</time></td>'
    '<th role="rowheader" scope="row"><a class="nm" href="{}">{}</a><i class="yr">{}</i></th><td role="cell" class="what">{}</td>'
    '<td role="cell" class="md">{}</td><td role="cell"><span class="st">{}</span></td><td role="cell" class="bd">{}</td>'
    '<td role="cell" class="ap-do">{}</td></tr>'
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


@register.filter
def found_in(number: str, typed: str) -> SafeString | str:
    """A phone number with what was typed marked in it, whatever stands between the digits."""
    digits = re.sub(r"\D", "", typed)
    hit = re.search(r"\D*".join(digits), number) if len(digits) > 2 else None
    return format_html("{}<mark>{}</mark>{}", number[: hit.start()], hit[0], number[hit.end() :]) if hit else number


@cache
def _visits() -> tuple[str, str]:
    """The address of a visit's page, around its id."""
    nobody = UUID(int=0)
    before, _id, after = reverse("staff:visit", args=[nobody]).partition(str(nobody))
    return before, after


def _badges(entry: Entry) -> SafeString:
    return format_html_join("", '<b class="{} i-{}">{}</b>', entry.badges)


def _cancelled(visit: Any) -> SafeString | str:
    """ "by the patient, Tue, November 24": who cancelled, and when."""
    if visit.status != Status.CANCELLED or visit.cancelled_at is None:
        return ""
    words = _("by the patient, %(day)s") if visit.cancelled_by == "patient" else _("by the clinic, %(day)s")
    return format_html("<span>{}</span>", words % {"day": clock.short_date(visit.cancelled_at)})


def _buttons(entry: Entry, every: bool) -> SafeString:
    visit: Any = entry.visit
    name, which = visit.patient.full_name, f"{visit.public_id}:{visit.version}"
    offered = entry.steps if every else entry.steps[:1]
    buttons = format_html_join("", BUTTON, ((f"{verb}:{which}", word, name) for verb, word in offered))
    if every and visit.previous:
        buttons += format_html(UNDO, f"undo:{which}", _("Undo the last step of"), name)
    return buttons


@register.simple_tag
def line(row: Row) -> SafeString | str:
    """One visit of the day's table, with all its buttons."""
    entry, visit = row.entry, row.entry.visit
    person: Any = visit.patient if visit else None
    if visit is None or person is None:
        return ""
    before, after = _visits()
    return format_html(
        LINE, visit.public_id, STATUSES[visit.status][3] + (" sel" if entry.selected else ""), keys_of(entry), entry.time,
        f"{before}{visit.public_id}{after}", person.full_name, person.date_of_birth.year, visit.service.name,
        row.practitioner.short_name, status_words(visit.status, entry.minutes, visit.room or ""),
        format_html("{}{}", _badges(entry), _cancelled(visit)), _buttons(entry, every=True),
    )  # fmt: skip


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
    badges, buttons = _badges(entry), _buttons(entry, every)
    return format_html(
        CARD, key, css, keys_of(entry), entry.time, f"{before}{key}{after}", person.full_name,
        status_words(visit.status, entry.minutes, visit.room or ""), visit.service.name, person.date_of_birth.year,
        format_html('<span class="bd">{}</span>', badges) if badges else "",
        format_html('<span class="ap-do">{}</span>', buttons) if buttons else "",
    )  # fmt: skip
