"""Claim, fence, send, result: what goes out goes out once, and nothing stale does."""

import io
import random
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor
from booking import actions, matching
from booking.models import Appointment, Practitioner
from notifications import channels, drain, health, planner, receipts
from notifications.letters import Letter, compose
from notifications.models import CaughtText, ChannelSwitch, Delivery, Message, Receipt
from patients.models import Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import GRACE, Post, at, go, states, texts

PATIENT = Actor.patient(1)
DUE = WEDNESDAY + GRACE
MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db


def emails() -> Delivery:
    """The email that says "booked"."""
    return Delivery.objects.get(message__kind="booked", channel="email")


def test_an_accepted_message_notes_what_the_server_said_and_is_not_sent_again(post: Post, visit: Appointment) -> None:
    go(DUE)
    go(DUE)
    sent = emails()
    assert (sent.state, sent.attempts, sent.provider, sent.provider_id) == ("accepted", 1, "smtp", "Queued as 42")
    assert len(post.mails) == 1


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


def test_a_claim_takes_no_more_than_it_was_asked_for_whatever_the_plan(post: Post, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11, 14, 15):
        book(at(f"2027-03-11 {hour:02d}:00"))
    planner.tick(now=DUE)
    with connection.cursor() as cursor:
        for how in ("hashagg", "hashjoin", "mergejoin", "material", "sort", "indexscan", "bitmapscan"):
            cursor.execute(f"SET LOCAL enable_{how} = off")
    assert [len(drain.Drain(now=DUE).claim_ids(2)) for _n in range(3)] == [2, 2, 2]


def test_a_receipt_that_is_quicker_than_our_own_note_keeps_its_word(post: Post, visit: Appointment) -> None:
    planner.tick(now=DUE)
    one = drain.Drain(now=DUE)
    one.handle(next(d for d in one.claim(50) if d.channel == "email"))
    Receipt.objects.create(provider="smtp", event_id="e", delivery=emails(), outcome="delivered", received_at=DUE)
    drain.reconcile(now=DUE)
    one.close()
    assert (emails().state, emails().provider_id, emails().sent_at) == ("delivered", "Queued as 42", DUE)


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


def test_one_connection_carries_a_whole_drain(post: Post, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11, 14, 15):
        book(at(f"2027-03-11 {hour:02d}:00"))
    go(DUE)
    assert (len(post.mails), post.connections) == (5, 1)


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


@pytest.mark.parametrize(
    ("mood", "state", "reason"),
    [("no_rcpt", "failed", "refused"), ("late_no", "failed", "refused"), ("busy", "pending", ""), ("drop", "unknown", "")],
)
def test_every_answer_of_the_server_has_its_state(post: Post, visit: Appointment, mood: str, state: str, reason: str) -> None:
    post.mood = mood
    go(DUE)
    assert (emails().state, emails().reason) == (state, reason)


def test_an_address_that_no_mail_server_can_be_told_is_no_good_and_the_other_mails_go_out(
    post: Post, visit: Appointment, book: Callable[..., Appointment]
) -> None:
    other = Patient.objects.create(legal_first_name="Noor", legal_last_name="Aziz", date_of_birth=date(1980, 1, 1),
                                   email=f"noor@ex{60 * 'ü'}.example", created_at=WEDNESDAY)  # fmt: skip
    theirs = book(at("2027-03-11 09:00"), patient=other)
    go(DUE)
    assert len(post.mails) == 1
    refused = Delivery.objects.get(message__subject_id=theirs.pk, message__kind="booked", channel="email")
    assert (refused.state, refused.reason, refused.error_code) == ("failed", "refused", "5.1.3")
    other.refresh_from_db()
    theirs.refresh_from_db()
    assert (other.email_bounced_at, theirs.needs_call) == (DUE, True)


