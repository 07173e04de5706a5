"""`manage.py restore COPY --key FILE`: a copy into an empty database and empty folders, compared with what was copied."""

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from audit.actor import Actor
from backups.actions import Manifest, restore
from backups.errors import BackupError
from intake.actions.rotation import unreadable


class Command(BaseCommand):
    """Restores, proves that nothing is missing, brings the tables up to this version, and opens everything that is sealed."""

    help = "Restore a copy into an empty database and empty folders. Exits with 1 if anything is different."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The copy, and the key that opens it."""
        parser.add_argument("copy", help="a file, or - for standard input")
        parser.add_argument("--key", type=Path, required=True, help="the file with the private key")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, and say what came back."""
        began = time.monotonic()
        try:
            manifest = self._read(options["copy"], options["key"].read_text(encoding="ascii"))
        except BackupError as error:
            raise CommandError(f"{error} Drop the database and the folders before you try again.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(str(error)) from error
        told = " ".join(f"{name}={value}" for name, value in manifest.numbers.items())
        self.stdout.write(f"restored made_at={manifest.made_at} {told} differences=0 seconds={time.monotonic() - began:.1f}")
        call_command("migrate", interactive=False, verbosity=0)
        if failed := unreadable():
            raise CommandError(
                f"{len(failed)} answers, reviews or corrections do not open, the first {failed[0]} "
                "If ANSWER_KEYS lacks a key, add it; nothing else is wrong with the copy."
            )
        call_command("check_photos", stdout=self.stdout, stderr=self.stderr)

    def _read(self, copy: str, key: str) -> Manifest:
        if copy == "-":
            return restore(sys.stdin.buffer, keys=key, by=Actor.system(), now=clock.now())
        with open(copy, "rb") as source:
            return restore(source, keys=key, by=Actor.system(), now=clock.now())
