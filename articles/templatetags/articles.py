"""Small helps for the public pages."""

import json
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe

from articles.models import ArticlePage
from articles.openings import Opening
from articles.views import BAR, CARD

register = template.Library()


@register.simple_tag
def opening_query(opening: Opening, ref: str = "") -> str:
    """`slot=…&who=…&from=…`: carries an opening, and the article it was chosen on, into the booking."""
    return opening.query(ref)


@register.simple_tag
def article_titles(rows: list[tuple[UUID, Any]]) -> list[tuple[str, Any]]:
    """(article, whatever) with the article's title in place of the name that booking links carry; "" for one that is gone."""
    titles = dict(ArticlePage.objects.filter(article_ref__in=[ref for ref, _rest in rows]).values_list("article_ref", "title"))
    return [(titles.get(ref, ""), rest) for ref, rest in rows]


@register.simple_tag
def outside(path: str) -> str:
    """The whole address of a static file, for who shows this page elsewhere."""
    return urljoin(settings.SITE_URL, static(path))


@register.filter
def json_ld(facts: dict[str, Any]) -> SafeString:
    """Facts for search engines, as data that no browser runs; nothing in them can end the element."""
    written = json.dumps(facts, ensure_ascii=False).translate({ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"})
    return mark_safe(f'<script type="application/ld+json">{written}</script>')  # noqa: S308  its three dangerous characters are written otherwise


@register.filter
def mark(value: str) -> SafeString | str:
    """One of our two marks, where the live parts are put in later; any other text stays escaped."""
    return mark_safe(value) if value in (CARD, BAR) else value  # noqa: S308  only our own two constants


@register.filter
def av(position: int) -> str:
    """The colour letter of the nth avatar."""
    return "abcd"[int(position) % 4]
