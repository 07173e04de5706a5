"""A sick day with people booked: each visit moved, handed to its patient or put on the call list; undone in one go."""

import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from django.db import OperationalError
from django.test import Client
from psycopg import errors as pg

from accounts import clock
from audit.actor import Actor
from booking import actions, matching, rebooking
from booking.actions import rebook as verbs
from booking.links import token_of
from booking.models import Appointment, Batch, Practitioner, Service, Status, TimeOff
from booking.picker import value_of
from tests.factories import WEDNESDAY
from tests.staff.conftest import at

THURSDAY = WEDNESDAY.date() + timedelta(days=1)
Visits = list[Appointment]


@pytest.fixture(autouse=True)
def wednesday() -> Any:
    with time_machine.travel(WEDNESDAY, tick=False):
        yield


@pytest.fixture
def booked(desk: Client, make_patient: Any, service: Service, practitioner: Practitioner, reception: Any) -> Visits:
    """Three visits of Dr. Osei's on Thursday."""
    return [
        actions.book_for(
            service, practitioner, at(THURSDAY, hour), patient=make_patient(name, "Pillai", email=f"{name}@example.com"),
            contact=None, by=Actor.staff(reception), now=WEDNESDAY,
        )
        for name, hour in (("Ravi", 9), ("Ann", 10), ("Bea", 14))
    ]  # fmt: skip


@pytest.fixture
def off(desk: Client, booked: Visits) -> TimeOff:
    """Dr. Osei is sick on Thursday."""
    form = {"who": "osei", "kind": "sick", "first": str(THURSDAY), "sure": "3"}
    answer = desk.post("/desk/time-off/", form)
    off = TimeOff.objects.get()
    assert answer["Location"] == f"/desk/time-off/{off.pk}/visits/"
    return off


def table(desk: Client, off: TimeOff) -> list[Any]:
    return desk.get(f"/desk/time-off/{off.pk}/visits/").context["rows"]


def rebook(desk: Client, off: TimeOff, ways: dict[int, str]) -> Any:
    """What the table's form sends: the proposals as they stand."""
    form: dict[str, Any] = {}
    for visit, offers, _way, _reachable in table(desk, off):
        key = visit.public_id
        form |= {f"way-{key}": ways.get(visit.pk, ""), f"seen-{key}": visit.version}
        form |= {f"slot-{key}": offers[0].value} if offers else {}
    return desk.post(f"/desk/time-off/{off.pk}/visits/", form)


def states(desk: Client) -> list[str]:
    return [line["state"] for line in desk.get(f"/desk/batch/{Batch.objects.latest('pk').public_id}/").context["lines"]]


def again(visits: Visits) -> Visits:
    return [Appointment.objects.get(pk=v.pk) for v in visits]


def test_each_visit_is_proposed_its_own_time_the_same_physician_and_part_of_day_first(
    desk: Client, off: TimeOff, service: Service, make_practitioner: Any
) -> None:
    service.practitioners.add(make_practitioner("Dr. Priya Raman"))
    firsts = [offers[0] for _v, offers, _way, _r in table(desk, off)]
    friday = THURSDAY + timedelta(days=1)
    assert [(choice.start, choice.practitioner.short_name) for choice in firsts] == [
        (at(friday, 9), "Dr. Osei"), (at(friday, 9, 40), "Dr. Osei"), (at(friday, 13), "Dr. Osei"),
    ]  # fmt: skip


def test_where_the_physician_has_no_time_a_colleague_is_proposed(
    desk: Client, off: TimeOff, service: Service, make_practitioner: Any
) -> None:
    service.practitioners.add(make_practitioner("Dr. Priya Raman"))
    away = actions.take_time_off(
        off.practitioner, "sick", at(THURSDAY, 0), at(THURSDAY, 0) + timedelta(days=60), by=Actor.system(), now=WEDNESDAY
    )
    first = table(desk, off)[0][1][0]
    assert (first.start, first.practitioner.short_name) == (at(THURSDAY, 9), "Dr. Raman")
    assert away.practitioner == off.practitioner


