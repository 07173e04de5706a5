"""`manage.py purge_drafts`: delete drafts that nobody came back to for 30 days, and photos of drafts after PHOTO_HOURS."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import clock
from booking.actions import purge_left_drafts
from intake.actions import purge_drafts, purge_photos


class Command(BaseCommand):
    """Delete old drafts. The worker does the same every hour; safe to run again."""

    help = "Delete drafts without a visit 30 days after they were last used, and their photos after PHOTO_HOURS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were deleted."""
        now = clock.now()
        photos = purge_photos(now=now)
        drafts = purge_drafts(now=now) + purge_left_drafts(now=now)
        self.stdout.write(f"deleted={drafts} photos={photos}")
