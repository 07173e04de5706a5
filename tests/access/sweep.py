"""Ask for every page, as everybody, with every method, and keep the answers: the tests look at them from several sides."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import yaml
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Model
from django.urls import Resolver404, get_resolver, resolve, reverse

from accounts.models import User
from accounts.sessions import SessionStore
from audit.models import AuditEvent
from tests.access.world import AUDIENCES, World

MATRIX: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "matrix.yaml").read_text(encoding="utf-8"))
# Third parties' pages have one row for all that begin alike.
PREFIXES = {row["prefix"]: name for name, row in MATRIX.items() if "prefix" in row}
CHANGING = re.compile(r'^\s*(?:WITH\b.*?\b)?(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE | re.DOTALL)
# Tables that reading may write: the trail, sessions, counters of tries, the cache.
KEPT = {"audit_auditevent", "django_session", "usersessions_usersession", "accounts_ratecounter", "cache"}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    audience: str
    name: str
    which: str
    method: str
    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    writes: list[str]
    events: list[AuditEvent]

    @property
    def outcome(self) -> int | str:
        """A status, or where a redirect leads: "sign-in", "to booking:start"."""
        if self.status not in {301, 302, 303}:
            return self.status
        return outcome_of(self.headers["location"])

    def __str__(self) -> str:
        return f"{self.method} {self.url} ({self.name}, {self.which}) as {self.audience}"


@dataclass
class Sweep:
    """All answers."""

    answers: list[Answer] = field(default_factory=list)

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)

    def of(self, *methods: str, **wanted: str) -> list[Answer]:
        """Those with these methods and fields."""
        return [
            a for a in self.answers if (not methods or a.method in methods) and all(getattr(a, n) == v for n, v in wanted.items())
        ]


def outcome_of(location: str) -> str:
    """Where a redirect leads, as the matrix says it."""
    path = location.partition("?")[0].partition("#")[0].removeprefix("http://testserver")
    try:
        name = resolve(path).view_name
    except Resolver404:
        return f"to {path}"
    return "sign-in" if name == "account_login" else f"to {name}"


def patterns() -> Iterator[tuple[str, str]]:
    """(name, path pattern) of every URL of the site, the third parties' included."""

    def walk(resolver: Any, path: str, namespace: str) -> Iterator[tuple[str, str]]:
        for entry in resolver.url_patterns:
            here = path + str(entry.pattern)
            if hasattr(entry, "url_patterns"):
                inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
                yield from walk(entry, here, inner)
            else:
                yield f"{namespace}{entry.name or ''}", here

    yield from walk(get_resolver(), "", "")


def row_of(name: str, path: str) -> str | None:
    """The name of the matrix row for a URL, or None."""
    found = next((row for prefix, row in PREFIXES.items() if path.startswith(prefix)), None)
    return found or (name if name in MATRIX else None)


def column_of(value: Any, audience: str) -> int | str:
    """What a cell of the matrix says to an audience. A row without a seventh entry treats a patient's account as a stranger."""
    if not isinstance(value, list):
        return value
    if audience == "account" and len(value) < len(AUDIENCES):
        return 404 if value[0] == "sign-in" else value[0]
    return value[AUDIENCES.index(audience)]


