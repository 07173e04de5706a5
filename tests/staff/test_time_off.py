"""`/desk/time-off/` and `/clinic/closures/`: who is away, when nobody works, and the visits that touches."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.models import AuditEvent
from booking import calendar
from booking.models import Practitioner, Service, TimeOff
from tests.factories import WEDNESDAY
from tests.staff.conftest import at

URL = "/desk/time-off/"
MONDAY = date(2027, 2, 15)
SICK = {"who": "osei", "kind": "sick", "first": "2027-02-15", "reason": "a cold"}


@pytest.fixture(autouse=True)
def wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def text(answer: Any) -> str:
    return answer.content.decode()


def free(service: Service, day: date) -> list[datetime]:
    return [s.start for s in calendar.openings(service, since=day, until=day, now=WEDNESDAY)]


def test_a_day_off_is_a_whole_day_and_nothing_can_be_booked(desk: Client, service: Service, practitioner: Practitioner) -> None:
    assert free(service, MONDAY)
    assert desk.post(URL, SICK).status_code == 303
    assert (free(service, MONDAY), bool(free(service, date(2027, 2, 16)))) == ([], True)
    off = TimeOff.objects.get()
    assert (off.starts_at, off.ends_at) == clock.day_bounds(MONDAY, clock.clinic_zone())
    assert "reason" not in AuditEvent.objects.get(action="booking.take_time_off").detail
    practitioner.refresh_from_db()
    assert practitioner.calendar_rev == 1


@pytest.mark.parametrize(("day", "hours"), [("2027-03-14", 23), ("2027-11-07", 25)])
def test_a_day_on_which_clocks_change_is_off_from_midnight_to_midnight(
    desk: Client, practitioner: Practitioner, day: str, hours: int
) -> None:
    desk.post(URL, SICK | {"first": day})
    off = TimeOff.objects.get()
    assert off.ends_at - off.starts_at == timedelta(hours=hours)
    assert off.in_days(clock.clinic_zone()) == (date.fromisoformat(day),) * 2


def test_hours_off_are_hours(desk: Client, service: Service) -> None:
    desk.post(URL, SICK | {"kind": "meeting", "first_time": "09:00", "last_time": "11:00"})
    assert free(service, MONDAY)[0] == at(MONDAY, 11)
    assert "Monday, February\xa015, 2027 from 9:00\xa0a.m. to 11:00\xa0a.m." in text(desk.get(URL))


def test_the_visits_booked_then_are_listed_before_saving_and_stay(desk: Client, make_patient: Any, make_visit: Any) -> None:
    visit = make_visit(make_patient("Ravi", "Pillai"), at(MONDAY, 14))
    answer = desk.post(URL, SICK)
    assert (answer.status_code, "Ravi Pillai" in text(answer)) == (409, True)
    assert not TimeOff.objects.exists()
    assert desk.post(URL, SICK | {"sure": "1"}).status_code == 303
    visit.refresh_from_db()
    assert visit.status == "booked"
    assert "1 visit booked in it" in text(desk.get(URL))
    for path in (f"/desk/day/{MONDAY}/", f"/desk/visit/{visit.public_id}/"):
        assert "In time off" in text(desk.get(path)), path


def test_who_has_looked_who_is_booked_is_not_asked_again(desk: Client, make_patient: Any, make_visit: Any) -> None:
    make_visit(make_patient("Ravi", "Pillai"), at(MONDAY, 14))
    page = text(desk.post(URL, SICK | {"do": "preview"}))
    assert '<input type="hidden" name="sure" value="1">' in page
    assert "Save all the same" in page


def test_the_reason_is_for_the_person_and_the_clinic_lead(
    desk: Client, physician: User, lead_user: User, make_user: Any, signed_in: Callable[[User], Client]
) -> None:
    desk.post(URL, SICK)
    assert "a cold" not in text(desk.get(URL))
    assert "a cold" in text(signed_in(physician).get(URL))
    assert "a cold" in text(signed_in(lead_user).get(URL))
    other = signed_in(make_user("physician", "Dr. Priya Raman")).get(URL)
    assert "Osei" not in text(other)


def test_a_physician_enters_their_own_and_nobody_elses(
    physician: User, make_practitioner: Any, signed_in: Callable[[User], Client]
) -> None:
    make_practitioner("Dr. Priya Raman")
    mine = signed_in(physician)
    assert mine.post(URL, SICK | {"who": "raman"}).status_code == 422
    assert mine.post(URL, SICK | {"who": "clinic"}).status_code == 422
    assert mine.post(URL, SICK).status_code == 303


def test_time_off_is_taken_back_or_ended(desk: Client, service: Service) -> None:
    desk.post(URL, SICK | {"first": "2027-02-10"})
    off = TimeOff.objects.get()
    desk.post(f"{URL}{off.pk}/end/")
    off.refresh_from_db()
    assert off.ends_at == WEDNESDAY, "it has begun"
    desk.post(URL, SICK)
    desk.post(f"{URL}{TimeOff.objects.latest('pk').pk}/end/")
    assert TimeOff.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"first": ""}, 422), ({"last": "2027-02-01"}, 422), ({"first_time": "12:00", "last_time": "11:00"}, 422),
        ({"who": "nobody"}, 422), ({"kind": "x"}, 422), ({"first": "2027-02-01"}, 409),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(desk: Client, practitioner: Practitioner, fields: dict[str, str], status: int) -> None:
    assert desk.post(URL, SICK | fields).status_code == status
    assert not TimeOff.objects.exists()


def test_holidays_are_suggested_and_close_the_clinic_only_when_ticked(
    clinic: Any, lead_user: User, signed_in: Callable[[User], Client], service: Service
) -> None:
    lead = signed_in(lead_user)
    page = text(lead.get("/clinic/closures/"))
    assert ["Family Day" in page, "Labour Day" in page, "New Year" in page] == [True, True, False]
    assert free(service, MONDAY)
    assert lead.post("/clinic/closures/", {"day": ["2027-02-15", "2027-02-17"]}).status_code == 303
    off = TimeOff.objects.get()
    assert (off.practitioner, off.kind, off.reason) == (None, "holiday", "Family Day")
    assert free(service, MONDAY) == []
    assert "closed already" in text(lead.get("/clinic/closures/"))
    nothing = lead.post("/clinic/closures/", {})
    assert nothing.status_code == 422
    assert b"<title>Error: " in nothing.content


def test_closing_lists_the_visits_of_everybody_first(
    lead_user: User, signed_in: Callable[[User], Client], make_patient: Any, make_visit: Any
) -> None:
    make_visit(make_patient("Ravi", "Pillai"), at(MONDAY, 14))
    lead, form = signed_in(lead_user), {"day": "2027-02-15"}
    answer = lead.post("/clinic/closures/", form)
    assert (answer.status_code, "Ravi Pillai" in text(answer)) == (409, True)
    assert lead.post("/clinic/closures/", form | {"sure": "1"}).status_code == 303


def test_what_two_people_enter_at_the_same_time_is_there_once(desk: Client, practitioner: Practitioner) -> None:
    assert desk.post(URL, SICK).status_code == 303
    again = desk.post(URL, SICK)
    assert (again.status_code, "Dr. Osei is away then already" in text(again), "a cold" in text(again)) == (409, True, True)
    url = f"/desk/time-off/{TimeOff.objects.get().pk}/end/"
    desk.post(url)
    assert "Somebody took it back meanwhile" in text(desk.post(url, follow=True))
