"""`/desk/day/<date>/`: the day by physician, and the buttons of its visits."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from accounts.access import reception_required
from accounts.web import See, as_date, as_uuid, see
from booking import matching
from booking.desk_text import on_offer
from booking.late import MINUTES
from booking.models import COMING, Appointment, Status
from staff import board, outbox, steps, table
from staff.reading import reading
from staff.views import waiting_list

SOME = 3  # of a list at the side
LOOKS = ("show", "view", "who", "sort")  # how the day is looked at


@reception_required
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """`/desk/`: today, or the date chosen in the date box."""
    day = as_date(request.GET.get("date")) or clock.today()
    return redirect(reverse("staff:day", args=[day]) + _query(request, "view", "who", "sort"))


def to_today(request: HttpRequest) -> See:
    """To today, looked at as on the day page whose form was sent."""
    try:
        asked = QueryDict(urlsplit(request.POST.get("next", "")[:500]).query)
    except ValueError:  # no address at all
        asked = QueryDict()
    kept = {name: asked[name][:60] for name in LOOKS if asked.get(name)}
    return see("staff:today", query=f"?{urlencode(kept)}" if kept else "")


def _query(request: HttpRequest, *names: str) -> str:
    """What of the address goes with a link: how the day is looked at."""
    kept = _looks(request, names)
    return f"?{urlencode(kept)}" if kept else ""


def _looks(request: HttpRequest, names: Iterable[str] = LOOKS) -> dict[str, str]:
    return {name: request.GET[name][:60] for name in names if request.GET.get(name)}


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def day(request: HttpRequest, day: date) -> HttpResponse:
    """The day. POST presses one button of one visit and comes back to the day it then is on."""
    now = clock.now()
    if request.method == "POST" and waiting_list.verb_of(request) in waiting_list.ON_DAY:
        return _of_the_list(request, day, now)
    if request.method == "POST":
        outcome = steps.perform(request, now=now)
        if outcome.refusal:
            visit = Appointment.objects.for_actor(request.user).get(pk=outcome.visit.pk)
            return _page(request, clock.local(visit.starts_at).date(), now, refusal=outcome.refusal, about=visit, status=409)
        if outcome.verb in (
            "called",
            steps.TAKEN_BACK,
        ):  # whichever day it is on, the desk goes on with the calls beside this one
            return _to_calls(request, day, outcome)
        return to_day(outcome.visit, outcome.verb, request)
    return _page(request, day, now)


def _to_calls(request: HttpRequest, day: date, outcome: steps.Outcome) -> See:
    if outcome.verb == steps.TAKEN_BACK:
        messages.success(request, steps.said(outcome.visit, outcome.verb))
    query = {"did": outcome.verb, "visit": str(outcome.visit.public_id)} | _looks(request)
    return See(f"{reverse('staff:day', args=[day])}?{urlencode(query)}#to-call")


def _of_the_list(request: HttpRequest, day: date, now: datetime) -> HttpResponse:
    """A button of the waiting list beside the day, or above it."""
    answer = waiting_list.act(request, now)
    if answer.refusal:
        return _page(request, day, now, refusal=answer.refusal, status=409)
    if answer.verb == "take":
        return to_day(answer.what, answer.what.previous.get("verb", "book"), request)
    query = {"did": answer.verb, "offer": str(answer.what.public_id)} | _looks(request)
    return See(f"{reverse('staff:day', args=[day])}?{urlencode(query)}#on-list")


def to_day(visit: Appointment, verb: str, request: HttpRequest | None = None) -> See:
    """To the day a visit is on, with the undo strip; looked at as in `request`."""
    query = {"did": verb, "visit": str(visit.public_id)} | (_looks(request) if request else {})
    url = reverse("staff:day", args=[clock.local(visit.starts_at).date()])
    return See(f"{url}?{urlencode(query)}#v-{visit.public_id}")


def strip_of(visit: Any, verb: str, now: datetime) -> dict[str, Any] | None:
    """The undo strip: what was done, whether it can be undone, and when its message goes out."""
    text = steps.said(visit, verb)
    if not text:
        return None
    waits = ""
    if (verb in ("move", "cancel", "book") and visit.starts_at > now) or (
        verb == "mark_noshow" and visit.status == Status.NOSHOW
    ):
        goes = outbox.goes_at(visit, verb)
        waits = outbox.when(goes, now) if goes and goes > now else ""
    undo = ""
    if verb == "text" and (goes := outbox.text_goes_at(visit, now)):
        undo, waits = "untext", outbox.when(goes, now)
    elif verb == "book" and visit.status == Status.BOOKED and not visit.previous:
        undo = "unbook"
    elif verb != "undo" and visit.previous.get("verb") == steps.UNDOES.get(verb, verb):
        undo = "undo"
    # A caller who was just booked may answer the questions right away, too.
    asks = verb == "book" and visit.service.questionnaire and visit.response_id is None
    do = f"{undo}:{visit.public_id}:{visit.version}" if undo else ""
    return {"text": text, "visit": visit, "undo": do, "goes": waits, "asks": asks}


def _strip(request: HttpRequest, visit: Any, now: datetime) -> dict[str, Any] | None:
    return steps.called_strip(request) or (strip_of(visit, request.GET.get("did", ""), now) if visit else None)


def _offer_strip(request: HttpRequest, now: datetime) -> dict[str, Any] | None:
    """The same for what was done with a time of the waiting list; nothing of an offer that was answered since, or ran out."""
    key, did = as_uuid(request.GET.get("offer")), request.GET.get("did", "")
    made = waiting_list.find_offer(request, key) if key and did in waiting_list.ON_DAY else None
    out = made is not None and did == "offer" and made.is_live(now)
    if made is None or (did == "offer" and not out):
        return None
    return {
        "text": waiting_list.said(made, did),
        "undo": f"back:{made.public_id}" if out else "",
        "goes": outbox.when(made.offered_at, now) if out and made.offered_at > now else "",
    }


def picked(visit: Any, now: datetime) -> dict[str, Any]:
    """What the side of the board says of one visit."""
    return {
        "picked": board.entry_of(visit, now),
        "age": visit.patient.age_on(clock.today(now)),
        "can_change": visit.status in COMING,
        "may_text": bool(on_offer(visit, now=now)),
    }


@reception_required
@require_safe
def card(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """A visit for the side of the board: the piece of a page that a script puts there. Without one the visit's page opens."""
    now = clock.now()
    visit = board.find_visit(request.user, public_id)
    if visit is None:
        raise Http404
    with reading(
        request, "staff.visit_read", now=now, obj=visit, subject_id=visit.patient_id, detail={"reference": visit.reference}
    ):
        return render(request, "staff/_picked.html", {"visit": visit, **picked(visit, now)})


