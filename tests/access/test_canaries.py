"""No byte of one patient where it does not belong: pages, headers, messages, calendar files, logs, Redis, sessions, the trail."""

import json
import logging
from typing import Any

import pytest
import redis
from celery.app.task import Task
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import connection

from accounts.links import derive_code
from accounts.logs import json_formatter
from audit.models import AuditEvent
from notifications import drain, planner
from notifications.models import CaughtText, Delivery, Message
from tests.access.sweep import Answer, Sweep
from tests.access.world import World, canary
from tests.notifications.conftest import Post, post  # noqa: F401

MINE = {"portal:home", "portal:answers", "portal:answer", "portal:answer_pdf", "portal:photos", "portal:photo", "portal:details",
        "portal:data", "portal:download", "portal:prove", "portal:contact", "portal:passkeys"}  # fmt: skip
READERS = {"staff:review", "staff:fhir_response", "staff:photo"}
CORRECTORS = {"A": {"reception", "lead"}, "B": {"physician"}, "C": set()}
# What the visit's own pages call its patient. Numbers and addresses are masked there, and nothing else is said.
CALLED = {"A": [canary("A", "preferred").encode(), canary("A", "first").encode(), canary("A", "last").encode()]}


def text_of(answer: Answer) -> bytes:
    return answer.body + repr(answer.headers).encode()


def found(answer: Answer, marks: list[bytes]) -> list[str]:
    text = text_of(answer)
    return [mark.decode() for mark in marks if mark in text]


def contact_may_show(answer: Answer, who: str) -> list[bytes] | None:
    """Marks of the contact that may be on this page; None: all of them."""
    if who == "A" and answer.audience == "account" and answer.name in MINE and answer.which == "own":
        return None
    if answer.name in {"staff:corrections", "staff:correction"} and answer.audience in CORRECTORS[who]:
        return None
    if answer.name.startswith("staff:") and answer.audience in {"reception", "lead"} and who != "C":
        return None
    if answer.name in {"staff:md", "staff:to_review", *READERS} and answer.audience == "physician" and who != "C":
        return None
    if answer.name == "staff:access_log" and answer.audience == "lead":
        return None
    if who == "C" and answer.audience == "drafting" and answer.name.startswith(("booking:", "intake:")):
        return None
    if who == "A" and answer.which == "own" and answer.name.startswith("booking:visit"):
        return CALLED["A"]
    if who == "A" and answer.audience == "patient" and answer.name == "booking:done":
        return CALLED["A"]
    return []


@pytest.mark.parametrize("who", "ABC")
def test_names_and_addresses_are_seen_only_by_whom_they_concern(world: World, sweep: Sweep, who: str) -> None:
    leaks = {}
    for answer in sweep:
        allowed = contact_may_show(answer, who)
        if allowed is not None and (shown := found(answer, [m for m in world.marks[who].contact if m not in allowed])):
            leaks[str(answer)] = shown
    assert leaks == {}


@pytest.mark.parametrize("who", "ABC")
def test_answers_are_seen_only_by_a_physician_or_by_who_gives_them(world: World, sweep: Sweep, who: str) -> None:
    """Reception and the clinic lead meet no answer anywhere."""
    leaks = {}
    for answer in sweep:
        reader = answer.audience == "physician" and answer.name in READERS and answer.which == {"A": "own", "B": "other"}.get(who)
        own = who == "C" and answer.audience == "drafting" and answer.name.startswith(("booking:", "intake:"))
        own |= who == "A" and answer.audience == "account" and answer.name in MINE and answer.which == "own"
        # What is to be corrected is read by whoever answers it: details at the desk, answers by a physician.
        own |= answer.name in {"staff:corrections", "staff:correction"} and answer.audience in CORRECTORS[who]
        if not (reader or own) and (shown := found(answer, world.marks[who].answers)):
            leaks[str(answer)] = shown
    assert leaks == {}


def test_a_physician_does_read_them(world: World, sweep: Sweep) -> None:
    """Or the tests above could not fail."""
    for which, who in (("own", "A"), ("other", "B")):
        (page,) = sweep.of("GET", name="staff:review", which=which, audience="physician")
        assert len(found(page, world.marks[who].answers)) >= 8


def test_no_page_holds_a_secret(world: World, sweep: Sweep) -> None:
    secrets = [settings.SECRET_KEY, *settings.ANSWER_KEYS.values(), *settings.LINK_KEYS.values()]
    secrets += [user.password for user in world.users.values()] + ["h" * 64]
    secrets += [derive_code(c.purpose, c.public_id, c.generation, c.key_id) for c in [world.code]]
    marks = [secret.encode() for secret in secrets if len(secret) >= 6]
    assert {str(a): shown for a in sweep if (shown := found(a, marks))} == {}


def test_no_page_names_another_visits_link(world: World, sweep: Sweep) -> None:
    """A link is shown to who holds it, to who has just booked, and at the desk on demand."""
    link = world.tokens["B"].encode()
    shown = [f"{a}" for a in sweep if link in text_of(a) and a.name != "staff:visit_link"]
    assert shown == []


def test_the_trail_names_things_and_quotes_nobody(world: World, sweep: Sweep) -> None:
    kept = [e.detail for answer in sweep for e in answer.events] + list(AuditEvent.objects.values_list("detail", flat=True))
    assert "canary" not in json.dumps(kept).lower()


