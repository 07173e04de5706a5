"""How often a password may be tried: exact, per address and per network address, whatever the spelling."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client, RequestFactory

from accounts import clock
from accounts.adapter import TRIES_PER_ADDRESS, TRIES_PER_IP, TRY_WINDOW
from accounts.limits import hit
from accounts.models import SignInMail, User
from accounts.second_step import TRIES, TRIES_A_DAY
from accounts.signin import same_address
from accounts.web import client_address
from audit.models import AuditEvent
from tests.accounts.conftest import code_of
from tests.factories import PASSWORD


@pytest.fixture(autouse=True)
def only_ours(settings: Any, clinic: Any) -> None:
    """allauth's own limits stand aside, so that these tests fail when ours do."""
    settings.ACCOUNT_RATE_LIMITS = False


def test_the_right_password_does_not_help_after_ten_wrong_ones(reception: User, sign_in: Callable[..., Any]) -> None:
    for n in range(TRIES_PER_ADDRESS):
        assert b"do not match" in sign_in(Client(), reception, f"wrong {n} wrong").content
    answer = sign_in(Client(), reception)
    assert answer.status_code == 422
    assert b"Too many tries" in answer.content


def test_another_ip_address_in_a_header_changes_nothing(reception: User, sign_in: Callable[..., Any]) -> None:
    for n in range(TRIES_PER_ADDRESS):
        sign_in(Client(), reception, "wrong wrong wrong", headers={"X-Forwarded-For": f"203.0.113.{n}"})
    assert b"Too many tries" in sign_in(Client(), reception, headers={"X-Forwarded-For": "198.51.100.1"}).content


def test_spellings_that_the_database_takes_for_the_same_share_one_limit(reception: User) -> None:
    spellings = ["miller@tn.example", "MILLER@tn.example", "mıller@tn.example", "Míller@tn.example", " miller@tn.example"]
    assert len({same_address(s) for s in spellings}) == 1
    for n in range(TRIES_PER_ADDRESS):
        Client().post("/staff/login/", {"login": spellings[n % 3], "password": "wrong wrong wrong"})
    answer = Client().post("/staff/login/", {"login": "miller@tn.example", "password": PASSWORD})
    assert b"Too many tries" in answer.content


def test_an_unknown_address_is_answered_in_the_same_words(reception: User) -> None:
    def body(login: str) -> str:
        page = Client().post("/staff/login/", {"login": login, "password": "wrong wrong wrong"}).content.decode()
        return page.replace(login, "").split("<main")[1].split("csrfmiddlewaretoken")[0]

    assert body("nobody@tn.example") == body(reception.email)


@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_are_counted_one_by_one(reception: User, sign_in: Callable[..., Any]) -> None:
    answers: list[bytes] = []
    gate = threading.Barrier(20)

    def attempt() -> None:
        try:
            gate.wait()
            answers.append(sign_in(Client(), reception, "wrong wrong wrong").content)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=attempt) for _n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(b"do not match" in answer for answer in answers) == TRIES_PER_ADDRESS
    assert sum(b"Too many tries" in answer for answer in answers) == 20 - TRIES_PER_ADDRESS


def test_codes_of_the_second_step_are_counted_whatever_becomes_of_the_cache(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]
) -> None:
    secret, client = totp(reception), Client()
    sign_in(client, reception)
    for n in range(TRIES):
        assert b"does not match" in client.post("/staff/2fa/authenticate/", {"code": f"{n:06d}"}).content
    answer = client.post("/staff/2fa/authenticate/", {"code": code_of(secret)})
    assert answer.status_code == 422
    assert b"Too many tries. Wait 5 minutes" in answer.content
    assert AuditEvent.objects.filter(action="accounts.second_step_failed", object_id=reception.pk).count() == TRIES


def test_codes_on_the_locked_screen_are_counted_with_those_at_the_sign_in(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]
) -> None:
    secret, client, other = totp(reception), Client(), Client()
    client.force_login(reception)
    sign_in(other, reception)
    for n in range(TRIES):
        other.post("/staff/2fa/authenticate/", {"code": f"{n:06d}"})
    answer = client.post("/staff/2fa/reauthenticate/", {"code": code_of(secret)})
    assert answer.status_code == 422
    assert b"Too many tries" in answer.content


def test_a_hundred_codes_of_the_second_step_are_enough_for_a_day(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]
) -> None:
    secret, client = totp(reception), Client()
    now = clock.now()
    for _n in range(TRIES_A_DAY):
        hit(f"second-step-day:{reception.pk}", limit=TRIES_A_DAY, window=timedelta(days=1), now=now)
    sign_in(client, reception)
    assert b"Too many tries today" in client.post("/staff/2fa/authenticate/", {"code": code_of(secret)}).content


@pytest.mark.parametrize(
    ("address", "counts_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("nonsense", "unknown"),
    ],
)
def test_limits_count_a_network_of_ipv6_as_one_client(rf: RequestFactory, address: str, counts_as: str) -> None:
    assert client_address(rf.get("/", REMOTE_ADDR=address)) == counts_as


def test_behind_a_proxy_only_what_it_wrote_itself_counts(rf: RequestFactory, settings: Any) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    request = rf.get("/", REMOTE_ADDR="10.0.0.2", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
    assert client_address(request) == "203.0.113.7"


def test_passwords_are_counted_for_a_whole_network_of_ipv6(reception: User, sign_in: Callable[..., Any]) -> None:
    for _n in range(TRIES_PER_IP):
        hit("sign-in-ip:2001:db8::", limit=TRIES_PER_IP, window=TRY_WINDOW, now=clock.now())
    assert b"Too many tries" in sign_in(Client(), reception, REMOTE_ADDR="2001:db8::7").content


def test_a_person_gets_three_reset_mails_in_a_quarter_of_an_hour(reception: User) -> None:
    for _n in range(6):
        assert Client().post("/staff/password/reset/", {"email": reception.email}).status_code == 302
    assert SignInMail.objects.filter(user=reception, kind="password_reset_key").count() == 3


def test_a_reset_for_nobody_looks_the_same_and_owes_no_mail(clinic: Any) -> None:
    answer = Client().post("/staff/password/reset/", {"email": "nobody@tn.example"})
    assert answer["Location"] == "/staff/password/reset/done/"
    assert not SignInMail.objects.exists()
