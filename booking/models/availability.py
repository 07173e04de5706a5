"""When a practitioner works, and when not."""

from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from booking.models.services import Practitioner, Room, Service

if TYPE_CHECKING:
    from booking.models.appointment import Appointment


class Availability(models.Model):
    """Weekly hours of one practitioner, effective-dated, on the clinic's wall clock. Several a day make a lunch break."""

    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="availability")
    weekday = models.PositiveSmallIntegerField(help_text=_("0 is Monday."))
    local_start = models.TimeField()
    local_end = models.TimeField(help_text=_("00:00 means the end of the day."))
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, help_text=_("Last day it holds; empty while open-ended."))
    services = models.ManyToManyField(Service, related_name="+", help_text=_("Only these can start in it; none: all."))
    room = models.ForeignKey(
        Room, null=True, on_delete=models.SET_NULL, related_name="+", help_text=_("Visits that need a room of its kind use it.")
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(weekday__lte=6), name="availability_weekday"),
            models.CheckConstraint(condition=Q(local_end__gt=F("local_start")) | Q(local_end="00:00"), name="availability_order"),
        ]
        indexes = [models.Index(fields=["practitioner", "weekday"], name="availability_by_day")]

    def __str__(self) -> str:
        return f"{self.practitioner_id} {self.weekday} {self.local_start}-{self.local_end}"


class AvailabilityOverride(models.Model):
    """Other hours on one date: instead of the weekly ones, beside them, or none at all."""

    class Mode(models.TextChoices):
        """What the intervals of a date do to the weekly hours."""

        REPLACE = "replace", _("Instead")
        ADD = "add", _("As well")
        CLOSED = "closed", _("Closed")

    practitioner = models.ForeignKey(Practitioner, on_delete=models.CASCADE, related_name="overrides")
    date = models.DateField()
    mode = models.CharField(max_length=8, choices=Mode.choices)
    local_start = models.TimeField(null=True)
    local_end = models.TimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["date", "practitioner"], name="override_by_date")]
        constraints = [
            models.CheckConstraint(
                condition=Q(mode="closed", local_start=None, local_end=None)
                | (~Q(mode="closed") & Q(local_start__isnull=False, local_end__isnull=False)),
                name="override_shape",
            )
        ]

    def __str__(self) -> str:
        return f"{self.practitioner_id} {self.date} {self.mode}"


class TimeOff(models.Model):
    """A span without openings for one practitioner, or for the whole clinic. It may lie over booked visits."""

    class Kind(models.TextChoices):
        """Why, in a word; the reason itself stays private."""

        VACATION = "vacation", _("Vacation")
        SICK = "sick", _("Sick")
        MEETING = "meeting", _("Meeting")
        HOLIDAY = "holiday", _("Holiday")

    practitioner = models.ForeignKey(Practitioner, null=True, on_delete=models.CASCADE, related_name="time_off")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="timeoff_order")]
        indexes = [models.Index(fields=["ends_at"], name="timeoff_end")]

    def __str__(self) -> str:
        return f"{self.practitioner_id} {self.kind}"

    def reason_for(self, user: Any) -> str:
        """The reason as far as somebody may know it: a closure's is everybody's, a person's is theirs and the clinic lead's."""
        if self.practitioner is None:
            return self.reason
        own = self.practitioner.user_id is not None and self.practitioner.user_id == user.pk
        return self.reason if own or user.role == Role.LEAD else ""

    def touches(self, visit: "Appointment") -> bool:
        """True if a visit lies in it, even in part."""
        whose = self.practitioner_id in (None, visit.practitioner_id)
        return whose and visit.starts_at < self.ends_at and self.starts_at < visit.ends_at

    def in_days(self, zone: Any) -> tuple[date, date] | None:
        """First and last day, if it covers whole days of the clinic's clock; else None."""
        since, until = self.starts_at.astimezone(zone), self.ends_at.astimezone(zone)
        if since.time() != time(0) or until.time() != time(0):
            return None
        return since.date(), until.date() - timedelta(days=1)
