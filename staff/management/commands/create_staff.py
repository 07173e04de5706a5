"""`manage.py create_staff`: someone who works here, with a one-time link to set a password. No password is ever printed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from accounts import clock
from accounts.actions import AccountError, create_staff
from accounts.signin import password_link
from audit.actor import Actor
from booking.models import Practitioner


class Command(BaseCommand):
    """Creates a sign-in and prints the link that sets its password. Run again for a new link while there is no password."""

    help = "Create a sign-in for someone who works here; prints a one-time link to set the password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", required=True, help="as on screens: Joanne Miller, Dr. Amara Osei")
        parser.add_argument("--role", required=True, help="reception, physician or lead")
        parser.add_argument("--practitioner", help="slug of the practitioner whose visits are theirs")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create, link to a practitioner, print the link."""
        practitioner = None
        if slug := options["practitioner"]:
            practitioner = Practitioner.objects.filter(slug=slug).first()
            if practitioner is None:
                known = ", ".join(Practitioner.objects.values_list("slug", flat=True)) or "none yet"
                raise CommandError(f"There is no practitioner {slug!r} (known: {known}).")
        try:
            with transaction.atomic():
                user, created = create_staff(
                    options["email"], options["name"], options["role"], by=Actor.system(), now=clock.now()
                )
                if practitioner is not None and practitioner.user_id != user.pk:
                    if practitioner.user_id is not None:
                        raise CommandError(f"{practitioner.name} has a sign-in already.")
                    practitioner.user = user
                    practitioner.save(update_fields=["user"])
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{user.name} ({user.role}): {'created' if created else 'is there already'}.")
        if user.has_usable_password():
            self.stdout.write("The password is set; use “I forgot my password” for a new one.")
        else:
            self.stdout.write(f"Set the password within 3 days, once:\n{password_link(user)}")
