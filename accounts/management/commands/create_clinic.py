"""`manage.py create_clinic`: the clinic's one row, by options or by answering questions."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from accounts.actions import AccountError, save_clinic
from accounts.models import Clinic
from audit.actor import Actor

_ASKED = "name short_name street city region_code postal_code phone email zone hours_text late_fee_text".split()
_LABELS = {"hours_text": "phone hours, in words", "late_fee_text": "fee for a late cancellation, such as $50, or no"}


class Command(BaseCommand):
    """Creates the clinic, or changes what is given. The same options again change nothing."""

    help = "Create the clinic, or change its name, address, phone, zone and texts."

    def add_arguments(self, parser: CommandParser) -> None:
        """One option per field of the clinic."""
        for field in Clinic._meta.fields:
            if field.name != "id":
                parser.add_argument(f"--{field.name.replace('_', '-')}", dest=field.name, help=str(field.help_text or ""))
        parser.add_argument("--no-input", action="store_true", help="never ask; missing fields are an error")

    def handle(self, *args: Any, **options: Any) -> None:
        """Save, and say what happened."""
        values = {f.name: options[f.name] for f in Clinic._meta.fields if options.get(f.name) is not None}
        if "minimum_age" in values:
            if not str(values["minimum_age"]).isdigit():
                raise CommandError("minimum_age: must be a number")
            values["minimum_age"] = int(values["minimum_age"])
        if not Clinic.objects.exists() and not options["no_input"] and sys.stdin.isatty():
            for name in _ASKED:
                if name not in values:
                    default = getattr(Clinic(), name) or ""
                    label = _LABELS.get(name, name.replace("_", " "))
                    typed = input(f"{label}{f' [{default}]' if default else ''}: ").strip()
                    values[name] = typed or default
        try:
            clinic, changed = save_clinic(values, by=Actor.system(), now=clock.now())
        except AccountError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{clinic.name}: {'saved' if changed else 'nothing to change'}.")
