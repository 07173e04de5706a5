"""The waiting list: who would come sooner, which times they were offered, and time that has become free.

An offer is tied to a held appointment (`Appointment.offer`), so the constraints that keep visits apart keep offers apart too:
a time can be offered once, and nobody else can be booked into it meanwhile.
"""

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Role, has_role, is_patient
from intake.models import QuestionnaireResponse
from patients.models import Helper, Patient

if TYPE_CHECKING:
    from booking.models import Appointment

OFFER_LIFE = timedelta(minutes=45)
LINK_LIFE_AFTER = timedelta(hours=24)  # how long the private link still explains itself when the wait is over
# A wish is a bit per half day: Monday morning is 1, Monday afternoon 2, Tuesday morning 4 …
HALF_DAYS = 14
ANY_TIME = (1 << HALF_DAYS) - 1


def half_day_bit(weekday: int, hour: int) -> int:
    """The bit of a half day. `weekday` 0 is Monday; before noon is morning."""
    return 1 << (weekday * 2 + (hour >= 12))


class Notice(models.TextChoices):
    """How early somebody has to know. Days are calendar days on the clinic's clock."""

    HOURS = "hours", _("2 hours before")
    DAY = "day", _("The day before")
    DAYS = "days", _("3 days before")


class Waiting(models.TextChoices):
    """Where somebody on the list stands."""

    WAITING = "waiting", _("Waiting")
    PAUSED = "paused", _("Paused")
    BOOKED = "booked", _("Got a time")
    LEFT = "left", _("Left the list")
    OVER = "over", _("Came, or cancelled")  # off the list for their visit's sake; back on it if that step is undone


ON_LIST = [Waiting.WAITING, Waiting.PAUSED]


class WaitlistEntryQuerySet(models.QuerySet["WaitlistEntry"]):
    """Named sets of entries."""

    def for_actor(self, user: Any) -> "WaitlistEntryQuerySet":
        """For whoever works the list: reception and the clinic lead; a patient who signs in sees their own; nobody else any."""
        if is_patient(user):
            return self.filter(patient__user=user, patient__merged_into=None)
        return self if has_role(user, Role.RECEPTION, Role.LEAD) else self.none()

    def on_list(self) -> "WaitlistEntryQuerySet":
        """Those that wait, paused ones too."""
        return self.filter(state__in=ON_LIST)

    def with_reach(self) -> "WaitlistEntryQuerySet":
        """With whoever is offered a time."""
        return self.select_related("patient", "helper", "visit__helper")

    def beside(self, row: "Appointment | WaitlistEntry") -> "WaitlistEntryQuerySet":
        """Those of the same person for the same service."""
        return self.filter(patient=row.patient_id, service=row.service_id)


