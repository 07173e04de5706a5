"""Who sits before a draft in this browser: the patient, or the desk with the patient on the phone or beside it.

The desk's seat is another key of the session than the patient's, so that somebody who works here and books for themselves
keeps both apart. It holds for one visit and one draft, and only while that draft is in the desk's hands.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts import clock
from accounts.models import Role
from accounts.web import as_uuid
from audit.actor import Actor, actor_of
from intake import actions, engine
from intake.document import Document, find_draft, open_document
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse

log = logging.getLogger(__name__)
OWN_KEY, DESK_KEY = "draft", "draft_at_desk"


class SeatLost(Exception):
    """The desk's draft was sent, deleted or taken over by its patient; `visit` is where to go back to."""

    def __init__(self, visit: str) -> None:
        super().__init__(visit)
        self.visit = visit


@dataclass(frozen=True, slots=True)
class Seat:
    """A draft and who writes in it. `visit` is the visit's public id, for the desk only."""

    response: QuestionnaireResponse
    by: Actor
    visit: str = ""

    @property
    def is_desk(self) -> bool:
        """True while somebody who works here types what the patient says."""
        return self.by.is_staff

    def means(self, request: HttpRequest) -> bool:
        """True if a form was drawn for this seat. Of two tabs, the older one may be another person's."""
        return not of_other_answers(request, self.response) and not (self.is_desk and "draft" not in request.POST)


class Sitting:
    """A seat with its draft opened: what every question page begins with."""

    def __init__(self, seat: Seat, document: Document) -> None:
        self.seat = seat
        self.response = seat.response
        self._pages: list[engine.Page] | None = None
        self.document = document
        self.by = seat.by
        self.definition = seat.response.definition
        self.asking = actions.asking_for(seat.response, document)

    @property
    def pages(self) -> list[engine.Page]:
        """The pages that apply now; worked out once for a document."""
        if self._pages is None:
            self._pages = engine.pages(self.definition, self.document.answers, self.asking)
        return self._pages

    def saved(self, saved: actions.Saved) -> None:
        """From here on the draft as it was saved."""
        self.document, self._pages = saved.document, saved.pages

    @property
    def unfinished(self) -> list[engine.Page]:
        """The pages that still wait."""
        answers, done = self.document.answers, set(self.document.done)
        return [p for p in self.pages if not engine.is_finished(self.definition, p, answers, done)]


def sit_at_desk(request: HttpRequest, response: QuestionnaireResponse, *, visit: str) -> None:
    """Give the desk's seat to a draft; one at a time."""
    request.session[DESK_KEY] = {"draft": str(response.public_id), "visit": visit}


def leave_desk(request: HttpRequest) -> None:
    """Empty the desk's seat. The draft stays as it is."""
    request.session.pop(DESK_KEY, None)


def seat_of(request: HttpRequest) -> Seat | None:
    """The seat in this browser; None if there is none, or its draft was sent or deleted. Templates find it as `request.seat`.

    Raises:
        SeatLost: the desk's draft is not in its hands any more.
    """
    if seat := desk_seat(request):
        return seat
    response = _draft(str(request.session.get(OWN_KEY, "")))
    if response is None:
        return None
    seat = Seat(response, Actor.patient(response.patient_id) if response.patient_id else Actor.anonymous())
    request.seat = seat  # type: ignore[attr-defined]
    return seat


def desk_seat(request: HttpRequest) -> Seat | None:
    """The desk's seat in this browser, if somebody from the desk is signed in and sits there. Raises as `seat_of` does."""
    kept = request.session.get(DESK_KEY)
    user = request.user
    if not kept or not user.is_authenticated or not user.is_active or user.role not in {Role.RECEPTION, Role.LEAD}:
        return None
    response = _draft(str(kept.get("draft", "")))
    if response is None or not response.is_at_desk:
        raise SeatLost(str(kept.get("visit", "")))
    seat = Seat(response, actor_of(request), str(kept.get("visit", "")))
    request.seat = seat  # type: ignore[attr-defined]
    return seat


def _draft(public_id: str) -> QuestionnaireResponse | None:
    """The draft that a session points at."""
    return find_draft(public_id) if as_uuid(public_id) else None


def sit_down(request: HttpRequest) -> Sitting | None:
    """The seat with its draft opened. What the desk opens is in the trail, page by page."""
    seat = seat_of(request)
    if seat is None:
        return None
    purpose = "filling in with the patient" if seat.is_desk else "answering"
    return Sitting(seat, open_document(seat.response, by=seat.by, now=clock.now(), purpose=purpose))


def with_draft(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Without a draft, the way begins at the start; for the desk, at the visit. A form that comes without one is told why."""

    @wraps(view)
    def seated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            sitting = sit_down(request)
        except SeatLost as lost:
            return lost_seat(request, lost)
        except IntakeError as error:
            log.error("a draft cannot be opened: %s", error)
            sitting = None
        if sitting is None:
            sent = was_sent(request)
            if request.method == "POST":
                return lost_place(request, sent=sent)
            return redirect("booking:done" if sent else "booking:start")
        return view(request, sitting, *args, **kwargs)

    return seated


def of_other_answers(request: HttpRequest, response: QuestionnaireResponse) -> bool:
    """True for a form that names the answers it was drawn for, where those are not these."""
    return request.POST.get("draft", str(response.public_id)) != str(response.public_id)


def other_answers(request: HttpRequest) -> HttpResponse:
    """A form came from a page of answers that this browser has left for others; it is saved with neither."""
    return render(request, "intake/other_answers.html", status=409)


def was_sent(request: HttpRequest) -> bool:
    """True if the answers of this browser were sent with a visit, here or on another device."""
    public_id = as_uuid(request.session.get(OWN_KEY))
    return public_id is not None and QuestionnaireResponse.objects.sent().filter(public_id=public_id).exists()


def lost_place(request: HttpRequest, *, sent: bool = False) -> HttpResponse:
    """A form came from a browser that holds no draft any more: how to find back to what was saved."""
    return render(request, "intake/lost_place.html", {"sent": sent}, status=409)


def lost_seat(request: HttpRequest, lost: SeatLost) -> HttpResponse:
    """Back to the visit, with a word of why."""
    leave_desk(request)
    messages.info(request, _("These questions are not in your hands any more: the patient went on with them, or they are sent."))
    return redirect("staff:visit", public_id=lost.visit)
