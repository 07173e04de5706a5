"""`manage.py end_access EMAIL`: a leaver is out at once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.actions import AccountError, end_access
from accounts.models import User
from audit.actor import Actor


class Command(BaseCommand):
    """Ends a person's access: no sign-in, every session over, the next request denied. The trail keeps their name."""

    help = "End a person's access at once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """End it, and say so."""
        user = User.objects.filter(email__iexact=options["email"].strip()).first()
        if user is None:
            raise CommandError(f"Nobody signs in with {options['email']}.")
        try:
            sessions = end_access(user, by=Actor.system(), now=clock.now())
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{user.name} has no access any more; sessions ended: {sessions}.")
