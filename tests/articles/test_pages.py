"""The public pages: what they say, and that every link on them leads somewhere."""

import json
import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.utils.html import strip_tags

from articles.models import ArticlePage
from booking.models import Practitioner

PAGES = [
    "/",
    "/articles/",
    "/articles/dutasteride-mesotherapy/",
    "/articles/shedding-or-pattern-hair-loss/",
    "/articles/what-happens-at-a-first-assessment/",
    "/physicians/",
    "/physicians/amara-osei/",
    "/search/?q=hair",
    "/contact/",
    "/privacy/",
    "/disclaimer/",
    "/accessibility/",
    "/fees/",
    "/first-visit/",
    "/treatments/",
]
pytestmark = pytest.mark.django_db


class Links(HTMLParser):
    """Collects the addresses and ids of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.hrefs: list[str] = []
        self.ids: set[str] = set()
        self.h1 = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.h1 += tag == "h1"
        if found.get("id"):
            self.ids.add(str(found["id"]))
        for name in ("href", "src", "action"):
            if found.get(name):
                self.hrefs.append(str(found[name]))


def text(html: bytes) -> str:
    return re.sub(r"\s+", " ", strip_tags(html.decode().replace("<", " <"))).replace("\xa0", " ")


@pytest.mark.parametrize("path", PAGES)
def test_every_public_page_answers_with_one_heading(client: Client, public_site: None, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    html = response.content.decode()
    assert Links(html).h1 == 1
    assert 'lang="en-CA"' in html


def test_every_public_page_has_a_title_of_its_own(client: Client, public_site: None) -> None:
    titles = {re.findall(r"<title>(.*?)</title>", client.get(path).content.decode())[0] for path in PAGES}
    assert len(titles) == len(PAGES)


def test_every_link_on_a_public_page_leads_somewhere(client: Client, public_site: None) -> None:
    """Most links are on every page; each is followed once."""
    pages = {path: Links(client.get(path).content.decode()) for path in PAGES}
    leads: dict[str, tuple[int, set[str]]] = {}  # what an address answers, and the places on it
    dead = []
    for path, links in pages.items():
        for href in set(links.hrefs):
            parts = urlsplit(href)
            if (
                parts.scheme in {"tel", "mailto", "data"}
                or parts.netloc
                or parts.path.startswith("/static/")
                or parts.path == "/theme/"
            ):
                continue
            status, ids = 200, links.ids  # of this page itself
            if address := href.partition("#")[0] and urljoin(path, href.partition("#")[0]):
                if address not in leads:
                    answer = client.get(address)
                    leads[address] = answer.status_code, Links(answer.content.decode()).ids
                status, ids = leads[address]
            if status not in {200, 302, 303} or (parts.fragment and parts.fragment not in ids):
                dead.append(f"{path}: {href} {status}")
    assert len(leads) > len(PAGES)
    assert dead == []


def test_the_article_holds_the_facts(client: Client, public_site: None) -> None:
    words = text(client.get("/articles/dutasteride-mesotherapy/").content)
    for fact in (
        "5-alpha-reductase inhibitor",
        "DHT",
        "miniaturization",
        "androgenetic alopecia",
        "front and on the crown",
        "very small injections into the skin",
        "limit how much reaches the rest of the body",
        "sexual function or mood",
        "Slow the shedding",
        "Make hair thicker",
        "Keep what you have",
        "6 to 12 weeks",
        "3 to 6 months",
        "Up to 12 months",
        "induction phase",
        "maintenance sessions",
        "chronic",
        "When treatment stops",
        "minoxidil",
        "confirms whether this is pattern hair loss",
    ):
        assert fact in words, fact


def test_the_article_names_author_reviewer_date_reading_time_sources_and_disclaimer(client: Client, article: ArticlePage) -> None:
    words = text(client.get(article.path_on_site).content)
    assert "Reviewed by Dr. Lena Marchetti" in words
    assert "Written by Kelly Byrne, RN" in words
    assert re.search(r"Reviewed [A-Z][a-z]+ \d+, \d{4}", words)
    assert re.search(r"\d-minute read", words)
    assert "Sources" in words
    assert "not a diagnosis" in words


def test_no_invitation_to_book_names_a_drug_or_promises_a_result(public_site: None) -> None:
    from articles.words import drugs_in, superlatives_in

    for page in ArticlePage.objects.all():
        assert drugs_in(f"{page.invitation_title} {page.invitation_text}") == []
        assert superlatives_in(page.all_text()) == []


def test_a_topic_narrows_the_articles_and_a_search_without_hits_says_what_to_do(client: Client, public_site: None) -> None:
    causes = text(client.get("/articles/?topic=causes").content)
    assert "Is it shedding" in causes
    assert "Dutasteride mesotherapy" not in causes
    assert "Is it shedding" in text(client.get("/articles/?q=shedding").content)
    nothing = text(client.get("/articles/?q=keratosis").content)
    assert "Nothing found for “keratosis”. Try fewer words, or see all topics." in nothing
    assert client.get("/articles/?q=%3Cscript%3E&topic=%27").status_code == 200


def test_the_physicians_page_shows_register_number_languages_and_times(client: Client, public_site: None) -> None:
    html = client.get("/physicians/").content.decode()
    for person in Practitioner.objects.exclude(registration_number=""):
        assert person.name in html
        assert person.registration_number in html
        assert person.languages in html
        assert f"who={person.public_id}" in html
    assert "Kelly Byrne" not in html


def test_the_privacy_policy_says_who_reads_where_how_long_and_whom_to_complain_to(client: Client, public_site: None) -> None:
    words = text(client.get("/privacy/").content)
    for fact in ("Personal Health Information Protection Act", "encrypted", "in Canada", "10 years", "30 days", "privacy officer",
                 "Information and Privacy Commissioner of Ontario", "never say why"):  # fmt: skip
        assert fact in words, fact


def test_the_fees_come_from_the_services(client: Client, public_site: None) -> None:
    words = text(client.get("/fees/").content)
    assert "First assessment 30 minutes $150 not covered by OHIP" in words
    assert "Cancelled less than 24 hours before" in words


def test_loading_the_demo_twice_adds_nothing_and_keeps_what_the_editor_wrote(client: Client, article: ArticlePage) -> None:
    from accounts import clock
    from articles import demo

    article.title = "A title of our own"
    article.save_revision().publish()
    assert demo.load(clock.now()) == []
    assert "A title of our own" in client.get(article.path_on_site).content.decode()


def test_robots_and_sitemap_show_public_pages_only(client: Client, public_site: None) -> None:
    robots = client.get("/robots.txt").content.decode()
    assert "Disallow: /book/" in robots
    assert "Disallow: /v/" in robots
    sitemap = client.get("/sitemap.xml")
    assert sitemap["Content-Type"].startswith("application/xml")
    found = set(re.findall(r"<loc>https?://[^/]+(.*?)</loc>", sitemap.content.decode()))
    people = {f"/physicians/{who.slug}/" for who in Practitioner.objects.exclude(registration_number="")}
    assert found == {page for page in PAGES if "?" not in page} | people


def test_a_chosen_theme_is_in_the_html_and_can_be_taken_back(client: Client, public_site: None) -> None:
    assert "data-theme" not in client.get("/contact/").content.decode()
    assert client.post("/theme/", {"theme": "dark", "next": "/accessibility/"}).status_code == 302
    assert '<html lang="en-CA" data-theme="dark">' in client.get("/contact/").content.decode()
    assert '<html lang="en-CA" data-theme="dark">' in client.get("/articles/dutasteride-mesotherapy/").content.decode()
    client.post("/theme/", {"theme": "", "next": "//evil.example/"})
    assert "data-theme" not in client.get("/articles/dutasteride-mesotherapy/").content.decode()


def test_the_theme_form_never_leads_to_another_site(client: Client, public_site: None) -> None:
    for evil in ("https://evil.example/x", "//evil.example/x", "/\\evil.example", "javascript:alert(1)"):
        assert client.post("/theme/", {"theme": "dark", "next": evil})["Location"] == "/accessibility/"


def test_what_does_not_exist_is_a_404_in_our_voice(client: Client, public_site: None) -> None:
    for path in ("/nothing/", "/articles/nothing/", "/articles/dutasteride-mesotherapy/more/"):
        response = client.get(path)
        assert response.status_code == 404
        assert "We cannot find that page" in response.content.decode()


def test_pages_set_no_cookie(client: Client, public_site: None) -> None:
    for path in PAGES:
        if path != "/accessibility/":  # its form needs a token
            assert not client.get(path).cookies, path


@pytest.mark.parametrize("path", [path for path in PAGES if "search" not in path])
def test_every_public_page_says_what_others_show_of_it(client: Client, public_site: None, path: str) -> None:
    site = settings.SITE_URL
    head = client.get(path + "?topic=causes").content.decode().partition("</head>")[0]
    found = dict(re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', head))
    assert len(found["description"]) > 40
    assert found["og:title"]
    assert found["og:description"] == found["description"]
    assert found["og:url"] == site + path
    assert f'<link rel="canonical" href="{site}{path}">' in head
    assert re.fullmatch(re.escape(site) + r"/static/img/share\.(\w+\.)?png", found["og:image"])


def facts_of(client: Client, path: str) -> dict[str, Any]:
    """What a page tells search engines it is about."""
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', client.get(path).content.decode())
    return dict(json.loads(found[0])) if found else {}


def test_search_engines_are_told_who_and_where_the_clinic_is_and_who_reviewed_what(client: Client, public_site: None) -> None:
    for path in ("/", "/contact/"):
        assert facts_of(client, path)["telephone"] == "+15195550142"
        assert facts_of(client, path)["address"]["addressLocality"] == "Kitchener"
    article = ArticlePage.objects.get(slug="dutasteride-mesotherapy")
    said = facts_of(client, "/articles/dutasteride-mesotherapy/")
    assert article.reviewer is not None
    assert article.reviewed_on is not None
    assert said["reviewedBy"]["name"] == article.reviewer.name
    assert said["lastReviewed"] == article.reviewed_on.isoformat()
    assert facts_of(client, "/physicians/amara-osei/")["name"] == "Dr. Amara Osei"
    assert facts_of(client, "/privacy/") == {}


def test_no_title_ends_the_element_that_carries_the_facts(client: Client, public_site: None) -> None:
    page = ArticlePage.objects.get(slug="dutasteride-mesotherapy")
    page.title = "A </script><b>title</b> & more"
    page.save_revision().publish()
    assert facts_of(client, "/articles/dutasteride-mesotherapy/")["headline"] == page.title


def test_the_title_an_editor_wrote_for_search_engines_is_the_title(client: Client, public_site: None) -> None:
    page = ArticlePage.objects.get(slug="dutasteride-mesotherapy")
    page.seo_title = "What dutasteride mesotherapy does"
    page.save_revision().publish()
    html = client.get("/articles/dutasteride-mesotherapy/").content.decode()
    assert "What dutasteride mesotherapy does" in html.partition("</title>")[0]
    assert f"<h1>{page.title}</h1>" in html
