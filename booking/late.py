"""A physician who runs late: said once on the day board, told to those who have not arrived yet."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q

MINUTES = (10, 15, 20, 30, 45, 60)
AHEAD = timedelta(hours=3)  # whoever comes later may find the clinic on time again
REST = timedelta(seconds=45)  # so long it can be taken back before anybody is told


class RunningLate(models.Model):
    """A fact: this physician is about so many minutes behind, for visits that start until then.

    `announced` behind `sequence`: messages are yet to be planned. A newer one, or taking it back, ends it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    practitioner = models.ForeignKey("booking.Practitioner", on_delete=models.PROTECT, related_name="late")
    minutes = models.PositiveSmallIntegerField()
    said_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "running late"
        constraints = [
            models.UniqueConstraint(fields=["practitioner"], condition=Q(ended_at=None), name="late_once_each"),
            models.CheckConstraint(condition=Q(minutes__gte=5, minutes__lte=180), name="late_minutes"),
        ]
        indexes = [models.Index(fields=["id"], name="late_to_announce", condition=Q(announced__lt=F("sequence")))]

    def __str__(self) -> str:
        return f"{self.minutes} minutes behind"

    def counts(self, now: datetime) -> bool:
        """True while it is what the clinic says."""
        return self.ended_at is None and now < self.until


def said_of(practitioner_id: int, start: datetime, *, now: datetime) -> RunningLate | None:
    """What the clinic says to whoever has a visit with this physician at `start`, once it cannot be taken back unheard."""
    if not now - AHEAD < start < now + AHEAD:
        return None
    said = RunningLate.objects.filter(
        practitioner=practitioner_id, ended_at=None, until__gt=max(now, start), said_at__lte=now - REST
    )
    return said.first()
