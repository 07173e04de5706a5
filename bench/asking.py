"""Asking the no-op and the product in turn, and what comes of it: a row of the table."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.client import Client, get, timed

BIN = Path(sys.executable).parent
BEGAN = time.monotonic()
# As in the demo and the image.
GRANIAN = [str(BIN / "granian"), "--interface", "wsgi", "--workers", "2", "--blocking-threads", "4", "--no-ws"]


@dataclass
class Row:
    """One line of the table. `goal` is a bound such as "<= 6"; `holds` says whether `value` keeps it."""

    name: str
    value: float
    unit: str
    goal: str
    holds: bool

    @classmethod
    def at_most(cls, name: str, value: float, unit: str, bound: float) -> "Row":
        return cls(name, round(value, 3), unit, f"<= {bound:g}", value <= bound)

    @classmethod
    def at_least(cls, name: str, value: float, unit: str, bound: float) -> "Row":
        return cls(name, round(value, 3), unit, f">= {bound:g}", value >= bound)

    @classmethod
    def told(cls, name: str, value: float, unit: str) -> "Row":
        return cls(name, round(value, 3), unit, "", True)


@dataclass
class Target:
    """Something to ask, again and again."""

    client: Client
    requests: Iterator[bytes]
    want: int = 200


def _once(target: Target) -> float:
    """One request; a page that changed with the minute is asked for once more."""
    try:
        return timed(target.client, next(target.requests), target.want)
    except RuntimeError:
        if not isinstance(target.requests, Conditional):
            raise
        target.requests.renew_at = 0.0
        return timed(target.client, next(target.requests), target.want)


def interleave(targets: dict[str, Target], *, rounds: int, each: int) -> dict[str, list[float]]:
    """Median seconds of each target, round by round, all asked in the same seconds."""
    medians: dict[str, list[float]] = {name: [] for name in targets}
    for _round in range(rounds):
        seconds: dict[str, list[float]] = {name: [] for name in targets}
        for _turn in range(each):
            for name, target in targets.items():
                seconds[name].append(_once(target))
        for name, took in seconds.items():
            medians[name].append(median(took))
    return medians


class Conditional:
    """A GET that has the page already. The live times in it give it another ETag every minute, so it is looked up anew."""

    def __init__(self, client: Client, path: str) -> None:
        self.client, self.path, self.renew_at, self.request = client, path, 0.0, b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        now = time.time()
        if now >= self.renew_at:
            if self.renew_at and now % 60 < 0.1:
                time.sleep(0.1)
            head = self.client.ask(get(self.path, self.client.port)).head
            tag = head[head.lower().index("etag:") + 5 :].partition("\r\n")[0].strip()
            self.request = get(self.path, self.client.port, If_None_Match=tag)
            self.renew_at = now - now % 60 + 60
        return self.request


def again(request: bytes) -> Iterator[bytes]:
    """The same request for ever."""
    while True:
        yield request


def ratio(medians: dict[str, list[float]], name: str, to: str = "noop") -> float:
    """How many times as long, in the middle round."""
    return median(a / b for a, b in zip(medians[name], medians[to], strict=True))


def opened_as(email: str, path: str) -> tuple[int, str]:
    """Statements of a page of somebody who works here, without those of session and sign-in; and the session's key.

    Raises:
        RuntimeError: the page does not open.
    """
    from django.db import connection
    from django.test import Client as Browser
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    browser = Browser(SERVER_NAME="localhost")
    browser.force_login(User.objects.get(email=email))
    if browser.get(path).status_code != 200:
        raise RuntimeError(f"{path} does not answer")
    with CaptureQueriesContext(connection) as queries:
        browser.get(path)
    aside = ("django_session", 'FROM "accounts_user" WHERE', "mfa_", "usersessions", 'FROM "accounts_clinic"')
    quiet = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    own = [q["sql"] for q in queries if not q["sql"].startswith(quiet) and not any(name in q["sql"][:4000] for name in aside)]
    return len(own), browser.cookies["session"].value


def wait_for(port: int, path: str, child: Any, log: Path) -> None:
    """Until the server answers."""
    until = time.monotonic() + 60
    while time.monotonic() < until and child.poll() is None:
        try:
            Client(port).ask(get(path, port))
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit(f"A server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def said(what: str) -> None:
    """How far it is, on stderr."""
    print(f"  {time.monotonic() - BEGAN:5.0f} s  {what}", file=sys.stderr, flush=True)