def objects(world: World, kind: str) -> dict[str, dict[str, Any]]:
    """which → URL arguments, for rows that name an object. "own" and "other" exist, all others are missing."""
    visit, other = world.visits["A"], world.visits["B"]
    return {
        "": {"own": {}},
        "link": {
            "own": {"token": world.tokens["A"]},
            "missing": {"token": "A" * 16},
            "replaced": {"token": world.tokens["replaced"]},
            "expired": {"token": world.tokens["expired"]},
            "malformed": {"token": "no-link"},
            "guessed": {"token": str(visit.public_id)},
        },
        "feed": {
            "own": {"token": world.tokens["feed"]},
            "missing": {"token": "A" * 16},
            "replaced": {"token": world.tokens["old feed"]},
            "malformed": {"token": "no-link"},
        },
        "place": {
            "own": {"token": world.tokens["place"]},
            "missing": {"token": "A" * 16},
            "malformed": {"token": "no-link"},
        },
        "resume": {
            "own": {"token": world.tokens["resume"]},
            "missing": {"token": "A" * 16},
            "malformed": {"token": "no-link"},
        },
        "visit": {
            "own": {"public_id": visit.public_id},
            "other": {"public_id": other.public_id},
            "missing": {"public_id": uuid4()},
            "held": {"public_id": world.held.public_id},
        },
        "review": {
            "own": {"public_id": world.responses["A"].public_id},
            "other": {"public_id": world.responses["B"].public_id},
            "missing": {"public_id": uuid4()},
        },
        "questionnaire": {"own": {"slug": "hair-loss-intake"}, "missing": {"slug": "nothing"}},
        "patient": {
            "own": {"public_id": world.people["A"].public_id},
            "other": {"public_id": world.people["B"].public_id},
            "missing": {"public_id": uuid4()},
        },
        "offer": {
            "own": {"newer": world.people["twin"].public_id, "older": world.people["B"].public_id},
            "missing": {"newer": world.people["A"].public_id, "older": world.people["B"].public_id},
        },
        "photo": {
            "own": {"public_id": world.photos["C"].public_id},
            "other": {"public_id": world.photos["B"].public_id},
            "missing": {"public_id": uuid4()},
        },
        "sent photo": {
            "own": {"public_id": world.photos["A"].public_id},
            "other": {"public_id": world.photos["B"].public_id},
            "draft": {"public_id": world.photos["C"].public_id},
            "missing": {"public_id": uuid4()},
        },
        "day": {"own": {"day": world.day}},
        "question": {"own": {"section": 1, "number": 1}, "missing": {"section": 9, "number": 99}},
        "advice": {"own": {"number": 1}, "missing": {"number": 99}},
        "stop": {"own": {"code": "no-consent"}, "missing": {"code": "nothing"}},
        "article": {"own": {"slug": "dutasteride-mesotherapy"}, "missing": {"slug": "nothing"}},
        "kind": {"own": {"code": "booked"}, "missing": {"code": "nothing"}},
        "mail": {"own": {"pk": world.mail.pk}, "missing": {"pk": 10**9}},
        "text": {"own": {"pk": world.text.pk}, "missing": {"pk": 10**9}},
        "channel": {"own": {"channel": "email"}, "missing": {"channel": "pigeon"}},
        "correction": {
            "own": {"public_id": world.corrections["A"].public_id},
            "other": {"public_id": world.corrections["B"].public_id},
            "missing": {"public_id": uuid4()},
        },
        "passkey": {"missing": {"pk": 10**9}},
        "person": {"own": {"user_id": world.users["reception"].pk}, "missing": {"user_id": 10**9}},
        "physician": {"own": {"slug": "amara-osei"}, "missing": {"slug": "nobody"}},
        "who": {"own": {"who": "amara-osei"}, "missing": {"who": "nobody"}},
        "service": {"own": {"public_id": world.service.public_id}, "missing": {"public_id": uuid4()}},
        "batch": {"own": {"public_id": world.batch.public_id}, "missing": {"public_id": uuid4()}},
        "time off": {"own": {"off_id": world.off.pk}, "missing": {"off_id": 10**9}},
        "reset": {"missing": {"uidb36": "1", "key": "abc-def"}},
    }[kind]


