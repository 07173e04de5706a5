"""A series at the desk: every date shown, booked whole or not at all, one moved alone or the rest with it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from accounts import clock
from booking import actions, series
from booking.models import Appointment
from booking.picker import parse_value, value_of
from tests.booking.conftest import at, on, somebody_books, text_of  # noqa: F401
from tests.booking.test_series import TUESDAY
from tests.booking.test_waiting import DESK

URL = "/desk/series/"


@pytest.fixture
def desk(at, reception, signed_in):  # noqa: F811
    """Joanne's browser, at nine on a Wednesday."""
    return signed_in(reception)


@pytest.fixture
def plan(service, patient):
    """Three visits, Tuesdays at two, four weeks apart."""
    who = service.practitioners.get()
    return {
        "patient": patient.public_id, "service": service.public_id, "who": who.public_id, "day": "2027-02-16", "time": "14:00",
        "visits": "3", "weeks": "4", "window": "7",
    }  # fmt: skip


@pytest.fixture
def three(desk, service, patient):
    """Maya's three visits."""
    who = service.practitioners.get()
    wanted = [(who, start) for start in series.ideals(TUESDAY, 3, 4)]
    return actions.book_series(service, wanted, patient=patient, by=DESK, now=clock.now())


def chosen(page):
    """What the page has ticked for each visit."""
    return re.findall(r'name="(slot\d+)" value="([^"]+)" checked', unescape(page.content.decode()))


def test_every_date_is_shown_with_its_conflict_and_a_time_near_it_is_ticked(desk, plan, service):
    somebody_books(service, service.practitioners.get(), on(16, 14, month=3))
    page = desk.get(URL, plan)
    text = text_of(page).replace("\xa0", " ")
    for line in ("Visit 1: Tuesday, February 16 at 2:00 p.m.", "Visit 2: Tuesday, March 16", "Visit 3: Tuesday, April 13"):
        assert line in text
    assert len(chosen(page)) == 3
    assert "2027-03-16T18:00Z" not in dict(chosen(page))["slot2"]
    answer = desk.post(URL, plan | dict(chosen(page)))
    assert answer.status_code == 303
    assert Appointment.objects.exclude(series=None).count() == 3


def test_a_time_taken_meanwhile_is_named_and_the_rest_stays_as_chosen(desk, plan, service):
    page = desk.get(URL, plan)
    picked = dict(chosen(page))
    somebody_books(service, service.practitioners.get(), on(16, 14, month=3))
    page = desk.post(URL, plan | picked)
    assert page.status_code == 409
    assert "Nothing is booked: Tuesday, March 16 at 2:00 p.m. cannot be had." in text_of(page).replace("\xa0", " ")
    again = dict(chosen(page))
    assert (again["slot1"], again["slot3"]) == (picked["slot1"], picked["slot3"])
    assert again["slot2"] != picked["slot2"]
    assert not Appointment.objects.exclude(series=None).exists()


@pytest.mark.parametrize(
    "wrong", [{"weeks": "0"}, {"visits": "99"}, {"day": "2020-01-01"}, {"day": "9999-12-31"}, {"time": "25:00"}, {"who": "x"}]
)
def test_a_plan_that_cannot_be_is_refused_in_words(desk, plan, wrong):
    assert desk.get(URL, plan | wrong).status_code == 422
    assert desk.post(URL, plan | wrong).status_code == 422


def test_without_a_time_for_each_nothing_is_booked(desk, plan):
    assert desk.post(URL, plan | {"slot1": "x", "slot2": ""}).status_code == 422
    assert not Appointment.objects.exists()


def test_moving_asks_only_this_or_the_rest_too(desk, three):
    url = reverse("staff:move", args=[three[1].public_id])
    assert "And the 1 after it" in text_of(desk.get(url))
    to = value_of(on(17, 10, month=3), three[1].practitioner)
    assert desk.post(url, {"slot": to, "version": three[1].version, "rest": "1"}).status_code == 303
    moved = Appointment.objects.order_by("starts_at")
    assert [clock.local(v.starts_at).strftime("%a %H:%M") for v in moved] == ["Tue 14:00", "Wed 10:00", "Wed 10:00"]


def test_cancelling_the_rest_too(desk, three):
    url = reverse("staff:visit_cancel", args=[three[1].public_id])
    answer = desk.post(url, {"reason": "patient-asked", "version": three[1].version, "rest": "1"})
    assert answer.status_code == 303
    assert [v.status for v in Appointment.objects.order_by("starts_at")] == ["booked", "cancelled", "cancelled"]


def test_the_day_and_the_visit_say_which_of_the_series_it_is(desk, three):
    day = clock.local(three[1].starts_at).date()
    assert "2 of 3" in text_of(desk.get(f"/desk/day/{day}/"))
    assert "2 of 3" in text_of(desk.get(f"/desk/visit/{three[1].public_id}/"))
    actions.cancel(three[0], by=DESK, now=clock.now())
    assert "1 of 2" in text_of(desk.get(f"/desk/visit/{three[1].public_id}/"))


def form_of(page):
    """What the form of the plan begins with: physician, visit type, time."""
    text = unescape(page.content.decode())
    who, service = (re.search(rf'name="{name}".*?value="([^"]*)" selected', text, re.DOTALL) for name in ("who", "service"))
    time = re.search(r'name="time" value="([^"]*)"', text)
    return who and who.group(1), service and service.group(1), time and time.group(1)


@pytest.fixture
def second(service, make_practitioner):
    """Somebody who stands behind the first in every list."""
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    return other


def test_a_series_goes_on_with_the_physician_it_comes_from(desk, patient, service, second):
    assert form_of(desk.get(URL, {"patient": patient.public_id}))[0] in ("", None), "nobody in particular"
    visit = actions.book_for(service, second, on(16, 11), patient=patient, contact=None, by=DESK, now=clock.now())
    assert form_of(desk.get(URL, {"patient": patient.public_id}))[0] == str(second.public_id)
    from_visit = form_of(desk.get(URL, {"patient": patient.public_id, "visit": visit.public_id}))
    assert from_visit == (str(second.public_id), str(service.public_id), "11:00")
    page = desk.get(URL, {"patient": patient.public_id, "visit": visit.public_id}).content.decode()
    four_weeks_on = clock.local(on(16, 11)).date() + timedelta(weeks=4)
    assert f'name="day" value="{four_weeks_on}"' in page, "not once more at that visit's own hour"


def test_any_physician_means_the_one_who_takes_the_first_visit(desk, plan, service, second):
    for start in series.ideals(TUESDAY, 1, 4):
        somebody_books(service, next(p for p in service.practitioners.all() if p != second), start)
    picked = dict(chosen(desk.get(URL, plan | {"who": ""})))
    people = {parse_value(value)[1] for value in picked.values()}
    assert people == {second.public_id}
    assert desk.post(URL, plan | {"who": ""} | picked).status_code == 303
