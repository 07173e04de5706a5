"""Questionnaires as published, and the responses to them."""

import uuid
from datetime import date
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import models

from accounts import clock
from accounts.models import Role, has_role, is_patient
from intake.corrections import Correction as Correction
from intake.definition import WITHOUT_SAFETY, Definition, from_json
from intake.errors import IntakeError
from intake.snippets import Snippet as Snippet
from patients.models import Patient


@lru_cache(maxsize=32)
def _definition(pk: int) -> Definition:
    return from_json(Questionnaire.objects.values_list("definition", flat=True).get(pk=pk))


class Questionnaire(models.Model):
    """One published version of a questionnaire: immutable (a trigger sees to it), hashed."""

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

    @classmethod
    def newest(cls, slug: str) -> "Questionnaire":
        """The version published last, with or without safety items as the setting SAFETY_ITEMS says.

        Raises:
            IntakeError: none is published.
        """
        rows = cls.objects.filter(slug=slug).defer("definition").order_by("-published_at", "-pk")
        # A version without them is published right after the one it is made from; where nothing is left out there is one only.
        found = (rows.exclude(version__endswith=WITHOUT_SAFETY) if settings.SAFETY_ITEMS else rows).first()
        if found is None:
            raise IntakeError(f"No questionnaire {slug} is published. Run: manage.py publish_questionnaires")
        return found

    @property
    def as_definition(self) -> Definition:
        """The definition as values; kept per process, since a published version never changes."""
        return _definition(self.pk)


class ResponseQuerySet(models.QuerySet["QuestionnaireResponse"]):
    """Named sets of responses."""

    def for_actor(self, user: Any) -> "ResponseQuerySet":
        """For any physician of the clinic, and of their own sent ones for a patient who signs in; nobody else sees any."""
        if is_patient(user):
            return self.sent().filter(patient__user=user, patient__merged_into=None)
        return self if has_role(user, Role.PHYSICIAN) else self.none()

    def sent(self) -> "ResponseQuerySet":
        """Those that were sent by somebody we know."""
        return self.exclude(status=QuestionnaireResponse.Status.IN_PROGRESS).exclude(patient=None)

    def to_review(self) -> "ResponseQuerySet":
        """Those sent that no physician has signed a review of."""
        return self.sent().filter(reviewed_at=None)


class QuestionnaireResponse(models.Model):
    """Answers to one version of a questionnaire: a draft, then sent.

    What was answered is in `document`, encrypted; screens that list responses use the plain columns only. `today` is the
    clinic's date when the draft was started: ages are worked out from it, so that a birthday in between changes nothing.
    """

    class Status(models.TextChoices):
        """FHIR's words."""

        IN_PROGRESS = "in-progress"
        COMPLETED = "completed"
        AMENDED = "amended"

    class FilledInBy(models.TextChoices):
        """In whose hands a draft is: the desk opens only what it is filling in with the patient itself."""

        PATIENT = "patient"
        DESK = "desk"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    questionnaire = models.ForeignKey(Questionnaire, on_delete=models.PROTECT)
    filled_in_by = models.CharField(max_length=8, choices=FilledInBy.choices, default=FilledInBy.PATIENT)
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="responses")
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.IN_PROGRESS)
    today = models.DateField()
    started_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    doubted = models.BooleanField(
        default=False, help_text="A date of birth under the clinic's age was typed, and neither changed nor said to be right."
    )
    completed_at = models.DateTimeField(null=True)
    document = models.BinaryField()
    key_id = models.CharField(max_length=16)
    sections_total = models.PositiveSmallIntegerField(default=8)
    sections_done = models.PositiveSmallIntegerField(default=0)
    urgent_flags = models.PositiveSmallIntegerField(null=True)
    caution_flags = models.PositiveSmallIntegerField(null=True)
    info_flags = models.PositiveSmallIntegerField(null=True)
    page_sequence = models.PositiveSmallIntegerField(default=0, help_text="A fact: up when somebody must be paged the same day.")
    page_announced = models.PositiveSmallIntegerField(default=0)
    ask_sequence = models.PositiveSmallIntegerField(
        default=0, help_text="A fact: up when a physician asks the patient something."
    )
    ask_announced = models.PositiveSmallIntegerField(default=0)
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="Who is on the review now."
    )
    claimed_at = models.DateTimeField(null=True)
    reviewed_at = models.DateTimeField(null=True, help_text="When the first review was signed; from then on it takes no photos.")
    asked_at = models.DateTimeField(null=True, help_text="Since when it waits for the patient.")
    to_confirm = models.BooleanField(default=False, help_text="Signed, and something is still to be done, such as a letter.")
    version = models.PositiveIntegerField(default=1)

    objects = ResponseQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["status", "saved_at"], name="response_status_saved"),
            models.Index(fields=["key_id"], name="response_key"),
            models.Index(
                fields=["completed_at"],
                name="response_to_review",
                condition=models.Q(reviewed_at=None) & ~models.Q(status="in-progress"),
            ),
            models.Index(fields=["reviewed_at"], name="response_reviewed", condition=models.Q(reviewed_at__isnull=False)),
            models.Index(fields=["id"], name="response_to_confirm", condition=models.Q(to_confirm=True)),
            models.Index(
                fields=["id"], name="response_to_page", condition=models.Q(page_announced__lt=models.F("page_sequence"))
            ),
            models.Index(fields=["id"], name="response_to_ask", condition=models.Q(ask_announced__lt=models.F("ask_sequence"))),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status="in-progress") | models.Q(completed_at__isnull=False),
                name="response_sent_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Response {self.pk}"

    @property
    def signed_reviews(self) -> "models.QuerySet[Review]":
        """Every version of its review that was signed, oldest first."""
        return self.reviews.filter(status=Review.Status.SIGNED).order_by("number")

    @property
    def is_draft(self) -> bool:
        """True until it is sent."""
        return self.status == self.Status.IN_PROGRESS

    @property
    def is_same_day(self) -> bool:
        """True if an answer asks for somebody on the day it was sent."""
        return self.page_sequence > 0

    @property
    def is_at_desk(self) -> bool:
        """True for a draft that people at the desk fill in with the patient."""
        return self.is_draft and self.filled_in_by == self.FilledInBy.DESK

    @property
    def definition(self) -> Definition:
        """The version this response answers, as values."""
        return _definition(self.questionnaire_id)


