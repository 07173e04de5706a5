"""Handing over: one connection, what each answer of the other side means, and tries that end."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from booking.models import Appointment
from notifications import channels, drain
from notifications.letters import Letter
from notifications.models import ChannelSwitch, Delivery, Message
from patients.models import Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import DUE, Post, at, emails, go, states, texts

pytestmark = pytest.mark.django_db


def test_one_connection_carries_a_whole_drain(post: Post, book: Callable[..., Appointment]) -> None:
    for hour in (9, 10, 11, 14, 15):
        book(at(f"2027-03-11 {hour:02d}:00"))
    go(DUE)
    assert (len(post.mails), post.connections) == (5, 1)


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
