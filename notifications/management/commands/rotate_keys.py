"""`manage.py rotate_keys`: what is encrypted comes under the newest key.

Answers, reviews, photos and texts that came in under ANSWER_KEYS; second factors under LINK_KEYS.
"""

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from accounts.actions import reseal_second_factors
from accounts.models import User
from audit.actor import Actor
from intake.actions import rotation
from notifications import replies

_WIDTH, _PASSES = 30, 5
ALSO = ((replies.old_texts, replies.reseal),)


class Command(BaseCommand):
    """Rotate keys. Works while the site is in use; may be stopped and run again at any time."""

    help = "Re-encrypt what is not under the newest key: answers, reviews, photos, texts, second factors. Safe to stop."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The size of a batch, which is one transaction."""
        parser.add_argument("--batch", type=int, default=rotation.BATCH, help="rows in one transaction (100)")

    def handle(self, *args: Any, **options: Any) -> None:
        """A bar while it runs, then counts; an error while anything is still under an old key."""
        people, lost = reseal_second_factors(by=Actor.system(), now=clock.now())
        if people or lost:
            self.stdout.write(f"second_factors={people} failed={len(lost)}")
        total = rotation.left(also=ALSO)
        made, left = rotation.Rotated(), 0
        for _pass in range(_PASSES):
            sofar = made.answers + made.reviews + made.photos + made.texts
            done = rotation.rotate(
                by=Actor.system(),
                now=clock.now(),
                batch=max(1, options["batch"]),
                tell=lambda d, sofar=sofar: self._bar(sofar + d.answers + d.reviews + d.photos + d.texts, total),
                also=ALSO,
            )
            made = rotation.Rotated(
                made.answers + done.answers,
                made.reviews + done.reviews,
                made.photos + done.photos,
                made.texts + done.texts,
                done.failed,
            )
            left = rotation.left(also=ALSO)
            if left <= len(made.failed):
                break
            time.sleep(1)  # Somebody was writing; their rows come next.
        if self.stdout.isatty():
            self.stdout.write("")
        counts = f"answers={made.answers} reviews={made.reviews} photos={made.photos} texts={made.texts}"
        self.stdout.write(f"{counts} failed={len(made.failed)} left={left}")
        if left:
            raise CommandError("Still under an old key: " + (", ".join(made.failed[:20]) or "rows in use; run it again."))
        if lost:
            who = ", ".join(User.objects.filter(pk__in=lost).order_by("email").values_list("email", flat=True)[:20])
            raise CommandError(f"No key opens the second factor of {who}: put the old LINK_KEYS back, or reset it.")

    def _bar(self, done: int, total: int) -> None:
        if self.stdout.isatty():
            filled = _WIDTH if not total else min(_WIDTH, _WIDTH * done // total)
            self.stdout.write(f"\r[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}/{total}", ending="")
            self.stdout.flush()
