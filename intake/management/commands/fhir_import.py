"""`manage.py fhir_import FILE`: a draft questionnaire file from a FHIR R4 Questionnaire, for people to read and edit."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from intake.errors import IntakeError
from intake.fhir import from_questionnaire


class Command(BaseCommand):
    """Turn an R4 Questionnaire into a file of ours. Nothing is published."""

    help = "Write a draft questionnaire file from a FHIR R4 Questionnaire. Nothing is published by it."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, and where to."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--to", type=Path, help="write there instead of printing; never over a file that is there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print or write the draft; what is outside the subset is named by its linkId."""
        try:
            resource = json.loads(options["file"].read_text(encoding="utf-8"))
            text, definition = from_questionnaire(resource)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise CommandError(f"{options['file']} is not JSON: {error}.") from error
        except IntakeError as error:
            raise CommandError(str(error)) from error
        if options["to"] is None:
            self.stdout.write(text, ending="")
            return
        try:
            with options["to"].open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise CommandError(f"{options['to']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"{options['to']}: {definition.slug} {definition.version}, {len(definition.questions)} items. A draft.")
