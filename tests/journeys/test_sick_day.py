"""A physician is ill, nine people are booked: the desk rebooks them on a phone, without a script; a patient chooses; undone."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from accounts import clock
from audit.actor import Actor
from booking import actions, calendar
from booking.links import token_of
from booking.models import Appointment, Practitioner, Service
from notifications.models import Message
from patients.models import Patient
from tests.journeys.conftest import PASSWORD, send
from tests.journeys.person import Person, axe_violations

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


def nine_visits() -> tuple[date, list[Appointment]]:
    """Nine of Dr. Marchetti's on a day about six weeks away."""
    now = clock.now()
    who, service = Practitioner.objects.get(slug="lena-marchetti"), Service.objects.get(slug="follow-up")
    day = clock.today(now) + timedelta(days=42)
    while day.weekday() != 2:
        day += timedelta(days=1)
    free = calendar.openings(service, since=day, until=day, now=now, practitioner=who, for_staff=True)[::2]
    people = Patient.objects.exclude(email="").filter(merged_into=None).order_by("pk")[:9]
    return day, [
        actions.book_for(service, who, slot.start, patient=patient, contact=None, by=Actor.system(), now=now)
        for slot, patient in zip(free, people, strict=False)
    ]


def enter(person: Person) -> None:
    """Joanne signs in."""
    person.page.goto(f"{person.site}/staff/login/")
    person.page.get_by_label("Email").fill("joanne@tn.example")
    person.page.get_by_label("Password", exact=True).fill(PASSWORD)
    person.page.locator("main button[type=submit]").first.click()


def test_a_sick_day_with_nine_visits(person: Callable[..., Person], site: str) -> None:
    day, visits = nine_visits()
    assert len(visits) == 9
    send(clock.now() + timedelta(minutes=15))  # everybody has been told of the visit
    desk = person(script=False)
    enter(desk)
    page = desk.page
    page.goto(f"{site}/desk/time-off/?who=lena-marchetti&kind=sick")
    page.get_by_label("First day").fill(str(day))
    page.get_by_role("button", name="Save", exact=True).click()
    assert "9 visits are booked in that time" in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Save all the same").click()
    assert page.locator("h1").inner_text() == "9 visits to rebook"
    ways = page.locator("select[name^=way-]")
    assert ways.count() == 9
    ways.nth(1).select_option("link")
    ways.nth(2).select_option("call")
    page.get_by_role("button", name="Rebook as chosen").click()
    rows = page.locator(".tl li")
    said = [row.inner_text() for row in rows.all()]
    assert [sum(word in row for row in said) for word in ("Moved", "Waiting for the patient", "To call")] == [7, 1, 1]
    send(clock.now() + timedelta(minutes=30))
    kinds = list(Message.objects.filter(subject_id__in=[v.pk for v in visits]).values_list("kind", flat=True))
    assert kinds.count("moved_by_clinic") >= 7
    assert "cancelled_by_clinic" in kinds

    patient = person(script=False)
    patient.page.goto(f"{site}/v/{token_of(Appointment.objects.get(pk=visits[1].pk))}/")
    patient.page.get_by_role("button", name="Take ").click()
    assert "Your visit" in patient.page.locator("h1").inner_text()

    page.reload()
    assert "Chosen by the patient" in rows.nth(1).inner_text()
    page.get_by_role("button", name="Undo all").click()
    said = [row.inner_text() for row in rows.all()]
    assert [sum(word in row for row in said) for word in ("Undone", "Changed since")] == [8, 1]
    after = {v.pk: v for v in Appointment.objects.filter(pk__in=[v.pk for v in visits])}
    assert [after[v.pk].starts_at == v.starts_at for v in visits] == [True, False, *[True] * 7]


def test_its_screens_are_accessible_in_the_dark(person: Callable[..., Person], site: str) -> None:
    day, _visits = nine_visits()
    desk = person(script=True, width=1440, scheme="dark")
    enter(desk)
    page: Any = desk.page
    page.goto(f"{site}/desk/time-off/?who=lena-marchetti&kind=sick")
    page.get_by_label("First day").fill(str(day))
    page.get_by_role("button", name="Save", exact=True).click()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Save all the same").click()
    assert axe_violations(page) == []
    page.get_by_role("button", name="Accept all proposals").click()
    assert axe_violations(page) == []