def test_whatever_breaks_in_a_channel_leaves_one_unknown_message_and_the_others_go_out(
    post: Post, book: Callable[..., Appointment], monkeypatch: pytest.MonkeyPatch
) -> None:
    book(at("2027-03-11 09:00"))
    book(at("2027-03-11 10:20"))
    once, tries = channels.MailSession._once, iter([RuntimeError])

    def breaks_once(self: channels.MailSession, *args: Any) -> Any:
        for error in tries:
            raise error
        return once(self, *args)

    monkeypatch.setattr(channels.MailSession, "_once", breaks_once)
    go(DUE)
    mails = Delivery.objects.filter(message__kind="booked", channel="email").order_by("state")
    assert list(mails.values_list("state", "error_class")) == [("accepted", ""), ("unknown", "RuntimeError")]
    assert (len(post.mails), len(texts())) == (1, 2)


def test_a_mail_that_may_have_been_sent_is_never_sent_again(post: Post, visit: Appointment) -> None:
    post.mood = "drop"
    go(DUE)
    post.mood = "ok"
    for hours in range(1, 20):
        go(DUE + timedelta(hours=hours))
        drain.sweep(now=DUE + timedelta(hours=hours))
        drain.reconcile(now=DUE + timedelta(hours=hours))
    assert emails().state == "unknown"
    assert len(post.mails) == 1


def test_a_server_that_is_away_costs_one_try_and_the_mail_goes_when_it_is_back(
    post: Post, book: Callable[..., Appointment], settings: Any
) -> None:
    book(at("2027-03-11 10:20"))
    book(at("2027-03-12 10:20"))
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    go(DUE)
    tried = list(Delivery.objects.filter(channel="email", message__kind="booked").values_list("state", "attempts"))
    assert sorted(tried) == [("pending", 0), ("pending", 1)]
    assert len(texts()) == 2  # the other channel goes on
    settings.EMAIL_PORT = port
    go(DUE + timedelta(seconds=61))
    assert len(post.mails) == 2


def test_tries_end_when_the_message_would_be_too_late(post: Post, visit: Appointment) -> None:
    go(DUE)
    post.mood = "busy"
    moment = at("2027-03-10 10:20")
    Message.objects.filter(kind="reminder_1d").update(expires_at=moment + timedelta(seconds=1))
    Patient.objects.update(reminder_by="email")
    go(moment)
    assert states("reminder_1d")["email"] == ("failed", "no_answer")


def test_waits_between_tries_grow_but_stay_under_half_an_hour() -> None:
    assert all(drain.jitter(1, urgent=True) <= timedelta(seconds=2) for _ in range(50))
    assert all(drain.jitter(1, urgent=False) <= timedelta(seconds=30) for _ in range(50))
    assert max(drain.jitter(20, urgent=False) for _ in range(200)) > timedelta(minutes=10)
    assert all(drain.jitter(20, urgent=False) <= timedelta(minutes=30) for _ in range(50))


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


@pytest.mark.parametrize("order", [["accepted", "delivered"], ["delivered", "accepted"], ["delivered", "delivered", "accepted"]])
def test_receipts_heal_unknown_whatever_their_order(post: Post, visit: Appointment, order: list[str]) -> None:
    post.mood = "drop"
    go(DUE)
    for n, outcome in enumerate(order):
        Receipt.objects.create(provider="smtp", event_id=f"e{n}", delivery=emails(), outcome=outcome, received_at=DUE)
        drain.reconcile(now=DUE)
    assert emails().state == "delivered"


