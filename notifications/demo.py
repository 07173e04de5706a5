"""What the demo clinic's messages went through: sent ones, one that did not arrive, texts that need a person.

Rows as the sender leaves them, written past it on purpose: nothing of the past is sent again.
"""

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from booking.models import Appointment
from notifications import replies
from notifications.kinds import EMAIL, TEXT
from notifications.models import Delivery, Message, State, Subject
from patients.models import Patient

_ASKED = ["Is there parking close by? I walk with a cane.", "Can my wife come along?"]


def load(visits: Sequence[Appointment], *, now: datetime) -> None:
    """The confirmations of these visits, by both ways; the first one's number is out of service. Two of them asked something.

    Everybody else who is coming has had theirs before: who is moved now hears of a move, not of a booking.
    """
    for number, visit in enumerate(visits):
        said_at = now - timedelta(hours=5 + 11 * number)
        _sent([(visit, channel, said_at) for channel in (EMAIL, TEXT)], number_out_of_service=number == 0)
        if number == 0:
            Patient.objects.filter(pk=visit.patient_id).update(mobile_bounced_at=said_at)
    rest = Appointment.objects.upcoming(now).exclude(pk__in=[visit.pk for visit in visits]).select_related("patient")
    early = now - timedelta(days=2)
    _sent([(visit, channel, early) for visit in rest if visit.patient for channel in _ways(visit.patient)])
    for number, (visit, words) in enumerate(zip(visits[1:], _ASKED, strict=False)):
        assert visit.patient is not None
        key = hashlib.sha256(words.encode()).hexdigest()[:32]
        replies.take("demo", key, visit.patient.e164, words, now=now - timedelta(minutes=25 + 70 * number))
    replies.handle(now=now)


def _ways(patient: Patient) -> list[str]:
    """The channels that this patient chose."""
    return [channel for channel, wanted in ((EMAIL, patient.wants_email), (TEXT, patient.wants_text)) if wanted]


def _sent(each: list[tuple[Appointment, str, datetime]], *, number_out_of_service: bool = False) -> None:
    """That these were told of their booking, by this channel, at that time."""
    messages = Message.objects.bulk_create(
        Message(
            subject_type=Subject.VISIT, subject_id=visit.pk, kind="booked", sequence=visit.ics_sequence, recipient="patient",
            channel=channel, due_at=said_at, expires_at=visit.starts_at, says_start=visit.starts_at,
            says_practitioner_id=visit.practitioner_id, created_at=said_at,
        )
        for visit, channel, said_at in each
    )  # fmt: skip
    Delivery.objects.bulk_create(_delivery(message, number_out_of_service and message.channel == TEXT) for message in messages)


def _delivery(message: Message, failed: bool) -> Delivery:
    at = message.due_at
    return Delivery(
        message=message, channel=message.channel, state=State.BOUNCED if failed else State.DELIVERED, attempts=1,
        error_code="30005" if failed else "", provider="demo", provider_id=uuid.uuid4().hex, next_attempt_at=at,
        sent_at=at, created_at=at, updated_at=at,
    )  # fmt: skip
