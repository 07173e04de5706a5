"""Telling a patient one of the clinic's short texts, and taking it back."""

from datetime import datetime

from django.utils.translation import gettext as _

from accounts import clock
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed, Warned
from booking.actions.write_path import locked, retrying, save_call
from booking.desk_text import AGAIN, DeskText, ShortText, on_offer
from booking.models import Appointment


@retrying
def text_patient(appointment: Appointment, code: str, *, minutes: int = 0, told: str = "", by: Actor, now: datetime) -> DeskText:
    """Have the patient of a visit told one of the short texts. Not a change of the visit; who is promised a call is on the list.

    Args:
        minutes: how much later to come in, for the text that says so; else 0.
        told: which earlier one of the same somebody was told of and sends this beside (`Warned.told`).

    Raises:
        NotAllowed: it does not go with the visit as it is now.
        Warned: the same was sent minutes ago.
    """
    visit = locked(appointment, None)
    if (code, minutes) not in [(text, n) for text, some in on_offer(visit, now=now) for n in some or [0]]:
        raise NotAllowed(_("This text does not go with the visit as it is now."))
    same = DeskText.objects.filter(appointment=visit, code=code, ended_at=None, asked_at__gt=now - AGAIN)
    last = same.order_by("-pk").first()
    if last is not None and str(last.public_id) != told:
        when = {"time": clock.clock_time(last.asked_at)}
        raise Warned(_("This text was sent at %(time)s already. Send it once more?") % when, str(last.public_id))
    said = DeskText.objects.create(appointment=visit, code=code, minutes=minutes, asked_at=now)
    detail = {"text": code} | ({"minutes": minutes} if minutes else {})
    record("booking.text_patient", by=by, now=now, obj=visit, detail=detail)
    if code == ShortText.AWAY and visit.add_call(_promised()):
        save_call(visit)
    return said


@retrying
def take_back_text(appointment: Appointment, *, by: Actor, now: datetime, version: int | None = None) -> Appointment:
    """Take back the text that was asked for last, while it has not left. A step of the visit meanwhile is no matter.

    Raises:
        NotAllowed: there is none, or it has left.
    """
    visit = locked(appointment, None)
    last = last_text(visit, now=now)
    if last is None:
        raise NotAllowed(_("The text has gone out already."))
    last.ended_at = now
    last.sequence += 1
    last.save(update_fields=["ended_at", "sequence"])
    record("booking.take_back_text", by=by, now=now, obj=visit, detail={"text": last.code})
    same = DeskText.objects.filter(appointment=visit, code=ShortText.AWAY, ended_at=None)
    if last.code == ShortText.AWAY and not same.exists() and visit.drop_call(_promised()):
        save_call(visit)
    return visit


def last_text(visit: Appointment, *, now: datetime) -> DeskText | None:
    """The text that was asked for last, while it can be taken back unheard."""
    last = DeskText.objects.filter(appointment=visit, ended_at=None).order_by("-pk").first()
    return last if last is not None and now < last.due_at(visit) else None


def _promised() -> str:
    """Why somebody has to call."""
    return _("We texted that we would call")
