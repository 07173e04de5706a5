"""Whatever arrives, nothing breaks: a page, a refusal in words, or "not found". Never an error, never something new on file.

Seeded, so that a failure repeats. HOSTILE_ROUNDS=20 tries longer, HOSTILE_SEED=7 tries something else.
"""

import os
import random
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import pytest
from django.db import transaction
from django.urls import reverse

from booking.picker import value_of
from tests.access.conftest import quiet
from tests.access.sweep import MATRIX, Sweep, objects, remembered
from tests.access.world import World

ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", "1"))
SEED = int(os.environ.get("HOSTILE_SEED", "20270210"))
JUNK = [
    "", " ", "\t\n", "\x00", "a\x00b", "\x1b[31m", "\ufffe", "\u202egnp.exe", "\u2028", "é" * 300, "ﷺ" * 200, "🙂" * 100,
    "👨‍👩‍👧‍👦", "١٢٣٤٥٦", "１２３", "٢٠٢٧-٠٢-١٠", "²", "-1", "0", "-0", "+1", "1e9", "1_000", "0x10", "NaN", "Infinity", "true", "null", "[]",
    "{}", "[object Object]", "9" * 19, "9" * 40, "9" * 5000, "-" + "9" * 4000, "2027-13-45", "2027-02-30", "0000-00-00",
    "0001-01-01", "9999-12-31", "10000-01-01", "2027-W06-3", "20270210", "2027-02-10T10:00", "2027-02-10T10:00:00+99:99",
    "0001-01-01T00:00+14:00 00000000-0000-0000-0000-000000000000", "9999-12-31T23:59-14:00", "24:00", "25:61", "10:00+05:00",
    "10:00:00.000001", "' OR 1=1 --", "'; DROP TABLE x; --", "%", "%s%n", "%(x)s", "{0.__class__}", "{{ 7*7 }}", "{% now 'Y' %}",
    "<script>alert(1)</script>", "\"><svg onload=alert(1)>", "javascript:alert(1)", "../../etc/passwd", "//evil.example/", "/\\evil",
    "http://[", "a@b", "@", "a" * 250 + "@example.com", "+1 519 555 0100 x 99999", "tel:+1", "+999999999999999", "urn:uuid:x",
    "{" * 30, "00000000-0000-0000-0000-00000000000g", "x" * 70_000,
]  # fmt: skip
RAW = [
    b"a=\xff\xfe&b=\xed\xa0\x80", b"a=%ED%A0%80&b=%FF", b"%00=%00", b"=&=&&;=", b"a" * 5000, b"\x00\x01\x02", b"a=%", b"a=%zz&a=%u0041",
    b"{\"a\": NaN}", b"[" * 10_000, "ключ=значение".encode("utf-16"),
]  # fmt: skip
DRAFT_PAGES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 3), (6, 1), (7, 1), (8, 5)]
KNOWN_GOOD = {200, 302, 303, 400, 401, 403, 404, 405, 409, 413, 422, 429, 503}


def targets(world: World) -> Iterator[tuple[str, str]]:
    """(audience, URL) of every page that takes a form or a query, by whoever gets in."""
    for name, row in MATRIX.items():
        if "prefix" in row or name in {"account_logout", "livez", "readyz"}:
            continue
        of = row.get("of", "")
        urls = [row["path"]] if "path" in row else [reverse(name, kwargs=a) for a in list(objects(world, of).values())[:1]]
        if name == "intake:question":
            urls = [reverse(name, args=page) for page in DRAFT_PAGES]
        audience = "drafting"
        if name.startswith(("staff:", "mfa", "users", "account_")):
            column = next((i for i in (3, 4, 5) if _gets(row, i)), 3)
            audience = ("reception", "physician", "lead")[column - 3]
            if name in {"account_login", "account_reset_password", "account_reset_password_from_key", "mfa_login_webauthn"}:
                audience = "anonymous"
        for url in urls:
            yield audience, url


def _gets(row: dict[str, Any], column: int) -> bool:
    values = [row.get("GET", 200), row.get("POST", 405)]
    return any((v[column] if isinstance(v, list) else v) in {200, 422} for v in values)


def fields_of(page: str) -> list[str]:
    """The names of the controls of a page's forms."""
    return sorted(set(re.findall(r'name="([\w-]+)"', page)) - {"csrfmiddlewaretoken", "viewport", "robots", "theme-color"})


