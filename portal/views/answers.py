"""`/me/answers/`: what was sent, in the wording it was asked in; and the photos that came with it. Each reading is recorded."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from booking.models import Appointment
from intake import paper
from intake.models import Photo, QuestionnaireResponse
from intake.photo_views import picture
from intake.photos import visible
from intake.sheet import for_patient
from intake.texts import filled
from portal.access import Me, patient_required


def _sent(request: HttpRequest) -> list[QuestionnaireResponse]:
    found = QuestionnaireResponse.objects.for_actor(request.user).select_related("questionnaire", "patient")
    return list(found.defer("document").order_by("-completed_at"))


def _one(request: HttpRequest, public_id: UUID) -> QuestionnaireResponse:
    found = QuestionnaireResponse.objects.for_actor(request.user).select_related("questionnaire", "patient")
    return get_object_or_404(found, public_id=public_id)


@require_safe
@patient_required
def answers(request: HttpRequest, me: Me) -> HttpResponse:
    """The list, newest first: when, and how much. Nothing is opened for it."""
    rows = _sent(request)
    return render(request, "portal/answers.html", {"me": me, "rows": rows, "tab": "answers"})


@require_safe
@patient_required
def answer(request: HttpRequest, me: Me, public_id: UUID) -> HttpResponse:
    """One set of answers with the questions as they were asked then; no flags, which are the physician's."""
    response = _one(request, public_id)
    topics = for_patient(response, by=me.by, now=me.now)
    return render(request, "portal/answer.html", {"me": me, "response": response, "topics": topics, "tab": "answers"})


@require_safe
@patient_required
def answer_pdf(request: HttpRequest, me: Me, public_id: UUID) -> HttpResponse:
    """The same on paper."""
    response = _one(request, public_id)
    visit = Appointment.objects.for_actor(request.user).filter(response=response).first()
    made = paper.for_patient(response, reference=visit.reference if visit else "", by=me.by, now=me.now)
    sent = HttpResponse(made, content_type="application/pdf")
    sent["Content-Disposition"] = f'attachment; filename="answers-{response.completed_at:%Y-%m-%d}.pdf"'
    return sent


@require_safe
@patient_required
def photos(request: HttpRequest, me: Me) -> HttpResponse:
    """By view, each on a line of time: the same place of the head, then and now."""
    views: dict[str, list[Photo]] = {}
    for response in reversed(_sent(request)):
        questions = response.definition.questions
        for photo in visible(response).order_by("received_at", "pk"):
            question = questions.get(photo.link_id)
            label = filled(question.short or question.text) if question else _("Other")
            views.setdefault(label, []).append(photo)
    return render(request, "portal/photos.html", {"me": me, "views": views, "tab": "photos"})


@require_safe
@patient_required
def photo(request: HttpRequest, me: Me, public_id: UUID) -> HttpResponse:
    """One of one's own pictures."""
    for response in _sent(request):
        if found := visible(response).filter(public_id=public_id).first():
            return picture(found, by=me.by, now=me.now, small="small" in request.GET)
    raise Http404
