"""When a message did not arrive: the other channel, else the desk's call list."""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from audit.actor import Actor
from booking.actions import ask_to_call, call_with_offer
from booking.models import Appointment, WaitlistOffer
from booking.waitlist import OfferState
from notifications import channels
from notifications.kinds import EMAIL, KINDS, NOT_ARRIVED
from notifications.letters import FALLBACK, ways
from notifications.models import ABOUT_VISITS, TOLD, WAITING, Delivery, Message, State, Subject
from patients.models import Helper, Patient

UNHEARD = timedelta(minutes=10)  # after that long without a message that left, an offer is one for the telephone


def call_about(delivery: Delivery, *, now: datetime) -> None:
    """News of a visit that waited past its time: there is no other way left, so the desk calls, unless it went the other way."""
    message, kind = delivery.message, KINDS[delivery.message.kind]
    visit = _so_still(message, now)
    if visit is None or visit.reach is None:
        return
    wanted = kind.call or delivery.channel in ways(kind, visit.reach, texts_work=channels.texts_work())
    same = Message.objects.filter(
        subject_type=message.subject_type, subject_id=message.subject_id, kind=message.kind, sequence=message.sequence
    )
    if wanted and not Delivery.objects.filter(message__in=same, state__in=TOLD).exists():
        ask_to_call(visit, reason=str(kind.call or NOT_ARRIVED), by=Actor.system(), now=now)


def _so_still(message: Message, now: datetime) -> Appointment | None:
    """The visit that a message is about, while it is as the message says, and not begun if that is what it is about."""
    kind = KINDS.get(message.kind)
    if kind is None:
        return None
    visit = Appointment.objects.filter(pk=message.subject_id, status__in=kind.statuses).first()
    if visit is None or (message.subject_type == Subject.VISIT and visit.ics_sequence != message.sequence):
        return None
    return visit if kind.outlives or visit.starts_at > now else None


def _offered(message: Message, now: datetime) -> tuple[Patient | Helper | None, Appointment | None]:
    """Who may still take the time that a message offers, and the visit they have."""
    live = WaitlistOffer.objects.filter(
        pk=message.subject_id, sequence=message.sequence, state=OfferState.OPEN, expires_at__gt=now
    )
    made = live.with_reach().first()
    return (made.entry.reach, made.entry.visit) if made else (None, None)


def _told(message: Message, now: datetime) -> tuple[Patient | Helper | None, Appointment | None]:
    """Who hears about the visit that a message is about, and the visit, while what it says is so."""
    if message.subject_type not in ABOUT_VISITS or message.subject_type == Subject.RECALL:
        return None, None
    visit = _so_still(message, now)
    return (visit.reach, visit) if visit is not None else (None, None)


def fall_back(delivery: Delivery, *, now: datetime) -> None:
    """A message that did not arrive, about a visit or an offered time: the other channel if it has not been used, else a call."""
    message = delivery.message
    reader, visit = _offered(message, now) if message.subject_type == Subject.OFFER else _told(message, now)
    if reader is None:
        return
    key = {name: getattr(message, name) for name in ("subject_type", "subject_id", "kind", "sequence", "recipient")}
    other = Message.objects.filter(**key).exclude(channel=message.channel).first()
    tries = Delivery.objects.filter(message=other) if other else Delivery.objects.none()
    tried = set(tries.values_list("state", flat=True))
    texts_work = channels.texts_work()
    waits = bool(tried & set(WAITING))
    if tried & set(TOLD) or (other and waits and other.channel in ways(KINDS[message.kind], reader, texts_work=texts_work)):
        return  # the patient hears of it the other way
    reachable = reader.can_email if other and other.channel == EMAIL else reader.can_text and texts_work
    if other is None or not reachable or tried & {State.FAILED, State.BOUNCED}:
        if message.subject_type == Subject.OFFER:
            call_with_offer(WaitlistOffer.objects.get(pk=message.subject_id), by=Actor.system(), now=now)
        elif visit is not None:
            ask_to_call(visit, reason=str(NOT_ARRIVED), by=Actor.system(), now=now)
    elif waits:
        tries.filter(state__in=WAITING).update(
            state=State.PENDING, reason=FALLBACK, claim=None, lease_until=None, next_attempt_at=now, updated_at=now
        )
    else:
        Delivery.objects.create(
            message=other, channel=other.channel, urgent=delivery.urgent, reason=FALLBACK, next_attempt_at=now, created_at=now,
            updated_at=now,
        )  # fmt: skip


def call_those_who_have_not_heard(*, now: datetime) -> int:
    """Offers of which nothing has left ten minutes after they were made: a channel rests, or its other side is busy."""
    about = Message.objects.filter(subject_type=Subject.OFFER, kind="wait_offer", subject_id=OuterRef("pk"))
    told = Delivery.objects.filter(
        message__subject_type=Subject.OFFER, message__subject_id=OuterRef("pk"), message__kind="wait_offer", state__in=TOLD
    )
    unheard = WaitlistOffer.objects.filter(
        Exists(about), ~Exists(told), state=OfferState.OPEN, to_call=False, offered_at__lte=now - UNHEARD, expires_at__gt=now
    )
    return sum(call_with_offer(made, by=Actor.system(), now=now).to_call for made in unheard[:50])
