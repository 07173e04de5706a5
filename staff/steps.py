"""The buttons of a visit: one posted value says the verb, the visit and the version that was on the screen."""

import uuid
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import clock
from accounts.models import User
from audit.actor import Actor, actor_of
from audit.models import AuditEvent
from booking import actions
from booking.models import Appointment, Practitioner
from staff.history import who_of

BY_MISTAKE = "by-mistake"  # the reason of a cancel that takes back a booking


def unbook(visit: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """Take back a booking. Who has not heard of it yet hears nothing; the visit stays in the list, and can come back."""
    return actions.cancel(visit, reason=BY_MISTAKE, by=by, now=now, version=version)


VERBS = {
    "confirm": actions.confirm,
    "arrive": actions.arrive,
    "to_room": actions.to_room,
    "fulfil": actions.fulfil,
    "mark_noshow": actions.mark_noshow,
    "undo": actions.undo,
    "called": actions.called,
    "unbook": unbook,
    "untext": actions.take_back_text,
}
TAKEN_BACK = "uncall"  # that somebody was called: what they are to be called about waits in the session meanwhile
# What is undone under another name than the verb that the visit remembers.
UNDOES = {"unbook": "cancel"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a button did: the visit, the verb, and the refusal in words if there was one."""

    visit: Appointment
    verb: str
    refusal: str = ""


def perform(
    request: HttpRequest, *, now: datetime, only: uuid.UUID | None = None, verbs: Container[str] = (*VERBS, TAKEN_BACK),
    of: Practitioner | None = None,
) -> Outcome:  # fmt: skip
    """Do what the pressed button says.

    Args:
        only: the visit whose page it is; a button of another one counts as not there.
        verbs: those of the page.
        of: the physician whose page it is.

    Raises:
        Http404: for a button that is not one of ours, or a visit that is not there.
    """
    verb, _sep, rest = request.POST.get("do", "").partition(":")
    public_id, _sep, version = rest.partition(":")
    try:
        key, seen = uuid.UUID(public_id), int(version)
    except ValueError:
        raise Http404 from None
    visit = Appointment.objects.for_actor(request.user).visits().select_related("patient").filter(public_id=key).first()
    if verb not in verbs or visit is None or (only or key) != key or (of is not None and visit.practitioner_id != of.pk):
        raise Http404
    try:
        if verb == TAKEN_BACK:
            return Outcome(_call_again(request, visit, now=now), verb)
        about = visit.call_reason
        done = Outcome(VERBS[verb](visit, by=actor_of(request), now=now, version=seen), verb)
        if verb == "called":
            request.session["called"] = {"visit": str(key), "about": about, "said": said(visit, verb)}
        return done
    except actions.Stale:
        return Outcome(visit, verb, who_changed(visit, request.user))
    except actions.BookingError as error:
        return Outcome(visit, verb, str(error))


def _call_again(request: HttpRequest, visit: Appointment, *, now: datetime) -> Appointment:
    """Back onto the call list, for what it was on it for until somebody said by a slip that they were called."""
    kept = request.session.pop("called", {})
    if kept.get("visit") != str(visit.public_id):
        raise actions.NotAllowed(_("There is nothing to undo."))
    return actions.ask_to_call(visit, reason=kept["about"], by=actor_of(request), now=now)


def called_strip(request: HttpRequest, key: str = "") -> dict[str, str] | None:
    """The undo strip after "called", on whichever page it was pressed; `key` is the visit's where the address is not asked."""
    kept = request.session.get("called", {})
    if request.GET.get("did") != "called" or (key or request.GET.get("visit")) != kept.get("visit"):
        return None
    return {"text": kept["said"], "undo": f"{TAKEN_BACK}:{kept['visit']}:0"}


_DID = {
    "booking.move": gettext_lazy("%(who)s moved this at %(time)s"),
    "booking.cancel": gettext_lazy("%(who)s cancelled this at %(time)s"),
    "booking.undo": gettext_lazy("%(who)s undid a step at %(time)s"),
}


def who_changed(visit: Appointment, user: User | AnonymousUser) -> str:
    """ "Sam moved this at 10:41. Here is where it is now."."""
    last = (
        AuditEvent.objects.filter(object_type="booking.appointment", object_id=visit.pk, action__startswith="booking.")
        .order_by("-at", "-pk")
        .first()
    )
    if last is None:
        return _("This visit changed meanwhile. Here is where it is now.")
    who = who_of(last, {})
    if last.actor_kind == "staff":
        person = User.objects.filter(pk=last.actor_id).first()
        who = _("You") if last.actor_id == user.pk else person.get_short_name() if person else who
        if who == "Dr.":
            who = person.name if person else who
    did = str(_DID.get(last.action) or _("%(who)s changed this at %(time)s")) % {"who": who, "time": clock.clock_time(last.at)}
    return f"{clock.ended(did)} {_('Here is where it is now.')}"


def said(visit: Appointment, verb: str) -> str:
    """What the undo strip says after a button or a move."""
    name = {"name": visit.patient.full_name if visit.patient else "", "time": clock.clock_time(visit.starts_at)}
    name["status"] = visit.get_status_display()
    texts = {
        "confirm": _("%(name)s is confirmed"),
        "arrive": _("%(name)s is waiting"),
        "to_room": _("%(name)s is in a room"),
        "fulfil": _("%(name)s is done"),
        "mark_noshow": _("%(name)s did not come"),
        "cancel": _("Cancelled the visit of %(name)s"),
        "move": _("Moved %(name)s to %(time)s"),
        "book": _("Booked %(name)s for %(time)s"),
        "undo": _("Undone. %(name)s, %(time)s: %(status)s"),
        "called": _("%(name)s was called"),
        "uncall": _("%(name)s is on the call list again"),
        "text": _("Text to %(name)s"),
        "untext": _("Taken back. %(name)s gets no text"),
        "unbook": _("Took back the booking of %(name)s"),
    }
    return texts[verb] % name if verb in texts else ""
