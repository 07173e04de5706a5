"""`/desk/availability/<who>/`: weekly hours from a day on, dates that differ, and what either does to what is booked."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import clock
from audit.models import AuditEvent
from booking import calendar, hours
from booking.models import Appointment, Practitioner, Room, Service
from tests.factories import WEDNESDAY
from tests.staff.conftest import Statements, at

URL = "/desk/availability/osei/"
WEEK = {f"d{day}-0-from": "09:00" for day in range(5)} | {f"d{day}-0-to": "12:00" for day in range(5)}
MONDAY = date(2027, 2, 15)


@pytest.fixture(autouse=True)
def wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


def save(desk: Client, **fields: Any) -> Any:
    return desk.post(URL, {"from": "2027-02-15", "do": "save"} | fields)


def starts(service: Service, day: date) -> list[str]:
    found = calendar.openings(service, since=day, until=day, now=WEDNESDAY, for_staff=True)
    return [f"{clock.local(s.start):%H:%M}" for s in found]


def test_everybody_is_listed_with_todays_hours(desk: Client, service: Service) -> None:
    page = desk.get("/desk/availability/").content.decode()
    assert "Dr. Amara Osei" in page
    assert "Monday to Friday" in page
    assert "9:00–12:00, 1:00–5:00" in page


def test_the_list_costs_the_same_however_many_work_here(desk: Client, service: Service, make_practitioner: Any) -> None:
    def statements() -> int:
        with Statements() as seen:
            desk.get("/desk/availability/")
        return len(seen.of_page())

    one = statements()
    for name in ("Dr. Priya Raman", "Dr. Lena Ito", "Dr. Sam Roy"):
        make_practitioner(name)
    assert statements() == one


def test_new_hours_hold_from_their_day_on_and_what_was_stays(desk: Client, service: Service, practitioner: Practitioner) -> None:
    before = practitioner.calendar_rev
    assert save(desk, **WEEK).status_code == 303
    assert starts(service, date(2027, 2, 12))[-1] == "16:20"
    assert starts(service, MONDAY)[-1] == "11:20"
    practitioner.refresh_from_db()
    assert practitioner.calendar_rev > before
    assert AuditEvent.objects.get(action="booking.set_week").detail["from"] == "2027-02-15"


def test_a_version_between_two_others_ends_where_the_next_begins(
    desk: Client, service: Service, practitioner: Practitioner
) -> None:
    save(desk, **WEEK | {"from": "2027-04-01"})
    save(desk, **WEEK | {"from": "2027-03-01", "d0-0-from": "10:00"})
    assert hours.versions(practitioner) == [date(2020, 1, 1), date(2027, 3, 1), date(2027, 4, 1)]
    assert [starts(service, day)[0] for day in (date(2027, 3, 29), date(2027, 4, 5))] == ["10:00", "09:00"]


def test_hours_that_have_not_begun_can_be_taken_back(desk: Client, service: Service, practitioner: Practitioner) -> None:
    save(desk, **WEEK)
    assert desk.post(URL, {"do": "drop:2027-02-15"}).status_code == 303
    assert starts(service, MONDAY)[-1] == "16:20"
    assert desk.post(URL, {"do": "drop:2020-01-01"}).status_code == 409


def test_not_working_from_a_day_on_stands_when_earlier_hours_change_and_can_be_taken_back(
    desk: Client, service: Service, practitioner: Practitioner
) -> None:
    save(desk, **{"from": "2027-04-05"})
    assert starts(service, date(2027, 4, 5)) == []
    save(desk, **WEEK | {"from": "2027-03-01"})
    assert [len(starts(service, date(2027, month, 5))) for month in (3, 4)] == [8, 0]
    assert "drop:2027-04-05" in desk.get(f"{URL}?from=2027-04-05").content.decode()
    assert desk.post(URL, {"do": "drop:2027-04-05"}).status_code == 303
    assert starts(service, date(2027, 4, 5))[-1] == "11:20"


def test_a_week_is_not_overwritten_when_somebody_meanwhile_stopped_working(desk: Client, practitioner: Practitioner) -> None:
    seen = hours.mark_of(practitioner)
    save(desk, **{"from": "2027-04-05"})
    assert save(desk, **WEEK | {"seen": seen}).status_code == 409


def test_the_visits_left_outside_are_listed_before_saving_and_kept(
    desk: Client, service: Service, make_patient: Any, make_visit: Any
) -> None:
    visit = make_visit(make_patient("Ravi", "Pillai"), at(MONDAY, 14))
    make_visit(make_patient("Ann", "Early"), at(MONDAY, 9))
    answer = save(desk, **WEEK)
    assert answer.status_code == 409
    assert "This change leaves 1 booked visit outside hours" in answer.content.decode()
    assert [v.patient.full_name for v in answer.context["page"].affected] == ["Ravi Pillai"]
    assert starts(service, MONDAY)[-1] == "16:20", "nothing is saved yet"
    assert save(desk, sure="1", **WEEK).status_code == 303
    visit.refresh_from_db()
    assert (visit.status, visit.starts_at) == ("booked", at(MONDAY, 14))
    for path in (f"/desk/day/{MONDAY}/", f"/desk/visit/{visit.public_id}/"):
        assert "Outside hours" in desk.get(path).content.decode(), path


def test_preview_shows_the_starts_and_saves_nothing(desk: Client, service: Service, practitioner: Practitioner) -> None:
    answer = desk.post(URL, {"from": "2027-02-15", "do": "preview", **WEEK})
    preview = answer.content.decode().partition('id="preview"')[2].partition("</div>")[0]
    assert answer.status_code == 200
    assert "11:20" in preview
    assert ">1:00<" not in preview
    assert hours.versions(practitioner) == [date(2020, 1, 1)]


def test_hours_can_be_for_some_visits_only_and_name_a_room(
    desk: Client, service: Service, practitioner: Practitioner, room: Room
) -> None:
    other = Room.objects.create(name="Laser", kind="treatment")
    laser = Service.objects.create(slug="laser", name="Laser", minutes=60, step_minutes=60, room_kind="treatment")
    laser.practitioners.add(practitioner)
    save(
        desk, **WEEK,
        **{"d0-1-from": "13:00", "d0-1-to": "15:00", "d0-1-services": [str(laser.pk)], "d0-1-room": str(other.pk)},
    )  # fmt: skip
    assert starts(service, MONDAY)[-1] == "11:20"
    found = calendar.openings(laser, since=MONDAY, until=MONDAY, now=WEDNESDAY, for_staff=True)
    assert {clock.local(s.start).hour: s.room_id for s in found} == dict.fromkeys((9, 10, 11), room.pk) | dict.fromkeys(
        (13, 14), other.pk
    )
    page = desk.get(f"{URL}?from=2027-02-15").content.decode()
    assert "Only some visits" in page


def test_one_days_hours_can_be_copied_to_the_other_weekdays(desk: Client, service: Service) -> None:
    answer = desk.post(URL, {"do": "copy:2", "from": "2027-02-15", "d2-0-from": "10:00", "d2-0-to": "14:00"})
    rows = answer.context["page"].week.rows
    assert [(row.lines[0].start if row.lines else "") for row in rows] == ["10:00"] * 5 + ["", ""]


def test_an_empty_week_has_room_for_a_break_on_each_day_and_is_filled_from_one(desk: Client, practitioner: Practitioner) -> None:
    practitioner.availability.all().delete()
    page = desk.get(URL).content.decode()
    assert all(f'name="d{day}-{n}-from"' in page for day in range(7) for n in (0, 1))
    assert 'value="copy:0"' in page
    days = {"d0-0-from": "09:00", "d0-0-to": "12:00", "d0-1-from": "13:00", "d0-1-to": "17:00"}
    rows = save(desk, **days | {"do": "copy:0"}).context["page"].week.rows
    assert [len(row.lines) for row in rows] == [2, 2, 2, 2, 2, 0, 0]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"d0-0-to": "08:00"}, "Monday: Hours must end after they start"),
        ({"d0-0-to": ""}, "Monday: Give both times, like 09:00 and 12:00"),
        ({"d0-1-from": "11:00", "d0-1-to": "13:00"}, "Monday: These hours overlap others of the same day"),
        ({"from": "2020-01-01"}, "Choose a day from today on: what was stays as it was"),
    ],
)
def test_what_cannot_be_is_said_and_stays_typed(desk: Client, service: Service, fields: dict[str, str], said: str) -> None:
    answer = save(desk, **WEEK | fields)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert answer.context["page"].week.rows[1].lines[0].start == "09:00"


def test_a_week_that_somebody_else_changed_meanwhile_is_not_overwritten(
    desk: Client, service: Service, practitioner: Practitioner
) -> None:
    seen = hours.mark_of(practitioner)
    save(desk, **WEEK)
    answer = save(desk, seen=seen, **WEEK | {"d0-0-from": "07:00"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Somebody changed these hours meanwhile" in page
    assert answer.context["page"].week.rows[0].lines[0].start == "07:00", "what was typed stays"
    assert "9:00–12:00" in page.split("Saved now is")[1].split("</ul>")[0]
    assert starts(service, MONDAY)[0] == "09:00"
    assert save(desk, seen=hours.mark_of(practitioner), **WEEK | {"d0-0-from": "07:00"}).status_code == 303


def test_not_working_twice_over_is_said_and_is_one_version(desk: Client, service: Service, practitioner: Practitioner) -> None:
    assert save(desk, **WEEK).status_code == 303
    assert save(desk, **{"from": "2027-04-05"}).status_code == 303
    again = save(desk, **{"from": "2027-05-03"})
    assert (again.status_code, "holds on that day already: nothing would change" in again.content.decode()) == (409, True)
    assert save(desk, **WEEK | {"from": "2027-06-07"}).status_code == 303
    assert hours.versions(practitioner)[-3:] == [MONDAY, date(2027, 4, 5), date(2027, 6, 7)]


def test_a_date_that_somebody_set_meanwhile_is_not_overwritten(desk: Client, practitioner: Practitioner) -> None:
    form = {"do": "day-save", "date": str(MONDAY), "mode": "closed", "dates-seen": hours.dates_mark_of(practitioner)}
    desk.post(URL, {"do": "day-save", "date": str(MONDAY), "mode": "add", "x0-from": "18:00", "x0-to": "19:00"})
    for posted in (form, {"do": f"clear:{MONDAY}", "dates-seen": form["dates-seen"]}):
        refused = desk.post(URL, posted)
        assert (refused.status_code, "other hours meanwhile" in refused.content.decode()) == (409, True)
    assert [day.mode for day in hours.different_days(practitioner, since=MONDAY)] == ["add"]
    assert desk.post(URL, form | {"dates-seen": hours.dates_mark_of(practitioner)}).status_code == 303


def test_a_date_can_have_its_own_hours_more_hours_or_none(desk: Client, service: Service, practitioner: Practitioner) -> None:
    def put(day: date, mode: str, **spans: str) -> int:
        return desk.post(URL, {"do": "day-save", "date": str(day), "mode": mode} | spans).status_code

    a, b, c = (MONDAY + timedelta(days=n) for n in range(3))
    assert put(a, "replace", **{"x0-from": "10:00", "x0-to": "11:00"}) == 303
    assert put(b, "add", **{"x0-from": "18:00", "x0-to": "19:00", "x1-from": "07:00", "x1-to": "08:00"}) == 303
    assert put(c, "closed") == 303
    assert starts(service, a) == ["10:00", "10:20"]
    assert (starts(service, b)[0], starts(service, b)[-1]) == ("07:00", "18:20")
    assert starts(service, c) == []
    page = desk.get(URL).content.decode()
    assert "6:00–7:00" in page
    assert desk.post(URL, {"do": f"clear:{c}"}).status_code == 303
    assert starts(service, c)[0] == "09:00"


def test_closing_a_date_lists_its_visits_first(desk: Client, appointment: Appointment) -> None:
    day = clock.local(appointment.starts_at).date()
    form = {"do": "day-save", "date": str(day), "mode": "closed"}
    answer = desk.post(URL, form)
    assert (answer.status_code, "Maya Chowdhury" in answer.content.decode()) == (409, True)
    assert AuditEvent.objects.filter(action="staff.affected_read").exists()
    assert desk.post(URL, form | {"sure": "1"}).status_code == 303


def test_taking_a_date_or_planned_hours_back_lists_the_visits_in_them_first(
    desk: Client, appointment: Appointment, practitioner: Practitioner
) -> None:
    """Somebody booked into the Saturday that was added, and into the longer week that begins on Monday."""
    saturday = date(2027, 2, 13)
    desk.post(URL, {"do": "day-save", "date": saturday.isoformat(), "mode": "add", "x0-from": "09:00", "x0-to": "12:00"})
    save(desk, **{f"d{day}-0-from": "07:00" for day in range(5)}, **{f"d{day}-0-to": "19:00" for day in range(5)})
    rows = Appointment.objects.filter(pk=appointment.pk)
    for day, hour, do in ((saturday, 10, "clear:2027-02-13"), (MONDAY, 18, "drop:2027-02-15")):
        rows.update(starts_at=at(day, hour), ends_at=at(day, hour, 30))
        asked = desk.post(URL, {"do": do})
        assert asked.status_code == 409
        page = asked.content.decode()
        assert "This leaves 1 booked visit outside hours" in page
        assert f'name="do" value="{do}">Remove, and keep these visits' in page
        assert hours.versions(practitioner)[-1] == MONDAY
        assert desk.post(URL, {"do": do, "sure": "1"}).status_code == 303
    assert not practitioner.overrides.exists()
    assert hours.versions(practitioner)[-1] < MONDAY


@pytest.mark.parametrize(
    "fields", [{"date": "2027-01-01", "mode": "closed"}, {"date": "x"}, {"date": "2027-02-15", "mode": "add"}]
)
def test_a_date_that_cannot_be_is_said(desk: Client, service: Service, fields: dict[str, str]) -> None:
    assert desk.post(URL, {"do": "day-save"} | fields).status_code == 422


@pytest.mark.parametrize("typed", ["", "April 1", "2027-02-30", "2027-01-01"])
def test_a_first_day_that_cannot_be_read_never_means_today(desk: Client, practitioner: Practitioner, typed: str) -> None:
    answer = save(desk, **WEEK | {"from": typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'id="from-error"' in page
    assert f'name="from" value="{typed}"' in page
    assert hours.versions(practitioner) == [date(2020, 1, 1)]


def test_hours_for_a_visit_that_is_no_longer_offered_do_not_become_hours_for_all(
    desk: Client, service: Service, practitioner: Practitioner
) -> None:
    laser = Service.objects.create(slug="laser", name="Laser", minutes=60, step_minutes=60)
    laser.practitioners.add(practitioner)
    only = WEEK | {"d0-1-from": "13:00", "d0-1-to": "15:00", "d0-1-services": [str(laser.pk)]}
    save(desk, **only)
    Service.objects.filter(pk=laser.pk).update(active=False)
    page = desk.get(f"{URL}?from=2027-02-15").content.decode()
    assert "Laser (not offered now)" in page
    assert f'name="d0-1-services" value="{laser.pk}" checked' in page
    assert save(desk, **only | {"from": "2027-02-22"}).status_code == 303
    assert starts(service, MONDAY + timedelta(days=7))[-1] == "11:20"


def test_a_week_taken_over_from_somebody_keeps_what_its_hours_are_for(
    desk: Client, service: Service, practitioner: Practitioner, make_practitioner: Any
) -> None:
    laser = Service.objects.create(slug="laser", name="Laser", minutes=60, step_minutes=60)
    laser.practitioners.add(practitioner)
    make_practitioner("Dr. Priya Raman")
    save(desk, **WEEK | {"d0-1-from": "13:00", "d0-1-to": "15:00", "d0-1-services": [str(laser.pk)]})
    page = desk.get("/desk/availability/raman/?from=2027-02-15&like=osei").content.decode()
    assert f'name="d0-1-services" value="{laser.pk}" checked' in page


@pytest.mark.parametrize("field", ["services", "room"])
def test_a_line_that_names_what_is_not_on_the_list_is_refused(desk: Client, practitioner: Practitioner, field: str) -> None:
    answer = save(desk, **WEEK | {f"d0-0-{field}": "99999"})
    assert answer.status_code == 422
    assert "The list of visits or rooms has changed. Choose again" in answer.content.decode()
    assert hours.versions(practitioner) == [date(2020, 1, 1)]
