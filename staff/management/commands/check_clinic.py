"""`manage.py check_clinic`: what is still to be done before the first patient, and whether it still holds later."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts import clock
from staff.readiness import points


class Command(BaseCommand):
    """Changes nothing and sends nothing. Exits with 1 while anything is to be done."""

    help = "Say, point by point, whether this installation is ready for patients; nothing is changed or sent."

    def add_arguments(self, parser: CommandParser) -> None:
        """How much."""
        parser.add_argument("--no-connect", action="store_true", help="do not ask the mail server")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line each, what is to be done last."""
        found = points(now=clock.now(), connect=not options["no_connect"])
        for point in sorted(found, key=lambda p: not p.ok):
            where = f"  → {point.where}" if point.where and not point.ok else ""
            self.stdout.write(f"{'ok   ' if point.ok else 'TO DO'}  {point.name}: {point.said}{where}")
        if todo := sum(not point.ok for point in found):
            self.stdout.write(f"{todo} of {len(found)} points are to be done.")
            sys.exit(1)
        self.stdout.write(f"All {len(found)} points are as they should be.")
