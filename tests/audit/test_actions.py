"""What an event of the trail says of itself."""

from audit.actions import event
from audit.actor import Actor
from tests.factories import WEDNESDAY


def test_it_is_about_the_patient_that_its_row_points_at_unless_it_says_whom(appointment):
    told = [event("booking.move", by=Actor.system(), now=WEDNESDAY, obj=appointment, subject_id=who) for who in (None, 7)]
    assert [one.subject_id for one in told] == [appointment.patient_id, 7]
