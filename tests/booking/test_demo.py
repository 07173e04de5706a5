"""The demo clinic has life on its waiting list, whichever day it is loaded on."""

from datetime import timedelta

import pytest

from accounts import clock
from booking import demo, matching
from booking.models import Appointment, FreedTime, Status, WaitlistEntry, WaitlistOffer
from tests.factories import WEDNESDAY


@pytest.mark.django_db
@pytest.mark.parametrize("days", [0, 2], ids=["midweek", "friday"])
def test_somebody_waits_a_time_became_free_that_suits_them_and_one_is_offered(days: int) -> None:
    now = WEDNESDAY + timedelta(days=days, hours=3)
    made = demo.load(now)
    freed = FreedTime.objects.get()
    fit = matching.who_fits(freed.practitioner, freed.starts_at, now=now)
    states = list(WaitlistEntry.objects.values_list("state", flat=True))
    assert (len(states), states.count("paused"), len(made.told)) == (6, 1, 5)
    assert fit
    assert fit[0].urgent
    offer = WaitlistOffer.objects.get()
    assert offer.is_live(now)
    assert (offer.held is not None, offer.entry.is_called) == (True, False)
    assert offer.practitioner in (set(offer.entry.practitioners.all()) or {offer.practitioner})
    assert all(entry.visit and entry.visit.starts_at > freed.starts_at for entry in WaitlistEntry.objects.all())
    before = Appointment.objects.count()
    assert demo.load(clock.now()).created is False
    assert (Appointment.objects.count(), WaitlistOffer.objects.count()) == (before, 1)


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [3, -1, 72], ids=["at midday", "early", "on a saturday"])
def test_there_are_visits_in_every_status_at_whatever_hour_it_is_loaded(hours: int) -> None:
    now = WEDNESDAY + timedelta(hours=hours)
    demo.load(now)
    visits = Appointment.objects.exclude(status=Status.HELD)
    assert set(Appointment.objects.values_list("status", flat=True)) == set(Status)
    days = [clock.local(start).date() for start in visits.values_list("starts_at", flat=True)]
    assert (max(days) - min(days)).days in range(18, 25)
    for visit in visits.filter(status__in=(Status.ARRIVED, Status.IN_ROOM)):
        assert visit.starts_at < now + timedelta(minutes=90)
        assert visit.fulfilled_at is None
        assert (visit.in_room_at is None) == (visit.status == Status.ARRIVED)
