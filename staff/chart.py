"""All that a physician's page needs of one person, in two statements: what they sent with its photos, and the reviews."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from booking.models import Appointment
from intake.models import Photo, QuestionnaireResponse, Review, Snippet

_PHOTO = ("pk", "public_id", "link_id", "position", "kind", "received_at", "taken_on", "width", "height", "hints")


@dataclass(slots=True)
class Chart:
    """What is on file. `earlier` is newest first; `photos` are of all of them, oldest first; `snippets`: who reads it."""

    response: QuestionnaireResponse
    earlier: list[QuestionnaireResponse] = field(default_factory=list)
    photos: list[Photo] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    snippets: list[dict[str, str]] = field(default_factory=list)

    @property
    def last(self) -> QuestionnaireResponse | None:
        """What this one is compared with: the last one sent of the same form; before a first check-in, the intake."""
        slug = self.response.questionnaire.slug
        same = [row for row in self.earlier if row.questionnaire.slug == slug]
        return next(iter(same or self.earlier), None)

    @property
    def draft(self) -> Review | None:
        """The review that is being written."""
        return next((r for r in self.reviews if r.response_id == self.response.pk and not r.is_signed), None)

    @property
    def signed(self) -> list[Review]:
        """Signed reviews of this response, newest first."""
        return [r for r in self.reviews if r.response_id == self.response.pk and r.is_signed]


def load(user: Any, public_id: UUID) -> Chart | None:
    """The chart of whoever sent this response, or is to come to this visit. None if nothing was begun for it."""
    of = (
        QuestionnaireResponse.objects.for_actor(user)
        .filter(public_id=public_id)
        .values("patient")
        .union(Appointment.objects.for_actor(user).visits().filter(public_id=public_id).values("patient"))
    )
    pictures = Photo.objects.filter(response=OuterRef("pk"), status=Photo.Status.KEPT).order_by("position", "pk")
    rows = list(
        QuestionnaireResponse.objects.for_actor(user)
        .filter(patient__in=of)
        .select_related(
            "patient", "questionnaire", "reviewer", "appointment__service", "appointment__practitioner", "appointment__room"
        )
        .defer("questionnaire__definition", "appointment__practitioner__approach")
        .annotate(snippets=Snippet.objects.for_actor(user).current().beside())
        .annotate(pictures=ArraySubquery(pictures.values(json=JSONObject(**{name: name for name in _PHOTO}))))
        .order_by("-started_at", "-pk")
    )
    found = next((row for row in rows if public_id in (row.public_id, getattr(visit_of(row), "public_id", None))), None)
    if found is None or found.is_draft:
        return Chart(found) if found else None
    sent = [row for row in rows if row.completed_at and found.completed_at and row.completed_at <= found.completed_at]
    earlier = sorted((row for row in sent if row is not found), key=lambda row: row.completed_at or row.started_at, reverse=True)
    return Chart(
        found,
        list(earlier),
        [_photo(row, values) for row in (*reversed(earlier), found) for values in row.pictures],
        list(
            Review.objects.for_actor(user)
            .filter(response__in=[row.pk for row in (found, *earlier)])
            .select_related("physician")
            .order_by("-number")
        ),
        found.snippets,
    )


def visit_of(row: QuestionnaireResponse) -> Appointment | None:
    """The visit it was sent for, without a query."""
    visit: Appointment | None = getattr(row, "appointment", None)
    return visit


def _photo(row: QuestionnaireResponse, values: dict[str, Any]) -> Photo:
    values = dict(values)
    values["received_at"] = datetime.fromisoformat(values["received_at"])
    values["taken_on"] = date.fromisoformat(values["taken_on"]) if values["taken_on"] else None
    values["public_id"] = UUID(values["public_id"])
    return Photo(response=row, id=values.pop("pk"), **values)
