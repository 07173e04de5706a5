"""An article is rendered once per revision; its times are put in; an unchanged one costs a 304."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from articles.models import ArticlePage
from booking.models import Practitioner

pytestmark = pytest.mark.django_db


def test_a_warm_article_takes_one_statement(
    client: Client, article: ArticlePage, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.get(article.path_on_site)
    with django_assert_max_num_queries(1):
        assert client.get(article.path_on_site).status_code == 200


def test_an_unchanged_article_is_a_304_in_one_statement(
    client: Client, article: ArticlePage, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    etag = client.get(article.path_on_site)["ETag"]
    with django_assert_max_num_queries(1):
        response = client.get(article.path_on_site, headers={"if-none-match": etag})
    assert response.status_code == 304
    assert response.content == b""
    assert response["ETag"] == etag


def test_a_new_revision_is_a_new_page(client: Client, article: ArticlePage) -> None:
    etag = client.get(article.path_on_site)["ETag"]
    article.summary = "Something else altogether."
    article.save_revision().publish()
    response = client.get(article.path_on_site, headers={"if-none-match": etag})
    assert response.status_code == 200
    assert "Something else altogether." in response.content.decode()


def test_a_draft_stays_unseen(client: Client, article: ArticlePage) -> None:
    client.get(article.path_on_site)
    article.summary = "Not yet for the public."
    article.save_revision()
    assert "Not yet for the public." not in client.get(article.path_on_site).content.decode()


def test_an_unpublished_article_is_gone_from_its_page_and_from_the_others(client: Client, article: ArticlePage) -> None:
    other = ArticlePage.objects.exclude(pk=article.pk).first()
    assert other
    assert article.title in client.get(other.path_on_site).content.decode()
    article.unpublish()
    assert client.get(article.path_on_site).status_code == 404
    assert article.title not in client.get(other.path_on_site).content.decode()


def test_a_changed_name_of_the_reviewer_or_the_clinic_shows(client: Client, article: ArticlePage) -> None:
    from accounts.models import Clinic

    client.get(article.path_on_site)
    Practitioner.objects.filter(pk=article.reviewer_id).update(name="Dr. Lena Rossi")
    assert "Dr. Lena Rossi" in client.get(article.path_on_site).content.decode()
    Clinic.objects.update(phone="519-555-0199")
    Clinic.forget_current()
    assert "519-555-0199" in client.get(article.path_on_site).content.decode()


def test_browsers_ask_again_each_time(client: Client, article: ArticlePage) -> None:
    response = client.get(article.path_on_site)
    assert response["Cache-Control"] == "no-cache"
    assert "Cookie" in response["Vary"]
    assert "unsafe-inline" not in response["Content-Security-Policy"]
