"""The health checks of the containers."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config import probe
from notifications.health import beat


@pytest.fixture
def here(process_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", process_env["DATABASE_URL"])


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_well_while_it_does_its_rounds(here: None, capsys: Any) -> None:
    assert probe.main("worker") == 1
    assert "not done a round yet" in capsys.readouterr().err
    beat("worker")
    beat("sender", now=timezone.now() - timedelta(minutes=3))
    assert probe.main("worker") == 0
    assert probe.main("sender") == 1


def test_without_a_database_it_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
    assert probe.main("sender") == 1


@pytest.mark.django_db(transaction=True)
def test_the_web_server_is_asked_under_a_name_that_it_answers_to(
    live_server: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setenv("PORT", live_server.url.rpartition(":")[2])
    settings.ALLOWED_HOSTS = ["book.clinic.example"]
    monkeypatch.setenv("ALLOWED_HOSTS", "elsewhere.example")
    assert probe.main("livez") == 1
    monkeypatch.setenv("ALLOWED_HOSTS", ".book.clinic.example,other")
    assert probe.main("livez") == 0
    monkeypatch.setenv("PORT", "1")
    assert probe.main("livez") == 1
