"""A visit, from held to done."""

import uuid
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from accounts import clock
from accounts.models import Clinic, Role, has_role, is_patient
from booking.models.services import Practitioner, Room, Service
from booking.reference import id_of, reference_of
from intake.models import QuestionnaireResponse
from patients.models import Helper, Patient


class Status(models.TextChoices):
    """Where an appointment stands. Words and looks on screens: accounts/templatetags/ui.py."""

    HELD = "held", _("Held")
    BOOKED = "booked", _("Not confirmed")
    CONFIRMED = "confirmed", _("Confirmed")
    ARRIVED = "arrived", _("Waiting")
    IN_ROOM = "in_room", _("In room")
    FULFILLED = "fulfilled", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    NOSHOW = "noshow", _("No-show")


# Statuses that take up the time; cancelled and no-show rows stay for ever but free it.
OCCUPYING = [Status.HELD, Status.BOOKED, Status.CONFIRMED, Status.ARRIVED, Status.IN_ROOM, Status.FULFILLED]
# Statuses in which a visit is still to come: it can be confirmed, moved and cancelled.
COMING = frozenset({Status.BOOKED.value, Status.CONFIRMED.value})
# Statuses in which a visit is still to come or going on.
OPEN = [Status.BOOKED, Status.CONFIRMED, Status.ARRIVED, Status.IN_ROOM]
# What reception is to call about whether or not the visit is over.
ASKED_TO_CALL, HAS_A_QUESTION = gettext_noop("The physician asks you to call"), gettext_noop("The physician has a question")
TO_BE_MOVED = gettext_noop("The physician asks to move the visit")  # no use once it is over
TOOK_BACK, ANSWERED = gettext_noop("Took back the agreement to the form"), gettext_noop("Answered a text")
LASTING_CALLS = (ASKED_TO_CALL, HAS_A_QUESTION, TOOK_BACK, ANSWERED)
# So long after its end a visit should be done, missed or cancelled.
OUTCOME_DUE = timedelta(minutes=30)


def _span() -> Func:
    return Func(F("starts_at"), F("ends_at"), Value("[)"), function="tstzrange", output_field=DateTimeRangeField())


def _one(expression: Any) -> Func:
    """A number as a range of one, so that "same number" is "overlaps" and no extension is needed."""
    return Func(expression, expression, Value("[]"), function="int8range", output_field=BigIntegerRangeField())


HOLD_EXTENSIONS = 2  # times that a hold can be made longer


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    """Named sets of appointments; the desk screens read like the desk speaks."""

    def for_actor(self, user: Any) -> "AppointmentQuerySet":
        """The appointments a person who works here may see; a patient who signs in sees their own; nobody else any."""
        if is_patient(user):
            return self.filter(patient__user=user, patient__merged_into=None)
        return self if has_role(user, Role.RECEPTION, Role.PHYSICIAN, Role.LEAD) else self.none()

    def between(self, since: datetime, until: datetime) -> "AppointmentQuerySet":
        """Those that start in the half-open span."""
        return self.filter(starts_at__gte=since, starts_at__lt=until)

    def visits(self) -> "AppointmentQuerySet":
        """Everything but holds."""
        return self.exclude(status=Status.HELD)

    def occupying(self) -> "AppointmentQuerySet":
        """Those that take up the time, holds included."""
        return self.filter(status__in=OCCUPYING)

    def beside(self, visit: "Appointment") -> "AppointmentQuerySet":
        """Who else has the same physician, or holds a time with them, while this visit lasts."""
        over = self.occupying().filter(
            practitioner=visit.practitioner_id, starts_at__lt=visit.ends_at, ends_at__gt=visit.starts_at
        )
        return over.exclude(pk=visit.pk)

    def upcoming(self, now: datetime) -> "AppointmentQuerySet":
        """Booked or confirmed visits that have not started."""
        return self.filter(status__in=COMING, starts_at__gt=now)

    def without_outcome(self, now: datetime) -> "AppointmentQuerySet":
        """Those that should be over, and of which nobody has said how they ended."""
        return self.filter(status__in=OPEN, ends_at__lte=now - OUTCOME_DUE)

    def to_call(self, now: datetime) -> "AppointmentQuerySet":
        """Visits whose patient we have to phone: about the visit until it is over, about what lasts until it is said."""
        lasting = [Q(call_reason__contains=gettext(text)) for text in LASTING_CALLS]
        ahead = Q(ends_at__gt=now, status__in=[*OPEN, Status.CANCELLED])
        return self.filter(reduce(or_, lasting, ahead), needs_call=True)


