"""python -m bench: prints a table, writes bench/results.json, and fails if a goal is missed.

Every figure is a ratio to a bare Django no-op (gunicorn, gthread, 2 workers of 4 threads) measured in the same seconds: one
client asks all of them in turn, and the ratio of medians is taken per round. The product runs as in the demo: granian, two
workers, DEBUG=0, PostgreSQL with its durable defaults.
"""

import hashlib
import io
import json
import os
import shutil
import sys
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from bench import booking, growth, messages, races, reviewing
from bench.asking import BIN, GRANIAN, Conditional, Row, Target, again, interleave, ratio, said, wait_for
from bench.client import Client, get
from devservices import servers, state
from devservices.processes import Family
from devservices.state import ROOT

RESULTS = Path(__file__).with_name("results.json")
ROUNDS, PER_ROUND = 15, 12


# --- The databases ----------------------------------------------------------------------------------------------------


class Databases:
    """Two: the demo clinic without visits, and the same with 100,000 of them. Kept for the day as templates."""

    def __init__(self) -> None:
        from accounts import clock
        from tests.conftest import Clones

        self.clones = Clones("bench", "")
        self.today = clock.now().astimezone(clock.zone_of("America/Toronto")).date()

    def ready(self) -> dict[str, str]:
        """Names of fresh copies."""
        from django.core.management import call_command

        from bench import seed
        from booking.models import Appointment

        def empty() -> None:
            call_command("load_demo", stdout=io.StringIO())
            Appointment.objects.all().delete()
            seed.clinic(since=self.since)
            seed.settle()

        def full() -> None:
            seed.fill(self.since)
            seed.visits(self.desk_day, 1, status="confirmed", per_day=8)
            seed.settle()

        clones = self.clones
        clones.migrate()
        files = [*ROOT.glob("*/demo.py"), *ROOT.glob("*/*demo*.json"), *ROOT.glob("booking/clinics/*.yaml")]
        code = b"".join(path.read_bytes() for path in [Path(seed.__file__), *sorted(files)])
        stamp = hashlib.sha256(f"{clones.migrations} {self.today}".encode() + code).hexdigest()[:12]
        kept = clones.template("bench_empty_", stamp, empty, source=clones.migrated)
        fuller = clones.template("bench_full_", stamp, full, source=kept)
        for name, template in (("now_empty", kept), ("now_full", fuller)):
            clones._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            clones._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, template)
        return {"empty": "now_empty", "full": "now_full"}

    def weekday(self, days: int) -> date:
        """The first weekday at least `days` days from today."""
        day = self.today + timedelta(days=days)
        while day.weekday() > 4:
            day += timedelta(days=1)
        return day

    @property
    def since(self) -> date:
        """The first of 31 half-full days to come."""
        return self.today + timedelta(days=7)

    @property
    def free_day(self) -> date:
        """A day on which nobody has booked, in both databases."""
        return self.weekday(60)

    @property
    def desk_day(self) -> date:
        """A day of 160 visits."""
        return self.weekday(45)

    def booking_days(self) -> list[date]:
        """Free days for the bookings."""
        return [day for n in range(66, 100) if (day := self.today + timedelta(days=n)).weekday() < 5]


def use(name: str) -> None:
    """Point Django of this process at a database."""
    from django.conf import settings
    from django.db import connection

    from accounts.models import Clinic
    from intake.models import forget_definitions

    connection.close()
    connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name
    Clinic.forget_current()
    forget_definitions()


# --- Inside one process: statements ---------------------------------------------------------------------------------


def desk(day: date) -> tuple[int, str]:
    """Statements of the day list without those of the session and who is signed in; and the session's key."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connection
    from django.test import Client as Browser
    from django.test.utils import CaptureQueriesContext

    from accounts.models import User

    browser = Browser(SERVER_NAME="localhost")
    browser.force_login(User.objects.get(email="joanne@tn.example"))
    key = browser.cookies["session"].value
    path = f"/desk/day/{day}/"
    if browser.get(path).status_code != 200:
        raise RuntimeError(f"{path} does not answer")
    with CaptureQueriesContext(connection) as queries:
        browser.get(path)
    own = ("django_session", "accounts_user", "mfa_", "usersessions", "SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    said = [q["sql"] for q in queries if not any(name in q["sql"][:200] for name in own)]
    SessionStore(key)
    return len(said), key


def article_path() -> str:
    """An article of the demo."""
    from wagtail.models import Page

    page = next(p for p in Page.objects.live().specific() if type(p).__name__ == "ArticlePage")
    return f"/articles/{page.slug}/"


# --- Measuring ------------------------------------------------------------------------------------------------------


def environment(path: Path, url: str) -> dict[str, str]:
    """As in the demo, with quiet logs."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings", "DEMO": "1", "DEBUG": "0", "LOG_LEVEL": "WARNING", "DATABASE_URL": url,
        "SECRET_KEY": state.secret(path, "secret-key"), "ANSWER_KEYS": "bench:" + state.secret(path, "answer-key"),
        "LINK_KEYS": "bench:" + state.secret(path, "link-key"), "SITE_URL": "http://localhost", "PYTHONUNBUFFERED": "1",
        "MEDIA_ROOT": str(path / "media"),
    }  # fmt: skip


