"""The waiting list: offers are held times with a deadline; one at a time, to the best fit, never at night."""

from datetime import timedelta

import pytest
import time_machine

from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions, matching
from booking.actions import Wishes
from booking.models import Appointment, FreedTime, Service, WaitlistOffer
from booking.waitlist import ANY_TIME, half_day_bit
from tests.booking.conftest import on
from tests.factories import WEDNESDAY, contact_of

DESK, WEB, SYSTEM = Actor("staff", None, "reception"), Actor.anonymous(), Actor.system()


@pytest.fixture
def auto(clinic, at):
    """The clinic offers freed time by itself, and it is nine on a Wednesday."""
    clinic.auto_offers = True
    clinic.save()
    return at


def book(service, start, name="Maya"):
    """Somebody's visit."""
    contact = contact_of(first_name=name, email=f"{name.lower()}@example.com", mobile="")
    who = service.practitioners.first()
    return actions.book_for(service, who, start, patient=None, contact=contact, by=DESK, now=WEDNESDAY)


def wait(service, name="Lucas", visit=None, now=WEDNESDAY, **wishes):
    """Somebody joins the list."""
    contact = contact_of(first_name=name, email=f"{name.lower()}@example.com", mobile="")
    people = wishes.pop("practitioners", ())
    patient = visit.patient if visit else None
    wishes = Wishes(tuple(people), **({"notice": "hours"} | wishes))
    return actions.join(service, wishes, patient=patient, contact=contact, visit=visit, by=WEB, now=now)


def cancelled(service, start, name="Maya"):
    """A time becomes free; the three minutes in which it can be taken back are over."""
    visit = book(service, start, name)
    actions.cancel(visit, by=DESK, now=WEDNESDAY - timedelta(minutes=5))
    return visit


def offers():
    """Who has been offered what, in order."""
    return [(o.entry.patient.legal_first_name, o.starts_at, o.state) for o in WaitlistOffer.objects.order_by("pk")]


def test_a_cancelled_time_is_held_and_offered_to_who_waits_longest(auto, service):
    later = wait(service, "Noor", now=WEDNESDAY - timedelta(days=1))
    first = wait(service, "Lucas", now=WEDNESDAY - timedelta(days=6))
    cancelled(service, on(12, 10))
    assert matching.run(now=WEDNESDAY) == 1
    made = WaitlistOffer.objects.get()
    assert (made.entry, made.starts_at) == (first, on(12, 10))
    assert made.expires_at == WEDNESDAY + timedelta(minutes=45)
    assert (made.appointment.status, made.appointment.hold_expires_at) == ("held", made.expires_at)
    assert matching.run(now=WEDNESDAY) == 0
    assert later.offers.count() == 0


def test_who_asked_for_this_physician_by_name_goes_before_who_takes_anybody(auto, service, practitioner):
    wait(service, "Noor", now=WEDNESDAY - timedelta(days=6))
    named = wait(service, "Lucas", practitioners=[practitioner])
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    assert WaitlistOffer.objects.get().entry == named


@pytest.mark.parametrize(
    "wishes",
    [{"times": half_day_bit(4, 14)}, {"times": half_day_bit(3, 9)}, {"notice": "days"}],
    ids=["only afternoons", "only Thursdays", "three days' notice"],
)
def test_a_time_that_does_not_suit_is_not_offered(auto, service, wishes):
    wait(service, **wishes)
    cancelled(service, on(12, 10))  # Friday morning, in two days
    assert matching.run(now=WEDNESDAY) == 0
    assert not FreedTime.objects.exists()  # Nobody wants it: settled.


@pytest.mark.parametrize("first", ["wait", "hold"])
def test_a_time_that_a_browser_only_held_is_offered_once_it_is_let_go(auto, service, practitioner, first):
    def hold():
        return actions.hold(service, practitioner, on(12, 10), hold_key="k", address="198.51.100.1", by=WEB, now=WEDNESDAY)

    if first == "wait":
        wait(service)
        cancelled(service, on(12, 10))
        held = hold()
    else:
        held = hold()
        wait(service)
    assert matching.run(now=WEDNESDAY + timedelta(minutes=5)) == 0
    actions.release_hold(held, hold_key="k", by=WEB, now=WEDNESDAY + timedelta(minutes=6))
    assert matching.run(now=WEDNESDAY + timedelta(minutes=7)) == 1
    assert offers() == [("Lucas", on(12, 10), "open")]


