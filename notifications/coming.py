"""What will really go out, and when: the sender's own question, asked of the future."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from booking.models import DeskText
from notifications import channels
from notifications.kinds import EMAIL, TEXT
from notifications.letters import Facts, Letter, Stay, Wait, compose, notes_of
from notifications.models import ChannelSwitch, Delivery, Message
from notifications.plans import plan_desk_text


def will_go(deliveries: Iterable[Delivery], *, now: datetime) -> list[tuple[Delivery, datetime]]:
    """Those that will leave as things stand, each with the moment it will, soonest first.

    Left out is what the sender would leave: the other way of the same message, what is switched off or no longer true, and what
    a night makes too late. What waits for the morning, or for a channel that rests, is told with that time.
    """
    found = list(deliveries)
    going = _going(found, Facts.of([delivery.message for delivery in found]), now=now)
    return [(delivery, at) for delivery, at, _letter in going]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A letter as it would leave now: which way, what it says, and when."""

    channel: str
    letter: Letter
    at: datetime


def foresee(said: DeskText, *, now: datetime) -> Foreseen | None:
    """What a text from the desk would be, were it asked for now: planned and written as if it were. None if nothing would go."""
    deliveries = []
    for planned in plan_desk_text(said, now=now).messages:
        fields = asdict(planned)
        rest = {name: fields.pop(name) for name in ("urgent", "state", "reason")}
        message = Message(**fields)
        deliveries.append(Delivery(message=message, channel=message.channel, next_attempt_at=message.due_at, **rest))
    facts = Facts(visits={said.appointment.pk: said.appointment}, desk_texts={said.pk or 0: said}, notes=notes_of({"desk_text"}))
    return next((Foreseen(d.channel, letter, at) for d, at, letter in _going(deliveries, facts, now=now)), None)


def _going(found: list[Delivery], facts: Facts, *, now: datetime) -> list[tuple[Delivery, datetime, Letter]]:
    """Those that will leave, when, and with which words; soonest first."""
    switches = {switch.channel: switch for switch in ChannelSwitch.objects.all()}
    off = {name for name, switch in switches.items() if not switch.enabled}
    texts_work = channels.texts_configured() and TEXT not in off
    rests = {name: switch.paused_until for name, switch in switches.items() if switch.paused_until}
    going = []
    for delivery in found:
        at = max(delivery.next_attempt_at, now, rests.get(delivery.channel) or now)
        if delivery.channel == EMAIL and EMAIL in off:
            continue
        letter = compose(delivery, facts, texts_work=texts_work, now=at)
        if isinstance(letter, Wait):
            at = letter.until
            letter = compose(delivery, facts, texts_work=texts_work, now=at)
        if not isinstance(letter, Stay | Wait):
            going.append((delivery, at, letter))
    return sorted(going, key=lambda each: (each[1], each[0].pk or 0))


def switched_off() -> list[str]:
    """The channels that somebody has switched off, as screens name them: what would go that way waits, or goes another way."""
    return [switch.get_channel_display() for switch in ChannelSwitch.objects.filter(enabled=False).order_by("channel")]
