"""booking.actions.book, hold and their kin: what the write path promises."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions, calendar
from booking.actions import holds, rebook, series, visits, waiting, write_path
from booking.models import Appointment, Practitioner, Status
from booking.slots import Start
from intake.actions import publish_all, start_draft
from intake.errors import IntakeError
from patients.actions import add_helper, people, stop_texts
from patients.helpers import HelperContact
from patients.models import MergeOffer, Patient
from tests.factories import contact_of, next_weekday_at

WEB = Actor.anonymous()


@pytest.fixture
def blind(monkeypatch, appointment):
    """The listing says that Maya's time is free, and nobody waits for anybody: only the constraints are left."""
    for module in (holds, rebook, series, visits, waiting):
        if hasattr(module, "lock_and_sweep"):
            monkeypatch.setattr(module, "lock_and_sweep", lambda *a, **k: True)
    read = calendar.free_start
    free = Start(int(appointment.starts_at.timestamp()), 0, appointment.practitioner_id, 0)
    monkeypatch.setattr(
        calendar, "free_start", lambda s, p, at, **k: free if at == appointment.starts_at else read(s, p, at, **k)
    )
    return appointment.starts_at


@pytest.fixture
def draft(clinic):
    now = clock.now()
    publish_all(by=Actor.system(), now=now)
    return start_draft("hair-loss-intake", by=WEB, now=now)


def hold(service, practitioner, start, key="k1", now=None, address="203.0.113.7", **more):
    return actions.hold(service, practitioner, start, hold_key=key, address=address, by=WEB, now=now or clock.now(), **more)


def book(service, practitioner, start, draft, key="k1", now=None, checked="text", **contact):
    return actions.book(
        service, practitioner, start, contact=contact_of(**contact), checked_channel=checked, response=draft,
        hold_key=key, by=WEB, now=now or clock.now(),
    )  # fmt: skip


def test_a_hold_takes_the_time_from_everybody_else(service, practitioner):
    start = next_weekday_at(10)
    hold(service, practitioner, start)
    with pytest.raises(actions.SlotTaken) as refused:
        hold(service, practitioner, start, key="k2")
    assert len(refused.value.alternatives) == 3
    assert start not in [s.start for s in refused.value.alternatives]


def test_a_second_pick_moves_the_browsers_hold(service, practitioner):
    first, second = next_weekday_at(10), next_weekday_at(11)
    assert hold(service, practitioner, first).pk == hold(service, practitioner, second).pk
    assert Appointment.objects.get().starts_at == second


def test_ones_own_hold_is_listed_as_free(service, practitioner):
    start, now = next_weekday_at(10), clock.now()
    held = hold(service, practitioner, start)
    day = clock.local(start).date()
    assert start in [s.start for s in calendar.openings(service, since=day, until=day, now=now, own=held.pk)]
    assert start not in [s.start for s in calendar.openings(service, since=day, until=day, now=now)]


def test_an_expired_hold_is_free_for_others_and_is_swept(service, practitioner):
    start, now = next_weekday_at(10), clock.now()
    hold(service, practitioner, start, now=now)
    later = now + timedelta(minutes=16)
    assert hold(service, practitioner, start, key="k2", now=later).hold_key == "k2"
    assert Appointment.objects.count() == 1


def test_an_expired_hold_that_nobody_took_still_books(service, practitioner, draft):
    start, now = next_weekday_at(10), clock.now()
    held = hold(service, practitioner, start, now=now)
    visit = book(service, practitioner, start, draft, now=now + timedelta(hours=2))
    assert (visit.pk, visit.status) == (held.pk, Status.BOOKED)


def test_a_fourth_hold_from_one_address_in_an_hour_is_not_made(service, practitioner):
    starts = [next_weekday_at(9, m) for m in (0, 40)] + [next_weekday_at(h) for h in (13, 14)]
    made = []
    for i, start in enumerate(starts):
        held = hold(service, practitioner, start, key=f"k{i}")
        made.append(held is not None)
        Appointment.objects.all().delete()
    assert made == [True, True, True, False]