def test_so_it_is_to_who_comes_to_wish_for_it_while_it_is_held(auto, service, practitioner):
    entry = wait(service, times=half_day_bit(0, 13))
    actions.hold(service, practitioner, on(12, 10), hold_key="k", address="198.51.100.1", by=WEB, now=WEDNESDAY)
    actions.change(entry, Wishes((), ANY_TIME, "hours"), by=WEB, now=WEDNESDAY)
    assert matching.run(now=WEDNESDAY + timedelta(minutes=16)) == 1
    assert offers() == [("Lucas", on(12, 10), "open")]


def test_a_time_that_was_open_to_all_before_it_was_held_is_offered_to_nobody(auto, service, practitioner):
    wait(service)
    actions.hold(service, practitioner, on(12, 10), hold_key="k", address="198.51.100.1", by=WEB, now=WEDNESDAY)
    assert matching.run(now=WEDNESDAY + timedelta(minutes=16)) == 0


def test_a_time_whose_hold_ends_is_offered_and_one_that_is_booked_is_settled(auto, service, practitioner):
    for hour, key in ((10, "k"), (11, "l")):
        actions.hold(service, practitioner, on(12, hour), hold_key=key, address="198.51.100.1", by=WEB, now=WEDNESDAY)
    wait(service, "Lucas")
    wait(service, "Noor")
    Appointment.objects.filter(hold_key="k").delete()
    book(service, on(12, 10), "Maya")
    assert matching.run(now=WEDNESDAY + timedelta(minutes=16)) == 1
    assert offers() == [("Lucas", on(12, 11), "open")]
    assert FreedTime.objects.count() == 1


def test_somebody_with_a_visit_is_offered_only_something_earlier(auto, service):
    wait(service, visit=book(service, on(11, 10), "Lucas"))
    cancelled(service, on(12, 10))
    assert matching.run(now=WEDNESDAY) == 0


def test_who_passes_stays_on_the_list_and_the_next_is_asked(auto, service):
    first, second = wait(service, "Lucas"), wait(service, "Noor", now=WEDNESDAY + timedelta(seconds=1))
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    actions.decline(first.offers.get(), by=WEB, now=WEDNESDAY + timedelta(minutes=2))
    matching.run(now=WEDNESDAY + timedelta(minutes=3))
    assert offers() == [("Lucas", on(12, 10), "passed"), ("Noor", on(12, 10), "open")]
    first.refresh_from_db()
    assert first.state == "waiting"
    actions.decline(second.offers.get(), by=WEB, now=WEDNESDAY + timedelta(minutes=4))
    assert matching.run(now=WEDNESDAY + timedelta(minutes=5)) == 0  # Nobody is asked twice.
    assert not Appointment.objects.filter(status="held").exists()


def test_an_unanswered_offer_goes_to_the_next_after_45_minutes(auto, service):
    wait(service, "Lucas")
    wait(service, "Noor", now=WEDNESDAY + timedelta(seconds=1))
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    assert matching.run(now=WEDNESDAY + timedelta(minutes=44)) == 0
    assert matching.run(now=WEDNESDAY + timedelta(minutes=45)) == 1
    assert offers() == [("Lucas", on(12, 10), "expired"), ("Noor", on(12, 10), "open")]


def test_taking_it_moves_the_later_visit_and_frees_that_for_the_next_round(auto, service):
    late = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=late)
    wait(service, "Noor", now=WEDNESDAY + timedelta(seconds=1), times=half_day_bit(3, 9))  # Thursday mornings
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    now = WEDNESDAY + timedelta(minutes=10)
    taken = actions.accept(entry.offers.get(), by=WEB, now=now)
    assert (taken.pk, taken.starts_at, taken.ics_sequence, taken.status) == (late.pk, on(12, 10), 1, "booked")
    entry.refresh_from_db()
    assert entry.state == "booked"
    assert not Appointment.objects.filter(status="held").exists()
    assert matching.run(now=now) == 0  # He may undo it for three minutes.
    assert matching.run(now=now + timedelta(minutes=3)) == 1
    assert offers()[-1] == ("Noor", on(18, 10), "open")