def _page(
    request: HttpRequest, day: date, now: datetime, *, refusal: str = "", about: Appointment | None = None, status: int = 200
) -> HttpResponse:
    show, who = request.GET.get("show", ""), request.GET.get("who", "")[:60]
    as_list = request.GET.get("view") == "list"
    selected = str(about.public_id) if about else request.GET.get("visit", "")
    with reading(request, "staff.day_read", now=now, detail={"date": day.isoformat()}):
        found = board.load(
            request.user, day, now=now, show=show if show in board.FILTERS else "", selected=selected, who=who, as_list=as_list,
            some=0 if as_list else SOME,
        )  # fmt: skip
        visit = found.visits.get(selected)
        freed = []
        if found.on_list and day >= clock.today(now):
            freed = matching.freed_between(*clock.day_bounds(day, clock.clinic_zone()), now=now)
            left = (visit.practitioner_id, visit.starts_at) if visit else None  # of a visit just cancelled, before any other
            freed.sort(key=lambda each: (each.practitioner_id, each.starts_at) != left)
        gap = next(iter(waiting_list.gaps_of(freed, now=now, most=1)), None)
        listed = waiting_list.rows_beside(request, found, now, most=SOME) if found.on_list and not as_list else []
        offered = _offer_strip(request, now)
    only, sort = _query(request, "view", "who", "sort"), table.read(request.GET.get("sort", ""))
    context = {
        "board": found,
        "day": day,
        "today": clock.today(now),
        "previous": day - timedelta(days=1),
        "next": day + timedelta(days=1),
        "now": now,
        "gap": gap,
        "more_free": len(freed) > 1,
        "listed": listed,
        "to_call": found.to_call,
        "late_minutes": MINUTES,
        "someone_waits": found.on_list > 0 and day >= clock.today(now),
        "refusal": refusal,
        "about": visit or about,
        "strip": None if refusal else _strip(request, visit, now) or offered,
        "here": reverse("staff:day", args=[day]) + _query(request, *LOOKS),
        "as_list": as_list,
        "rows": table.rows_of(found, sort) if as_list else [],
        "heads": table.heads(sort) if as_list else [],
        "following": found.following if sort == "time" else None,
        "unsorted": _query(request, "view", "who", "show"),
        "who": who if any(person.slug == who for person in found.people) else "",
        "keep": only,
        "only": f"{only[1:]}&" if only else "",
        "all": "view=list&" + (f"sort={sort}&" if sort != "time" else "") if as_list else "",
        **(picked(visit, now) if visit else {}),
    }
    return render(request, "staff/day.html", context, status=status)
