"""The visit by its private link: see it, say yes, move it, cancel it, finish the questions. GET and HEAD change nothing."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import clock
from accounts.models import Clinic
from accounts.signin import new_key
from accounts.web import see
from audit.actor import Actor
from booking import actions, calendar, ics, idle, picker, terms, words
from booking.forms.cancel import CancelForm
from booking.forms.details import MessagesForm
from booking.late import said_of
from booking.links import token_of
from booking.models import COMING, Appointment, Status, WaitlistEntry
from booking.views.by_link import Visit, by_link, year_of_birth
from booking.views.done import calendar_links, directions_url
from booking.views.journey import Journey
from booking.views.sent import Door
from booking.views.taken import taken_page
from intake.actions import has_sent
from intake.consents import messages_wording
from patients.actions import choose_care, update_helper
from patients.care import agreed_to_care, care_wording
from patients.models import Helper, Patient


@require_http_methods(["GET", "HEAD"])
@by_link
def visit(request: HttpRequest, it: Visit) -> HttpResponse:
    """Time and place, and what can be done."""
    return _show(it)


def _show(it: Visit, *, status: int = 200, refusal: str = "", near: list[picker.Choice] | None = None) -> HttpResponse:
    row = it.row
    context = {
        "it": it,
        "visit": row,
        "menu": _menu(it),
        "refusal": refusal,
        "has_errors": bool(refusal),
        "near": near or [],
        "near_terms": terms.of_several(row.service, [choice.start for choice in near or []], now=it.now) if it.is_coming else [],
        # The closest times after a failed undo: of a move they move the visit, of a cancel they book again.
        "near_url": it.url("visit_time") if it.is_coming else reverse("booking:start"),
        "near_field": "slot" if it.is_coming else "pick",
        "fee": Clinic.current().late_fee,
        "late": said_of(row.practitioner_id, row.starts_at, now=it.now) if it.state in {"coming", "here"} else None,
        "held_terms": terms.of_one(row.service, it.held.starts_at, now=it.now) if it.held else "",
        "directions": directions_url(),
        "moved_just_now": it.undoable == "move",
        "afterwards": terms.afterwards(row.service, row.starts_at, now=it.now) if it.undoable == "move" else "",
        "calendar": calendar_links(row) if it.is_coming else None,
    }
    return render(it.request, "booking/visit.html", context, status=status)


def _item(url: str, icon: str, title: str, detail: str = "", *, external: bool = False) -> dict[str, Any]:
    return {"url": url, "icon": icon, "title": title, "detail": detail, "external": external}


def _fee_text(it: Visit) -> str:
    """What cancelling costs, said before anybody goes there to find out."""
    fee = Clinic.current().late_fee
    if not fee:
        return ""
    if it.is_late:
        return _("A %(fee)s fee applies") % {"fee": fee}
    until = it.free_until
    return _("No fee until %(time)s on %(date)s") % {"time": clock.clock_time(until), "date": clock.month_day(until)}


def _menu(it: Visit) -> list[dict[str, Any]]:
    """What can be done, in the order people want it."""
    row, items = it.row, []
    if row.intake_missing and it.state in {"coming", "here"}:
        response = row.response
        short = row.service.questionnaire.endswith("-followup")
        detail = _("About 2 minutes, before your visit") if short else _("6 to 8 minutes, before your visit")
        if response is not None and response.sections_done:
            detail = ngettext(
                "%(done)d of %(total)d section done", "%(done)d of %(total)d sections done", response.sections_total
            ) % {"done": response.sections_done, "total": response.sections_total}
        items.append(_item(it.url("visit_questions"), "form", _("Finish your questions"), detail))
    if row.response is not None and row.response.asked_at is not None:
        items.append(_item(it.url("visit_reply"), "chat", _("A question for you"), _("The physician needs one more thing")))
    if _takes_photos(it):
        items.append(_item(it.url("visit_photos"), "camera", _("Add photos"), _("Until your answers are reviewed")))
    if row.response is not None and row.response.completed_at is not None:
        items.append(_item(it.url("visit_answers"), "form", _("Your answers"), _("A PDF, or tell us what has changed")))
    if it.is_coming:
        until = _("Until %(time)s on %(date)s") % {
            "time": clock.clock_time(row.move_deadline()),
            "date": clock.month_day(row.move_deadline()),
        }
        late = _("It is less than %(span)s away: call us") % {"span": words.span(row.service.reschedule_cutoff_minutes)}
        items.append(_item(it.url("visit_time"), "calendar", _("Change the time"), until if it.can_move else late))
        waits = WaitlistEntry.objects.on_list().beside(row).exists()
        title = _("Your place on the waiting list") if waits else _("Tell me if something earlier comes up")
        detail = _("You keep this visit until you take another time")
        if waits or it.can_move:  # hours before, hardly anything earlier comes up
            items.append(_item(it.url("visit_waiting"), "bell", title, detail))
        items.append(_item("", "calplus", _("Add to calendar")))
    if it.state in {"coming", "here"}:
        items.append(_item(directions_url(), "pin", _("Directions and parking"), external=True))
    if it.is_coming:
        items.append(_item(it.url("visit_messages"), "chat", _("How we contact you")))
        items.append(_item(it.url("visit_cancel"), "x", _("Cancel the visit"), _fee_text(it)))
    return items


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_confirm(request: HttpRequest, it: Visit) -> HttpResponse:
    """Yes, I am coming."""
    if request.method != "POST":
        return redirect("booking:visit", token=it.token)
    try:
        actions.confirm(it.as_shown(), by=it.by, now=it.now, version=it.row.version)
    except actions.Stale as refusal:  # A yes to a time that is no more is no yes.
        return _stale(it, refusal, done=it.read_again().status == Status.CONFIRMED)
    except actions.BookingError as refusal:
        return _show(it, status=409, refusal=str(refusal))
    return it.see()


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_time(request: HttpRequest, it: Visit) -> HttpResponse:
    """Another time: tapping one is the move. The old time is kept until then, and counts as free.

    A visit that the clinic cancelled gets its new time here, too: the one held for it, or another.
    """
    if not it.is_coming and not it.can_rebook:
        return redirect("booking:visit", token=it.token)
    if it.is_coming and not it.can_move:
        context = {"it": it, "visit": it.row, "back_url": it.url("visit")}
        return render(request, "booking/visit_late.html", context, status=409 if request.method == "POST" else 200)
    people = calendar.people(it.row.service)
    if request.method != "POST":
        return _time_page(it, people)
    parsed = picker.parse_value(request.POST.get("slot"))
    practitioner = next((p for p in people if parsed and p.public_id == parsed[1]), None)
    if parsed is None or practitioner is None:
        return _time_page(it, people, status=422, error=_("Choose one of the times shown"))
    try:
        verb = actions.take_new_time if it.can_rebook else actions.move
        verb(it.as_shown(), practitioner, parsed[0], by=it.by, now=it.now, version=it.row.version)
    except actions.Stale as refusal:
        now = it.read_again()
        return _stale(it, refusal, done=(now.starts_at, now.practitioner_id) == (parsed[0], practitioner.pk))
    except actions.SlotTaken as refusal:
        keeps = _("You keep %(when)s with %(who)s until you choose another.")
        return taken_page(
            request,
            refusal,
            it.row.service,
            post_url=request.get_full_path(),
            all_url=request.get_full_path(),
            back_url=it.url("visit"),
            kept=keeps % {"when": clock.long_when(it.row.starts_at), "who": it.row.practitioner.short_name}
            if it.is_coming
            else _("Your answers are kept."),
            now=it.now,
            also={"seen": it.row.ics_sequence},
        )
    except actions.BookingError as refusal:
        return _show(it, status=409, refusal=str(refusal))
    return it.see()


def _stale(it: Visit, refusal: actions.Stale, *, done: bool) -> HttpResponse:
    """A form from a page that is out of date: pressed twice it was done already; else the page says where the visit is now."""
    return it.see() if done else _show(it, status=409, refusal=str(refusal))


def _time_page(it: Visit, people: list[Any], *, status: int = 200, error: str = "") -> HttpResponse:
    had = (it.row.starts_at, it.row.practitioner_id) if it.is_coming else None
    built = picker.build(it.row.service, people, it.request.GET, now=it.now, own=it.row.pk, skip=had)
    context = {
        "it": it,
        "visit": it.row,
        "picker": built,
        "error": error,
        "error_items": [("", error)],
        "has_errors": bool(error),
        "post_url": it.request.get_full_path(),
        "pass": {"seen": it.row.ics_sequence},
        "waiting_url": it.url("visit_waiting"),
        "back_url": it.url("visit"),
    }
    return render(it.request, "booking/visit_time.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_cancel(request: HttpRequest, it: Visit) -> HttpResponse:
    """What is cancelled, what it costs, why if they like; a change of time is offered first."""
    if it.state == "cancelled" or not it.is_coming:
        return redirect("booking:visit", token=it.token)
    form = CancelForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                actions.cancel(it.as_shown(), reason=form.cleaned_data["reason"], by=it.by, now=it.now, version=it.row.version)
            except actions.Stale as refusal:
                return _stale(it, refusal, done=it.read_again().status == Status.CANCELLED)
            except actions.BookingError as refusal:
                return _show(it, status=409, refusal=str(refusal))
            return it.see()
        status = 422
    context = {
        "it": it, "visit": it.row, "form": form, "fee": Clinic.current().late_fee, "back_url": it.url("visit"),
        "waits": it.row.waiting.on_list().exists(),
    }  # fmt: skip
    return render(request, "booking/visit_cancel.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_undo(request: HttpRequest, it: Visit) -> HttpResponse:
    """Take back one's own move (3 minutes) or cancellation (while the time is free)."""
    if request.method != "POST":
        return redirect("booking:visit", token=it.token)
    if not it.undoable:
        return it.see()  # Pressed twice, or too late: the page shows how things are.
    try:
        actions.undo(it.row, by=it.by, now=it.now)
    except actions.SlotTaken as refusal:
        near = picker.choices(refusal.alternatives, calendar.people(it.row.service))
        return _show(it, status=409, refusal=str(refusal), near=near)
    except actions.BookingError as refusal:
        return _show(it, status=409, refusal=str(refusal))
    messages.success(request, _("Undone. Your visit is as it was."))
    return it.see()


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_questions(request: HttpRequest, it: Visit) -> HttpResponse:
    """The way back to the questions: the year of birth first, because the link alone shows time and place only; then a code if
    they have sent answers before, which are shown there to look over.
    """
    if not it.row.intake_missing or it.state not in {"coming", "here"}:
        return redirect("booking:visit", token=it.token)
    if it.row.patient_id and has_sent(it.row.patient_id):
        asked = Door(request, it, "booking/visit_questions.html").asks()
        return asked or enter_questions(request, it.row, by=it.by, now=it.now)
    form, status = year_of_birth(request, it)
    if form is None:
        return enter_questions(request, it.row, by=it.by, now=it.now)
    context = {"it": it, "visit": it.row, "form": form, "stage": "alone", "back_url": it.url("visit")}
    return render(request, "booking/visit_questions.html", context, status=status)


