"""Somebody who books for a patient: a parent, a partner, a friend. Their contact is kept apart from the patient's own."""

from dataclasses import dataclass
from typing import Any

from django.db import models

from patients.reachable import MobileField, Reachable


@dataclass(frozen=True, slots=True)
class HelperContact:
    """Who helps, as typed. `mobile` is E.164 or empty; `gets_messages`: they hear from us about the visit, not the patient."""

    name: str
    relation: str
    email: str
    mobile: str
    reminder_by: str
    voicemail_ok: bool
    gets_messages: bool


class Helper(Reachable, models.Model):
    """One person who helped with one booking. Nothing here says anything of the patient's own contact, and nothing there of this.

    Has what a message needs to know of whoever it goes to, as a patient has.
    """

    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="helpers")
    name = models.CharField(max_length=120)
    relation = models.CharField(max_length=60)
    email = models.EmailField(blank=True)
    mobile: Any = MobileField(blank=True)
    reminder_by = models.CharField(max_length=12)
    voicemail_ok = models.BooleanField(default=False)
    gets_messages = models.BooleanField(help_text="They hear about the visit; else the patient does.")
    email_checked_at = models.DateTimeField(null=True)
    mobile_checked_at = models.DateTimeField(null=True)
    email_bounced_at = models.DateTimeField(null=True)
    mobile_bounced_at = models.DateTimeField(null=True)
    texts_stopped_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    email_since = mobile_since = None  # another address is another row

    class Meta:
        indexes = [models.Index(fields=["mobile"], name="helper_mobile", condition=~models.Q(mobile=""))]

    def __str__(self) -> str:
        return f"Helper {self.pk}"

    @property
    def call_name(self) -> str:
        """What a message calls them."""
        return self.name.split()[0] if self.name else ""
