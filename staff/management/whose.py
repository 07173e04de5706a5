"""Commands about one person's record: who is meant, and in whose name it is done."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Role, User
from audit.actor import Actor
from records.people import Person, find


class RecordCommand(BaseCommand):
    """Finds one person, never a guess, and somebody who works here to put into the trail."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose record, and who asks."""
        parser.add_argument("whose", help="a visit's reference (TN-7F4K), a patient's id, or an address that only they have")
        parser.add_argument(
            "--by", required=True, metavar="EMAIL", help="the sign-in of the clinic lead or physician who does it"
        )

    def one(self, text: str) -> Person:
        """The person who is meant.

        Raises:
            CommandError: nobody, or several; these are told apart by day of birth, and named by what to type.
        """
        found = find(text)
        if not found:
            raise CommandError(f"There is nobody under {text}. Give a visit's reference, a patient's id or an address on file.")
        if len(found) > 1:
            lines = "\n".join(f"  {person.reference}  {_told(person)}" for person in found)
            raise CommandError(f"{text} is several people's. Say which:\n{lines}")
        return found[0]

    def actor(self, email: str) -> Actor:
        """Who does it, for the trail.

        Raises:
            CommandError: nobody who leads the clinic or is a physician signs in with it.
        """
        user = User.objects.filter(email__iexact=email.strip(), is_active=True, role__in=[Role.LEAD, Role.PHYSICIAN]).first()
        if user is None:
            raise CommandError(f"No clinic lead or physician signs in with {email}.")
        return Actor.staff(user)


def _told(person: Person) -> str:
    if person.patient is None:
        return "answers that were never finished"
    return f"{person.patient.initials}, born in {person.patient.date_of_birth.year}"


def summary_of(person: Person) -> dict[str, Any]:
    """Enough to see that it is the right one."""
    row = person.patient
    born = f", born {row.date_of_birth:%Y-%m-%d}" if row else ""
    return {"reference": person.reference, "who": f"{person.name}{born}"}
