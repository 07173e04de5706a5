"""The pages that Wagtail does not serve by itself: articles (cached), robots.txt, the site map, the colour scheme."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST, require_safe
from wagtail.models import Page

from accounts import clock
from accounts.context import theme_of
from accounts.models import Clinic
from articles.models import ArticlePage
from articles.openings import FACTS_SQL, Facts, Soonest, soonest, soonest_by_physician, soonest_of
from articles.structured import address_of, physician_facts
from booking.models import Practitioner

# Everything a warm article has to know, in one statement. The list of related articles changes with the others, so what
# is published at all is part of a page's revision.
_PAGE_COLUMNS = 7
_REVISIONS = f"""
SELECT page.id, page.last_published_at, page.live_revision_id, article.article_ref, reviewer.name, others.at, others.n, facts.*
FROM wagtailcore_page page
JOIN articles_articlepage article ON article.page_ptr_id = page.id
LEFT JOIN booking_practitioner reviewer ON reviewer.id = article.reviewer_id
CROSS JOIN (
  SELECT max(o.last_published_at) AS at, count(*) AS n
  FROM wagtailcore_page o JOIN articles_articlepage x ON x.page_ptr_id = o.id WHERE o.live
) others
LEFT JOIN ({FACTS_SQL}) facts ON true
WHERE page.slug = %(slug)s AND page.live
"""
# Marks in the rendered page where the live parts go. Random-looking, so that no text contains them by chance.
CARD, BAR, _REF = "<!--tn:card:7d1c-->", "<!--tn:bar:7d1c-->", "tn-ref-7d1c"
_MAX_SHELLS = 200
_shells: dict[tuple[Any, ...], "Shell"] = {}
_fragments: dict[str, "Fragment"] = {}


@dataclass(frozen=True, slots=True)
class Shell:
    """A rendered article without its live parts: the three stretches of bytes around them."""

    parts: tuple[bytes, bytes, bytes]
    digest: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """The live parts, rendered: the booking card and the bar at the bottom of phones."""

    card: bytes
    bar: bytes
    digest: str


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _fragment(found: Soonest) -> Fragment:
    """The live parts for these openings; rendered once per change of what they say."""
    clinic = Clinic.current()
    facts = (found.service.name, found.service.minutes, found.service.price_text, clinic.city) if found.service else ()
    key = repr((facts, [(o.start, o.who_id, o.who) for o in found.openings], found.later and found.later.start))
    if (known := _fragments.get(key)) is not None:
        return known
    context = {"soonest": found, "ref": _REF, "clinic": clinic}
    card = render_to_string("articles/_booking_card.html", context).encode()
    bar = render_to_string("articles/_booking_bar.html", context).encode()
    if len(_fragments) > 8:
        _fragments.clear()
    _fragments[key] = fragment = Fragment(card, bar, _digest(card, bar))
    return fragment


def _render(request: HttpRequest, page: ArticlePage) -> str:
    context = page.get_context(request) | {
        "card_mark": CARD,
        "bar_mark": BAR,
        "ref": str(page.article_ref),
    }
    return render_to_string("articles/article_page.html", context, request)


@require_safe
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """One article: the page cached by its revision, today's openings put in, 304 when nothing changed.

    One statement when warm: the page's revision and the calendars' revision.
    """
    with connection.cursor() as cursor:
        cursor.execute(_REVISIONS, {"slug": slug})
        row = cursor.fetchone()
    if row is None:
        raise Http404
    revision, facts = row[:_PAGE_COLUMNS], row[_PAGE_COLUMNS:]
    clinic = Clinic.current()
    ref = str(revision[3])
    said = ("name", "short_name", "phone", "hours_text", "address_line", "region", "postal_code")
    place = tuple(getattr(clinic, name) for name in said)
    key = (revision, theme_of(request), place, clock.today().year)
    shell = _shells.get(key)
    if shell is None:
        page = ArticlePage.objects.select_related("reviewer").get(pk=revision[0])
        html = _render(request, page)
        before, rest = html.split(CARD)
        middle, after = rest.split(BAR)
        parts = (before.encode(), middle.encode(), after.encode())
        if len(_shells) > _MAX_SHELLS:
            _shells.clear()
        _shells[key] = shell = Shell(parts, _digest(*parts))
    fragment = _fragment(soonest_of(Facts(*facts) if facts[0] else None, clock.now()))
    etag = f'"{shell.digest}{fragment.digest}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        before_b, middle_b, after_b = shell.parts
        token, real = _REF.encode(), ref.encode()
        response = HttpResponse(
            b"".join([before_b, fragment.card.replace(token, real), middle_b, fragment.bar.replace(token, real), after_b])
        )
    response["ETag"] = etag
    response["Cache-Control"] = "no-cache"
    response["Vary"] = "Cookie"
    return response


def render_uncached(request: HttpRequest, page: ArticlePage) -> HttpResponse:
    """An article that is not kept: the editor's preview."""
    fragment = _fragment(soonest(clock.now()))
    ref = str(page.article_ref)
    html = _render(request, page)
    html = html.replace(CARD, fragment.card.decode().replace(_REF, ref)).replace(BAR, fragment.bar.decode().replace(_REF, ref))
    return HttpResponse(html)


