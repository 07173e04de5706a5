"""`/md/review/<id>/answers.pdf`: sent answers, whole, for the chart."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import physician_required
from audit.actor import actor_of
from intake.models import QuestionnaireResponse
from intake.paper import for_chart
from staff.chart import visit_of
from staff.reading import reading


@physician_required
@require_safe
def answers(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A PDF to print or file. A draft stays closed."""
    now = clock.now()
    response = _sent(request, public_id)
    if response is None:
        raise Http404
    visit = visit_of(response)
    reference = visit.reference if visit else ""
    with reading(request, "staff.answers_printed", now=now, obj=response, subject_id=response.patient_id):
        made = for_chart(response, reference=reference, by=actor_of(request), now=now)
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="answers-{reference or response.public_id}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


def _sent(request: HttpRequest, public_id: UUID) -> QuestionnaireResponse | None:
    """What was sent, by its own id or its visit's."""
    sent = QuestionnaireResponse.objects.for_actor(request.user).sent().select_related("questionnaire", "patient", "appointment")
    return sent.filter(public_id=public_id).first() or sent.filter(appointment__public_id=public_id).first()
