"""Real threads with real connections against each other. Who loses is told so; nobody waits for a deadlock.

The storm itself, with figures, is `make race`.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction

from accounts import clock
from audit.actor import Actor
from booking import actions
from booking.actions import write_path
from booking.actions.write_path import Wanted
from booking.models import Appointment, Status
from intake.actions import publish_all, start_draft
from patients.actions import PatientError, merge
from patients.models import MergeOffer, Patient
from tests.factories import contact_of, next_weekday_at
from tests.race import OVERLAPS

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]
WEB, DESK = Actor.anonymous(), Actor("staff", None, "reception")
MANY = 40


@dataclass
class Answer:
    """What one thread was told, and after how long."""

    value: Any
    seconds: float

    @property
    def won(self) -> bool:
        return not isinstance(self.value, Exception)


def at_once(calls: list[Callable[[], Any]]) -> list[Answer]:
    """Run each call in a thread with a connection of its own, all starting together."""
    gate, answers = threading.Barrier(len(calls)), [Answer(AssertionError("never came back"), 0.0) for _ in calls]

    def run(i: int) -> None:
        try:
            connection.ensure_connection()
            gate.wait(30)
            began = time.monotonic()
            try:
                answers[i].value = calls[i]()
            except Exception as error:
                answers[i].value = error
            answers[i].seconds = time.monotonic() - began
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


def losers_were_told(answers: list[Answer]) -> None:
    """Everybody who did not win got the polite refusal, and soon."""
    lost = [a for a in answers if not a.won]
    assert {type(a.value) for a in lost} == {actions.SlotTaken}, [repr(a.value) for a in lost]
    # On an idle machine the slowest waits 0.2 s; a deadlock alone would take the server a second to notice.
    assert max(a.seconds for a in lost) < 3


def until_waiting(many: int) -> None:
    """Come back once so many wait for a lock, or after five seconds."""
    with connection.cursor() as cursor:
        for _turn in range(500):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0] >= many:
                return
            time.sleep(0.01)


def overlaps() -> int:
    """Pairs of rows in each other's way, counted without the constraints."""
    with connection.cursor() as cursor:
        cursor.execute(OVERLAPS)
        return cursor.fetchone()[0]


@pytest.fixture
def drafts(clinic):
    """Makes empty questionnaires, one a patient."""
    publish_all(by=Actor.system(), now=clock.now())
    return lambda n: [start_draft("hair-loss-intake", by=WEB, now=clock.now()) for _ in range(n)]


def booking(service, practitioner, start, draft, n, **more):
    """A call that books for the n-th person."""
    return lambda: actions.book(
        service, practitioner, start, response=draft, checked_channel=None, by=WEB, now=clock.now(),
        contact=contact_of(first_name=f"P{n}", last_name=f"L{n}", email=f"p{n}@example.com", mobile=""), **more,
    )  # fmt: skip


