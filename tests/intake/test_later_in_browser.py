"""Offline and saved, in a browser; and what axe and a screen of 320 px say to the pages of finishing later."""

from datetime import date

import pytest

from accounts import clock
from intake import actions
from intake.actions import later
from tests.intake.conftest import NOW, SOMEBODY
from tests.intake.test_in_browser import Booth, booth, look_at  # noqa: F401

CLOSED = "We closed this page to keep your answers private"
OFFLINE = "You are offline. Your answer is still here."


@pytest.mark.journey
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
    # A network that is there and leads nowhere is the same: nothing was heard back.
    booth.page.route("**/questions/1/1/", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    booth.page.get_by_role("button", name="Continue").click()
    alert.wait_for()
    assert tick.is_checked()
    booth.page.unroute("**/questions/1/1/")
    booth.page.get_by_role("button", name="Try again").click()
    booth.page.wait_for_url("**/questions/1/2/")
    assert booth.answers == {"start_consent_collect": True}
    assert "Saved at " in booth.page.locator(".privacy").inner_text()


@pytest.mark.journey
def test_back_after_a_corrected_mistake_shows_the_question_and_not_a_form_that_was_sent(booth: Booth) -> None:  # noqa: F811
    booth.open("questions/1/1/")
    posts: list[str] = []
    booth.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    booth.page.get_by_role("button", name="Continue").click()
    booth.page.locator(".errsum").wait_for()
    assert booth.page.evaluate("document.activeElement.className") == "errsum"
    assert booth.page.title().startswith("Error: ")
    booth.page.get_by_role("checkbox").check(force=True)
    booth.page.get_by_role("button", name="Continue").click()
    booth.page.wait_for_url("**/questions/1/2/")
    booth.page.go_back()
    assert booth.page.url.endswith("/1/1/")
    assert booth.page.get_by_role("checkbox").is_checked()
    assert len(posts) == 2


@pytest.mark.journey
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


@pytest.mark.journey
def test_a_page_left_open_is_covered_and_comes_back_with_what_was_typed(booth: Booth) -> None:  # noqa: F811
    actions.save_contact(booth.draft, {"date_of_birth": date(1990, 3, 27)}, by=SOMEBODY, now=NOW)
    page = booth.page
    page.clock.install()
    booth.open("questions/8/5/")
    page.get_by_role("textbox").first.fill("half a sentence")
    page.clock.fast_forward("29:00")
    assert page.locator("h1").inner_text() != CLOSED
    page.clock.fast_forward("01:30")
    page.get_by_role("heading", name=CLOSED).wait_for()
    assert not page.get_by_text("half a sentence").is_visible()
    assert page.title() == CLOSED
    assert booth.findings() == []
    year = page.get_by_label("Your year of birth")
    year.fill("1950")
    year.press("Enter")
    page.get_by_role("alert").filter(has_text="That year does not match").wait_for()
    year.fill("1990")
    year.press("Enter")
    page.get_by_role("heading", name=CLOSED).wait_for(state="detached")
    assert page.get_by_role("textbox").first.input_value() == "half a sentence"
    booth.go_on()
    assert booth.answers["finish_other"] == "half a sentence"
