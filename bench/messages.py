"""What sending costs: `make bench` takes these rows in; `python -m bench.messages` measures only them.

All of it on a database with a million messages (`outbox.py`), durable, with real Celery workers and a real SMTP conversation:

- the drain against a Celery task per message (`naive.py`), in turn through the same worker: messages a second
- the drain against a bare Django SMTP loop (same templates, one connection, no database), in turn: CPU of everything that runs
- a thousand messages due in the same second, through worker and beat: how long until the server has taken them
- claiming: how long one claim takes, and how many rows a second four processes claim and mark, against four bare SQL loops
- bookings while Redis is frozen (SIGSTOP), in turn with bookings while it is not
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.rig import Databases, product, running, show, use
from devservices import servers
from devservices.processes import Family
from devservices.state import ROOT

ROUNDS, DRAINED, ONE_BY_ONE = 3, 600, 200
CPU_ROUNDS, CPU_EACH = 5, 300
BURST = 1000
CLAIMS, BATCH, CLAIMERS, CLAIMED_ROWS = 600, 50, 4, 40_000
FROZEN = 150  # bookings each way
TICK = os.sysconf("SC_CLK_TCK")


# --- Rows, and what has come ---------------------------------------------------------------------------------------------


def make_due(where: str, number: int, at: datetime) -> list[int]:
    """Make that many deliveries due at `at`; their keys. `where` picks among the waiting."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE notifications_delivery d SET next_attempt_at = %s, state = 'pending', attempts = 0, claim = NULL, "
            f"lease_until = NULL, sent_at = NULL WHERE d.id IN (SELECT d.id FROM notifications_delivery d "
            f"JOIN notifications_message m ON m.id = d.message_id WHERE {where} ORDER BY d.id LIMIT %s) RETURNING d.id",
            [at, number],
        )
        return sorted(row[0] for row in cursor.fetchall())


TO_SEND = "m.recipient = 'patient' AND d.next_attempt_at > now() + interval '1 day' AND d.state = 'pending'"
TO_CLAIM = "m.recipient = 'later' AND d.next_attempt_at > now() + interval '1 day' AND d.state = 'pending'"


