"""`manage.py fhir_export questionnaire SLUG [VERSION] | response PUBLIC_ID`: FHIR R4 on standard output."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from audit.actor import Actor
from intake.errors import IntakeError
from intake.exchange import find_questionnaire, questionnaire_json, response_json
from intake.models import QuestionnaireResponse


class Command(BaseCommand):
    """Write a questionnaire or a response as FHIR R4 JSON."""

    help = "Write a published questionnaire, or a response (audited), as FHIR R4 JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        """What is exported."""
        kinds = parser.add_subparsers(dest="kind", required=True)
        questionnaire = kinds.add_parser("questionnaire")
        questionnaire.add_argument("slug")
        questionnaire.add_argument("version", nargs="?", default="", help="the newest, if left out")
        questionnaire.add_argument("--as-asked", action="store_true", help="put the clinic's name and number into the wording")
        response = kinds.add_parser("response")
        response.add_argument("public_id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the JSON; the reading of a response is in the trail."""
        try:
            if options["kind"] == "questionnaire":
                row = find_questionnaire(options["slug"], options["version"])
                made = questionnaire_json(row, as_asked=options["as_asked"])
            else:
                response = QuestionnaireResponse.objects.get(public_id=options["public_id"])
                made = response_json(response, by=Actor.system(), now=clock.now())
        except IntakeError as error:
            raise CommandError(str(error)) from error
        except (QuestionnaireResponse.DoesNotExist, ValidationError):
            raise CommandError(f"There is no response {options['public_id']}.") from None
        self.stdout.write(json.dumps(made, ensure_ascii=False, indent=2))
