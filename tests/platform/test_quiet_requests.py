"""No request waits for the broker, a mail server or a cache: whoever books does not notice that Redis is frozen.

That no request talks to anybody is watched in every test there is (tests/quiet.py). These tests show that the watch sees it, and
that what may ask Redis gives up at once.
"""

import contextlib
import smtplib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from config.celery import app
from tests import quiet


def wake(request: HttpRequest) -> HttpResponse:
    app.send_task("notifications.tick")
    return HttpResponse("woken")


def mail(request: HttpRequest) -> HttpResponse:
    smtplib.SMTP("127.0.0.1", 1)
    return HttpResponse("sent")


def hide(request: HttpRequest) -> HttpResponse:
    with contextlib.suppress(Exception):
        wake(request)
    return HttpResponse("hidden")


urlpatterns = [path("wake/", wake), path("mail/", mail), path("hide/", hide)]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("where", ["/wake/", "/mail/"])
def test_a_view_that_wakes_a_worker_or_sends_a_mail_fails_its_test(client: Client, where: str, db: None) -> None:
    with pytest.raises(quiet.TalksError):
        client.get(where)
    assert quiet.talked()


@pytest.mark.urls(__name__)
def test_a_view_that_hides_it_is_found_all_the_same(client: Client, db: None) -> None:
    assert client.get("/hide/").content == b"hidden"
    assert quiet.talked()


@pytest.fixture
def frozen(settings: Any) -> Iterator[str]:
    """A Redis that takes connections and never says a word, as one under SIGSTOP does."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        settings.CACHES = settings.CACHES | {"redis": settings.CACHES["redis"] | {"LOCATION": url}}
        settings.REDIS_URL = url
        yield url


def test_a_frozen_cache_costs_a_moment_once_and_then_nothing(frozen: str) -> None:
    began = time.perf_counter()
    assert caches["redis"].get("openings") is None
    caches["redis"].set("openings", 1)
    first = time.perf_counter() - began
    began = time.perf_counter()
    for _n in range(100):
        assert caches["redis"].get("openings") is None
        caches["redis"].set("openings", 1)
    assert first < 0.5
    assert time.perf_counter() - began < 0.2
