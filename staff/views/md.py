"""`/md/`: a physician's day, and one patient's answers on one page. Every opening of answers is in the trail."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.access import physician_required
from audit.actor import actor_of
from booking.models import Appointment, Practitioner, Status
from intake.models import QuestionnaireResponse
from intake.photo_panel import Panel, panel_for
from intake.summaries import Review, for_review
from staff.board import board_time
from staff.reading import reading
from staff.views.visit import day_of

_ALLERGIES = ("alg_list", "alg_detail")
_PREGNANCY = ("preg_status",)
_AHEAD = timedelta(days=14)


@dataclass(slots=True)
class Row:
    """One visit of the physician's list."""

    visit: Appointment
    time: str
    state: str  # sent, draft or none
    state_text: str
    flags: list[tuple[str, str, int]] = field(default_factory=list)  # colour, icon, how many


def _rows(visits: list[Appointment]) -> list[Row]:
    rows = []
    for visit in visits:
        response = visit.response
        if response is None:
            missing = _("Not started") if visit.service.questionnaire else _("No questions")
            rows.append(Row(visit, board_time(visit.starts_at), "none", missing))
            continue
        state, text = "sent", _("Sent")
        if response.is_draft:
            numbers = {"n": response.sections_done, "of": response.sections_total}
            state, text = "draft", _("In progress, %(n)d of %(of)d") % numbers
        counts = (("bad", "flag", response.urgent_flags), ("warn", "alert", response.caution_flags))
        # None means that no rules have looked at the answers: then nothing is shown, not even "no flags".
        flags = [(colour, icon, n) for colour, icon, n in counts if n]
        rows.append(Row(visit, board_time(visit.starts_at), state, text, flags))
    return rows


def _visits(request: HttpRequest, since: datetime, until: datetime) -> list[Appointment]:
    """This physician's visits; everybody's for a physician who has no calendar of their own."""
    found = (
        Appointment.objects.for_actor(request.user)
        .visits()
        .between(since, until)
        .exclude(status=Status.CANCELLED)
        .select_related("patient", "service", "response", "room", "practitioner")
        .defer("response__document", "practitioner__approach")
        .order_by("starts_at", "pk")
    )
    own = Practitioner.objects.filter(user=request.user).first()
    return list(found.filter(practitioner=own) if own else found)


@physician_required
@require_safe
def my_day(request: HttpRequest) -> HttpResponse:
    """The day as a list, with who is next on top."""
    now = clock.now()
    today = clock.today(now)
    day = day_of(request.GET.get("date"), today)
    since, until = clock.day_bounds(day, clock.clinic_zone())
    with reading(request, "staff.my_day_read", now=now, detail={"date": day.isoformat()}):
        rows = _rows(_visits(request, since, until))
    here = [r for r in rows if r.visit.status in (Status.IN_ROOM, Status.ARRIVED)]
    coming = [r for r in rows if r.visit.status in (Status.BOOKED, Status.CONFIRMED) and r.visit.ends_at > now]
    following = None
    if day >= today:
        following = next(iter(sorted(here, key=lambda r: r.visit.status != Status.IN_ROOM) + coming), None)
    context = {
        "day": day,
        "today": today,
        "previous": day - timedelta(days=1),
        "next_day": day + timedelta(days=1),
        "rows": rows,
        "following": following,
        "waiting": following.visit.waiting_minutes(now) if following and following.visit.status == Status.ARRIVED else None,
        "age": following.visit.patient.age_on(today) if following and following.visit.patient else None,
    }
    return render(request, "staff/md.html", context)


