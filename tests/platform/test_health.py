"""/livez and /readyz."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tzdata
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from accounts import health
from notifications.health import beat


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.HEALTH_CHECKS = {}
    monkeypatch.setattr(health, "_migrations", (float("-inf"), "not looked at yet"))


@pytest.mark.django_db
def test_livez_touches_nothing(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/livez")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.django_db
def test_readyz_is_ready_when_everything_answers(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert answer.json()["checks"]["migrations"] == "ok"
    assert answer.json()["tzdata"] == tzdata.IANA_VERSION


@pytest.mark.django_db
def test_a_missing_redis_is_degraded_not_dead(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "Redis" in answer.json()["checks"]["redis"]


@pytest.mark.django_db
def test_a_silent_database_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise DatabaseError("secret detail")

    monkeypatch.setattr(health.connection, "cursor", refuse)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert b"secret" not in answer.content


@pytest.mark.django_db
def test_pending_migrations_are_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: [1, 2])
    assert client.get("/readyz").status_code == 503


@pytest.mark.django_db
def test_a_check_of_an_upper_layer_degrades(client: Client, settings: Any) -> None:
    settings.HEALTH_CHECKS = {"worker": "tests.platform.test_health.late"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["worker"]) == (200, "late")


def late() -> str:
    return "late"


@pytest.mark.django_db
def test_a_worker_that_is_away_degrades_and_one_that_works_does_not(client: Client, settings: Any) -> None:
    settings.HEALTH_CHECKS = {"worker": "notifications.health.worker"}
    assert "worker" in client.get("/readyz").json()["checks"]["worker"]
    beat("worker")
    assert client.get("/readyz").json()["status"] == "ready"
    beat("worker", now=timezone.now() - timedelta(seconds=55))
    assert client.get("/readyz").json()["status"] == "ready"
    beat("worker", now=timezone.now() - timedelta(seconds=65))
    assert client.get("/readyz").json()["status"] == "degraded"


@pytest.mark.django_db
@pytest.mark.parametrize("who", [{"REMOTE_ADDR": "203.0.113.9"}, {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}])
def test_the_world_sees_one_word(client: Client, who: dict[str, str]) -> None:
    assert set(client.get("/readyz", **who).json()) == {"status"}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["MEDIA_ROOT", "PRIVATE_ROOT"])
def test_the_disk_that_is_looked_at_is_the_one_written_to(
    name: str, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    setattr(settings, name, tmp_path / "full" / "not" / "yet")
    full = SimpleNamespace(free=1, total=100)
    roomy = SimpleNamespace(free=50, total=100)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda at: full if at == tmp_path / "full" else roomy)
    assert health.disk() == f"less than 5 % of the disk of {name} is free"
