"""Give the role that web, worker and sender sign in with exactly what they need."""

from typing import Any

import dj_database_url
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from psycopg import sql

from audit.models import AuditEvent

READ_ONLY = ("django_migrations",)  # the schema's history: only migrate, as the owner, writes it


class Command(BaseCommand):
    """Run as the owner of the tables after each migrate; running it again changes nothing."""

    help = (
        "Creates or updates the database role of APP_DATABASE_URL: it reads and writes every table, but can only add "
        "to the audit trail, and can neither truncate, create nor drop anything."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Everything in one transaction: there is no moment with more rights than these, or fewer."""
        if not settings.APP_DATABASE_URL:
            raise CommandError("Set APP_DATABASE_URL: the DATABASE_URL that web, worker and sender are given.")
        at = dj_database_url.parse(settings.APP_DATABASE_URL)
        role, password = at["USER"], at["PASSWORD"]
        if role == connection.settings_dict["USER"]:
            raise CommandError("APP_DATABASE_URL names the owner itself; give the application a role of its own.")
        with transaction.atomic(), connection.cursor() as cursor:

            def run(statement: str, **names: str) -> None:
                parts: dict[str, sql.Composable] = {key: sql.Identifier(name) for key, name in names.items()}
                # The password leaves here as a SCRAM verifier, so that no server log can hold it.
                verifier = connection.connection.pgconn.encrypt_password(
                    password.encode(), role.encode(), b"scram-sha-256"
                ).decode()
                parts |= {"role": sql.Identifier(role), "password": sql.Literal(verifier)}
                cursor.execute(sql.SQL(statement).format(**parts))

            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            if cursor.fetchone() is None:
                run("CREATE ROLE {role}")
            run("ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {password}")
            run("GRANT CONNECT ON DATABASE {database} TO {role}", database=connection.settings_dict["NAME"])
            run("GRANT USAGE ON SCHEMA public TO {role}")
            run("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
            run("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
            run("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
            run("REVOKE UPDATE, DELETE ON {table} FROM {role}", table=AuditEvent._meta.db_table)
            for table in READ_ONLY:
                run("REVOKE INSERT, UPDATE, DELETE ON {table} FROM {role}", table=table)
        self.stdout.write(f"{role} may use the tables, add to the audit trail, and nothing more.")
