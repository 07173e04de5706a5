"""`/desk/messages/`: texts that need a person, messages that did not arrive, what waits and what went."""

from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import reception_required
from accounts.web import see
from audit.actor import Actor, actor_of
from booking import actions as booking
from booking.models import ANSWERED, Appointment
from notifications import actions, health
from notifications.actions import MessageError
from notifications.coming import switched_off
from notifications.models import Delivery, Inbound
from staff import outbox
from staff.reading import reading

SHOWS = ("people", "trouble", "waiting", "sent")


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def desk_messages(request: HttpRequest) -> HttpResponse:
    """One of the four lists. POST presses a button of one line."""
    now = clock.now()
    if request.method == "POST":
        try:
            said = _perform(request, now)
        except (MessageError, booking.BookingError) as refusal:
            return _page(request, now, refusal=str(refusal), status=409)
        messages.success(request, said)
        return see("staff:messages", query=f"?show={_show(request)}")
    return _page(request, now)


def _show(request: HttpRequest) -> str:
    show = request.GET.get("show", "")
    return show if show in SHOWS else "people"


def _page(request: HttpRequest, now: datetime, *, refusal: str = "", status: int = 200) -> HttpResponse:
    show = _show(request)
    with reading(request, "staff.messages_read", now=now, detail={"show": show}):
        context = {
            "show": show,
            "counts": outbox.counts(now=now),
            "questions": outbox.questions(request.user) if show == "people" else [],
            "lines": {"trouble": outbox.trouble, "waiting": outbox.waiting, "sent": outbox.sent}[show](request.user, now=now)
            if show != "people"
            else [],
            "stuck": health.check(),
            "off": switched_off() if show == "waiting" else [],
            "unreachable": outbox.unreachable(request.user, now=now) if show == "trouble" else [],
            "refusal": refusal,
        }
    return render(request, "staff/messages.html", context, status=status)


def _perform(request: HttpRequest, now: datetime) -> str:
    """Do what the pressed button says, and say so.

    Raises:
        Http404: for a button that is not one of ours.
        MessageError, BookingError: it cannot be done any more.
    """
    verb, key, seen = (*request.POST.get("do", "").split(":", 2), "", "")[:3]
    by = actor_of(request)
    try:
        public_id = UUID(key)
    except ValueError:
        raise Http404 from None
    if verb in ("retry", "call", "seen"):
        delivery = get_object_or_404(Delivery, public_id=public_id)
        if verb == "retry":
            actions.retry(delivery, by=by, now=now)
            return _("It goes out again in a moment.")
        if verb == "call":
            actions.call_instead(delivery, by=by, now=now)
            return _("It is on the call list.")
        actions.dismiss(delivery, by=by, now=now)
        return _("Noted.")
    inbound = Inbound.objects.filter(public_id=public_id, needs_person=True).first()
    if inbound is None or verb not in ("confirm", "ring", "done"):
        raise Http404
    if inbound.settled_at is not None:
        raise MessageError(_("Somebody has seen to this text already."))
    return _answer(request, verb, inbound, seen, by, now)


def _answer(request: HttpRequest, verb: str, inbound: Inbound, seen: str, by: Actor, now: datetime) -> str:
    """What the desk does about a text that came in. A yes is to the time that the page showed (`seen`)."""
    visit = Appointment.objects.for_actor(request.user).filter(pk=inbound.visit_id or 0).first()
    if verb != "done" and visit is None:
        raise Http404
    if verb == "confirm" and visit is not None:
        if seen != str(visit.ics_sequence):
            raise booking.stale(visit)
        booking.confirm(visit, by=by, now=now, version=visit.version)
    elif verb == "ring" and visit is not None:
        booking.ask_to_call(visit, reason=_(ANSWERED), by=by, now=now)
    actions.settle_reply(inbound, by=by, now=now)
    return {"confirm": _("Confirmed."), "ring": _("It is on the call list."), "done": _("Noted.")}[verb]
