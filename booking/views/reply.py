"""A question from the physician, behind the visit's private link and the year of birth; and the patient's answer."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.web import as_number
from booking.views.by_link import Visit, by_link, year_first
from intake import actions
from intake.errors import IntakeError


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_reply(request: HttpRequest, it: Visit) -> HttpResponse:
    """Shown while something is asked; else the visit's page says how things are."""
    response = it.row.response
    if response is None or response.asked_at is None:
        return redirect("booking:visit", token=it.token)
    if asked := year_first(request, it, page="visit_reply", title=_("A question for you")):
        return asked
    error, typed, status = "", "", 200
    if request.method == "POST":
        typed = request.POST.get("reply", "")
        try:
            actions.reply(response, typed, seen=as_number(request.POST.get("seen")), by=it.by, now=it.now)
        except IntakeError as refusal:
            error, status = str(refusal), 409 if isinstance(refusal, actions.AskedElse) else 422
            response.refresh_from_db(fields=["ask_sequence"])
        else:
            messages.success(request, _("Thank you. The physician reads it before your visit."))
            return it.see()
    question = actions.question_for(response, by=it.by, now=it.now)
    context = {
        "it": it,
        "question": question,
        "seen": response.ask_sequence,
        "typed": typed,
        "error": error,
        "problems": [("id_reply", error)] if error else [],
        "has_errors": bool(error),
        "back_url": it.url("visit"),
    }
    return render(request, "booking/visit_reply.html", context, status=status)
