"""`manage.py reset_second_factor EMAIL`: for a lost phone, after making sure in person who asks."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.actions import reset_second_factor
from accounts.models import User
from audit.actor import Actor


class Command(BaseCommand):
    """Removes a person's second factors and ends their sessions; the next sign-in sets up a new one. Audited."""

    help = "Remove a person's second factor (lost phone)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Reset, and say so."""
        user = User.objects.filter(email__iexact=options["email"].strip()).first()
        if user is None:
            raise CommandError(f"Nobody signs in with {options['email']}.")
        factors = reset_second_factor(user, by=Actor.system(), now=clock.now())
        self.stdout.write(f"{user.name}: {factors} factors removed. The next sign-in sets up a new one.")
