"""The public pages as people see them: axe finds nothing, nothing scrolls sideways, the policy is kept."""

import pytest
from playwright.sync_api import Browser, expect

from tests.articles.test_pages import PAGES
from tests.looks.conftest import open_page, violations


@pytest.mark.parametrize(
    ("width", "theme"),
    [
        (390, "light"),
        pytest.param(390, "dark", marks=pytest.mark.journey),
        pytest.param(1440, "light", marks=pytest.mark.journey),
        pytest.param(1440, "dark", marks=pytest.mark.journey),
    ],
)
def test_axe_finds_nothing_on_any_public_page(browser: Browser, site: str, theme: str, width: int) -> None:
    page = open_page(browser, width=width, theme=theme)
    found = {}
    for path in [*PAGES, "/articles/?q=keratosis"]:
        page.goto(site + path)
        if problems := violations(page):
            found[path] = problems
    assert page.complaints == []  # type: ignore[attr-defined]
    page.goto(site + "/nothing/")
    if problems := violations(page):
        found["/nothing/"] = problems
    if width == 390:
        page.goto(site)
        page.locator(".site-menu summary").click()
        if problems := violations(page):
            found["menu"] = problems
    page.context.close()
    assert found == {}


@pytest.mark.journey
def test_no_public_page_scrolls_sideways_on_a_small_phone(browser: Browser, site: str) -> None:
    page = open_page(browser, width=320, theme="light")
    wide = []
    for path in [*PAGES, "/nothing/"]:
        page.goto(site + path)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(path)
    page.context.close()
    assert wide == []


@pytest.mark.journey
def test_the_menu_of_a_phone_works_without_a_script(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="light", scripts=False)
    page.goto(site)
    page.locator(".site-menu summary").click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Physicians").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Physicians")
    page.context.close()


@pytest.mark.journey
def test_the_booking_bar_hides_while_somebody_types(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="light")
    page.goto(site + "/articles/dutasteride-mesotherapy/")
    bar = page.locator("[data-sticky]")
    expect(bar).to_be_visible()
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<input id=t>')")
    page.locator("#t").focus()
    expect(bar).to_be_hidden()
    page.locator("#t").blur()
    expect(bar).to_be_visible()
    page.context.close()


@pytest.mark.journey
def test_the_chosen_colours_stay(browser: Browser, site: str) -> None:
    page = open_page(browser, width=1440, theme="light")
    page.goto(site + "/accessibility/")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("radio", name="Dark").check(force=True)
    page.get_by_role("button", name="Save").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != paper
    page.goto(site)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.context.close()


@pytest.mark.journey
def test_paper_is_white_whatever_the_screen_is_and_has_the_number_to_call(browser: Browser, site: str) -> None:
    page = open_page(browser, width=390, theme="dark")
    page.goto(site + "/fees/")
    page.emulate_media(media="print")
    said = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.querySelector('h1')).color]"
    )
    number = page.locator(".site-head .head-tel").is_visible()
    page.context.close()
    assert said == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert number