def serve(family: Family, path: Path, names: dict[str, str]) -> dict[str, int]:
    """The no-op, and the product on each of the databases; their ports."""
    said("servers")
    ports = {name: servers.free_port() for name in ("noop", *names)}
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    gunicorn = [str(BIN / "gunicorn"), "-k", "gthread", "-w", "2", "--threads", "4", "--keep-alive", "75", "--log-level", "error"]
    for name, port in ports.items():
        log = path / f"{name}.log"
        if name == "noop":
            command, env = [*gunicorn, "-b", f"127.0.0.1:{port}", "bench.noop.app:application"], dict(os.environ)
        else:
            command = [*GRANIAN, "--host", "127.0.0.1", "--port", str(port), "config.wsgi:application"]
            env = os.environ | {"DATABASE_URL": f"{base}/{names[name]}"}
        child = family.start(name, command, log=log, env=env, cwd=ROOT)
        wait_for(port, "/" if name == "noop" else "/livez", child, log)
    return ports


def measure(family: Family, path: Path, databases: Databases, names: dict[str, str]) -> list[Row]:
    """Start the three servers and ask."""
    from django.core.management import call_command

    said("people who are about to book")
    use(names["full"])
    call_command("collectstatic", interactive=False, verbosity=0)
    crowd = booking.people(booking.PRESSES, databases.booking_days())
    desk_statements, desk_session = desk(databases.desk_day)
    review_statements, review_path, review_session = reviewing.opened(booking.complete_draft())
    article = article_path()

    ports = serve(family, path, names)

    def openings(slug: str, since: date, days: int, name: str = "full") -> Target:
        query = f"/book/openings/?service={slug}&from={since}&to={since + timedelta(days=days - 1)}"
        return Target(Client(ports[name]), again(get(query, ports[name])))

    from bench import saving
    from bench.seed import ALL, ONE

    busy = databases.weekday(9)
    page = get(article, ports["full"])
    noop = Target(Client(ports["noop"]), again(get("/", ports["noop"])))
    targets = {
        "noop": noop,
        "one day": openings(ONE, busy, 1),
        "31 days": openings(ONE, databases.since, 31),
        "all day": openings(ALL, busy, 1),
        "free day, empty": openings(ALL, databases.free_day, 1, "empty"),
        "free day, full": openings(ALL, databases.free_day, 1),
        "article": Target(Client(ports["full"]), again(page)),
        "article 304": Target(Client(ports["full"]), Conditional(Client(ports["full"]), article), 304),
        "desk": Target(
            Client(ports["full"]), again(get(f"/desk/day/{databases.desk_day}/", ports["full"], Cookie=f"session={desk_session}"))
        ),
    }
    said("pages")
    interleave(targets, rounds=3, each=8)  # warm: every thread of every worker opens its connection
    took = interleave(targets, rounds=ROUNDS, each=PER_ROUND)

    took_review = reviewing.compared(review_path, review_session, ports["full"], ports["noop"])

    booked, took_book = booking.measure(crowd, ports)

    said("saving")
    use(names["full"])
    base = os.environ["DATABASE_URL"].rpartition("/")[0]
    saving_ratio, took_saving = saving.measure(family, path, f"{base}/{names['full']}")

    raced = races.measure(ports["full"])

    use(names["empty"])
    grown = growth.measure(databases.since)

    said("messages")
    sending = messages.measure(family, path, databases)

    said("done")
    ms = {name: 1000 * median(values) for name, values in took.items()} | {"book": took_book["book"]}
    for name, value in ms.items():
        print(f"  {name:18} {value:8.2f} ms")
    for name, value in took_saving.items():
        print(f"  {name:18} {value:8.2f} ms")
    return [
        Row.at_most("Availability, 1 physician, 1 day", ratio(took, "one day"), "x no-op", 6),
        Row.at_most("Availability, 1 physician, 31 days", ratio(took, "31 days"), "x no-op", 9),
        Row.at_most("Availability, 20 physicians, 1 day", ratio(took, "all day"), "x no-op", 10),
        Row.at_most("100,000 appointments / none", ratio(took, "free day, full", "free day, empty"), "x empty", 1.3),
        *grown,
        *booked,
        *raced,
        Row.at_most("Day list of 160 appointments", desk_statements, "statements", 4),
        Row.told("Day list of 160 appointments", ratio(took, "desk"), "x no-op"),
        Row.at_most("Open a response for review", review_statements, "statements", 4),
        Row.told("Open a response for review", took_review, "x no-op"),
        Row.at_most("Saving a page, encrypted", saving_ratio, "x one UPDATE", saving.GOAL),
        Row.at_most("Article, warm", ratio(took, "article"), "x no-op", 5),
        Row.at_most("Article, 304", ratio(took, "article 304"), "x no-op", 4),
        *sending,
    ]


def main() -> int:
    """Start servers, measure, print, write."""
    path = state.folder("bench")
    family = Family(hold=[state.lock(path, wait=600)])
    try:
        for name in ("DATABASE_URL", "REDIS_URL"):  # never somebody's real ones, and durable
            os.environ.pop(name, None)
        os.environ.update(servers.start(family, path, durable=True))
        base = os.environ["DATABASE_URL"].rpartition("/")[0]
        os.environ.update(environment(path, f"{base}/bench"))
        import django

        django.setup()
        said("databases")
        databases = Databases()
        rows = measure(family, path, databases, databases.ready())
    finally:
        family.stop()
        shutil.rmtree(path / "media", ignore_errors=True)
    for row in rows:
        print(f"  {row.name:42} {row.value:9.3f} {row.unit:12} {row.goal:8} {'' if row.holds else 'MISSED'}")
    RESULTS.write_text(json.dumps({"rows": [asdict(row) for row in rows]}, indent=1) + "\n", encoding="utf-8")
    return int(not all(row.holds for row in rows))


if __name__ == "__main__":
    sys.exit(main())