def test_holds_stop_at_five_percent_of_a_week_and_booking_goes_on(service, practitioner, draft):
    day = clock.today() + timedelta(days=7)
    openings = calendar.openings(service, since=day, until=day + timedelta(days=7), now=clock.now())
    made = 0
    for i, slot in enumerate(openings[::3]):
        made += hold(service, practitioner, slot.start, key=f"k{i}", address=f"198.51.100.{i}") is not None
    assert made == 3  # 5 days x 14 visits of 30 minutes = 70; 5 % of them
    free = calendar.soonest(service, now=clock.now())[0]
    assert book(service, practitioner, free.start, draft, key="none").status == Status.BOOKED


def test_a_hold_is_extended_twice_at_most(service, practitioner):
    held = hold(service, practitioner, next_weekday_at(10))
    now = clock.now()
    for _ in range(2):
        held = actions.extend_hold(held, hold_key="k1", by=WEB, now=now)
    with pytest.raises(actions.HoldEnded):
        actions.extend_hold(held, hold_key="k1", by=WEB, now=now)


def test_an_ended_hold_that_is_extended_lasts_from_now_on(service, practitioner):
    held, later = hold(service, practitioner, next_weekday_at(10)), clock.now() + timedelta(minutes=20)
    assert actions.extend_hold(held, hold_key="k1", by=WEB, now=later).hold_expires_at == later + timedelta(minutes=15)


def test_who_picks_a_time_that_is_gone_is_offered_the_one_they_hold(service, practitioner):
    gone, mine = next_weekday_at(10), next_weekday_at(10, 40)
    hold(service, practitioner, gone, key="k2")
    hold(service, practitioner, mine)
    with pytest.raises(actions.SlotTaken) as refused:
        hold(service, practitioner, gone)
    assert mine in [s.start for s in refused.value.alternatives]


def test_one_time_is_held_however_few_there_are(service, practitioner):
    start = next_weekday_at(10)
    practitioner.availability.exclude(weekday=start.weekday()).delete()
    assert hold(service, practitioner, start) is not None


def test_picking_the_same_time_again_does_not_renew_the_hold(service, practitioner):
    start, now = next_weekday_at(10), clock.now()
    until = hold(service, practitioner, start, now=now).hold_expires_at
    assert hold(service, practitioner, start, now=now + timedelta(minutes=14)).hold_expires_at == until


