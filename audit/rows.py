"""Rows read and written with statements that are put together once per process and prepared once per connection.

The ORM builds every statement anew and PostgreSQL plans it anew; together that is most of what a booking costs. The few verbs
and pages whose speed is measured say their statements here; everything else uses the ORM. Models stay the only description
of the tables, and instances come out as the ORM would make them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache, lru_cache, partial
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import Model
from django.db.models.base import ModelState
from django.db.models.signals import post_init, pre_init
from psycopg import pq
from psycopg.adapt import Loader, PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import Format

M = TypeVar("M", bound=Model)

# --- Statements ---------------------------------------------------------------------------------------------------------

_MARK = re.compile(r"%(?:\((\w+)\))?s|%%")


@lru_cache(maxsize=512)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with `%s` or `%(name)s` as PostgreSQL takes it, with `$1`; and its names in that order, if it has any."""
    names: list[str] = []
    count = 0

    def number(mark: re.Match[str]) -> str:
        nonlocal count
        if mark[0] == "%%":
            return "%"
        if mark[1] is None:
            count += 1
            return f"${count}"
        if mark[1] not in names:
            names.append(mark[1])
        return f"${names.index(mark[1]) + 1}"

    return _MARK.sub(number, statement).encode(), tuple(names)


class _Bound(psycopg.RawCursor[tuple[Any, ...]]):
    """A cursor that binds on the server, and leaves Django's query log the statement as it would have been sent."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> "_Bound":
        """As psycopg's."""
        numbered, names = _numbered(query)
        super().execute(numbered, [params[name] for name in names] if names else params, binary=True, **how)
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
    if not (
        database.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]
        or database.queries_logged
        or database.execute_wrappers
        or raw.isolation_level
    ):
        database.validate_no_broken_transaction()
        with database.wrap_database_errors, raw.lock:
            return _asked(_kept(raw), raw, statement, params)
    _kept(raw)
    raw.prepare_threshold = None  # psycopg forgets what it has prepared with DEALLOCATE ALL, which would take ours along
    cursor = _Bound(raw)
    database._prepare_cursor(cursor).execute(statement, params)  # type: ignore[attr-defined]  # as cursor() does: errors, log
    return cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []


class _Json(Loader):
    """JSON stays text, as Django's own fields expect it."""

    format = Format.BINARY

    def load(self, data: Any) -> str:
        """What follows the byte that says how it is written."""
        return bytes(data)[1:].decode()


class _Kept:
    """What stays with a connection: how values are written and read, in binary, and the names of what is prepared."""

    def __init__(self, raw: psycopg.Connection[Any]) -> None:
        raw.adapters.register_loader("jsonb", _Json)
        self.adapt = Transformer(raw)
        self.known: dict[tuple[bytes, tuple[int, ...]], bytes] = {}


def _kept(raw: psycopg.Connection[Any]) -> _Kept:
    kept: _Kept = vars(raw).get("_kept") or vars(raw).setdefault("_kept", _Kept(raw))
    return kept


MOST_PREPARED = 400  # statements of a connection; others are planned when they are asked


def _asked(
    kept: _Kept, raw: psycopg.Connection[Any], statement: str, params: Sequence[Any] | dict[str, Any]
) -> list[tuple[Any, ...]]:
    """What a cursor of psycopg's does for one statement, without the cursor: half of its computing, a tenth of a booking's."""
    query, names = _numbered(statement)
    values = [params[name] for name in names] if isinstance(params, dict) else params
    adapt, known, pg = kept.adapt, kept.known, raw.pgconn
    if not raw.autocommit and pg.transaction_status == pq.TransactionStatus.IDLE:
        _checked(raw, pg.exec_(b"BEGIN"))
    given: Any = adapt.dump_sequence(values, [PyFormat.AUTO] * len(values))
    types, formats = adapt.types or (), adapt.formats
    name = known.get((query, types))
    if name is None and len(known) < MOST_PREPARED:
        name = b"known%d" % len(known)
        _checked(raw, pg.prepare(name, query, types))
        known[query, types] = name
    if name is None:
        result = _checked(raw, pg.exec_params(query, given, types, formats, Format.BINARY))
    else:
        result = _checked(raw, pg.exec_prepared(name, given, formats, Format.BINARY))
    if result.status != pq.ExecStatus.TUPLES_OK:
        return []
    adapt.set_pgresult(result)
    try:
        return adapt.load_rows(0, result.ntuples, tuple)
    finally:
        adapt.set_pgresult(None)  # what was read stays with whoever asked


