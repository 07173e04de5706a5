"""Hours as people edit them: what holds on a day, who is away, and which visits a change leaves outside."""

from datetime import date, time, timedelta

import pytest

from accounts import clock
from booking import hours
from booking.hours import Interval
from booking.models import Appointment, Availability, Status, TimeOff
from booking.slots import Calendar
from tests.factories import next_weekday_at

HOUR = timedelta(hours=1)


@pytest.fixture
def other(make_practitioner):
    return make_practitioner("Dr. Priya Raman")


def off(who, start, kind="vacation"):
    return TimeOff.objects.create(practitioner=who, starts_at=start, ends_at=start + HOUR, kind=kind)


def outside(visit, **changes):
    visits = Appointment.objects.all()
    return hours.left_outside(visits, visit.practitioner, week=[], now=clock.now(), **changes)


def test_each_ones_next_time_off_is_their_own_or_the_clinics(practitioner, other, make_practitioner):
    third, start = make_practitioner("Dr. Lena Marchetti"), clock.now() + timedelta(days=2)
    own, closed = off(practitioner, start), off(None, start + timedelta(days=3))
    off(third, start)
    assert hours.next_away([practitioner, other], now=clock.now()) == {practitioner.pk: own, other.pk: closed}


def test_time_off_that_is_over_is_not_listed(practitioner):
    off(practitioner, clock.now() - timedelta(days=2))
    coming = off(practitioner, clock.now() + timedelta(days=2))
    assert hours.away(practitioner, now=clock.now()) == [coming]


def test_hours_hold_from_their_first_day_to_their_last(practitioner):
    first, last = date(2027, 2, 8), date(2027, 2, 10)
    Availability.objects.filter(practitioner=practitioner).update(valid_from=first, valid_until=last)
    assert hours.week_on(practitioner, first - timedelta(days=1)) == []
    assert len(hours.week_on(practitioner, last)) == 10
    assert hours.week_on(practitioner, last + timedelta(days=1)) == []


def test_hours_for_some_services_are_none_for_another(practitioner):
    week = [Interval(0, 540, 720, services=frozenset({7})), Interval(1, 540, 720)]
    assert [h.weekday for h in hours.as_hours(practitioner, week, 7)] == [0, 1]
    assert [h.weekday for h in hours.as_hours(practitioner, week, 8)] == [1]


def test_a_visit_from_the_first_to_the_last_minute_is_within_hours(practitioner):
    plan = Calendar([(practitioner.pk, 0, 0)], hours.as_hours(practitioner, hours.week_on(practitioner, date(2027, 2, 10))))
    nine, noon = next_weekday_at(9), next_weekday_at(12)
    assert hours.works(plan, practitioner.pk, nine, noon)
    assert not hours.works(plan, practitioner.pk, nine - timedelta(minutes=1), noon)
    assert not hours.works(plan, practitioner.pk, nine, noon + timedelta(minutes=1))


def test_only_visits_on_the_days_of_a_change_are_left_outside(appointment):
    day = clock.local(appointment.starts_at).date()
    assert outside(appointment, since=day, until=day) == [appointment]
    assert outside(appointment, since=day - timedelta(days=9), until=day - timedelta(days=1)) == []
    assert outside(appointment, since=day + timedelta(days=1), until=None) == []


def test_a_visit_on_a_day_after_the_hours_that_held_was_outside_before(appointment):
    day = clock.local(appointment.starts_at).date()
    Availability.objects.update(valid_until=day - timedelta(days=1))
    assert outside(appointment, since=day, until=day) == []
    Availability.objects.update(valid_until=day)
    assert outside(appointment, since=day, until=day) == [appointment]


def test_time_off_of_one_leaves_the_visits_of_others(appointment, other):
    span = (appointment.starts_at, appointment.ends_at)
    visits = Appointment.objects.all()
    assert hours.within(visits, appointment.practitioner, *span, now=clock.now()) == [appointment]
    assert hours.within(visits, None, *span, now=clock.now()) == [appointment]
    assert hours.within(visits, other, *span, now=clock.now()) == []


def test_what_stands_in_a_coming_visits_way(appointment, practitioner):
    assert hours.trouble_of(appointment) == ""
    later = off(practitioner, appointment.ends_at)
    assert hours.trouble_of(appointment) == ""
    TimeOff.objects.filter(pk=later.pk).update(starts_at=appointment.starts_at)
    assert hours.trouble_of(appointment) == "off"
    TimeOff.objects.all().delete()
    Availability.objects.filter(local_start=time(9)).update(local_end=time(9, 30))
    assert hours.trouble_of(appointment) == "hours"
    appointment.status = Status.CANCELLED
    assert hours.trouble_of(appointment) == ""
