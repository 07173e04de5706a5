"""`/staff/corrections/`: what patients want corrected. Details are the desk's to answer, answers the physicians'."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts import clock
from accounts.access import staff_required
from accounts.web import see
from audit.actor import actor_of
from booking.fields import PlainForm, TextField
from intake.actions import answer_correction, read_corrections
from intake.corrections import Correction
from intake.errors import IntakeError

ANSWERED = 20


class AnswerForm(PlainForm):
    """Corrected or not, and what the patient reads about it."""

    made = forms.ChoiceField(choices=[("yes", ""), ("no", "")])
    answer = TextField(limit=2000, error_messages={"required": gettext_lazy("Write what the patient will read")})


def _page(request: HttpRequest, *, wrong: UUID | None = None, typed: str = "", status: int = 200) -> HttpResponse:
    """Those that wait, the longest first, and the last that were answered. Each reading is in the trail."""
    now = clock.now()
    rows = Correction.objects.for_actor(request.user).select_related("patient", "answered_by")
    waiting = read_corrections(rows.open().order_by("asked_at")[:100], by=actor_of(request), now=now)
    done = rows.exclude(answered_at=None).order_by("-answered_at")[:ANSWERED]
    context = {"waiting": waiting, "done": read_corrections(done, by=actor_of(request), now=now), "wrong": wrong, "typed": typed}
    return render(request, "staff/corrections.html", context, status=status)


@staff_required
@require_safe
def corrections(request: HttpRequest) -> HttpResponse:
    """The list of whoever is signed in."""
    return _page(request)


@staff_required
@require_POST
def correction(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """The answer to one. The correction itself is made where the record is; here the patient is told."""
    found = get_object_or_404(Correction.objects.for_actor(request.user), public_id=public_id)
    form = AnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, wrong=public_id, typed=request.POST.get("answer", "")[:2000], status=422)
    made, answer = form.cleaned_data["made"] == "yes", form.cleaned_data["answer"]
    try:
        answer_correction(found, made=made, answer=answer, by=actor_of(request), now=clock.now())
    except IntakeError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Answered. The patient reads it in their account."))
    return see("staff:corrections")