def put_back() -> None:
    """Everything that the bench made due waits again for next year."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            "UPDATE notifications_delivery d SET state = 'pending', next_attempt_at = now() + interval '1 year', claim = NULL, "
            "lease_until = NULL, attempts = 0, sent_at = NULL FROM notifications_message m WHERE m.id = d.message_id "
            "AND m.expires_at > now() AND d.updated_at > now() - interval '1 hour'"
        )
        cursor.execute("VACUUM ANALYZE notifications_delivery")
        cursor.execute("RESET statement_timeout")


class Arrived:
    """What the sink has taken since `mark`."""

    def __init__(self, file: Path) -> None:
        self.file, self.since = file, 0

    def mark(self) -> None:
        self.since = self.file.stat().st_size

    def times(self) -> list[float]:
        import array

        with self.file.open("rb") as read:
            read.seek(self.since)
            return list(array.array("d", read.read()))

    def wait(self, number: int, seconds: float = 120) -> list[float]:
        """Until that many have come; when each did."""
        until = time.monotonic() + seconds
        while self.file.stat().st_size - self.since < 8 * number:
            if time.monotonic() > until:
                raise RuntimeError(f"{len(self.times())} of {number} messages came in {seconds:.0f} s")
            time.sleep(0.02)
        return self.times()


def cpu(*roots: int) -> float:
    """CPU seconds of processes, of all below them, and of those below that have ended."""
    parents: dict[int, list[int]] = {}
    used: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
                used[int(entry.name)] = sum(map(int, fields[11:15]))
    total, todo = 0, list(roots)
    while todo:
        pid = todo.pop()
        total += used.get(pid, 0)
        todo += parents.get(pid, [])
    return total / TICK


# --- Real workers ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held(child: "subprocess.Popen[bytes]") -> Iterator[None]:
    """The worker stands still while its work is laid out."""
    os.killpg(child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(child.pid, signal.SIGCONT)


def rate(times: list[float]) -> float:
    """Messages a second, from the first to the last."""
    return (len(times) - 1) / (max(times) - min(times))


def against_tasks(family: Family, arrived: Arrived, worker: "subprocess.Popen[bytes]") -> tuple[float, dict[str, float]]:
    """How many times as many messages a second the drain sends as a task per message; and the figures."""
    from accounts import clock
    from bench.naive import send_one
    from notifications.tasks import tick

    around = [worker.pid, family.children["PostgreSQL"].pid, family.children["sink"].pid]
    if "Valkey" in family.children:
        around.append(family.children["Valkey"].pid)

    def drained() -> None:
        make_due(TO_SEND, DRAINED, clock.now())
        for _child in range(2):
            tick.delay()

    def by_task() -> None:
        far = clock.now() + timedelta(hours=12)
        for pk in make_due(TO_SEND, ONE_BY_ONE, far):
            send_one.delay(pk)

    def once(lay_out: Callable[[], None], number: int) -> tuple[float, float]:
        arrived.mark()
        with held(worker):
            lay_out()
            before = cpu(*around)
        times = arrived.wait(number)
        time.sleep(0.5)  # the last answers are noted
        return rate(times), 1000 * (cpu(*around) - before) / number

    for _warm in range(2):
        once(drained, DRAINED)
        once(by_task, ONE_BY_ONE)
    took = [(once(drained, DRAINED), once(by_task, ONE_BY_ONE)) for _round in range(ROUNDS)]
    figures = {
        "drain, messages/s": median(a[0] for a, _b in took),
        "task per message, messages/s": median(b[0] for _a, b in took),
        "drain, CPU ms/message": median(a[1] for a, _b in took),
        "task per message, CPU ms/message": median(b[1] for _a, b in took),
    }
    return median(a[0] / b[0] for a, b in took), figures


def against_a_loop(family: Family, arrived: Arrived) -> tuple[float, dict[str, float]]:
    """The share of the drain's CPU that a bare loop needs for the same letters; and the figures."""
    from django.core.mail import get_connection

    from accounts import clock
    from notifications import drain
    from notifications.channels import build_mail
    from notifications.kinds import EMAIL, KINDS
    from notifications.letters import Facts, letter_of, visit_words
    from notifications.models import Delivery

    around = [family.children["PostgreSQL"].pid, family.children["sink"].pid, os.getpid()]
    pks = make_due(TO_SEND, CPU_EACH, clock.now() + timedelta(days=1))
    ready = []
    deliveries = list(Delivery.objects.select_related("message").filter(pk__in=pks))
    facts = Facts.of([delivery.message for delivery in deliveries])
    for delivery in deliveries:
        visit = facts.visits[delivery.message.subject_id]
        ready.append((delivery, visit, KINDS[delivery.message.kind], visit_words(visit, delivery.message, now=clock.now())))

    def loop() -> int:
        """Render, build, send: what the letters hold is known already."""
        smtp = get_connection()
        smtp.open()
        for delivery, visit, kind, said in ready:
            letter = letter_of(kind, EMAIL, visit.patient.email, said, (), visit=visit, now=clock.now())
            smtp.send_messages([build_mail(delivery, letter)])
        smtp.close()
        return len(ready)

    def drained() -> int:
        make_due(TO_SEND, CPU_EACH, clock.now())
        before[0] = cpu(*around)  # laying out is not counted
        return drain.run()["accepted"]

    before = [0.0]

    def once(work: Callable[[], int]) -> float:
        arrived.mark()
        before[0] = cpu(*around)
        number = work()
        used = cpu(*around) - before[0]
        assert number == CPU_EACH == len(arrived.wait(number)), number
        return 1000 * used / number

    once(loop), once(drained)
    took = [(once(loop), once(drained)) for _round in range(CPU_ROUNDS)]
    figures = {"bare loop, CPU ms/message": median(a for a, _b in took), "drain, CPU ms/message": median(b for _a, b in took)}
    return sum(a for a, _b in took) / sum(b for _a, b in took), figures


