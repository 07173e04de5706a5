"""What can be booked, with whom and where."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class PractitionerQuerySet(models.QuerySet["Practitioner"]):
    """Named sets of practitioners."""

    def on_site(self) -> "PractitionerQuerySet":
        """Those whom the public site presents: they can be booked, and are on the college's register."""
        return self.filter(active=True).exclude(registration_number="")

    def calendar_changed(self, *keys: int) -> None:
        """Raise the revision that caches of these practitioners' calendars hang on; keys are primary keys."""
        self.filter(pk__in=keys).update(calendar_rev=F("calendar_rev") + 1)


class Practitioner(models.Model):
    """A person patients come to see. Screens say "physician"."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="practitioner")
    name = models.CharField(max_length=80, help_text=_("Dr. Amara Osei"))
    short_name = models.CharField(max_length=40, help_text=_("Dr. Osei"))
    slug = models.SlugField(unique=True)
    registration_number = models.CharField(max_length=20, blank=True, help_text=_("CPSO number."))
    role_text = models.CharField(max_length=60, blank=True)
    languages = models.CharField(max_length=80, blank=True)
    approach = models.TextField(blank=True)
    active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)
    calendar_rev = models.BigIntegerField(default=0, help_text=_("Up on every change to this calendar; caches hang on it."))
    last_assigned_at = models.DateTimeField(null=True)

    objects = PractitionerQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def initials(self) -> str:
        """Two letters for the avatar."""
        return "".join(word[0] for word in self.name.split() if not word.endswith("."))[:2].upper()


class Room(models.Model):
    """A place that one visit at a time can use."""

    name = models.CharField(max_length=40, unique=True)
    kind = models.SlugField(max_length=20)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class ServiceQuerySet(models.QuerySet["Service"]):
    """Named sets of services."""

    def booked_online(self) -> "ServiceQuerySet":
        """What patients may book without the clinic: what asks its questions before."""
        return self.filter(active=True, online=True).exclude(questionnaire="")

    def first_online(self) -> "Service | None":
        """What is booked online where nothing else was chosen: the first visit."""
        return self.booked_online().first()


class Service(models.Model):
    """What can be booked. Lengths are minutes; the policy binds patients and warns staff."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=60)
    minutes = models.PositiveSmallIntegerField()
    setup_minutes = models.PositiveSmallIntegerField(default=0)
    cleanup_minutes = models.PositiveSmallIntegerField(default=0)
    step_minutes = models.PositiveSmallIntegerField(default=10, help_text=_("Starts lie on this grid from local midnight."))
    min_notice_minutes = models.PositiveIntegerField(default=120)
    horizon_days = models.PositiveSmallIntegerField(default=90)
    cancel_cutoff_minutes = models.PositiveIntegerField(default=24 * 60)
    reschedule_cutoff_minutes = models.PositiveIntegerField(default=24 * 60)
    online = models.BooleanField(default=False, help_text=_("Patients may book it themselves."))
    room_kind = models.SlugField(max_length=20, blank=True, help_text=_("Kind of room it needs, if any."))
    price_text = models.CharField(max_length=60, blank=True)
    questionnaire = models.SlugField(max_length=60, blank=True, help_text=_("Questionnaire asked before it, if any."))
    messages_off = ArrayField(
        models.CharField(max_length=32), default=list, blank=True, help_text=_("Kinds of message not sent about it.")
    )
    practitioners = models.ManyToManyField(Practitioner, related_name="services")
    active = models.BooleanField(default=True)
    position = models.PositiveSmallIntegerField(default=0)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(minutes__gte=5, minutes__lte=480), name="service_minutes"),
            models.CheckConstraint(condition=Q(step_minutes__gte=5), name="service_step"),
        ]

    def __str__(self) -> str:
        return self.name
