"""`manage.py publish_questionnaires`: publish what is in intake/questionnaires/ and not published yet."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import clock
from audit.actor import Actor
from intake.actions import publish_all
from intake.errors import IntakeError


class Command(BaseCommand):
    """Publish new questionnaire versions. Safe to run again."""

    help = "Publish every questionnaire version that is not published yet."

    def handle(self, *args: Any, **options: Any) -> None:
        """Say, for each version, whether it is new."""
        try:
            for row, created in publish_all(by=Actor.system(), now=clock.now()):
                self.stdout.write(f"{row}: {'published' if created else 'unchanged'}")
        except IntakeError as error:
            raise CommandError(str(error)) from error
