"""The booking card: real times, or quietly none."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.cache import caches
from django.test import Client

from accounts import clock
from articles import openings
from articles.models import ArticlePage
from booking import calendar
from booking.models import Availability, Practitioner, Service
from tests.articles.conftest import forget

pytestmark = pytest.mark.django_db


def card(html: str) -> str:
    found = re.search(r'<aside class="aside-card".*?</aside>', html, re.S)
    assert found
    return found.group(0)


def links(html: str) -> list[dict[str, list[str]]]:
    return [parse_qs(query.replace("&amp;", "&")) for query in re.findall(r'href="/book/\?(slot=[^"]+)"', html)]


def test_the_card_shows_the_three_soonest_openings_and_its_links_carry_slot_physician_and_article(
    client: Client, article: ArticlePage
) -> None:
    html = card(client.get(article.path_on_site).content.decode())
    service = Service.objects.get(slug="first-assessment")
    real = calendar.soonest(service, now=clock.now(), limit=3)
    people = {person.pk: person for person in Practitioner.objects.all()}
    assert len(real) == 3
    assert links(html) == [
        {
            "slot": [slot.start.strftime("%Y-%m-%dT%H:%M:%SZ")],
            "who": [str(people[slot.practitioner_id].public_id)],
            "from": [str(article.article_ref)],
        }
        for slot in real
    ]
    for slot in real:
        assert clock.short_date(slot.start) in html
        assert clock.clock_time(slot.start) in html
    assert article.slug not in re.sub(r"<[^>]+canonical[^>]+>", "", html)


def test_a_service_that_is_not_booked_online_has_no_openings_on_the_card(client: Client, article: ArticlePage) -> None:
    Service.objects.filter(slug="first-assessment").update(online=False)
    found = card(client.get(article.path_on_site).content.decode())
    assert links(found) == []


def test_the_card_shows_what_the_booking_path_books_whatever_its_name(client: Client, article: ArticlePage) -> None:
    Service.objects.filter(slug="first-assessment").update(slug="visit-one", name="Hello visit")
    other = Service.objects.exclude(slug="visit-one").order_by("pk").first()
    assert other is not None
    Service.objects.filter(pk=other.pk).update(online=True, active=True, questionnaire="", position=0)  # asks nothing before
    html = card(client.get(article.path_on_site).content.decode())
    assert "Hello visit" in html
    assert len(links(html)) == 3
    wanted = {name: value[0] for name, value in links(html)[0].items()}
    page = client.get("/book/", wanted)
    assert (page.context["service"].name, page.context["taken"]) == ("Hello visit", None)
    assert page.context["opening"]


def test_the_phone_bar_books_the_soonest_one(client: Client, article: ArticlePage) -> None:
    html = client.get(article.path_on_site).content.decode()
    bar = html[html.index('class="sticky-cta"') :]
    assert "Soonest opening" in bar
    assert links(bar)[0] == links(card(html))[0]


def test_without_openings_in_two_weeks_the_card_names_the_next_one(client: Client, article: ArticlePage) -> None:
    today = clock.today()
    Availability.objects.update(valid_from=today + timedelta(days=30))
    forget()
    html = card(client.get(article.path_on_site).content.decode())
    assert re.search(r"The next opening is [A-Z][a-z]+.\d+\.", html)
    assert "Book an assessment" in html
    assert links(html) == []


def test_a_full_calendar_leaves_the_button(client: Client, article: ArticlePage) -> None:
    Availability.objects.all().delete()
    forget()
    html = card(client.get(article.path_on_site).content.decode())
    assert "opening" not in html.lower()
    assert f"/book/?from={article.article_ref}" in html


@pytest.mark.parametrize("broken", ["soonest", "_find"])
def test_when_the_lookup_fails_the_times_vanish_and_the_button_stays(
    client: Client, article: ArticlePage, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("calendar is down")

    monkeypatch.setattr(calendar if broken == "soonest" else openings, broken, fail)
    response = client.get(article.path_on_site)
    assert response.status_code == 200
    html = card(response.content.decode())
    assert links(html) == []
    assert f"/book/?from={article.article_ref}" in html
    for path in ("/", "/physicians/"):
        assert client.get(path).status_code == 200


def test_a_redis_that_is_down_costs_nothing_but_the_computation(
    client: Client, article: ArticlePage, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as RedisDown

    def down(*args: Any, **kwargs: Any) -> None:
        raise RedisDown

    for name in ("get", "set"):
        monkeypatch.setattr(f"django.core.cache.backends.redis.RedisCacheClient.{name}", down)
    assert len(links(card(client.get(article.path_on_site).content.decode()))) == 3


def test_another_process_finds_the_openings_in_redis(
    client: Client, article: ArticlePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()  # one instant, so that both look-ups ask for the same minute
    found = openings.soonest(now)
    openings.forget()  # as a process that has just started

    def fail(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(openings, "_find", fail)
    assert caches["redis"].get(found.key) is not None
    again = openings.soonest(now)
    assert again.openings == found.openings


def test_a_change_of_any_calendar_shows_at_once(client: Client, article: ArticlePage) -> None:
    before = links(card(client.get(article.path_on_site).content.decode()))
    first = Practitioner.objects.get(public_id=before[0]["who"][0])
    Availability.objects.filter(practitioner=first).delete()
    first.calendar_rev += 1
    first.save()
    after = links(card(client.get(article.path_on_site).content.decode()))
    assert all(link["who"] != [str(first.public_id)] for link in after)
