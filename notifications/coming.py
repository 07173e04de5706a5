"""What will really go out, and when: the sender's own question, asked of the future."""

from collections.abc import Iterable
from datetime import datetime

from notifications import channels
from notifications.kinds import EMAIL, TEXT
from notifications.letters import Facts, Stay, Wait, compose
from notifications.models import ChannelSwitch, Delivery


def will_go(deliveries: Iterable[Delivery], *, now: datetime) -> list[tuple[Delivery, datetime]]:
    """Those that will leave as things stand, each with the moment it will, soonest first.

    Left out is what the sender would leave: the other way of the same message, what is switched off or no longer true, and what
    a night makes too late. What waits for the morning, or for a channel that rests, is told with that time.
    """
    found = list(deliveries)
    facts = Facts.of([delivery.message for delivery in found])
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
            going.append((delivery, at))
    return sorted(going, key=lambda pair: (pair[1], pair[0].pk))


def switched_off() -> list[str]:
    """The channels that somebody has switched off, as screens name them: what would go that way waits, or goes another way."""
    return [switch.get_channel_display() for switch in ChannelSwitch.objects.filter(enabled=False).order_by("channel")]
