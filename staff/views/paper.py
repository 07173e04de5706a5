"""`/md/review/<id>/answers.pdf`: sent answers, whole, for the chart."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import physician_required
from audit.actor import actor_of
from intake.paper import for_chart
from staff.reading import reading
from staff.views.md import _find as find_review


@physician_required
@require_safe
def answers(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A PDF to print or file. A draft stays closed."""
    now = clock.now()
    visit, response = find_review(request, public_id)
    if response is None or response.is_draft or response.patient_id is None:
        raise Http404
    reference = visit.reference if visit else ""
    with reading(request, "staff.answers_printed", now=now, obj=response, subject_id=response.patient_id):
        made = for_chart(response, reference=reference, by=actor_of(request), now=now)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="answers-{reference or response.public_id}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer
