"""What every test can lean on: a database cloned from one migrated template, a browser, a clean cache."""

import gc
import hashlib
import inspect
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection, connections
from django.test import TransactionTestCase
from psycopg import sql
from redis.exceptions import RedisError
from xdist.scheduler import LoadScopeScheduling

from accounts import cache
from accounts.models import Clinic
from booking.views.openings import forget as forget_services
from tests import browser, quiet
from tests.factories import *  # noqa: F403

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if browser.CI else "local")


# --- Who runs what -------------------------------------------------------------------------------------------------------
# What is dear to build is built by one worker. (pytest-xdist's groups are a mark that this pytest does not hand on.)
_TOGETHER = {
    "tests/access/": "access",
    "tests/booking/test_slots_statements.py": "crowded",
    "tests/notifications/test_words.py": "letters",
}


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Each test to whoever is free, but for those that share something; the biggest share is begun first."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for start, name in _TOGETHER.items() if nodeid.startswith(start)), nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """The share of each worker."""
    return Together(config, log)


# --- Database: migrated once, then copied ---------------------------------------------------------------------------


def _admin() -> psycopg.Connection[Any]:
    """A connection beside Django's, to the maintenance database, for CREATE and DROP DATABASE."""
    at = connection.settings_dict
    return psycopg.connect(
        host=at["HOST"] or None,
        port=at["PORT"] or None,
        user=at["USER"] or None,
        password=at["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    )


def _fingerprint() -> str:
    """A hash of every migration that is installed: a new one makes a new template."""
    found = hashlib.sha256(repr((settings.INSTALLED_APPS, settings.LANGUAGE_CODE)).encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        for file in sorted((Path(app.path) / "migrations").glob("*.py")):
            found.update(f"{app.label}/{file.name}".encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:12]


class Clones:
    """Makes this process's test database out of a template, again and again."""

    def __init__(self, base: str, worker: str) -> None:
        self.base = base
        self.name = f"test_{base}{'_' + worker if worker else ''}"
        self.migrations = _fingerprint()
        self.migrated = f"template_{base}_{self.migrations}"
        self.admin = _admin()

    def _run(self, statement: str, *names: str) -> None:
        self.admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    @staticmethod
    def _use(name: str) -> None:
        """Point Django's connections, of every thread, at a database."""
        connections.close_all()
        connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = name

    def template(self, family: str, version: str, fill: Callable[[], object], source: str = "template1") -> str:
        """The template `family` + `version`, filled if no run has done it yet. One process does, the others wait."""
        name = family + version
        self.admin.execute("SELECT pg_advisory_lock(hashtext(%s))", [family])
        try:
            rows = self.admin.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [family])
            known = {row[0] for row in rows.fetchall()}
            if name not in known:
                for old in known:
                    self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", old)
                self._run("CREATE DATABASE {} TEMPLATE {}", family + "making", source)
                self._use(family + "making")
                fill()
                connections.close_all()
                self._alone(family + "making")
                self._run("ALTER DATABASE {} RENAME TO {}", family + "making", name)
        finally:
            self.admin.execute("SELECT pg_advisory_unlock(hashtext(%s))", [family])
        return name

    def _alone(self, name: str) -> None:
        """End whoever is still connected to a database: a vacuum that has just begun, a thread that has not let go."""
        self.admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])

    def migrate(self) -> None:
        """The template that every test starts from."""
        family = f"template_{self.base}_"
        self.template(family, self.migrations, lambda: call_command("migrate", interactive=False, verbosity=0))

    def clone(self, template: str = "") -> None:
        """Drop this process's test database, whoever is connected to it, and copy the template anew."""
        self._use(self.name)
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", self.name, template or self.migrated)

    def close(self) -> None:
        """Leave nothing but the templates."""
        connections.close_all()
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)
        self.admin.close()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[Clones]:
    """In place of pytest-django's: clone a migrated template rather than migrate."""
    with django_db_blocker.unblock():
        clones = Clones(connection.settings_dict["NAME"], os.environ.get("PYTEST_XDIST_WORKER", ""))
        clones.migrate()
        clones.clone()
        # A test that commits leaves rows behind; Django would empty every table, the migrations' rows included.
        # A fresh copy of the template is quicker and complete.
        undo = pytest.MonkeyPatch()
        undo.setattr(TransactionTestCase, "_fixture_teardown", lambda self: clones.clone())
    yield clones
    undo.undo()
    with django_db_blocker.unblock():
        clones.close()


