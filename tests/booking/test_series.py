"""A series: booked whole or not at all, on the wall clock; moved and cancelled from one visit on."""

from datetime import datetime, timedelta

import pytest

from accounts import clock
from booking import actions, series
from booking.actions import series as verbs
from booking.models import Appointment
from tests.booking.conftest import on, somebody_books
from tests.booking.test_waiting import DESK
from tests.factories import WEDNESDAY

TUESDAY = datetime(
    2027, 2, 16, 19, tzinfo=clock.UTC
)  # 2 p.m., 16 February 2027; four weeks later it is 16 March, two days after the clocks went forward


def plan(service, **changes):
    who = service.practitioners.first()
    return series.Plan(
        **{"service": service, "practitioner": who, "first": TUESDAY, "visits": 3, "weeks": 4, "window": 7} | changes
    )


def book(service, patient, starts):
    who = service.practitioners.first()
    return actions.book_series(service, [(who, at) for at in starts], patient=patient, by=DESK, now=WEDNESDAY)


@pytest.fixture
def three(at, service, patient):
    """Maya's three visits, four weeks apart."""
    return book(service, patient, series.ideals(TUESDAY, 3, 4))


def walls(visits):
    return [clock.local(v.starts_at).strftime("%a %H:%M") for v in visits]


def test_all_dates_are_shown_with_what_is_in_the_way_and_what_is_near(at, service):
    somebody_books(service, service.practitioners.get(), on(16, 14, month=3))
    first, second, third = series.propose(plan(service), now=WEDNESDAY)
    assert (first.conflict, third.conflict) == ("", "")
    assert first.near[0].start == TUESDAY
    assert "Dr. Osei" in second.conflict
    assert clock.local(second.near[0].start).strftime("%a %b %d") == "Tue Mar 16"  # the same day, the nearest time
    assert len(second.near) == series.MOST_NEAR


def test_outside_the_window_nothing_is_proposed(at, service):
    closed = plan(service, first=on(20, 14), window=0)  # a Saturday
    assert [target.near for target in series.propose(closed, now=WEDNESDAY)] == [[], [], []]


def test_booked_whole_they_share_a_series(three):
    assert len({v.series for v in three}) == 1
    assert [v.starts_at for v in three] == series.ideals(TUESDAY, 3, 4)


def test_one_time_that_is_taken_books_none_and_says_which(at, service, patient):
    starts = series.ideals(TUESDAY, 3, 4)
    somebody_books(service, service.practitioners.get(), starts[1])
    before = Appointment.objects.count()
    with pytest.raises(actions.SeriesTaken, match=r"March.16") as refusal:
        book(service, patient, starts)
    assert refusal.value.lost == [1]
    assert Appointment.objects.count() == before


def test_two_visits_of_one_series_cannot_overlap(at, service, patient):
    with pytest.raises(actions.SeriesTaken):
        book(service, patient, [TUESDAY, TUESDAY + timedelta(minutes=20)])
    assert not Appointment.objects.exists()


def test_moving_one_leaves_the_others(three):
    actions.move(three[1], three[1].practitioner, on(17, 10, month=3), by=DESK, now=WEDNESDAY)
    assert walls(Appointment.objects.order_by("starts_at")) == ["Tue 14:00", "Wed 10:00", "Tue 14:00"]


def test_moving_the_rest_too_shifts_days_and_wall_time(three):
    moved = actions.move_series(three[1], three[1].practitioner, on(17, 10, month=3), by=DESK, now=WEDNESDAY)
    assert len(moved) == 2
    assert walls(Appointment.objects.order_by("starts_at")) == ["Tue 14:00", "Wed 10:00", "Wed 10:00"]


def test_one_of_the_rest_that_somebody_else_moves_meanwhile_is_moved_on_from_there(three, monkeypatch):
    lock = verbs.lock_and_sweep

    def after_sam(*args, **kwargs):
        monkeypatch.setattr(verbs, "lock_and_sweep", lock)
        actions.move(three[2], three[2].practitioner, on(15, 10, month=4), by=DESK, now=WEDNESDAY)
        return lock(*args, **kwargs)

    monkeypatch.setattr(verbs, "lock_and_sweep", after_sam)
    actions.move_series(three[1], three[1].practitioner, on(16, 15, month=3), by=DESK, now=WEDNESDAY)
    assert walls(Appointment.objects.order_by("starts_at")) == ["Tue 14:00", "Tue 15:00", "Thu 11:00"]


def test_a_weekly_series_moves_a_week_on_over_its_own_places(at, service, patient):
    weekly = book(service, patient, series.ideals(TUESDAY, 3, 1))
    actions.move_series(weekly[0], weekly[0].practitioner, TUESDAY + timedelta(days=7), by=DESK, now=WEDNESDAY)
    assert [v.starts_at for v in Appointment.objects.order_by("starts_at")] == series.ideals(on(23, 14), 3, 1)


def test_if_one_of_the_rest_cannot_move_none_does(three, service):
    somebody_books(service, service.practitioners.get(), series.ideals(on(17, 10), 3, 4)[2])
    with pytest.raises(actions.SeriesTaken, match=r"April.14"):
        actions.move_series(three[0], three[0].practitioner, on(17, 10), by=DESK, now=WEDNESDAY)
    assert walls(Appointment.objects.filter(series=three[0].series).order_by("starts_at")) == ["Tue 14:00"] * 3


def test_cancelling_the_rest_keeps_what_comes_before(three):
    actions.cancel_series(three[1], by=DESK, now=WEDNESDAY)
    assert [v.status for v in Appointment.objects.order_by("starts_at")] == ["booked", "cancelled", "cancelled"]
