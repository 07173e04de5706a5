"""The fence: what a letter was written from is looked at again, and only then it goes."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner
from notifications import drain, planner
from notifications.letters import Letter, compose
from notifications.models import ChannelSwitch, Delivery
from patients.models import Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import DUE, MINUTE, Post, at, emails, go, states, texts

PATIENT = Actor.patient(1)
pytestmark = pytest.mark.django_db


def test_a_message_costs_one_commit_because_the_next_fence_says_that_it_was_accepted(
    post: Post, book: Callable[..., Appointment]
) -> None:
    for hour in (9, 10, 11):
        book(at(f"2027-03-11 {hour:02d}:00"))
    planner.tick(now=DUE)
    one = drain.Drain(now=DUE)
    mails = [d for d in one.claim(50) if d.channel == "email"]
    for position, mail in enumerate(mails):
        with CaptureQueriesContext(connection) as queries:
            one.handle(mail)
        writes = [q["sql"] for q in queries if "UPDATE" in q["sql"]]
        assert len(writes) == 1
        states = list(Delivery.objects.filter(pk__in=[m.pk for m in mails]).order_by("pk").values_list("state", flat=True))
        assert states == ["accepted"] * position + ["sending"] + ["claimed"] * (len(mails) - 1 - position)
    one.close()
    assert {d.state for d in Delivery.objects.filter(pk__in=[m.pk for m in mails])} == {"accepted"}


def test_a_message_that_lost_its_claim_at_the_fence_still_closes_the_one_before(
    post: Post, book: Callable[..., Appointment]
) -> None:
    for hour in (9, 10):
        book(at(f"2027-03-11 {hour:02d}:00"))
    planner.tick(now=DUE)
    one = drain.Drain(now=DUE)
    first, second = [d for d in one.claim(50) if d.channel == "email"]
    one.handle(first)
    Delivery.objects.filter(pk=second.pk).update(claim=None)
    one.handle(second)
    first.refresh_from_db()
    assert (first.state, first.provider_id, len(post.mails)) == ("accepted", "Queued as 42", 1)


@pytest.mark.parametrize("channel", ["email", "text"])
def test_what_moved_between_composing_and_the_fence_does_not_go_out(
    post: Post, visit: Appointment, practitioner: Practitioner, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    planner.tick(now=DUE)

    def then_it_moves(delivery: Delivery, *args: Any, **kwargs: Any) -> Any:
        letter = compose(delivery, *args, **kwargs)
        if delivery.channel == channel and visit.ics_sequence == 0:
            visit.ics_sequence += 1
            actions.move(visit, practitioner, at("2027-03-15 14:40"), by=PATIENT, now=DUE)
        return letter

    monkeypatch.setattr(drain, "compose", then_it_moves)
    drain.run(now=DUE)
    assert states("booked")[channel] == ("pending", "")
    monkeypatch.setattr(drain, "compose", compose)
    for n in range(10):
        go(DUE + n * MINUTE)
    told = texts() + (post.subjects if channel == "email" else [])
    assert any("Mar 15" in words for words in texts())
    assert not any("Mar 11" in words or "March 11" in words for words in told)


def test_a_cancelled_visit_is_not_confirmed_even_if_the_planner_has_not_seen_it_yet(post: Post, visit: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    actions.cancel(visit, by=PATIENT, now=DUE)
    drain.run(now=DUE)
    assert post.subjects == []
    assert states("booked") == {"email": ("superseded", "changed"), "text": ("superseded", "changed")}


def test_the_kill_switch_of_email_stops_the_next_mail_and_nothing_is_lost(post: Post, visit: Appointment) -> None:
    call_command("channel", "email", "off", reason="wrong address in the letters", verbosity=0)
    go(DUE)
    assert (post.subjects, len(texts())) == ([], 1)
    call_command("channel", "email", "on", verbosity=0)
    go(DUE + MINUTE)
    assert len(post.subjects) == 1


def test_the_kill_switch_counts_at_the_fence_too(post: Post, visit: Appointment, monkeypatch: pytest.MonkeyPatch) -> None:
    def then_off(*args: Any, **kwargs: Any) -> Any:
        letter = compose(*args, **kwargs)
        ChannelSwitch.objects.update_or_create(channel="email", defaults={"enabled": False})
        return letter

    monkeypatch.setattr(drain, "compose", then_off)
    go(DUE)
    assert post.subjects == []
    assert emails().state == "pending"


def test_texts_that_are_switched_off_go_by_email(post: Post, visit: Appointment, patient: Patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="text")
    call_command("channel", "text", "off", reason="provider trouble", verbosity=0)
    go(DUE)
    assert (len(post.subjects), texts()) == (1, [])


def test_a_letter_is_sent_only_if_all_it_was_written_from_is_still_so(post: Post, visit: Appointment, patient: Patient) -> None:
    planner.tick(now=DUE)
    one = drain.Drain(now=DUE)
    delivery = next(d for d in one.claim(50) if d.channel == "email")
    letter = compose(delivery, one.facts, texts_work=True, now=DUE)
    assert isinstance(letter, Letter)
    Patient.objects.filter(pk=patient.pk).update(version=patient.version + 1)
    assert not one.fence(delivery, letter)
    Patient.objects.filter(pk=patient.pk).update(version=patient.version)
    assert one.fence(delivery, letter)
    assert not one.fence(delivery, letter)  # once


@pytest.mark.django_db(transaction=True)
def test_no_fence_comes_after_the_change_it_should_have_seen(
    post: Post, book: Callable[..., Appointment], practitioner: Practitioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moves and cancellations race against drains: whatever tells the old time was fenced before the change was committed."""
    visits = [book(at(f"2027-03-{day:02d} {hour:02d}:00")) for day in (8, 9, 10, 11, 12) for hour in (9, 10, 11, 14, 15)]
    planner.tick(now=WEDNESDAY)
    fenced: dict[int, float] = {}
    changed: dict[int, float] = {}
    fence = drain.Drain.fence

    def timed(self: drain.Drain, delivery: Delivery, letter: Letter) -> bool:
        began = time.monotonic()
        if ok := fence(self, delivery, letter):
            fenced[delivery.pk] = began
        return ok

    monkeypatch.setattr(drain.Drain, "fence", timed)
    barrier = threading.Barrier(3)

    def change() -> None:
        barrier.wait()
        for n, visit in enumerate(random.Random(1).sample(visits, len(visits))):
            if n % 2:
                actions.cancel(visit, by=PATIENT, now=DUE)
            else:
                actions.move(visit, practitioner, visit.starts_at - timedelta(days=7), by=PATIENT, now=DUE)
            changed[visit.pk] = time.monotonic()

    def send() -> None:
        barrier.wait()
        for _ in range(6):
            drain.run(now=DUE, batch=10)

    def closing(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            finally:
                connections.close_all()

        return run

    threads = [threading.Thread(target=closing(work)) for work in (change, send, send)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(changed) == 25
    sent = Delivery.objects.filter(state="accepted", message__sequence=0).select_related("message")
    assert sent.count() + Delivery.objects.filter(state__in=["superseded", "pending"]).count() >= 50
    assert [d.pk for d in sent if fenced[d.pk] > changed[d.message.subject_id]] == []
    assert len({mail["Message-ID"] for mail in post.mails}) == len(post.mails)
