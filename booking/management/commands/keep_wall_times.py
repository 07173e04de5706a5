"""`manage.py keep_wall_times`: after new zone rules, visits stay at the wall time that was agreed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import clock
from accounts.wall import tzdata_version
from audit.actor import Actor
from booking.actions import keep_wall_times, moved_by_rules
from booking.models import TimeOff


class Command(BaseCommand):
    """Prints which visits stand at another instant than their wall time now means; with --apply, puts them right."""

    help = "After new time-zone rules: keep each coming visit at its agreed wall time (prints; --apply does it)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whether to do it."""
        parser.add_argument("--apply", action="store_true", help="do it, visit by visit, instead of printing it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print, or do. References only: no name belongs in a terminal."""
        now = clock.now()
        self.stdout.write(f"Time-zone rules {tzdata_version()}.")
        for visit, start in moved_by_rules(now=now):
            was, to = (f"{moment:%Y-%m-%d %H:%MZ}" for moment in (visit.starts_at, start))
            self.stdout.write(f"{visit.reference}  {visit.local_start} {visit.zone}  {was} -> {to}")
        off = TimeOff.objects.filter(ends_at__gt=now).count()
        if not options["apply"]:
            self.stdout.write("Nothing has been changed; --apply does it.")
            return
        done, stuck = keep_wall_times(by=Actor.system(), now=now)
        for visit in stuck:
            self.stdout.write(f"{visit.reference}  cannot move: on the call list")
        self.stdout.write(f"moved={len(done)} to_call={len(stuck)} time_off_to_look_at={off}")
