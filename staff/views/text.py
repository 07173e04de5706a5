"""`/desk/visit/<id>/text/`: one of the clinic's short texts to a patient. Chosen, seen as it will go, then sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import reception_required
from accounts.web import as_number, see
from audit.actor import actor_of
from booking import actions
from booking.desk_text import DeskText, ShortText, on_offer
from booking.links import token_of
from booking.words import no_way
from notifications.channels import texts_work
from notifications.coming import foresee
from notifications.kinds import EMAIL, KINDS, TEXT
from notifications.letters import ways, why_not
from staff import board, outbox
from staff.history import REASONS
from staff.reading import reading
from staff.views.day import to_day


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def text(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Which text (`?text=come_at.20`: and how many minutes later), then how it reads and to whom it goes. POST sends it."""
    now, visit = clock.now(), board.find_visit(request.user, public_id)
    if visit is None:
        raise Http404
    if request.method != "POST":
        return _page(request, visit, now, _wanted(request.GET.get("text", "")))
    wanted = _wanted(request.POST.get("text", ""))
    if wanted is None:
        return _page(request, visit, now, None, refusal=_("Choose a text"), status=422)
    if not _way(visit):
        return _page(request, visit, now, wanted, status=409)
    if request.POST.get("seen", str(visit.ics_sequence)) != str(visit.ics_sequence):
        return _page(
            request, visit, now, wanted, refusal=_("This visit changed meanwhile. Here is how it would read now."), status=409
        )
    code, minutes = wanted
    try:
        actions.text_patient(
            visit, code, minutes=minutes, told=request.POST.get("told", ""), by=actor_of(request), now=now
        )  # fmt: skip
    except actions.Warned as warning:
        return _page(request, visit, now, wanted, warning=warning, status=409)
    except actions.BookingError as refusal:
        return _page(request, visit, now, None, refusal=str(refusal), status=409)
    if request.GET.get("back") == "day":
        return to_day(visit, "text", request)
    return see("staff:visit", public_id, query="?did=text")


def _wanted(typed: str) -> tuple[str, int] | None:
    """The text and the minutes of "come_at.20" or "call_us"; None for what is not one of ours."""
    code, _sep, minutes = typed.partition(".")
    after = as_number(minutes or "0", digits=3)
    return (code, after) if code in ShortText.values and after is not None else None


def _way(visit: Any) -> list[str]:
    return ways(KINDS["desk_text"], visit.reach or visit.patient, texts_work=texts_work())


def _page(
    request: HttpRequest, visit: Any, now: datetime, wanted: tuple[str, int] | None, *, status: int = 200, **extra: Any
) -> HttpResponse:
    offered = on_offer(visit, now=now)
    reader = visit.reach or visit.patient
    if wanted is not None and wanted not in [(code, n) for code, some in offered for n in some or [0]]:
        wanted = None
        if request.method != "POST":  # a link from a minute ago
            extra["refusal"] = _("This text does not go with the visit as it is now.")
    context = {
        "visit": visit,
        "reader": reader,
        "back": request.GET.get("back", "") == "day",
        "looks": "".join(f"&{part}" for part in request.GET.urlencode().split("&") if part and not part.startswith("text=")),
        "texts": [
            (n, code, [(minutes, DeskText(minutes=minutes).come_at(visit.starts_at)) for minutes in some])
            for n, (code, some) in enumerate(offered, 1)
        ],
        "no_way": "" if _way(visit) else no_way(reader),
    }
    if wanted is not None and not context["no_way"]:
        context |= _seen(visit, reader, wanted, now)
    detail = {"reference": visit.reference, "text": True}
    with reading(request, "staff.visit_read", now=now, obj=visit, subject_id=visit.patient_id, detail=detail):
        return render(request, "staff/text.html", context | extra, status=status)


def _seen(visit: Any, reader: Any, wanted: tuple[str, int], now: datetime) -> dict[str, Any]:
    """The message as it would go, with the private link covered: who looks at that is in the trail of its own."""
    code, minutes = wanted
    going = foresee(DeskText(appointment=visit, code=code, minutes=minutes, asked_at=now), now=now)
    if going is None:
        return {"refusal": _("Nothing can go out right now: the channel is switched off, or it would come too late. Call.")}
    covered = token_of(visit)
    other, wanted_so = (TEXT, reader.wants_email) if going.channel == EMAIL else (EMAIL, reader.wants_text)
    return {
        "wanted": f"{code}.{minutes}" if minutes else code,
        "name": ShortText(code).label,
        "going": going,
        "words": going.letter.text.replace(covered, "…"),
        "goes": outbox.when(going.at, now),
        "why_other": "" if wanted_so else REASONS.get(why_not(other, reader, texts_work()), ""),
    }
