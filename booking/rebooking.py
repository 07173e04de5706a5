"""Many visits to be moved at once: what is proposed for each, and the batch that did it."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import clock
from booking import calendar
from booking.slots import Slot

if TYPE_CHECKING:
    from booking.models import Appointment, Practitioner, Service

UNDO_BATCH = timedelta(minutes=10)
HOLD_FOR_PATIENT = timedelta(hours=24)
LOOK_AHEAD = 28  # days
SAME_PERSON_WITHIN = 14  # days in which the same physician is better than somebody else
OPTIONS = 4
HOLD_PREFIX = "rebook:"


class Way(models.TextChoices):
    """What becomes of a visit that cannot stay."""

    MOVE = "move", _("Move it")
    LINK = "link", _("Let the patient choose")
    CALL = "call", _("To call")


class Batch(models.Model):
    """Visits rebooked in one go, because of a span of time off; undone in one go for ten minutes."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    time_off = models.ForeignKey("booking.TimeOff", null=True, on_delete=models.SET_NULL, related_name="batches")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "booking"

    def __str__(self) -> str:
        return f"batch {self.pk}"

    @property
    def undo_until(self) -> datetime:
        """Until when the whole batch can be taken back."""
        return self.made_at + UNDO_BATCH

    def can_undo(self, now: datetime) -> bool:
        """True for ten minutes, once."""
        return self.undone_at is None and now < self.undo_until


class BatchRow(models.Model):
    """One visit of a batch: what was asked for, and whether it was done. `version` is the visit's right after it."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    appointment = models.ForeignKey("booking.Appointment", on_delete=models.PROTECT, related_name="+")
    way = models.CharField(max_length=4, choices=Way.choices)
    done = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=0)
    said = models.CharField(max_length=200, blank=True, help_text=_("Why it was not done; of a call, what it is about."))
    refused = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text=_("Why it is a call now, if another way was asked for.")
    )

    class Meta:
        app_label = "booking"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.batch_id} {self.way}"


def out_words(practitioner: "Practitioner | None") -> str:
    """What the call list says of a visit in somebody's time off, or in the clinic's."""
    if practitioner is None:
        return gettext("The clinic is closed")
    return gettext("%(who)s is out") % {"who": practitioner.short_name}


def hold_key_of(visit: "Appointment") -> str:
    """The key of the time that is held for a visit's patient, in place of a browser's."""
    return f"{HOLD_PREFIX}{visit.pk}"


def propose(visits: Sequence["Appointment"], *, now: datetime) -> dict[int, list[Slot]]:
    """For each visit up to four times, the best first; no time is the first choice of two visits.

    Never a time at which the patient is here already. The same physician is best if they have time within two weeks, then
    anybody; a day on which the patient has nothing else, then the same part of the day, then the soonest. One statement per
    visit type, and one for what the patients have beside.
    """
    own = _beside(visits, now=now)
    taken: list[tuple[Slot, Service]] = []
    by_service: dict[Service, list[Slot]] = {}
    found: dict[int, list[Slot]] = {}
    for visit in visits:
        if visit.service not in by_service:
            since = max(min(clock.local(v.starts_at).date() for v in visits), clock.today(now))
            by_service[visit.service] = calendar.openings(
                visit.service, since=since, until=since + timedelta(days=LOOK_AHEAD), now=now, any_physician=False
            )
        mine = own.setdefault(visit.patient_id or 0, [])
        options = sorted(by_service[visit.service], key=lambda slot, v=visit, m=mine: _rank(v, slot, m))
        free = [
            slot
            for slot in options
            if not any(start < slot.end and slot.start < end for start, end in mine)
            and not any(_clashes(slot, visit.service, other, service) for other, service in taken)
        ]
        found[visit.pk] = free[:OPTIONS]
        taken += [(slot, visit.service) for slot in free[:1]]
        mine += [(slot.start, slot.end) for slot in free[:1]]
    return found


def _beside(visits: Sequence["Appointment"], *, now: datetime) -> dict[int, list[tuple[datetime, datetime]]]:
    """What else the patients of some visits have booked, or held for them, by patient."""
    from booking.models import OPEN, Appointment, Status

    keys = [v.pk for v in visits]
    others = Appointment.objects.filter(
        patient__in={v.patient_id for v in visits}, status__in=[*OPEN, Status.HELD], ends_at__gt=now
    ).exclude(pk__in=keys)
    found: dict[int, list[tuple[datetime, datetime]]] = {}
    for patient, start, end in others.values_list("patient_id", "starts_at", "ends_at"):
        found.setdefault(patient, []).append((start, end))
    return found


def _rank(visit: "Appointment", slot: Slot, mine: Sequence[tuple[datetime, datetime]]) -> tuple[bool, bool, bool, datetime]:
    near = slot.start < visit.starts_at + timedelta(days=SAME_PERSON_WITHIN)
    same_person = slot.practitioner_id == visit.practitioner_id and near
    day = clock.local(slot.start).date()
    twice = any(clock.local(start).date() == day for start, _end in mine)
    morning = clock.local(visit.starts_at).hour < 12
    return not same_person, twice, (clock.local(slot.start).hour < 12) != morning, slot.start


def _clashes(one: Slot, service: "Service", two: Slot, other: "Service") -> bool:
    """True if two times cannot both be had: the same person or room, with what is needed between them."""
    if one.practitioner_id != two.practitioner_id and not (one.room_id and one.room_id == two.room_id):
        return False
    after_two = timedelta(minutes=max(other.cleanup_minutes, service.setup_minutes))
    after_one = timedelta(minutes=max(service.cleanup_minutes, other.setup_minutes))
    return one.start < two.end + after_two and two.start < one.end + after_one
