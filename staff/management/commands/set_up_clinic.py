"""`manage.py set_up_clinic [FILE.yaml]`: everything a new installation needs before people can book."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from booking.setup import DEMO_CLINIC, SetupError, load_clinic
from intake.actions import publish_all


class Command(BaseCommand):
    """The clinic from a file, or from a few questions; the questionnaires; the public pages. Again, it changes nothing."""

    help = f"Set up the clinic: from a YAML file (example: {DEMO_CLINIC.name}), or by asking its name and address."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file."""
        parser.add_argument(
            "file",
            type=Path,
            nargs="?",
            help="YAML file with rooms, practitioners, hours, services (- reads standard input); without it, all of that is "
            "entered on the screens",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load or ask, and say what changed."""
        now, by, changed = clock.now(), Actor.system(), False
        if options["file"] is not None:
            try:
                changes = load_clinic(options["file"], now=now, by=by)
            except SetupError as error:
                raise CommandError(str(error)) from error
            lines = [f"created  {label}" for label in changes.created] + [f"updated  {label}" for label in changes.updated]
            changed = bool(lines)
            for line in lines:
                self.stdout.write(line)
        elif not Clinic.objects.exists():
            call_command("create_clinic", stdout=self.stdout)
            changed = True
        for questionnaire, created in publish_all(by=by, now=now):
            if created:
                changed = True
                self.stdout.write(f"created  questionnaire {questionnaire}")
        if not changed:
            self.stdout.write("Nothing to change.")
        call_command("create_site", verbosity=0, stdout=self.stdout)
