"""`manage.py erase_person TN-7F4K --by EMAIL`: what would be deleted, or why nothing may be; with `--apply`, done."""

import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts import clock
from intake.models import Photo
from records import actions, keeping
from records.errors import RecordError
from staff.management.whose import RecordCommand, summary_of


class Command(RecordCommand):
    """Shows first and changes nothing. What stays is the trail: that something was there, and who deleted it."""

    help = "Show what would be deleted with one person, or from when; --apply deletes it once the reference is typed. Audited."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and whether it is meant."""
        super().add_arguments(parser)
        parser.add_argument("--apply", action="store_true", help="delete, after the reference was typed")
        parser.add_argument("--confirm", default="", metavar="REFERENCE", help="the reference, where nobody can type it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show; with --apply ask, and delete."""
        now = clock.now()
        person, by = self.one(options["whose"]), self.actor(options["by"])
        known = summary_of(person)
        self.stdout.write(f"{known['reference']}  {known['who']}")
        if kept := keeping.reasons(person, now=now):
            raise CommandError("Nothing is deleted.\n" + "\n".join(f"  {reason.why}" for reason in kept))
        for lot in actions.lots(person):
            if count := lot.rows.count():
                self.stdout.write(f"  {count:>5} {lot.name}")
        if not options["apply"]:
            self.stdout.write("Nothing was changed. To delete all of it: the same with --apply.")
            return
        typed = options["confirm"] or _ask(known["reference"])
        if typed.strip().casefold() != known["reference"].casefold():
            raise CommandError("That is not the reference. Nothing was deleted.")
        photos = Photo.objects.filter(response__in=person.responses.values("pk"))
        names = [name for row in photos for name in (row.name, row.small_name)]
        ids = [str(row.public_id) for row in person.rows] or ([str(person.draft.public_id)] if person.draft else [])
        try:
            gone = actions.erase(person, by=by, now=now)
        except RecordError as error:
            raise CommandError(f"Nothing is deleted. {error}") from error
        self.stdout.write("Deleted: " + ", ".join(f"{name}={count}" for name, count in gone.items()) + ".")
        if left := actions.files_left(names):
            raise CommandError(f"{len(left)} files could not be deleted. manage.py check_photos finds them.")
        self.stdout.write("Copies made until now still hold it. Keep this line until they have expired; after a restore, run it:")
        for key in ids:
            self.stdout.write(f"  manage.py erase_person {key} --by {options['by']} --apply")


def _ask(reference: str) -> str:
    """What somebody types.

    Raises:
        CommandError: nobody is there to type.
    """
    if not sys.stdin.isatty():
        raise CommandError(f"Nobody is there to type it. Add --confirm {reference} if it is meant.")
    return input(f"This cannot be taken back. Type {reference} to delete: ")