def test_who_takes_it_and_goes_back_within_three_minutes_waits_as_before(auto, service):
    late = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=late)
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    now, lucas = WEDNESDAY + timedelta(minutes=1), Actor.patient(late.patient_id)
    back = actions.undo(actions.accept(entry.offers.get(), by=WEB, now=now), by=lucas, now=now + timedelta(minutes=1))
    entry.refresh_from_db()
    assert (back.starts_at, back.offer, entry.state) == (on(18, 10), None, "waiting")
    assert matching.run(now=now + timedelta(minutes=5)) == 0, "he has had that one"
    cancelled(service, on(12, 14), "Noor")
    assert matching.run(now=now + timedelta(minutes=5)) == 1


def test_who_goes_back_on_another_move_keeps_the_time_that_was_offered(auto, service, practitioner):
    late = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=late)
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    lucas = {"by": Actor.patient(late.patient_id), "now": WEDNESDAY}
    taken = actions.accept(entry.offers.get(), **lucas)
    back = actions.undo(actions.move(taken, practitioner, on(17, 10), **lucas), **lucas)
    entry.refresh_from_db()
    assert (back.starts_at, back.offer, entry.state) == (on(12, 10), entry.offers.get(), "booked")


def test_without_a_visit_the_held_time_becomes_one(auto, service):
    entry = wait(service)
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    made = entry.offers.get()
    visit = actions.accept(made, by=WEB, now=WEDNESDAY)
    assert (visit.status, visit.patient, visit.starts_at, visit.offer) == ("booked", entry.patient, on(12, 10), made)
    assert actions.accept(made, by=WEB, now=WEDNESDAY) == visit  # Pressed twice.


@pytest.mark.parametrize("swept", [False, True])
def test_after_the_deadline_it_is_refused_kindly_and_nothing_changes(auto, service, swept):
    late = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=late)
    made = actions.offer(entry, service.practitioners.get(), on(12, 10), by=DESK, now=WEDNESDAY)
    now = WEDNESDAY + timedelta(minutes=45)
    if swept:  # Somebody else has booked it since.
        actions.book_for(service, made.practitioner, on(12, 10), patient=None, contact=contact_of(), by=DESK, now=now)
    with pytest.raises(actions.OfferOver, match="still on the list"):
        actions.accept(made, by=WEB, now=now)
    late.refresh_from_db()
    entry.refresh_from_db()
    assert (late.starts_at, entry.state) == (on(18, 10), "waiting")


def test_nobody_can_be_booked_into_a_time_that_is_offered(auto, service):
    made = actions.offer(wait(service), service.practitioners.get(), on(12, 10), by=DESK, now=WEDNESDAY)
    with pytest.raises(actions.Warned):
        actions.book_for(service, made.practitioner, on(12, 10), patient=None, contact=contact_of(), by=DESK, now=WEDNESDAY)
    with pytest.raises(actions.SlotTaken):
        actions.offer(wait(service, "Noor"), made.practitioner, on(12, 10), by=DESK, now=WEDNESDAY)


def test_joining_again_only_changes_the_wishes(auto, service):
    entry = wait(service)
    again = actions.join(service, Wishes(times=1, notice="days"), patient=entry.patient, by=WEB, now=WEDNESDAY)
    assert (again, again.times, again.joined_at) == (entry, 1, WEDNESDAY)


def test_nothing_is_offered_to_who_has_left(service, practitioner, at):
    entry = actions.leave(wait(service), by=WEB, now=WEDNESDAY)
    with pytest.raises(actions.NotAllowed, match="not on the list any more"):
        actions.offer(entry, practitioner, on(12, 10), by=DESK, now=WEDNESDAY)


