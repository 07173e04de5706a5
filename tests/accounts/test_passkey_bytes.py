"""What no browser sends as a passkey is a wrong passkey, at every door that takes one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User

NONSENSE = [
    '{"id": "a"}', '{"id": "\\u0000"}', "[1]", '"x"', '{"id": 1, "rawId": [], "type": "public-key", "response": "x"}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "e30", "authenticatorData": "AA", '
    '"attestationObject": "AA", "signature": "AA", "userHandle": "MQ"}}',
]  # fmt: skip


@pytest.fixture(autouse=True)
def unlimited(settings: Any, clinic: Any) -> None:
    """Each is tried at each door."""
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.mark.django_db
@pytest.mark.parametrize(("door", "status"), [("/staff/2fa/passkeys/login/", 302), ("/me/sign-in/passkey/", 303)])
def test_nobody_comes_in_with_it(door: str, status: int) -> None:
    client = Client()
    client.get(door, headers={"X-Requested-With": "XMLHttpRequest"})
    assert {client.post(door, {"credential": text}).status_code for text in NONSENSE} == {status}


def test_it_is_refused_as_a_second_step(reception: User, sign_in: Callable[..., Any], totp: Callable[[User], str]) -> None:
    totp(reception)
    client = Client()
    sign_in(client, reception)
    answers = [client.post("/staff/2fa/authenticate/", {"credential": text}) for text in NONSENSE]
    assert {answer.status_code for answer in answers} == {422}
    assert "That passkey does not match" in answers[0].content.decode()


@pytest.mark.parametrize("door", ["/staff/2fa/passkeys/add/", "/staff/2fa/passkeys/reauthenticate/"])
def test_it_is_neither_added_nor_taken_as_proof(reception: User, sign_in: Callable[..., Any], settings: Any, door: str) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    sign_in(client, reception)
    client.get(door)
    assert {client.post(door, {"name": "x", "credential": text}).status_code for text in NONSENSE} <= {302, 422}
