"""Questionnaires that a test publishes are copied inside the database from rows that its template keeps.

Writing one takes 9 ms of CPU, a third of it in PostgreSQL (70 kB of JSON, read and compressed), and eight hundred tests begin with it.
The copy is of the same bytes; what no template keeps (a file that a test made) is written as ever. Reading one and working out its
conditions takes as long again: a version that this process has read before is known by its hash.
"""

import hashlib
from functools import lru_cache
from typing import Any

import pytest
from django.db import connection
from psycopg.types.json import Jsonb

from intake import models
from intake.definition import Definition
from intake.loader import FOLDER, load_all
from intake.models import Questionnaire


def version() -> str:
    """Changes with the questionnaire files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(FOLDER.glob("*.yaml")))).hexdigest()


def keep() -> None:
    """Put every version aside, in a schema of its own: for the site none is published."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA kept CREATE TABLE questionnaire (slug text, version text, sha256 text, definition jsonb)")
        for one in load_all():
            row = [one.slug, one.version, one.sha256, Jsonb(one.source)]
            cursor.execute("INSERT INTO kept.questionnaire VALUES (%s, %s, %s, %s)", row)


def copy(undo: pytest.MonkeyPatch) -> None:
    """From now on, publishing copies, and what was read once is known."""
    write = Questionnaire.objects.get_or_create

    def copied(*, slug: str, version: str, defaults: dict[str, Any]) -> tuple[Questionnaire, bool]:
        if not Questionnaire.objects.filter(slug=slug, version=version).exists():
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO intake_questionnaire (slug, version, title, definition, sha256, published_at) "
                    "SELECT slug, version, %s, definition, sha256, %s FROM kept.questionnaire "
                    "WHERE slug = %s AND version = %s AND sha256 = %s RETURNING id",
                    [defaults["title"], defaults["published_at"], slug, version, defaults["sha256"]],
                )
                if row := cursor.fetchone():
                    names = [field.attname for field in Questionnaire._meta.concrete_fields]
                    made = {"id": row[0], "slug": slug, "version": version, **defaults}
                    return Questionnaire.from_db("default", names, [made[name] for name in names]), True
        return write(slug=slug, version=version, defaults=defaults)

    undo.setattr(Questionnaire.objects, "get_or_create", copied)
    read, known = models._definition.__wrapped__, dict[str, Definition]()

    @lru_cache(maxsize=32)
    def definition(pk: int) -> Definition:
        sha256 = Questionnaire.objects.values_list("sha256", flat=True).get(pk=pk)
        if sha256 not in known:
            known[sha256] = read(pk)
        return known[sha256]

    undo.setattr(models, "_definition", definition)