def test_who_has_an_offer_gets_no_second_one(service, practitioner, at):
    entry = wait(service)
    actions.offer(entry, practitioner, on(12, 10), by=DESK, now=WEDNESDAY)
    with pytest.raises(actions.NotAllowed, match="has an offer until"):
        actions.offer(entry, practitioner, on(12, 11), by=DESK, now=WEDNESDAY)


def test_who_waits_for_one_kind_of_visit_can_wait_for_another_too(service, at):
    entry = wait(service)
    other = Service.objects.create(slug="follow-up", name="Follow-up", minutes=20, step_minutes=20)
    more = actions.join(other, Wishes(), patient=entry.patient, by=WEB, now=WEDNESDAY)
    assert [one.service for one in entry.patient.waiting.order_by("pk")] == [service, other] == [entry.service, more.service]


def test_whatever_is_done_with_a_place_on_the_list_is_in_the_trail(service, practitioner, at):
    entry, desk = wait(service), {"by": DESK, "now": WEDNESDAY}
    actions.change(entry, Wishes(), **desk)
    actions.ask_first(entry, first=True, **desk)
    actions.pause(entry, **desk)
    actions.resume(entry, **desk)
    made = actions.offer(entry, practitioner, on(12, 10), **desk)
    actions.call_with_offer(made, **desk)
    actions.decline(made, **desk)
    actions.skip(entry, practitioner, on(12, 11), **desk)
    made = actions.offer(entry, practitioner, on(12, 14), **desk)
    actions.expire(made, by=SYSTEM, now=made.expires_at)
    actions.accept(actions.offer(entry, practitioner, on(12, 15), **desk), **desk)
    actions.leave(actions.join(service, Wishes(), patient=entry.patient, **desk), **desk)
    told = AuditEvent.objects.filter(subject_id=entry.patient_id, action__startswith="booking.").exclude(object_id=None)
    assert list(told.order_by("pk").values_list("action", flat=True)) == [
        f"booking.{word}" for word in "join_list change_wishes ask_first pause_wait resume_wait offer call_with_offer pass_offer "
        "skip_offer offer expire_offer offer book accept_offer join_list leave_list".split()
    ]  # fmt: skip


def test_leaving_gives_an_offered_time_to_the_next_and_keeps_the_visit(auto, service):
    late = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=late)
    wait(service, "Noor", now=WEDNESDAY + timedelta(seconds=1))
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    assert actions.leave(entry, by=WEB, now=WEDNESDAY).state == "left"
    matching.run(now=WEDNESDAY + timedelta(minutes=3))
    late.refresh_from_db()
    assert late.status == "booked"
    assert offers()[-1] == ("Noor", on(12, 10), "open")


def test_a_paused_person_is_not_asked(auto, service):
    entry = actions.pause(wait(service), by=DESK, now=WEDNESDAY)
    cancelled(service, on(12, 10))
    assert matching.run(now=WEDNESDAY) == 0
    assert actions.resume(entry, by=DESK, now=WEDNESDAY).times == ANY_TIME


def test_who_wants_a_call_is_left_to_the_desk(auto, service):
    entry = wait(service, by_phone=True)
    cancelled(service, on(12, 10))
    assert matching.run(now=WEDNESDAY) == 0
    made = actions.offer(entry, service.practitioners.get(), on(12, 10), by=DESK, now=WEDNESDAY)
    assert made.announced == made.sequence  # No message.


def test_skipped_by_the_clinic_somebody_is_not_asked_for_this_time_again(auto, service):
    first = wait(service, "Lucas")
    wait(service, "Noor", now=WEDNESDAY + timedelta(seconds=1))
    cancelled(service, on(12, 10))
    matching.run(now=WEDNESDAY)
    actions.skip(first, service.practitioners.get(), on(12, 10), by=DESK, now=WEDNESDAY)
    matching.run(now=WEDNESDAY + timedelta(minutes=3))
    assert [name for name, _at, state in offers() if state == "open"] == ["Noor"]


def test_nothing_is_offered_by_itself_until_the_clinic_turns_it_on(service, at):
    wait(service)
    cancelled(service, on(12, 10))
    assert matching.run(now=WEDNESDAY) == 0
    assert FreedTime.objects.count() == 1  # The desk sees it.


