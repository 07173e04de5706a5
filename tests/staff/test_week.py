"""`/desk/week/<date>/`: how full each day is, and whom not: no names."""

from datetime import timedelta
from typing import Any

from django.test import Client

from accounts import clock
from booking.models import Appointment, Practitioner, Service, TimeOff
from tests.factories import next_weekday_at
from tests.staff.conftest import Statements


def week_of(visit: Appointment) -> str:
    return f"/desk/week/{clock.local(visit.starts_at).date()}/"


def test_a_week_counts_what_is_booked_open_and_missing(desk: Client, appointment: Appointment, service: Service) -> None:
    service.questionnaire = "hair-loss-intake"
    service.save()
    page = desk.get(week_of(appointment)).content.decode()
    assert "1 booked" in page
    assert "1 intake missing" in page
    assert "3 openings" in page, "before the visit, after it, and the afternoon"


def test_nobodys_name_is_on_the_week(desk: Client, appointment: Appointment) -> None:
    assert b"Maya" not in desk.get(week_of(appointment)).content


def test_a_day_of_the_week_opens_that_physicians_day(desk: Client, appointment: Appointment) -> None:
    assert f"/desk/day/{clock.local(appointment.starts_at).date()}/?who=osei" in desk.get(week_of(appointment)).content.decode()


def test_the_bar_is_what_is_booked_of_the_hours_that_are_left(
    desk: Client, appointment: Appointment, practitioner: Practitioner
) -> None:
    # Seven hours; six of them off: half an hour of one is half.
    start = next_weekday_at(11)
    TimeOff.objects.create(practitioner=practitioner, starts_at=start, ends_at=start + timedelta(hours=8), kind="meeting")
    TimeOff.objects.create(
        practitioner=practitioner, starts_at=start - timedelta(hours=2), ends_at=start - timedelta(hours=1), kind="meeting"
    )
    assert '"w-5"' in desk.get(week_of(appointment)).content.decode()


def test_a_week_takes_three_statements_however_many_work(desk: Client, appointment: Appointment, make_practitioner: Any) -> None:
    for name in ("Dr. Priya Raman", "Dr. Lena Marchetti"):
        make_practitioner(name)
    with Statements() as statements:
        desk.get(week_of(appointment))
    assert len(statements.of_page()) <= 3, "\n".join(statements.of_page())
