"""A patient asks that something on their record be corrected. Both texts are sealed; what was written before stays as it was."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.db import models

from accounts.models import Role, has_role, is_patient
from intake import crypto

_LABEL = "intake.correction"


class CorrectionQuerySet(models.QuerySet["Correction"]):
    """Named sets of corrections."""

    def for_actor(self, user: Any) -> "CorrectionQuerySet":
        """What was answered goes to physicians, everything else to the desk and the clinic lead; a patient sees their own."""
        if is_patient(user):
            return self.filter(patient__user=user, patient__merged_into=None)
        if has_role(user, Role.PHYSICIAN):
            return self.filter(about=Correction.About.ANSWERS)
        return self.filter(about=Correction.About.DETAILS) if has_role(user, Role.RECEPTION, Role.LEAD) else self.none()

    def open(self) -> "CorrectionQuerySet":
        """Those that nobody has answered yet."""
        return self.filter(answered_at=None)


class Correction(models.Model):
    """One request and, once there is one, its answer: corrected, or not and why."""

    class About(models.TextChoices):
        """Whose it is to answer."""

        DETAILS = "details"
        ANSWERS = "answers"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="corrections")
    about = models.CharField(max_length=8, choices=About.choices)
    document = models.BinaryField(help_text="What is asked, and the answer: encrypted.")
    key_id = models.CharField(max_length=16)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made = models.BooleanField(null=True, help_text="Whether it was corrected.")

    objects = CorrectionQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["asked_at"], name="correction_open", condition=models.Q(answered_at=None))]

    def __str__(self) -> str:
        return f"Correction {self.pk}"

    def seal(self, *, asked: str, answer: str = "") -> None:
        """Put the texts into the row; the caller saves it."""
        plain = json.dumps({"asked": asked, "answer": answer}, ensure_ascii=False).encode()
        self.key_id, self.document = crypto.seal(plain, label=_LABEL, owner=self.public_id)

    def texts(self) -> tuple[str, str]:
        """What is asked, and the answer. Unaudited: whoever shows them has written the event.

        Raises:
            IntakeError: it cannot be decrypted.
        """
        known = json.loads(crypto.unseal(self.document, key_id=self.key_id, label=_LABEL, owner=self.public_id))
        return known["asked"], known["answer"]
