"""Times that nobody was offered: the right sentence, the right status, and nothing changed."""

import pytest

from booking import picker
from booking.models import Service
from tests.booking.conftest import on, rows, text_of


@pytest.fixture
def other_service(practitioner) -> Service:
    """Starts every quarter of an hour, where the first assessment starts every third of one."""
    service = Service.objects.create(slug="other", name="Other", minutes=15, step_minutes=15, online=True)
    service.practitioners.add(practitioner)
    return service


@pytest.fixture
def doors(walker, link, token, visit):
    """Where a patient can post a time: to hold one, and to move a visit."""
    walker.begun()
    return [lambda slot: walker.another().begun().post("time", slot=slot), lambda slot: link.post("visit_time", token, slot=slot)]


def said(doors, slot):
    """Statuses and words of every door, which change nothing."""
    for door in doors:
        answer = door(slot)
        yield answer.status_code, text_of(answer)


NEVER = {
    "past": "2027-02-09T15:00Z", "less than the notice": "2027-02-10T15:00Z", "past the horizon": "2036-02-11T15:00Z",
    "a Saturday": "2027-02-13T15:00Z", "lunch": "2027-02-11T17:20Z", "off the grid": "2027-02-11T15:07Z",
}  # fmt: skip


@pytest.mark.parametrize("start", NEVER.values(), ids=NEVER)
def test_what_was_never_offered_answers_409_with_the_closest(doors, visit, practitioner, start):
    for status, words in said(doors, f"{start} {practitioner.public_id}"):
        assert status == 409
        assert "Someone else just took" in words
    version = visit.version
    visit.refresh_from_db()
    assert visit.version == version


def test_another_services_time_is_not_this_ones(doors, practitioner, other_service):
    for status, words in said(doors, picker.value_of(on(11, 10, 15), practitioner)):
        assert (status, "Someone else just took 10:15 a.m. These are the closest:" in words) == (409, True)


def test_the_hour_that_comes_twice_wants_an_offset(link, token, visit, practitioner):
    """On November 1 the clock shows 1:30 twice: a wall time alone says neither, an instant was never offered."""
    before = rows()
    wall = link.post("visit_time", token, slot=f"2026-11-01T01:30 {practitioner.public_id}")
    assert (wall.status_code, "Choose one of the times shown" in text_of(wall)) == (422, True)
    for instant in ("2026-11-01T05:30Z", "2026-11-01T06:30Z", "2027-11-07T05:30Z"):
        assert link.post("visit_time", token, slot=f"{instant} {practitioner.public_id}").status_code == 409
    assert rows() == before
