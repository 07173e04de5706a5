"""How often a password may be tried: exact, per address and per network address, whatever the spelling."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.adapter import TRIES_PER_ADDRESS
from accounts.models import SignInMail, User
from accounts.signin import same_address

PASSWORD = "correct horse battery"


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


def test_a_person_gets_three_reset_mails_in_a_quarter_of_an_hour(reception: User) -> None:
    for _n in range(6):
        assert Client().post("/staff/password/reset/", {"email": reception.email}).status_code == 302
    assert SignInMail.objects.filter(user=reception, kind="password_reset_key").count() == 3


def test_a_reset_for_nobody_looks_the_same_and_owes_no_mail(clinic: Any) -> None:
    answer = Client().post("/staff/password/reset/", {"email": "nobody@tn.example"})
    assert answer["Location"] == "/staff/password/reset/done/"
    assert not SignInMail.objects.exists()
