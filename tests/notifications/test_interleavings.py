"""A change of the visit at every step of sending: whichever comes first, nothing is told that was not so at the fence.

The storm of ten thousand with real processes is `make interleave`; this is the same judge (tests/interleave.py) on sixty
drawn from a seed, at the steps between which something can happen.
"""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner
from notifications import drain, planner
from notifications.models import CaughtText
from patients.models import Patient
from tests import interleave
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, Post, at

TURNS = 60
STEPS = ["planned", "claimed", "composed", "fenced", "sent"]


@pytest.fixture
def storm(
    post: Post, book: Callable[..., Appointment], practitioner: Practitioner, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> Callable[[], tuple[int, int, int]]:
    """Runs sixty turns, each with a change at a step drawn by lot; what the judge says of them."""

    def run() -> tuple[int, int, int]:
        interleave.watch()
        settings.MESSAGE_QUIET_HOURS, settings.MESSAGE_GRACE_SECONDS = "", 0
        Patient.objects.update(reminder_by="text")
        dice, count = random.Random(7), Counter[str]()
        now, when = WEDNESDAY + GRACE, ""

        def happens(step: str) -> None:
            nonlocal when
            if step == when:
                when = ""
                count[step] += 1
                fresh = Appointment.objects.select_related("service", "practitioner").get(pk=visit.pk)
                start = fresh.starts_at + timedelta(days=TURNS)
                actions.move(fresh, practitioner, start, by=Actor("staff", None, "reception"), now=now, overbook=True)

        compose, fence, settle = drain.compose, drain.Drain.fence, drain.Drain.settle

        def composing(delivery: Any, *args: Any, **kwargs: Any) -> Any:
            happens("claimed")
            letter = compose(delivery, *args, **kwargs)
            happens("composed")
            return letter

        def fencing(self: Any, *args: Any) -> bool:
            held = fence(self, *args)
            happens("fenced")
            return held

        def settling(self: Any, *args: Any) -> None:
            settle(self, *args)
            happens("sent")

        monkeypatch.setattr(drain, "compose", composing)
        monkeypatch.setattr(drain.Drain, "fence", fencing)
        monkeypatch.setattr(drain.Drain, "settle", settling)
        for turn in range(TURNS):
            now += timedelta(seconds=2)
            visit = book(at("2027-05-03 10:00") + timedelta(days=turn), now=now)
            when = dice.choice(STEPS)
            planner.tick(now=now)
            happens("planned")
            drain.run(now=now)
            if when:
                happens(when)
        assert set(count) == set(STEPS)
        texts = dict(CaughtText.objects.values_list("delivery_id", "body"))
        return interleave.judge({}, texts)

    return run


@pytest.mark.django_db(transaction=True)
def test_no_message_goes_out_after_the_change_that_makes_it_untrue(storm: Callable[[], tuple[int, int, int]]) -> None:
    sent, after_change, wrong_time = storm()
    assert (after_change, wrong_time) == (0, 0)
    assert sent > 30


@pytest.mark.django_db(transaction=True)
def test_the_judge_sees_a_fence_that_does_not_look(
    storm: Callable[[], tuple[int, int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain.Drain, "fence", drain.Drain.fence)  # put back afterwards
    monkeypatch.setattr("tests.notifications.test_interleavings.TURNS", 20)
    interleave.blindfold()
    _sent, after_change, _wrong = storm()
    assert after_change > 2
