"""People who come to the clinic: who they are, how to reach them, and what they agreed to."""

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, has_role, is_patient
from patients.helpers import Helper as Helper
from patients.reachable import MobileField, Reachable
from patients.reachable import ReminderBy as ReminderBy

if TYPE_CHECKING:
    from datetime import date, datetime


class PatientQuerySet(models.QuerySet["Patient"]):
    """Named sets of patients."""

    def for_actor(self, user: Any) -> "PatientQuerySet":
        """The patients a person who works here may see; a patient who signs in sees themself; nobody else sees any."""
        if is_patient(user):
            return self.filter(user=user, merged_into=None)
        return self if has_role(user, Role.RECEPTION, Role.PHYSICIAN, Role.LEAD) else self.none()

    def current(self) -> "PatientQuerySet":
        """Without those merged into another."""
        return self.filter(merged_into=None)

    def reached_at(self, *, email: str = "", mobile: Any = "") -> "PatientQuerySet":
        """Those with this email address or mobile on file. Families share; so this alone identifies nobody."""
        match = Q()
        if email:
            match |= Q(email__iexact=email)
        if mobile:
            match |= Q(mobile=mobile)
        return self.filter(match) if match else self.none()


class Patient(Reachable, models.Model):
    """One person. Email and mobile may be shared in a family, and may be empty for callers."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    legal_first_name = models.CharField(max_length=100)
    legal_last_name = models.CharField(max_length=100)
    preferred_name = models.CharField(max_length=100, blank=True)
    date_of_birth = models.DateField()
    email = models.EmailField(blank=True)
    mobile: Any = MobileField(blank=True)
    reminder_by = models.CharField(max_length=12, choices=ReminderBy.choices, default=ReminderBy.TEXT_EMAIL)
    voicemail_ok = models.BooleanField(default=False)
    email_since = models.DateTimeField(null=True, help_text=_("When this email address came on file; empty: with the record."))
    mobile_since = models.DateTimeField(null=True, help_text=_("When this mobile came on file; empty: with the record."))
    email_checked_at = models.DateTimeField(null=True, help_text=_("When a code sent to this email address came back."))
    mobile_checked_at = models.DateTimeField(null=True, help_text=_("When a code sent to this mobile came back."))
    email_bounced_at = models.DateTimeField(null=True, help_text=_("When mail to this address came back for good."))
    mobile_bounced_at = models.DateTimeField(null=True, help_text=_("When this number turned out to take no texts."))
    texts_stopped_at = models.DateTimeField(null=True, help_text=_("When STOP came from this number; until START."))
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="patient",
        help_text="Their own account, if any.",
    )
    merged_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="merged_from")
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    objects = PatientQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["mobile"], name="patient_mobile", condition=~Q(mobile="")),
            models.Index(Lower("email"), name="patient_email", condition=~Q(email="")),
            models.Index(Lower("legal_last_name"), name="patient_last_name"),
            models.Index(fields=["date_of_birth"], name="patient_dob"),
        ]

    def __str__(self) -> str:
        return f"Patient {self.pk}"

    @property
    def full_name(self) -> str:
        """Legal first and last name."""
        return f"{self.legal_first_name} {self.legal_last_name}".strip()

    @property
    def call_name(self) -> str:
        """What we call them: the preferred name, else the first name."""
        return self.preferred_name or self.legal_first_name

    def answers_to(self, first_name: str) -> bool:
        """True for the legal or the preferred first name, whatever its case. Twins share all the rest."""
        return first_name.casefold() in {self.legal_first_name.casefold(), self.preferred_name.casefold()} - {""}

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return (self.legal_first_name[:1] + self.legal_last_name[:1]).upper()

    def age_on(self, day: "date") -> int:
        """Whole years of age on `day`; someone born on February 29 turns on March 1 in other years."""
        born = self.date_of_birth
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class ConsentQuerySet(models.QuerySet["ConsentRecord"]):
    """Named sets of consents."""

    def last_word(self, patient: "Patient | int | None", code: str) -> "ConsentRecord | None":
        """What was decided last about one consent; None if nothing was."""
        return self.filter(patient=patient, code=code).order_by("given_at", "pk").last()


class ConsentRecord(models.Model):
    """One decision on one consent text. Never changed, only withdrawn.

    `given_at` is when the box was ticked, which may be before the patient had a row here.
    """

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    code = models.CharField(
        max_length=4, help_text="C1 collection, C2 messages, C3 photos, C4 true statement, C8 reviews that are due."
    )
    text_version = models.CharField(max_length=40)
    text_sha256 = models.CharField(max_length=64)
    language = models.CharField(max_length=8, default="en-CA")
    decision = models.BooleanField()
    choice = models.CharField(max_length=60, blank=True, help_text="For C2, the ways chosen.")
    given_by = models.CharField(max_length=20, help_text="self, helper, sdm or staff.")
    how = models.CharField(max_length=20, help_text="web, or verbal: read aloud and answered to somebody who works here.")
    heard_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", help_text="Who heard a verbal one."
    )
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["patient", "code", "-given_at"], name="consent_latest")]

    def __str__(self) -> str:
        return f"{self.code} {'yes' if self.decision else 'no'}"

    @property
    def stands(self) -> bool:
        """True for a yes that was not taken back."""
        return self.decision and self.withdrawn_at is None


class ContactCode(models.Model):
    """A fact: a six-digit code was asked for, for one contact. The digits are derived, not kept.

    `generation` goes up when a new code is asked for; `sequence` with it, so that the sender sees there is more to announce.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    purpose = models.CharField(max_length=16)
    channel = models.CharField(max_length=8, help_text="email or text.")
    address = models.CharField(max_length=254, help_text="Email address, or mobile as E.164.")
    subject_key = models.CharField(max_length=64, blank=True, help_text="What the code opens, such as a draft's public id.")
    key_id = models.CharField(max_length=16)
    generation = models.PositiveIntegerField(default=1)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["id"], name="contactcode_to_announce", condition=Q(announced__lt=F("sequence")))]

    def __str__(self) -> str:
        return f"{self.purpose} code {self.pk}"

    def is_live(self, now: "datetime") -> bool:
        """True while the code can still be typed in."""
        return self.used_at is None and now < self.expires_at

    def has_run_out(self, now: "datetime") -> bool:
        """True if nobody typed it in time; not while it pauses after too many tries."""
        paused = self.paused_until is not None and now < self.paused_until
        return not paused and self.used_at is None and now >= self.expires_at


