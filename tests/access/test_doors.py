"""The ways in: one sign-in page, one way to a role, and an end to both."""

import pytest
from django.test import Client

from accounts.actions import end_access
from accounts.models import User
from audit.actor import Actor
from tests.access.sweep import patterns
from tests.access.world import PASSWORD, STAFF, World


def signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_there_is_one_page_that_signs_people_in(world: World) -> None:
    """Wagtail brings one of its own, without limits and without the second factor."""
    for path in ("/_util/login/", "/editor/login/"):
        client = world.client("anonymous")
        client.post(path, {"username": "lead@tn.example", "login": "lead@tn.example", "password": PASSWORD})
        assert not signed_in(client), path


def test_wagtails_sign_in_address_leads_to_ours(world: World) -> None:
    answer = world.client("anonymous").get("/_util/login/?next=/articles/")
    assert answer.status_code == 302
    assert answer["Location"] == "/staff/login/?next=/articles/"


def test_djangos_admin_is_not_there() -> None:
    assert [name for name, path in patterns() if name.startswith("admin:") or path.startswith("admin/")] == []


@pytest.mark.parametrize("path", ["/staff/signup/", "/accounts/signup/", "/editor/users/add/", "/setup/", "/install/"])
def test_nobody_signs_up(world: World, path: str) -> None:
    form = {"email": "new@tn.example", "password1": PASSWORD, "password2": PASSWORD, "role": "lead", "name": "New"}
    for audience in ("anonymous", "patient", "reception", "physician"):
        assert world.client(audience).post(path, form).status_code in {302, 403, 404, 405}
    assert not User.objects.filter(email="new@tn.example").exists()


@pytest.mark.parametrize("audience", STAFF)
def test_a_leaver_is_out_on_the_next_request(world: World, audience: str) -> None:
    browser, page = world.client(audience), {"physician": "/md/", "reception": "/desk/find/", "lead": "/clinic/"}[audience]
    assert browser.get(page).status_code == 200
    User.objects.create_user("second-lead@tn.example", name="Second Lead", role="lead")
    end_access(world.users[audience], by=Actor.system(), now=world.now)
    answer = browser.get(page)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/staff/login/")


@pytest.mark.parametrize("audience", STAFF)
def test_switching_an_account_off_is_enough(world: World, audience: str) -> None:
    User.objects.filter(pk=world.users[audience].pk).update(is_active=False)
    for page in ("/md/", "/desk/find/", "/clinic/", "/staff/", "/staff/pulse/", "/editor/", "/staff/2fa/", "/staff/sessions/"):
        answer = world.client(audience).get(page)
        assert answer.status_code == 302, page
        assert answer["Location"].startswith("/staff/login/"), page


@pytest.mark.parametrize(
    ("audience", "role", "lost"),
    [("reception", "physician", "/desk/find/"), ("physician", "reception", "/md/"), ("lead", "reception", "/clinic/")],
)
def test_another_role_counts_from_the_next_request_on(world: World, audience: str, role: str, lost: str) -> None:
    browser = world.client(audience)
    assert browser.get(lost).status_code == 200
    User.objects.filter(pk=world.users[audience].pk).update(role=role)
    assert browser.get(lost).status_code == 404


def test_a_lead_who_no_longer_leads_loses_the_editor(world: World) -> None:
    browser = world.client("lead")
    assert browser.get("/editor/").status_code == 200
    User.objects.filter(pk=world.users["lead"].pk).update(role="reception")
    assert browser.get("/editor/").status_code == 404


def test_somebody_without_a_role_gets_nowhere(world: World) -> None:
    User.objects.filter(pk=world.users["reception"].pk).update(role="patient")
    for page in ("/desk/", "/desk/find/", "/md/", "/clinic/", "/staff/", "/editor/"):
        assert world.client("reception").get(page).status_code == 404, page
    for role in ("", "nobody", "LEAD", "superuser"):
        User.objects.filter(pk=world.users["reception"].pk).update(role=role)
        assert world.client("reception").get("/desk/find/").status_code == 404, role


ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "/\\evil.example/", "///evil.example", "http://[", "javascript:alert(1)", "\x01//evil.example",
    "http:evil.example", "http://localhost/", "https://testserver@evil.example/", "\t//evil.example/", "data:text/html,x",
]  # fmt: skip


@pytest.mark.parametrize("there", ELSEWHERE)
def test_signing_in_and_out_leads_nowhere_else(world: World, there: str) -> None:
    form = {"login": "reception@tn.example", "password": PASSWORD, "next": there}
    assert world.client("anonymous").get("/staff/login/", {"next": there.strip("\x01")}).status_code == 200
    for client, path in (
        (world.client("anonymous"), "/staff/login/"),
        (world.client("reception"), "/staff/logout/"),
        (world.client("anonymous"), "/theme/"),
    ):
        answer = client.post(path, form)
        assert answer.status_code == 302, path
        assert answer["Location"] in {"/staff/", "/staff/login/", "/accessibility/"}, path
