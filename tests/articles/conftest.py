"""A clinic with its public site and the three articles."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import transaction

from accounts import clock
from accounts.models import User
from articles import demo, openings, views
from articles.models import ArticlePage
from audit.actor import Actor
from booking.setup import DEMO_CLINIC, load_clinic


@pytest.fixture(scope="package")
def _site_rows(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The demo clinic, its pages and articles: loaded once for these tests, rolled back after them."""
    with django_db_blocker.unblock(), transaction.atomic():
        load_clinic(DEMO_CLINIC, now=clock.now(), by=Actor.system())
        demo.load(clock.now())
        yield
        transaction.set_rollback(True)


@pytest.fixture
def public_site(_site_rows: None, db: None) -> None:
    """The demo clinic, its pages and articles; nothing cached from another test."""
    forget()


@pytest.fixture
def article(public_site: None) -> ArticlePage:
    """The article about dutasteride mesotherapy."""
    return ArticlePage.objects.get(slug="dutasteride-mesotherapy")


@pytest.fixture
def lead(public_site: None) -> User:
    """A clinic lead."""
    return User.objects.create_user("lead@example.com", "a long pass phrase", name="Sam Okoro", role="lead")


def forget() -> None:
    """Drop what the process and Redis keep about pages and openings."""
    openings.forget()
    views._shells.clear()
    views._fragments.clear()
    caches["redis"].clear()
