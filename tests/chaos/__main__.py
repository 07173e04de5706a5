"""python -m tests.chaos --minutes 3 --seed 1 [--control naive|bulk]

Servers of its own; two workers of two children, three beats and the sender beside them; messages that become due all the
time, half emails and half texts. Then, at random: kill -9 of a worker, a worker's child, a beat, the sender; FLUSHALL; Redis
killed, Redis frozen; PostgreSQL stopped as if the power had gone. The mail server and the text provider have moods of their own.

At the end everything is left alone until nothing waits, and what arrived is counted:
`lost` never arrived and is not marked as unsure; `duplicated_by_key` arrived twice under one id; `raw_duplicates` reached one
address twice. Exit status 0 only if nothing was lost and nothing was duplicated. A control must fail.
"""

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from aiosmtpd.controller import Controller

from devservices import servers
from devservices.processes import Family
from devservices.state import folder
from tests.notifications.provider import NUMBER, SID, TOKEN, Provider, listening

ROOT = Path(__file__).resolve().parents[2]
PER_SECOND = 6
QUIET_AFTER = 240  # seconds that the end may take: leases are a minute


class Post:
    """The mail server. Sometimes busy, slow, or gone after the body has arrived."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.got, self.keys = dice, Counter[str](), Counter[str]()

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.dice.random() < 0.05:
            return "451 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        key = next((line for line in envelope.content.split(b"\r\n") if line.lower().startswith(b"message-id:")), b"")
        self.got[envelope.rcpt_tos[0]] += 1
        self.keys[key.decode()] += 1
        import asyncio

        await asyncio.sleep(0.012)
        if self.dice.random() < 0.02:
            server.transport.close()
        return "250 Queued"


class Machines:
    """Everything that is started, killed and started again."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.family, self.home, self.env = Family(), home, env
        self.commands: dict[str, list[str]] = {}
        self.redis_port = servers.free_port()

    def redis(self) -> None:
        """Start Redis, empty, always on the same port."""
        binary = self.redis_binary
        command = [binary, "--port", str(self.redis_port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.family.start("redis", command, log=self.home / "redis.log", cwd=str(self.home))

    def postgres(self) -> str:
        """Start PostgreSQL on the same files."""
        return servers.postgres(self.family, self.home, durable=True)

    def run(self, name: str) -> None:
        """Start one of our own processes."""
        self.family.start(name, self.commands[name], log=self.home / f"{name}.log", env=self.env, cwd=str(ROOT))

    def kill(self, name: str) -> None:
        """kill -9 of a whole process group."""
        child = self.family.children[name]
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()

    def children_of(self, name: str) -> list[int]:
        """The pool processes of a worker."""
        pid = self.family.children[name].pid
        with suppress(OSError):
            return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []


def hurt(machines: Machines, dice: random.Random, ours: list[str]) -> str:
    """One disaster. Returns its name."""
    what = dice.choices(
        ["worker", "child", "beat", "sender", "flush", "redis", "freeze", "postgres"], [5, 6, 2, 2, 2, 1, 1, 1]
    )[0]  # fmt: skip
    if what == "child":
        workers = [name for name in ours if name.startswith("worker")]
        pids = [pid for name in workers for pid in machines.children_of(name)]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(dice.choice(pids), signal.SIGKILL)
    elif what in ("worker", "beat", "sender"):
        names = [name for name in ours if name.startswith(what)]
        if names:
            name = dice.choice(names)
            machines.kill(name)
            machines.run(name)
    elif what == "flush":
        import redis

        with suppress(redis.RedisError):
            redis.Redis(port=machines.redis_port, socket_timeout=1).flushall()
    elif what == "redis":
        machines.kill("redis")
        time.sleep(dice.uniform(0, 2))
        machines.redis()
    elif what == "freeze":
        os.kill(machines.family.children["redis"].pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(machines.family.children["redis"].pid, signal.SIGCONT)
    else:
        child = machines.family.children["PostgreSQL"]
        child.send_signal(signal.SIGQUIT)
        child.wait()
        machines.postgres()
    return what


def again(work: Any) -> Any:
    """Until the database is there again."""
    from django.db import DatabaseError, connection

    while True:
        try:
            return work()
        except DatabaseError:
            connection.close()
            time.sleep(0.3)


def receipts_of(queue: "Queue[str | None]", dice: random.Random) -> None:
    """The provider's receipts: doubled, shuffled, and late."""
    from accounts import clock
    from notifications import receipts, seals

    while (path := queue.get()) is not None:
        _hooks, _twilio, _status, public_id, seal = urlsplit(path).path.strip("/").split("/")
        assert seals.is_ours(UUID(public_id), seal)
        events = ["accepted", "delivered", "delivered"]
        dice.shuffle(events)
        for event in events:
            key = UUID(public_id)
            again(lambda key=key, event=event: receipts.note("twilio", f"{key}:{event}", key, event, now=clock.now()))


def main() -> int:
    """Run, count, judge."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", choices=["naive", "bulk"])
    options = parser.parse_args()
    dice = random.Random(options.seed)
    home = folder("chaos")
    machines = Machines(home, {})
    finder = servers.valkey(machines.family, home)
    machines.redis_binary = machines.family.children["Valkey"].args[0]  # type: ignore[attr-defined, index]
    machines.kill("Valkey")
    del finder
    machines.redis()
    post, provider = Post(random.Random(options.seed)), Provider()
    controller = Controller(post, hostname="127.0.0.1", port=servers.free_port())
    controller.start()
    with listening(provider):
        env = os.environ | {
            "DATABASE_URL": machines.postgres(), "REDIS_URL": f"redis://127.0.0.1:{machines.redis_port}/0", "DEBUG": "1",
            "SECRET_KEY": "chaos" * 10, "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": str(controller.port), "EMAIL_USE_TLS": "0",
            "SMS_CHANNEL": "twilio", "TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM": NUMBER,
            "TWILIO_API": provider.url, "SITE_URL": "https://tn.example", "LOG_LEVEL": "ERROR", "MESSAGE_QUIET_HOURS": "",
            "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        os.environ.update(env)
        machines.env = env
        try:
            return _storm(machines, post, provider, dice, options)
        finally:
            machines.family.stop()
            controller.stop()


def _storm(machines: Machines, post: Post, provider: Provider, dice: random.Random, options: Any) -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from accounts import clock
    from accounts.models import Clinic
    from patients.models import ContactCode

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE patients_contactcode, notifications_message, notifications_channelswitch CASCADE")
    Clinic.objects.get_or_create(
        pk=1, defaults={"name": "True North Metabolic", "short_name": "True North", "street": "100 Example Street",
                        "city": "Kitchener", "postal_code": "N2H 0A0", "phone": "519-555-0142", "email": "hello@tn.example"},
    )  # fmt: skip
    celery = [sys.executable, "-m", "celery", "-A", "tests.chaos.control" if options.control == "naive" else "config"]
    beats = [*celery, "beat", "--pidfile", "", "--loglevel", "ERROR", "-s"]
    for n in (1, 2):
        machines.commands[f"worker{n}"] = [*celery, "worker", "-c", "2", "-n", f"w{n}@%h", "--without-gossip",
                                           "--without-mingle", "--loglevel", "ERROR"]  # fmt: skip
    if options.control is None:
        for n in (1, 2, 3):
            machines.commands[f"beat{n}"] = [*beats, str(machines.home / f"beat{n}.db")]
        machines.commands["sender"] = [sys.executable, "manage.py", "send_due", "--every", "2"]
    elif options.control == "bulk":
        machines.commands = {f"worker{n}": [sys.executable, "-m", "tests.chaos.control"] for n in (1, 2)}
    ours = list(machines.commands)
    for name in ours:
        machines.run(name)
    queue: Queue[str | None] = Queue()
    teller = threading.Thread(target=receipts_of, args=(queue, random.Random(options.seed)), daemon=True)
    teller.start()

    def after(form: dict[str, str]) -> None:
        provider.mood = dice.choices(["ok", "then_500", "hang_up", "busy"], [90, 3, 3, 4])[0]
        queue.put(form["StatusCallback"])

    provider.after = after
    addresses: list[str] = []
    disasters: Counter[str] = Counter()
    until, next_one = time.monotonic() + options.minutes * 60, time.monotonic() + 10
    while time.monotonic() < until:
        now = clock.now()
        fresh = []
        for _ in range(PER_SECOND):
            n = len(addresses)
            channel = "email" if options.control or n % 2 else "text"
            address = f"p{n}@example.com" if channel == "email" else f"+1519{n:07d}"
            addresses.append(address)
            fresh.append(ContactCode(channel=channel, address=address, purpose="book", key_id="dev", asked_at=now,
                                     expires_at=now + timedelta(days=1)))  # fmt: skip
        again(lambda rows=fresh: ContactCode.objects.bulk_create(rows))
        if options.control == "naive":
            from tests.chaos.control import send

            for row in fresh:
                with suppress(Exception):
                    send.delay(row.address, str(row.public_id))
        if provider.mood == "busy" and dice.random() < 0.5:
            provider.mood = "ok"
        if time.monotonic() > next_one:
            disasters[hurt(machines, dice, ours)] += 1
            next_one = time.monotonic() + dice.uniform(1, 4)
        time.sleep(1)
    provider.after = lambda form: queue.put(form["StatusCallback"])
    provider.mood = "ok"
    _settle(machines, ours, options)
    queue.put(None)
    return _count(addresses, post, provider, disasters, options)


def _settle(machines: Machines, ours: list[str], options: Any) -> None:
    """Let whatever was killed come back, and wait until nothing waits."""
    from notifications.models import Delivery
    from patients.models import ContactCode

    for name in ours:
        if machines.family.children[name].poll() is not None:
            machines.run(name)
    until = time.monotonic() + (QUIET_AFTER if options.control is None else 60)
    while time.monotonic() < until:
        time.sleep(3)
        if options.control is None:
            behind = again(lambda: ContactCode.objects.filter(announced=0).exists())
            waits = again(lambda: Delivery.objects.filter(state__in=["pending", "claimed", "sending"]).exists())
            if not behind and not waits:
                time.sleep(5)  # the last receipts
                break


def _count(addresses: list[str], post: Post, provider: Provider, disasters: Counter[str], options: Any) -> int:
    from accounts import clock
    from notifications import receipts
    from notifications.models import Delivery, Message
    from patients.models import ContactCode

    again(lambda: receipts.apply(now=clock.now()))
    got = Counter(post.got)
    keys = Counter(post.keys)
    for text in provider.taken:
        got[text["To"]] += 1
        keys[text["StatusCallback"]] += 1
    unsure_ids = Message.objects.filter(pk__in=Delivery.objects.filter(state="unknown").values("message_id")).values_list(
        "subject_id", flat=True
    )
    unsure = set(ContactCode.objects.filter(pk__in=list(unsure_ids)).values_list("address", flat=True))
    lost = [a for a in addresses if not got[a] and a not in unsure]
    by_key = sum(n - 1 for n in keys.values() if n > 1)
    raw = sum(got[a] - 1 for a in addresses if got[a] > 1)
    print(f"seed={options.seed} disasters={disasters.total()} ({', '.join(f'{k} {v}' for k, v in sorted(disasters.items()))})")
    print(
        f"due={len(addresses)} delivered={sum(1 for a in addresses if got[a])} lost={len(lost)} duplicated_by_key={by_key} "
        f"raw_duplicates={raw} unknown={len(unsure)}"
    )
    return 0 if not lost and not by_key and not raw else 1


if __name__ == "__main__":
    sys.exit(main())