def _checked(raw: psycopg.Connection[Any], result: Any) -> Any:
    """The result of a statement that went well.

    Raises:
        psycopg.Error: it did not, or the server has gone.
    """
    if result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK):
        return result
    if raw.pgconn.status != pq.ConnStatus.OK:
        raise psycopg.OperationalError(raw.pgconn.get_error_message())
    raise error_from_result(result)


# --- Reading ------------------------------------------------------------------------------------------------------------


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
        found.append(_instance(model, names, values))
    return found


def _instance(model: type[Model], names: list[str], values: list[Any]) -> Model:
    """What `from_db` makes, without a look at each field in turn; a model that makes its instances itself is asked."""
    if not _makes_plain_ones(model):
        return model.from_db(DEFAULT_DB_ALIAS, names, values)
    made = model.__new__(model)
    made._state = ModelState()
    is_stored(made)
    made.__dict__.update(zip(names, values, strict=True))
    return made


@cache
def _makes_plain_ones(model: type[Model]) -> bool:
    """True for a model without an `__init__` or `from_db` of its own, and nobody who listens for its instances."""
    own = model.__init__ is not Model.__init__ or model.from_db.__func__ is not Model.from_db.__func__  # type: ignore[attr-defined]
    return not own and not any(signal.has_listeners(model) for signal in (pre_init, post_init))


# --- Writing ------------------------------------------------------------------------------------------------------------

# What a column takes as it is, and the field would only look at; anything else is asked of the field.
_AS_IT_IS: dict[type, type] = {
    models.CharField: str,
    models.TextField: str,
    models.EmailField: str,
    models.SlugField: str,
    models.BooleanField: bool,
    models.PositiveSmallIntegerField: int,
    models.PositiveIntegerField: int,
    models.BigIntegerField: int,
    models.ForeignKey: int,
    models.OneToOneField: int,
    models.BigAutoField: int,
    models.DateTimeField: datetime,
    models.DateField: date,
    models.UUIDField: UUID,
}
_NOTHING = type(None)


@cache
def _writable(model: type[Model], names: tuple[str, ...] = (), keyed: bool = False) -> list[Any]:
    """The fields to write: those named, by attribute, or all but the key (with the key if `keyed`)."""
    fields = model._meta.concrete_fields
    return [f for f in fields if (f.attname in names if names else keyed or not f.primary_key)]


@cache
def _plan(model: type[Model], names: tuple[str, ...], keyed: bool) -> tuple[Any, list[tuple[Any, Any]]]:
    """How to get at the values of a row, all at once; and for each its field and the type that goes as it is."""
    fields = _writable(model, names, keyed)
    # A foreign key that is not a number is asked of the field.
    asked = [f for f in fields if f.is_relation and not isinstance(f.target_field, models.BigAutoField)]
    plain = [None if f in asked else _AS_IT_IS.get(type(f)) for f in fields]
    return attrgetter(*(f.attname for f in fields)), list(zip(fields, plain, strict=True))


def array(numbers: Iterable[int]) -> str:
    """Whole numbers for a parameter that is cast to an array; psycopg takes long to find out what a list is."""
    return f"{{{','.join(map(str, numbers))}}}"


def values_of(row: Model, names: tuple[str, ...] = (), *, keyed: bool = False) -> list[Any]:
    """What goes into the columns of `names` (attributes; default all but the key), ready for the database."""
    database = connections[DEFAULT_DB_ALIAS]  # itself, not the proxy that looks it up each time
    get, fields = _plan(type(row), names, keyed)
    values = get(row) if len(fields) > 1 else (get(row),)
    return [
        value if (kind := type(value)) is plain or (kind is _NOTHING and plain) else field.get_db_prep_save(value, database)
        for value, (field, plain) in zip(values, fields, strict=True)
    ]


@cache
def insert_into(model: type[Model], rows: int = 1, *, keyed: bool = False) -> str:
    """INSERT of so many rows of `values_of`, without RETURNING."""
    fields = _writable(model, (), keyed)
    marks = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * rows)
    return f'INSERT INTO "{model._meta.db_table}" ({", ".join(f"{chr(34)}{f.column}{chr(34)}" for f in fields)}) VALUES {marks}'


