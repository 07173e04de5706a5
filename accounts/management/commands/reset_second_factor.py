"""`manage.py reset_second_factor EMAIL`: for a lost phone, after making sure in person who asks."""

from accounts import clock
from accounts.actions import reset_second_factor
from accounts.management.person import PersonCommand
from accounts.models import User
from audit.actor import Actor


class Command(PersonCommand):
    """Removes a person's second factors and ends their sessions; the next sign-in sets up a new one. Audited."""

    help = "Remove a person's second factor (lost phone)."

    def about(self, user: User) -> str:
        """Reset."""
        factors = reset_second_factor(user, by=Actor.system(), now=clock.now())
        return f"{user.name}: {factors} factors removed. The next sign-in sets up a new one."
