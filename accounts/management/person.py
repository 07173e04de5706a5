"""Commands about one person who signs in, named by their email address."""

from abc import ABC, abstractmethod
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User


class PersonCommand(ABC, BaseCommand):
    """Finds the person and hands them to `about`, whose answer is said."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say so."""
        user = User.objects.filter(email__iexact=options["email"].strip()).first()
        if user is None:
            raise CommandError(f"Nobody signs in with {options['email']}.")
        self.stdout.write(self.about(user))

    @abstractmethod
    def about(self, user: User) -> str:
        """What is done, and what is said of it."""
