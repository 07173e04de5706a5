"""Rows read and written with statements that are put together once per process and prepared once per connection.

The ORM builds every statement anew and PostgreSQL plans it anew; together that is most of what a booking costs. The few verbs
and pages whose speed is measured say their statements here; everything else uses the ORM. Models stay the only description
of the tables, and instances come out as the ORM would make them.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Model

M = TypeVar("M", bound=Model)


class _Prepared(psycopg.Cursor[tuple[Any, ...]]):
    """A cursor that binds on the server, and leaves Django's query log the statement as it would have been sent."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> "_Prepared":
        """As psycopg's."""
        super().execute(query, params, **how)
        if connection.queries_logged:
            text = psycopg.ClientCursor(self.connection).mogrify(query, params)
            self._query = SimpleNamespace(query=text.encode())  # type: ignore[assignment]
        return self


def fetch(statement: str, params: Sequence[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement, prepared on this connection, and give its rows; none for a statement that returns nothing.

    Only cursors that bind on the server prepare, and Django's own do not. Behind a pooler that hands out connections per
    transaction nothing may be prepared; Django's setting for that is respected. Parameters are typed by PostgreSQL: cast the
    ones that no column tells the type of (`%s::bigint`).

    Raises:
        django.db.Error: as from any cursor of Django's.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    raw = database.connection
    raw.prepare_threshold = None if database.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] else 0
    with database._prepare_cursor(_Prepared(raw)) as cursor:  # type: ignore[attr-defined]  # as cursor() does: errors, log
        cursor.execute(statement, params)
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.pgresult.nfields else []
    return found


@cache
def columns(model: type[Model], alias: str) -> str:
    """The model's columns for a SELECT, in the order that `instances` reads: `a."id", a."status", …`."""
    return ", ".join(f'{alias}."{field.column}"' for field in model._meta.concrete_fields)


@cache
def _shape(model: type[Model]) -> tuple[list[str], list[tuple[int, Any, Any]]]:
    """Attribute names, and for columns that need it: position, converter, expression."""
    names, convert = [], []
    for at, field in enumerate(model._meta.concrete_fields):
        names.append(field.attname)
        expression = field.get_col(model._meta.db_table)
        found = [*connection.ops.get_db_converters(expression), *field.get_db_converters(connection)]
        convert += [(at, converter, expression) for converter in found]
    return names, convert


def instances(row: Sequence[Any], *models: type[Model]) -> list[Any]:
    """A row of `columns` of several models, side by side, as their instances; None where an outer join found nothing."""
    found: list[Any] = []
    start = 0
    for model in models:
        names, convert = _shape(model)
        values = list(row[start : start + len(names)])
        start += len(names)
        if values[0] is None:
            found.append(None)
            continue
        for at, converter, expression in convert:
            values[at] = converter(values[at], expression, connection)
        found.append(model.from_db(DEFAULT_DB_ALIAS, names, values))
    return found


@cache
def _writable(model: type[Model], names: tuple[str, ...] = ()) -> list[Any]:
    """The fields to write: those named, by attribute, or all but the key."""
    return [f for f in model._meta.concrete_fields if (f.attname in names if names else not f.primary_key)]


def values_of(row: Model, names: tuple[str, ...] = ()) -> list[Any]:
    """What goes into the columns of `names` (attributes; default all but the key), ready for the database."""
    database = connections[DEFAULT_DB_ALIAS]  # itself, not the proxy that looks it up each time
    return [f.get_db_prep_save(getattr(row, f.attname), database) for f in _writable(type(row), names)]


@cache
def insert_into(model: type[Model], rows: int = 1) -> str:
    """INSERT of so many rows of `values_of`, without RETURNING."""
    fields = _writable(model)
    marks = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * rows)
    return f'INSERT INTO "{model._meta.db_table}" ({", ".join(f"{chr(34)}{f.column}{chr(34)}" for f in fields)}) VALUES {marks}'


@cache
def assignments(model: type[Model], names: tuple[str, ...] = ()) -> str:
    """The SET list of an UPDATE that writes `values_of`."""
    return ", ".join(f'"{f.column}" = %s' for f in _writable(model, names))


def insert(rows: Iterable[Model]) -> None:
    """Insert new rows of one model in one statement; each gets its key."""
    rows = list(rows)
    if not rows:
        return
    values = [value for row in rows for value in values_of(row)]
    keys = fetch(f"{insert_into(type(rows[0]), len(rows))} RETURNING id", values)
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk, row._state.adding, row._state.db = key, False, DEFAULT_DB_ALIAS
