"""The controls of every screen, once: `{% load ui %}`.

Templates say what is on the page; how an icon, a field, an error summary, a progress bar or a status tag is drawn
stands here and in `templates/components/`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField, widgets
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts import clock, wording
from accounts.fields import mark_wrong

register = template.Library()

ICONS = Path(settings.BASE_DIR) / "static" / "icons"

# Appointment status: icon, words, tag colour, card colour. Colour is never alone (tests walk this table).
STATUSES: dict[str, tuple[str, "str | Promise", str, str]] = {
    "held": ("clock", gettext_lazy("Held"), "hold", "a-hold"),
    "booked": ("ring", gettext_lazy("Not confirmed"), "plain", "a-book"),
    "confirmed": ("check", gettext_lazy("Confirmed"), "info", "a-conf"),
    "arrived": ("seat", gettext_lazy("Waiting"), "warn", "a-arr"),
    "in_room": ("door", gettext_lazy("In room"), "busy", "a-room"),
    "fulfilled": ("dcheck", gettext_lazy("Done"), "", "a-done"),
    "noshow": ("userx", gettext_lazy("No-show"), "bad", "a-no"),
    "cancelled": ("x", gettext_lazy("Cancelled"), "", "a-gone"),
}


# --- Icons ----------------------------------------------------------------------------------------------------------
@cache
def _svg(name: str, css: str) -> SafeString:
    """One of our own SVG files as inline markup. Raises FileNotFoundError for a name that is not in static/icons."""
    if not re.fullmatch(r"[a-z][a-z-]*", name):
        raise FileNotFoundError(f"No icon named {name!r}")
    source = (ICONS / f"{name}.svg").read_text(encoding="utf-8").strip()
    attributes = f'class="{css}" aria-hidden="true" focusable="false"'
    source = source.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1).replace("<svg ", f"<svg {attributes} ", 1)
    return mark_safe(source)  # noqa: S308  our own file, the name is checked above


@register.simple_tag
def icon(name: str, css: str = "i") -> SafeString:
    """The inline SVG of `static/icons/<name>.svg`, hidden from screen readers: the word beside it says it."""
    return _svg(name, css)


@register.simple_tag
def logo(css: str = "logo-mark") -> SafeString:
    """The mark: the whorl with its needle."""
    return _svg("logo-mark", css)


# --- Small text helpers ---------------------------------------------------------------------------------------------
@register.filter
def tel(phone: object) -> str:
    """`519-555-0142` → `+15195550142`, for `tel:` and `sms:` links. Numbers that start with + stay as they are."""
    text = str(phone or "")
    digits = re.sub(r"\D", "", text)
    if text.startswith("+"):
        return f"+{digits}"
    return f"+1{digits}" if len(digits) == 10 else digits


@register.filter
def together(text: object) -> str:
    """`8:30 a.m.` with a space that does not break, in words that somebody typed."""
    return re.sub(r"(\d) ([ap]\.m\.)", "\\1\u00a0\\2", str(text or ""))


@register.filter
def whole(text: object, phone: object) -> SafeString:
    """A text with `phone` in it, which stays on one line."""
    parts = str(text or "").split(str(phone or "\0"))
    return format_html_join(format_html('<span class="nowrap">{}</span>', phone), "{}", ((part,) for part in parts))


_BROWSERS = [
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("FxiOS", "Firefox"),
    ("Safari", "Safari"),
]
_SYSTEMS = [
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "Mac"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
]  # fmt: skip


@register.filter
def device(user_agent: object) -> str:
    """`Chrome, Windows`: what a browser calls itself, in the words of the person in front of it."""
    text = str(user_agent or "")
    found = [next((name for mark, name in names if mark in text), "") for names in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found)) or text[:60] or str(_("A browser"))


@register.filter
def in_lines(text: object) -> SafeString:
    """`Monday to Friday, 8:30 a.m. to 4:30 p.m.` on two lines: a line ends at the first comma."""
    first, _comma, rest = together(text).partition(", ")
    return format_html("{}<br>{}", first, rest) if rest else format_html("{}", first)


@register.filter
def without(text: object, prefix: object) -> str:
    """`True North Metabolic` without `True North`: what is left of a name behind its short form."""
    return str(text).removeprefix(str(prefix)).strip()


@register.filter
def initials(name: object) -> str:
    """`Dr. Lena Marchetti` → `LM`: for the round mark beside a name."""
    words = [word for word in re.split(r"\s+", str(name or "")) if word and word.rstrip(".").lower() not in {"dr", "nurse"}]
    if not words:
        return ""
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@register.simple_tag(takes_context=True)
def error_prefix(context: template.Context) -> str:
    """`Error: ` when the page shows errors (`has_errors`, or a bound form with errors), for the title."""
    form = context.get("form")
    if context.get("has_errors") or (isinstance(form, BaseForm) and form.is_bound and form.errors):
        return _("Error: ")
    return ""


# --- Forms ----------------------------------------------------------------------------------------------------------
def _kind(widget: widgets.Widget) -> str:
    """Which component draws this widget."""
    if isinstance(widget, widgets.CheckboxSelectMultiple):
        return "checks"
    if isinstance(widget, widgets.RadioSelect):
        return "radios"
    if isinstance(widget, widgets.CheckboxInput):
        return "tick"
    if isinstance(widget, (widgets.MultiWidget, widgets.SelectDateWidget)):
        return "group"
    return "input"


@register.simple_tag
def field(bound: BoundField, short: bool = False, label: str = "") -> SafeString:
    """A whole form field: label, hint, error, control, all tied together for screen readers.

    `short=True` keeps the box narrow. `label` is for a form that is not ours, and does not speak our way.
    """
    ours = not label
    bound.label = label or bound.label
    kind = _kind(bound.field.widget)
    mark_wrong(bound)
    described = " ".join(
        part
        for part in (
            f"{bound.auto_id}_helptext" if bound.help_text else "",
            f"{bound.auto_id}_error" if bound.errors else "",
        )
        if part
    )
    control: Any = ""
    if kind in {"input", "tick"}:
        attrs: dict[str, Any] = {}
        if kind == "input":
            extra = bound.field.widget.attrs.get("class", "")
            attrs["class"] = " ".join(filter(None, ["input", "input-short" if short else "", extra]))
        if described:
            attrs["aria-describedby"] = described
        said, within = str(bound.label).casefold(), str(bound.field.widget.attrs.get("placeholder", "")).casefold()
        if within and (not ours or within in said or said in within):
            attrs["placeholder"] = False  # it would only say the label again, and vanish while one types
        control = bound.as_widget(attrs=attrs)
    elif kind == "group":
        control = bound.as_widget()
    options = []
    if kind in {"radios", "checks"}:
        for option in bound:
            # The group carries the error; a single radio or box may not be "invalid" by itself.
            option.data["attrs"].pop("aria-invalid", None)
            options.append(option)
    return render_to_string(
        "components/field.html",
        {
            "field": bound,
            "kind": kind,
            "control": control,
            "options": options,
            "described": described,
            "optional": not bound.field.required and not bound.field.widget.attrs.get("data-hide-optional"),
        },
    )


def _named(bound: BoundField, text: str, said: Counter[str]) -> str:
    """An error as it stands away from its field: with the field's name, if it would not say by itself which one it is about."""
    if said[text] == 1 and text not in wording.NAMELESS:
        return text
    name = str(bound.label)
    return f"{name} {text}" if name.endswith("?") else f"{name}: {text}"