def same_second(arrived: Arrived) -> float:
    """A thousand due at once, a worker and beat that run already: the 99th of a hundred waits so many seconds."""
    from accounts import clock
    from notifications.models import Delivery

    due = clock.now().replace(microsecond=0) + timedelta(seconds=4)
    arrived.mark()
    pks = make_due(TO_SEND, BURST, due)
    arrived.wait(BURST)
    time.sleep(1)
    sent = Delivery.objects.filter(pk__in=pks, state="accepted").values_list("sent_at", flat=True)
    waits = sorted((at - due).total_seconds() for at in sent if at)
    assert len(waits) == BURST, len(waits)
    return waits[BURST * 99 // 100 - 1]


# --- Claiming --------------------------------------------------------------------------------------------------------------


def one_claim() -> tuple[float, float]:
    """Milliseconds that 99 of a hundred claims stay under; and the same with all that the letters are about read as well."""
    from accounts import clock
    from notifications.drain import Drain

    make_due(TO_CLAIM, CLAIMS * BATCH, clock.now())
    took: dict[str, list[float]] = {"claim_ids": [], "claim": []}
    for turn in range(CLAIMS):
        which = ("claim_ids", "claim")[turn % 2]
        one = Drain()
        began = time.perf_counter()
        claimed = getattr(one, which)(BATCH)
        took[which].append(1000 * (time.perf_counter() - began))
        assert len(claimed) == BATCH
    put_back()
    at = CLAIMS // 2 * 99 // 100 - 1
    return sorted(took["claim_ids"])[at], sorted(took["claim"])[at]


def side_by_side(how: str) -> tuple[float, int]:
    """Rows a second that four processes claim and mark until none is due; and how many were claimed twice or never."""
    from accounts import clock

    pks = make_due(TO_CLAIM, CLAIMED_ROWS, clock.now())
    command = [sys.executable, "-m", "bench.messages", how]
    four = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _n in range(CLAIMERS)
    ]
    for one in four:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    for one in four:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    found = [json.loads(one.communicate(timeout=120)[0]) for one in four]
    mine = [pk for one in found for pk in one["ids"]]
    seconds = max(one["ended"] for one in found) - min(one["began"] for one in found)
    put_back()
    return len(mine) / seconds, len(mine) - len(set(mine)) + len(set(pks) ^ set(mine))


_BARE = """
WITH due AS MATERIALIZED (
  SELECT id FROM notifications_delivery WHERE state = 'pending' AND next_attempt_at <= now()
  ORDER BY next_attempt_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
UPDATE notifications_delivery d SET state = 'accepted', updated_at = now() FROM due WHERE d.id = due.id RETURNING d.id
"""


def claimer(how: str) -> None:
    """One of the four: the drain's own claim and mark ("drain"), or one bare prepared statement ("bare")."""
    import django

    django.setup()
    from django.db import connection

    from notifications.drain import Drain
    from notifications.letters import Stay
    from notifications.models import State

    connection.ensure_connection()
    drain, stay = Drain(), Stay(State.SKIPPED, "bench")

    def by_drain() -> list[int]:
        ids = drain.claim_ids(BATCH)
        drain.keep([(pk, stay) for pk in ids])
        return ids

    raw = connection.connection
    raw.prepare_threshold = 0

    def bare() -> list[int]:
        return [row[0] for row in raw.execute(_BARE, [BATCH]).fetchall()]

    work = by_drain if how == "drain" else bare
    print("ready", flush=True)
    sys.stdin.readline()
    ids: list[int] = []
    began = time.time()
    while batch := work():
        ids += batch
    print(json.dumps({"began": began, "ended": time.time(), "ids": ids}), flush=True)


# --- Redis frozen ----------------------------------------------------------------------------------------------------------


def frozen(family: Family, path: Path, days: Any) -> tuple[float, float]:
    """Milliseconds that 95 of a hundred complete bookings stay under: while Redis answers, and while it is frozen."""
    from bench.booking import people, press_book
    from bench.client import Client, timed

    crowd, port = iter(people(2 * FROZEN + 24, days)), servers.free_port()
    product(family, path, "frozen", port)
    client, redis = Client(port), family.children["Valkey"].pid

    def book() -> float:
        return 1000 * timed(client, press_book(next(crowd), port), 303)

    for _warm in range(24):
        book()
    answers, silent = [], []
    for _turn in range(FROZEN):
        answers.append(book())
        os.kill(redis, signal.SIGSTOP)
        try:
            silent.append(book())
        finally:
            os.kill(redis, signal.SIGCONT)
    at = FROZEN * 95 // 100 - 1
    return sorted(answers)[at], sorted(silent)[at]


