"""`manage.py end_access EMAIL`: a leaver is out at once."""

from django.core.management.base import CommandError

from accounts import clock
from accounts.actions import AccountError, end_access
from accounts.management.person import PersonCommand
from accounts.models import User
from audit.actor import Actor


class Command(PersonCommand):
    """Ends a person's access: no sign-in, every session over, the next request denied. The trail keeps their name."""

    help = "End a person's access at once."

    def about(self, user: User) -> str:
        """End it."""
        try:
            sessions = end_access(user, by=Actor.system(), now=clock.now())
        except AccountError as error:
            raise CommandError(str(error)) from error
        return f"{user.name} has no access any more; sessions ended: {sessions}."