QUERY = ["q", "day", "date", "month", "more", "who", "part", "slot", "from", "to", "service", "visit", "did", "show", "patient", "at", "new",
         "change", "after", "sent", "next", "page", "kind", "before", "topic", "utm_source", "locked", "preview", "other_time"]  # fmt: skip
# What handlers read beside the controls that happen to be on the page.
POSTED = ["do", "slot", "pick", "version", "reason", "rows", "shown", "answer", "how", "anyway", "other_day", "other_time", "other_who", "meant",
          "next", "theme", "credential", "session", "login", "password", "code", "year", "address", "draft", "from", "who", "q", "new", "day"]  # fmt: skip


def ask(world: World, audience: str, method: str, url: str, data: Any = None, **more: Any) -> str:
    """Ask, undo, and say what was wrong with the answer; empty if nothing."""
    client = world.client(audience)
    try:
        with transaction.atomic():
            answer = client.get(url) if method == "get" else client.post(url, data, **more)
            list(answer.streaming_content) if answer.streaming else answer.content
            transaction.set_rollback(True)
    except Exception as error:  # what Django itself lets through
        return f"{type(error).__name__}: {error}"[:300]
    if answer.status_code not in KNOWN_GOOD or (answer.status_code == 503 and "slot" not in url):
        info = getattr(answer, "exc_info", None)
        return f"{answer.status_code} {info[0].__name__ if info else ''} {str(info[1])[:200] if info else ''}"
    if b"<script>alert(1)" in answer.content or b"<svg onload" in answer.content:
        return "what was sent stands in the page as markup"
    if answer.status_code in {302, 303} and re.match(r"//|/\\|https?:(?!//testserver)|javascript:", answer["Location"]):
        return f"leads away: {answer['Location'][:80]}"
    return ""


def named(audience: str, method: str, url: str, what: Any) -> str:
    return f"{method} {url[:120]} as {audience} with {str(what)[:160]!r}"


def test_hostile_queries_break_nothing(world: World) -> None:
    chance, broken = random.Random(SEED), {}
    with quiet(), remembered():
        for audience, url in targets(world):
            for _round in range(ROUNDS):
                for junk in chance.sample(JUNK, 1):
                    query = dict.fromkeys([*chance.sample(QUERY, 6), "q", "day", "date"], junk)
                    sent = f"{url}?{urlencode({k: v.replace(chr(0), '')[:6000] for k, v in query.items()}, errors='replace')}"
                    if wrong := ask(world, audience, "get", sent):
                        broken[named(audience, "GET", url, query)] = wrong
    assert broken == {}


@pytest.mark.parametrize("name", QUERY)
def test_each_query_with_each_junk_on_the_pages_that_read_it(world: World, name: str) -> None:
    """Every name, every junk, where it matters most."""
    pages = {
        "drafting": ["/book/", "/book/time/", "/book/openings/"],
        "anonymous": ["/articles/", f"/v/{world.tokens['A']}/time/"],
        "reception": ["/desk/", "/desk/find/", "/desk/new/", f"/desk/day/{world.day}/"],
        "physician": ["/md/"],
        "lead": ["/clinic/access-log/"],
    }
    chance, broken = random.Random(f"{SEED}{name}"), {}
    with quiet():
        for audience, urls in pages.items():
            for url in urls:
                for junk in chance.sample(JUNK, min(len(JUNK), ROUNDS)):
                    if wrong := ask(world, audience, "get", f"{url}?{name}={quote(junk[:8000].replace(chr(0), ''))}"):
                        broken[named(audience, "GET", url, {name: junk})] = wrong
    assert broken == {}


def test_hostile_forms_break_nothing(world: World, sweep: Sweep) -> None:
    """Every form: all fields junk, one field junk, repeated keys, foreign ids, bytes that are no text."""
    chance, broken = random.Random(SEED), {}
    foreign = [str(world.held.public_id), world.patient, str(world.visits["B"].public_id), world.tokens["B"], str(uuid4())]
    foreign += [value_of(world.visits["B"].starts_at, world.physician), f"arrive:{world.visits['B'].public_id}:{'9' * 30}"]
    shown = {(answer.audience, answer.url): answer.body for answer in sweep.of("GET")}
    with quiet(), remembered():
        for audience, url in targets(world):
            page = shown[audience, url] if (audience, url) in shown else world.client(audience).get(url).content
            fields = sorted({*fields_of(page.decode(errors="replace")), *POSTED})
            for _round in range(ROUNDS):
                tries: list[Any] = [dict.fromkeys(fields, chance.choice(JUNK[:-1])) for _n in range(1)]
                tries.append({name: chance.choice([*JUNK[:-1], *foreign]) for name in fields})
                tries.append({name: [chance.choice(JUNK[:-1]) for _n in range(3)] for name in fields})
                tries.append({name: chance.choice(foreign) for name in fields})
                for form in tries:
                    if wrong := ask(world, audience, "post", url, form):
                        broken[named(audience, "POST", url, form)] = wrong
                raw = chance.choice(RAW)
                if wrong := ask(world, audience, "post", url, raw, content_type="application/x-www-form-urlencoded"):
                    broken[named(audience, "POST", url, raw)] = wrong
    assert broken == {}


