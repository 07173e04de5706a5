"""Questionnaires as published, and the responses to them."""

import uuid

from django.db import models

from patients.models import Patient


class Questionnaire(models.Model):
    """One published version of a questionnaire: immutable, hashed."""

    slug = models.SlugField(max_length=60)
    version = models.CharField(max_length=20)
    title = models.CharField(max_length=120)
    definition = models.JSONField()
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug", "version"], name="questionnaire_version")]

    def __str__(self) -> str:
        return f"{self.slug} {self.version}"


class QuestionnaireResponse(models.Model):
    """Answers to one version of a questionnaire: a draft, then sent."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    questionnaire = models.ForeignKey(Questionnaire, on_delete=models.PROTECT)
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="responses")
    status = models.CharField(max_length=12, default="in-progress")
    today = models.DateField()
    started_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    document = models.BinaryField()
    sections_total = models.PositiveSmallIntegerField(default=8)
    sections_done = models.PositiveSmallIntegerField(default=0)
    urgent_flags = models.PositiveSmallIntegerField(null=True)
    caution_flags = models.PositiveSmallIntegerField(null=True)
    info_flags = models.PositiveSmallIntegerField(null=True)
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"Response {self.pk}"