def test_a_move_frees_the_old_time_after_the_three_minutes_of_its_undo(auto, service):
    visit = book(service, on(12, 10))
    wait(service)
    actions.move(visit, visit.practitioner, on(12, 14), by=DESK, now=WEDNESDAY)
    assert matching.run(now=WEDNESDAY + timedelta(minutes=2, seconds=59)) == 0
    assert matching.run(now=WEDNESDAY + timedelta(minutes=3)) == 1
    assert offers() == [("Lucas", on(12, 10), "open")]


def test_a_move_that_is_taken_back_offers_only_the_time_it_left(auto, service):
    visit = book(service, on(12, 10))
    wait(service)
    actions.move(visit, visit.practitioner, on(12, 14), by=DESK, now=WEDNESDAY)
    actions.undo(visit, by=DESK, now=WEDNESDAY)
    matching.run(now=WEDNESDAY + timedelta(minutes=3))
    assert [at for _name, at, _state in offers()] == [on(12, 14)]


def test_no_offer_goes_out_at_night(auto, service, settings):
    settings.MESSAGE_QUIET_HOURS = "21:00-08:00"
    entry = wait(service)
    cancelled(service, on(12, 10))
    night, morning = on(10, 23), on(11, 8)
    with time_machine.travel(night, tick=False):
        assert matching.run(now=night) == 0
        by_hand = actions.offer(entry, service.practitioners.get(), on(12, 10), by=DESK, now=night)
    assert (by_hand.offered_at, by_hand.expires_at) == (morning, morning + timedelta(minutes=45))


def test_who_has_come_or_has_cancelled_leaves_the_list(auto, service):
    visit = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=visit)
    actions.cancel(visit, by=Actor.patient(visit.patient_id), now=WEDNESDAY - timedelta(hours=2))
    matching.run(now=WEDNESDAY)
    entry.refresh_from_db()
    assert (entry.state, entry.is_on_list) == ("over", False)


@pytest.mark.parametrize("verb", ["cancel", "arrive"])
def test_who_was_taken_off_it_by_a_step_that_is_undone_is_on_it_again_at_the_old_place(auto, service, verb):
    visit = book(service, on(18, 10), "Lucas")
    entry = wait(service, visit=visit)
    wait(service, "Noor")
    by = Actor.patient(visit.patient_id) if verb == "cancel" else DESK
    gone = getattr(actions, verb)(visit, by=by, now=WEDNESDAY)
    matching.run(now=WEDNESDAY + timedelta(hours=1))
    entry.refresh_from_db()
    assert not entry.is_on_list
    actions.undo(gone, by=by, now=WEDNESDAY + timedelta(hours=2))
    entry.refresh_from_db()
    assert (entry.state, entry.joined_at) == ("waiting", WEDNESDAY)
    assert AuditEvent.objects.filter(action="booking.resume_wait", subject_id=visit.patient_id).count() == 1


def test_who_left_by_themselves_stays_off_it(auto, service):
    visit = book(service, on(18, 10), "Lucas")
    entry = actions.leave(wait(service, visit=visit), by=WEB, now=WEDNESDAY)
    actions.undo(actions.arrive(visit, by=DESK, now=WEDNESDAY), by=DESK, now=WEDNESDAY)
    entry.refresh_from_db()
    assert entry.state == "left"


def test_what_the_desk_sees_as_free_is_to_come_and_of_the_days_it_looks_at(service, practitioner, at):
    def freed(start):
        return FreedTime.objects.create(
            practitioner=practitioner, starts_at=start, ends_at=start + timedelta(minutes=30), freed_at=WEDNESDAY
        )

    afternoon, morning, friday = freed(on(11, 15)), freed(on(11, 10)), freed(on(12, 0))
    assert matching.freed_between(on(11, 0), on(12, 0), now=WEDNESDAY) == [morning, afternoon]
    assert matching.freed_between(on(11, 12), on(12, 0), now=WEDNESDAY) == [afternoon]
    assert matching.freed_between(on(11, 0), on(13, 0), now=on(11, 10)) == [afternoon, friday]
