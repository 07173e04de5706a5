"""`/desk/visit/<id>/questions/`: the questionnaire with the patient on the phone or at the desk; and handing it over."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import clock
from accounts.access import reception_required
from accounts.web import see
from audit.actions import record
from audit.actor import actor_of
from booking import actions, tablet
from booking.models import OPEN
from intake import seats
from staff import board
from staff.views.visit import show


@reception_required
@require_POST
def questions(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """`do`: start (or go on), stop, hand_over, or tablet (which signs out). Each leads somewhere and shows nothing itself."""
    visit = board.find_visit(request.user, public_id)
    if visit is None:
        raise Http404
    now, by, do = clock.now(), actor_of(request), request.POST.get("do", "")
    if do not in {"start", "stop", "hand_over", "tablet"}:
        return show(request, visit, now, refusal=_("Choose what to do with the questions."), status=422)
    if do == "tablet":
        if not visit.intake_missing or visit.status not in OPEN:
            return show(request, visit, now, refusal=_("There are no questions left to answer before this visit."), status=409)
        with transaction.atomic():
            record("staff.tablet_started", by=by, now=now, obj=visit)
        return tablet.start(request, visit, now=now)
    try:
        if do == "start":
            response = actions.open_questions(visit, by=by, now=now)
            seats.sit_at_desk(request, response, visit=str(public_id))
            return see("intake:questions")
        if do == "hand_over":
            actions.hand_over_questions(visit, by=by, now=now)
            messages.success(request, _("The link is on its way. From now on only the patient sees these answers."))
    except actions.BookingError as refusal:
        return show(request, visit, now, refusal=str(refusal), status=409)
    if do == "stop":
        with transaction.atomic():
            record("staff.questions_left", by=by, now=now, obj=visit)
        messages.info(request, _("Saved. You can go on from here, as often as you like."))
    seats.leave_desk(request)
    return see("staff:visit", public_id)