# --- All of it -------------------------------------------------------------------------------------------------------------


def measure(family: Family, path: Path, databases: Any) -> list[Any]:
    """The rows. Django of this process points at a copy of the million messages afterwards."""
    import hashlib

    from django.conf import settings

    from bench import outbox
    from bench.asking import Row, said
    from notifications import rounds

    clones = databases.clones
    full = clones.admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, 'bench_full_')").fetchone()[0]
    said("a million messages")
    stamp = hashlib.sha256(full.encode() + Path(outbox.__file__).read_bytes() + clones.migrations.encode()).hexdigest()[:12]
    template = clones.template("bench_outbox_", stamp, outbox.fill, source=full)
    clones._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", "now_outbox")
    clones._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", "now_outbox", template)
    use("now_outbox")
    os.environ["DATABASE_URL"] = os.environ["DATABASE_URL"].rpartition("/")[0] + "/now_outbox"
    port, file = servers.free_port(), path / "sink"
    family.start("sink", [sys.executable, "-m", "bench.sink", str(port), str(file)], log=path / "sink.log", cwd=ROOT)
    until = time.monotonic() + 20
    while not servers.listens(port) and time.monotonic() < until:
        time.sleep(0.05)
    os.environ |= {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(port), "EMAIL_USE_TLS": "0", "MESSAGE_QUIET_HOURS": ""}
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", port, False
    arrived = Arrived(file)
    rounds.once()  # whatever the demo's clinic has to say

    said("claims")
    claim_ms, ready_ms = one_claim()
    pairs = [(side_by_side("drain"), side_by_side("bare")) for _round in range(ROUNDS)]
    claimed = median(a[0] for a, _b in pairs)
    wrong = sum(a[1] for a, _b in pairs)

    said("bookings while Redis is frozen")
    answers, silent = frozen(family, path, databases.booking_days())
    figures = {"booking p95, ms": answers, "booking p95, Redis frozen, ms": silent}

    said("drain and loop")
    share, loop = against_a_loop(family, arrived)
    put_back()

    said("drain and tasks")
    celery = [sys.executable, "-m", "celery", "-A", "bench.naive"]
    worker = family.start(
        "messages worker", [*celery, "worker", "-c", "2", "--without-gossip", "--without-mingle", "--loglevel", "WARNING"],
        log=path / "worker.log", cwd=ROOT,
    )  # fmt: skip
    times, more = against_tasks(family, arrived, worker)
    put_back()

    said("a thousand in the same second")
    schedule = str(path / f"beat-{os.getpid()}")
    family.start("beat", [*celery, "beat", "-s", schedule, "--pidfile", ""], log=path / "beat.log", cwd=ROOT)
    time.sleep(5)
    punctual = same_second(arrived)

    for name, value in (figures | loop | more).items():
        print(f"  {name:34} {value:9.2f}")
    print(f"  claimed and marked {claimed:.0f}/s, bare SQL loop {median(b[0] for _a, b in pairs):.0f}/s\n")
    return [
        Row.at_least("Drain, messages/s", times, "x task/msg", 4),
        Row.at_least("Drain, CPU: bare SMTP loop / drain", share, "x", 0.5),
        Row.at_most("1,000 due in one second, p99 to accepted", punctual, "s", 10),
        Row.at_most("Claim of 50 among 1,000,000, p99", claim_ms, "ms", 10),
        Row.told("The same, with what the letters are about", ready_ms, "ms"),
        Row.at_least("Claim and mark, 4 processes", claimed, "rows/s", 10_000),
        Row.at_least("Claim and mark / bare SKIP LOCKED loop", median(a[0] / b[0] for a, b in pairs), "x", 0.2),
        Row("Rows claimed twice or never", wrong, "rows", "= 0", wrong == 0),
        Row.at_most("Booking p95, Redis frozen", silent - answers, "ms more", 10),
    ]


def main() -> int:
    """Servers, databases, these rows only."""
    with running() as (family, path):
        databases = Databases()
        databases.ready()
        rows = measure(family, path, databases)
    return show(rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        claimer(sys.argv[1])
    else:
        sys.exit(main())
