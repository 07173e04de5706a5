"""What waits for a physician: who is in which list, in which order, and when it is due."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from intake.actions import publish, start_draft
from intake.models import Photo, QuestionnaireResponse
from staff import queue
from tests.booking.conftest import HAIR
from tests.factories import WEDNESDAY

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Waits = Callable[..., QuestionnaireResponse]


@pytest.fixture(autouse=True)
def wednesday(clinic: Any) -> Any:
    """Nine in the morning."""
    with time_machine.travel(WEDNESDAY, tick=False):
        publish(HAIR, by=Actor.system(), now=WEDNESDAY)
        yield


@pytest.fixture
def waits(make_patient: Any, make_visit: Any) -> Waits:
    """Somebody's answers, sent a day ago unless said otherwise, with a visit if it says when."""

    def make(name: str, visit: datetime | None = None, became: str = "booked", **columns: Any) -> QuestionnaireResponse:
        response, patient = start_draft("hair-loss-intake", by=Actor.anonymous(), now=WEDNESDAY), make_patient("Some", name)
        columns = {"completed_at": WEDNESDAY - DAY, "status": "completed"} | columns
        QuestionnaireResponse.objects.filter(pk=response.pk).update(patient=patient, **columns)
        if visit:
            make_visit(patient, visit, became, response=response)
        return QuestionnaireResponse.objects.get(pk=response.pk)

    return make


def names(entries: list[queue.Entry]) -> list[str]:
    return [entry.response.patient.legal_last_name for entry in entries]


def test_each_is_in_the_list_of_what_it_waits_for(waits: Waits, physician: User) -> None:
    draft = {"status": "in-progress", "completed_at": None}
    signed = {"reviewed_at": WEDNESDAY - DAY}
    waits("Sent")
    waits("Asked", asked_at=WEDNESDAY)
    waits("Draft for tomorrow", WEDNESDAY + DAY, **draft)
    waits("Draft for today", WEDNESDAY + HOUR, **draft)
    waits("Draft for a later day", WEDNESDAY + 2 * DAY, **draft)
    waits("Draft of a cancelled visit", WEDNESDAY + DAY, "cancelled", **draft)
    waits("Signed today", reviewed_at=WEDNESDAY)
    waits("Signed today, asked before", reviewed_at=WEDNESDAY - HOUR, asked_at=WEDNESDAY - DAY)
    waits("Signed yesterday", **signed)
    waits("Signed yesterday for tomorrow", WEDNESDAY + DAY + HOUR, **signed)
    waits("Signed yesterday, a letter is open", **signed, to_confirm=True)
    found = queue.load(physician, WEDNESDAY)
    assert names(found.to_review) == ["Sent"]
    assert names(found.patient) == ["Asked", "Draft for today", "Draft for tomorrow"]
    assert names(found.confirm) == ["Signed yesterday, a letter is open"]
    assert names(found.done) == ["Signed today", "Signed today, asked before"]


def test_nobody_but_a_physician_has_one(waits: Waits, physician: User, reception: User) -> None:
    waits("Sent")
    waits("Tomorrow", WEDNESDAY + DAY)
    assert queue.load(reception, WEDNESDAY) == queue.Queue()
    assert queue.counts(reception, WEDNESDAY) == (0, 0)


def test_soon_means_a_visit_that_takes_place(waits: Waits, physician: User) -> None:
    waits("Newer", WEDNESDAY + 20 * DAY, completed_at=WEDNESDAY - HOUR)
    waits("Older", page_sequence=1)
    waits("Cancelled", WEDNESDAY + DAY, "cancelled", completed_at=WEDNESDAY - 2 * HOUR)
    waits("Tomorrow", WEDNESDAY + DAY, completed_at=WEDNESDAY - HOUR)
    waits("Today", WEDNESDAY + 2 * HOUR, completed_at=WEDNESDAY - HOUR)
    waits("In two days", WEDNESDAY + 2 * DAY, completed_at=WEDNESDAY - 3 * HOUR)
    assert names(queue.load(physician, WEDNESDAY).to_review) == [
        "Today",
        "Tomorrow",
        "Older",
        "In two days",
        "Cancelled",
        "Newer",
    ]


