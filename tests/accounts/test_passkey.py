"""A passkey in a real browser under the real policy: added, signed in with, used as second step, used to unlock."""

from typing import Any

import pytest
from playwright.sync_api import Page

from accounts.models import Clinic, User

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.mark.django_db(transaction=True)
def test_a_passkey_signs_in_serves_as_second_step_and_unlocks(
    live_server: Any, page: Page, clinic: Clinic, lead_user: User
) -> None:
    at = live_server.url
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: complaints.append(str(e)))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    def password() -> None:
        page.goto(f"{at}/staff/login/")
        page.get_by_label("Email").fill(lead_user.email)
        page.get_by_label("Password", exact=True).fill("correct horse battery")
        page.get_by_role("button", name="Sign in", exact=True).click()

    def sign_out() -> None:
        page.goto(f"{at}/staff/logout/")
        page.locator("main").get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/staff/login/**")

    password()
    page.wait_for_url("**/staff/2fa/**")
    page.goto(f"{at}/staff/2fa/passkeys/add/")
    page.get_by_label("Sign in with it alone").check()
    page.get_by_role("button", name="Add the passkey").click()
    page.wait_for_url("**/recovery-codes/")
    assert page.locator(".codes li").count() == 10
    sign_out()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url("**/desk/day/**")
    sign_out()
    password()
    page.wait_for_url("**/2fa/authenticate/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/desk/day/**")
    page.goto(f"{at}/staff/2fa/passkeys/reauthenticate/?next=/clinic/&locked=1")
    page.get_by_role("button", name="Use the passkey").click()
    page.wait_for_url("**/clinic/")
    assert complaints == []