def test_the_locks_are_taken_whether_or_not_a_hold_has_expired(service, practitioner, room):
    with transaction.atomic():
        write_path.lock_and_sweep([practitioner.pk], [room.pk], now=clock.now(), responses=[9])
        with connection.cursor() as cursor:
            cursor.execute("SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert set(cursor.fetchall()) == {(7001, practitioner.pk), (7002, room.pk), (7003, 9)}


def test_who_wants_a_time_that_is_taken_locks_nothing(service, practitioner, drafts):
    start, now = next_weekday_at(10), clock.now()
    booking(service, practitioner, start, drafts(1)[0], 0)()
    for at, ours in ((start + timedelta(minutes=20), False), (start + timedelta(minutes=30), True)):
        with transaction.atomic():
            assert write_path.lock_and_sweep([practitioner.pk], now=now, wanted=Wanted(practitioner, at, service)) is ours
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
                assert cursor.fetchone()[0] == int(ours)


def test_who_finds_the_time_taken_when_their_turn_comes_gives_the_locks_back(service, practitioner, drafts):
    start, told = next_weekday_at(10), []
    gone, draft = threading.Event(), drafts(1)[0]

    def wait_in_the_queue():
        try:
            with transaction.atomic():
                told.append(
                    write_path.lock_and_sweep([practitioner.pk], now=clock.now(), wanted=Wanted(practitioner, start, service))
                )
                gone.wait(10)  # still within its transaction
        finally:
            connections.close_all()

    loser = threading.Thread(target=wait_in_the_queue)
    with transaction.atomic():
        booking(service, practitioner, start, draft, 0)()
        loser.start()
        _until_somebody_waits()
    (next_one,) = at_once([lambda: _lock(practitioner)])
    assert next_one.won
    assert next_one.seconds < 5
    gone.set()
    loser.join(5)
    assert told == [False]


def _lock(practitioner) -> None:
    with transaction.atomic():
        write_path.lock_and_sweep([practitioner.pk], now=clock.now())


def _until_somebody_waits() -> None:
    for _try in range(500):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_of_forty_who_book_one_time_one_gets_it(service, practitioner, drafts):
    start = next_weekday_at(10)
    answers = at_once([booking(service, practitioner, start, d, n) for n, d in enumerate(drafts(MANY))])
    assert sum(a.won for a in answers) == 1
    losers_were_told(answers)
    assert Appointment.objects.count() == Patient.objects.count() == 1


def test_of_forty_who_hold_or_book_overlapping_times_one_gets_it(service, practitioner, drafts):
    first = next_weekday_at(10)  # 10:00 to 10:30 and 10:20 to 10:50
    starts = [first, first + timedelta(minutes=20)]
    calls = [booking(service, practitioner, starts[n % 2], d, n) for n, d in enumerate(drafts(MANY // 2))]
    calls += [
        lambda n=n: actions.hold(
            service, practitioner, starts[n % 2], hold_key=f"k{n}", address=f"198.51.100.{n}", by=WEB, now=clock.now()
        )
        for n in range(MANY // 2)
    ]
    answers = at_once(calls)
    assert sum(a.won for a in answers) == 1
    losers_were_told(answers)
    assert overlaps() == 0


def test_a_room_is_given_once_however_many_physicians_want_it(service, practitioner, make_practitioner, room, drafts):
    service.room_kind = "treatment"
    service.save()
    others = [make_practitioner(f"Dr. Other{n}") for n in range(3)]
    service.practitioners.add(*others)
    start = next_weekday_at(10)
    people = [practitioner, *others]
    answers = at_once([booking(service, people[n % 4], start, d, n) for n, d in enumerate(drafts(MANY // 2))])
    assert sum(a.won for a in answers) == 1
    losers_were_told(answers)
    assert Appointment.objects.get().room == room


def test_two_who_move_into_each_others_calendars_do_not_deadlock(service, practitioner, make_practitioner, drafts, monkeypatch):
    monkeypatch.setattr(write_path, "time", None)  # a deadlock is not tried again
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    first, second = drafts(2)
    a = booking(service, practitioner, next_weekday_at(10), first, 1)()
    b = booking(service, other, next_weekday_at(11), second, 2)()
    for here, there in ((practitioner, other), (other, practitioner)) * 2:
        answers = at_once(
            [
                lambda there=there: actions.move(a, there, next_weekday_at(14), by=DESK, now=clock.now()),
                lambda here=here: actions.move(b, here, next_weekday_at(15), by=DESK, now=clock.now()),
            ]
        )
        assert all(answer.won for answer in answers), [repr(answer.value) for answer in answers]
        a, b = (answer.value for answer in answers)
    assert overlaps() == 0


def while_waiting(first: Callable[[], Any], second: Callable[[], Any]) -> Answer:
    """`first` has happened and is not committed while `second` begins; what `second` was told."""
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            first()
            told = pool.submit(lambda: at_once([second])[0])
            time.sleep(0.5)  # it waits for the row by now
        return told.result(30)


def test_who_confirms_while_it_moves_to_another_physician_confirms_it_there(service, practitioner, make_practitioner, drafts):
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    visit = booking(service, practitioner, next_weekday_at(10), drafts(1)[0], 1)()
    answer = while_waiting(
        lambda: actions.move(visit, other, next_weekday_at(11), by=DESK, now=clock.now()),
        lambda: actions.confirm(visit, by=DESK, now=clock.now()),
    )
    assert answer.won, repr(answer.value)
    assert (answer.value.status, answer.value.practitioner) == (Status.CONFIRMED, other)


def test_two_who_move_to_the_same_free_time_one_gets_it(service, practitioner, drafts):
    starts = [next_weekday_at(9), next_weekday_at(10)]
    visits = [booking(service, practitioner, s, d, n)() for n, (s, d) in enumerate(zip(starts, drafts(2), strict=True))]
    wanted = next_weekday_at(14)
    answers = at_once(
        [lambda v=v: actions.move(v, practitioner, wanted, by=Actor.patient(v.patient_id), now=clock.now()) for v in visits]
    )
    assert sum(a.won for a in answers) == 1
    losers_were_told(answers)
    kept = visits[[a.won for a in answers].index(False)]
    assert Appointment.objects.get(pk=kept.pk).starts_at == kept.starts_at


def test_an_expired_hold_goes_to_its_owner_or_to_another_never_to_both(service, practitioner, drafts):
    for round_, (mine, theirs) in enumerate(zip(drafts(3), drafts(3), strict=True)):
        start, now = next_weekday_at(9 + round_), clock.now()
        actions.hold(service, practitioner, start, hold_key="mine", address=f"198.51.100.{round_}", by=WEB, now=now)
        later = now + timedelta(minutes=16)

        def book(draft, n, key, start=start, later=later):
            return lambda: actions.book(
                service, practitioner, start, response=draft, checked_channel=None, hold_key=key, by=WEB, now=later,
                contact=contact_of(first_name=f"P{n}", last_name=f"L{n}", email="", mobile=""),
            )  # fmt: skip

        answers = at_once([book(mine, 10 * round_, "mine"), book(theirs, 10 * round_ + 1, "theirs")])
        assert sum(a.won for a in answers) == 1
        losers_were_told(answers)
    assert (Appointment.objects.filter(status=Status.BOOKED).count(), overlaps()) == (3, 0)


def test_pressing_book_many_times_at_once_books_once(service, practitioner, drafts):
    (draft,) = drafts(1)
    start = next_weekday_at(10)
    actions.hold(service, practitioner, start, hold_key="k", address="198.51.100.1", by=WEB, now=clock.now())
    answers = at_once([booking(service, practitioner, start, draft, 0, hold_key="k") for _ in range(8)])
    assert [a.value for a in answers if not a.won] == []
    assert len({a.value.pk for a in answers}) == 1
    assert (Appointment.objects.count(), Patient.objects.count()) == (1, 1)


def test_one_questionnaire_books_one_visit_whatever_times_its_tabs_chose(service, practitioner, make_practitioner, drafts):
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    for round_, draft in enumerate(drafts(3)):
        start = next_weekday_at(9 + round_)
        actions.hold(service, practitioner, start, hold_key="k", address=f"198.51.100.{round_}", by=WEB, now=clock.now())
        answers = at_once(
            [
                booking(service, practitioner, start, draft, round_, hold_key="k"),
                booking(service, other, start + timedelta(hours=4), draft, round_),
            ]
        )
        assert [a.value for a in answers if not a.won] == []
        assert len({a.value.pk for a in answers}) == 1
    assert Appointment.objects.filter(status=Status.BOOKED).count() == 3


def test_of_two_merges_that_cross_one_is_done_and_the_other_is_told(patient):
    newer = Patient.objects.create(
        legal_first_name="Maya", legal_last_name="Chowdhury", date_of_birth=patient.date_of_birth, created_at=clock.now()
    )
    pairs, taken = [(newer, patient), (patient, newer)], threading.Event()
    offers = [MergeOffer.objects.create(patient=a, candidate=b, reason="x", created_at=clock.now()) for a, b in pairs]

    def keep_until_both_wait():
        with transaction.atomic():
            list(Patient.objects.select_for_update())
            taken.set()
            until_waiting(2)

    def merging(offer):
        return lambda: taken.wait(10) and merge(offer, True, by=DESK, now=clock.now())

    answers = at_once([keep_until_both_wait, *map(merging, offers)])
    assert [type(a.value) for a in answers if not a.won] == [PatientError], [repr(a.value) for a in answers]
    assert Patient.objects.current().count() == 1


def test_who_leaves_the_list_while_two_records_become_one_has_left_it(service, patient):
    newer = Patient.objects.create(
        legal_first_name="Maya", legal_last_name="Chowdhury", date_of_birth=patient.date_of_birth, created_at=clock.now()
    )
    offer = MergeOffer.objects.create(patient=newer, candidate=patient, reason="x", created_at=clock.now())
    entry, taken = actions.join(service, actions.Wishes(), patient=newer, by=DESK, now=clock.now()), threading.Event()

    def merged():
        with transaction.atomic():
            merge(offer, True, by=DESK, now=clock.now())
            taken.set()
            until_waiting(1)

    answers = at_once([merged, lambda: taken.wait(10) and actions.leave(entry, by=DESK, now=clock.now())])
    assert [a.value for a in answers if not a.won] == []
    assert (answers[1].value.state, answers[1].value.patient) == ("left", patient)