def places(world: World, name: str, row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(which, URL) to ask for."""
    if "prefix" in row:
        yield from (("own", f"/{row['prefix']}{rest}") for rest in row["pages"])
        return
    for which, arguments in objects(world, row.get("of", "")).items():
        url = row["path"] if "path" in row else reverse(name, kwargs=arguments)
        yield which, url
        if which == "other" or "of" not in row or row["of"] == "day":
            yield from ((which, url + query.format(day=world.day, patient=world.patient)) for query in row.get("queries", ()))


# What leaves no trace. Anything else is undone, and so is whatever failed.
_READS = re.compile(r"\s*SELECT\b", re.IGNORECASE)


Back = Callable[[list[str]], None]


@contextmanager
def undone() -> Iterator[Back]:
    """For requests one after another in one transaction: undoes what a request did, told the statements it sent.

    Going back to a savepoint keeps it, so one is enough for all; and who only read has nothing to undo.
    """
    with transaction.atomic():
        point = transaction.savepoint()

        def back(heard: list[str]) -> None:
            if transaction.get_rollback() or not all(map(_READS.match, heard)):
                transaction.set_rollback(False)
                transaction.savepoint_rollback(point)

        yield back
        transaction.set_rollback(True)


@contextmanager
def listening() -> Iterator[list[str]]:
    """The statements that are sent meanwhile, without their values: Django's own log would write each out in full."""
    heard: list[str] = []

    def hear(execute: Any, statement: str, *rest: Any) -> Any:
        heard.append(str(statement))
        try:
            return execute(statement, *rest)
        except BaseException:
            heard.append("failed")
            raise

    with connection.execute_wrapper(hear):
        yield heard


@contextmanager
def remembered() -> Iterator[None]:
    """For requests that are undone one by one: whose session it is and who that is stays the same, so each is read once.

    Every request gets rows of its own, made of the same values. This was a quarter of what the sweep took.
    """
    read, who, known = SessionStore._get_session_from_db, ModelBackend.get_user, {}

    def again(key: Any, model: type[Model], found: Callable[[], Any]) -> Any:
        if key not in known:
            row = found()
            known[key] = row and [getattr(row, field.attname) for field in model._meta.concrete_fields]
        names = [field.attname for field in model._meta.concrete_fields]
        return known[key] and model.from_db("default", names, known[key])

    def session(self: SessionStore) -> Any:
        key = self.session_key
        row = again(("session", key), Session, lambda: read(self))
        if row is None:
            self._session_key = None
        return row

    def user(self: ModelBackend, pk: Any) -> Any:
        return again(("user", pk), User, lambda: who(self, pk))

    with patch.object(SessionStore, "_get_session_from_db", session), patch.object(ModelBackend, "get_user", user):
        yield


def ask(world: World, back: Back, audience: str, name: str, which: str, method: str, url: str, data: Any = None) -> Answer:
    """One request, undone afterwards."""
    client = world.client(audience)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with listening() as heard:
            response = client.generic(method, url) if data is None else client.post(url, data)
            body = b"".join(response.streaming_content) if response.streaming else response.content
        told = any("audit_auditevent" in statement for statement in heard)
        events = list(AuditEvent.objects.filter(pk__gt=world.events)) if told else []  # what is asked for here does not stay
        back(heard)
    return Answer(
        audience, name, which, method, url, response.status_code,
        {k.lower(): v for k, v in response.headers.items()}, body, written(heard), events,
    )  # fmt: skip


def ask_raw(world: World, back: Back, audience: str, url: str, *, csrf: bool) -> tuple[int, list[str]]:
    """A bare POST, undone afterwards: the status, and what it changed."""
    with listening() as heard:
        status = world.client(audience, csrf=csrf).post(url, {}).status_code
    back(heard)
    return status, written(heard)


def written(statements: list[str]) -> list[str]:
    """Tables that statements changed, those that reading may write apart."""
    found = [match for statement in statements if (match := CHANGING.match(statement))]
    return [f"{m[1]} {m[2]}" for m in found if m[2] not in KEPT]


def run(world: World) -> Sweep:
    """Everything, once. Unusual methods are tried by whoever gets furthest; odd links by those who have no account."""
    sweep = Sweep()
    with undone() as back, remembered():
        for name, row in MATRIX.items():
            for which, url in places(world, name, row):
                seen: list[str] = []
                odd = which in {"replaced", "expired", "malformed", "guessed"}
                for audience in ("anonymous", "patient") if odd else AUDIENCES:
                    sweep.answers.append(got := ask(world, back, audience, name, which, "GET", url))
                    seen += [audience] if got.status == 200 else []
                    if "?" not in url:
                        sweep.answers.append(ask(world, back, audience, name, which, "POST", url, {}))
                if which == "own" and "?" not in url:
                    for method in ("HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
                        sweep.answers.append(ask(world, back, (seen or ["anonymous"])[-1], name, which, method, url))
    return sweep
