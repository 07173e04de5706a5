"""Confirming, moving, arriving, cancelling, undoing: booking.actions after the visit is booked."""

from datetime import timedelta

import pytest

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.models import Appointment, Practitioner, Status
from tests.factories import contact_of, next_weekday_at


@pytest.fixture
def desk(reception):
    return Actor.staff(reception)


@pytest.fixture
def maya(patient):
    return Actor.patient(patient.pk)


def test_each_row_of_the_transition_table_is_a_verb():
    assert all(callable(getattr(actions, verb)) for verb in actions.TRANSITIONS)


@pytest.mark.parametrize("verb", list(actions.TRANSITIONS))
@pytest.mark.parametrize("status", [s for s in Status if s != Status.HELD])
def test_only_listed_moves_between_statuses_happen(appointment, desk, verb, status):
    Appointment.objects.filter(pk=appointment.pk).update(status=status, starts_at=clock.now() - timedelta(minutes=5))
    sources, target, _ = actions.TRANSITIONS[verb]
    if status in sources or status == target:
        assert getattr(actions, verb)(appointment, by=desk, now=clock.now()).status == target
    else:
        with pytest.raises(actions.NotAllowed):
            getattr(actions, verb)(appointment, by=desk, now=clock.now())


@pytest.mark.parametrize("verb", [v for v in actions.TRANSITIONS if v != "mark_noshow"])
def test_every_step_can_be_undone_once(appointment, desk, verb):
    before = {"fulfil": Status.IN_ROOM}.get(verb, appointment.status)
    Appointment.objects.filter(pk=appointment.pk).update(status=before)
    stepped = getattr(actions, verb)(appointment, by=desk, now=clock.now())
    back = actions.undo(stepped, by=desk, now=clock.now())
    assert back.status == before
    with pytest.raises(actions.NotAllowed):
        actions.undo(back, by=desk, now=clock.now())


def test_two_receptionists_do_not_overwrite_each_other(appointment, desk):
    seen = appointment.version
    actions.confirm(appointment, by=desk, now=clock.now(), version=seen)
    with pytest.raises(actions.Stale, match="changed at"):
        actions.cancel(appointment, by=desk, now=clock.now(), version=seen)


def test_moving_keeps_the_row_and_tells_the_calendar_file(appointment, practitioner, maya):
    start = next_weekday_at(14)
    moved = actions.move(appointment, practitioner, start, by=maya, now=clock.now())
    assert (moved.pk, moved.starts_at, moved.ics_sequence) == (appointment.pk, start, appointment.ics_sequence + 1)


def test_a_patient_cannot_move_after_the_cut_off_but_staff_can(appointment, practitioner, maya, desk):
    now = appointment.starts_at - timedelta(hours=23)
    start = next_weekday_at(14, days=9)
    with pytest.raises(actions.TooLate, match="519-555-0142"):
        actions.move(appointment, practitioner, start, by=maya, now=now)
    assert actions.move(appointment, practitioner, start, by=desk, now=now).starts_at == start


def test_undoing_a_cancel_whose_time_was_taken_offers_others(appointment, service, practitioner, desk):
    cancelled = actions.cancel(appointment, by=desk, now=clock.now())
    actions.book_for(
        service,
        practitioner,
        appointment.starts_at,
        patient=None,
        contact=contact_of(first_name="Noor"),
        by=desk,
        now=clock.now(),
    )
    with pytest.raises(actions.SlotTaken) as refused:
        actions.undo(cancelled, by=desk, now=clock.now())
    assert refused.value.alternatives
    assert Appointment.objects.get(pk=appointment.pk).status == Status.CANCELLED


def test_undoing_a_cancel_asks_for_the_call_again(appointment, desk):
    actions.ask_to_call(appointment, reason="Contact not checked", by=desk, now=clock.now())
    cancelled = actions.cancel(appointment, by=desk, now=clock.now())
    back = actions.undo(cancelled, by=desk, now=clock.now())
    assert (cancelled.needs_call, back.needs_call, back.call_reason) == (False, True, "Contact not checked")


@pytest.fixture
def beside(appointment, service, practitioner, desk):
    """Noor, overbooked beside Maya, has cancelled; Maya has, too; her time went to Ravi."""

    def book(name, **more):
        values = {"patient": None, "contact": contact_of(first_name=name), "by": desk, "now": clock.now()}
        return actions.book_for(service, practitioner, appointment.starts_at, **values, **more)

    def make(by):
        noor = book("Noor", overbook=True)
        assert noor.lane == 1
        noor = actions.cancel(noor, by=by or Actor.patient(noor.patient_id), now=clock.now())
        actions.cancel(appointment, by=desk, now=clock.now())
        book("Ravi")
        return noor

    return make


def test_a_patients_undo_puts_nobody_beside_somebody_who_came_since(beside):
    noor = beside(None)
    with pytest.raises(actions.SlotTaken):
        actions.undo(noor, by=Actor.patient(noor.patient_id), now=clock.now())


def test_nor_does_the_desks(beside, desk):
    with pytest.raises(actions.SlotTaken):
        actions.undo(beside(desk), by=desk, now=clock.now())