def test_one_batch_moves_hands_over_and_calls_and_says_how_each_went(desk: Client, off: TimeOff, booked: Visits) -> None:
    ravi, ann, bea = booked
    assert rebook(desk, off, {ravi.pk: "move", ann.pk: "link", bea.pk: "call"}).status_code == 303
    ravi, ann, bea = again(booked)
    assert (ravi.status, ravi.starts_at.date()) == ("booked", THURSDAY + timedelta(days=1))
    assert (ann.status, ann.cancelled_by, ann.cancel_reason) == ("cancelled", "clinic", "physician-out")
    held = actions.held_for(ann)
    assert held is not None
    assert held.hold_expires_at == WEDNESDAY + timedelta(hours=24)
    assert (bea.needs_call, bea.call_reason, bea.status) == (True, "Dr. Osei is out", "booked")
    assert states(desk) == ["done", "waits", "call"]
    assert [row[0].pk for row in table(desk, off)] == [bea.pk], "she is still booked then"


def test_what_was_taken_meanwhile_says_so_and_stops_nothing_else(
    desk: Client, off: TimeOff, booked: Visits, make_patient: Any, service: Service, practitioner: Practitioner
) -> None:
    rows = table(desk, off)
    form = {f"way-{v.public_id}": "move" for v, _o, _w, _r in rows} | {f"seen-{v.public_id}": v.version for v, _o, _w, _r in rows}
    form |= {f"slot-{v.public_id}": offers[0].value for v, offers, _w, _r in rows}
    actions.book_for(
        service,
        practitioner,
        rows[1][1][0].start,
        patient=make_patient("Quick", "One"),
        contact=None,
        by=Actor.system(),
        now=WEDNESDAY,
    )
    desk.post(f"/desk/time-off/{off.pk}/visits/", form)
    assert states(desk) == ["done", "call", "done"]
    ann = again(booked)[1]
    assert (ann.starts_at, ann.needs_call, ann.call_reason) == (at(THURSDAY, 10), True, "Dr. Osei is out")
    page = desk.get(f"/desk/batch/{Batch.objects.get().public_id}/").content.decode()
    assert "already has someone at" in page
    assert "Rebook what is left" in page
    assert "2 moved, 1 to call" in page
    rebook(desk, off, {ann.pk: "move"})
    assert not again([ann])[0].needs_call, "who has a new time is not called about the old one"


