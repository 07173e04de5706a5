"""Reminders of care that is due: once per finished visit, only to who agreed, and ended with one click (RFC 8058)."""

import calendar
import hashlib
import hmac
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.links import derive_link, newest_key_id
from accounts.models import Clinic
from audit.actor import Actor
from booking.models import OPEN, Appointment, Status
from notifications import planner
from notifications.kinds import KINDS, expiry
from notifications.models import Message, Subject
from notifications.plans import Plan, beside
from patients.actions import choose_care
from patients.care import CARE
from patients.models import ConsentRecord, Patient

BATCH = 100
LATEST = timedelta(days=30)  # a review that was due longer ago is not brought up any more


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier; the last of the month where that month is shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, min(day.day, calendar.monthrange(years, month + 1)[1]))


def nothing_booked(visit: Appointment) -> bool:
    """True if the patient has not come again since, and is not about to."""
    since = Appointment.objects.filter(patient=visit.patient_id, starts_at__gt=visit.starts_at)
    return not since.filter(status__in=[*OPEN, Status.FULFILLED]).exists()


def plan_recalls(*, now: datetime) -> int:
    """Write the reminders that are due. Returns how many. Nothing unless the clinic has said after how many months."""
    clinic = Clinic.objects.filter(pk=1).first()
    if clinic is None or not clinic.recall_months:
        return 0
    until = clock.instant(months_before(clock.today(now), clinic.recall_months), time(0), clock.clinic_zone())
    later = Appointment.objects.filter(patient=OuterRef("patient"), starts_at__gt=OuterRef("starts_at"))
    agreed = ConsentRecord.objects.filter(patient=OuterRef("patient"), code=CARE, decision=True, withdrawn_at=None)
    said = Message.objects.filter(subject_type=Subject.RECALL, subject_id=OuterRef("pk"))
    due = Appointment.objects.filter(status=Status.FULFILLED, starts_at__gte=until - LATEST, starts_at__lt=until)
    due = due.filter(Exists(agreed), ~Exists(later.filter(status__in=[*OPEN, Status.FULFILLED])), ~Exists(said))
    kind = KINDS["recall"]
    plans = {
        visit.pk: Plan(beside(kind, Subject.RECALL, visit, 1, now, expiry(kind, now, start=None), earliest=now))
        for visit in due.order_by("starts_at", "pk")[:BATCH]
    }
    if plans:
        planner.write(Subject.RECALL, plans, now)
    return len(plans)


# --- Ending them --------------------------------------------------------------------------------------------------------


def _seal(public_id: UUID, key_id: str) -> str:
    return hashlib.sha256(derive_link("care off", public_id, 0, key_id).encode()).hexdigest()[:20]


def ends_at(patient: Patient) -> str:
    """The address that ends these reminders for one patient: no sign-in, good for as long as its key is in the ring."""
    path = reverse("notifications:care_off", args=[patient.public_id, _seal(patient.public_id, newest_key_id())])
    return settings.SITE_URL + path


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def care_off(request: HttpRequest, public_id: UUID, seal: str) -> HttpResponse:
    """GET shows a button and changes nothing; POST, from the button or from a mail program, ends the reminders.

    The address is the proof, so there is no form's token: mail programs have none. No redirect: they follow none.
    """
    ours = any(hmac.compare_digest(_seal(public_id, key_id).encode(), seal.encode()) for key_id in settings.LINK_KEYS)
    patient = Patient.objects.filter(public_id=public_id).first() if ours else None
    if patient is None:
        raise Http404
    while patient.merged_into is not None:  # two rows were one person, and what was agreed to is with the one that stays
        patient = patient.merged_into
    if request.method == "POST":
        choose_care(patient, False, by=Actor.patient(patient.pk), now=clock.now())
    return render(request, "notifications/care_off.html", {"done": request.method == "POST", "here": request.path})