def test_the_desk_takes_back_a_cancel_of_a_visit_that_it_overbooked(appointment, service, practitioner, make_practitioner, desk):
    start, values = appointment.starts_at, {"patient": None, "by": desk, "now": clock.now()}
    noor = actions.book_for(service, practitioner, start, contact=contact_of(first_name="Noor"), overbook=True, **values)
    cancelled = actions.cancel(noor, by=desk, now=clock.now())
    for name, at in (("Ravi", start - timedelta(minutes=40)), ("Tom", start + timedelta(minutes=40))):
        actions.book_for(service, practitioner, at, contact=contact_of(first_name=name), **values)
    service.practitioners.add(other := make_practitioner("Dr. Priya Raman"))
    actions.book_for(service, other, start, contact=contact_of(first_name="Kim"), **values)
    ines = actions.book_for(service, practitioner, start, contact=contact_of(first_name="Ines"), overbook=True, **values)
    actions.cancel(ines, by=desk, now=clock.now())
    assert actions.undo(cancelled, by=desk, now=clock.now()).lane == 1


def test_or_of_one_beside_it_whatever_has_happened_to_the_other_since(appointment, service, practitioner, desk):
    values = {"contact": contact_of(first_name="Noor"), "overbook": True, "by": desk, "now": clock.now()}
    noor = actions.book_for(service, practitioner, appointment.starts_at, patient=None, **values)
    cancelled = actions.cancel(appointment, by=desk, now=clock.now())
    actions.confirm(noor, by=desk, now=clock.now())
    assert actions.undo(cancelled, by=desk, now=clock.now()).status == Status.BOOKED


def test_or_of_one_that_it_overbooked_although_the_other_has_confirmed_since(appointment, service, practitioner, desk):
    values = {"contact": contact_of(first_name="Noor"), "overbook": True, "by": desk, "now": clock.now()}
    noor = actions.book_for(service, practitioner, appointment.starts_at, patient=None, **values)
    cancelled = actions.cancel(noor, by=desk, now=clock.now())
    actions.confirm(appointment, by=desk, now=clock.now())
    assert actions.undo(cancelled, by=desk, now=clock.now()).lane == 1


def test_but_not_beside_one_who_was_moved_there_and_has_confirmed_since(appointment, service, practitioner, desk):
    values = {"patient": None, "overbook": True, "by": desk, "now": clock.now()}
    start, later = appointment.starts_at, appointment.starts_at + timedelta(hours=3)
    noor = actions.book_for(service, practitioner, start, contact=contact_of(first_name="Noor"), **values)
    ravi = actions.book_for(service, practitioner, later, contact=contact_of(first_name="Ravi"), **values)
    cancelled = actions.cancel(noor, by=desk, now=clock.now())
    actions.cancel(appointment, by=desk, now=clock.now())
    actions.confirm(actions.move(ravi, practitioner, start, by=desk, now=clock.now()), by=desk, now=clock.now())
    with pytest.raises(actions.SlotTaken):
        actions.undo(cancelled, by=desk, now=clock.now())


@pytest.mark.parametrize("gone", ["vacation", "left"])
def test_a_patients_undo_does_not_lead_to_a_physician_who_is_out(appointment, practitioner, maya, desk, gone):
    cancelled = actions.cancel(appointment, by=maya, now=clock.now())
    if gone == "left":
        Practitioner.objects.filter(pk=practitioner.pk).update(active=False)
    else:
        span = (appointment.starts_at - timedelta(hours=1), appointment.ends_at)
        actions.take_time_off(practitioner, "vacation", *span, by=desk, now=clock.now())
    with pytest.raises(actions.SlotTaken):
        actions.undo(cancelled, by=maya, now=clock.now())


def test_a_patient_takes_back_a_cancel_until_the_visit_would_have_begun(appointment, maya):
    cancelled = actions.cancel(appointment, by=maya, now=clock.now())
    with pytest.raises(actions.NotAllowed):
        actions.undo(cancelled, by=maya, now=appointment.starts_at)


def test_a_patient_goes_back_to_a_time_that_the_desk_gave_off_the_steps(practitioner, service, desk):
    values = {"patient": None, "contact": contact_of(first_name="Noor"), "overbook": True, "by": desk, "now": clock.now()}
    noor = actions.book_for(service, practitioner, next_weekday_at(10) + timedelta(minutes=7), **values)
    by = Actor.patient(noor.patient_id)
    moved = actions.move(noor, practitioner, next_weekday_at(14), by=by, now=clock.now())
    assert actions.undo(moved, by=by, now=clock.now()).starts_at == noor.starts_at


def test_a_patient_cannot_undo_what_the_clinic_did(appointment, maya, desk):
    cancelled = actions.cancel(appointment, by=desk, now=clock.now())
    with pytest.raises(actions.NotAllowed):
        actions.undo(cancelled, by=maya, now=clock.now())


def test_a_no_show_is_marked_from_the_start_on(appointment, desk):
    with pytest.raises(actions.NotAllowed):
        actions.mark_noshow(appointment, by=desk, now=appointment.starts_at - timedelta(seconds=1))
    assert actions.mark_noshow(appointment, by=desk, now=appointment.starts_at).status == Status.NOSHOW


