"""The audit trail: who did, or looked at, what. Append-only."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class AuditEvent(models.Model):
    """One read or write of health information, or one act of a person who works here.

    Actor and subject are plain ids: the trail outlives the rows it speaks of and imports nothing above it. `detail` holds
    names of things (status, field, reason), never answers. A trigger refuses UPDATE and DELETE; TRUNCATE is not granted
    to the application's role.
    """

    at = models.DateTimeField()
    actor_kind = models.CharField(max_length=12)
    actor_id = models.BigIntegerField(null=True)
    actor_role = models.CharField(max_length=16, blank=True)
    action = models.CharField(max_length=64)
    object_type = models.CharField(max_length=64, blank=True)
    object_id = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField(null=True, help_text="Patient the information is about.")
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["subject_id", "at"], name="audit_subject_at"),
            models.Index(fields=["object_type", "object_id", "at"], name="audit_object_at"),
            models.Index(fields=["actor_id", "at"], name="audit_actor_at"),
            # A day of the access log: rows come in the order of their time, so a few pages of ranges find them.
            BrinIndex(fields=["at"], name="audit_at", autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_kind} {self.action}"