class Appointment(models.Model):
    """A visit, or a time held for one.

    The three exclusion constraints make an overlap impossible for a practitioner (per lane: staff may overbook on purpose,
    at most three deep), for a room and for a patient. `version` goes up on every change; `ics_sequence` only when time,
    place, practitioner or cancelled changes. `announced` behind `version` means that messages have not been planned yet.
    """

    class Source(models.TextChoices):
        """Who made it."""

        WEB = "web", _("Booked online")
        DESK = "desk", _("Booked by the clinic")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    practitioner = models.ForeignKey(Practitioner, on_delete=models.PROTECT, related_name="appointments")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="appointments")
    room = models.ForeignKey(Room, null=True, on_delete=models.PROTECT, related_name="appointments")
    patient = models.ForeignKey(Patient, null=True, on_delete=models.PROTECT, related_name="appointments")
    helper = models.ForeignKey(Helper, null=True, on_delete=models.PROTECT, related_name="appointments")
    response = models.OneToOneField(QuestionnaireResponse, null=True, on_delete=models.PROTECT, related_name="appointment")
    status = models.CharField(max_length=10, choices=Status.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    local_start = models.CharField(max_length=16, help_text=_("Wall time agreed with the patient, such as 2026-11-10T14:00."))
    zone = models.CharField(max_length=40, help_text=_("Zone of local_start."))
    lane = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    ics_sequence = models.PositiveIntegerField(default=0)
    announced = models.PositiveIntegerField(default=0)

    hold_expires_at = models.DateTimeField(null=True)
    hold_extensions = models.PositiveSmallIntegerField(default=0)
    hold_key = models.CharField(max_length=64, blank=True, help_text=_("Which browser holds it, or for which offer or visit."))

    offer = models.OneToOneField(
        "booking.WaitlistOffer", null=True, on_delete=models.PROTECT, help_text=_("The offer it is held for, or came from.")
    )
    series = models.UUIDField(null=True, help_text=_("The same for visits that were booked as one series."))

    source = models.CharField(max_length=8, choices=Source.choices, default=Source.WEB)
    article = models.UUIDField(null=True, help_text=_("Random id of the article the patient came from."))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    booked_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    arrived_at = models.DateTimeField(null=True)
    in_room_at = models.DateTimeField(null=True)
    fulfilled_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.CharField(max_length=8, blank=True, help_text=_("patient or clinic."))
    cancel_reason = models.CharField(max_length=40, blank=True)
    cancelled_late = models.BooleanField(default=False)
    changed_by = models.CharField(max_length=8, blank=True, help_text=_("Who changed it last: patient or clinic."))
    changed_at = models.DateTimeField()
    needs_call = models.BooleanField(default=False)
    call_reason = models.TextField(blank=True, help_text=_("What to call about; several are separated by semicolons."))
    previous = models.JSONField(default=dict, help_text=_("What the last step changed, for its one-step undo."))

    link_key_id = models.CharField(max_length=16, blank=True)
    link_generation = models.PositiveIntegerField(default=1)
    link_sha256 = models.BinaryField(max_length=32, null=True, unique=True)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="appointment_order"),
            models.CheckConstraint(condition=Q(lane__lte=3), name="appointment_lane"),
            models.CheckConstraint(
                condition=Q(status="held", hold_expires_at__isnull=False) | (~Q(status="held") & Q(hold_expires_at=None)),
                name="appointment_hold_shape",
            ),
            models.CheckConstraint(condition=Q(status="held") | Q(patient__isnull=False), name="appointment_has_patient"),
            models.UniqueConstraint(fields=["hold_key"], condition=Q(status="held"), name="appointment_one_hold_per_browser"),
            ExclusionConstraint(
                name="appointment_practitioner_free",
                expressions=[(_one(F("practitioner_id") * Value(4) + F("lane")), "&&"), (_span(), "&&")],
                condition=Q(status__in=OCCUPYING),
            ),
            ExclusionConstraint(
                name="appointment_room_free",
                # int8range(NULL, NULL) overlaps everything, so rows without a room are kept out.
                expressions=[(_one(F("room_id")), "&&"), (_span(), "&&")],
                condition=Q(status__in=OCCUPYING, room_id__isnull=False),
            ),
            ExclusionConstraint(
                name="appointment_patient_free",
                expressions=[(_one(F("patient_id")), "&&"), (_span(), "&&")],
                condition=Q(status__in=OPEN, patient_id__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["practitioner", "starts_at"], name="appointment_by_day"),
            models.Index(fields=["starts_at"], name="appointment_start"),
            models.Index(fields=["patient", "-starts_at"], name="appointment_of_patient"),
            models.Index(fields=["starts_at"], name="appointment_open", condition=Q(status__in=OPEN)),
            models.Index(fields=["id"], name="appointment_to_announce", condition=~Q(announced=F("version")) & ~Q(status="held")),
            models.Index(fields=["hold_expires_at"], name="appointment_holds", condition=Q(status="held")),
            models.Index(fields=["id"], name="appointment_to_call", condition=Q(needs_call=True)),
            models.Index(fields=["series", "starts_at"], name="appointment_of_series", condition=Q(series__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"Appointment {self.pk}"

    @property
    def reference(self) -> str:
        """What people read out on the phone: TN-7F4K."""
        return reference_of(self.pk)

    @staticmethod
    def id_of_reference(text: str) -> int | None:
        """The primary key behind a reference as typed ("tn7f4k", "TN-7F4K"); None if it is not one."""
        return id_of(text)

    @property
    def minutes(self) -> int:
        """Length in minutes."""
        return int((self.ends_at - self.starts_at).total_seconds() // 60)

    @property
    def reach(self) -> Patient | Helper | None:
        """Whoever hears from us about the visit: the patient, or who booked for them if they asked for that."""
        return self.helper if self.helper is not None and self.helper.gets_messages else self.patient

    @property
    def is_open(self) -> bool:
        """True while the visit is still to come or going on."""
        return self.status in OPEN

    @property
    def can_confirm(self) -> bool:
        """True while the patient has not confirmed."""
        return self.status == Status.BOOKED

    @property
    def calls(self) -> set[str]:
        """What it is on the call list for."""
        return {text for text in self.call_reason.split("; ") if text} if self.needs_call else set()

    def is_called_about(self, now: datetime) -> bool:
        """True until it is over: until then a call about it is of use."""
        return self.ends_at > now and self.status in (*OPEN, Status.CANCELLED)

    def is_to_call(self, now: datetime) -> bool:
        """As `to_call` finds it."""
        return self.needs_call and (self.is_called_about(now) or bool(self.calls & {gettext(text) for text in LASTING_CALLS}))

    def add_call(self, reason: str) -> bool:
        """Onto the call list, for one reason more; those before it stay. False if this one was there already."""
        reasons = [text for text in self.call_reason.split("; ") if text]
        if reason in self.calls:
            return False
        self.needs_call = True
        self.call_reason = "; ".join([*reasons, reason])
        return True

    @property
    def may_extend(self) -> bool:
        """True while the hold can be made longer."""
        return self.hold_extensions < HOLD_EXTENSIONS

    def drop_call(self, reason: str) -> bool:
        """Off the call list for this reason; others stay. False if it was not on it for that."""
        reasons = [text for text in self.call_reason.split("; ") if text]
        self.call_reason = "; ".join(text for text in reasons if text != reason)
        self.needs_call = self.needs_call and bool(self.call_reason)
        return reason in reasons

    @property
    def intake_missing(self) -> bool:
        """True if the visit asks for a questionnaire that has not been sent."""
        if not self.service.questionnaire:
            return False
        return self.response is None or self.response.status == "in-progress"

    @property
    def link_expires_at(self) -> datetime:
        """The private link works until a day after the visit."""
        return self.ends_at + timedelta(hours=24)

    def cancel_deadline(self, start: datetime | None = None) -> datetime:
        """Until when a patient may cancel without the late fee; of another start, if one is given."""
        return (start or self.starts_at) - timedelta(minutes=self.service.cancel_cutoff_minutes)

    def move_deadline(self) -> datetime:
        """Until when a patient may move the visit by link."""
        return self.starts_at - timedelta(minutes=self.service.reschedule_cutoff_minutes)

    def lacks_outcome(self, now: datetime) -> bool:
        """As `without_outcome` finds it: nobody has said what became of it."""
        return self.status in OPEN and self.ends_at <= now - OUTCOME_DUE

    def waiting_minutes(self, now: datetime) -> int | None:
        """Minutes since arrival of somebody who waits today; None for others, and for a visit that was left so on another day."""
        came = self.arrived_at or now
        if self.status != Status.ARRIVED or clock.local(came).date() != clock.today(now):
            return None
        return max(int((now - came).total_seconds() // 60), 0)

    @property
    def place(self) -> str:
        """Where the visit is, in one line."""
        return Clinic.current().address_line
