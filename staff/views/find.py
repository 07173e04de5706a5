"""`/desk/find/` and `/desk/patient/<id>/`: who is calling, and what there is to know at the desk."""

from datetime import datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import reception_required
from booking.models import OPEN, Appointment, WaitlistEntry
from patients.models import MergeOffer, Patient
from staff import search
from staff.board import badges_of
from staff.reading import reading


@reception_required
@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """Results for `?q=`. A whole phone number that one patient has leads straight to that patient."""
    text, now = request.GET.get("q", "").strip()[:80], clock.now()
    hits: list[search.Hit] = []
    if text:
        # What was looked for is kept as a keyed digest: enough to see a search repeated, not to try all phone numbers against it.
        digest = salted_hmac("staff.find", search.fold(text), algorithm="sha256").hexdigest()[:16]
        detail: dict[str, object] = {"query": digest}
        with reading(request, "staff.search", now=now, detail=detail):
            hits = search.find(request.user, text, now=now)
        exact = [hit for hit in hits if hit.why in ("phone", "reference")]
        if len(exact) == 1 and exact[0].why == "phone":
            return redirect("staff:patient", public_id=exact[0].patient.public_id)
    return render(request, "staff/find.html", {"q": text, "hits": hits, "today": clock.today(now)})


@reception_required
@require_safe
def patient(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Contact, visits and open tasks of one patient. No answers."""
    now = clock.now()
    found = get_object_or_404(Patient.objects.for_actor(request.user).select_related("merged_into"), public_id=public_id)
    if found.merged_into_id:
        return redirect("staff:patient", public_id=found.merged_into.public_id)
    with reading(request, "staff.patient_read", now=now, obj=found, subject_id=found.pk):
        visits = list(
            Appointment.objects.for_actor(request.user)
            .visits()
            .filter(patient=found)
            .select_related("service", "practitioner", "response", "room", "patient")
            .defer("response__document")
            .order_by("-starts_at")[:50]
        )
        places = list(
            WaitlistEntry.objects.for_actor(request.user).on_list().filter(patient=found).prefetch_related("offers__practitioner")
        )
        offers = MergeOffer.objects.for_actor(request.user).filter(patient=found, decided_at=None).count()
    coming = sorted((v for v in visits if v.status in OPEN and not v.lacks_outcome(now)), key=lambda v: v.starts_at)
    tasks = [
        (word, reverse("staff:visit", args=[v.public_id]), clock.long_when(v.starts_at))
        for v in coming
        for _colour, _icon, word in badges_of(v, now)
    ]
    tasks += [_waits(place, now) for place in places]
    if offers:
        tasks.append((_("May be on file twice"), reverse("staff:calls"), _("Decide")))
    context = {
        "patient": found,
        "age": found.age_on(clock.today(now)),
        "coming": coming,
        "past": [v for v in visits if v not in coming],
        "tasks": tasks,
    }
    return render(request, "staff/patient.html", context)


def _waits(place: WaitlistEntry, now: datetime) -> tuple[str, str, str]:
    """A place on the waiting list as something open: what was offered and until when, or since when they wait."""
    url = reverse("staff:waiting_list")
    out = next((offer for offer in place.offers.all() if offer.is_live(now)), None)
    if out is None:
        return _("On the waiting list"), url, _("Since %(day)s") % {"day": clock.long_date(clock.local(place.joined_at).date())}
    words = {
        "until": clock.clock_time(out.expires_at),
        "who": out.practitioner.short_name,
        "when": clock.long_when(out.starts_at),
    }
    return _("Offered until %(until)s") % words, url, _("%(when)s, %(who)s") % words
