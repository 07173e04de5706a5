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
    """The confirmations of these visits, by both ways; the first one's number is out of service. Two of them asked something."""
    for number, visit in enumerate(visits):
        said_at = now - timedelta(hours=5 + 11 * number)
        for channel in (EMAIL, TEXT):
            failed = number == 0 and channel == TEXT
            message = Message.objects.create(
                subject_type=Subject.VISIT, subject_id=visit.pk, kind="booked", sequence=visit.ics_sequence, recipient="patient",
                channel=channel, due_at=said_at, expires_at=visit.starts_at, says_start=visit.starts_at,
                says_practitioner_id=visit.practitioner_id, created_at=said_at,
            )  # fmt: skip
            Delivery.objects.create(
                message=message, channel=channel, state=State.BOUNCED if failed else State.DELIVERED, attempts=1,
                error_code="30005" if failed else "", provider="demo", provider_id=uuid.uuid4().hex, next_attempt_at=said_at,
                sent_at=said_at, created_at=said_at, updated_at=said_at,
            )  # fmt: skip
        if number == 0:
            Patient.objects.filter(pk=visit.patient_id).update(mobile_bounced_at=said_at)
    for number, (visit, words) in enumerate(zip(visits[1:], _ASKED, strict=False)):
        assert visit.patient is not None
        key = hashlib.sha256(words.encode()).hexdigest()[:32]
        replies.take("demo", key, visit.patient.e164, words, now=now - timedelta(minutes=25 + 70 * number))
    replies.handle(now=now)
