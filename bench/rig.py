"""What a run of the bench stands on: servers of its own, a database that is filled once a day, the no-op beside the product."""

import hashlib
import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from bench.asking import BIN, GRANIAN, Row, said, wait_for
from devservices import servers, state
from devservices.processes import Family
from devservices.state import ROOT


@contextmanager
def running() -> Iterator[tuple[Family, Path]]:
    """Servers that are never somebody's real ones, and durable, with Django of this process set up; they end with the block."""
    path = state.folder("bench")
    family = Family(hold=[state.lock(path, wait=600)])
    try:
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        os.environ.update(servers.start(family, path, durable=True))
        base = os.environ["DATABASE_URL"].rpartition("/")[0]
        os.environ.update(environment(path, f"{base}/bench"))
        import django

        django.setup()
        yield family, path
    finally:
        family.stop()
        shutil.rmtree(path / "media", ignore_errors=True)


def show(rows: Sequence[Row]) -> int:
    """Print the table; 1 if a goal is missed, as the exit status."""
    for row in rows:
        print(f"  {row.name:42} {row.value:9.3f} {row.unit:12} {row.goal:8} {'' if row.holds else 'MISSED'}")
    return int(not all(row.holds for row in rows))


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
        if name == "noop":
            log = path / f"{name}.log"
            command = [*gunicorn, "-b", f"127.0.0.1:{port}", "bench.noop.app:application"]
            wait_for(port, "/", family.start(name, command, log=log, cwd=ROOT), log)
        else:
            product(family, path, name, port, DATABASE_URL=f"{base}/{names[name]}")
    return ports


def product(family: Family, path: Path, name: str, port: int, **env: str) -> None:
    """The product on a port, as in the demo, with these variables beside those of this process."""
    log, command = path / f"{name}.log", [*GRANIAN, "--host", "127.0.0.1", "--port", str(port), "config.wsgi:application"]
    wait_for(port, "/livez", family.start(name, command, log=log, env=os.environ | env, cwd=ROOT), log)


class Databases:
    """Two: the demo clinic without people, and the same with 100,000 of them. Kept for the day as templates."""

    def __init__(self) -> None:
        from accounts import clock
        from tests.conftest import Clones

        self.clones = Clones("bench", "")
        self.today = clock.now().astimezone(clock.zone_of("America/Toronto")).date()

    def ready(self) -> dict[str, str]:
        """Names of fresh copies."""
        from django.core.management import call_command
        from django.db import connection

        from bench import seed

        def empty() -> None:
            call_command("load_demo", stdout=io.StringIO())
            with connection.cursor() as cursor:  # its people and all that is about them: the bench has its own
                cursor.execute("TRUNCATE patients_patient CASCADE")
            seed.clinic(since=self.since)
            seed.settle()

        def full() -> None:
            seed.fill(self.since)
            seed.visits(self.desk_day, 1, status="confirmed", per_day=8)
            seed.settle()

        clones = self.clones
        clones.migrate()
        files = [*ROOT.glob("*/demo.py"), *ROOT.glob("*/*demo*.json"), *ROOT.glob("booking/clinics/*.yaml")]
        code = b"".join(path.read_bytes() for path in [Path(__file__), Path(seed.__file__), *sorted(files)])
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
