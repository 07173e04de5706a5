"""Claiming: who takes what, how much, and what becomes of it when a drain dies or has no time."""

import io
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, connections

from audit.actor import Actor
from booking import actions, matching
from booking.models import Appointment
from notifications import drain, planner
from notifications.models import CaughtText, Delivery
from tests.factories import WEDNESDAY
from tests.notifications.conftest import DUE, MINUTE, Post, at, emails, go, texts

PATIENT = Actor.patient(1)
pytestmark = pytest.mark.django_db


def test_a_claim_takes_no_more_than_it_was_asked_for_whatever_the_plan(post: Post, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11, 14, 15):
        book(at(f"2027-03-11 {hour:02d}:00"))
    planner.tick(now=DUE)
    with connection.cursor() as cursor:
        for how in ("hashagg", "hashjoin", "mergejoin", "material", "sort", "indexscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{how} = off")
    assert [len(drain.Drain(now=DUE).claim_ids(2)) for _n in range(3)] == [2, 2, 2]


def test_a_claim_whose_process_died_waits_again_and_goes_out_once(post: Post, visit: Appointment) -> None:
    planner.tick(now=DUE)
    dead = drain.Drain(now=DUE)
    assert len(dead.claim(50)) == 2
    go(DUE)
    assert post.subjects == []  # the lease still holds
    Delivery.objects.filter(state="claimed").update(lease_until=DUE - timedelta(days=900))
    assert drain.sweep(now=DUE)["pending"] == 2
    go(DUE)
    assert len(post.mails) == 1
    assert len(texts()) == 1


def test_a_claim_that_was_taken_away_cannot_send_any_more(post: Post, visit: Appointment) -> None:
    planner.tick(now=DUE)
    slow = drain.Drain(now=DUE)
    claimed = slow.claim(50)
    Delivery.objects.filter(state="claimed").update(lease_until=DUE - timedelta(days=900))
    drain.sweep(now=DUE)
    go(DUE)
    for delivery in claimed:
        slow.handle(delivery)
    slow.close()
    assert (len(post.mails), len(texts())) == (1, 1)


def test_what_a_drain_has_no_time_for_goes_back(post: Post, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11):
        book(at(f"2027-03-11 {hour:02d}:00"))
    planner.tick(now=DUE)
    stops = iter([False, False, True])
    drain.run(now=DUE, stop=lambda: next(stops, True))
    assert Delivery.objects.filter(state="claimed").count() == 0
    assert Delivery.objects.filter(state="accepted").count() == 1
    go(DUE)
    assert len(post.mails) == 3


def test_codes_are_taken_before_reminders(post: Post, visit: Appointment) -> None:
    from patients.actions import ask_code

    ask_code(channel="email", address="maya@example.com", purpose="book", subject_key="x", by=Actor.anonymous(), now=DUE)
    planner.tick(now=DUE)
    first = drain.Drain(now=DUE).claim(1)
    assert [d.message.kind for d in first] == ["code"]


@pytest.mark.django_db(transaction=True)
def test_drains_and_planners_side_by_side_send_each_message_once(post: Post, book: Callable[..., Appointment]) -> None:
    for day in (8, 9, 10, 11, 12):
        for hour in (9, 10, 11, 14, 15):
            book(at(f"2027-03-{day:02d} {hour:02d}:00"))
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            for _ in range(3):
                go(DUE)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    go(DUE + timedelta(seconds=5))
    assert len(post.mails) == 25
    assert CaughtText.objects.count() == 25
    assert len({mail["Message-ID"] for mail in post.mails}) == 25


@pytest.mark.django_db(transaction=True)
def test_a_visit_that_is_being_changed_right_now_is_looked_at_again_later(post: Post, visit: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    locked, go_on = threading.Event(), threading.Event()

    def change() -> None:
        from django.db import transaction

        try:
            with transaction.atomic():
                actions.cancel(visit, by=PATIENT, now=DUE)
                locked.set()
                go_on.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=change)
    thread.start()
    locked.wait(10)
    drain.run(now=DUE)
    assert post.subjects == []
    assert emails().state == "pending"
    go_on.set()
    thread.join()
    go(DUE + MINUTE)
    assert post.subjects == []
    assert emails().state == "superseded"


def test_an_idle_round_asks_the_database_little(visit: Appointment, django_assert_max_num_queries: Any) -> None:
    go(WEDNESDAY)
    with django_assert_max_num_queries(32):
        go(WEDNESDAY)
    assert connection.vendor == "postgresql"


def test_a_waiting_list_that_is_refused_a_round_keeps_no_message_back(
    post: Post, visit: Appointment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy() -> None:
        raise actions.BookingError("Many people are booking right now.")

    monkeypatch.setattr(matching, "run", busy)
    with time_machine.travel(DUE, tick=False):
        call_command("send_due", verbosity=0, stdout=io.StringIO())
    assert len(post.mails) == 1


def test_a_limited_rate_holds_over_all_senders_and_delays_nothing_else(
    post: Post, book: Callable[..., Appointment], settings: Any
) -> None:
    for hour in (9, 10, 11, 14, 15):
        book(at(f"2027-03-11 {hour:02d}:00"))
    settings.MESSAGE_RATES = {"text": 2.0}
    for _ in range(3):
        go(DUE)
    assert (len(texts()), len(post.mails)) == (2, 5)
    go(DUE + timedelta(seconds=1))
    go(DUE + timedelta(seconds=1))
    assert len(texts()) == 4
