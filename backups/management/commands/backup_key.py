"""`manage.py backup_key FILE`: a pair of keys for copies. To be run where the private key will stay, not on the server."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import pyrage
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Makes what `age-keygen` makes."""

    help = "Make a pair of keys for copies. Run it where the private key stays; only the public one goes to the server."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where the private key goes."""
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the private key (mode 0600, never over a file that is there), print the public one."""
        pair = pyrage.x25519.Identity.generate()
        try:
            with open(options["file"], "x", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(f"# public key: {pair.to_public()}\n{pair}\n")
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"BACKUP_KEYS={pair.to_public()}")
