"""A form from a page that is out of date: nothing happens, and the page says where the visit is now."""

import pytest

from accounts import clock
from audit.actor import Actor
from booking import actions, picker
from booking.models import Status
from tests.booking.conftest import on, text_of

DESK = Actor("staff", None, "reception", "Joanne")


@pytest.fixture
def moved(visit, practitioner):
    """The clinic moved the visit to Friday after the patient opened the page."""
    actions.move(visit, practitioner, on(19, 9), by=DESK, now=clock.now())
    visit.refresh_from_db()
    return visit


@pytest.mark.parametrize("name", ["visit_confirm", "visit_cancel", "visit_time"])
def test_it_answers_409_and_changes_nothing(link, token, moved, practitioner, name):
    slot = picker.value_of(on(18, 14), practitioner)
    answer = link.post(name, token, seen="0", slot=slot)
    assert answer.status_code == 409
    assert "This visit changed at 9:00 a.m. Here is where it is now. Your visit" in text_of(answer)
    assert "Friday, February 19 at 9:00 a.m." in text_of(answer)
    version = moved.version
    moved.refresh_from_db()
    assert (moved.starts_at, moved.status, moved.version) == (on(19, 9), Status.BOOKED, version)


def test_pages_say_what_they_show(link, token, moved):
    for name in ("visit", "visit_cancel", "visit_time"):
        assert b'name="seen" value="1"' in link.get(name, token).content, name


@pytest.mark.parametrize("name", ["visit_confirm", "visit_cancel", "visit_time"])
def test_pressed_twice_from_one_page_it_is_done_once(link, token, visit, practitioner, name):
    fields = {"seen": "0", "slot": picker.value_of(on(19, 14), practitioner)}
    assert [link.post(name, token, **fields).status_code for _press in range(2)] in ([303, 303], [303, 302])
    before = visit.version
    visit.refresh_from_db()
    assert visit.version == before + 1
