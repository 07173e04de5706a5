"""`manage.py purge_drafts`: delete drafts that nobody came back to for 30 days."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import clock
from intake.later import purge_drafts


class Command(BaseCommand):
    """Delete old drafts. The worker does the same every hour; safe to run again."""

    help = "Delete drafts that belong to nobody, 30 days after they were last used."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were deleted."""
        self.stdout.write(f"deleted={purge_drafts(now=clock.now())}")