@pytest.mark.parametrize("verb, refusal", [("confirm", actions.NotAllowed), ("cancel", actions.TooLate)])
def test_a_patient_confirms_or_cancels_until_the_visit_begins(appointment, maya, verb, refusal):
    with pytest.raises(refusal):
        getattr(actions, verb)(appointment, by=maya, now=appointment.starts_at)


def test_a_patients_undo_has_a_room_and_the_first_place_again(appointment, service, practitioner, room, desk):
    values = {"by": desk, "now": clock.now()}
    noor = actions.book_for(
        service, practitioner, appointment.starts_at, patient=None, contact=contact_of(first_name="Noor"), overbook=True, **values
    )
    by = Actor.patient(noor.patient_id)
    cancelled = actions.cancel(noor, by=by, now=clock.now())
    actions.move(appointment, practitioner, next_weekday_at(14), **values)
    service.room_kind = room.kind
    service.save()
    back = actions.undo(cancelled, by=by, now=clock.now())
    assert (noor.lane, noor.room, back.lane, back.room) == (1, None, 0, room)


def test_whatever_is_done_with_a_visit_is_in_its_trail_and_makes_it_another_version(appointment, practitioner, desk):
    visit, seen = appointment, [appointment.version]
    for verb, more in (
        ("ask_to_call", {"reason": "No address"}), ("ask_no_call", {"reason": "No address"}), ("ask_to_call", {"reason": "Form"}),
        ("called", {}), ("confirm", {}), ("move", {"practitioner": practitioner, "start": next_weekday_at(14)}), ("undo", {}),
        ("cancel", {}), ("undo", {}), ("arrive", {}), ("to_room", {}), ("fulfil", {}),
    ):  # fmt: skip
        visit = getattr(actions, verb)(visit, **more, by=desk, now=clock.now())
        seen.append(Appointment.objects.get().version)
    assert seen == sorted(set(seen))
    told = AuditEvent.objects.filter(object_type="booking.appointment", object_id=visit.pk, subject_id=visit.patient_id)
    assert list(told.order_by("pk").values_list("action", flat=True)) == [
        f"booking.{word}" for word in "book_for ask_to_call called_off ask_to_call called confirm move undo cancel undo arrive to_room "
        "fulfil".split()
    ]  # fmt: skip


def test_staff_are_warned_before_they_overbook_and_then_may(appointment, service, practitioner, desk):
    args = {"patient": None, "contact": contact_of(first_name="Noor"), "by": desk, "now": clock.now()}
    with pytest.raises(actions.Warned, match="already has someone"):
        actions.book_for(service, practitioner, appointment.starts_at, **args)
    assert actions.book_for(service, practitioner, appointment.starts_at, overbook=True, **args).lane == 1


def test_overbooking_is_bounded_at_four_deep(appointment, service, practitioner, desk):
    for i in range(3):
        actions.book_for(
            service, practitioner, appointment.starts_at, patient=None, contact=contact_of(first_name=f"P{i}"), overbook=True,
            by=desk, now=clock.now(),
        )  # fmt: skip
    with pytest.raises(actions.SlotTaken):
        actions.book_for(
            service, practitioner, appointment.starts_at, patient=None, contact=contact_of(first_name="P9"), overbook=True,
            by=desk, now=clock.now(),
        )  # fmt: skip


def test_staff_book_outside_hours_after_a_warning(service, practitioner, desk, clinic):
    start = next_weekday_at(18)
    args = {"patient": None, "contact": contact_of(), "by": desk, "now": clock.now()}
    with pytest.raises(actions.Warned, match="out at"):
        actions.book_for(service, practitioner, start, **args)
    assert actions.book_for(service, practitioner, start, overbook=True, **args).starts_at == start


def test_a_room_is_chosen_and_two_visits_never_share_it(service, room, make_practitioner, desk):
    service.room_kind = "treatment"
    service.save()
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    start = next_weekday_at(10)
    first = actions.book_for(
        service, service.practitioners.first(), start, patient=None, contact=contact_of(), by=desk, now=clock.now()
    )
    assert first.room == room
    with pytest.raises(actions.Warned):
        actions.book_for(service, other, start, patient=None, contact=contact_of(first_name="Noor"), by=desk, now=clock.now())


def test_a_visit_outside_hours_has_a_room_of_its_own_if_one_is_free(service, practitioner, room, desk):
    service.room_kind = "treatment"
    service.save()
    start, args = next_weekday_at(18), {"patient": None, "by": desk, "now": clock.now()}
    first = actions.book_for(service, practitioner, start, contact=contact_of(), overbook=True, **args)
    with pytest.raises(actions.Warned, match=r"No room for it \(treatment\) is free"):
        actions.book_for(service, practitioner, start, contact=contact_of(first_name="Noor"), **args)
    second = actions.book_for(service, practitioner, start, contact=contact_of(first_name="Noor"), overbook=True, **args)
    assert (first.room, second.room) == (room, None)
