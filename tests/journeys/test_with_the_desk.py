"""The questionnaire with the desk: on the phone to the end; and on the clinic's tablet, which keeps nothing."""

import re
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Error

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from booking import actions, calendar, tablet
from booking.models import Appointment, Service
from patients.actions import Contact
from tests.journeys.conftest import PASSWORD
from tests.journeys.person import Person, axe_violations

SECRET = "Diane 35 since the spring"


@pytest.fixture
def visit(site: str) -> Appointment:
    """A caller's visit, booked by reception, with nothing answered."""
    service, now = Service.objects.get(slug="first-assessment"), clock.now()
    slot = calendar.soonest(service, now=now)[0]
    contact = Contact(
        first_name="Noor", last_name="Aziz", date_of_birth=date(1987, 3, 27), email="noor@example.com",
        mobile="+15195550178", reminder_by="email",
    )  # fmt: skip
    who = next(p for p in calendar.people(service) if p.pk == slot.practitioner_id)
    joanne = Actor.staff(User.objects.get(email="joanne@tn.example"))
    return actions.book_for(service, who, slot.start, patient=None, contact=contact, by=joanne, now=now)


def sign_in(someone: Person, visit: Appointment) -> None:
    someone.go("/staff/login/")
    someone.page.get_by_label("Email").fill("joanne@tn.example")
    someone.page.locator("input[type=password]").fill(PASSWORD)
    someone.press(re.compile("^Sign in$"))
    someone.go(f"/desk/visit/{visit.public_id}/")


def answer_the_rest(someone: Person) -> None:
    for _page in range(90):
        if someone.path == "/book/questions/":
            someone.press(re.compile("^(Begin|Continue|Check)"))
        elif "/photos" in someone.path or someone.page.get_by_role("button", name="Skip for now").count():
            someone.press("Skip for now")
        elif someone.path.startswith("/book/questions/"):
            someone.answer_page()
        else:
            return
    raise AssertionError("the questions do not end")


@pytest.mark.journey
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_on_the_phone_to_the_end(person: Any, visit: Appointment, script: bool) -> None:
    joanne = person(script=script, width=1280)
    sign_in(joanne, visit)
    joanne.press("Fill it in with the patient")
    if script:
        assert axe_violations(joanne.page) == []
    joanne.press("Begin")
    assert "said aloud to you, Joanne" in joanne.page.locator("main").inner_text()
    if script:
        assert axe_violations(joanne.page) == []
        joanne.page.set_viewport_size({"width": 320, "height": 700})
        assert joanne.page.evaluate("document.documentElement.scrollWidth") <= 320
    answer_the_rest(joanne)
    assert joanne.path == "/book/check/"
    if script:
        assert axe_violations(joanne.page) == []
    joanne.page.locator("[name=finish_declare]").check(force=True)
    joanne.page.locator("[name=finish_signature]").fill("Noor Aziz")
    joanne.press("Send my answers")
    assert joanne.path == f"/desk/visit/{visit.public_id}/"
    assert "The answers are sent" in joanne.page.locator("main").inner_text()
    joanne.page.go_back()
    assert joanne.path in {"/book/start/", "/book/", f"/desk/visit/{visit.public_id}/"}
    assert set(visit.patient.consents.values_list("code", "how", "heard_by__name")) == {
        (code, "verbal", "Joanne Miller") for code in ("C1", "C3", "C4")
    }  # fmt: skip


def begin_on_tablet(someone: Person, visit: Appointment) -> None:
    """Joanne hands it over; Noor says when she was born and answers as far as a text of her own."""
    sign_in(someone, visit)
    someone.press("Hand over this tablet")
    assert someone.path == "/book/tablet/"
    someone.page.locator("input[name=year]").fill("1987")
    someone.press("Begin")
    someone.press("Begin")
    while someone.path != "/book/questions/3/1/":
        someone.answer_page()
    someone.page.locator("[name=hair_concern][value=other]").check(force=True)
    someone.press("Continue")
    if someone.page.locator("[name=hair_concern_other]").count() == 0:
        return
    someone.page.locator("[name=hair_concern_other]").fill(SECRET)
    someone.press("Continue")


def _settled(someone: Person) -> str:
    """The page once it has arrived: one that is not kept is asked for again while we look."""
    for _look in range(5):
        with suppress(Error):
            someone.page.wait_for_load_state("networkidle")
            return someone.page.content()
    raise AssertionError("the page never comes to rest")


def assert_nothing_left(someone: Person) -> None:
    """Whichever way back somebody tries: no answer, no name, nobody signed in."""
    for _press in range(6):
        with suppress(Error):  # A page that was sent by a form is not shown again, but asked for: the browser says so.
            someone.page.go_back()
        shown = _settled(someone)
        assert SECRET not in shown
        assert "Noor" not in shown
        assert "hair_" not in shown
    for path in ("/book/questions/3/1/", "/book/check/", f"/desk/visit/{'0' * 8}-0000-4000-8000-{'0' * 12}/"):
        someone.go(path)
        assert someone.path in {"/book/", "/staff/login/"}
    assert [c["name"] for c in someone.context.cookies() if c["name"].endswith("session")] in ([], ["session"])


@pytest.mark.journey
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_tablet_handed_back_shows_nothing_to_the_next_one(person: Any, visit: Appointment, script: bool) -> None:
    device = person(script=script, width=820)
    begin_on_tablet(device, visit)
    if script:
        assert axe_violations(device.page) == []
        device.page.set_viewport_size({"width": 320, "height": 700})
        assert device.page.evaluate("document.documentElement.scrollWidth") <= 320
    device.press("Hand back the tablet")
    assert device.heading == "Thank you"
    if script:
        assert axe_violations(device.page) == []
    assert_nothing_left(device)


@pytest.mark.journey
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_the_tablet_left_alone_closes_itself(
    person: Any, visit: Appointment, script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = person(script=script, width=820)
    begin_on_tablet(device, visit)
    monkeypatch.setattr(tablet, "IDLE", timedelta(seconds=16 if script else 4))
    device.go("/book/questions/3/1/")
    if script:
        device.page.get_by_role("alertdialog").wait_for(timeout=20000)
        assert axe_violations(device.page) == []
        device.page.get_by_role("button", name="I am still here").click()
        assert device.page.get_by_role("alertdialog").count() == 0
    device.page.wait_for_url("**/book/tablet/over/**", timeout=40000)
    assert "Nothing of you is left on it." in device.page.locator("main").inner_text()
    assert_nothing_left(device)
