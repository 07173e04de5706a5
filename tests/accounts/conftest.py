"""A person at the sign-in page, with real codes from a real authenticator secret."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD


def code_of(secret: str) -> str:
    """The six digits an authenticator app shows now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


@pytest.fixture
def sign_in() -> Callable[..., Any]:
    """Types an address and a password at the sign-in page."""

    def go(client: Client, user: User, password: str = PASSWORD, **extra: Any) -> Any:
        return client.post("/staff/login/", {"login": user.email, "password": password}, **extra)

    return go


@pytest.fixture
def totp() -> Callable[[User], str]:
    """Gives a person an authenticator app; returns its secret."""

    def give(user: User) -> str:
        secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
        TOTP.activate(user, secret)
        return secret

    return give
