"""By when what was sent must be looked at, and which days the clinic works."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from accounts import clock
from accounts.wall import instant, zone_of
from booking import workdays
from booking.models import Availability, TimeOff
from intake.due import due_at

ZONE = zone_of("America/Toronto")


def on(day: int, hour: int = 10, month: int = 2) -> datetime:
    return instant(date(2027, month, day), time(hour), ZONE)


def weekdays(day: date) -> bool:
    return day.weekday() < 5


@pytest.mark.parametrize(
    "sent,same_day,due",
    [
        (on(10), False, on(13, 0)),  # Wednesday: by the end of Friday
        (on(12), False, on(17, 0)),  # Friday: by the end of Tuesday
        (on(13), False, on(17, 0)),  # Saturday too
        (on(10), True, on(11, 0)),
        (on(13, 23), True, on(14, 0)),  # the day it was sent, working day or not
        (on(11, month=3), False, on(16, 0, month=3)),  # over the night the clocks change: Thursday, by the end of Monday
    ],
)
def test_it_is_due_at_the_end_of_the_second_working_day(sent: datetime, same_day: bool, due: datetime) -> None:
    assert due_at(sent, same_day=same_day, works=weekdays, zone=ZONE) == due


def test_a_clinic_that_never_works_again_still_has_a_date() -> None:
    assert due_at(on(10), same_day=False, works=lambda day: False, zone=ZONE) > on(10)


@pytest.mark.django_db
def test_a_day_off_for_the_whole_clinic_is_no_working_day_and_half_a_day_is(practitioner: Any) -> None:
    TimeOff.objects.create(starts_at=on(11, 0), ends_at=on(12, 0), kind="holiday")
    TimeOff.objects.create(starts_at=on(12, 13), ends_at=on(13, 0), kind="holiday")
    TimeOff.objects.create(practitioner=practitioner, starts_at=on(15, 0), ends_at=on(16, 0), kind="vacation")
    days = workdays.load(date(2027, 2, 10), date(2027, 2, 28))
    assert [day.day for n in range(8) if days(day := date(2027, 2, 10) + timedelta(days=n))] == [10, 12, 15, 16, 17]


@pytest.mark.django_db
def test_a_saturday_with_hours_is_a_working_day(practitioner: Any) -> None:
    Availability.objects.create(
        practitioner=practitioner, weekday=5, local_start=time(9), local_end=time(12), valid_from=date(2020, 1, 1)
    )
    assert workdays.load(date(2027, 2, 10), date(2027, 2, 28))(date(2027, 2, 13))
    assert clock.clinic_zone() == ZONE