@require_safe
def physician(request: HttpRequest, slug: str) -> HttpResponse:
    """One physician: who they are, their soonest times, and the articles they have reviewed."""
    person = get_object_or_404(Practitioner.objects.on_site(), slug=slug)
    context = {
        "person": person,
        "openings": soonest_by_physician([person], clock.now(), limit=4).get(person.pk, []),
        "articles": ArticlePage.objects.live().filter(reviewer=person).select_related("reviewer").order_by("-reviewed_on"),
        "section": "physicians",
        "headline": person.name,
        "description": person.approach,
        "canonical": settings.SITE_URL + reverse("articles:physician", args=[person.slug]),
        "facts": physician_facts(person),
    }
    return render(request, "articles/physician.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """`?q=` in every public page: articles first, then the rest. The words are looked up and kept nowhere."""
    query = request.GET.get("q", "").strip()[:80]
    words = query.casefold().split()
    pages = Page.objects.live().public().filter(depth__gte=2)
    ranked = list(pages.search(query)) if words else []
    named = [page for page in pages if words and all(word in page.title.casefold() for word in words)]
    found = {page.pk: page for page in [*ranked, *named]}
    articles = ArticlePage.objects.filter(pk__in=found).select_related("reviewer").order_by("-reviewed_on", "title")
    context = {
        "query": query,
        "articles": articles,
        "pages": [page for pk, page in found.items() if pk not in {article.pk for article in articles}],
        "people": Practitioner.objects.on_site().filter(name__icontains=query) if words else [],
    }
    return render(request, "articles/search.html", context)


@require_GET
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines may read: the public site, nothing private."""
    lines = ["User-agent: *"]
    lines += [f"Disallow: /{part}/" for part in ("book", "v", "w", "me", "desk", "md", "clinic", "staff", "editor", "demo")]
    lines += ["", f"Sitemap: {settings.SITE_URL}/sitemap.xml", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_GET
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every public page with its last change."""
    pages = Page.objects.live().public().filter(depth__gte=2).order_by("path").values("url_path", "last_published_at")
    entries = [
        {
            "url": address_of(page["url_path"]),
            "at": page["last_published_at"],
        }
        for page in pages
    ]
    people = Practitioner.objects.on_site()
    entries += [{"url": settings.SITE_URL + reverse("articles:physician", args=[who.slug]), "at": None} for who in people]
    return HttpResponse(
        render_to_string("articles/sitemap.xml", {"entries": entries}), content_type="application/xml; charset=utf-8"
    )


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the wish for light or dark pages in a cookie of this browser, or forget it."""
    theme = request.POST.get("theme", "")
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    response = HttpResponseRedirect(back if safe and back else "/accessibility/")
    if theme in {"light", "dark"}:
        response.set_cookie("theme", theme, max_age=365 * 86400, samesite="Lax", secure=settings.HTTPS, httponly=True)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
