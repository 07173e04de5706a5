"""The physician's page by keyboard: views, overlay, swap, zoom, acknowledge, a draft that saves itself, sign."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from booking.models import Appointment
from intake.actions import write_snippet
from intake.actions.reviews import read_review
from intake.models import Review
from tests.factories import PASSWORD
from tests.looks.conftest import violations
from tests.staff.reviews import another, flag, photo

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.journey]


def test_a_review_from_comparing_to_signing_by_keyboard(window: Callable[..., Page], sent: Appointment, physician: User) -> None:
    another(sent.response, sent.patient, days=200)
    photo(sent.response)
    flag(sent.response)
    page = window(physician, f"/md/review/{sent.public_id}/")
    stage = page.locator("[data-stage]")
    expect(stage.locator("figure:visible")).to_have_count(2)
    page.keyboard.press("3")
    page.keyboard.press("o")
    slider = page.get_by_label("How much of the right photo")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("52")
    before = page.locator("[data-left]").input_value()
    page.locator("h1").click()
    page.keyboard.press("w")
    assert page.locator("[data-left]").input_value() != before
    page.keyboard.press("+")
    assert stage.evaluate("stage => stage.style.getPropertyValue('--zoom')") == "1.5"
    assert violations(page) == []
    page.keyboard.press("e")
    page.keyboard.type("Fuller than in spring")
    expect(page.locator("[data-saved]")).to_contain_text("Saved at")
    expect(page.get_by_role("button", name="Throw the draft away")).to_be_visible()
    page.locator("h1").click()
    page.keyboard.press("q")
    expect(page.get_by_label("What we need from the patient")).to_be_focused()
    expect(page.get_by_label("Needs more information")).to_be_checked()
    page.locator("h1").click()
    page.get_by_role("button", name="Acknowledge").first.click()  # once: a press must not wait for a second one
    expect(page.locator(".f-seen")).to_have_count(1)
    page.get_by_label("Cannot decide").check(force=True)
    page.get_by_label("Your password").fill("wrong")
    page.locator("h1").click()
    page.keyboard.press("r")
    expect(page.locator("[data-focus-now]")).to_be_focused()
    page.get_by_label("Your password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Signed: ")
    assert Review.objects.get().is_signed


def test_what_was_written_as_the_session_ended_stays_on_the_page_and_it_says_so(
    window: Callable[..., Page], sent: Appointment, physician: User
) -> None:
    page = window(physician, f"/md/review/{sent.public_id}/")
    page.context.clear_cookies(name="session")
    page.locator("[name=note]").fill("Fuller than in spring")
    expect(page.locator("[data-saved]")).to_contain_text("You are signed out")
    page.evaluate("pulse()")
    page.locator("footer [value=save], .rfoot [value=save], [value=save]").last.click()
    expect(page.locator("[name=note]")).to_have_value("Fuller than in spring")
    page.context.close()


def test_without_a_script_every_date_of_a_view_is_a_plain_picture(
    window: Callable[..., Page], sent: Appointment, physician: User
) -> None:
    another(sent.response, sent.patient, days=200)
    photo(sent.response)
    page = window(physician, f"/md/review/{sent.public_id}/", scripts=False)
    expect(page.locator("[data-stage] figure:visible")).to_have_count(2)
    expect(page.locator("[data-viewer]")).to_be_hidden()


def test_a_snippet_and_a_set_of_tests_are_put_in_on_the_page_and_kept(
    window: Callable[..., Page], sent: Appointment, physician: User
) -> None:
    text = "Hello {first_name}: grade {grade}."
    write_snippet(physician, name="Greeting", field="plan", text=text, by=Actor.staff(physician), now=clock.now())
    page = window(physician, f"/md/review/{sent.public_id}/")
    page.get_by_label("Grade").fill("IIIv")
    page.get_by_label("Plan", exact=True).fill("Foam at night.")
    page.get_by_text("Labs first").click()
    page.get_by_role("button", name="Shedding").click()
    expect(page.get_by_label("CBC")).to_be_focused()
    page.get_by_role("button", name="Greeting").click()
    expect(page.get_by_label("Plan", exact=True)).to_be_focused()
    expect(page.get_by_label("Plan", exact=True)).to_have_value("Foam at night.\nHello Daniel: grade IIIv.")
    expect(page.locator("[data-saved]")).to_contain_text("Saved at")
    kept = read_review(Review.objects.get()).fields
    assert (kept["plan"], kept["labs"]) == ("Foam at night.\nHello Daniel: grade IIIv.", ["cbc", "ferritin", "tsh"])
    assert violations(page) == []
