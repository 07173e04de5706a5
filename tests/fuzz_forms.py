"""Every form of the site, sent with what no browser would send: `make fuzz N=20000 SEED=1`.

The forms are those that the pages show, to everybody who gets in, and whatever else the access matrix lists; so a new page is
in it on the day it is made. Each request stands alone: it is drawn from the seed and its own number, and undone afterwards.
"""

import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import date
from urllib.parse import quote_plus, urljoin
from uuid import uuid4

from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from django.db import transaction

from audit.actor import Actor
from booking import actions
from booking.models import Practitioner
from intake import engine
from intake.actions import asking_for, save_contact, start_draft
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from patients.actions import ask_code
from tests.access.sweep import MATRIX, column_of, places
from tests.access.test_hostile import JUNK, POSTED, QUERY, RAW
from tests.access.world import AUDIENCES, WEB, World, answer_all, contact_of, session
from tests.intake.pictures import encoded, flipped, scene
from tests.platform.book_over_http import Control, Form, Page, fill

SLOW = 5.0
BOUNDARY = "fuzz-5c1d"


@dataclass(frozen=True)
class Case:
    """One form, as one kind of visitor meets it."""

    audience: str
    url: str
    form: Form = field(hash=False, compare=False)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names in it, in order."""
        return tuple(sorted({control.name for control in self.form.controls}))


@dataclass
class Result:
    """What came of a run."""

    requests: int = 0
    errors: dict[int, str] = field(default_factory=dict)
    slow: dict[int, float] = field(default_factory=dict)
    changed: dict[int, str] = field(default_factory=dict)
    slowest: float = 0.0
    answers: Counter[int] = field(default_factory=Counter)

    @property
    def good(self) -> bool:
        """Nothing broke."""
        return not (self.errors or self.slow or self.changed)


# --- Who sends ------------------------------------------------------------------------------------------------------


def more_visitors(world: World) -> list[str]:
    """Beside those of the world: one who has just begun, one about to press Book, and people who signed in a moment ago."""
    fresh = start_draft("hair-loss-intake", by=WEB, now=world.now)
    world.sessions["beginning"] = session({"draft": str(fresh.public_id)})
    ready = start_draft("hair-loss-intake", by=WEB, now=world.now)
    answer_all(ready, "D")
    contact = contact_of("D", date(1981, 1, 31), "5195550177")
    save_contact(ready, asdict(contact), by=WEB, now=world.now)
    code = ask_code(
        channel="text", address=contact.mobile, purpose="booking", subject_key=str(ready.public_id), by=WEB, now=world.now
    )
    code.used_at = world.now
    code.save()
    start = world.slot(20)
    person = Practitioner.objects.get(pk=start.practitioner_id)
    held = actions.hold(
        world.service, person, start.start, hold_key="f" * 64, address="f", by=Actor.anonymous(), now=world.now
    )  # fmt: skip
    wanted = {"start": start.start.isoformat(), "practitioner": str(person.public_id)}
    ids = {"draft": str(ready.public_id), "code": str(code.public_id), "wanted": wanted}
    world.sessions["ready"] = session(ids | ({"hold": str(held.public_id)} if held else {}))
    for role in ("reception", "lead"):
        known = world.client(role).session
        proof = [{"method": "password", "at": world.now.timestamp(), "email": world.users[role].email}]
        mine = {AUTHENTICATION_METHODS_SESSION_KEY: proof, _AUTHENTICATION_METHODS_USER_SESSION_KEY: str(world.users[role].pk)}
        world.sessions[f"{role}, just now"] = session(dict(known) | mine)
    return ["beginning", "ready", "reception, just now", "lead, just now"]


def addresses(world: World) -> Iterator[tuple[str, str]]:
    """(visitor, URL) of what visitors may reach; whether they do is seen when they ask for it."""
    extra = {"drafting": ("beginning", "ready"), "reception": ("reception, just now",), "lead": ("lead, just now",)}
    for name, row in MATRIX.items():
        if "prefix" in row or name in {"account_logout", "livez", "readyz"}:
            continue
        urls = [url for which, url in places(world, name, row) if which in {"own", "other"}]
        if name == "intake:question":
            urls = list(question_pages(world.responses["C"]))
        urls += [f"{urls[0]}?new=1"] if name == "staff:new" else []
        for audience in AUDIENCES:
            get, post = (column_of(v, audience) for v in (row.get("GET", 200), row.get("POST", 405)))
            own = name.startswith(("booking:", "intake:", "account", "mfa", "users"))
            for who in (audience, *(extra.get(audience, ()) if own else ())):
                if get in {200, 405} or post in {200, 422} or who != audience:
                    yield from ((who, url) for url in urls)


def question_pages(response: QuestionnaireResponse) -> Iterator[str]:
    """The address of every page of a draft."""
    document = decrypt(response)
    for page in engine.pages(response.definition, document.answers, asking_for(response, document)):
        yield f"/book/questions/{page.section.number}/{page.number}/"


def cases(world: World, *, enough: int, chance: random.Random) -> list[Case]:
    """Every form there is, and for addresses without one a form of the names that handlers read.

    For a short run `enough` of them, from pages drawn by lot.
    """
    pages = list(dict.fromkeys(addresses(world)))
    if enough < len(pages):
        chance.shuffle(pages)
    found: dict[tuple[str, str, tuple[str, ...]], Case] = {}
    posted_only: list[tuple[str, str]] = []
    for audience, url in pages:
        if len(found) >= enough:
            break
        with transaction.atomic():
            answer = world.client(audience).get(url)
            transaction.set_rollback(True)
        html = "" if answer.streaming or answer.status_code != 200 else answer.content.decode(errors="replace")
        for form in Page(url, answer.status_code, html if "<form" in html else "").forms:
            case = Case(audience, urljoin(url, form.action), form)
            found[case.audience, case.url, case.fields] = case
        if answer.status_code == 405:
            posted_only.append((audience, url))
    known = {(case.audience, case.url) for case in found.values()}
    bare = [Control(name, "text") for name in POSTED]
    rest = [Case(audience, url, Form(url, "post", bare)) for audience, url in posted_only if (audience, url) not in known]
    return [*found.values(), *rest]


# --- What is sent ---------------------------------------------------------------------------------------------------


class Pool:
    """Values to choose from: this world's ids that are somebody else's, and files."""

    def __init__(self, world: World) -> None:
        small = scene(64, 48)
        self.foreign = [
            str(world.held.public_id), world.patient, str(world.visits["B"].public_id), world.tokens["B"], str(uuid4()),
            str(world.responses["B"].public_id), str(world.photos["A"].public_id), str(world.photos["B"].public_id),
            f"arrive:{world.visits['B'].public_id}:1", "1", "2147483648", "9223372036854775808",
        ]  # fmt: skip
        self.files = [
            encoded(picture=small), encoded("PNG", small), encoded("WEBP", small), b"%PDF-1.4\n%%EOF", b"", b"\0" * 100,
            b"<script>alert(1)</script>", b"GIF89a", flipped(encoded(picture=small), random.Random(1)),
        ]  # fmt: skip

    def value(self, control: Control, chance: random.Random) -> str:
        """Something that does not belong into the control; lone surrogates stand for bytes that are no text."""
        parts = control.name.rpartition("_")[2]
        if parts in {"year", "month", "day"} and chance.random() < 0.5:
            return chance.choice(
                {"year": ["2999", "9999", "0", "-5", "２０２７"], "month": ["13", "0", "٣"], "day": ["31", "32", "²"]}[parts]
            )
        long = "x" * chance.choice([41, 201, 300, 5_000, 70_000])
        odd = [
            "",
            " ",
            long,
            "a\x00b",
            "\ud800",
            "a\udfffb",
            "no-such-option",
            "other",
            "2999-01-01",
            control.value + "x",
            "-1",
            "1e9",
        ]
        return chance.choice([*odd, chance.choice(JUNK), chance.choice(JUNK), chance.choice(self.foreign)])


def spoiled(form: Form, pool: Pool, chance: random.Random) -> list[tuple[str, str | bytes]]:
    """The form filled in well, then one field, some or all of them made wrong."""
    pairs: list[tuple[str, str | bytes]] = list(fill(form))
    if form.buttons and (button := chance.choice(form.buttons))[0]:
        pairs.append((button[0], button[1]))
    by_name: dict[str, list[Control]] = {}
    for control in form.controls:
        by_name.setdefault(control.name, []).append(control)
    for name, controls in by_name.items():
        if controls[0].kind == "file" and chance.random() < 0.8:
            pairs.append((name, chance.choice(pool.files)))
    names = list(by_name) or POSTED
    for name in chance.sample(names, min(len(names), chance.choice([1, 1, 1, 2, 3, len(names)]))):
        controls = by_name.get(name, [Control(name, "text")])
        how = chance.random()
        if how < 0.1:
            pairs = [pair for pair in pairs if pair[0] != name]
        elif how < 0.25:  # everything at once: exclusive with others, each option of one-of-many
            options = [c.value or "on" for c in controls] + controls[0].options
            pairs += [(name, option) for option in options] + [(f"{name}_text", pool.value(controls[0], chance))]
        else:
            pairs = [pair for pair in pairs if pair[0] != name] + [(name, pool.value(controls[0], chance))] * chance.choice(
                [1, 1, 1, 3]
            )
    if chance.random() < 0.2:
        pairs += [(chance.choice(POSTED), chance.choice(pool.foreign)) for _n in range(2)]
    if chance.random() < 0.004:
        pairs.append((chance.choice(names), "ten megabytes " * 750_000))
    return pairs


def body_of(pairs: list[tuple[str, str | bytes]], chance: random.Random) -> tuple[bytes, str]:
    """The bytes that go over the wire, and what they are said to be."""
    odd = chance.random()
    if odd < 0.02:
        return chance.choice(RAW), chance.choice(
            ["application/x-www-form-urlencoded", "application/json", "multipart/form-data", ""]
        )
    if any(isinstance(value, bytes) for _name, value in pairs) or odd < 0.1:
        lines = []
        for name, value in pairs:
            file = f'; filename="{chance.choice(["a.jpg", "../../x", "x" * 300, "é.png"])}"' if isinstance(value, bytes) else ""
            content = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
            lines.append(head.encode("utf-8", "surrogatepass") + content + b"\r\n")
        end = b"" if odd > 0.98 else f"--{BOUNDARY}--\r\n".encode()
        return b"".join(lines) + end, f"multipart/form-data; boundary={BOUNDARY}"
    coded = (f"{quote_plus(n)}={quote_plus(str(v).encode('utf-8', 'surrogatepass'))}" for n, v in pairs)
    return "&".join(coded).encode(), "application/x-www-form-urlencoded"


# --- The run --------------------------------------------------------------------------------------------------------


def versions() -> list[tuple[int, int]]:
    """How often each draft was written."""
    return list(QuestionnaireResponse.objects.filter(status="in-progress").order_by("pk").values_list("pk", "version"))


def send(world: World, case: Case, pool: Pool, chance: random.Random) -> tuple[int, str, float, bool]:
    """One request, undone: status, what broke, seconds, whether a refusal changed a draft all the same."""
    client = world.client(case.audience)
    pairs = spoiled(case.form, pool, chance)
    post = case.form.method == "post" or chance.random() < 0.1
    body, kind = body_of(pairs, chance)
    if not post:
        query = [(n, v) for n, v in pairs if isinstance(v, str)] + [
            (chance.choice(QUERY), pool.value(Control("q", "text"), chance))
        ]
        body = "&".join(f"{quote_plus(n)}={quote_plus(v[:3000].encode('utf-8', 'surrogatepass'))}" for n, v in query).encode()
    status, broke, refused_and_changed = 500, "", False
    before = versions()
    began = time.perf_counter()
    try:
        with transaction.atomic():
            if post:
                answer = client.generic("POST", case.url, body, kind)
            else:
                answer = client.get(f"{case.url.partition('?')[0]}?{body.decode()}")
            b"".join(answer.streaming_content) if answer.streaming else answer.content
            took, status = time.perf_counter() - began, answer.status_code
            refused_and_changed = 400 <= status < 500 and versions() != before
            transaction.set_rollback(True)
        if status >= 500:
            info = getattr(answer, "exc_info", None)
            broke = "".join(traceback.format_exception(*info)) if info else f"status {status}"
    except Exception:  # whatever gets past Django
        took, broke = time.perf_counter() - began, traceback.format_exc()
    return status, broke, took, refused_and_changed


def run(world: World, *, n: int, seed: int, only: int | None = None, tell: int = 0) -> Result:
    """Send `n` requests; the cases take turns, in an order drawn from the seed."""
    more_visitors(world)
    pool, chance = Pool(world), random.Random(seed)
    there = cases(world, enough=n // 2, chance=chance)
    chance.shuffle(there)
    result = Result()
    for number in range(n) if only is None else [only]:
        case = there[number % len(there)]
        status, broke, took, changed = send(world, case, pool, random.Random(f"{seed}:{number}"))
        where = f"{case.form.method} {case.url} as {case.audience}"
        result.requests += 1
        result.answers[status] += 1
        result.slowest = max(result.slowest, took)
        if broke or status >= 500:
            result.errors[number] = f"{where}\n{broke}"
        if took > SLOW:
            result.slow[number] = took
        if changed:
            result.changed[number] = f"{where}: {status}"
        if tell and number % tell == 0:
            sys.stderr.write(f"\r{number}/{n} of {len(there)} forms, {len(result.errors)} errors ")
            sys.stderr.flush()
    return result
