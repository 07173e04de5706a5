"""`/fhir/`: questionnaires for everybody who works here, sent answers for physicians. Read only, each reading in the trail."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import physician_required, staff_required
from audit.actor import actor_of
from intake.errors import IntakeError
from intake.exchange import find_questionnaire, questionnaire_json, response_json
from intake.fhir import CONTENT_TYPE
from intake.models import QuestionnaireResponse
from staff.reading import reading


def _answer(made: dict[str, Any]) -> HttpResponse:
    answer = JsonResponse(made, json_dumps_params={"ensure_ascii": False}, content_type=CONTENT_TYPE)
    answer["Cache-Control"] = "no-store"
    return answer


@staff_required
@require_safe
def questionnaire(request: HttpRequest, slug: str) -> HttpResponse:
    """A published questionnaire, the newest or `?version=`, in the wording patients see."""
    try:
        row = find_questionnaire(slug, request.GET.get("version", ""))
    except IntakeError:
        raise Http404 from None
    return _answer(questionnaire_json(row, as_asked=True))


@physician_required
@require_safe
def response(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Sent answers. A draft stays closed, as on every other screen."""
    now = clock.now()
    found = (
        QuestionnaireResponse.objects.for_actor(request.user)
        .select_related("patient", "questionnaire")
        .filter(public_id=public_id)
        .exclude(patient=None)
        .exclude(status=QuestionnaireResponse.Status.IN_PROGRESS)
        .first()
    )
    if found is None:
        raise Http404
    with reading(request, "staff.fhir_read", now=now, obj=found, subject_id=found.patient_id):
        made = response_json(found, by=actor_of(request), now=now)
    return _answer(made)
