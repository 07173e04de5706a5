"""`manage.py backup --to FOLDER`: everything, sealed to the public keys of BACKUP_KEYS. The nightly job."""

import os
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from audit.actor import Actor
from backups.actions import Manifest, back_up
from backups.errors import BackupError

_NAME = "truenorth-*.tar.age"
_LEFT_BEHIND = 24 * 3600  # seconds; a younger part may be another job's, at work


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Command(BaseCommand):
    """Writes to a folder or to standard output. Nothing that can be read without the private key touches a disk."""

    help = "Copy the database and every file, sealed to BACKUP_KEYS. The site goes on meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to, and how many stay there."""
        parser.add_argument("--to", required=True, help="a folder, or - for standard output")
        parser.add_argument("--keep", type=int, default=0, help="how many copies stay in the folder, the newest (0: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write a copy and say what is in it; exit with 1 if it is not whole."""
        now, began = clock.now(), time.monotonic()
        try:
            if options["to"] == "-":
                manifest = self._make(sys.stdout.buffer, now)
                size, where = None, "standard output"
            else:
                folder = Path(options["to"])
                path = folder / f"truenorth-{now:%Y%m%dT%H%M%SZ}.tar.age"
                manifest = self._into(path, now)
                size, where = path.stat().st_size, str(path)
        except BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The copy could not be written: {error}") from error
        numbers = manifest.numbers | ({} if size is None else {"bytes": size})
        told = " ".join(f"{name}={value}" for name, value in numbers.items())
        self.stderr.write(f"{where}: {told} seconds={time.monotonic() - began:.1f}", self.style.NOTICE)
        if options["to"] != "-" and options["keep"] > 0:
            for old in sorted(folder.glob(_NAME))[: -options["keep"]]:
                old.unlink()
        if manifest.missing:
            raise CommandError(
                f"{len(manifest.missing)} photos have no file in this copy. It was made all the same. If rotate_keys ran, "
                "make another; else see manage.py check_photos."
            )

    def _make(self, out: BinaryIO, now: Any) -> Manifest:
        return back_up(out, keys=settings.BACKUP_KEYS, by=Actor.system(), now=now)

    def _into(self, path: Path, now: Any) -> Manifest:
        """Whole under its name, or not there: it gets its name when it is safely on the disk."""
        for left in path.parent.glob(f"{_NAME}.part"):  # of a job that was killed
            if time.time() - left.stat().st_mtime > _LEFT_BEHIND:
                left.unlink(missing_ok=True)
        part = path.with_name(path.name + ".part")
        try:
            with open(part, "xb", opener=_private) as out:
                manifest = self._make(out, now)
                out.flush()
                os.fsync(out.fileno())
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return manifest
