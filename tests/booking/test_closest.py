"""The closest other times, for everybody who lost the same one."""

from datetime import timedelta

import pytest

from accounts import clock
from booking import actions, calendar
from tests.booking.conftest import WEB, on, somebody_books


@pytest.fixture
def lost(at, service, practitioner):
    """Somebody else has Thursday at ten; looks up what is close to it."""
    somebody_books(service, practitioner, on(11, 10))
    return lambda: calendar.closest(service, on(11, 10), now=clock.now())


def test_who_loses_the_same_time_shares_one_look(lost, service, django_assert_num_queries):
    first = lost()
    with django_assert_num_queries(1):
        assert lost() == first
    assert first == calendar.alternatives(service, on(11, 10), now=clock.now())


def test_a_time_that_was_taken_since_is_not_offered(lost, service, practitioner):
    first = lost()
    somebody_books(service, practitioner, first[0].start)
    assert first[0] not in lost()


def test_a_time_that_was_taken_with_a_colleague_since_is_not_offered(lost, service, make_practitioner):
    other = make_practitioner("Dr. Priya Raman", position=1)
    service.practitioners.add(other)
    first = next(slot for slot in lost() if slot.practitioner_id == other.pk)
    somebody_books(service, other, first.start)
    assert first not in lost()


def test_a_hold_that_was_extended_after_its_end_is_not_offered(lost, service, practitioner, at):
    near = lost()[0]
    values = {"hold_key": "a" * 64, "address": "203.0.113.9", "by": WEB}
    held = actions.hold(service, practitioner, near.start, now=clock.now(), **values)
    at.shift(timedelta(minutes=16))
    assert near in lost()
    actions.extend_hold(held, hold_key="a" * 64, by=WEB, now=clock.now())
    assert near not in lost()