@pytest.mark.parametrize(
    ("audience", "url", "fields"),
    [
        (
            "drafting",
            "/book/details/",
            "first_name last_name preferred_name mobile email reminder_by date_of_birth_day date_of_birth_year",
        ),
        ("drafting", "/book/code/", "code do"),
        ("drafting", "/book/time/", "slot"),
        ("drafting", "/book/", "slot who from pick draft"),
        ("anonymous", "/book/lost-link/", "address"),
        ("anonymous", "/staff/login/", "login password"),
        ("anonymous", "/staff/password/reset/", "email"),
        (
            "reception",
            "/desk/new/",
            "q patient service day slot do other_day other_time other_who first_name mobile email date_of_birth_day",
        ),
        ("reception", "/desk/calls/", "do"),
    ],
)
def test_each_field_with_each_junk(world: World, audience: str, url: str, fields: str) -> None:
    chance, broken = random.Random(f"{SEED}{url}"), {}
    with quiet():
        for name in fields.split():
            for junk in chance.sample(JUNK, min(len(JUNK), 3 * ROUNDS)):
                new = {"new": "1"} if url == "/desk/new/" and name not in {"q", "patient"} else {}
                if wrong := ask(world, audience, "post", url, {**new, name: junk}):
                    broken[named(audience, "POST", url, {name: junk})] = wrong
    assert broken == {}


@pytest.mark.parametrize("name", ["visit", "move", "visit_cancel", "visit_contact", "visit_link", "visit_text"])
def test_each_field_of_a_visit_at_the_desk_with_junk(world: World, name: str) -> None:
    url = reverse(f"staff:{name}", args=[world.visits["A"].public_id])
    chance, broken = random.Random(f"{SEED}{name}"), {}
    with quiet():
        for field in (
            "do",
            "version",
            "slot",
            "other_day",
            "other_time",
            "other_who",
            "anyway",
            "reason",
            "mobile",
            "email",
            "how",
            "text",
            "told",
        ):
            for junk in chance.sample(JUNK, min(len(JUNK), ROUNDS)):
                value = f"arrive:{world.visits['A'].public_id}:{junk}" if field == "do" and chance.random() < 0.5 else junk
                if wrong := ask(world, "reception", "post", url, {field: value}):
                    broken[named("reception", "POST", url, {field: value})] = wrong
    assert broken == {}


@pytest.mark.parametrize(
    "path",
    [
        "/desk/day/0001-01-01/", "/desk/day/0001-01-02/", "/desk/day/9999-12-31/", "/desk/day/9999-12-30/", "/desk/day/2027-13-45/",
        "/desk/?date=9999-12-31", "/desk/?date=0001-01-01", "/staff/pulse/?day=9999-12-31", "/staff/pulse/?day=0001-01-01",
        "/md/?date=9999-12-31", "/md/?date=0001-01-01", "/clinic/access-log/?date=9999-12-31", "/clinic/access-log/?date=0001-01-01",
        "/desk/new/?day=9999-12-31", "/desk/new/?day=0001-01-01", "/clinic/access-log/?before=999999999999999999&who=999999999",
        f"/clinic/people/{'9' * 30}/", f"/book/questions/{'9' * 400}/1/", f"/book/questions/{'9' * 5000}/1/", f"/demo/mailbox/mail/{'9' * 40}/",
        "/v/%ED%A0%80/", "/v/%FF%FE/", "/v/" + "A" * 5000 + "/", "/articles/" + "a" * 5000 + "/", "/%E2%80%AE/", "//", "/.%2e/", "/book/%2e%2e/",
        "/staff/password/reset/key/zzzzzzzzzzzzz-x-y/", "/staff/password/reset/key/" + "z" * 300 + "-x/", "/staff/password/reset/key/0-%00/",
        "/staff/2fa/passkeys/" + "9" * 30 + "/remove/", "/book/openings/?service=first-assessment&from=9999-12-31&to=9999-12-31",
        "/book/openings/?service=first-assessment&from=0001-01-01&to=0001-01-02", "/book/time/?month=9999-12", "/book/time/?day=0001-01-01",
        "/book/advice/99999999999999999999/?after=99-99", "/book/advice/1/?after=00-00&change=all",
    ],
)  # fmt: skip
def test_the_edges_of_what_an_address_can_say(world: World, path: str) -> None:
    for audience in ("drafting", "reception", "physician", "lead"):
        with quiet():
            assert ask(world, audience, "get", path) == "", audience


