"""The desk in a browser: axe, widths, the console, keys, and what works without a script."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts import clock
from accounts.models import User
from booking.models import Appointment
from tests.looks.conftest import open_page, violations

pytestmark = pytest.mark.django_db(transaction=True)
Window = Callable[..., Page]


def pages_of(role: str, visit: Appointment) -> list[str]:
    day = clock.local(visit.starts_at).date()
    return {
        "": ["/staff/login/", "/staff/password/reset/", "/staff/password/reset/done/", "/staff/password/reset/key/1-x-y/"],
        "reception": [
            f"/desk/day/{day}/?did=confirm&visit={visit.public_id}",
            f"/desk/day/{day}/?view=list&sort=-status",
            f"/desk/visit/{visit.public_id}/",
            f"/desk/visit/{visit.public_id}/move/",
            f"/desk/patient/{visit.patient.public_id}/",
            "/desk/find/?q=dan",
            "/desk/find/?q=nobody",
            "/desk/calls/",
            "/desk/again/",
            "/desk/new/?q=dan",
            f"/desk/new/?patient={visit.patient.public_id}",
            "/desk/new/?new=1&q=519-555-0199",
            "/desk/availability/",
            "/desk/availability/osei/",
            "/desk/time-off/",
            "/staff/2fa/",
            "/staff/password/change/",
            "/staff/sessions/",
            "/staff/reauthenticate/?next=/desk/&locked=1",
        ],
        "physician": [f"/md/?date={day}", "/md/review/", f"/md/review/{visit.public_id}/"],
        "lead": [
            "/clinic/",
            "/clinic/people/",
            "/clinic/access-log/",
            "/clinic/closures/?year=2027",
            "/clinic/services/",
            "/clinic/services/new/",
            "/clinic/rooms/",
            "/clinic/numbers/",
            "/clinic/physicians/new/",
            "/clinic/details/",
        ],
    }[role]


@pytest.mark.parametrize("role", ["", "reception", "physician", "lead"])
@pytest.mark.parametrize(("width", "theme"), [(320, "light"), pytest.param(1440, "dark", marks=pytest.mark.journey)])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    window: Window, live_server: Any, browser: Browser, sent: Appointment, make_user: Any, role: str, width: int, theme: str
) -> None:
    if role:
        page = window(make_user(role, "Sam Someone"), "/staff/", width=width, theme=theme)
    else:
        page = open_page(browser, width=width, theme=theme, at=live_server.url)
    found = []
    for path in pages_of(role, sent):
        page.goto(path)
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, path
        found += [f"{path}: {line}" for line in violations(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: wider than {width}")
    assert found == []
    assert [c for c in page.complaints if "404" not in c] == []  # type: ignore[attr-defined]


@pytest.mark.journey
def test_a_visit_goes_through_the_day_without_a_script(window: Window, appointment: Appointment, reception: User) -> None:
    page = window(reception, f"/desk/day/{clock.local(appointment.starts_at).date()}/", width=390, scripts=False)
    page.get_by_role("button", name="Confirm Maya Chowdhury").click()
    assert page.get_by_role("status").inner_text() == "Maya Chowdhury is confirmed"
    page.locator(".toast button").click()
    assert "Undone" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Maya Chowdhury").click()
    page.get_by_label("The patient asked").check(force=True)
    page.get_by_role("button", name="Cancel the visit").click()
    assert page.get_by_role("status").inner_text().startswith("Cancelled the visit of Maya Chowdhury")


@pytest.mark.journey
def test_single_keys_work_not_while_typing_and_can_be_switched_off(
    window: Window, appointment: Appointment, reception: User
) -> None:
    page = window(reception, f"/desk/day/{clock.local(appointment.starts_at).date()}/")
    day = page.url
    page.locator("#pick").focus()
    page.keyboard.press("n")
    assert page.url == day
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys work on this computer").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    assert page.url == day
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Single keys work on this computer").check()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.wait_for_url("**/desk/week/**")


@pytest.mark.journey
def test_a_slash_goes_to_the_search_and_stays_a_slash_while_typing(window: Window, practitioner: Any, reception: User) -> None:
    page = window(reception, "/desk/find/")
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.locator("[data-find]")).to_be_focused()
    page.locator("#q").focus()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_have_value("/")


@pytest.mark.journey
def test_what_other_hours_would_do_is_shown_while_they_are_typed(
    window: Window, reception: User, appointment: Appointment
) -> None:
    page = window(reception, "/desk/availability/osei/")
    day = clock.local(appointment.starts_at).weekday()
    page.locator(f"[name=d{day}-0-to]").fill("09:30")  # the visit is at ten
    page.locator(f"[name=d{day}-0-to]").dispatch_event("change")
    expect(page.locator("#preview")).to_contain_text("This change leaves 1 booked visit outside hours")
    assert page.url.endswith("/desk/availability/osei/")
    assert page.complaints == []  # type: ignore[attr-defined]
