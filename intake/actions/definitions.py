"""Publishing questionnaires."""

from datetime import datetime

from django.db import transaction

from audit.actions import record
from audit.actor import Actor
from intake.definition import Definition
from intake.errors import IntakeError
from intake.loader import load_all
from intake.models import Questionnaire


def publish(definition: Definition, *, by: Actor, now: datetime) -> tuple[Questionnaire, bool]:
    """Publish a version, once.

    Returns:
        The row, and whether it is new.

    Raises:
        IntakeError: this version was published before with another content.
    """
    with transaction.atomic():
        row, created = Questionnaire.objects.get_or_create(
            slug=definition.slug,
            version=definition.version,
            defaults={
                "title": definition.title,
                "definition": definition.source,
                "sha256": definition.sha256,
                "published_at": now,
            },
        )
        if not created and row.sha256 != definition.sha256:
            raise IntakeError(
                f"{definition.slug} {definition.version} was published with another content and cannot change. "
                "Raise the version in the file."
            )
        if created:
            record("intake.publish", by=by, now=now, obj=row, detail={"slug": row.slug, "version": row.version})
    return row, created


def publish_all(*, by: Actor, now: datetime) -> list[tuple[Questionnaire, bool]]:
    """Publish every questionnaire file that is not published yet. Safe to run at any time."""
    return [publish(definition, by=by, now=now) for definition in load_all()]