class Photo(models.Model):
    """A picture or file that came with a response, for one of its questions. The files are sealed; this row says nothing of
    their content, and no name that the sender gave is kept.

    `size`, `width` and `height` are of what is stored (bytes, pixels). `hints` are small words about quality.
    """

    class Kind(models.TextChoices):
        """What the file is."""

        IMAGE = "image"
        PDF = "pdf"

    class Status(models.TextChoices):
        """Withdrawn: the consent was; nobody is shown it."""

        KEPT = "kept"
        WITHDRAWN = "withdrawn"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    response = models.ForeignKey(QuestionnaireResponse, on_delete=models.PROTECT, related_name="photos")
    link_id = models.CharField(max_length=60)
    position = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=5, choices=Kind.choices)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.KEPT)
    received_at = models.DateTimeField()
    taken_on = models.DateField(null=True, help_text="The day it was taken, if that was not the day it came.")
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    hints = models.JSONField(default=list)
    name = models.CharField(max_length=64, unique=True)
    key_id = models.CharField(max_length=16)
    small_name = models.CharField(max_length=64, blank=True)
    small_key_id = models.CharField(max_length=16, blank=True)

    class Meta:
        indexes = [models.Index(fields=["response", "link_id"], name="photo_response_view")]

    def __str__(self) -> str:
        return f"Photo {self.pk}"

    @property
    def shown_on(self) -> date:
        """The day it shows: when it was taken; else the clinic's date when it came."""
        return self.taken_on or clock.local(self.received_at).date()

    @property
    def is_pdf(self) -> bool:
        """True for a document that is kept as it came."""
        return self.kind == self.Kind.PDF


class ReviewQuerySet(models.QuerySet["Review"]):
    """Named sets of reviews."""

    def for_actor(self, user: Any) -> "ReviewQuerySet":
        """For any physician of the clinic, as the answers are."""
        return self if has_role(user, Role.PHYSICIAN) else self.none()


class Review(models.Model):
    """A physician's decision on one sent response: a draft, then signed. What was decided is in `document`, encrypted.

    A signed one never changes (a trigger sees to it; only a new key may encrypt it again). An amendment is a row with the next
    `number`. `sha256` is of what was signed together with the one before, so that a changed or missing one shows.
    """

    class Status(models.TextChoices):
        """Where it stands."""

        DRAFT = "draft"
        SIGNED = "signed"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    response = models.ForeignKey(QuestionnaireResponse, on_delete=models.PROTECT, related_name="reviews")
    number = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=6, choices=Status.choices, default=Status.DRAFT)
    physician = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    saved_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True)
    document = models.BinaryField()
    key_id = models.CharField(max_length=16)
    sha256 = models.CharField(max_length=64, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["response", "number"], name="review_number"),
            models.UniqueConstraint(fields=["response"], condition=models.Q(status="draft"), name="review_one_draft"),
            models.CheckConstraint(
                condition=models.Q(status="draft", signed_at=None, sha256="")
                | (models.Q(status="signed", signed_at__isnull=False) & ~models.Q(sha256="")),
                name="review_signed_shape",
            ),
        ]
        indexes = [models.Index(fields=["key_id"], name="review_key")]

    def __str__(self) -> str:
        return f"Review {self.pk}"

    @property
    def is_signed(self) -> bool:
        """True from the signature on."""
        return self.status == self.Status.SIGNED


class ResumeLink(models.Model):
    """A fact: somebody wants to finish later. The link to their draft is derived, not kept; several may be live at a time.

    `expires_at` is 30 days after the link was sent or last opened. `tries` are wrong years of birth since the last right one.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    response = models.ForeignKey(QuestionnaireResponse, on_delete=models.CASCADE, related_name="resume_links")
    for_visit = models.BooleanField(default=False, help_text="Handed over by the desk: the visit's own link goes out instead.")
    channel = models.CharField(max_length=8, help_text="email or text.")
    address = models.CharField(max_length=254, help_text="Email address, or mobile as E.164.")
    key_id = models.CharField(max_length=16)
    generation = models.PositiveIntegerField(default=1)
    sha256 = models.BinaryField(max_length=32, unique=True)
    asked_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="resumelink_to_announce", condition=models.Q(announced__lt=models.F("sequence"))),
        ]

    def __str__(self) -> str:
        return f"Resume link {self.pk}"


def forget_definitions() -> None:
    """Empty the per-process copies (a test database was replaced by another)."""
    _definition.cache_clear()
