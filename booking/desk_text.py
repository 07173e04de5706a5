"""A short text from the desk about a visit: one of the clinic's fixed ones, never words of somebody's own."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.quiet import quiet_night
from booking.late import MINUTES
from booking.models.appointment import COMING, OPEN, Appointment, Status

REST = timedelta(seconds=45)  # so long it can be taken back before it is told
AGAIN = timedelta(minutes=10)  # so soon the same text is asked about before it goes once more
SOON = timedelta(minutes=5)  # nobody is told to come in sooner than that
LASTS, LASTS_TODAY = timedelta(days=1), timedelta(hours=1)


class ShortText(models.TextChoices):
    """The texts there are. What they say is in `templates/notifications/desk_text/`."""

    CALL_US = "call_us", _("Call us")
    COME_AT = "come_at", _("Running late: come in later")
    COME_IN = "come_in", _("We are ready: come in now")
    EXPECTED = "expected", _("Are you on your way?")
    WAY_IN = "way_in", _("The way in and parking")
    BRING = "bring", _("What to bring")
    AWAY = "away", _("Physician away: we will call")


HERE_TOO = frozenset({ShortText.COME_AT.value, ShortText.COME_IN.value})  # who waits outside is marked as arrived
ON_THE_DAY = HERE_TOO | {ShortText.EXPECTED.value}
BEFORE = frozenset({ShortText.WAY_IN.value, ShortText.BRING.value, ShortText.AWAY.value})


class DeskText(models.Model):
    """A fact: the desk wants the patient of a visit told this. `announced` behind `sequence`: it is yet to be planned."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    appointment = models.ForeignKey("booking.Appointment", on_delete=models.PROTECT, related_name="desk_texts")
    code = models.CharField(max_length=12, choices=ShortText.choices)
    minutes = models.PositiveSmallIntegerField(default=0, help_text=_("How much later to come in, where the text says so."))
    asked_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text=_("When it was taken back."))
    sequence = models.PositiveIntegerField(default=1)
    announced = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(code="come_at", minutes__gte=5, minutes__lte=180) | (~Q(code="come_at") & Q(minutes=0)),
                name="desk_text_minutes",
            ),
            models.CheckConstraint(condition=Q(code__in=ShortText.values), name="desk_text_code"),
        ]
        indexes = [models.Index(fields=["id"], name="desk_text_to_announce", condition=Q(announced__lt=F("sequence")))]

    def __str__(self) -> str:
        return f"text {self.code}"

    def due_at(self, visit: Appointment) -> datetime:
        """When it goes out; at night, in the morning. Until then it can be taken back."""
        due = self.asked_at + REST
        night = quiet_night(due, clock.zone_of(visit.zone))
        return night[1] if night and night[1] < self.ends_at(visit) else due

    def come_at(self, start: datetime) -> datetime:
        """The time to come in at, for a visit that was to start then."""
        return start + timedelta(minutes=self.minutes)

    def ends_at(self, visit: Appointment) -> datetime:
        """From when on it would be too late to say it."""
        if self.code == ShortText.COME_AT:
            return self.come_at(visit.starts_at)
        if self.code in ON_THE_DAY:  # a clinic that runs late sees people after their visit should have ended
            return self.asked_at + LASTS_TODAY
        return min(self.asked_at + LASTS, visit.starts_at if self.code in BEFORE else visit.ends_at)

    def fits(self, visit: Appointment, *, now: datetime) -> bool:
        """True while it goes with the visit as it is: not over, not cancelled, and what it says is still so."""
        if visit.status not in COMING and not (visit.status == Status.ARRIVED and self.code in HERE_TOO):
            return False
        if self.code in ON_THE_DAY and clock.today(visit.starts_at) != clock.today(now):
            return False
        if self.code == ShortText.EXPECTED and now < visit.starts_at:
            return False
        return now < self.ends_at(visit)


def on_offer(visit: Appointment, *, now: datetime) -> list[tuple[ShortText, list[int]]]:
    """The texts that go with a visit now, each with the minutes to choose from, where it has some."""
    found: list[tuple[ShortText, list[int]]] = []
    if visit.status not in OPEN:
        return []
    for code in ShortText:
        if code == ShortText.COME_AT:
            later = [n for n in MINUTES if visit.starts_at + timedelta(minutes=n) >= now + SOON]
            if later and DeskText(code=code, minutes=later[0], asked_at=now).fits(visit, now=now):
                found.append((code, later))
        elif DeskText(code=code, asked_at=now).fits(visit, now=now):
            found.append((code, []))
    return found