def _error_target(bound: BoundField) -> str:
    """The id of the control an error summary should lead to (the first box of a group)."""
    if _kind(bound.field.widget) in {"radios", "checks"}:
        return f"{bound.auto_id}_0"
    mark_wrong(bound)
    return bound.id_for_label or bound.auto_id


@register.simple_tag
def errors(source: "BaseForm | Iterable[Any] | Mapping[str, Any] | None", *more: Any) -> SafeString | str:
    """The error summary of one or more forms, or of `(target id, message)` pairs, or nothing when all is well."""
    items: list[dict[str, str]] = []
    for part in (source, *more):
        if not part:
            continue
        if isinstance(part, BaseForm):
            if not part.is_bound:
                continue
            items += [{"target": "", "text": str(text)} for text in part.non_field_errors()]
            said = Counter(str(text) for bound in part.visible_fields() for text in bound.errors)
            for bound in part.visible_fields():
                items += [{"target": _error_target(bound), "text": _named(bound, str(text), said)} for text in bound.errors]
            for bound in part.hidden_fields():
                items += [{"target": "", "text": str(text)} for text in bound.errors]
        else:
            pairs = part.items() if isinstance(part, Mapping) else part
            items += [{"target": str(target or ""), "text": str(text)} for target, text in pairs]
    if not items:
        return ""
    title = ngettext("There is a problem with one answer", "There is a problem with %(n)s answers", len(items)) % {
        "n": len(items)
    }
    return render_to_string("components/errors.html", {"items": items, "title": title})


