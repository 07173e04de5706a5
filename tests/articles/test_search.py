"""Search over the public site."""

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_site")]


def found(client: Client, query: str) -> str:
    """The page of results."""
    answer = client.get("/search/", {"q": query})
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_finds_articles_by_what_they_say(client: Client):
    assert "/articles/dutasteride-mesotherapy/" in found(client, "mesotherapy")


def test_it_finds_pages_and_physicians_by_name(client: Client):
    assert 'href="/fees/"' in found(client, "fees")
    assert 'href="/physicians/amara-osei/"' in found(client, "osei")


def test_nothing_found_says_so_and_keeps_the_words(client: Client):
    page = found(client, "zebra <b>stripes")
    assert "Nothing found for “zebra &lt;b&gt;stripes”" in page
    assert 'value="zebra &lt;b&gt;stripes"' in page


def test_without_words_it_only_asks(client: Client):
    page = found(client, "   ")
    assert "Nothing found" not in page and "Search the whole site" in page


def test_search_engines_do_not_keep_results(client: Client):
    assert '<meta name="robots" content="noindex">' in found(client, "hair")