def test_only_a_visit_that_is_open_makes_its_answers_late(waits: Waits, physician: User) -> None:
    waits("Came", WEDNESDAY - HOUR, "fulfilled", completed_at=WEDNESDAY - 2 * HOUR)
    waits("Cancelled", WEDNESDAY - HOUR / 2, "cancelled", completed_at=WEDNESDAY - HOUR)
    waits("Is here", WEDNESDAY - HOUR / 2, "arrived", completed_at=WEDNESDAY - HOUR)
    found = queue.load(physician, WEDNESDAY)
    queue.set_due(found, WEDNESDAY)
    assert [entry.response.patient.legal_last_name for entry in found.to_review if entry.overdue] == ["Is here"]
    waits("Asked", completed_at=WEDNESDAY - 30 * DAY, asked_at=WEDNESDAY - DAY)
    waits("Signed", completed_at=WEDNESDAY - 30 * DAY, reviewed_at=WEDNESDAY - DAY)
    assert queue.counts(physician, WEDNESDAY) == (3, 1)


def test_due_at_midnight_is_in_time_on_the_day_before(clinic: Any) -> None:
    midnight = clock.day_bounds(WEDNESDAY.date(), clock.clinic_zone())[1]
    assert queue.Entry(QuestionnaireResponse(), None, "review", due_at=midnight).due_day == WEDNESDAY.date()


def test_the_next_one_is_never_the_same_and_from_the_last_the_first(waits: Waits, physician: User) -> None:
    first, second, last = (waits(name, completed_at=WEDNESDAY - n * HOUR) for n, name in ((3, "A"), (2, "B"), (1, "C")))
    found = queue.load(physician, WEDNESDAY)

    def around(response: QuestionnaireResponse) -> tuple[Any, Any]:
        before, after = found.before(response), found.after(response)
        return before and before.response, after and after.response

    assert [around(each) for each in (first, second, last)] == [(None, second), (first, last), (second, first)]
    assert around(waits("Signed", reviewed_at=WEDNESDAY)) == (None, first)
    assert queue.Queue(to_review=found.to_review[:1]).after(first) is None


def test_mine_is_what_i_am_on_and_what_nobody_is_on_with_a_visit_to_me(
    waits: Waits, physician: User, make_user: Any, practitioner: Any
) -> None:
    colleague = make_user("physician", "Dr. Priya Raman")
    type(practitioner).objects.filter(pk=practitioner.pk).update(user=physician)
    waits("With me", WEDNESDAY + 3 * DAY)
    waits("With me, a colleague is on it", WEDNESDAY + 4 * DAY, reviewer=colleague)
    waits("I am on it", reviewer=physician)
    waits("Nobody's")
    found = queue.load(physician, WEDNESDAY)
    assert sorted(names(queue.shown(found, "mine", physician))) == ["I am on it", "With me"]
    assert names(queue.shown(found, "mine", colleague)) == ["With me, a colleague is on it"]
    assert sorted(names(queue.shown(found, "unassigned", physician))) == ["Nobody's", "With me"]


def test_five_views_are_counted_once_each_and_only_those_that_are_kept(waits: Waits, physician: User) -> None:
    response, other = waits("Sent"), waits("Other")
    views = ["photo_front", "photo_front", "photo_top", "hx_labs_file"]
    Photo.objects.bulk_create(
        Photo(
            response=response,
            link_id=view,
            kind="image",
            received_at=WEDNESDAY,
            size=5,
            name=f"{n}",
            key_id="k",
            width=1,
            height=1,
        )
        for n, view in enumerate([*views, "photo_crown"])
    )
    Photo.objects.filter(link_id="photo_crown").update(status="withdrawn")
    assert {entry.response: entry.photos for entry in queue.load(physician, WEDNESDAY).to_review} == {response: 2, other: 0}