def _find(request: HttpRequest, public_id: UUID) -> tuple[Appointment | None, QuestionnaireResponse | None]:
    """The visit and response behind the id of either."""
    visits = (
        Appointment.objects.for_actor(request.user)
        .visits()
        .select_related("patient", "service", "practitioner", "room", "response", "response__questionnaire", "response__patient")
    )
    visit = visits.filter(public_id=public_id).first() or visits.filter(response__public_id=public_id).first()
    if visit is not None:
        return visit, visit.response
    response = (
        QuestionnaireResponse.objects.for_actor(request.user)
        .select_related("patient", "questionnaire")
        .filter(public_id=public_id)
        .exclude(patient=None)
        .first()
    )
    return None, response


def _queue(request: HttpRequest, now: datetime, day: date) -> list[tuple[str, list[Row]]]:
    """The list beside the answers: the day's visits, and what is coming, by what they wait for."""
    zone = clock.clinic_zone()
    since, until = clock.day_bounds(day, zone)
    rows = _rows(_visits(request, since, until + _AHEAD))
    that_day = [r for r in rows if r.visit.starts_at < until]
    later = [r for r in rows if r.visit.starts_at >= until and r.state == "sent"]
    title = _("Today") if day == clock.today(now) else clock.short_date(day)
    groups = [
        (title, [r for r in that_day if r.state == "sent"]),
        (_("Coming"), later[:20]),
        (_("Waiting on patient"), [r for r in that_day if r.state != "sent" and r.visit.is_open and r.visit.intake_missing]),
    ]
    return [(name, found) for name, found in groups if found]


@physician_required
@require_safe
def review(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One patient's sent answers on one page. A draft shows how far it is, never what it says."""
    now = clock.now()
    visit, response = _find(request, public_id)
    person = visit.patient if visit else response.patient if response else None
    if person is None:
        raise Http404
    about = visit or response
    read: Review | None = None
    panel: Panel | None = None
    # The event comes first: if it cannot be written, the answers are never decrypted and the page is an error.
    with reading(request, "staff.review_read", now=now, obj=about, subject_id=person.pk):
        day = clock.local(visit.starts_at).date() if visit else clock.today(now)
        queue = _queue(request, now, day)
        if response is not None and not response.is_draft:
            read = for_review(response, by=actor_of(request), now=now)
            panel = panel_for(response, read)
    ids = [row.visit.public_id for _name, rows in queue for row in rows if row.state == "sent"]
    here = ids.index(visit.public_id) if visit and visit.public_id in ids else -1
    context = {
        "visit": visit,
        "response": response,
        "patient": person,
        "age": person.age_on(clock.today(now)),
        "review": read,
        "photos": panel,
        "allergies": _said(read, _ALLERGIES),
        "pregnancy": _said(read, _PREGNANCY),
        "ago": _ago(response.completed_at, now) if response and response.completed_at else "",
        "waiting": visit.waiting_minutes(now) if visit and visit.status == Status.ARRIVED else None,
        "queue": queue,
        "before": ids[here - 1] if here > 0 else None,
        "after": ids[here + 1] if 0 <= here < len(ids) - 1 else None,
        "day": day,
    }
    return render(request, "staff/review.html", context)


def _said(read: Review | None, link_ids: tuple[str, ...]) -> dict[str, Any]:
    """The patient's answers to these questions in one line, and whether it was a plain "none"; no text if not asked."""
    topics = read.topics if read else []
    yes = [line for topic in topics for line in topic.positives if line.link_id in link_ids]
    no = [line for topic in topics for line in topic.negatives if line.link_id in link_ids]
    return {"text": ": ".join(", ".join(line.answers) for line in yes or no), "none": bool(no) and not yes}


def _ago(then: datetime, now: datetime) -> str:
    """ "3 hours ago", rough on purpose."""
    minutes = int((now - then).total_seconds() // 60)
    if minutes < 60:
        return ngettext("%(n)d minute ago", "%(n)d minutes ago", minutes) % {"n": minutes}
    hours = minutes // 60
    if hours < 48:
        return ngettext("%(n)d hour ago", "%(n)d hours ago", hours) % {"n": hours}
    return ngettext("%(n)d day ago", "%(n)d days ago", hours // 24) % {"n": hours // 24}
