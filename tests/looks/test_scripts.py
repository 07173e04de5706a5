"""The small script of every page: focus on errors, one submit, another time zone."""

import pytest
from playwright.sync_api import Browser, expect

from tests.looks.conftest import open_page


@pytest.mark.journey
def test_an_error_summary_has_the_focus_and_leads_to_its_field(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="light")
    page.goto(site + "/book/lost-link/")
    page.locator("main form button").first.click()
    summary = page.locator(".errsum")
    expect(summary).to_be_focused()
    assert page.title().startswith("Error: ")
    summary.get_by_role("link").first.click()
    assert page.evaluate("document.activeElement.matches('input')")
    page.context.close()


@pytest.mark.journey
def test_back_after_something_was_corrected_meets_the_page_and_no_form_to_send_again(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="light")
    page.goto(site + "/me/sign-in/")
    for address in ("nobody", "someone@example.com"):
        page.locator("[name=address]").fill(address)
        page.get_by_role("button", name="Send me a code").click()
        page.wait_for_load_state()
    expect(page.locator("[name=code]")).to_be_visible()
    page.go_back()
    expect(page.locator("[name=address]")).to_be_visible()
    assert not page.title().startswith("Error: ")
    page.context.close()


@pytest.mark.journey
def test_a_second_press_is_ignored_and_the_button_says_what_it_does(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="light")
    page.goto(site + "/book/lost-link/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.locator("main input:not([type=hidden])").first.fill("someone@example.com")
    busy, refused = page.evaluate(
        """() => {
          const form = document.querySelector("main form"), button = form.querySelector("button");
          let refused = false;
          addEventListener("submit", (event) => { refused = event.defaultPrevented; });
          button.click();
          const busy = button.getAttribute("aria-busy");
          button.click();
          return [busy, refused];
        }"""
    )
    assert (busy, refused) == ("true", True)
    page.wait_for_load_state("networkidle")
    assert len(sent) == 1
    page.context.close()


@pytest.mark.journey
def test_somebody_in_another_time_zone_is_told_what_it_is_there(browser: Browser, site: str) -> None:
    for zone, told in (("America/Vancouver", True), ("America/Toronto", False)):
        context = browser.new_context(timezone_id=zone, locale="en-CA")
        page = context.new_page()
        page.goto(site)
        page.evaluate(
            """async () => {
              const note = document.createElement("p");
              note.dataset.zone = "America/Toronto";
              note.dataset.zoneAt = "2026-03-12T14:20:00Z";
              note.dataset.zoneText = "{here} here is {there} where you are.";
              note.innerHTML = "<span>All times are Eastern Time.</span>";
              document.querySelector("main").append(note);
              const source = document.querySelector("script[src*='page.js']").src;
              const again = document.createElement("script");
              again.src = source + "?again";
              again.type = "module";
              document.head.append(again);
              await new Promise((done) => { again.onload = done; });
            }"""
        )
        text = page.locator("p[data-zone]").inner_text()
        assert ("10:20 a.m. here is 7:20 a.m. where you are." in text.replace("\u202f", " ").replace("\xa0", " ")) is told, text
        context.close()


@pytest.mark.journey
def test_a_held_time_that_runs_out_on_the_open_page_says_so_in_its_place(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="light")
    page.clock.install()
    page.goto(site + "/book/lost-link/")
    page.evaluate(
        """async () => {
          const ends = new Date(Date.now() + 15 * 60000).toISOString();
          document.querySelector("main").innerHTML = `<div class="hold"><div data-hold-says>We keep it until ten.</div>
            <span class="vh" role="status" data-hold-ends="${ends}" data-hold-text="Two minutes left." data-hold-over="It is over.">
            </span></div>`;
          const script = document.createElement("script");
          script.src = document.querySelector("script[src*='page.js']").src.replace("page.js", "hold.js");
          document.head.append(script);
          await new Promise((done) => { script.onload = done; });
        }"""
    )
    hold = page.locator(".hold")
    page.clock.fast_forward("13:30")
    expect(hold).to_contain_text("We keep it until ten. Two minutes left.")
    page.clock.fast_forward("02:00")
    expect(hold).to_have_text("It is over.")
    expect(hold.get_by_role("status")).not_to_have_class("vh")
    page.context.close()