def test_a_template_with_a_hole_sends_nothing_and_says_so(
    post: Post, visit: Appointment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from notifications import letters

    full = letters.visit_words

    def without_name(*args: Any, **kwargs: Any) -> dict[str, Any]:
        said = full(*args, **kwargs)
        del said["physician"]
        return said

    monkeypatch.setattr(letters, "visit_words", without_name)
    go(DUE)
    assert post.subjects == []
    assert (emails().state, emails().reason, emails().attempts) == ("pending", "words", 1)
    monkeypatch.setattr(letters, "visit_words", full)  # the next version of the code knows better
    go(DUE + timedelta(hours=1))
    assert len(post.subjects) == 1


def test_what_could_not_be_written_until_it_was_too_late_is_a_call(
    post: Post, visit: Appointment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from notifications import letters

    monkeypatch.setattr(letters, "visit_words", lambda *args, **kwargs: {})
    planner.tick(now=DUE)
    Message.objects.update(expires_at=DUE + timedelta(milliseconds=500))
    go(DUE)
    assert set(Delivery.objects.filter(message__due_at__lte=DUE).values_list("state", "reason")) == {("failed", "words")}
    visit.refresh_from_db()
    assert (visit.needs_call, visit.call_reason) == (True, "A message did not arrive")


def test_no_log_line_of_a_failure_holds_an_address_or_a_name(
    post: Post, visit: Appointment, caplog: pytest.LogCaptureFixture
) -> None:
    post.mood = "no_rcpt"
    go(DUE)
    assert caplog.records
    said = " ".join(record.getMessage() for record in caplog.records)
    assert "maya" not in said.lower()
    assert "Chowdhury" not in said


def test_the_health_snapshot_tells_backlog_age_and_who_sends(post: Post, visit: Appointment) -> None:
    planner.tick(now=DUE)
    health.beat("worker", now=DUE)
    now = DUE + timedelta(minutes=2)
    found = health.snapshot(now=now)
    assert (found.backlog, found.oldest_due_seconds, found.worker_seconds, found.sender_seconds) == (2, 120.0, 120.0, None)
    assert found.tick_seconds == 120.0
    go(now)
    assert health.snapshot(now=now).backlog == 0


def test_the_health_check_names_what_is_wrong(db: None) -> None:
    assert "nobody sends" in (health.check() or "")
    health.beat("sender")
    assert health.check() is None


# --- Side by side -----------------------------------------------------------------------------------------------------


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


def test_the_session_says_unsure_only_after_the_body_has_left(post: Post, visit: Appointment, settings: Any) -> None:
    delivery, letter = Delivery(), Letter("maya@example.com", "words", subject="Subject", html="<p>words</p>")
    settings.EMAIL_PORT = 1
    assert channels.MailSession().send(delivery, letter).became == "down"


def test_a_dot_alone_on_a_line_does_not_end_the_mail(post: Post, visit: Appointment) -> None:
    session = channels.MailSession()
    letter = Letter("maya@example.com", "one\n.\n..two\nend", subject="Subject", html="<p>x</p>")
    assert session.send(Delivery(), letter).became == "accepted"
    session.close()
    assert post.mails[0].get_body(("plain",)).get_content().split() == ["one", ".", "..two", "end"]


def test_a_connection_that_died_between_two_mails_is_opened_again(post: Post, visit: Appointment) -> None:
    session = channels.MailSession()
    letter = Letter("maya@example.com", "words", subject="Subject", html="<p>x</p>")
    assert session.send(Delivery(), letter).became == "accepted"
    assert session.backend.connection is not None
    session.backend.connection.sock.shutdown(2)
    assert session.send(Delivery(), letter).became == "accepted"
    session.close()
    assert post.connections == 2


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


# --- The other way, and the call list ---------------------------------------------------------------------------------


def test_a_mail_that_is_refused_goes_by_text_instead(post: Post, visit: Appointment, patient: Patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email")
    post.mood = "no_rcpt"
    go(DUE)
    go(DUE + MINUTE)
    assert len(texts()) == 1
    visit.refresh_from_db()
    assert not visit.needs_call


def test_a_patient_who_is_told_by_text_anyway_is_not_told_twice(post: Post, visit: Appointment) -> None:
    post.mood = "no_rcpt"
    for n in range(5):
        go(DUE + n * MINUTE)
    assert len(texts()) == 1
    visit.refresh_from_db()
    assert not visit.needs_call


def test_a_patient_whom_no_message_reaches_is_on_the_call_list(post: Post, visit: Appointment, patient: Patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email", mobile="")
    post.mood = "no_rcpt"
    for n in range(5):
        go(DUE + n * MINUTE)
    visit.refresh_from_db()
    assert (visit.needs_call, visit.call_reason) == (True, "A message did not arrive")
    assert (visit.changed_by, visit.ics_sequence) == ("clinic", 0)


def test_a_bounce_that_is_reported_later_leads_the_other_way_too(post: Post, visit: Appointment, patient: Patient) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email")
    go(DUE)
    Receipt.objects.create(provider="smtp", event_id="b1", delivery=emails(), outcome="bounced", received_at=DUE)
    drain.reconcile(now=DUE + MINUTE)
    go(DUE + MINUTE)
    assert emails().state == "bounced"
    assert len(texts()) == 1


@pytest.mark.parametrize("how", ["while its channel rested", "while nobody sent"])
def test_news_that_waited_past_its_time_puts_the_visit_on_the_call_list(
    post: Post, visit: Appointment, patient: Patient, desk: Actor, how: str
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email")
    go(DUE)
    actions.cancel(visit, by=desk, now=DUE + MINUTE)
    planner.tick(now=DUE + MINUTE)
    late = DUE + timedelta(days=4)
    if how == "while nobody sent":
        drain.run(now=late)
    drain.reconcile(now=late)
    visit.refresh_from_db()
    assert states("cancelled_by_clinic")["email"] == ("expired", "too_late")
    assert (visit.needs_call, visit.call_reason) == (True, "Tell that we had to cancel")


def test_news_that_went_the_other_way_needs_no_call(post: Post, visit: Appointment) -> None:
    call_command("channel", "email", "off", reason="provider trouble", verbosity=0)
    go(DUE)
    drain.reconcile(now=DUE + timedelta(days=4))
    visit.refresh_from_db()
    assert (states("booked")["email"], visit.needs_call) == (("expired", "too_late"), False)


class Killed(BaseException):
    """What a process does not survive."""


def killed(*args: Any, **kwargs: Any) -> None:
    raise Killed


def test_a_bounce_is_not_written_down_without_what_follows_from_it(
    post: Post, visit: Appointment, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email", mobile="")
    go(DUE)
    Receipt.objects.create(provider="smtp", event_id="b1", delivery=emails(), outcome="bounced", received_at=DUE)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(receipts, "mark_contact", killed)
        drain.reconcile(now=DUE + MINUTE)
    visit.refresh_from_db()
    assert (emails().state, visit.needs_call) == ("accepted", False)
    drain.reconcile(now=DUE + MINUTE)
    visit.refresh_from_db()
    assert (emails().state, visit.needs_call) == ("bounced", True)


def test_a_refusal_is_not_written_down_without_what_follows_from_it(
    post: Post, visit: Appointment, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email")
    post.mood = "no_rcpt"
    monkeypatch.setattr(drain, "fall_back", killed)
    with pytest.raises(Killed):
        go(DUE)
    assert emails().state == "sending"  # in a minute it is unknown, and somebody at the desk looks at it


def test_who_wants_a_call_is_on_the_call_list_when_the_reminder_is_due_and_when_we_cancel(
    post: Post, visit: Appointment, patient: Patient, desk: Actor
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="phone")
    go(DUE)
    visit.refresh_from_db()
    assert not visit.needs_call
    go(at("2027-03-09 10:20"))
    visit.refresh_from_db()
    assert (visit.needs_call, visit.call_reason) == (True, "Remind and confirm")
    actions.called(visit, by=desk, now=at("2027-03-09 11:00"))
    actions.cancel(visit, by=desk, now=at("2027-03-09 12:00"))
    for minutes in range(4):
        go(at("2027-03-09 12:02") + minutes * MINUTE)
    visit.refresh_from_db()
    # Nobody was ever told of it by a message; but a person who was booked for weeks has to hear that it is off.
    assert (visit.needs_call, visit.call_reason) == (True, "Tell that we had to cancel")
    assert (post.subjects, texts()) == ([], [])


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


# --- Trouble with a provider, and its rate --------------------------------------------------------------------------------


def test_after_five_in_a_row_that_may_have_been_sent_the_channel_rests_for_a_minute(
    post: Post, book: Callable[..., Appointment]
) -> None:
    for day in (8, 9, 10, 11):
        for hour in (9, 10):
            book(at(f"2027-03-{day:02d} {hour:02d}:00"))
    post.mood = "drop"
    go(DUE)
    assert Delivery.objects.filter(channel="email", state="unknown").count() == drain.BREAK_AFTER
    switch = ChannelSwitch.objects.get(channel="email")
    assert switch.paused_until is not None
    assert switch.paused_until > DUE + timedelta(seconds=15)
    post.mood = "ok"
    go(DUE + timedelta(minutes=2))
    assert Delivery.objects.filter(channel="email", state="accepted", message__kind="booked").count() == 8 - drain.BREAK_AFTER
    assert ChannelSwitch.objects.get(channel="email").failures == 0


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
