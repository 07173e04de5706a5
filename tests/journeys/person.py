"""A patient in a browser: reads a page, answers what it asks, presses the button. Nothing else.

Works the same with and without JavaScript; collects what the browser's console complains about.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests import axe

# What this person answers; to anything else the calmest answer there is.
CALM = ("no", "none", "never", "0", "unsure", "not-needed", "LA6568-5", "same", "stop")
SAYS: dict[str, str] = {
    "start_respondent": "self",
    "about_sex_birth": "male",
    "about_pronouns": "he/him",
    "hair_concern": "thin-top",
    "hair_onset": "1-5y",
    "hair_speed": "slow",
    "hair_course": "worse-slow",
    "hair_areas": "crown",
    "hair_scale_set": "a",
    "hair_scale_a": "a3v",
    "hair_impact": "2",
    "fam_hair": "father",
    "photo_consent": "yes",
    "goal_main": "stop",
    "goal_expect": "bit",
    "goal_open": "topical",
    "finish_other": "I would like to understand what is happening before I decide anything.",
    "first_name": "Jonah",
    "last_name": "Marwick",
    "mobile": "519-555-0178",
    "email": "jonah.m@example.com",
    "reminder_by": "email",
    "signature": "Jonah Marwick",
    "finish_signature": "Jonah Marwick",
}
# The controls of the form that goes on, with what there is to know of each, in one look: each look through a locator that brings
# elements over would have the whole of Playwright's script put into the page a second time (25 ms).
LOOK = """() => {
    const form = [...document.querySelectorAll('main form')].find(
        f => [...f.querySelectorAll('button')].some(b => b.textContent.trim() == 'Continue'));
    form.dataset.read = '';
    return [...form.querySelectorAll('input:not([type=hidden]), textarea, select')].filter(e => e.name).map(e => ({
        name: e.name, kind: e.tagName == 'INPUT' ? e.type : e.tagName.toLowerCase(),
        value: e.getAttribute('value') ?? 'on', checked: e.checked}));
}"""
BORN = {"day": "27", "month": "3", "year": "1987"}


@contextmanager
def next_page(page: Page, *, script: bool = True) -> Iterator[None]:
    """Around a press: afterwards the next page is there, or this one with something to correct, which a script puts in its place."""
    if not script:
        with page.expect_navigation():
            yield
        return
    page.evaluate("document.querySelector('main').setAttribute('data-left', '')")
    yield
    page.locator("main:not([data-left])").wait_for(state="attached")
    page.wait_for_load_state()


class Person:
    """One browser window and the person in front of it."""

    def __init__(self, browser: Browser, site: str, *, script: bool, width: int = 390, scheme: str = "light") -> None:
        self.context: BrowserContext = browser.new_context(
            java_script_enabled=script, viewport={"width": width, "height": 844}, locale="en-CA",
            timezone_id="America/Toronto", color_scheme=scheme,  # type: ignore[arg-type]
        )  # fmt: skip
        self.page: Page = self.context.new_page()
        self.site, self.script = site, script
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self._heard(message.type, message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.paths: list[str] = []

    def _heard(self, kind: str, text: str) -> None:
        # A refusal (409, 422) is an answer of ours, and Chromium notes every one of them.
        if kind in {"error", "warning"} and "status of 4" not in text:
            self.complaints.append(text)

    @property
    def path(self) -> str:
        """Where the person is."""
        return "/" + self.page.url.removeprefix(self.site).lstrip("/").partition("?")[0]

    @property
    def heading(self) -> str:
        """The page's one H1."""
        return " ".join(self.page.locator("h1").first.inner_text().split())

    def go(self, address: str) -> None:
        """Type an address, or follow one from a mail."""
        self.page.goto(address if address.startswith("http") else self.site + address)
        self.paths.append(self.path)

    def press(self, name: str | re.Pattern[str], *, within: Locator | None = None) -> None:
        """Press a button or link by what it says."""
        place = within or self.page
        button = place.get_by_role("button", name=name)
        target = button.first if button.count() else place.get_by_role("link", name=name).first
        with next_page(self.page, script=self.script):
            target.click()
        self.paths.append(self.path)

    def answer_page(self) -> None:
        """Answer every question on the page and press Continue."""
        seen: dict[str, list[dict[str, Any]]] = {}
        for control in self.page.evaluate(LOOK):
            seen.setdefault(control["name"], []).append(control)
        form = self.page.locator("form[data-read]")
        for name, controls in seen.items():
            self._answer(form.locator(f'[name="{name}"]'), name, controls)
        self.press("Continue", within=form)

    def _answer(self, there: Locator, name: str, seen: list[dict[str, Any]]) -> None:
        kind = seen[0]["kind"]
        if kind in {"radio", "checkbox"}:
            self._choose(there, name, seen)
        elif part := re.search(r"(day|month|year|_0|_1|_2)$", name):
            value = BORN[{"_0": "day", "_1": "month", "_2": "year"}.get(part[1], part[1])]
            if kind == "select":
                there.first.select_option(value)
            else:
                there.first.fill(value)
        elif name in SAYS and there.first.is_visible():
            there.first.fill(SAYS[name])

    def _choose(self, there: Locator, name: str, seen: list[dict[str, Any]]) -> None:
        values = [control["value"] for control in seen]
        if seen[0]["kind"] == "checkbox" and len(values) == 1 and values[0] not in CALM:
            if name not in {"voicemail_ok"}:
                there.first.check(force=True)
            return
        if name not in SAYS and any(control["checked"] for control in seen):
            return
        wanted = SAYS.get(name) or next((calm for calm in CALM if calm in values), values[-1])
        there.nth(values.index(wanted)).check(force=True)

    def close(self) -> None:
        """Close the window."""
        self.context.close()


def axe_violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds against WCAG 2.2 AA on the page as it is now."""
    return [{"id": v["id"], "nodes": [n["html"][:160] for n in v["nodes"]][:3]} for v in axe.violations(page)]