def test_picking_one_time_after_the_other_holds_for_an_hour_at_most(service, practitioner):
    now = clock.now()
    for minutes in range(0, 60, 10):
        held = hold(service, practitioner, next_weekday_at(9 + minutes // 10 % 2), now=now + timedelta(minutes=minutes))
    assert held.hold_expires_at == now + timedelta(minutes=60)


def test_a_time_picked_again_after_the_hold_ended_is_a_new_hold_of_that_address(service, practitioner):
    start, now = next_weekday_at(10), clock.now().replace(minute=0)
    made = [hold(service, practitioner, start, now=now + timedelta(minutes=16 * n / 2)) for n in range(0, 7, 2)]
    assert [one is not None for one in made] == [True, True, True, False]


@pytest.mark.parametrize("verb", ["hold", "pick another", "book", "book_for", "move", "hand_over", "take_new_time", "offer"])
def test_where_the_listing_is_wrong_the_database_refuses(service, practitioner, draft, blind, verb):
    desk, now = {"by": Actor("staff", None, "reception"), "now": clock.now()}, next_weekday_at(14)
    noor = {"contact": contact_of(first_name="Noor", email="noor@example.com", mobile="")}
    if verb == "pick another":
        hold(service, practitioner, now)
    elif verb not in ("hold", "book", "book_for", "offer"):
        visit = actions.book_for(service, practitioner, now, patient=None, **noor, **desk)
    calls = {
        "hold": lambda: hold(service, practitioner, blind),
        "pick another": lambda: hold(service, practitioner, blind),
        "book": lambda: book(service, practitioner, blind, draft, first_name="Noor"),
        "book_for": lambda: actions.book_for(service, practitioner, blind, patient=None, **noor, **desk),
        "move": lambda: actions.move(visit, practitioner, blind, **desk),
        "hand_over": lambda: actions.hand_over(visit, practitioner, blind, **desk),
        "take_new_time": lambda: actions.take_new_time(actions.cancel(visit, **desk), practitioner, blind, **desk),
        "offer": lambda: actions.offer(actions.join(service, actions.Wishes(), **noor, **desk), practitioner, blind, **desk),
    }
    with pytest.raises(actions.SlotTaken):
        calls[verb]()


def test_whatever_changes_a_calendar_raises_its_revision(service, practitioner, make_practitioner):
    other, ten, noon = make_practitioner("Dr. Priya Raman"), next_weekday_at(10), next_weekday_at(12)
    service.practitioners.add(other)
    desk, web = {"by": Actor("staff", None, "reception"), "now": clock.now()}, {"hold_key": "k1", "by": WEB, "now": clock.now()}
    maya, seen = {"patient": None, "contact": contact_of()}, {}

    def raised() -> str:
        revisions = dict(Practitioner.objects.order_by("pk").values_list("name", "calendar_rev"))
        who = [name.split()[-1] for name, revision in revisions.items() if revision != seen.get(name, 0)]
        seen.update(revisions)
        return " ".join(who)

    hold(service, practitioner, ten)
    assert raised() == "Osei"
    held = hold(service, other, ten)
    assert raised() == "Osei Raman"
    actions.extend_hold(held, **web)
    assert raised() == "Raman"
    actions.release_hold(held, **web)
    assert raised() == "Raman"
    visit = actions.book_for(service, practitioner, ten, **maya, **desk)
    assert raised() == "Osei"
    visit = actions.move(visit, other, ten, **desk)
    assert raised() == "Osei Raman"
    visit = actions.undo(visit, **desk)
    assert raised() == "Osei Raman"
    actions.cancel(visit, **desk)
    assert raised() == "Osei"
    made = actions.offer(actions.join(service, actions.Wishes(), **maya, **desk), other, ten, **desk)
    assert raised() == "Raman"
    actions.decline(made, **desk)
    assert raised() == "Raman"
    off = actions.take_time_off(practitioner, "vacation", ten, noon, **desk)
    assert raised() == "Osei"
    actions.end_time_off(off, **desk)
    assert raised() == "Osei"


def test_holds_that_ran_out_fill_nobodys_share(service, practitioner, make_practitioner):
    for n in range(3):
        assert hold(service, practitioner, next_weekday_at(9 + n), key=f"k{n}", address=f"198.51.100.{n}")
    Appointment.objects.update(hold_expires_at=clock.now())
    service.practitioners.set([other := make_practitioner("Dr. Priya Raman")])  # whose lock sweeps none of them
    assert hold(service, other, next_weekday_at(9), key="new") is not None


def test_what_the_clinic_holds_for_its_patients_leaves_browsers_their_share(service, practitioner, appointment):
    now, desk = clock.now(), Actor.system()
    for n in range(5):
        patient = Patient.objects.create(
            legal_first_name=f"P{n}", legal_last_name="Test", date_of_birth=appointment.patient.date_of_birth, created_at=now
        )
        values = {"patient": patient, "contact": None, "by": desk, "now": now}
        visit = actions.book_for(service, practitioner, next_weekday_at(9 + n if n < 1 else 12 + n), **values)
        actions.hand_over(visit, practitioner, next_weekday_at(9 + n if n < 1 else 12 + n, days=14), by=desk, now=now)
    assert hold(service, practitioner, next_weekday_at(11)) is not None


def test_nobody_extends_or_releases_somebody_elses_hold(service, practitioner):
    held = hold(service, practitioner, next_weekday_at(10))
    with pytest.raises(actions.HoldEnded):
        actions.extend_hold(held, hold_key="k2", by=WEB, now=clock.now())
    actions.release_hold(held, hold_key="k2", by=WEB, now=clock.now())
    assert Appointment.objects.filter(pk=held.pk).exists()


def test_booking_turns_the_hold_into_the_visit(service, practitioner, draft):
    start = next_weekday_at(10)
    held = hold(service, practitioner, start)
    visit = book(service, practitioner, start, draft)
    visit.refresh_from_db()
    assert (visit.pk, visit.status, visit.hold_expires_at, visit.hold_key) == (held.pk, Status.BOOKED, None, "")
    assert visit.patient.full_name == "Maya Chowdhury"
    assert visit.announced < visit.version
    assert visit.local_start.endswith("T10:00")


def test_pressing_book_twice_gives_the_same_visit(service, practitioner, draft):
    start = next_weekday_at(10)
    hold(service, practitioner, start)
    first = book(service, practitioner, start, draft)
    assert book(service, practitioner, start, draft).pk == first.pk
    assert Patient.objects.count() == 1


def test_a_start_that_was_never_offered_is_refused(service, practitioner, draft):
    for start in (
        next_weekday_at(10, 7),
        next_weekday_at(12, 20),
        next_weekday_at(16, 40),
        next_weekday_at(10) - timedelta(days=30),
    ):
        with pytest.raises(actions.SlotTaken):
            book(service, practitioner, start, draft)
    assert not Appointment.objects.exists()
    assert not Patient.objects.exists()


def test_without_a_code_the_visit_is_to_be_called(service, practitioner, draft):
    assert book(service, practitioner, next_weekday_at(10), draft, checked=None).needs_call


def test_a_known_patient_is_joined_only_after_a_code(service, practitioner, draft, patient):
    visit = book(service, practitioner, next_weekday_at(10), draft)
    assert visit.patient == patient


@pytest.mark.parametrize("channel", ["email", "text"])
def test_a_code_that_came_back_shows_that_this_contact_on_file_works(service, practitioner, draft, patient, channel):
    long_ago = clock.now() - timedelta(days=400)
    Patient.objects.filter(pk=patient.pk).update(email_bounced_at=long_ago, mobile_bounced_at=long_ago)
    other = {
        "legal_first_name": "Noor",
        "legal_last_name": "Test",
        "date_of_birth": patient.date_of_birth,
        "created_at": long_ago,
    }
    Patient.objects.create(**other)
    book(service, practitioner, next_weekday_at(10), draft, checked=channel)
    patient.refresh_from_db()
    assert Patient.objects.get(legal_first_name="Noor").email == "", "and nobody else's"
    works = {"email": patient.email_checked_at and not patient.email_bounced_at,
             "text": patient.mobile_checked_at and not patient.mobile_bounced_at}  # fmt: skip
    assert [name for name, yes in works.items() if yes] == [channel]


@pytest.mark.parametrize("channel", ["email", "text"])
def test_no_contact_proves_nobody_who_has_none(patient, channel):
    Patient.objects.filter(pk=patient.pk).update(email="", mobile="")
    assert people.recognise(contact_of(email="", mobile=""), checked_channel=channel) is None


def test_without_a_code_a_new_patient_is_made_and_the_desk_offers_to_merge(service, practitioner, draft, patient):
    visit = book(service, practitioner, next_weekday_at(10), draft, checked=None)
    assert visit.patient != patient
    assert MergeOffer.objects.get().candidate == patient


@pytest.mark.parametrize("then", [None, "text"])
def test_who_joined_the_waiting_list_without_a_code_still_books_and_joins_again(service, practitioner, draft, patient, then):
    def joins():
        return actions.join(
            service, actions.Wishes(), contact=contact_of(), checked_channel=None, response=draft, by=WEB, now=clock.now()
        )

    entry = joins()
    assert joins() == entry
    visit = book(service, practitioner, next_weekday_at(10), draft, checked=then)
    assert visit.patient == entry.patient != patient
    assert MergeOffer.objects.get().candidate == patient


def test_answers_of_one_person_book_for_nobody_else(service, practitioner, draft):
    actions.join(service, actions.Wishes(), contact=contact_of(), checked_channel=None, response=draft, by=WEB, now=clock.now())
    with pytest.raises(IntakeError):
        book(service, practitioner, next_weekday_at(10), draft, first_name="Anik")


def test_a_shared_phone_does_not_make_one_person_of_two(service, practitioner, draft, patient):
    visit = book(service, practitioner, next_weekday_at(10), draft, first_name="Anik")
    assert visit.patient != patient


@pytest.mark.parametrize("who", ["patient", "helper"])
def test_a_number_that_said_stop_stays_stopped_for_whoever_gives_it_next(service, practitioner, draft, patient, who):
    mobile = "+15195550144"
    if who == "helper":
        helper = HelperContact("Tom Lee", "son", "", mobile, "text", voicemail_ok=False, gets_messages=True)
        add_helper(patient, helper, checked_channel=None, now=clock.now())
    else:
        Patient.objects.filter(pk=patient.pk).update(mobile=mobile)
    stop_texts(mobile, by=Actor.system(), now=clock.now())
    visit = book(service, practitioner, next_weekday_at(10), draft, first_name="Nora", mobile=mobile)
    assert visit.patient != patient
    assert visit.patient.texts_stopped_at is not None


def test_a_number_that_said_stop_stays_stopped_when_it_comes_onto_a_known_file(service, practitioner, draft, patient):
    helper = HelperContact("Tom Lee", "son", "", patient.e164, "text", voicemail_ok=False, gets_messages=True)
    add_helper(patient, helper, checked_channel=None, now=clock.now())
    stop_texts(patient.e164, by=Actor.system(), now=clock.now())
    Patient.objects.filter(pk=patient.pk).update(mobile="", texts_stopped_at=None)
    visit = book(service, practitioner, next_weekday_at(10), draft, checked="email")
    patient.refresh_from_db()
    assert (visit.patient_id, patient.e164) == (patient.pk, "+15195550181")
    assert patient.texts_stopped_at is not None


def test_what_the_desk_changes_while_somebody_books_stays(service, practitioner, draft, patient, monkeypatch):
    read = people._candidates
    old = [read(contact_of())]
    people.update_contact(patient, mobile="+15195550122", by=Actor.system(), now=clock.now())
    monkeypatch.setattr(people, "_candidates", lambda contact: old.pop() if old else read(contact))
    visit = book(service, practitioner, next_weekday_at(10), draft, checked="email")
    patient.refresh_from_db()
    assert (visit.patient_id, patient.e164) == (patient.pk, "+15195550122")


def test_a_patient_is_in_one_place_at_a_time(service, practitioner, make_practitioner, draft, appointment):
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    with pytest.raises(actions.NotAllowed, match="already has a visit"):
        book(service, other, appointment.starts_at, draft)


def test_locks_are_asked_for_in_one_order_however_they_are_named(monkeypatch):
    asked = []
    monkeypatch.setattr(write_path.rows, "fetch", lambda statement, params: asked.append(params[:2]) or [[True]])
    for turn in (1, -1):
        write_path.lock_and_sweep([9, 2][::turn], [8, 7][::turn], responses=[17, 4][::turn], now=clock.now())
    assert asked[0] == asked[1] == ["{7001,7001,7002,7002,7003,7003}", "{2,9,7,8,4,17}"]


def test_a_booking_stays_within_ten_statements(service, practitioner, draft):
    start = next_weekday_at(10)
    hold(service, practitioner, start)
    with CaptureQueriesContext(connection) as queries:
        book(service, practitioner, start, draft)
    statements = [q["sql"] for q in queries if not q["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(statements) <= 10, "\n".join(statements)


def test_everything_that_happens_is_audited(service, practitioner, draft):
    start = next_weekday_at(10)
    hold(service, practitioner, start)
    visit = book(service, practitioner, start, draft)
    told = AuditEvent.objects.get(action="booking.book")
    assert (told.subject_id, told.object_id, told.actor_kind) == (visit.patient_id, visit.pk, "anonymous")


def test_a_time_that_is_held_kept_longer_and_given_back_is_too(service, practitioner):
    held, by = hold(service, practitioner, next_weekday_at(10)), {"hold_key": "k1", "by": WEB, "now": clock.now()}
    actions.extend_hold(held, **by)
    actions.release_hold(held, **by)
    told = AuditEvent.objects.filter(object_id=held.pk).order_by("pk").values_list("action", flat=True)
    assert list(told) == ["booking.hold", "booking.extend_hold", "booking.release_hold"]


def test_a_patient_who_comes_to_be_or_is_brought_up_to_date_is_in_the_trail(service, practitioner, draft):
    visit = book(service, practitioner, next_weekday_at(10), draft)
    again = start_draft("hair-loss-intake", by=WEB, now=clock.now())
    book(service, practitioner, next_weekday_at(11), again, key="k2", preferred_name="May")
    told = AuditEvent.objects.filter(action__in=["patients.create", "patients.refresh"], subject_id=visit.patient_id)
    assert [(e.action, e.detail.get("changed")) for e in told.order_by("pk")] == [
        ("patients.create", None), ("patients.refresh", ["preferred_name"]),
    ]  # fmt: skip
