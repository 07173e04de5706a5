"""`/desk/calls/`: who is to be phoned, and who may be on file twice."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import clock
from accounts.access import reception_required
from accounts.models import Clinic
from accounts.web import see
from audit.actor import actor_of
from booking.models import Appointment, WaitlistEntry, WaitlistOffer
from booking.waitlist import OfferState
from intake.actions import merge_records
from intake.corrections import Correction
from patients.actions import PatientError
from patients.models import MergeOffer, Patient
from staff import again, steps
from staff.reading import reading


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def calls(request: HttpRequest) -> HttpResponse:
    """The list. POST says that a patient was called."""
    now = clock.now()
    if request.method != "POST":
        return _page(request, now=now)
    outcome = steps.perform(request, now=now)
    if outcome.refusal:
        return _page(request, now=now, refusal=outcome.refusal)
    if outcome.verb == "called":
        return see("staff:calls", query=f"?{urlencode({'did': 'called', 'visit': str(outcome.visit.public_id)})}")
    messages.success(request, steps.said(outcome.visit, outcome.verb))
    return see("staff:calls")


def _page(request: HttpRequest, *, now: datetime, refusal: str = "") -> HttpResponse:
    """The list as it is now, with what could not be done."""
    with reading(request, "staff.calls_read", now=now):
        visits = list(
            Appointment.objects.for_actor(request.user)
            .to_call(now)
            .select_related("patient", "helper", "practitioner", "service")
            .order_by("starts_at")[:200]
        )
        offers = list(
            MergeOffer.objects.for_actor(request.user)
            .filter(decided_at=None, patient__merged_into=None, candidate__merged_into=None)
            .select_related("patient", "candidate")
            .order_by("created_at", "pk")[:500]
        )
        waiting = list(
            WaitlistOffer.objects.filter(
                entry__in=WaitlistEntry.objects.for_actor(request.user), state=OfferState.OPEN, to_call=True, expires_at__gt=now
            )
            .with_reach()
            .select_related("practitioner")
            .order_by("expires_at")[:100]
        )
    corrections = Correction.objects.for_actor(request.user).open().count()
    context = {
        "strip": None if refusal else steps.called_strip(request),
        "visits": visits,
        "groups": groups_of(offers),
        "waiting": waiting,
        "refusal": refusal,
        "corrections": corrections,
    }
    return render(request, "staff/calls.html", context, status=409 if refusal else 200)


@dataclass(slots=True)
class Group:
    """Files that may be one person's: the oldest, and of each other one the question to be decided next."""

    first: Patient
    offers: list[MergeOffer]


def groups_of(offers: Iterable[MergeOffer]) -> list[Group]:
    """Pairs that have a file in common together, in the order of `offers`.

    A file is asked about once, with the oldest it may be the same as; said to be another person's, with the next.
    """
    together: dict[int, set[MergeOffer]] = {}
    for offer in offers:
        both = together.get(offer.patient_id, set()) | together.get(offer.candidate_id, set()) | {offer}
        for each in both:
            together[each.patient_id] = together[each.candidate_id] = both
    found = []
    for group in {id(group): group for group in together.values()}.values():
        ordered = sorted(group, key=lambda offer: offer.candidate_id)
        asked = {offer.patient_id: offer for offer in reversed(ordered)}
        rest = sorted(asked.values(), key=lambda offer: offer.patient_id)
        found.append(Group(ordered[0].candidate, rest))
    return found


@reception_required
@require_safe
def book_again(request: HttpRequest) -> HttpResponse:
    """`/desk/again/`: who was missed, cancelled or is due for a review, and has nothing booked."""
    now = clock.now()
    with reading(request, "staff.again_read", now=now):
        found = again.load(request.user, now=now)
    groups = [
        (_("Missed"), "userx", found.missed),
        (_("Cancelled"), "x", found.cancelled),
        (_("Due for a review"), "clock", found.due),
    ]
    context = {"again": found, "groups": groups, "reviews": bool(Clinic.current().recall_months)}
    return render(request, "staff/again.html", context)


@reception_required
@require_POST
def decide(request: HttpRequest, newer: UUID, older: UUID) -> HttpResponse:
    """Same person, or two people. The same person's visits and answers move to the older record."""
    offer = MergeOffer.objects.for_actor(request.user).filter(patient__public_id=newer, candidate__public_id=older).first()
    answer = request.POST.get("answer", "")
    now = clock.now()
    if offer is None and Patient.objects.for_actor(request.user).filter(public_id=older).exclude(merged_into=None).exists():
        return _page(request, now=now, refusal=_("That file is one with another by now. Here is what is left to decide."))
    if offer is None or answer not in ("same", "different"):
        raise Http404
    try:
        merge_records(offer, answer == "same", by=actor_of(request), now=now)
    except PatientError as error:
        return _page(request, now=now, refusal=str(error))
    messages.success(request, _("One record now.") if answer == "same" else _("Two people, noted."))
    return see("staff:calls")