class LeftAddress(models.Model):
    """A fact: messages about a patient do not come to this address any more. Whoever reads it is told, and it is forgotten."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="left_addresses")
    channel = models.CharField(max_length=8, help_text="email or text.")
    address = models.CharField(max_length=254, help_text="Email address, or mobile as E.164.")
    left_at = models.DateTimeField()
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "left addresses"
        indexes = [models.Index(fields=["id"], name="leftaddress_to_announce", condition=Q(announced__lt=F("sequence")))]

    def __str__(self) -> str:
        return f"{self.channel} address left at {self.left_at:%Y-%m-%d}"


class MergeOfferQuerySet(models.QuerySet["MergeOffer"]):
    """Named sets of offers."""

    def for_actor(self, user: Any) -> "MergeOfferQuerySet":
        """For whoever decides them: reception and the clinic lead. Nobody else sees any."""
        return self if has_role(user, Role.RECEPTION, Role.LEAD) else self.none()


class MergeOffer(models.Model):
    """Two rows that may be the same person, for the desk to decide."""

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="merge_offers")
    candidate = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=80)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    same_person = models.BooleanField(null=True)

    objects = MergeOfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "candidate"], name="merge_offer_once"),
            models.CheckConstraint(condition=~Q(patient=F("candidate")), name="merge_offer_two_rows"),
        ]

    def __str__(self) -> str:
        return f"merge {self.patient_id} and {self.candidate_id}"