# --- Progress, status, tags, notes ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the progress bar: full, filled to `share` (0 to 1), or, where the person is, one piece for each page.

    Args:
        pages: how many pages it has; `at` is the one that is open, from 0.
    """

    share: float = 0
    pages: int = 0
    at: int = 0

    @property
    def css(self) -> str:
        """What the stylesheet calls it."""
        if self.pages:
            return "here"
        tenths = max(1, min(9, round(self.share * 10)))
        return "done" if self.share >= 1 else f"part p{tenths}" if self.share > 0 else ""

    @property
    def steps(self) -> list[str]:
        """The pages behind, the open one, the pages ahead."""
        return ["done"] * self.at + ["part p5"] + [""] * (self.pages - self.at - 1) if self.pages else []


@register.inclusion_tag("components/progress.html")
def progress(
    step: int, label: str = "", detail: str = "", of: int = 5, part: float = 0.34, bar: list[Segment] | None = None
) -> dict[str, Any]:
    """Five segments. `{% progress step=3 label="Pick a time" %}` says "Step 3 of 5: Pick a time".

    With `detail` ("Section 3 of 8") the label stands alone on the left, the detail on the right. `part` (0 to 1) is
    how much of the current segment is filled. `bar` is drawn instead of the five, where there is more to tell.
    """
    step = int(step)
    five = [Segment(1 if n < step else max(0.1, min(0.9, float(part))) if n == step else 0) for n in range(1, of + 1)]
    left = label if detail else _("Step %(step)s of %(of)s: %(label)s") % {"step": step, "of": of, "label": label}
    return {"left": left, "right": detail, "segments": bar or five}


@register.simple_tag
def status(value: str, minutes: int | None = None, room: object = "") -> SafeString:
    """An appointment's status as a tag: colour, icon and word (`minutes` waiting, `room` name)."""
    name, _word, colour, _card = STATUSES[value]
    return tag(colour, name, status_words(value, minutes, room))


def status_words(value: str, minutes: int | None = None, room: object = "") -> str:
    """What is said of a status: "Waiting 4 min", "In Room 2"."""
    if value == "arrived" and minutes is not None:
        return _("Waiting %(minutes)s min") % {"minutes": minutes}
    if value == "in_room" and room:
        return _("In %(room)s") % {"room": room}
    return str(STATUSES[value][1])


@register.filter
def status_card(value: str) -> str:
    """The colour class of an appointment's card or row (`a-conf`, `a-arr` …)."""
    return STATUSES[value][3]


@register.simple_tag
def tag(colour: str, icon_name: str, text: object) -> SafeString:
    """A small label: `{% tag "ok" "check" _("Booked") %}`. Colours: ok warn bad info busy hold plain, "" for grey."""
    css = f"tag tag-{colour}" if colour else "tag"
    return format_html('<span class="{}">{}{}</span>', css, _svg(icon_name, "i") if icon_name else "", text)


@register.simple_block_tag
def note(content: str, kind: str = "", icon_name: str = "", role: str = "") -> SafeString:
    """A boxed remark: `{% note kind="warn" %}…{% endnote %}`. Kinds: "", warn, bad, info, ok."""
    names = {"warn": "alert", "bad": "alert", "info": "info", "ok": "check", "": "info"}
    return format_html(
        '<div class="note{}"{}>{}<div>{}</div></div>',
        f" note-{kind}" if kind else "",
        format_html(' role="{}"', role) if role else "",
        _svg(icon_name or names[kind], "i"),
        content,
    )


@register.inclusion_tag("components/datebox.html")
def datebox(value: datetime | date) -> dict[str, Any]:
    """The little calendar leaf: month, day, weekday (an instant is shown in the clinic's zone)."""
    if isinstance(value, datetime):
        value = clock.local(value).date()
    return {"day": value}


# --- Who is signed in -----------------------------------------------------------------------------------------------
@register.simple_tag(takes_context=True)
def staff_tabs(context: template.Context) -> list[dict[str, Any]]:
    """The top bar's tabs for the role that is signed in: label, address, whether it is the current one."""
    request = context.get("request")
    role = getattr(getattr(request, "user", None), "role", "")
    path = getattr(request, "path", "")
    tabs: list[tuple[str, str, tuple[str, ...]]] = []  # words, URL name, the addresses that are under it
    if role in {"reception", "lead"}:
        tabs += [
            (_("Day"), "staff:today", ("/desk/day/", "/desk/visit/")),
            (_("New booking"), "staff:new", ("/desk/new/",)),
            (_("Patients"), "staff:find", ("/desk/find/", "/desk/patient/")),
            (_("Waiting list"), "staff:waiting_list", ("/desk/waiting-list/",)),
            (_("To call"), "staff:calls", ("/desk/calls/",)),
            (_("Messages"), "staff:messages", ("/desk/messages/",)),
            (_("Availability"), "staff:availability_index", ("/desk/availability/", "/desk/time-off/")),
        ]
    if role == "physician":
        tabs += [
            (_("My day"), "staff:md", ("/md/",)),
            (_("To review"), "staff:to_review", ("/md/review/", "/md/snippets/")),
            (_("Time off"), "staff:time_off", ("/desk/time-off/",)),
        ]
    if role == "lead":
        tabs += [
            (_("Clinic"), "staff:clinic", ("/clinic/",)),
            (_("Articles"), "wagtailadmin_home", ("/editor/",)),
        ]
    # A screen below another's address has a tab of its own: the longest match is the current one.
    here = max((prefix for tab in tabs for prefix in tab[2] if path.startswith(prefix)), key=len, default="")
    return [{"label": label, "url": reverse(name), "current": here in prefixes} for label, name, prefixes in tabs]
