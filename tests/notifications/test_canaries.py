"""After real processes have planned and sent: nothing of why somebody comes is in Redis, in the logs, or in what was sent."""

import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from django.conf import settings as django_settings
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts import clock
from audit.actor import Actor
from booking.links import token_of
from booking.models import Appointment, Service
from devservices import servers, state
from intake import actions
from notifications import replies
from notifications.models import CaughtText, Delivery, Inbound, Message
from patients.models import Patient
from tests.notifications.conftest import Post
from tests.notifications.test_processes import env, running, wait_for  # noqa: F401

ROOT = Path(django_settings.BASE_DIR)
REASON = "CANARYwhy"  # answers, reasons, names of services: nowhere
OTHERS = {"django.db.backends", "mail.log"}  # statements, which are off outside the tests; the tests' own mail server
NAME = "CANARYname"  # a patient's name and address: in mail and texts, never in Redis or a log
pytestmark = pytest.mark.django_db(transaction=True)


class Listener:
    """Everything that anybody tells this Redis database while the block runs: task messages with their arguments, keys, values."""

    def __init__(self, url: str) -> None:
        self.server = redis.Redis.from_url(url, socket_timeout=None)  # nobody may say anything for a while
        self.database = self.server.connection_pool.connection_kwargs.get("db", 0)
        self.heard: list[str] = []
        self.over = threading.Event()

    def __enter__(self) -> "Listener":
        self.monitor = self.server.monitor()
        self.monitor.__enter__()
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()
        return self

    def _listen(self) -> None:
        while not self.over.is_set():
            try:
                said = self.monitor.next_command()
            except (redis.RedisError, OSError, ValueError):
                return
            if said["db"] == self.database:
                self.heard.append(str(said["command"]))

    def __exit__(self, *args: object) -> None:
        self.over.set()
        self.server.ping()  # one more command, so that the listener wakes up
        self.thread.join(5)
        self.monitor.__exit__(None, None, None)

    def kept(self) -> str:
        """Every key and value that is still there, of any type."""
        return " ".join(repr((key, self.server.dump(key))) for key in self.server.scan_iter(count=500))


@pytest.fixture
def told(book: Callable[..., Appointment], patient: Patient) -> Appointment:
    """A visit in two days of a patient whose every word is a canary."""
    now = clock.now()
    Patient.objects.update(preferred_name=NAME, legal_last_name=NAME, email=f"{NAME.lower()}@example.com")
    visit = book(now.replace(second=0, microsecond=0) + clock.timedelta(days=2), now=now - clock.timedelta(days=10))
    actions.publish_all(by=Actor.system(), now=now)
    response = actions.start_draft("hair-loss-intake", by=Actor.anonymous(), now=now)
    Service.objects.update(name=f"{REASON} service", slug="canarywhy", price_text=REASON, questionnaire="hair-loss-intake")
    Appointment.objects.update(response=response, cancel_reason=REASON, call_reason=REASON)
    replies.take("catcher", uuid.uuid4().hex, "+15195550181", f"{REASON} my scalp", now=now)
    return visit


@pytest.mark.processes
@pytest.mark.workers
def test_real_workers_leave_no_reason_in_redis_in_logs_or_in_messages(
    env: dict[str, str],  # noqa: F811
    post: Post,
    told: Appointment,
    client: Client,
    tmp_path: Path,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    worker = [*celery, "worker", "-c", "1", "--without-gossip", "--without-mingle", "--loglevel", "DEBUG"]
    beat = [*celery, "beat", "-s", str(tmp_path / "beat"), "--pidfile", "", "--loglevel", "DEBUG"]
    log, beat_log = tmp_path / "worker.log", tmp_path / "beat.log"
    caplog.set_level("DEBUG")
    with (
        Listener(settings.REDIS_URL) as listener,
        running(worker, env | {"LOG_LEVEL": "DEBUG"}, log),
        running(beat, env, beat_log),
    ):
        wait_for(lambda: [s for s in post.subjects if "please confirm" in s], log)
        wait_for(lambda: CaughtText.objects.filter(body__contains="your appointment is").exists(), log)
        wait_for(lambda: Inbound.objects.filter(needs_person=True).exists(), log)
        client.get(f"/v/{token_of(told)}/")
        kept = listener.kept()
    lines = "\n".join(record.getMessage() for record in caplog.records if record.name not in OTHERS)
    places = {
        "Redis, told": " ".join(listener.heard), "Redis, kept": kept, "worker": log.read_text(), "beat": beat_log.read_text(),
        "web": lines, "rows": repr([*Message.objects.values(), *Delivery.objects.values()]),
    }  # fmt: skip
    assert "notifications.tick" in places["Redis, told"], "or nothing was heard"
    for place, words in places.items():
        for mark in (REASON, NAME, "scalp", "519555"):
            assert mark.lower() not in words.lower(), (place, mark)
    sent = " ".join(m.as_string() for m in post.mails) + " ".join(p.get_payload(decode=True).decode(errors="replace")
            for m in post.mails for p in m.walk() if not p.is_multipart())  # fmt: skip
    sent += " ".join(CaughtText.objects.values_list("body", flat=True))
    assert NAME in sent
    assert REASON.lower() not in sent.lower()


def test_a_statement_that_fails_is_not_logged_with_its_values(patient: Patient) -> None:
    """The server's own log, where the server is ours to read; and that both servers we configure are told so."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["postgres"]["command"]
    for option in servers.QUIET_LOG:
        assert option in compose
    log = state.folder("test", in_memory=True) / "postgres.log"
    before = log.stat().st_size if log.exists() else 0
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT INTO patients_patient (legal_first_name) VALUES (%s)", [NAME])
    if log.exists():
        assert NAME not in log.read_text(errors="replace")[before:]
