"""`manage.py set_up_clinic FILE.yaml`: the clinic, its rooms, practitioners, hours and services from one file."""

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from audit.actor import Actor
from booking.setup import DEMO_CLINIC, SetupError, load_clinic


class Command(BaseCommand):
    """Loads a clinic file and makes the public pages that are missing; loading it again changes nothing."""

    help = f"Set up the clinic from a YAML file (example: {DEMO_CLINIC.name})."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file."""
        parser.add_argument("file", type=Path, help="YAML file; copy booking/clinics/demo-clinic.yaml and change it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, and say what changed."""
        try:
            changes = load_clinic(options["file"], now=clock.now(), by=Actor.system())
        except SetupError as error:
            raise CommandError(str(error)) from error
        for label in changes.created:
            self.stdout.write(f"created  {label}")
        for label in changes.updated:
            self.stdout.write(f"updated  {label}")
        if not changes:
            self.stdout.write("Nothing to change.")
        call_command("create_site", verbosity=0, stdout=self.stdout)
