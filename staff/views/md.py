"""`/md/`: a physician's day."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import physician_required
from accounts.web import as_date, as_uuid, see
from booking.late import AHEAD, MINUTES, RunningLate
from booking.models import COMING, Appointment, Practitioner, Status
from intake.corrections import Correction
from staff import queue, steps
from staff.board import WORDS, board_time
from staff.reading import reading
from staff.views.day import strip_of


@dataclass(slots=True)
class Row:
    """One visit of the physician's list."""

    visit: Appointment
    time: str
    state: str  # reviewed, sent, asked, draft or none
    state_text: str
    flags: list[tuple[str, str, int]] = field(default_factory=list)  # colour, icon, how many
    photos: int = 0  # of the five views


def _rows(visits: list[Appointment]) -> list[Row]:
    rows = []
    for visit in visits:
        response = visit.response
        if response is None:
            missing = _("Not started") if visit.service.questionnaire else _("No questions")
            rows.append(Row(visit, board_time(visit.starts_at), "none", missing))
            continue
        state, text = ("reviewed", _("Reviewed")) if response.reviewed_at else ("sent", _("Sent"))
        if response.asked_at and not response.reviewed_at:
            state, text = "asked", _("Waiting on patient")
        if response.is_draft:
            numbers = {"n": response.sections_done, "of": response.sections_total}
            state, text = "draft", _("In progress, %(n)d of %(of)d") % numbers
        rows.append(Row(visit, board_time(visit.starts_at), state, text, queue.flags_of(response), getattr(visit, "views", 0)))
    return rows


def _own(request: HttpRequest) -> Practitioner | None:
    """This physician's calendar, if they have one of their own."""
    return Practitioner.objects.filter(user=request.user).first()


def _visits(request: HttpRequest, own: Practitioner | None, since: datetime, until: datetime) -> list[Appointment]:
    """This physician's visits; everybody's for a physician who has no calendar of their own."""
    found = (
        Appointment.objects.for_actor(request.user)
        .visits()
        .between(since, until)
        .exclude(status=Status.CANCELLED)
        .select_related("patient", "service", "response", "room", "practitioner")
        .defer("response__document", "practitioner__approach")
        .annotate(views=queue.views_of("response_id"))
        .order_by("starts_at", "pk")
    )
    return list(found.filter(practitioner=own) if own else found)


# What a physician says of who is here, and takes back; the rest of a visit's steps is reception's.
NEXT_STEP: dict[str, str] = {Status.ARRIVED: "to_room", Status.IN_ROOM: "fulfil"}
STEPS = {*NEXT_STEP.values(), "undo"}


@physician_required
@require_http_methods(["GET", "HEAD", "POST"])
def my_day(request: HttpRequest) -> HttpResponse:
    """The day as a list, with who is next on top, and the button that says they are in the room, or done."""
    now = clock.now()
    if request.method == "POST":
        done = steps.perform(request, now=now, verbs=STEPS, of=_own(request))
        if done.refusal:
            return _page(request, now, refusal=done.refusal)
        return see("staff:md", query=f"?{urlencode({'did': done.verb, 'visit': str(done.visit.public_id)})}")
    return _page(request, now)


def _page(request: HttpRequest, now: datetime, *, refusal: str = "") -> HttpResponse:
    today = clock.today(now)
    day = as_date(request.GET.get("date")) or today
    since, until = clock.day_bounds(day, clock.clinic_zone())
    with reading(request, "staff.my_day_read", now=now, detail={"date": day.isoformat()}):
        own = _own(request)
        rows = _rows(_visits(request, own, since, until))
        open_reviews, overdue = queue.counts(request.user, now)
    here = [r for r in rows if r.visit.status in (Status.IN_ROOM, Status.ARRIVED)]
    coming = [r for r in rows if r.visit.status in COMING and r.visit.ends_at > now]
    following = None
    if day >= today:
        following = next(iter(sorted(here, key=lambda r: r.visit.status != Status.IN_ROOM) + coming), None)
    step = NEXT_STEP.get(following.visit.status, "") if following else ""
    about = next((r.visit for r in rows if r.visit.public_id == as_uuid(request.GET.get("visit"))), None)
    context = {
        "step": (step, WORDS[step]) if step else None,
        "strip": strip_of(about, request.GET.get("did", ""), now) if about and not refusal else None,
        "refusal": refusal,
        "day": day,
        "today": today,
        "previous": day - timedelta(days=1),
        "next_day": day + timedelta(days=1),
        "rows": rows,
        "to_review_count": open_reviews,
        "overdue": overdue,
        "following": following,
        "waiting": following.visit.waiting_minutes(now) if following else None,
        "own": own if own and day == today and rows else None,
        "late": RunningLate.objects.filter(practitioner=own, ended_at=None, until__gt=now).first() if own else None,
        "late_minutes": MINUTES,
        "expected": any(now < r.visit.starts_at < now + AHEAD for r in coming),
        "corrections": Correction.objects.for_actor(request.user).open().count(),
        "age": following.visit.patient.age_on(today) if following and following.visit.patient else None,
    }
    return render(request, "staff/md.html", context, status=409 if refusal else 200)
