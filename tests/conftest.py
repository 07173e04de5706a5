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
from django.template import Context, Template
from django.test import TransactionTestCase
from django.test.signals import template_rendered
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from redis.exceptions import RedisError
from xdist.scheduler import LoadScopeScheduling

from accounts import cache
from accounts.models import Clinic
from booking.calendar import forget as forget_closest
from booking.views.openings import forget as forget_services
from intake.models import forget_definitions
from tests import browser, published, quiet
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


def _admin(name: str = "postgres") -> psycopg.Connection[Any]:
    """A connection beside Django's, by default to the maintenance database, for CREATE and DROP DATABASE."""
    at = connection.settings_dict
    return psycopg.connect(
        host=at["HOST"] or None,
        port=at["PORT"] or None,
        user=at["USER"] or None,
        password=at["PASSWORD"] or None,
        dbname=name,
        autocommit=True,
    )


def _fingerprint() -> str:
    """A hash of every migration and questionnaire that is installed: a new one makes a new template."""
    found = hashlib.sha256(repr((settings.INSTALLED_APPS, settings.LANGUAGE_CODE, published.version())).encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        for file in sorted((Path(app.path) / "migrations").glob("*.py")):
            found.update(f"{app.label}/{file.name}".encode())
            found.update(file.read_bytes())
    return found.hexdigest()[:12]


# What a copy of the template would have and what is here has not, or the other way round: tables, columns, rights, triggers,
# constraints, functions, and the database's own settings.
_SCHEMA = """
WITH ours AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public'), parts AS (
    SELECT concat_ws(' ', 'class', oid, relname, relkind, relacl, relrowsecurity, reloptions) AS part FROM ours
    UNION ALL SELECT concat_ws(' ', 'column', attrelid, attnum, attname, atttypid, atttypmod, attnotnull, attacl)
        FROM pg_attribute WHERE attrelid IN (SELECT oid FROM ours WHERE relkind IN ('r', 'v', 'm', 'p'))
    UNION ALL SELECT concat_ws(' ', 'trigger', oid, tgrelid, tgname, tgenabled, tgfoid) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'constraint', oid, conname, convalidated) FROM pg_constraint
    UNION ALL SELECT concat_ws(' ', 'index', indexrelid, indisvalid) FROM pg_index WHERE indrelid IN (SELECT oid FROM ours)
    UNION ALL SELECT concat_ws(' ', 'function', oid, proname, md5(prosrc), proacl) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', 'rights', defaclrole, defaclnamespace, defaclobjtype, defaclacl) FROM pg_default_acl
    UNION ALL SELECT concat_ws(' ', 'schema', nspname, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT concat_ws(' ', 'setting', setrole, setconfig) FROM pg_db_role_setting s
        JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = current_database()
    UNION ALL SELECT concat_ws(' ', 'database', datacl) FROM pg_database WHERE datname = current_database()
) SELECT md5(string_agg(part, chr(10) ORDER BY part)) FROM parts"""
_SEQUENCES = """
SELECT c.oid, s.last_value FROM pg_sequences s JOIN pg_class c ON c.relname = s.sequencename WHERE c.relkind = 'S' ORDER BY c.oid"""


class Clean:
    """What a new copy of the template holds, and how to get back there without copying a thousand files again."""

    def __init__(self, name: str) -> None:
        with _admin(name) as there:
            self.schema = there.execute(_SCHEMA).fetchone()
            self.sequences = there.execute(_SEQUENCES).fetchall()
            tables = there.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
            self.filled = sql.SQL(" UNION ALL ").join(
                sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(name), sql.Identifier(name))
                for (name,) in tables
            )
            self.rows = {name: self._copy(there, name) for (name,) in there.execute(self.filled).fetchall()}

    @staticmethod
    def _copy(there: psycopg.Connection[Any], table: str) -> bytes:
        with there.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as rows:
            return b"".join(bytes(part) for part in rows)

    def again(self, name: str) -> bool:
        """Take out what a test has committed. False if it did more than write rows, or we may not."""
        with _admin(name) as there, suppress(InsufficientPrivilege):
            others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
            there.execute(others, [name])
            if there.execute(_SCHEMA).fetchone() != self.schema:
                return False
            there.execute("SET session_replication_role = replica")  # the trail and what was sent refuse to be deleted
            with there.transaction():
                for table in {*self.rows, *(name for (name,) in there.execute(self.filled).fetchall())}:
                    before = self.rows.get(table)
                    if before is not None and self._copy(there, table) == before:
                        continue
                    there.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                    if before is not None:
                        with there.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as rows:
                            rows.write(before)
                for now, was in zip(there.execute(_SEQUENCES).fetchall(), self.sequences, strict=True):
                    if now != was:
                        there.execute("SELECT setval(%s::regclass, %s, %s)", [was[0], was[1] or 1, was[1] is not None])
            return True
        return False


class Clones:
    """Makes this process's test database out of a template, again and again."""

    def __init__(self, base: str, worker: str) -> None:
        self.base = base
        self.name = f"test_{base}{'_' + worker if worker else ''}"
        self.migrations = _fingerprint()
        self.migrated = f"template_{base}_{self.migrations}"
        self.admin = _admin()
        self.clean: Clean | None = None
        self.seeded = False

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

        def fill() -> None:
            call_command("migrate", interactive=False, verbosity=0)
            published.keep()

        self.template(family, self.migrations, fill)

    def clone(self, template: str = "") -> None:
        """Drop this process's test database, whoever is connected to it, and copy the template anew."""
        self._use(self.name)
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", self.name, template or self.migrated)
        self.seeded = bool(template)
        if not template and self.clean is None:
            self.clean = Clean(self.name)

    def again(self) -> None:
        """As after `clone()`. Copying takes half a second of CPU; taking out what a test wrote takes a fraction of that."""
        connections.close_all()
        if self.seeded or self.clean is None or not self.clean.again(self.name):
            self.clone()

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
        undo = pytest.MonkeyPatch()
        undo.setattr(TransactionTestCase, "_fixture_teardown", lambda self: clones.again())
        published.copy(undo)
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
    """No test sees what another one cached: rows that each process keeps, Redis (this worker's database of it)."""
    Clinic.forget_current()
    forget_definitions()
    cache.forget()
    forget_services()
    forget_closest()
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


def _render(self: Template, context: Context) -> str:
    """Django's rendering for tests, which tells the client of a page's template, without telling of every part and every widget."""
    if context.template is self and not (self.name or "").startswith("django/forms/"):
        template_rendered.send(sender=self, template=self, context=context)
    return self.nodelist.render(context)  # type: ignore[no-any-return]


@pytest.fixture(scope="session", autouse=True)
def _lean_rendering(django_test_environment: None) -> Iterator[None]:
    """A page consists of a hundred templates; copying the context for each of them took a fortieth of all CPU."""
    undo = pytest.MonkeyPatch()
    undo.setattr(Template, "_render", _render)
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