def test_answers_at_rest_are_sealed(world: World) -> None:
    """No table holds an answer in the clear, whatever its columns are called."""
    marks = [canary(who, "finish_other") for who in "ABC"]
    with connection.cursor() as cursor:
        tables = [t for t in connection.introspection.table_names(cursor) if not t.startswith("wagtail")]
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY(%s)', [[f"%{m}%" for m in marks]])
            assert cursor.fetchone()[0] == 0, table


def test_sessions_hold_ids_only(world: World) -> None:
    browser = world.client("drafting")
    form = {
        "first_name": canary("C", "first"), "last_name": canary("C", "last"), "mobile": "519-555-0173", "voicemail_ok": "no",
        "email": "canary-c-mail@example.com", "reminder_by": "text_email", "date_of_birth_month": "9", "date_of_birth_day": "19",
        "date_of_birth_year": "1979",
    }  # fmt: skip
    assert browser.post("/book/details/", form).status_code == 303
    browser.post("/book/questions/8/5/", {"shown": "finish_other", "finish_other": canary("C", "finish_other")})
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert "canary" not in json.dumps(kept).lower()
    assert "canary" not in repr(browser.cookies.output()).lower()


def test_messages_on_a_patients_pages_stay_masked(world: World) -> None:
    """What waits to be shown travels in a cookie, signed but readable."""
    browser = world.client("patient")
    browser.post("/book/done/", {})
    if kept := browser.cookies.get("messages"):
        said = str(signing.get_cookie_signer(salt="django.contrib.messages").unsign_object(kept.value, serializer=_Plain))
        assert not [m for m in world.marks["A"].contact if m.decode() in said]


class _Plain:
    @staticmethod
    def loads(data: bytes) -> str:
        return data.decode()


def test_messages_say_when_and_where_and_never_why(world: World, post: Post, settings: Any) -> None:  # noqa: F811
    settings.MESSAGE_GRACE_SECONDS, settings.MESSAGE_QUIET_HOURS = 0, ""
    planner.tick(now=world.now)
    drain.run(now=world.now)
    sent = [bytes(envelope.content or b"") for envelope in post.envelopes]
    read = [str(part.get_content()) for mail in post.mails for part in mail.walk() if part.get_content_maintype() == "text"]
    texts = list(CaughtText.objects.exclude(pk=world.text.pk).values_list("body", flat=True))
    assert len(post.mails) >= 2
    assert len(texts) >= 2
    everything = b"\n".join([*sent, *(t.encode() for t in read + texts)])
    for who in "ABC":
        assert [m for m in world.marks[who].answers if m in everything] == []
        assert [m for m in world.marks[who].contact[4:] if m in everything and b"example.com" not in m] == []
    for mail in post.mails:  # nobody reads another's name
        body = mail.as_string()
        names = {who for who in "ABC" if f"CANARY-{who}-" in body or f"canary-{who.lower()}-" in body}
        assert len(names) <= 1
    rows = [*Message.objects.values(), *Delivery.objects.values()]
    assert "CANARY-" not in repr(rows)


def test_calendar_files_name_nobody(sweep: Sweep) -> None:
    files = sweep.of("GET", name="booking:visit_ics", which="own") + sweep.of("GET", name="booking:feed", which="own")
    assert {answer.status for answer in files} == {200}
    for answer in files:
        assert b"CANARY" not in answer.body
        assert b"hair" not in answer.body.lower()


def test_logs_hold_nothing_of_a_request(world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals, forms and errors whose text quotes what was typed."""
    caplog.set_level(logging.DEBUG)

    def quoting(*args: Any, **kwargs: Any) -> None:
        raise ValueError("for CANARY-C-finish_other of canary-c-mail@example.com, 519-555-0173")

    browser, token = world.client("drafting"), world.tokens["A"]
    browser.post("/book/details/", {"first_name": canary("C", "first") * 60, "email": "canary-c-mail@example.com"})
    browser.post("/book/questions/8/5/", {"shown": "finish_other", "finish_other": "CANARY-C-finish_other\x00"})
    world.client("reception").get("/desk/find/?q=CANARY-B-last")
    world.client("reception").get("/desk/nothing/CANARY-B-last/?q=519-555-0199")
    world.client("anonymous").get(f"/v/{token}/")
    world.client("anonymous").get(f"/v/{token}x/nothing/")
    monkeypatch.setattr("intake.actions.save_page", quoting)
    assert browser.post("/book/questions/8/5/", {"shown": "finish_other", "finish_other": "CANARY-C-x"}).status_code == 500
    formatter = json_formatter()
    lines = "\n".join(formatter.format(record) for record in caplog.records if record.name != "django.db.backends")
    assert "ValueError" in lines
    for mark in ("canary", "CANARY", "519-555", token, "example.com"):
        assert mark not in lines, mark


def test_a_booking_talks_to_no_broker_and_leaves_nothing_in_redis(
    world: World, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(Task, "apply_async", lambda self, *args, **kwargs: asked.append((self.name, args, kwargs)))
    world.client("patient").post(f"/v/{world.tokens['A']}/confirm/")
    world.client("drafting").post("/book/code/", {"do": "email"})
    world.client("drafting").post("/book/lost-link/", {"address": "canary-b-mail@example.com"})
    assert asked == []
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        for key in server.scan_iter(count=500):
            kept = key + (server.get(key) or b"" if server.type(key) == b"string" else b"")
            assert b"CANARY" not in kept
            assert b"canary" not in kept
