"""`manage.py check_photos`: every photo has its files and they open; no file is left without a row."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from intake import photo_files
from intake.actions.photos import forget_files

_ASIDE = timedelta(hours=1)  # a file is written before its row: a young one may be about to get it


class Command(BaseCommand):
    """Compare rows and files; with --delete, remove files that have no row."""

    help = "Checks that every photo opens, and finds files that no photo needs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--delete and --quick."""
        parser.add_argument("--delete", action="store_true", help="remove files without a row that are older than an hour")
        parser.add_argument("--quick", action="store_true", help="look whether the files are there, do not open them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found; exit with 1 if a photo cannot be opened."""
        known, broken = set(), []
        rows = 0
        for photo in photo_files.every_photo():
            rows += 1
            names = [name for name in (photo.name, photo.small_name) if name]
            known.update(names)
            if trouble := photo_files.trouble_with(photo, names, opened=not options["quick"]):
                broken.append(f"{photo.public_id}: {trouble}")
        left = photo_files.left_over(known, older_than=clock.now() - _ASIDE)
        for line in broken:
            self.stderr.write(line)
        if options["delete"]:
            forget_files(left)
        done = "deleted" if options["delete"] else "found"
        self.stdout.write(f"photos={rows} broken={len(broken)} files_without_a_row_{done}={len(left)}")
        if broken:
            raise CommandError(f"{len(broken)} photos cannot be opened.")
