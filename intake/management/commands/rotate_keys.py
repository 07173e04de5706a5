"""`manage.py rotate_keys`: re-encrypt answers, reviews and photos with the newest key of ANSWER_KEYS."""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from audit.actor import Actor
from intake import rotation

_WIDTH, _PASSES = 30, 5


class Command(BaseCommand):
    """Rotate keys. Works while the site is in use; may be stopped and run again at any time."""

    help = "Re-encrypt every response, review and photo that is not under the newest key. Safe to interrupt and to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The size of a batch, which is one transaction."""
        parser.add_argument("--batch", type=int, default=rotation.BATCH, help="rows in one transaction (100)")

    def handle(self, *args: Any, **options: Any) -> None:
        """A bar while it runs, then counts; an error while anything is still under an old key."""
        total = rotation.left()
        made, left = rotation.Rotated(), 0
        for _pass in range(_PASSES):
            sofar = made.answers + made.reviews + made.photos
            done = rotation.rotate(
                by=Actor.system(),
                now=clock.now(),
                batch=max(1, options["batch"]),
                tell=lambda d, sofar=sofar: self._bar(sofar + d.answers + d.reviews + d.photos, total),
            )
            made = rotation.Rotated(
                made.answers + done.answers, made.reviews + done.reviews, made.photos + done.photos, done.failed
            )
            left = rotation.left()
            if left <= len(made.failed):
                break
            time.sleep(1)  # Somebody was writing; their rows come next.
        if self.stdout.isatty():
            self.stdout.write("")
        counts = f"answers={made.answers} reviews={made.reviews} photos={made.photos}"
        self.stdout.write(f"{counts} failed={len(made.failed)} left={left}")
        if left:
            raise CommandError("Still under an old key: " + (", ".join(made.failed[:20]) or "rows in use; run it again."))

    def _bar(self, done: int, total: int) -> None:
        if self.stdout.isatty():
            filled = _WIDTH if not total else min(_WIDTH, _WIDTH * done // total)
            self.stdout.write(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}", ending="")
            self.stdout.flush()
