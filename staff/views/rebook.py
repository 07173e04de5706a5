"""`/desk/time-off/<id>/visits/` and `/desk/batch/<id>/`: the visits booked in a time off, moved in one go, undone in one go."""

from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import reception_required
from accounts.web import as_number, see
from audit.actor import actor_of
from booking import actions, hours
from booking.models import COMING, Appointment, Practitioner, Status, TimeOff
from booking.picker import choices, parse_value
from booking.rebooking import Batch, Way, hold_key_of, propose
from staff.reading import reading
from staff.views.time_off import when


def _off(off_id: int) -> TimeOff:
    return get_object_or_404(TimeOff.objects.select_related("practitioner"), pk=off_id)


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def visits(request: HttpRequest, off_id: int) -> HttpResponse:
    """Each visit with a time proposed; one button does them all. POST makes the batch and shows how each went."""
    now, off = clock.now(), _off(off_id)
    if request.method == "POST":
        return _do(request, off, now)
    return _table(request, off, now)


def _table(request: HttpRequest, off: TimeOff, now: datetime, *, status: int = 200, refusal: str = "") -> HttpResponse:
    people = list(Practitioner.objects.filter(active=True))
    with reading(request, "staff.batch_read", now=now, obj=off):
        found = hours.within(Appointment.objects.for_actor(request.user), off.practitioner, off.starts_at, off.ends_at, now=now)
        proposed = propose(found, now=now)
        batches = [(batch, _tally(_lines(request, batch, now))) for batch in off.batches.select_related("made_by").order_by("pk")]
    rows = []
    for visit in found:
        offers = choices(proposed[visit.pk], people)
        reachable = bool(visit.patient.mobile or visit.patient.email)
        rows.append((visit, offers, Way.MOVE if offers and not visit.needs_call else Way.CALL, reachable))
    placed = sum(row[2] == Way.MOVE for row in rows)
    context = {
        "off": off, "when": when(off), "rows": rows, "refusal": refusal, "placed": placed, "to_call": len(rows) - placed,
        "batches": batches,
    }  # fmt: skip
    return render(request, "staff/rebook.html", context, status=status)


def _do(request: HttpRequest, off: TimeOff, now: datetime) -> HttpResponse:
    """Read the table: a way, a version and a time for each visit; "leave it" is no choice."""
    found = hours.within(Appointment.objects.for_actor(request.user), off.practitioner, off.starts_at, off.ends_at, now=now)
    people = {p.public_id: p for p in Practitioner.objects.filter(active=True)}
    chosen = []
    for visit in found:
        way = request.POST.get(f"way-{visit.public_id}", "")
        at = parse_value(request.POST.get(f"slot-{visit.public_id}"))
        if way not in Way.values:
            continue
        version = as_number(request.POST.get(f"seen-{visit.public_id}")) or -1
        who = people.get(at[1]) if at else None
        chosen.append(actions.Choice(visit, way, version, who, at[0] if at and who else None))
    if not chosen:
        return _table(request, off, now, status=422, refusal=_("Choose for at least one visit what is to become of it."))
    batch = actions.rebook_many(off, chosen, by=actor_of(request), now=now)
    return see("staff:batch", batch.public_id)


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def batch(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """How each visit of a batch went, and what its patient has made of it since. POST undoes the batch."""
    now = clock.now()
    row = get_object_or_404(Batch.objects.select_related("time_off__practitioner", "made_by"), public_id=public_id)
    refusal, left = "", 0
    if request.method == "POST":
        try:
            left = actions.undo_batch(row, by=actor_of(request), now=now)
        except actions.BookingError as error:
            refusal = str(error)
        else:
            return see("staff:batch", public_id)
    with reading(request, "staff.batch_read", now=now, obj=row):
        lines = _lines(request, row, now)
    context = {
        "batch": row, "lines": lines, "refusal": refusal, "left": left, "can_undo": row.can_undo(now),
        "tally": _tally(lines),
        "again": row.undone_at is None and row.time_off_id and any(
            line["state"] == "failed" or (line["state"] == "call" and line["row"].refused) for line in lines
        ),
    }  # fmt: skip
    return render(request, "staff/batch.html", context, status=409 if refusal else 200)


def _tally(lines: list[dict[str, Any]]) -> str:
    """ "7 moved, 1 waits for the patient, 1 to call": what the batch did, nothing twice and nothing that it did not do."""
    count = Counter("moved" if one["state"] == "done" and one["row"].way == Way.MOVE else one["state"] for one in lines)
    words = [
        (ngettext("%(n)d moved", "%(n)d moved", count["moved"]), "moved"),
        (ngettext("%(n)d settled", "%(n)d settled", count["done"]), "done"),
        (ngettext("%(n)d waits for the patient", "%(n)d wait for the patient", count["waits"]), "waits"),
        (ngettext("%(n)d to call", "%(n)d to call", count["call"]), "call"),
        (ngettext("%(n)d not done", "%(n)d not done", count["failed"]), "failed"),
        (ngettext("%(n)d as before", "%(n)d as before", count["undone"]), "undone"),
        (ngettext("%(n)d changed since", "%(n)d changed since", count["left"]), "left"),
    ]
    return ", ".join(text % {"n": count[state]} for text, state in words if count[state])


def _lines(request: HttpRequest, batch: Batch, now: datetime) -> list[dict[str, Any]]:
    rows = list(batch.rows.all())
    mine = Appointment.objects.for_actor(request.user).select_related("patient", "practitioner")
    visits = mine.in_bulk([row.appointment_id for row in rows])
    keys = [hold_key_of(visit) for visit in visits.values()]
    held = {hold.hold_key: hold for hold in mine.filter(status=Status.HELD, hold_key__in=keys)}
    return [
        {"visit": visits[row.appointment_id], "row": row}
        | _state(row, visits[row.appointment_id], held.get(hold_key_of(visits[row.appointment_id])), batch, now)
        for row in rows
    ]


def _state(row: Any, visit: Appointment, held: Appointment | None, batch: Batch, now: datetime) -> dict[str, Any]:
    """Where one visit stands: a state for the tag, and words."""
    when_now = {"when": clock.long_when(visit.starts_at), "who": visit.practitioner.short_name}
    if batch.undone_at:
        text = _("Changed meanwhile, left as it is") if row.done else row.said or _("As before: %(when)s") % when_now
        return {"state": "left" if row.done else "undone", "text": text}
    if not row.done:
        return {"state": "failed", "text": row.said or _("Not done")}
    if row.way == Way.CALL:
        text = _("On the call list") if visit.needs_call else _("Called")
        return {"state": "call" if visit.needs_call else "done", "text": f"{text}. {row.refused}" if row.refused else text}
    if row.way == Way.LINK and visit.status == Status.CANCELLED:
        if held is None or held.hold_expires_at is None or held.hold_expires_at <= now:
            called = row.said and not visit.needs_call
            return {
                "state": "done" if called else "call",
                "text": _("Called") if called else _("The patient has not chosen. Call them"),
            }
        text = _("%(time)s is held for the patient until %(until)s")
        return {
            "state": "waits",
            "text": text % {"time": clock.long_when(held.starts_at), "until": clock.long_when(held.hold_expires_at)},
        }
    if visit.status not in COMING:
        return {"state": "left", "text": visit.get_status_display()}
    said = (
        _("%(when)s with %(who)s, and the patient said yes") if visit.status == Status.CONFIRMED else _("%(when)s with %(who)s")
    )
    return {"state": "done", "text": said % when_now}