def test_all_proposals_are_accepted_in_one_press_and_who_has_none_is_called(
    desk: Client, off: TimeOff, booked: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = rebooking.propose

    def none_for_bea(visits: Visits, *, now: datetime) -> Any:
        return real(visits, now=now) | {booked[2].pk: []}

    monkeypatch.setattr("staff.views.rebook.propose", none_for_bea)
    page = desk.get(f"/desk/time-off/{off.pk}/visits/").content.decode()
    form, text = page[page.index('class="panel rb-all"') :].split("</form>")[0], "Accept all proposals"
    assert text in form
    assert "<b>2</b> have a new time proposed." in form and "<b>1</b> goes onto the call list." in form
    answer = desk.post(f"/desk/time-off/{off.pk}/visits/", dict(re.findall(r'name="([\w-]+)" value="([^"]*)"', form)))
    assert answer.status_code == 303
    assert states(desk) == ["done", "done", "call"]
    assert again(booked)[2].needs_call


def test_no_time_is_proposed_at_which_the_patient_is_here_already(
    desk: Client, off: TimeOff, booked: Visits, service: Service, make_practitioner: Any
) -> None:
    friday, raman = THURSDAY + timedelta(days=1), make_practitioner("Dr. Priya Raman")
    service.practitioners.add(raman)
    actions.book_for(service, raman, at(friday, 9, 20), patient=booked[0].patient, contact=None, by=Actor.system(), now=WEDNESDAY)
    starts = [choice.start for choice in table(desk, off)[0][1]]
    assert starts
    assert clock.local(starts[0]).date() != friday, "a day with nothing else is better"
    assert all(not (at(friday, 8, 40) < start < at(friday, 10)) for start in starts)


def test_proposals_leave_the_minutes_that_are_needed_between_visits(desk: Client, off: TimeOff, service: Service) -> None:
    Service.objects.update(cleanup_minutes=20)
    firsts = sorted(offers[0].start for _v, offers, _w, _r in table(desk, off))
    needed = timedelta(minutes=service.minutes + 20)
    assert all(two - one >= needed for one, two in pairwise(firsts))
    rebook(desk, off, {v.pk: "move" for v, *_rest in table(desk, off)})
    assert states(desk) == ["done"] * 3


def test_the_whole_batch_is_undone_within_ten_minutes(desk: Client, off: TimeOff, booked: Visits) -> None:
    ravi, ann, bea = booked
    rebook(desk, off, {ravi.pk: "move", ann.pk: "link", bea.pk: "call"})
    url = f"/desk/batch/{Batch.objects.get().public_id}/"
    with time_machine.travel(WEDNESDAY + timedelta(minutes=9), tick=False):
        assert desk.post(url).status_code == 303
    assert [(v.status, v.starts_at, v.needs_call) for v in again(booked)] == [
        ("booked", at(THURSDAY, hour), False) for hour in (9, 10, 14)
    ]
    assert not Appointment.objects.filter(status=Status.HELD).exists()
    assert states(desk) == ["undone"] * 3
    assert desk.post(url).status_code == 409


def test_after_ten_minutes_it_stands_and_what_changed_since_is_left(desk: Client, off: TimeOff, booked: Visits) -> None:
    ravi, _ann, bea = booked
    rebook(desk, off, {ravi.pk: "move", bea.pk: "move"})
    batch = Batch.objects.get()
    actions.confirm(again([ravi])[0], by=Actor.system(), now=WEDNESDAY)
    with time_machine.travel(WEDNESDAY + timedelta(minutes=11), tick=False):
        assert desk.post(f"/desk/batch/{batch.public_id}/").status_code == 409
    desk.post(f"/desk/batch/{batch.public_id}/")
    assert [v.starts_at == was.starts_at for v, was in zip(again([ravi, bea]), [ravi, bea], strict=True)] == [False, True]
    assert states(desk) == ["left", "undone"]


def passing(verb: Any, of: Appointment, times: int) -> Any:
    """The verb, refused by a lock so many times for one visit."""
    left = [times]

    def run(visit: Appointment, *args: Any, **kwargs: Any) -> Any:
        if visit.pk == of.pk and left[0]:
            left[0] -= 1
            raise OperationalError("deadlock detected") from pg.DeadlockDetected()
        return verb(visit, *args, **kwargs)

    return run


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_cannot_be_had_is_tried_again_and_stops_nothing_else(
    desk: Client, off: TimeOff, booked: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    ravi, ann, bea = booked
    monkeypatch.setattr(verbs, "move", passing(passing(actions.move, ravi, 3), ann, 1))
    assert rebook(desk, off, {v.pk: "move" for v in booked}).status_code == 303
    assert states(desk) == ["failed", "done", "done"]
    assert Batch.objects.get().rows.get(appointment=ravi).said == "Many people are booking right now. Try again in a moment."
    monkeypatch.setattr(verbs, "undo", passing(actions.undo, bea, 1))
    assert desk.post(f"/desk/batch/{Batch.objects.get().public_id}/").status_code == 303
    assert [v.starts_at for v in again(booked)] == [v.starts_at for v in booked]


def test_nothing_chosen_is_said(desk: Client, off: TimeOff) -> None:
    assert rebook(desk, off, {}).status_code == 422


# --- The patient, by the private link -------------------------------------------------------------------------------


@pytest.fixture
def ann(desk: Client, off: TimeOff, booked: Visits) -> Appointment:
    """Ann's visit, handed over to her."""
    rebook(desk, off, {booked[1].pk: "link"})
    return again([booked[1]])[0]


def take(visit: Appointment, start: datetime, who: Practitioner, client: Client | None = None) -> Any:
    return (client or Client()).post(f"/v/{token_of(visit)}/time/", {"slot": value_of(start, who), "seen": visit.ics_sequence})


def test_the_patient_takes_the_time_that_is_held(ann: Appointment, desk: Client) -> None:
    held = actions.held_for(ann)
    assert held is not None
    page = Client().get(f"/v/{token_of(ann)}/").content.decode()
    assert "We hold this time for you until" in page
    assert take(ann, held.starts_at, held.practitioner).status_code == 303
    ann.refresh_from_db()
    assert (ann.status, ann.starts_at, ann.cancelled_by) == ("booked", held.starts_at, "")
    assert not Appointment.objects.filter(status=Status.HELD).exists()
    assert states(desk) == ["done"]
    assert take(ann, held.starts_at, held.practitioner).status_code in (303, 409), "pressed twice"


def test_the_patient_takes_another_time_and_what_was_held_is_let_go(ann: Appointment, practitioner: Practitioner) -> None:
    page = Client().get(f"/v/{token_of(ann)}/time/")
    assert page.status_code == 200
    other = at(THURSDAY + timedelta(days=5), 9)
    assert take(ann, other, practitioner).status_code == 303
    ann.refresh_from_db()
    assert (ann.status, ann.starts_at) == ("booked", other)
    assert actions.held_for(ann) is None


def test_what_else_the_patient_was_to_be_called_about_stays_when_they_take_a_time(
    ann: Appointment, practitioner: Practitioner
) -> None:
    for reason in ("Contact not checked", "Dr. Osei is out", "Did not take the time held for them"):
        ann.add_call(reason)
    ann.save()
    assert take(ann, at(THURSDAY + timedelta(days=5), 9), practitioner).status_code == 303
    ann.refresh_from_db()
    assert (ann.status, ann.calls) == ("booked", {"Contact not checked"})


def test_an_undo_lets_go_what_was_held_and_it_can_be_handed_over_again(ann: Appointment, practitioner: Practitioner) -> None:
    values: dict[str, Any] = {"by": Actor("staff", None, "reception"), "now": WEDNESDAY}
    visit = actions.undo(ann, **values)
    assert actions.held_for(visit) is None
    actions.hand_over(visit, practitioner, at(THURSDAY + timedelta(days=5), 11), **values)
    assert actions.held_for(visit) is not None


def test_nobody_else_gets_what_is_held_and_after_a_day_anybody_may(
    ann: Appointment, service: Service, practitioner: Practitioner, make_patient: Any
) -> None:
    held = actions.held_for(ann)
    assert held is not None
    values = {"patient": make_patient("Quick", "One"), "contact": None, "by": Actor.system()}
    with pytest.raises(actions.Warned):
        actions.book_for(service, practitioner, held.starts_at, **values, now=WEDNESDAY)
    later = WEDNESDAY + timedelta(hours=24, minutes=1)
    actions.book_for(service, practitioner, held.starts_at, **values, now=later)
    with pytest.raises(actions.SlotTaken):
        actions.take_new_time(ann, practitioner, held.starts_at, by=Actor.system(), now=later)


def test_a_visit_that_the_patient_cancelled_is_booked_again_from_the_start(booked: Visits, practitioner: Practitioner) -> None:
    visit = actions.cancel(booked[0], by=Actor.patient(booked[0].patient_id), now=WEDNESDAY)
    assert "Choose another time" not in Client().get(f"/v/{token_of(visit)}/").content.decode()
    with pytest.raises(actions.NotAllowed):
        actions.take_new_time(visit, practitioner, at(THURSDAY, 11), by=Actor.patient(visit.patient_id), now=WEDNESDAY)


# --- Nobody takes it ------------------------------------------------------------------------------------------------


def test_who_does_not_take_what_is_held_goes_onto_the_call_list_once(ann: Appointment, desk: Client) -> None:
    matching.run(now=WEDNESDAY + timedelta(hours=23))
    assert "Did not take" not in desk.get("/desk/calls/").content.decode()
    later = WEDNESDAY + timedelta(hours=25)
    matching.run(now=later)
    ann.refresh_from_db()
    assert (ann.needs_call, ann.status) == (True, "cancelled")
    page = desk.get("/desk/calls/").content.decode()
    assert "Ann Pillai" in page
    assert "Did not take the time held for them" in page
    desk.post("/desk/calls/", {"do": f"called:{ann.public_id}:{ann.version}"})
    matching.run(now=later)
    ann.refresh_from_db()
    assert not ann.needs_call
    desk.get("/desk/calls/")  # says that she was called
    assert "Ann Pillai" not in desk.get("/desk/calls/").content.decode()


def test_it_is_noticed_although_somebody_else_has_swept_the_hold_away(ann: Appointment) -> None:
    Appointment.objects.filter(pk=actions.held_for(ann).pk).delete()  # type: ignore[union-attr]
    matching.run(now=WEDNESDAY + timedelta(hours=25))
    ann.refresh_from_db()
    assert ann.needs_call


def test_who_has_taken_a_time_is_not_called(ann: Appointment) -> None:
    held = actions.held_for(ann)
    assert held is not None
    take(ann, held.starts_at, held.practitioner)
    matching.run(now=WEDNESDAY + timedelta(hours=25))
    ann.refresh_from_db()
    assert (ann.status, ann.needs_call) == ("booked", False)


def test_who_is_moved_on_the_phone_leaves_the_call_list_and_the_batch_is_found_again(
    desk: Client, off: TimeOff, booked: Visits, reception: Any, practitioner: Practitioner
) -> None:
    ann = booked[1]
    rebook(desk, off, {v.pk: "call" for v in booked})
    actions.ask_to_call(ann, reason="Something else", by=Actor.staff(reception), now=WEDNESDAY)
    later = at(THURSDAY + timedelta(days=1), 9)
    for visit, start in ((booked[0], later), (ann, later + timedelta(hours=1))):
        moved = actions.move(again([visit])[0], practitioner, start, by=Actor.staff(reception), now=WEDNESDAY)
        assert moved.version == again([visit])[0].version
    ravi, ann, bea = again(booked)
    assert [(v.needs_call, v.call_reason) for v in (ravi, ann)] == [(False, ""), (True, "Something else")]
    assert bea.call_reason == "Dr. Osei is out"
    back = actions.undo(ravi, by=Actor.staff(reception), now=WEDNESDAY)
    assert (back.starts_at, back.needs_call, back.call_reason) == (booked[0].starts_at, True, "Dr. Osei is out")
    assert f"/desk/batch/{Batch.objects.get().public_id}/" in desk.get("/desk/time-off/").content.decode()


def test_when_nobody_is_left_to_rebook_the_page_says_what_became_of_them_and_leads_there(
    desk: Client, off: TimeOff, booked: Visits
) -> None:
    page = desk.get(f"/desk/time-off/{off.pk}/visits/").content.decode()
    assert "3 visits to rebook" in page
    assert "/desk/batch/" not in page
    rebook(desk, off, {booked[0].pk: "move", booked[1].pk: "link"})
    rebook(desk, off, {booked[2].pk: "move"})
    page = desk.get(f"/desk/time-off/{off.pk}/visits/").content.decode()
    assert "Nobody left to rebook" in page
    first, second = Batch.objects.order_by("pk")
    found = re.findall(r'href="/desk/batch/([^/]+)/"\s*>Rebooked visits</a></b><small\s*>([^·]+) ·', page)
    assert found == [(str(first.public_id), "1 moved, 1 waits for the patient"), (str(second.public_id), "1 moved")]


def test_a_time_off_in_which_nobody_was_booked_says_so(desk: Client, practitioner: Practitioner) -> None:
    until = at(THURSDAY, 0) + timedelta(days=1)
    off = actions.take_time_off(practitioner, "sick", at(THURSDAY, 0), until, by=Actor.system(), now=WEDNESDAY)
    page = desk.get(f"/desk/time-off/{off.pk}/visits/").content.decode()
    assert "Nobody to rebook" in page
    assert "Nobody is booked in that time." in page
