"""Question pages in a browser: what the script adds, and what a screen reader and a small screen get."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import Page

from accounts.models import Clinic
from audit.actor import Actor
from intake import actions, engine
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from tests import axe
from tests.intake.conftest import HAIR, NOW, PEOPLE, SOMEBODY, answers_of
from tests.journeys.person import next_page

FULL = "Man 58, three treatments, heart history, ASA"


class Booth:
    """A browser page with a draft in its session."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.complaints: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        Clinic.objects.get_or_create(
            pk=1,
            defaults={"name": "True North Metabolic", "short_name": "True North", "phone": "519-555-0142"},
        )
        actions.publish_all(by=Actor.system(), now=NOW)
        self.draft = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
        session = SessionStore()
        session["draft"] = str(self.draft.public_id)
        session.save()
        name = settings.SESSION_COOKIE_NAME
        page.context.add_cookies([{"name": name, "value": session.session_key or "", "url": address}])

    def fill(self, name: str) -> None:
        answers = answers_of(PEOPLE[name])
        for page in engine.pages(HAIR, answers, engine.Asking(today=self.draft.today, uploads=True)):
            asked = {("med_item" if q.group == "med_item" else q.link_id) for q in page.questions}
            actions.save_page(self.draft, page, {n: answers.get(n) for n in asked}, by=SOMEBODY, now=NOW)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}/book/{path}")

    def go_on(self) -> None:
        with next_page(self.page):
            self.page.get_by_role("button", name="Continue").click()

    @property
    def answers(self) -> dict[str, Any]:
        return decrypt(QuestionnaireResponse.objects.get(pk=self.draft.pk)).answers

    def findings(self) -> list[str]:
        """What axe says, and whether a screen of 320 px has to be scrolled sideways."""
        found = [f"{self.page.url} {v['id']}: {n['target']}" for v in axe.violations(self.page) for n in v["nodes"]]
        self.page.set_viewport_size({"width": 320, "height": 640})
        if self.page.evaluate("document.documentElement.scrollWidth") > 320:
            found.append(f"{self.page.url} scrolls sideways")
        self.page.set_viewport_size({"width": 390, "height": 844})
        return found


@pytest.fixture
def booth(page: Page, live_server: Any) -> Iterator[Booth]:
    page.set_viewport_size({"width": 390, "height": 844})
    booth = Booth(page, live_server.url)
    yield booth
    expected = ("status of 422", "status of 403", "net::ERR_")  # refusals; a connection that a test took away
    assert [text for text in booth.complaints if not any(e in text for e in expected)] == []


def look_at(booth: Booth, paths: list[str]) -> list[str]:
    found: list[str] = []
    for path in paths:
        booth.open(path)
        found += booth.findings()
    return found


def test_axe_finds_nothing_in_any_error_and_320_pixels_are_enough(booth: Booth) -> None:
    found: list[str] = []
    for key in ("1/1", "2/2", "3/1", "7/1"):
        booth.open(f"questions/{key}/")
        booth.go_on()
        assert booth.page.title().startswith("Error: ")
        found += booth.findings()
    assert found == []


def test_axe_finds_nothing_on_any_kind_of_page_and_320_pixels_are_enough(booth: Booth) -> None:
    booth.fill(FULL)
    actions.save_page(booth.draft, "6/4", {"hx_mental": ["self-harm"]}, by=SOMEBODY, now=NOW)
    actions.save_page(booth.draft, "6/5", {"hx_selfharm_now": "yes"}, by=SOMEBODY, now=NOW)
    pages = [f"questions/{key}/" for key in ("1/1", "2/2", "2/6", "3/4", "3/6", "6/7", "7/1", "7/4", "8/5")]
    others = ["suitable/", "call-us/", "get-help/", "questions/", "advice/3/", "stop/no-consent/"]
    assert look_at(booth, pages + others) == []


@pytest.mark.journey
def test_axe_finds_nothing_where_a_date_is_said_back_and_where_the_cookies_are_gone(booth: Booth) -> None:
    booth.open("questions/2/2/")
    booth.page.select_option("#about_dob_month", "1")
    booth.page.fill("#about_dob_day", "1")
    booth.page.fill("#about_dob_year", "2015")
    booth.go_on()
    assert "You typed January 1, 2015." in booth.page.locator("[data-focus-now]:focus").inner_text().replace("\xa0", " ")
    found = booth.findings()
    booth.page.context.clear_cookies()
    booth.page.get_by_role("button", name="Continue").click()
    booth.page.wait_for_selector("[data-stay]:focus")
    assert booth.page.input_value("#about_dob_year") == "2015"
    assert found + booth.findings() == []


@pytest.mark.journey
def test_after_a_medicine_is_added_or_removed_the_focus_is_in_a_row(booth: Booth) -> None:
    booth.open("questions/7/1/")
    booth.page.locator("[name=med_any][value=yes]").check(force=True)
    for button, there in (("Add another medicine", 1), ("Add another medicine", 2), ("Remove medicine 2", 1)):
        with next_page(booth.page):
            booth.page.get_by_role("button", name=button).click()
        booth.page.wait_for_selector(f"#med_name-{there}:focus")


