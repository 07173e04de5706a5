"""What is looked at before anything starts."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, register

from intake.errors import IntakeError
from intake.loader import load_all, newest_flags


@register()
def questionnaires_load(app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:
    """Every questionnaire file loads, and its pictures exist. A mistake stops the start, with file and line."""
    found: list[CheckMessage] = []
    try:
        newest = {}
        for definition in load_all():
            newest[definition.slug, definition.is_without_safety] = definition
            pictures = {o.picture for q in definition.questions.values() for o in q.options if o.picture}
            found += [
                Error(f"{definition.slug} {definition.version}: there is no picture static/{picture}", id="intake.E002")
                for picture in sorted(pictures)
                if not finders.find(picture)
            ]
        for definition in newest.values():
            newest_flags(definition, exact=True)
    except IntakeError as error:
        found.append(Error(str(error), id="intake.E001"))
    return found
