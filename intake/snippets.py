"""Short texts of a physician's own, put into a review by a press. They hold nothing about anybody."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models.functions import JSONObject

from accounts.models import Role, has_role


class SnippetQuerySet(models.QuerySet["Snippet"]):
    """Named sets of snippets."""

    def for_actor(self, user: Any) -> "SnippetQuerySet":
        """A physician's own; nobody else's, and nobody else has any."""
        return self.filter(owner=user.pk) if has_role(user, Role.PHYSICIAN) else self.none()

    def current(self) -> "SnippetQuerySet":
        """Those in use, each in its last version, by name."""
        return self.filter(is_current=True).order_by("name", "pk")

    def beside(self) -> ArraySubquery:
        """As a column of another query: no statement of its own."""
        return ArraySubquery(self.values(json=JSONObject(key="key", name="name", field="field", text="text")))


class Snippet(models.Model):
    """One version of one snippet. A version is never changed: what is written anew is a row with the next `number`.

    `field` is the field of a review that it goes into. Taken out, no version of a `key` is current.
    """

    key = models.UUIDField(default=uuid.uuid4, editable=False)
    number = models.PositiveSmallIntegerField(default=1)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    field = models.CharField(max_length=20)
    text = models.TextField()
    written_at = models.DateTimeField()
    is_current = models.BooleanField(default=True)

    objects = SnippetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "number"], name="snippet_number"),
            models.UniqueConstraint(fields=["key"], condition=models.Q(is_current=True), name="snippet_one_current"),
        ]
        indexes = [models.Index(fields=["owner"], name="snippet_owner", condition=models.Q(is_current=True))]

    def __str__(self) -> str:
        return f"Snippet {self.pk}"