@pytest.mark.journey
def test_axe_finds_nothing_in_the_dark(booth: Booth) -> None:
    booth.page.emulate_media(color_scheme="dark")
    booth.fill(FULL)
    assert look_at(booth, [f"questions/{key}/" for key in ("1/1", "3/4", "3/6", "7/1")] + ["questions/"]) == []


@pytest.mark.journey
def test_with_a_script_follow_ups_come_and_go_at_once(booth: Booth) -> None:
    booth.open("questions/3/3/")
    follow_up = booth.page.get_by_role("group", name="How long has that been going on?")
    assert follow_up.count() == 0
    booth.page.get_by_label("A lot more – handfuls").check(force=True)
    follow_up.wait_for()
    booth.page.get_by_label("More than 6 months").check(force=True)
    booth.page.get_by_label("No", exact=True).check(force=True)
    assert not follow_up.is_visible()
    booth.go_on()
    assert booth.answers == {"hair_shedding": "no"}
    booth.page.go_back()
    booth.page.get_by_label("A bit more").check(force=True)
    booth.page.get_by_label("6 weeks to 6 months").check(force=True)
    booth.go_on()
    assert booth.answers == {"hair_shedding": "bit", "hair_shedding_time": "6w-6m"}
    assert booth.page.url.endswith("/3/4/")


@pytest.mark.journey
def test_with_a_script_an_empty_follow_up_is_an_error_that_keeps_the_rest(booth: Booth) -> None:
    booth.open("questions/3/1/")
    booth.page.get_by_label("Something else").check(force=True)
    booth.go_on()
    assert booth.page.locator(".errsum").inner_text().endswith("Tell us what bothers you")
    assert booth.page.evaluate("document.activeElement.className") == "errsum"
    booth.page.get_by_role("link", name="Tell us what bothers you").click()
    assert booth.page.evaluate("document.activeElement.id") == "hair_concern_other"
    assert booth.page.get_by_label("Something else").is_checked()
    booth.page.keyboard.type("My part")
    booth.go_on()
    assert booth.answers == {"hair_concern": ["other"], "hair_concern_other": "My part"}


@pytest.mark.journey
def test_with_a_script_none_of_these_stands_alone(booth: Booth) -> None:
    booth.open("questions/3/10/")
    tired, none = booth.page.get_by_label("Feeling very tired most days"), booth.page.get_by_label("None of these")
    tired.check(force=True)
    none.check(force=True)
    assert not tired.is_checked()
    tired.check(force=True)
    assert not none.is_checked()


@pytest.mark.journey
def test_a_photo_on_a_slow_line_has_time_as_long_as_it_moves(booth: Booth) -> None:
    booth.page.add_init_script(
        """Object.defineProperty(XMLHttpRequest.prototype, "timeout", {set(wait) { (window.waits ??= []).push(wait); }});"""
    )
    booth.fill(FULL)
    booth.open("questions/8/2/")
    booth.page.set_input_files("#file-photo_front", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"x" * 300_000})
    booth.page.locator("[data-error]:visible").first.wait_for()
    first, *later = booth.page.evaluate("window.waits")
    assert later and min(later) > first


def test_the_drawing_ticks_the_boxes_of_the_list(booth: Booth) -> None:
    booth.open("questions/3/4/")
    booth.page.locator("[data-code=crown]").click()
    crown = booth.page.get_by_label("Crown (back of the top)")
    assert crown.is_checked()
    crown.uncheck(force=True)
    assert "is-on" not in (booth.page.locator("[data-code=crown]").get_attribute("class") or "")
    booth.page.locator("[data-code=beard]").click(position={"x": 5, "y": 30}, force=True)
    booth.page.get_by_label("Beard").check(force=True)
    booth.go_on()
    assert booth.answers == {"hair_areas": ["beard"]}


@pytest.mark.journey
def test_a_page_can_be_answered_with_the_keyboard_alone(booth: Booth) -> None:
    booth.open("questions/3/11/")
    booth.page.locator("#hair_impact-0").focus()
    for _ in range(3):
        booth.page.keyboard.press("ArrowDown")
    assert booth.page.get_by_label("A lot", exact=True).is_checked()
    booth.page.keyboard.press("Tab")
    booth.page.keyboard.press("Space")
    booth.page.keyboard.press("Enter")
    booth.page.wait_for_url("**/questions/4/1/")
    assert booth.answers["hair_impact"] == "3"


@pytest.mark.journey
def test_several_questions_on_a_page_are_named_for_a_screen_reader(booth: Booth) -> None:
    booth.open("questions/3/2/")
    names = ["When did you first notice it?", "How did it start?", "How has it changed in the last 6 months?"]
    for name in names:
        assert booth.page.get_by_role("group", name=name).count() == 1
    assert booth.page.get_by_role("heading", level=1).inner_text() == "How your hair loss began"
