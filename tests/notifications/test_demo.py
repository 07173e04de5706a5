"""The demo clinic's messages."""

import pytest

from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner
from notifications import demo
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, Post, at, go, texts


@pytest.mark.django_db
def test_whom_the_demo_s_desk_moves_hears_that_they_are_moved(
    post: Post, visit: Appointment, practitioner: Practitioner, desk: Actor
) -> None:
    demo.load([], now=WEDNESDAY)
    actions.move(visit, practitioner, at("2027-03-15 14:40"), by=desk, now=WEDNESDAY, overbook=True)
    go(WEDNESDAY + GRACE)
    assert [text[:60] for text in texts()] == ["True North: we had to move your time to Mon Mar 15, 2:40 pm. "[:60]]
