"""The second factor: required, set up, used, lost."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.test import Client

from accounts.models import Clinic, User
from audit.models import AuditEvent
from tests.accounts.conftest import code_of

pytestmark = pytest.mark.usefixtures("clinic")
NOT_ENROLMENT = ["/staff/", "/desk/", "/desk/calls/", "/desk/new/", "/desk/find/?q=ma", "/staff/sessions/", "/md/", "/clinic/"]


@pytest.fixture(autouse=True)
def required(settings: Any) -> None:
    """As in a real clinic."""
    settings.STAFF_MFA_REQUIRED = True


@pytest.mark.parametrize("path", NOT_ENROLMENT)
def test_before_a_second_factor_only_the_enrolment_pages_answer(reception: User, path: str) -> None:
    client = Client()
    client.force_login(reception)
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/staff/2fa/?next=")


def test_a_script_without_a_second_factor_gets_a_401_and_no_page(reception: User) -> None:
    client = Client()
    client.force_login(reception)
    answer = client.get("/staff/pulse/", headers={"Accept": "application/json"})
    assert answer.status_code == 401
    assert answer.json() == {"detail": "second_factor_missing"}


def test_a_newcomer_sets_up_an_app_and_signs_in_with_its_code(reception: User, sign_in: Callable[..., Any]) -> None:
    client = Client()
    assert sign_in(client, reception).status_code == 302
    page = client.get("/staff/2fa/totp/activate/")
    assert page.status_code == 200, "a fresh sign-in is proof enough to enrol"
    secret = re.search(r'totp-key num">([A-Z2-7]+)<', page.content.decode()).group(1)  # type: ignore[union-attr]
    assert client.post("/staff/2fa/totp/activate/", {"code": code_of(secret)}).status_code == 302
    assert client.get("/desk/").status_code == 302
    other = Client()
    assert sign_in(other, reception)["Location"] == "/staff/2fa/authenticate/"
    assert other.get("/desk/")["Location"].startswith("/staff/login/"), "a password alone opens nothing"


def test_the_right_code_signs_in_and_a_wrong_one_does_not(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]
) -> None:
    secret = totp(reception)
    client = Client()
    sign_in(client, reception)
    assert b"does not match" in client.post("/staff/2fa/authenticate/", {"code": "000000"}).content
    assert client.post("/staff/2fa/authenticate/", {"code": code_of(secret)})["Location"] == "/staff/"
    assert client.get("/desk/")["Location"].startswith("/desk/day/")


def test_the_same_code_does_not_work_twice(reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]) -> None:
    code = code_of(totp(reception))
    first, second = Client(), Client()
    sign_in(first, reception)
    assert first.post("/staff/2fa/authenticate/", {"code": code}).status_code == 302
    sign_in(second, reception)
    assert second.post("/staff/2fa/authenticate/", {"code": code}).status_code == 422


def test_codes_are_limited_too(reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]) -> None:
    secret = totp(reception)
    client = Client()
    sign_in(client, reception)
    for _n in range(5):
        client.post("/staff/2fa/authenticate/", {"code": "000000"})
    assert b"Too many tries" in client.post("/staff/2fa/authenticate/", {"code": code_of(secret)}).content


def test_the_secret_is_sealed_in_the_database(reception: User, totp: Callable[[User], str]) -> None:
    secret = totp(reception)
    assert secret not in str(Authenticator.objects.get(user=reception).data)


def test_recovery_codes_alone_are_no_second_factor(reception: User) -> None:
    Authenticator.objects.create(user=reception, type=Authenticator.Type.RECOVERY_CODES, data={})
    client = Client()
    client.force_login(reception)
    assert client.get("/desk/")["Location"].startswith("/staff/2fa/")


def test_a_lost_phone_is_reset_by_command_and_the_trail_says_so(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]
) -> None:
    secret = totp(reception)
    client = Client()
    sign_in(client, reception)
    client.post("/staff/2fa/authenticate/", {"code": code_of(secret)})
    call_command("reset_second_factor", reception.email.upper())
    assert client.get("/desk/")["Location"].startswith("/staff/login/"), "open sessions end"
    assert sign_in(client, reception)["Location"] == "/staff/"
    assert client.get("/desk/")["Location"].startswith("/staff/2fa/"), "and a new factor is asked for"
    event = AuditEvent.objects.get(action="accounts.second_factor_reset")
    assert (event.actor_kind, event.object_id) == ("system", reception.pk)


def test_a_reset_is_about_one_person_and_leaves_everybody_elses_second_step(
    reception: User, lead_user: User, totp: Callable[[User], str]
) -> None:
    totp(reception)
    totp(lead_user)
    call_command("reset_second_factor", reception.email)
    assert list(Authenticator.objects.values_list("user", flat=True)) == [lead_user.pk]


def test_the_demo_does_without(reception: User, settings: Any, clinic: Clinic) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(reception)
    assert client.get("/desk/calls/").status_code == 200


def test_a_second_factor_outlives_the_link_key_it_was_sealed_with(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str], settings: Any
) -> None:
    settings.LINK_KEYS = {"old": "o" * 43}
    secret = totp(reception)
    settings.LINK_KEYS = {"new": "n" * 43, "old": "o" * 43}
    call_command("rotate_keys")
    assert AuditEvent.objects.get(action="accounts.second_factors_resealed").detail == {"people": 1}
    settings.LINK_KEYS = {"new": "n" * 43}
    client = Client()
    sign_in(client, reception)
    assert client.post("/staff/2fa/authenticate/", {"code": code_of(secret)})["Location"] == "/staff/"


def test_a_second_factor_whose_key_is_gone_matches_no_code_and_is_no_error(
    reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str], settings: Any
) -> None:
    settings.LINK_KEYS = {"old": "o" * 43}
    secret = totp(reception)
    settings.LINK_KEYS = {"new": "n" * 43}
    client = Client()
    sign_in(client, reception)
    answer = client.post("/staff/2fa/authenticate/", {"code": code_of(secret)})
    assert answer.status_code in {200, 422}
    assert "That code does not match" in answer.content.decode()


def test_with_a_new_factor_the_other_sessions_end(reception: User, sign_in: Callable[..., Any]) -> None:
    """Whoever knew the password and was in before it must not go on as if they had shown it."""
    thief, client = Client(), Client()
    sign_in(thief, reception)
    sign_in(client, reception)
    page = client.get("/staff/2fa/totp/activate/").content.decode()
    secret = re.search(r'totp-key num">([A-Z2-7]+)<', page).group(1)  # type: ignore[union-attr]
    client.post("/staff/2fa/totp/activate/", {"code": "000000"})
    assert thief.get("/staff/2fa/").status_code == 200, "nothing was added yet"
    assert client.post("/staff/2fa/totp/activate/", {"code": code_of(secret)}).status_code == 302
    assert thief.get("/staff/2fa/")["Location"].startswith("/staff/login/")
    assert client.get("/staff/2fa/").status_code == 200