@pytest.fixture
def seeded(django_db_setup: Clones, transactional_db: None) -> Callable[..., None]:
    """`seeded("crowded", fill)`: this test's database becomes a copy of one that `fill()` filled, once and for all runs.

    It is filled again when a migration, the file that `fill` is written in, or `version` changes.
    """

    def use(name: str, fill: Callable[[], object], version: str = "") -> None:
        clones = django_db_setup
        code = Path(inspect.getsourcefile(fill) or __file__).read_bytes()
        stamp = hashlib.sha256(f"{clones.migrations} {version}".encode() + code).hexdigest()[:12]
        clones.clone(clones.template(f"seeded_{clones.base}_{name}_", stamp, fill, source=clones.migrated))

    return use


@pytest.fixture(autouse=True)
def clean_caches() -> Iterator[None]:
    """No test sees what another one cached: the clinic's row, Redis (this worker's database of it)."""
    Clinic.forget_current()
    cache.forget()
    forget_services()
    yield
    with suppress(RedisError, OSError):
        caches["redis"].clear()


@pytest.fixture(scope="session", autouse=True)
def _watched() -> Iterator[None]:
    """Every request of every test is watched: it may not talk to a broker, a mail server or anybody else."""
    undo = pytest.MonkeyPatch()
    quiet.watch(undo)
    yield
    undo.undo()


@pytest.fixture(autouse=True)
def quiet_requests(_watched: None) -> Iterator[None]:
    """Whatever a request of this test tried to talk to fails the test, even if the error was hidden."""
    yield
    assert quiet.talked() == []


@pytest.fixture
def process_env(django_db_setup: None) -> dict[str, str]:
    """The environment for a real process (worker, server, command) that is to use this test's database."""
    at = connection.settings_dict
    where = at["HOST"].replace("/", "%2F") + (f":{at['PORT']}" if at["PORT"] else "")
    who = at["USER"] + (f":{at['PASSWORD']}" if at["PASSWORD"] else "")
    return os.environ | {"DATABASE_URL": f"postgres://{who}@{where}/{at['NAME']}", "DEBUG": "1"}


# --- Browser --------------------------------------------------------------------------------------------------------

QUIET = "gpu quic background-networking component-update sync default-apps extensions dev-shm-usage".split()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Chromium from the system if there is one; nothing that calls home."""
    flags = ["--no-first-run", *(f"--disable-{name}" for name in QUIET)]
    if os.getuid() == 0:
        flags.append("--no-sandbox")
    where = {"executable_path": browser.SYSTEM} if browser.SYSTEM else {}
    return {**browser_type_launch_args, "args": flags, **where}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """The clinic's own language and zone."""
    return {**browser_context_args, "locale": "en-CA", "timezone_id": "America/Toronto"}


def pytest_collection_finish() -> None:
    """What is imported by now stays: the collector need not look at it again with every test."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser the browser tests are skipped, loudly; in CI they fail."""
    need = [item for item in items if {"page", "browser", "context"} & set(getattr(item, "fixturenames", ()))]
    if need and not browser.CI and not browser.present():
        for item in need:
            item.add_marker(pytest.mark.skip(reason=browser.MISSING))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say it where it is read: the last lines."""
    walks = [v for r in terminalreporter.stats.get("passed", ()) for name, v in r.user_properties if name == "walk"]
    if walks and terminalreporter.config.getoption("verbose") >= 0:
        line = "{:<58} {:<28} {:>7} {:>6} {:>6} {:>8}"
        terminalreporter.write_line(line.format("patient", "how", "presses", "fields", "pages", "seconds"))
        for walk in walks:
            terminalreporter.write_line(line.format(*map(str, walk)))
    missed = [r for r in terminalreporter.stats.get("skipped", ()) if browser.MISSING in str(r.longrepr)]
    if missed:
        text = f"!!! {len(missed)} browser tests did NOT run: {browser.MISSING}"
        terminalreporter.write_line(text, red=True, bold=True)
