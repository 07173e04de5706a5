"""What people do to the outbox."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actions import Changed
from accounts.marks import mark_of
from audit.actions import record
from audit.actor import Actor
from booking.actions import ask_to_call
from booking.models import Appointment
from notifications import planner
from notifications.kinds import KINDS, NOT_ARRIVED
from notifications.letters import RESEND
from notifications.models import ABOUT_VISITS, TROUBLE, ChannelSwitch, Delivery, Inbound, KindNote, TestSend
from notifications.wordlist import ADDRESS, says_why

NOTE_LENGTH = 200
TEST_LASTS = timedelta(hours=1)


class MessageError(Exception):
    """A refusal whose text may be shown."""


@transaction.atomic
def switch_channel(channel: str, *, on: bool, reason: str = "", by: Actor, now: datetime) -> ChannelSwitch:
    """Switch a channel off or on. Works at the next fence: at most one more message per process goes out.

    Email that is off waits until it is on or too late; texts that are off go by email where there is an address.
    """
    switch, _created = ChannelSwitch.objects.update_or_create(
        channel=channel,
        defaults={"enabled": on, "reason": reason[:80], "changed_at": now, "paused_until": None, "failures": 0},
    )
    record(
        "notifications.switch_channel", by=by, now=now, obj=switch, detail={"channel": channel, "on": on, "reason": reason[:80]}
    )
    return switch


# --- Trouble: a message that failed, came back, or may have been sent -------------------------------------------------------


def _trouble(delivery: Delivery) -> Delivery:
    """The delivery, locked, while nobody has dealt with it.

    Raises:
        MessageError: somebody has, or it arrived meanwhile.
    """
    found = Delivery.objects.select_for_update(of=("self",)).select_related("message").get(pk=delivery.pk)
    if found.settled_at is not None or found.state not in TROUBLE:
        raise MessageError(_("Somebody has dealt with this already, or it arrived after all."))
    return found


def _settle(delivery: Delivery, action: str, *, by: Actor, now: datetime) -> None:
    delivery.settled_at = delivery.updated_at = now
    delivery.save(update_fields=["settled_at", "updated_at"])
    visit = visit_of(delivery)
    kind = {"kind": delivery.message.kind, "channel": delivery.channel}
    record(action, by=by, now=now, obj=visit or delivery, subject_id=visit.patient_id if visit else None, detail=kind)


def visit_of(delivery: Delivery) -> Appointment | None:
    """The visit that a message is about, if it is about one."""
    message = delivery.message
    return Appointment.objects.filter(pk=message.subject_id).first() if message.subject_type in ABOUT_VISITS else None


@transaction.atomic
def retry(delivery: Delivery, *, by: Actor, now: datetime) -> Delivery:
    """Send it again the same way: a new series of tries, looked at as closely as the first.

    Raises:
        MessageError: dealt with already, or it would be too late.
    """
    old = _trouble(delivery)
    if now >= old.message.expires_at:
        raise MessageError(_("It is too late to send this. Call instead."))
    _settle(old, "notifications.retry", by=by, now=now)
    return Delivery.objects.create(
        message=old.message, channel=old.channel, urgent=old.urgent, reason=RESEND, next_attempt_at=now, created_at=now,
        updated_at=now,
    )  # fmt: skip


@transaction.atomic
def call_instead(delivery: Delivery, *, by: Actor, now: datetime) -> None:
    """Put the visit on the call list.

    Raises:
        MessageError: dealt with already, or not about a visit that is still to come.
    """
    old = _trouble(delivery)
    visit = visit_of(old)
    if visit is None:
        raise MessageError(_("This message is not about a visit."))
    if not visit.is_called_about(now):
        raise MessageError(_("That visit is over. It is not called about any more."))
    ask_to_call(visit, reason=str(NOT_ARRIVED), by=by, now=now)
    _settle(old, "notifications.call_instead", by=by, now=now)


@transaction.atomic
def dismiss(delivery: Delivery, *, by: Actor, now: datetime) -> None:
    """Nothing more to do about it."""
    _settle(_trouble(delivery), "notifications.dismiss", by=by, now=now)


@transaction.atomic
def settle_reply(inbound: Inbound, *, by: Actor, now: datetime) -> None:
    """Somebody has read this text and done what it asks."""
    row = Inbound.objects.select_for_update().get(pk=inbound.pk)
    if row.settled_at is not None:
        return
    row.settled_at = now
    row.save(update_fields=["settled_at"])
    visit = Appointment.objects.filter(pk=row.visit_id).first() if row.visit_id else None
    record("notifications.reply_done", by=by, now=now, obj=visit or row, subject_id=visit.patient_id if visit else None)


# --- The clinic's own sentence, and seeing how it looks ---------------------------------------------------------------------


def check_note(words: str) -> str:
    """Why a note may not stand in a message, or an empty string."""
    if len(words) > NOTE_LENGTH:
        return _("A note may have %(n)d characters.") % {"n": NOTE_LENGTH}
    if word := says_why(words):
        return _("“%(word)s” says why somebody comes. A message must not: it may be read by others.") % {"word": word}
    if ADDRESS.search(words):
        return _("No links and no addresses: people learn to distrust them. The message has its own link.")
    return ""


def note_of(kind: str) -> KindNote:
    """The clinic's sentence in a kind, saved or not yet."""
    return KindNote.objects.filter(kind=kind).first() or KindNote(kind=kind)


def mark_of_note(note: KindNote) -> str:
    """What a form carries that is made from a sentence."""
    return mark_of(note, ["words"])


@transaction.atomic
def save_note(kind: str, words: str, *, seen: str = "", by: Actor, now: datetime) -> KindNote:
    """Set or take away the sentence that the clinic adds to every email of a kind.

    Args:
        seen: the mark of the sentence that the form was made from (`mark_of_note`); empty does not ask.

    Raises:
        MessageError: it says why somebody comes, holds a link, or is too long.
        Changed: it is another one by now.
    """
    words = " ".join(words.split())
    if refusal := check_note(words):
        raise MessageError(refusal)
    KindNote.objects.get_or_create(kind=kind, defaults={"changed_at": now})
    note = KindNote.objects.select_for_update().get(kind=kind)
    if seen and seen != mark_of_note(note):
        raise Changed(_("Somebody changed this meanwhile."))
    note.words, note.changed_at = words, now
    note.save()
    record("notifications.save_note", by=by, now=now, obj=note, detail={"kind": kind, "length": len(words)})
    return note


@transaction.atomic
def send_test(kind: str, channel: str, address: str, *, by: Actor, now: datetime) -> TestSend:
    """Send a sample of a kind to an address, through the outbox like any message."""
    assert channel in KINDS[kind].channels
    test = TestSend.objects.create(kind=kind, channel=channel, address=address, asked_at=now)
    record("notifications.send_test", by=by, now=now, obj=test, detail={"kind": kind, "channel": channel})
    planner.plan_test(test, now=now, lasts=TEST_LASTS)
    return test
