"""Known or not known: the same page, byte for byte, and the same statements in the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Clinic, RateCounter
from booking.models import LinkRequest
from patients.models import ContactCode
from tests.access.test_matrix import same
from tests.access.world import World

DETAILS = {
    "first_name": "Nobody", "last_name": "Known", "voicemail_ok": "no", "reminder_by": "email", "date_of_birth_month": "7",
    "date_of_birth_day": "7", "date_of_birth_year": "1977",
}  # fmt: skip
KNOWN = {"email": "canary-b-mail@example.com", "mobile": "519-555-0199"}
UNKNOWN = {"email": "canary-q-mail@example.com", "mobile": "519-555-0099"}  # alike once masked


def told(client: Client, answer: Any) -> tuple[Any, ...]:
    """Everything that a stranger could compare, what they typed themselves apart."""
    body = same(answer.content).decode()
    for contact in (KNOWN, UNKNOWN):
        for value in contact.values():
            body = body.replace(value, "…")
    # Some headers and cookies differ from one request to the next whoever asks.
    headers = sorted((k, v) for k, v in answer.headers.items() if k not in {"Content-Length"})
    return answer.status_code, headers, body, sorted(client.cookies)


def shape(queries: list[dict[str, str]]) -> list[str]:
    return [re.sub(r"'[^']*'|\d+|E'..*'", "?", q["sql"].partition(" WHERE")[0])[:120] for q in queries]


def both(world: World, audience: str, url: str, known: dict[str, str], unknown: dict[str, str], *then: str) -> list[Any]:
    found = []
    Clinic.current()
    assert world.responses["C"].definition  # read once by this process, as the clinic's row is
    for form in (known, unknown):
        client = world.client(audience)
        with undone():
            with CaptureQueriesContext(connection) as log:
                answer = client.post(url, form)
            pages = [told(client, answer), shape(log.captured_queries)]
            pages += [told(client, client.get(path)) for path in then]
        found.append(pages)
    return found


@contextmanager
def undone() -> Iterator[None]:
    """So that the second run finds what the first one found."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize("reminder_by", ["email", "text", "text_email", "phone"])
def test_details_and_code_pages_do_not_tell_who_is_known(world: World, reminder_by: str) -> None:
    """A stranger with somebody's address, number and date of birth learns nothing at any step before the code."""
    common = DETAILS | {"reminder_by": reminder_by}
    known, unknown = both(
        world, "drafting", "/book/details/", common | KNOWN, common | UNKNOWN, "/book/code/", "/book/details/", "/book/check/"
    )
    assert known == unknown


def test_a_wrong_code_does_not_tell_either(world: World) -> None:
    found = []
    for contact in (KNOWN, UNKNOWN):
        client = world.client("drafting")
        with undone():
            client.post("/book/details/", DETAILS | contact)
            found.append([told(client, client.post("/book/code/", {"code": "000000"})) for _n in range(6)])
    assert found[0] == found[1]


def test_booking_without_a_code_joins_nobody_and_shows_nobodys_visits(world: World) -> None:
    """Even for the very time at which the known person has a visit of their own."""
    answers = []
    for contact in (KNOWN, UNKNOWN):
        client = world.client("drafting")
        with undone():
            client.post("/book/details/", DETAILS | contact)
            client.post("/book/code/", {"do": "none"})
            answers.append(client.get("/book/check/").content.decode())
    assert "CANARY-B" not in answers[0]
    assert re.sub(r"\d", "", same(answers[0].encode()).decode().replace(KNOWN["email"], "")) == re.sub(
        r"\d", "", same(answers[1].encode()).decode().replace(UNKNOWN["email"], "")
    )


@pytest.mark.parametrize("kind", ["email", "mobile"])
def test_the_lost_link_is_answered_alike(world: World, kind: str) -> None:
    known, unknown = both(
        world, "anonymous", "/book/lost-link/", {"address": KNOWN[kind]}, {"address": UNKNOWN[kind]}, "/book/lost-link/?sent=1"
    )
    assert known == unknown


def test_an_asked_for_link_is_only_noted(world: World) -> None:
    """The sender looks up later whether there is a visit; the page never does."""
    with CaptureQueriesContext(connection) as log:
        world.client("anonymous").post("/book/lost-link/", {"address": KNOWN["email"]})
    assert LinkRequest.objects.count() == 1
    assert not [q["sql"] for q in log.captured_queries if "patients_patient" in q["sql"] or "booking_appointment" in q["sql"]]


def test_the_lost_link_is_answered_alike_past_its_limit(world: World) -> None:
    pages = []
    for _n in range(8):
        client = world.client("anonymous")
        client.post("/book/lost-link/", {"address": KNOWN["email"]})
        pages.append(told(client, client.get("/book/lost-link/?sent=1")))
    assert all(page == pages[0] for page in pages)
    assert LinkRequest.objects.count() == 3


def test_spellings_of_one_address_share_one_limit(world: World) -> None:
    for spelled in ("canary-b-mail@example.com", "CANARY-B-MAIL@EXAMPLE.COM", "canary-b-mail+1@example.com", "Canary-B-Mail+x@Example.com", "cánary-b-mail@example.com"):  # fmt: skip
        for _n in range(3):
            world.client("anonymous").post("/book/lost-link/", {"address": spelled})
    assert LinkRequest.objects.count() <= 4


def test_forged_addresses_of_a_proxy_do_not_lift_the_limit(world: World) -> None:
    for n in range(40):
        world.client("anonymous", REMOTE_ADDR="203.0.113.9", HTTP_X_FORWARDED_FOR=f"198.51.100.{n}").post(
            "/book/lost-link/", {"address": f"a{n}@example.com"}
        )
    assert LinkRequest.objects.count() == 15


def test_the_password_reset_is_answered_alike(world: World) -> None:
    known, unknown = both(
        world, "anonymous", "/staff/password/reset/", {"email": "reception@tn.example"}, {"email": "deception@tn.example"},
        "/staff/password/reset/done/",
    )  # fmt: skip
    assert known[0] == unknown[0]
    assert known[2] == unknown[2]


def test_signing_in_does_not_tell_who_works_here(world: World) -> None:
    pages = []
    for address in ("reception@tn.example", "deception@tn.example"):
        client = world.client("anonymous")
        answer = client.post("/staff/login/", {"login": address, "password": "wrong horse battery"})
        pages.append((answer.status_code, same(answer.content).replace(address.encode(), b"")))
    assert pages[0] == pages[1]


def test_guessing_codes_from_many_browsers_is_limited_by_the_code(world: World) -> None:
    """Five tries, then the code is dead, whoever tries and from wherever."""
    right = 0
    for n in range(12):
        answer = world.client("drafting", REMOTE_ADDR=f"203.0.113.{n}").post("/book/code/", {"code": f"{n:06d}"})
        right += answer.status_code == 303
    code = ContactCode.objects.get(pk=world.code.pk)
    assert right == 0
    assert code.tries <= 5
    assert code.paused_until is not None


def test_counters_keep_no_addresses(world: World) -> None:
    world.client("anonymous", REMOTE_ADDR="203.0.113.77").post("/book/lost-link/", {"address": "canary-b-mail@example.com"})
    kept = "".join(RateCounter.objects.values_list("key", flat=True))
    assert kept
    assert "203.0.113.77" not in kept
    assert "canary" not in kept