@pytest.mark.parametrize("name", ["q", "day", "slot", "do", "service", "other_time", "first_name", "email", "mobile"])
def test_a_nul_byte_in_a_form_at_the_desk_is_no_error(world: World, name: str) -> None:
    with quiet():
        for more in ({}, {"new": "1"}, {"patient": world.patient}):
            assert ask(world, "reception", "post", "/desk/new/", {**more, name: "a\x00b"}) == ""


def test_two_thousand_fields_and_a_huge_body_are_refused(world: World) -> None:
    many, huge = {f"f{n}": "x" for n in range(2000)}, {"first_name": "x" * 3_000_000}
    for audience, url in (("drafting", "/book/details/"), ("drafting", "/book/questions/8/5/"), ("reception", "/desk/new/"), ("anonymous", "/staff/login/")):  # fmt: skip
        for form in (many, huge):
            with quiet():
                answer = world.client(audience).post(url, urlencode(form), content_type="application/x-www-form-urlencoded")
            assert answer.status_code in {400, 413, 422}, url
            assert b"<h1" in answer.content, url


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "evil.example"}, {"HTTP_HOST": "testserver:99999999"}, {"HTTP_HOST": "a b"}, {"HTTP_X_FORWARDED_FOR": "'\x01, ::ffff:x"},
        {"HTTP_ACCEPT_LANGUAGE": "x" * 5000}, {"HTTP_COOKIE": "a=b; session=;;;=; theme=\"\\000\"; csrf=x"}, {"HTTP_COOKIE": "session=" + "9" * 5000},
        {"HTTP_COOKIE": "messages=x:y:z; theme=<script>"}, {"HTTP_REFERER": "http://["}, {"HTTP_ORIGIN": "null"}, {"HTTP_RANGE": "bytes=9-1"},
        {"HTTP_IF_NONE_MATCH": "\"" * 500}, {"HTTP_IF_MODIFIED_SINCE": "9" * 300}, {"CONTENT_LENGTH": "x"}, {"CONTENT_TYPE": "multipart/form-data"},
        {"REMOTE_ADDR": ""}, {"REMOTE_ADDR": "unix:"}, {"HTTP_X_POLL": "\xff"},
    ],
)  # fmt: skip
def test_hostile_headers_break_nothing(world: World, headers: dict[str, str]) -> None:
    with quiet():
        for url in ("/", "/articles/dutasteride-mesotherapy/", "/book/", "/book/lost-link/", "/staff/login/", "/desk/"):
            client = world.client("anonymous")
            assert client.get(url, **headers).status_code in KNOWN_GOOD, url
            assert (
                client.post(url, {"login": "a@b.example", "password": "x", "address": "a@b.example"}, **headers).status_code
                in KNOWN_GOOD
            ), url


def test_what_was_typed_is_still_there(world: World) -> None:
    for audience, url, typed in (
        ("drafting", "/book/details/", {"first_name": "Zoë O’Neil", "email": "no address", "mobile": "12"}),
        ("anonymous", "/book/lost-link/", {"address": "no address"}),
        ("reception", "/desk/new/", {"new": "1", "first_name": "Zoë O’Neil", "mobile": "12"}),
        ("reception", f"/desk/visit/{world.visits['A'].public_id}/contact/", {"mobile": "12", "email": "no address"}),
    ):
        answer = world.client(audience).post(url, typed)
        assert answer.status_code == 422, url
        page = answer.content.decode()
        for value in (v for k, v in typed.items() if k != "new"):
            assert f'value="{value}"' in page, (url, value)