def enter_questions(request: HttpRequest, visit: Appointment, *, by: Actor, now: datetime) -> HttpResponse:
    """Go on with the questions of a visit in this browser; whoever comes here has shown who they are."""
    response = actions.open_questions(visit, by=by, now=now)
    Journey(request, now).let_go()
    new_key(request)
    for key in ("hold", "wanted", "code", "no_code", "article"):
        request.session.pop(key, None)
    request.session["draft"], request.session["booked"] = str(response.public_id), str(visit.public_id)
    idle.use(request, now)
    return see("intake:questions")


def enter_photos(request: HttpRequest, visit: Appointment, *, back: str) -> HttpResponse:
    """Add photos to the sent answers of a visit in this browser; whoever comes here has shown who they are."""
    assert visit.response is not None
    new_key(request)
    request.session["photos"] = str(visit.response.public_id)
    request.session["photos_until"] = visit.link_expires_at.isoformat()
    request.session["photos_back"] = back
    idle.use(request, clock.now())
    return redirect(f"{reverse('intake:photos')}?for=visit")


def _takes_photos(it: Visit) -> bool:
    """True while photos can be added to answers that were sent: until the physician has signed, while the link works."""
    response = it.row.response
    sent = response is not None and response.completed_at is not None and response.reviewed_at is None
    return sent and it.state in {"coming", "here", "over"}


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_photos(request: HttpRequest, it: Visit) -> HttpResponse:
    """The way to the photos that were sent, to add some: the year of birth first, then a code, because they are shown there."""
    if not _takes_photos(it):
        return redirect("booking:visit", token=it.token)
    return Door(request, it, "booking/visit_photos.html").asks() or enter_photos(request, it.row, back=it.url("visit"))


