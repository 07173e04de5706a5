"""Real processes: a Celery worker with its beat, the sender beside it, and kill -9."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from accounts import clock
from booking.models import Appointment, Practitioner
from config.celery import app
from devservices.processes import in_child
from notifications import drain, planner
from notifications.models import CaughtText, Delivery, Heartbeat
from patients.models import Patient
from tests.notifications.conftest import Post, at, go

ROOT = Path(django_settings.BASE_DIR)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def env(process_env: dict[str, str], post: Post, settings: Any) -> dict[str, str]:
    """The environment of a process that uses this test's database and mail server."""
    settings.MESSAGE_QUIET_HOURS, settings.MESSAGE_GRACE_SECONDS = "", 0
    return process_env | {
        "DJANGO_SETTINGS_MODULE": "config.settings", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(settings.EMAIL_PORT),
        "EMAIL_USE_TLS": "0", "SMS_CHANNEL": "catcher", "MESSAGE_QUIET_HOURS": "", "SITE_URL": "https://tn.example",
        "SECRET_KEY": settings.SECRET_KEY, "REDIS_URL": settings.REDIS_URL, "MESSAGE_GRACE_SECONDS": "0",
    }  # fmt: skip


@contextlib.contextmanager
def running(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process group that is gone afterwards."""
    with log.open("wb") as out:
        # If this process is killed, the kernel ends the child too: a sender that lives on would write into the next run's tests.
        orphans_end = in_child(signal.SIGKILL, os.getpid())
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=orphans_end
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(what: Callable[[], Any], log: Path, seconds: float = 90) -> Any:
    """Wait until it is true."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s in vain:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.mark.workers
def test_a_due_reminder_goes_out_through_a_real_worker_and_beat(
    env: dict[str, str], post: Post, book: Callable[..., Appointment], tmp_path: Path
) -> None:
    now = clock.now()
    visit = book(now.replace(second=0, microsecond=0) + clock.timedelta(days=2), now=now - clock.timedelta(days=10))
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    worker = [*celery, "worker", "-c", "1", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"]
    beat = [*celery, "beat", "-s", str(tmp_path / "beat"), "--pidfile", "", "--loglevel", "WARNING"]
    log = tmp_path / "worker.log"
    with running(worker, env, log), running(beat, env, tmp_path / "beat.log"):
        wait_for(lambda: [s for s in post.subjects if "please confirm" in s], log)
        wait_for(lambda: CaughtText.objects.filter(body__contains="your appointment is").exists(), log)
        assert Heartbeat.objects.filter(name="worker").exists()
    go(clock.now())
    assert sum("please confirm" in s for s in post.subjects) == 1
    visit.refresh_from_db()
    assert visit.announced == visit.version


@pytest.mark.processes
def test_the_sender_stands_in_without_redis_and_idles_while_a_worker_is_alive(
    env: dict[str, str], post: Post, book: Callable[..., Appointment], tmp_path: Path
) -> None:
    now = clock.now()
    Heartbeat.objects.create(name="worker", at=now + clock.timedelta(minutes=10))  # alive however slow this machine is
    book(now.replace(second=0, microsecond=0) + clock.timedelta(days=2), now=now - clock.timedelta(days=10))
    log = tmp_path / "sender.log"
    nowhere = env | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with running([sys.executable, "manage.py", "send_due", "--every", "0.3"], nowhere, log) as sender:
        wait_for(lambda: Heartbeat.objects.filter(name="sender").exists(), log)
        time.sleep(1)  # a few rounds
        assert post.subjects == []
        Heartbeat.objects.filter(name="worker").update(at=now - clock.timedelta(seconds=60))
        wait_for(lambda: post.subjects, log)
        sender.send_signal(signal.SIGTERM)
        assert sender.wait(10) == 0


@pytest.mark.processes
def test_kill_9_in_the_middle_of_a_send_leaves_one_unknown_and_no_second_copy(
    env: dict[str, str], post: Post, book: Callable[..., Appointment], tmp_path: Path
) -> None:
    now = clock.now()
    book(now.replace(second=0, microsecond=0) + clock.timedelta(days=2), now=now - clock.timedelta(days=10))
    planner.tick(now=now)
    log = tmp_path / "sender.log"
    with running([sys.executable, "manage.py", "send_due", "--once"], env, log) as sender:

        def kill() -> None:
            """The body has arrived, the answer never leaves."""
            os.killpg(sender.pid, signal.SIGKILL)
            time.sleep(0.5)

        post.before_answer = kill
        wait_for(lambda: sender.poll() is not None, log)
    post.before_answer = lambda: None
    assert len(post.mails) == 1, log.read_text()
    half = Delivery.objects.get(channel="email", message__kind="reminder_2d")
    assert half.state == "sending"
    go(clock.now())
    assert len(post.mails) == 1
    Delivery.objects.filter(state__in=["sending", "claimed"]).update(lease_until=at("2020-01-01 00:00"))
    assert drain.sweep(now=clock.now())["unknown"] == 1
    for _ in range(3):
        go(clock.now())
    half.refresh_from_db()
    assert (half.state, len(post.mails)) == ("unknown", 1)
    assert CaughtText.objects.filter(body__contains="your appointment is").count() == 1  # what was only claimed goes out, once


def outbox_of(visits: int, book: Callable[..., Appointment], practitioner: Practitioner) -> None:
    """Visits of as many patients, each with an email and a text that say "booked", due now."""
    now = clock.now()
    first = now.replace(hour=15, minute=0, second=0, microsecond=0) + clock.timedelta(days=20)
    for n in range(visits):
        who = Patient.objects.create(
            legal_first_name=f"P{n}", legal_last_name="Many", date_of_birth="1980-01-01", email=f"p{n}@example.com",
            mobile=f"+1519555{n:04d}", reminder_by="both", created_at=now,
        )  # fmt: skip
        book(first + clock.timedelta(days=n // 15, minutes=30 * (n % 15)), now=now - clock.timedelta(minutes=1), patient=who)
    planner.tick(now=now)


def each_went_once(post: Post, visits: int) -> None:
    """Every patient has one email and one text."""
    told = sorted(mail["to"] for mail in post.mails)
    assert told == sorted(f"p{n}@example.com" for n in range(visits))
    called = sorted(CaughtText.objects.values_list("recipient", flat=True))
    assert called == sorted(f"+1519555{n:04d}" for n in range(visits))
    assert set(Delivery.objects.filter(message__kind="booked").values_list("state", flat=True)) == {"accepted"}


@pytest.mark.processes
def test_two_machines_share_the_outbox_without_celery_and_redis(
    env: dict[str, str], post: Post, book: Callable[..., Appointment], practitioner: Practitioner, tmp_path: Path
) -> None:
    outbox_of(26, book, practitioner)  # 52 deliveries: more than one claim
    both = threading.Event()

    def until_both_send() -> None:
        """The first mail is not answered before the other process has opened its connection as well."""
        if post.connections >= 2:
            both.set()
        both.wait(9)

    post.before_answer = until_both_send
    nowhere, command = env | {"REDIS_URL": "redis://127.0.0.1:1/0"}, [sys.executable, "manage.py", "send_due", "--once"]
    with running(command, nowhere, tmp_path / "a.log") as one, running(command, nowhere, tmp_path / "b.log") as two:
        assert (one.wait(60), two.wait(60)) == (0, 0)
    assert post.connections == 2
    each_went_once(post, 26)


@pytest.mark.processes
@pytest.mark.workers
def test_ten_workers_on_five_machines_and_two_beats_send_each_message_once(
    env: dict[str, str], post: Post, book: Callable[..., Appointment], practitioner: Practitioner, tmp_path: Path
) -> None:
    outbox_of(200, book, practitioner)
    Delivery.objects.update(next_attempt_at=clock.now() + clock.timedelta(days=1))
    post.before_answer = lambda: time.sleep(0.02)
    celery = [sys.executable, "-m", "celery", "-A", "config"]
    with contextlib.ExitStack() as stack:
        for n in range(5):
            worker = [*celery, "worker", "-c", "2", "-n", f"w@machine{n}", "--loglevel", "WARNING"]
            stack.enter_context(running(worker, env, tmp_path / f"worker{n}.log"))
        for n in range(2):
            beat = [*celery, "beat", "-s", str(tmp_path / f"beat{n}"), "--pidfile", "", "--loglevel", "WARNING"]
            stack.enter_context(running(beat, env, tmp_path / f"beat{n}.log"))
        log = tmp_path / "worker0.log"
        wait_for(lambda: len(app.control.inspect(timeout=1).ping() or {}) == 5, log)
        Delivery.objects.filter(message__kind="booked").update(next_attempt_at=clock.now())
        wait_for(lambda: not Delivery.objects.filter(message__kind="booked").exclude(state="accepted").exists(), log)
        time.sleep(6)  # three more ticks of each beat find nothing to do
    assert post.connections > 2
    each_went_once(post, 200)


def test_the_web_process_does_not_even_load_the_broker(env: dict[str, str]) -> None:
    """No request can wake a worker: what would do it is not there. All views are loaded with the URLs."""
    program = (
        "import django, sys; django.setup()\n"
        "from django.urls import get_resolver; get_resolver().url_patterns\n"
        "import config.wsgi\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in {'celery', 'kombu'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
