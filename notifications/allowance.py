"""How many messages a channel may take now, where its provider's rate is limited: one bucket in the database for all senders."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from notifications.models import ChannelSwitch


@transaction.atomic
def take(channel: str, rate: float, *, want: int, now: datetime) -> int:
    """Up to `want` messages out of the bucket, which fills at `rate` a second and holds one second's worth, at least one."""
    ChannelSwitch.objects.get_or_create(channel=channel)
    switch = ChannelSwitch.objects.select_for_update().get(channel=channel)
    holds = max(1.0, rate)
    passed = (now - switch.refilled_at).total_seconds() if switch.refilled_at else holds / rate
    there = min(holds, switch.tokens + rate * max(0.0, passed))
    taken = min(want, int(there))
    switch.tokens, switch.refilled_at = there - taken, now
    switch.save(update_fields=["tokens", "refilled_at"])
    return taken


def give_back(channel: str, number: int) -> None:
    """What was not used after all."""
    if number:
        ChannelSwitch.objects.filter(channel=channel).update(tokens=F("tokens") + number)
