"""The clinic, the people who work in it, and how they get in."""

import time
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _


class Clinic(models.Model):
    """The clinic: one row. Everything a page or message says about it comes from here."""

    name = models.CharField(max_length=80)
    short_name = models.CharField(max_length=30, help_text=_("The name texts begin with."))
    street = models.CharField(max_length=80)
    unit = models.CharField(max_length=40, blank=True)
    city = models.CharField(max_length=60)
    region = models.CharField(max_length=40, default="Ontario")
    region_code = models.CharField(max_length=4, default="ON")
    postal_code = models.CharField(max_length=10)
    phone = models.CharField(max_length=20, help_text=_("As people write it: 519-555-0142."))
    email = models.EmailField(blank=True)
    zone = models.CharField(max_length=40, default="America/Toronto", help_text=_("IANA time zone of the clinic."))
    zone_label = models.CharField(max_length=40, default="Eastern Time")
    hours_text = models.CharField(max_length=120, help_text=_("When somebody answers: Monday to Friday, 9 a.m. to 4 p.m."))
    arrival_text = models.CharField(max_length=200, blank=True)
    late_fee_text = models.CharField(max_length=20, default="no", help_text=_("What a late cancellation costs: $50; or “no”."))
    urgent_email = models.EmailField(
        blank=True, help_text=_("Who is paged the same day when an answer needs somebody; empty: the visit's physician.")
    )
    minimum_age = models.PositiveSmallIntegerField(default=18)
    auto_offers = models.BooleanField(
        default=False, help_text=_("Offer time that becomes free to the waiting list by itself; else the desk does.")
    )
    recall_months = models.PositiveSmallIntegerField(
        default=0, help_text=_("After how many months without a visit patients who agreed are reminded, once; 0: never.")
    )

    _current: ClassVar[tuple[float, "Clinic"] | None] = None

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="clinic_one_row"),
            models.CheckConstraint(condition=models.Q(minimum_age__gte=18), name="clinic_minimum_age"),
            models.CheckConstraint(condition=models.Q(recall_months__lte=36), name="clinic_recall_months"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> "Clinic":
        """The clinic, read again at most every 30 seconds per process (docs/adr/0213 says what may differ meanwhile).

        Raises:
            Clinic.DoesNotExist: before `manage.py create_clinic`.
        """
        at = time.monotonic()
        if cls._current is None or at - cls._current[0] > 30:
            cls._current = (at, cls.objects.get(pk=1))
        return cls._current[1]

    @classmethod
    def last_read(cls) -> "Clinic | None":
        """The clinic as this process read it last, for pages that must not ask the database; None if it has not read it."""
        return cls._current[1] if cls._current else None

    @classmethod
    def forget_current(cls) -> None:
        """Read the row again at the next `current()`."""
        cls._current = None

    @property
    def tel(self) -> str:
        """The phone number for a `tel:` link."""
        return "+1" + "".join(c for c in self.phone if c.isdigit())

    @property
    def late_fee(self) -> str:
        """What a late cancellation costs, in words; empty where it costs nothing."""
        return "" if self.late_fee_text.strip().casefold() in {"no", "none", "$0", "0"} else self.late_fee_text

    @property
    def address_line(self) -> str:
        """Street, unit and city in one line."""
        return ", ".join(part for part in (self.street, self.unit, self.city) if part)


class Role(models.TextChoices):
    """What a person may do here."""

    PATIENT = "patient", _("Patient")
    RECEPTION = "reception", _("Reception")
    PHYSICIAN = "physician", _("Physician")
    LEAD = "lead", _("Clinic lead")


class UserManager(BaseUserManager["User"]):
    """Creates users by email address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A user with a usable password, or with none if `password` is None."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A clinic lead who may also use every part of the article editor."""
        return self.create_user(email, password, is_superuser=True, role=Role.LEAD, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in. Patients book without one."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=12, choices=Role.choices)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def works_here(self) -> bool:
        """True for reception, physicians and the clinic lead."""
        return self.is_active and self.role in {Role.RECEPTION, Role.PHYSICIAN, Role.LEAD}

    @property
    def is_staff(self) -> bool:
        """Django's and Wagtail's word for "may sign in to the back office"."""
        return self.works_here

    def get_full_name(self) -> str:
        """The name shown on screens."""
        return self.name

    def get_short_name(self) -> str:
        """The first word of the name."""
        return self.name.split()[0] if self.name else self.email

    @property
    def initials(self) -> str:
        """Two letters for the avatar; titles such as "Dr." do not count."""
        words = [w for w in self.name.split() if not w.endswith(".")]
        return "".join(w[0] for w in words[:2]).upper()


def has_role(user: Any, *roles: Role) -> bool:
    """True for who is signed in, still active, and in one of these roles."""
    return bool(getattr(user, "is_active", False)) and getattr(user, "role", "") in roles


def is_patient(user: Any) -> bool:
    """True for a patient who is signed in to their own account."""
    return has_role(user, Role.PATIENT)


class RateCounter(models.Model):
    """How often something was tried in a window of time. Lives in PostgreSQL so that limits survive Redis."""

    key = models.CharField(max_length=64, help_text=_("SHA-256 of what is counted; no address is kept."))
    window_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window_at"], name="rate_key_window")]
        indexes = [models.Index(fields=["window_at"], name="rate_window")]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.count}"


class SignInMail(models.Model):
    """A fact: someone who signs in is owed a mail (password reset, a changed factor). The sender renders it fresh.

    `announced` behind `sequence` means that no message has been planned yet.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE)
    kind = models.CharField(max_length=40)
    asked_at = models.DateTimeField()
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="signinmail_to_announce", condition=models.Q(announced__lt=models.F("sequence")))
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user_id}"
