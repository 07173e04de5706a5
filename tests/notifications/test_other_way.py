"""What a refusal or a bounce leads to: the other way, then the call list, written down together."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner
from notifications import drain, planner, receipts
from notifications.models import ChannelSwitch, Delivery, Message, Receipt
from patients.models import Patient
from tests.notifications.conftest import DUE, MINUTE, Post, at, emails, go, states, texts

pytestmark = pytest.mark.django_db


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


@pytest.mark.parametrize("spoiled", ["a kind of an older version", "a person who was deleted", "a break"])
def test_a_receipt_that_cannot_be_applied_keeps_nothing_else_back(
    post: Post, visit: Appointment, patient: Patient, monkeypatch: pytest.MonkeyPatch, spoiled: str
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email", mobile="")
    go(DUE)
    good = emails()
    words = {"subject_type": "link", "recipient": "visit:0"} if spoiled == "a person who was deleted" else {"kind": "gone"}
    old = Message.objects.create(
        **{"subject_type": "visit", "subject_id": visit.pk, "kind": "lost_link", "sequence": 9, "recipient": "patient"} | words,
        channel="email", due_at=DUE, expires_at=DUE, created_at=DUE,
    )  # fmt: skip
    bad = Delivery.objects.create(
        message=old, channel="email", state="accepted", next_attempt_at=DUE, created_at=DUE, updated_at=DUE
    )
    for n, delivery in enumerate((bad, good)):
        receipts.note("smtp", f"b{n}", delivery.public_id, "bounced", code="5.1.1", now=DUE)
    if spoiled == "a break":
        real = receipts.fall_back
        monkeypatch.setattr(receipts, "fall_back", lambda d, now: real(d, now=now) if d.pk == good.pk else 1 / 0)
    receipts.apply(now=DUE + MINUTE)
    visit.refresh_from_db()
    assert visit.call_reason == "A message did not arrive"
    assert not Receipt.objects.filter(applied_at=None).exists()


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


@pytest.fixture
def by_phone(post: Post, visit: Appointment, patient: Patient) -> Appointment:
    """Maya's visit, of which she was told on the phone, as she wants to be."""
    Patient.objects.filter(pk=patient.pk).update(reminder_by="phone")
    go(DUE)
    return visit


def test_who_wants_a_call_is_called_when_we_move_the_visit(
    by_phone: Appointment, practitioner: Practitioner, desk: Actor, post: Post
) -> None:
    actions.move(by_phone, practitioner, at("2027-03-15 10:20"), by=desk, now=DUE + MINUTE)
    for minutes in range(1, 6):
        go(DUE + minutes * MINUTE)
    by_phone.refresh_from_db()
    assert (by_phone.needs_call, by_phone.call_reason) == (True, "Tell the new time")
    assert (post.subjects, texts()) == ([], [])


@pytest.mark.parametrize("how", ["is switched off", "rests"])
@pytest.mark.parametrize("known", [{"reminder_by": "phone"}, {"email": "", "mobile": ""}])
def test_a_call_does_not_wait_for_mail_that(
    by_phone: Appointment, patient: Patient, practitioner: Practitioner, desk: Actor, how: str, known: dict[str, str]
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email")
    Patient.objects.filter(pk=patient.pk).update(**known)
    call_command("channel", "email", "off", reason="provider trouble", verbosity=0)
    if how == "rests":
        ChannelSwitch.objects.update(enabled=True, paused_until=DUE + timedelta(hours=1))
    actions.move(by_phone, practitioner, at("2027-03-15 10:20"), by=desk, now=DUE + MINUTE)
    for minutes in range(1, 6):
        go(DUE + minutes * MINUTE)
    by_phone.refresh_from_db()
    assert by_phone.call_reason == "Tell the new time"


@pytest.mark.parametrize("now_is", ["here", "over", "cancelled"])
def test_what_comes_back_when_it_does_not_matter_any_more_is_no_call(
    post: Post, visit: Appointment, patient: Patient, desk: Actor, now_is: str
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email", mobile="")
    go(DUE)
    then = visit.starts_at
    if now_is == "cancelled":
        actions.cancel(visit, by=desk, now=DUE)
    elif now_is == "here":
        actions.arrive(visit, by=desk, now=then)
    Receipt.objects.create(provider="smtp", event_id="b1", delivery=emails(), outcome="bounced", code="5.1.1", received_at=then)
    receipts.apply(now=then)
    visit.refresh_from_db()
    assert not visit.needs_call
    patient.refresh_from_db()
    assert patient.email_bounced_at is not None


def test_so_is_who_could_not_be_reached_before(
    post: Post, visit: Appointment, patient: Patient, practitioner: Practitioner, desk: Actor
) -> None:
    Patient.objects.filter(pk=patient.pk).update(reminder_by="email", mobile="")
    post.mood = "no_rcpt"
    go(DUE)
    actions.called(visit, by=desk, now=DUE)
    actions.move(visit, practitioner, at("2027-03-15 10:20"), by=desk, now=DUE + MINUTE)
    for minutes in range(1, 6):
        go(DUE + minutes * MINUTE)
    visit.refresh_from_db()
    assert visit.call_reason == "Tell the new time"


@pytest.mark.parametrize("verb", ["move", "cancel"])
def test_nobody_is_called_about_what_was_taken_back_before_anybody_phoned(
    by_phone: Appointment, practitioner: Practitioner, desk: Actor, verb: str
) -> None:
    if verb == "move":
        gone = actions.move(by_phone, practitioner, at("2027-03-15 10:20"), by=desk, now=DUE)
    else:
        gone = actions.cancel(by_phone, by=desk, now=DUE + MINUTE)
    go(DUE + 4 * MINUTE)
    by_phone.refresh_from_db()
    assert by_phone.call_reason == {"move": "Tell the new time", "cancel": "Tell that we had to cancel"}[verb]
    actions.undo(gone, by=desk, now=DUE + 5 * MINUTE)
    for minutes in range(5, 12):
        go(DUE + minutes * MINUTE)
    by_phone.refresh_from_db()
    assert (by_phone.needs_call, by_phone.call_reason) == (False, "")


def test_who_was_called_about_a_move_is_called_again_when_it_is_taken_back(
    by_phone: Appointment, practitioner: Practitioner, desk: Actor
) -> None:
    gone = actions.move(by_phone, practitioner, at("2027-03-15 10:20"), by=desk, now=DUE)
    go(DUE + 4 * MINUTE)
    actions.called(gone, by=desk, now=DUE + 5 * MINUTE)
    actions.undo(gone, by=desk, now=DUE + 6 * MINUTE)
    for minutes in range(6, 12):
        go(DUE + minutes * MINUTE)
    by_phone.refresh_from_db()
    assert by_phone.call_reason == "Tell the new time"


def test_a_mail_that_still_waits_while_there_is_no_number_is_news_when_the_time_changes(
    post: Post, visit: Appointment, patient: Patient, practitioner: Practitioner, desk: Actor
) -> None:
    Patient.objects.filter(pk=patient.pk).update(mobile="")
    post.mood = "busy"
    go(DUE)
    gone = actions.move(visit, practitioner, at("2027-03-15 10:20"), by=desk, now=DUE + MINUTE)
    go(DUE + MINUTE)
    post.mood = "ok"
    actions.undo(gone, by=desk, now=DUE + 2 * MINUTE)
    for minutes in range(2, 12):
        go(DUE + minutes * MINUTE)
    assert post.subjects == ["Your appointment on Thursday, March 11"]
