"""A message from planned to accepted: noted once, healed by receipts, never with a gap, and seen by the health page."""

from datetime import timedelta
from typing import Any

import pytest

from booking.models import Appointment
from notifications import drain, health, planner
from notifications.models import Delivery, Message, Receipt
from tests.notifications.conftest import DUE, Post, emails, go

pytestmark = pytest.mark.django_db


def test_an_accepted_message_notes_what_the_server_said_and_is_not_sent_again(post: Post, visit: Appointment) -> None:
    go(DUE)
    go(DUE)
    sent = emails()
    assert (sent.state, sent.attempts, sent.provider, sent.provider_id) == ("accepted", 1, "smtp", "Queued as 42")
    assert len(post.mails) == 1


def test_a_receipt_that_is_quicker_than_our_own_note_keeps_its_word(post: Post, visit: Appointment) -> None:
    planner.tick(now=DUE)
    one = drain.Drain(now=DUE)
    one.handle(next(d for d in one.claim(50) if d.channel == "email"))
    Receipt.objects.create(provider="smtp", event_id="e", delivery=emails(), outcome="delivered", received_at=DUE)
    drain.reconcile(now=DUE)
    one.close()
    assert (emails().state, emails().provider_id, emails().sent_at) == ("delivered", "Queued as 42", DUE)


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
