"""What the physician asks, behind the visit's private link and the year of birth; and the patient's answer.

Photos come first, on the page for photos; then the questions, all on one page: their answers end it, with or without the photos.
"""

import re

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.web import See, as_number
from booking.views.by_link import Visit, by_link, year_first
from intake import actions, answering, engine, photos
from intake.asked import Ask
from intake.document import Document
from intake.errors import IntakeError
from intake.fields import Control, controls, problem_lines
from intake.models import QuestionnaireResponse
from intake.photo_views import ASKED_FOR, enter_asked
from intake.views import advice_page

# `?part=` of the address: past the photos to the questions, or numbers of advice pages to be read one after another.
ANSWERS, ADVICE = "answers", re.compile(r"(\d{1,2})(?:-(\d{1,2}(?:-\d{1,2})*))?")


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_reply(request: HttpRequest, it: Visit) -> HttpResponse:
    """Shown while something is asked; else the visit's page says how things are."""
    response = it.row.response
    if response is None or response.completed_at is None:
        return redirect("booking:visit", token=it.token)
    part = request.GET.get("part", "")
    advice = ADVICE.fullmatch(part)
    if response.asked_at is None and request.method == "POST" and "done" in request.POST:
        return _thanked(request, it)  # The last photo was all that was asked for.
    if response.asked_at is None and not advice:
        return redirect("booking:visit", token=it.token)
    if asked := year_first(request, it, page="visit_reply", title=_("A question for you"), lasts=ASKED_FOR):
        return asked
    if advice:
        return _advise(request, it, response, int(advice[1]), advice[2])
    ask = actions.open_ask(response, by=it.by, now=it.now)
    if ask is None:
        return redirect("booking:visit", token=it.token)
    if request.method == "POST":
        return _answered(request, it, response, ask)
    if part != ANSWERS and photos.views_left(response, ask):
        return enter_asked(request, response, back=it.url("visit"), go_on=it.url("visit_reply"), now=it.now)
    return _show(request, it, response, ask)


def _thanked(request: HttpRequest, it: Visit) -> HttpResponse:
    messages.success(request, _("Thank you. The physician reads it before your visit."))
    return it.see()


def _advise(request: HttpRequest, it: Visit, response: QuestionnaireResponse, number: int, then: str | None) -> HttpResponse:
    notices = response.definition.advice
    if not 1 <= number <= len(notices):
        return redirect("booking:visit", token=it.token)
    go_on = f"{it.url('visit_reply')}?part={then}" if then else it.url("visit")
    return advice_page(request, notices[number - 1], go_on, words=_("Back to your visit"))


def _answered(request: HttpRequest, it: Visit, response: QuestionnaireResponse, ask: Ask) -> HttpResponse:
    seen = as_number(request.POST.get("seen"))
    if seen not in (None, response.ask_sequence):  # before anything is said of what was typed: it answers other questions
        return _refused(request, it, response, actions.AskedElse())
    asking = actions.asking_for(response, Document())
    rows = request.POST.get("rows", "")
    cleaned = answering.clean_page(ask.form, 1, 1, request.POST, {}, asking, partial=bool(rows))
    if cleaned.problems:
        return _show(request, it, response, ask, problems=cleaned.problems)
    if rows:
        answering.change_rows(ask.form, cleaned.values, rows)
    if rows or cleaned.follow_up:
        return _show(request, it, response, ask, answers=cleaned.values)
    try:
        codes = actions.reply(response, cleaned.values, seen=seen, by=it.by, now=it.now)
    except IntakeError as refusal:
        return _refused(request, it, response, refusal)
    if not codes:
        return _thanked(request, it)
    numbers = [str(n) for n, notice in enumerate(response.definition.advice, start=1) if notice.code in codes]
    return See(f"{it.url('visit_reply')}?part={'-'.join(numbers)}")


def _refused(request: HttpRequest, it: Visit, response: QuestionnaireResponse, refusal: IntakeError) -> HttpResponse:
    """What is asked by now, with what was typed."""
    response.refresh_from_db(fields=["ask_sequence", "asked_at"])
    ask = actions.open_ask(response, by=it.by, now=it.now)
    if ask is None:
        return it.see()
    status = 409 if isinstance(refusal, actions.AskedElse) else 422
    return _show(request, it, response, ask, refusal=str(refusal), status=status)


def _show(
    request: HttpRequest,
    it: Visit,
    response: QuestionnaireResponse,
    ask: Ask,
    *,
    answers: engine.Answers | None = None,
    problems: list[engine.Problem] | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    """The note and the questions. What was typed stays, also where something else is asked by now.

    Args:
        answers: so far, where more is to be said before they are sent: another medicine, or what one of them opens.
    """
    asking = actions.asking_for(response, Document())
    typed = request.POST if request.method == "POST" and answers is None else None
    drawn: list[Control] = []
    for page in engine.pages(ask.form, {}, asking):
        drawn += controls(ask.form, page, answers or {}, asking, typed=typed, problems=problems)
    for control in drawn:
        control.heading = False  # The physician's words are the heading.
    context = {
        "it": it,
        "ask": ask,
        "controls": drawn,
        "seen": response.ask_sequence,
        "views": photos.views_asked(response, ask),
        "problems": [(drawn[0].first if drawn else "photos", refusal)] if refusal else problem_lines(drawn, problems or []),
        "has_errors": bool(refusal or problems),
        "back_url": it.url("visit"),
    }
    return render(request, "booking/visit_reply.html", context, status=422 if problems else status)