class WaitlistEntry(models.Model):
    """Somebody who would come sooner. `visit` is the one they have and keep until they take another time."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="waiting")
    service = models.ForeignKey("booking.Service", on_delete=models.PROTECT, related_name="waiting")
    visit = models.ForeignKey("booking.Appointment", null=True, on_delete=models.PROTECT, related_name="waiting")
    helper = models.ForeignKey(Helper, null=True, on_delete=models.PROTECT, related_name="waiting")
    response = models.ForeignKey(QuestionnaireResponse, null=True, on_delete=models.PROTECT, related_name="waiting")
    article = models.UUIDField(null=True, help_text=_("Random id of the article they came from."))
    practitioners = models.ManyToManyField("booking.Practitioner", related_name="waiting", blank=True)
    times = models.PositiveIntegerField(default=ANY_TIME, help_text=_("A bit per half day, from Monday morning."))
    notice = models.CharField(max_length=8, choices=Notice.choices, default=Notice.DAY)
    by_phone = models.BooleanField(default=False, help_text=_("Wants to be called, not written to."))
    urgent = models.BooleanField(default=False, help_text=_("Asked first."))
    state = models.CharField(max_length=8, choices=Waiting.choices, default=Waiting.WAITING)
    joined_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    sequence = models.PositiveIntegerField(default=1, db_default=1)
    announced = models.PositiveIntegerField(
        default=0, db_default=0, help_text=_("Behind `sequence`: that they are on it is yet to be told.")
    )
    link_key_id = models.CharField(max_length=16, blank=True)
    link_generation = models.PositiveIntegerField(default=1)
    link_sha256 = models.BinaryField(max_length=32, null=True, unique=True)

    objects = WaitlistEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "waitlist entries"
        constraints = [
            models.UniqueConstraint(fields=["patient", "service"], condition=Q(state__in=ON_LIST), name="waitlist_once"),
            models.CheckConstraint(condition=Q(times__gte=1, times__lte=ANY_TIME), name="waitlist_times"),
        ]
        indexes = [
            models.Index(fields=["joined_at"], name="waitlist_waiting", condition=Q(state="waiting")),
            models.Index(fields=["id"], name="waitlist_to_announce", condition=Q(announced__lt=F("sequence"))),
        ]

    def __str__(self) -> str:
        return f"waitlist entry {self.pk}"

    @property
    def is_on_list(self) -> bool:
        """True while the person waits, or pauses."""
        return self.state in ON_LIST

    @property
    def reach(self) -> "Patient | Helper":
        """Who is offered a time: whoever hears about the visit that is kept; without one, who put them on the list, or they."""
        helper = self.helper if self.visit is None else self.visit.helper
        return helper if helper is not None and helper.gets_messages else self.patient

    @property
    def is_called(self) -> bool:
        """True if an offer has to be made on the phone: they asked for it, or no message can reach them."""
        return self.by_phone or not (self.reach.wants_email or self.reach.wants_text)

    def link_works(self, now: datetime) -> bool:
        """True while the private link opens: as long as they wait, and a day longer."""
        return self.is_on_list or now < self.changed_at + LINK_LIFE_AFTER

    def days_waiting(self, now: datetime) -> int:
        """Whole days since they joined."""
        return (now - self.joined_at).days


class OfferState(models.TextChoices):
    """What became of an offer."""

    OPEN = "open", _("Offered")
    ACCEPTED = "accepted", _("Taken")
    PASSED = "passed", _("Passed")
    EXPIRED = "expired", _("No answer")
    SKIPPED = "skipped", _("Skipped by the clinic")


class WaitlistOfferQuerySet(models.QuerySet["WaitlistOffer"]):
    """Named sets of offers."""

    def with_reach(self) -> "WaitlistOfferQuerySet":
        """With whoever it is made to."""
        return self.select_related("entry__patient", "entry__helper", "entry__visit__helper")


class WaitlistOffer(models.Model):
    """A time offered to one person until `expires_at`. `announced` behind `sequence`: messages are yet to be planned."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    entry = models.ForeignKey(WaitlistEntry, on_delete=models.PROTECT, related_name="offers")
    practitioner = models.ForeignKey("booking.Practitioner", on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    state = models.CharField(max_length=8, choices=OfferState.choices, default=OfferState.OPEN)
    offered_at = models.DateTimeField(help_text=_("From when on it is told; never in quiet hours."))
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    automatic = models.BooleanField(default=False)
    to_call = models.BooleanField(default=False, db_default=False, help_text=_("No message reaches them: the desk calls."))
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    objects = WaitlistOfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entry"], condition=Q(state="open"), name="waitlist_one_offer_each"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="waitlist_offer_order"),
        ]
        indexes = [
            models.Index(fields=["id"], name="waitlistoffer_to_announce", condition=Q(announced__lt=F("sequence"))),
            models.Index(fields=["expires_at"], name="waitlistoffer_open", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"offer {self.pk} {self.state}"

    def is_live(self, now: datetime) -> bool:
        """True while it can be taken."""
        return self.state == OfferState.OPEN and now < self.expires_at

    @property
    def held(self) -> "Appointment | None":
        """The appointment that holds the time, or the visit it became."""
        return getattr(self, "appointment", None)


class FreedTime(models.Model):
    """A fact: this time became free (cancelled, moved away, passed on), or was only held when somebody began to wish for it.

    Stays until somebody has it or nobody wants it. A hold that runs out makes none (docs/adr/0212).
    """

    practitioner = models.ForeignKey("booking.Practitioner", on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    freed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["starts_at"], name="freedtime_start")]

    def __str__(self) -> str:
        return f"freed {self.practitioner_id} {self.starts_at:%Y-%m-%d %H:%M}"
