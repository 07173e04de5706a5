"""manage.py channel: the kill switch."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import clock
from audit.actor import Actor
from notifications.actions import switch_channel
from notifications.models import Channel, ChannelSwitch


class Command(BaseCommand):
    """manage.py channel text off --reason "provider trouble"; without arguments, how the channels stand."""

    help = "Switch email or texts off and on. Nothing that waits is lost."

    def add_arguments(self, parser: CommandParser) -> None:
        """The channel, on or off, and why."""
        parser.add_argument("channel", nargs="?", choices=Channel.values)
        parser.add_argument("to", nargs="?", choices=["on", "off"])
        parser.add_argument("--reason", default="")

    def handle(self, *args: Any, channel: str | None, to: str | None, reason: str, **options: Any) -> None:
        """Switch, then say how things stand."""
        if channel and to:
            switch_channel(channel, on=to == "on", reason=reason, by=Actor.system(), now=clock.now())
        switches = {switch.channel: switch for switch in ChannelSwitch.objects.all()}
        for name in Channel.values:
            switch = switches.get(name)
            off = switch is not None and not switch.enabled
            self.stdout.write(f"{name}: {'off' if off else 'on'}{f' ({switch.reason})' if off and switch else ''}")
