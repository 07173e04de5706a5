"""What people do to the outbox."""

from datetime import datetime

from django.db import transaction

from audit.actions import record
from audit.actor import Actor
from notifications.models import ChannelSwitch


@transaction.atomic
def switch_channel(channel: str, *, on: bool, reason: str = "", by: Actor, now: datetime) -> ChannelSwitch:
    """Switch a channel off or on. Works at the next fence: at most one more message per process goes out.

    E-mail that is off waits until it is on or too late; texts that are off go by e-mail where there is an address.
    """
    switch, _created = ChannelSwitch.objects.update_or_create(
        channel=channel, defaults={"enabled": on, "reason": reason[:80], "changed_at": now, "paused_until": None}
    )
    record(
        "notifications.switch_channel", by=by, now=now, obj=switch, detail={"channel": channel, "on": on, "reason": reason[:80]}
    )
    return switch
