"""The role that the application signs in with."""

from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import AuditEvent

pytestmark = pytest.mark.django_db
ROLE = "truenorth_test_app"
URL = f"postgres://{ROLE}:s3cret-enough@127.0.0.1/whatever"
TABLE = AuditEvent._meta.db_table


def may(table: str) -> set[str]:
    """What the role may do with a table."""
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    with connection.cursor() as cursor:
        found = set()
        for right in rights:
            cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [ROLE, table, right])
            if cursor.fetchone()[0]:
                found.add(right)
    return found


@pytest.fixture
def role(settings: Any) -> None:
    settings.APP_DATABASE_URL = URL
    call_command("grant_app_role", verbosity=0)


def test_it_can_only_read_and_add_to_the_audit_trail(role: None) -> None:
    assert may(TABLE) == {"SELECT", "INSERT"}


def test_it_reads_and_writes_every_other_table_and_truncates_none(role: None) -> None:
    others = set(connection.introspection.table_names()) - {TABLE, "django_migrations"}
    assert len(others) > 30
    wrong = {table: may(table) for table in others if may(table) != {"SELECT", "INSERT", "UPDATE", "DELETE"}}
    assert wrong == {}


def test_the_history_of_the_schema_is_read_only(role: None) -> None:
    assert may("django_migrations") == {"SELECT"}


def test_running_it_again_takes_away_what_was_added(role: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT TRUNCATE, DELETE ON {TABLE} TO {ROLE}")
    assert "TRUNCATE" in may(TABLE)
    call_command("grant_app_role", verbosity=0)
    assert may(TABLE) == {"SELECT", "INSERT"}


def test_it_cannot_create_or_drop(role: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {ROLE}")
        for statement in ("CREATE TABLE x (y int)", f"DROP TABLE {TABLE}", f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL"):
            cursor.execute("SAVEPOINT a")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                cursor.connection.execute(statement)
            cursor.execute("ROLLBACK TO SAVEPOINT a")
        cursor.execute("RESET ROLE")


def test_the_password_is_kept_as_a_scram_verifier(role: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [ROLE])
        assert cursor.fetchone()[0].startswith("SCRAM-SHA-256$")


def test_it_refuses_the_owner_and_an_empty_setting(settings: Any) -> None:
    for url in ("", f"postgres://{connection.settings_dict['USER']}:x@127.0.0.1/x"):
        settings.APP_DATABASE_URL = url
        with pytest.raises(CommandError):
            call_command("grant_app_role")
