"""Offline and saved, in a browser; and what axe and a screen of 320 px say to the pages of finishing later."""

from datetime import date

from accounts import clock
from intake import actions, later
from tests.intake.conftest import NOW, SOMEBODY
from tests.intake.test_in_browser import Booth, booth, look_at  # noqa: F401

OFFLINE = "You are offline. Your answer is still here."


def test_without_a_connection_the_page_stays_with_its_answer_and_says_so(booth: Booth) -> None:  # noqa: F811
    booth.open("questions/1/1/")
    tick = booth.page.get_by_role("checkbox")
    tick.check(force=True)
    booth.page.context.set_offline(True)
    booth.page.get_by_role("button", name="Continue").click()
    alert = booth.page.get_by_role("alert").filter(has_text=OFFLINE)
    alert.wait_for()
    assert booth.page.url.endswith("/1/1/")
    assert tick.is_checked()
    assert booth.page.evaluate("document.activeElement.textContent") == "Try again"
    assert booth.findings() == []
    booth.page.context.set_offline(False)
    alert.wait_for(state="detached")
    booth.go_on()
    assert booth.answers == {"start_consent_collect": True}
    assert "Saved at " in booth.page.locator(".privacy").inner_text()


def test_nothing_is_called_saved_before_anything_is(booth: Booth) -> None:  # noqa: F811
    booth.open("questions/1/1/")
    assert "Saved at " not in booth.page.locator(".privacy").inner_text()


def test_axe_finds_nothing_on_the_pages_of_finishing_later(booth: Booth) -> None:  # noqa: F811
    found = look_at(booth, ["save/", "save/delete/"])
    booth.open("save/")
    booth.page.get_by_role("button", name="Send me the link").click()
    assert booth.page.title().startswith("Error: ")
    found += booth.findings()
    actions.save_contact(booth.draft, {"date_of_birth": date(1990, 3, 27)}, by=SOMEBODY, now=NOW)
    link = later.save_for_later(booth.draft, channel="email", address="d@example.com", by=SOMEBODY, now=clock.now())
    found += look_at(booth, ["save/?sent=1", f"resume/{later.token_of(link)}/"])
    assert found == []
