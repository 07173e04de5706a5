"""What the other side says became of a message, and what follows from it.

Receipts come late, twice and in any order. Each is kept once (`note`) and applied later (`apply`): a state only moves up, so
that any order ends the same. They carry our own delivery's id under a seal, so an answer that was lost on the way is healed,
and nobody can make one up.
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError

from audit.actor import Actor
from booking.actions import BookingError
from booking.actions.write_path import retrying
from booking.models import Appointment, WaitlistOffer
from notifications.fallback import fall_back
from notifications.letters import visit_id_of
from notifications.models import ABOUT_VISITS, Channel, Delivery, Receipt, State, Subject
from notifications.seals import digest_of
from patients import actions as people
from patients.models import Helper, Patient

log = logging.getLogger(__name__)
RANK = {State.SENDING: 0, State.UNKNOWN: 0, State.ACCEPTED: 1, State.DELIVERED: 2, State.BOUNCED: 3}
BATCH = 500
# What says that nothing will ever arrive there: enhanced status codes of mail, error numbers of the text provider.
_DEAD_MAIL = re.compile(r"^5\.1\.(1|2|3|6|10)$|^5\.2\.1$")
_DEAD_NUMBER = frozenset({"21211", "21614", "30005", "30006"})
STOPPED_NUMBER = "21610"
SUPPRESSED = "suppressed"  # the provider's own list: what came back, or was called spam, is not sent there any more
COMPLAINED = "complained"  # an outcome: it arrived, and whoever got it told their mail program that it is spam


def is_dead(channel: str, code: str) -> bool:
    """Whether this error means that the address or number itself is no good, rather than today's trouble."""
    if channel == Channel.EMAIL:
        return code in (SUPPRESSED, COMPLAINED) or bool(_DEAD_MAIL.match(code))
    return code in _DEAD_NUMBER


def note(provider: str, event_id: str, public_id: UUID, outcome: str, *, code: str = "", now: datetime) -> None:
    """Keep a receipt, once. Two statements, whatever it says; what follows is done by the next round."""
    delivery = Delivery.objects.filter(public_id=public_id).values_list("pk", flat=True).first()
    receipt = Receipt(
        provider=provider, event_id=event_id[:255], delivery_id=delivery, outcome=outcome, code=code[:32], received_at=now
    )
    Receipt.objects.bulk_create([receipt], ignore_conflicts=True)


def apply(*, now: datetime) -> Counter[str]:
    """Let the receipts that came in say what became of messages. Returns how many became what."""
    count: Counter[str] = Counter()
    for receipt in Receipt.objects.filter(applied_at=None).select_related("delivery__message").order_by("pk")[:BATCH]:
        try:
            count += _apply(receipt, now=now)
        except (OperationalError, InterfaceError, BookingError):
            raise  # it is applied in the next round
        except Exception:  # one that cannot be applied must not keep back the others, or whatever is to be sent
            log.exception("a receipt could not be applied: %s", receipt.pk)
            Receipt.objects.filter(pk=receipt.pk).update(applied_at=now)
    return count


@retrying
def _apply(receipt: Receipt, *, now: datetime) -> Counter[str]:
    """One receipt and what follows from it: all of it or nothing, once."""
    count: Counter[str] = Counter()
    if not Receipt.objects.filter(pk=receipt.pk, applied_at=None).update(applied_at=now):
        return count  # another round has it
    delivery = receipt.delivery
    complained = receipt.outcome == COMPLAINED
    if delivery is not None and (complained or receipt.outcome in RANK):
        outcome = State.DELIVERED if complained else State(receipt.outcome)
        lower = [state for state, rank in RANK.items() if rank < RANK[outcome]]
        changed = Delivery.objects.filter(pk=delivery.pk, state__in=lower).update(state=outcome, updated_at=now)
        count[str(outcome)] += changed
        if changed and outcome == State.BOUNCED:
            Delivery.objects.filter(pk=delivery.pk).update(error_code=receipt.code)
            fall_back(delivery, now=now)
            mark_contact(delivery, receipt.code, now=now)
        if complained:
            mark_contact(delivery, COMPLAINED, now=now)
    return count


def mark_contact(delivery: Delivery, code: str, *, now: datetime) -> None:
    """Remember that an address is no good, or that texts were stopped there; only if it is still that of who was written to."""
    dead, stopped = is_dead(delivery.channel, code), code == STOPPED_NUMBER and delivery.channel == Channel.TEXT
    if not (dead or stopped) or delivery.message.subject_type not in (*ABOUT_VISITS, Subject.LINK, Subject.OFFER):
        return
    for reader in _readers_of(delivery):
        address = reader.email if delivery.channel == Channel.EMAIL else reader.e164
        if not address or (delivery.sent_to and delivery.sent_to != digest_of(address)):
            continue
        if stopped:
            people.stop_texts(address, by=Actor.system(), now=now)
        else:
            people.mark_bounced(delivery.channel, address, by=Actor.system(), now=now)


def _readers_of(delivery: Delivery) -> Sequence[Patient | Helper]:
    """Who may have been written to: the patient, or who booked for them."""
    message = delivery.message
    if message.subject_type == Subject.OFFER:
        return [made.entry.reach for made in WaitlistOffer.objects.filter(pk=message.subject_id).with_reach()]
    visit = Appointment.objects.select_related("patient", "helper").filter(pk=visit_id_of(message) or message.subject_id).first()
    if visit is None:
        return []
    return [reader for reader in {visit.reach, visit.patient} if reader is not None]
