"""Changing a visit by its private link, and a patient's own account: on a phone, with and without JavaScript."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts import clock
from booking.links import token_of
from booking.models import Appointment, Service, Status
from intake.models import QuestionnaireResponse
from patients.actions import digits_of
from patients.models import ContactCode
from tests.journeys.person import Person, axe_violations

pytestmark = pytest.mark.journey


def looked_at(person: Person) -> None:
    """Nothing for axe to find, and nothing to scroll sideways for on the smallest phone."""
    person.page.set_viewport_size({"width": 320, "height": 640})
    assert person.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), person.path
    person.page.set_viewport_size({"width": 390, "height": 844})
    assert axe_violations(person.page) == [], person.path


@pytest.fixture
def visit(site: str) -> Appointment:
    """One of the demo's visits, more than two days ahead."""
    now = clock.now()
    return Appointment.objects.upcoming(now).filter(starts_at__gt=now + timedelta(days=2)).select_related("service").first()  # type: ignore[return-value]


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_visit_is_moved_undone_and_cancelled_by_its_link(
    person: Callable[..., Person], visit: Appointment, script: bool
) -> None:
    before = visit.starts_at
    someone = person(script=script)
    someone.go(f"/v/{token_of(visit)}/")
    if script:
        someone.page.locator(".cal-choice summary").click()
        looked_at(someone)
    someone.press(re.compile("Change the time"))
    someone.page.locator("button.slot, .soonest button").first.click()
    someone.page.wait_for_url(re.compile(r"/v/\w+/$"))
    assert "Done. Your new time is" in someone.page.locator("main").inner_text()
    visit.refresh_from_db()
    assert visit.starts_at != before
    someone.press("Undo")
    assert "Undone. Your visit is as it was." in someone.page.locator("main").inner_text()
    someone.press(re.compile("Cancel the visit"))
    if script:
        looked_at(someone)
    someone.page.get_by_label("I am not well").check(force=True)
    someone.press("Cancel the visit", within=someone.page.locator("main form"))
    assert someone.heading == "This visit is cancelled"
    assert "There is no fee." in someone.page.locator("main").inner_text()
    visit.refresh_from_db()
    assert (visit.status, visit.starts_at, visit.cancel_reason) == (Status.CANCELLED, before, "unwell")


def test_late_it_costs_and_says_so_before_and_after(person: Callable[..., Person], visit: Appointment) -> None:
    now = clock.now()
    service: Any = Service.objects.get(pk=visit.service_id)
    service.cancel_cutoff_minutes = int((visit.starts_at - now).total_seconds() // 60) + 60
    service.save()
    someone = person(script=False)
    someone.go(f"/v/{token_of(visit)}/cancel/")
    assert "A $50 fee applies" in someone.page.locator("main").inner_text()
    someone.press("Cancel the visit", within=someone.page.locator("main form"))
    assert "A $50 fee applies, because it was less than" in someone.page.locator("main").inner_text()
    visit.refresh_from_db()
    assert visit.cancelled_late


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_patient_signs_in_by_code_and_reads_what_they_sent(person: Callable[..., Person], site: str, script: bool) -> None:
    response = QuestionnaireResponse.objects.sent().select_related("patient").exclude(patient__email="").first()
    assert response is not None
    patient = response.patient
    someone = person(script=script)
    someone.go("/me/answers/")
    someone.page.get_by_label(re.compile("email address or mobile")).fill(patient.email)
    someone.press("Send me a code")
    someone.page.get_by_label("Your code").fill(digits_of(ContactCode.objects.latest("pk")))
    someone.press("Continue")
    born = patient.date_of_birth
    someone.page.locator("[name=date_of_birth_month]").select_option(str(born.month))
    someone.page.locator("[name=date_of_birth_day]").fill(str(born.day))
    someone.page.locator("[name=date_of_birth_year]").fill(str(born.year))
    if script:
        looked_at(someone)
    someone.press("Continue")
    assert someone.path == "/me/answers/"
    someone.page.locator(".menu-list a").first.click()
    someone.page.wait_for_url(re.compile("/me/answers/.+"))
    assert "Who is filling in this form?" in someone.page.locator("main").inner_text()
    if script:
        for page in ("/me/", "/me/answers/", "/me/photos/", "/me/details/", "/me/data/", "/me/passkeys/", "/me/details/email/"):
            someone.go(page)
            looked_at(someone)
    someone.press("Sign out")
    someone.go("/me/")
    assert someone.path == "/me/sign-in/"
