"""Which sign-in pages exist, and where they lead."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from accounts.signin import password_link
from audit.models import AuditEvent

pytestmark = pytest.mark.usefixtures("clinic")
GONE = [
    "signup/", "email/", "confirm-email/", "confirm-email/x/", "password/set/", "login/code/", "login/code/confirm/",
    "2fa/webauthn/signup/", "3rdparty/", "social/signup/", "phone/verify/",
]  # fmt: skip


@pytest.mark.parametrize("path", GONE)
def test_pages_that_we_do_not_use_are_not_there(path: str) -> None:
    assert Client().get(f"/staff/{path}").status_code == 404


@pytest.mark.parametrize(("role", "to"), [("reception", "/desk/"), ("lead", "/desk/"), ("physician", "/md/")])
def test_each_role_starts_on_its_own_page(
    role: str, to: str, make_user: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    assert signed_in(make_user(role, "Sam Someone")).get("/staff/")["Location"] == to


def test_the_link_sets_a_password_once(reception: User) -> None:
    path = password_link(reception).split("8000", 1)[1]
    client = Client()
    form = client.get(path)["Location"]
    new = {"password1": "three quiet birches", "password2": "three quiet birches"}
    assert client.post(form, new).status_code == 302
    reception.refresh_from_db()
    assert reception.check_password("three quiet birches")
    assert b"no longer works" in Client().get(path).content


@pytest.mark.parametrize("weak", ["short", "password1234", "123456789012"])
def test_a_weak_password_is_refused(reception: User, weak: str) -> None:
    client = Client()
    form = client.get(password_link(reception).split("8000", 1)[1])["Location"]
    assert client.post(form, {"password1": weak, "password2": weak}).status_code == 422
    reception.refresh_from_db()
    assert not reception.check_password(weak)


def test_signing_in_leads_only_to_our_own_pages(reception: User) -> None:
    data = {"login": reception.email, "password": "correct horse battery", "next": "https://evil.example/"}
    assert Client().post("/staff/login/", data)["Location"] == "/staff/"


def test_a_link_for_a_new_password_and_the_sign_out_are_in_the_trail(
    reception: User, signed_in: Callable[[User], Client]
) -> None:
    signed_in(reception).post("/staff/logout/")
    Client().post("/staff/password/reset/", {"email": reception.email})
    told = AuditEvent.objects.filter(object_id=reception.pk, object_type="accounts.user").order_by("pk")
    assert [(e.action, e.actor_kind) for e in told][-2:] == [
        ("accounts.signed_out", "staff"), ("accounts.password_reset_key", "anonymous"),
    ]  # fmt: skip


def test_sign_ins_and_wrong_passwords_are_in_the_trail(reception: User) -> None:
    client = Client()
    client.post("/staff/login/", {"login": reception.email, "password": "wrong wrong wrong"})
    client.post("/staff/login/", {"login": reception.email, "password": "correct horse battery"})
    actions = list(AuditEvent.objects.filter(object_id=reception.pk).order_by("pk").values_list("action", flat=True))
    assert actions == ["accounts.sign_in_failed", "accounts.signed_in"]