@cache
def assignments(model: type[Model], names: tuple[str, ...] = ()) -> str:
    """The SET list of an UPDATE that writes `values_of`."""
    return ", ".join(f'"{f.column}" = %s' for f in _writable(model, names))


def locked(rows: models.QuerySet[M], *, pk: int) -> M:
    """A row as it is now with what it points at, locked until the transaction ends.

    Locked alone and read afterwards. PostgreSQL joins a row that had to be waited for to what it pointed at before, and where
    that has changed meanwhile, another physician, say, it finds no row, or none of what it points at now.

    Args:
        rows: with what is read along (`select_related`).

    Raises:
        rows.model.DoesNotExist: there is none.
    """
    rows.model._default_manager.select_for_update().values_list("pk").get(pk=pk)
    return rows.get(pk=pk)


@cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """What the columns of a new row hold by themselves: values, and what makes a value of its own for each row."""
    fields = model._meta.concrete_fields
    made = {f.attname: f.get_default for f in fields if f.has_default() and callable(f.default)}
    return {f.attname: f.get_default() for f in fields if f.attname not in made}, list(made.items())


def new(model: type[M], **values: Any) -> M:
    """A new instance, foreign keys by their key, without the constructor's look at each field: for plain facts."""
    if not _makes_plain_ones(model):
        return model(**values)
    given, made = _defaults(model)
    row = model.__new__(model)
    row._state = ModelState()
    row.__dict__.update(given)
    row.__dict__.update({name: make() for name, make in made if name not in values})
    row.__dict__.update(values)
    return row


def insert(rows: Iterable[Model]) -> None:
    """Insert new rows of one model in one statement; each gets its key."""
    rows = list(rows)
    if not rows:
        return
    values = [value for row in rows for value in values_of(row)]
    keys = fetch(f"{insert_into(type(rows[0]), len(rows))} RETURNING id", values)
    for row, (key,) in zip(rows, keys, strict=True):
        row.pk = key
        is_stored(row)


def is_stored(row: Model) -> None:
    """An instance is that of a row in the database from now on."""
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def next_key(model: type[Model]) -> str:
    """SQL that draws the key of a row to come: for one that others of the same `Together` point at."""
    return f"nextval('{model._meta.db_table}_{model._meta.pk.column}_seq')"


class Missed(Exception):
    """A part that must write a row, named so, found none to write: the row is not what it was, or the place is taken."""


class Together:
    """What several apps write, sent to PostgreSQL as one statement: all of it holds, or nothing.

    Each part is an INSERT or UPDATE of rows of its own. No part sees what another writes, so a key that others point at is
    drawn beforehand (`next_key`); foreign keys are looked at when the transaction ends.
    """

    def __init__(self) -> None:
        self._new: dict[tuple[type[Model], bool], list[list[Any]]] = {}
        self._parts: list[str] = []
        self._params: list[Any] = []
        self._musts: list[str] = []
        self._then: list[Callable[[], None]] = []

    def add(self, statement: str, params: Sequence[Any], *, must: str = "") -> None:
        """Add a part. One with a name that it `must` write a row under ends in RETURNING."""
        self._parts.append(f"{must or f'part{len(self._parts)}'} AS ({statement})")
        self._params += params
        if must:
            self._musts.append(must)

    def insert(self, rows: Iterable[Model]) -> None:
        """Add new rows. Those that have a key keep it; what key the others get is not told. Those of one table are one part."""
        for row in rows:
            keyed = row.pk is not None
            self._new.setdefault((type(row), keyed), []).append(values_of(row, keyed=keyed))
            if keyed:
                self._then.append(partial(is_stored, row))

    def then(self, step: Callable[[], Any]) -> None:
        """What is done in this process once everything is written."""
        self._then.append(step)

    def send(self) -> None:
        """Write everything.

        Raises:
            Missed: a part that must write a row found none. The transaction is to be rolled back, as after any error.
            django.db.Error: a part was refused.
        """
        for (model, keyed), found in self._new.items():
            self.add(insert_into(model, len(found), keyed=keyed), [value for values in found for value in values])
        counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in self._musts) or "1"
        [told] = fetch(f"WITH {', '.join(self._parts)} SELECT {counts}", self._params) if self._parts else [()]
        for name, count in zip(self._musts, told, strict=False):
            if not count:
                raise Missed(name)
        for step in self._then:
            step()
