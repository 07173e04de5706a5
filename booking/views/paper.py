"""The patient's own copy of the answers that were sent, as a PDF."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from audit.actor import Actor
from booking.links import token_of
from booking.models import COMING, Appointment
from booking.views.by_link import Visit, by_link
from booking.views.journey import Journey
from booking.views.sent import Door
from intake import paper


def _pdf(visit: Appointment, by: Actor, now: datetime) -> HttpResponse:
    assert visit.response is not None
    made = paper.for_patient(visit.response, reference=visit.reference, by=by, now=now)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'attachment; filename="answers-{visit.reference}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


def was_sent(visit: Appointment) -> bool:
    """True if the visit has answers that were sent."""
    return visit.response is not None and visit.response.completed_at is not None


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_answers(request: HttpRequest, it: Visit) -> HttpResponse:
    """By the private link: the year of birth, a code, then the file."""
    if not was_sent(it.row):
        return redirect("booking:visit", token=it.token)
    return Door(request, it, "booking/visit_answers.html").asks() or _pdf(it.row, it.by, it.now)


@require_safe
def done_answers(request: HttpRequest) -> HttpResponse:
    """In the browser that has sent them, while it shows "You're booked"; one that was let in otherwise asks as the link does."""
    now = clock.now()
    journey = Journey(request, now)
    found = Appointment.objects.select_related("patient", "response", "response__patient", "response__questionnaire")
    booked = found.filter(public_id=journey.booked, status__in=COMING)
    visit = booked.first() if journey.booked else None
    if visit is None:
        return redirect("booking:start")
    if not was_sent(visit) or visit.starts_at <= now:
        raise Http404
    if not journey.was_shown:
        return redirect("booking:visit_answers", token=token_of(visit))
    return _pdf(visit, Actor.patient(visit.patient_id), now)