@require_POST
def done_photos(request: HttpRequest) -> HttpResponse:
    """From "You're booked", in the browser that has sent the answers: nothing more is asked. Another asks as the link does."""
    journey = Journey(request, clock.now())
    found = Appointment.objects.select_related("response").filter(status__in=COMING)
    visit = found.filter(public_id=journey.booked, starts_at__gt=journey.now).first() if journey.booked else None
    if visit is None or visit.response is None or visit.response.completed_at is None or visit.response.reviewed_at is not None:
        return see("booking:done") if journey.booked else see("booking:start")
    if not journey.was_shown:
        return see("booking:visit_photos", token_of(visit))
    return enter_photos(request, visit, back=reverse("booking:done"))


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def visit_messages(request: HttpRequest, it: Visit) -> HttpResponse:
    """How we contact them about the visit. The addresses themselves are changed in the account or by phone, and shown masked."""
    patient = it.row.reach
    assert patient is not None
    care = None
    if isinstance(patient, Patient) and patient.email and Clinic.current().recall_months:
        care = (*care_wording(), agreed_to_care(patient))
    typed = request.POST if request.method == "POST" else None
    form = MessagesForm(typed, reach=patient, consent=messages_wording(), care=care)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            choice = {
                "reminder_by": form.cleaned_data["reminder_by"],
                "voicemail_ok": form.cleaned_data["voicemail_ok"] == "yes",
            }
            if isinstance(patient, Helper):
                update_helper(patient, **choice, by=it.by, now=it.now)
            else:
                actions.choose_ways(patient, **choice, agreed=True, by=it.by, now=it.now)
            if isinstance(patient, Patient) and "care" in form.cleaned_data:
                choose_care(patient, form.cleaned_data["care"], by=it.by, now=it.now)
            messages.success(request, _("Saved. That is how we contact you from now on."))
            return it.see()
        status = 422
    context = {
        "it": it,
        "visit": it.row,
        "form": form,
        "email": words.masked_email(patient.email) if patient.email else "",
        "mobile": words.masked_phone(patient.mobile) if patient.mobile else "",
        "is_helper": isinstance(patient, Helper),
        "back_url": it.url("visit"),
    }
    return render(request, "booking/visit_messages.html", context, status=status)


@require_safe
@by_link
def visit_ics(request: HttpRequest, it: Visit) -> HttpResponse:
    """The calendar entry: "Appointment, True North", and nothing about why."""
    if it.state in {"cancelled", "missed"}:
        return redirect("booking:visit", token=it.token)
    link = settings.SITE_URL + it.url("visit")
    body = ics.calendar_file(it.row, method="PUBLISH", link=link, now=it.now)
    answer = HttpResponse(body, content_type="text/calendar; charset=utf-8; method=PUBLISH")
    answer["Content-Disposition"] = 'attachment; filename="appointment.ics"'
    return answer
