"""`/desk/new/`: book a caller. One page: who, what, when; what was typed stays through every step, also without a script."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import reception_required
from accounts.web import as_date, as_uuid
from audit.actor import actor_of
from booking import actions, calendar
from booking.models import Appointment, Practitioner, Service
from booking.picker import Choice, choices, parse_value
from booking.slots import Slot, snug
from patients.actions import Contact
from patients.models import Patient
from staff import search
from staff.forms import CallerForm, HelperForm
from staff.reading import reading
from staff.typed import TypedTime, wanted_of
from staff.views.day import to_day
from staff.views.visit import why_of

BOOKS = ("book", "anyway", "different")


@dataclass(slots=True)
class Page:
    """What the page knows so far."""

    now: datetime
    q: str = ""
    other_choices: list[tuple[str, str]] = field(default_factory=list)
    patient: Patient | None = None
    last: Appointment | None = None
    next: Appointment | None = None
    is_new: bool = False
    caller: CallerForm | None = None
    helper: HelperForm | None = None
    helper_called: bool = False
    services: list[Service] = field(default_factory=list)
    service: Service | None = None
    people: list[Practitioner] = field(default_factory=list)
    day: date | None = None
    chosen: str = ""
    at: Choice | None = None
    soonest: list[Choice] = field(default_factory=list)
    lists: list[tuple[Practitioner, list[Choice]]] = field(default_factory=list)
    snug: set[str] = field(default_factory=set)
    hits: list[search.Hit] = field(default_factory=list)
    doubles: list[Patient] = field(default_factory=list)
    warning: actions.Warned | None = None
    refusal: str = ""
    why: str = ""
    other_day: date | None = None
    other_is_chosen: bool = False
    other_time: str = ""
    other_who: UUID | None = None
    service_changed: bool = False
    day_is_chosen: bool = False
    keep: str = ""
    keep_pairs: list[tuple[str, str]] = field(default_factory=list)


def _read(request: HttpRequest, now: datetime) -> Page:
    """The page's state out of what was sent. Anything odd counts as not sent, but a patient who is not there is a 404."""
    data = request.POST if request.method == "POST" else request.GET
    page = Page(now, q=data.get("q", "").strip()[:80], is_new=data.get("new") == "1")
    if data.get("patient"):
        page.patient = Patient.objects.for_actor(request.user).current().filter(public_id=as_uuid(data["patient"])).first()
        if page.patient is None:
            raise Http404
        page.is_new = False
        hit = search.Hit(page.patient, "")
        search.with_visits([hit], now=now)
        page.last, page.next = hit.last, hit.next
    elif page.is_new:
        digits = search.digits_of(page.q)
        initial: dict[str, Any] = {"mobile": page.q} if digits else {}
        if page.q and not digits:
            first, _sep, last = page.q.partition(" ")
            initial = {"first_name": first.title(), "last_name": last.title()} if last else {"last_name": first.title()}
        page.caller = CallerForm(request.POST if request.method == "POST" else None, initial=initial)
    page.helper_called = data.get("called") == "helper"
    page.helper = _helper(request, page)
    page.services = list(Service.objects.filter(active=True).prefetch_related("practitioners"))
    at = parse_value(data.get("slot") or data.get("at"))
    page.service = _service(page, data.get("service"), at[1] if at else None)
    if page.service is not None:
        page.people = [p for p in page.service.practitioners.all() if p.active]
    by_id = {p.public_id: p for p in page.people}
    if at is not None and at[1] in by_id:
        page.at = Choice.of(at[0], by_id[at[1]])
        page.chosen = page.at.value
    page.day = as_date(data.get("day")) or (clock.local(at[0]).date() if at else clock.today(now))
    page.day_is_chosen = page.day > clock.today(now) and (at is None or clock.local(at[0]).date() != page.day)
    page.other_day = as_date(data.get("other_day")) or page.day
    page.other_is_chosen = data.get("slot") == "other"
    page.other_time, page.other_who = data.get("other_time", "")[:5], as_uuid(data.get("other_who"))
    page.keep_pairs = [
        (name, value)
        for name, value in (
            ("at", page.chosen),
            ("service", str(page.service.public_id) if page.service and data.get("service") else ""),
            ("day", data.get("day", "") and page.day.isoformat()),
        )
        if value
    ]
    page.keep = urlencode(page.keep_pairs)
    return page


def _helper(request: HttpRequest, page: Page) -> HelperForm | None:
    """Who called for the patient: what was typed, or whoever did the last time."""
    if page.patient is None and not page.is_new:
        return None
    if request.method == "POST" and "helper-name" in request.POST:
        return HelperForm(
            request.POST if page.helper_called else None, initial=_typed(request, HelperForm, "helper-"), prefix="helper"
        )
    last = page.patient.helpers.order_by("-created_at").first() if page.patient else None
    return HelperForm(initial=HelperForm.of(last) if last else {"gets_messages": True}, prefix="helper")


def _typed(request: HttpRequest, form: type[Form], prefix: str = "") -> dict[str, Any]:
    """What was typed into a form, to be shown again and not yet checked."""
    return {name: request.POST.get(f"{prefix}{name}", "")[:254] for name in form.base_fields}


def _service(page: Page, posted: str | None, who: UUID | None) -> Service | None:
    """The chosen service; else the likeliest: what this physician does, the same as last time, but no second first visit."""
    wanted = as_uuid(posted)
    for service in page.services:
        if service.public_id == wanted:
            return service
    fits = [s for s in page.services if who is None or any(p.public_id == who for p in s.practitioners.all())]
    if page.last is not None:
        again = [s for s in fits if not s.online]
        fits = [s for s in again if s.pk == page.last.service_id] or again or fits
    return next(iter(fits or page.services), None)


def _load_times(page: Page) -> None:
    """Five soonest starts, from the chosen day on, and that day by physician."""
    if page.service is None or page.day is None:
        return
    today = clock.today(page.now)

    def to_come(found: list[Slot]) -> list[Choice]:
        return choices((slot for slot in found if slot.start > page.now), page.people)

    since = page.day if page.day_is_chosen else today
    page.soonest = to_come(
        calendar.openings(page.service, since=since, until=since + timedelta(days=21), now=page.now, for_staff=True, limit=30)
    )[:5]
    found = calendar.openings(page.service, since=page.day, until=page.day, now=page.now, any_physician=False, for_staff=True)
    that_day = to_come(found)
    page.snug = {choice.value for choice in choices(snug(found, page.service.step_minutes), page.people)}
    if page.at is not None and page.service_changed and page.chosen not in {choice.value for choice in that_day}:
        page.at, page.chosen = None, ""  # it was chosen for another visit type, and does not suit this one
    if page.at is not None:
        by_value = {choice.value: choice for choice in (*page.soonest, page.at)}
        page.soonest = sorted(by_value.values(), key=lambda choice: choice.start)
    page.lists = [(person, [choice for choice in that_day if choice.practitioner == person]) for person in page.people]
    if not page.chosen and page.soonest:
        page.chosen = page.soonest[0].value


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Who, what, when; then Book. Staff are warned by the policy, not bound by it."""
    now = clock.now()
    page = _read(request, now)
    status = 200
    if request.method == "POST":
        do = request.POST.get("do", "")
        if page.helper_called and do not in BOOKS:
            page.helper = HelperForm(initial=_typed(request, HelperForm, "helper-"), prefix="helper")
        if do.startswith("use:"):
            page.patient = Patient.objects.for_actor(request.user).current().filter(public_id=as_uuid(do[4:])).first()
            if page.patient is None:
                raise Http404
            page.is_new, page.caller = False, None
        elif do in ("times", "why"):
            _unbind(page, request)
            if do == "times" and page.day_is_chosen:
                page.at, page.chosen, page.other_day = None, "", page.day  # what was chosen before is on another day
            if do == "why" and page.service is not None:
                try:
                    page.why = why_of(page.service, wanted_of(request, page.people), now=now)["why"]
                except TypedTime as trouble:
                    page.refusal, page.other_choices, status = str(trouble), trouble.choices, 422
        else:
            visit, status = _book(request, page, do)
            if visit is not None:
                return to_day(visit, "book")
    if page.q and not page.patient and not page.is_new:
        with reading(request, "staff.search", now=now, detail={"new_booking": True}):
            page.hits = search.find(request.user, page.q, now=now, limit=8)
    subject = page.patient
    if subject is not None:
        with reading(request, "staff.patient_read", now=now, obj=subject, subject_id=subject.pk, detail={"new_booking": True}):
            _load_times(page)
    elif page.is_new:
        _load_times(page)
    wrong = any(form is not None and form.is_bound and form.errors for form in (page.caller, page.helper))
    context = {"page": page, "has_errors": wrong, "day": page.day, "people": page.people}
    return render(request, "staff/new.html", context, status=status)


def _unbind(page: Page, request: HttpRequest) -> None:
    """Show other times: what was typed stays, nothing is checked yet."""
    if page.caller is not None:
        caller = CallerForm(initial=_typed(request, CallerForm))
        caller.initial["date_of_birth"] = [request.POST.get(f"date_of_birth_{part}", "")[:4] for part in ("month", "day", "year")]
        page.caller = caller
    page.service_changed = request.POST.get("old_service") != request.POST.get("service")


def _book(request: HttpRequest, page: Page, do: str) -> tuple[Appointment | None, int]:
    """Try to book. Returns the visit, or None and the status of the page that says why not."""
    if page.service is None:
        page.refusal = _("Choose what the visit is for")
        return None, 422
    if page.patient is None and page.caller is None:
        page.refusal = _("Choose who the visit is for.")
        return None, 422
    forms = [page.caller if page.patient is None else None, page.helper if page.helper_called else None]
    if not all(form.is_valid() for form in forms if form is not None):
        return None, 422
    try:
        wanted = wanted_of(request, page.people)
    except TypedTime as trouble:
        page.refusal, page.other_choices = str(trouble), trouble.choices
        return None, 422
    if wanted is None:
        page.refusal = _("Choose a time")
        return None, 422
    start, person = wanted
    page.at = Choice.of(start, person)
    page.chosen = page.at.value
    contact = None
    if page.patient is None and page.caller is not None:
        data = page.caller.cleaned_data
        contact = Contact(**data, reminder_by=_reminder(data))
        if request.POST.get("different") != "1" and do != "different":
            page.doubles = search.same_person(request.user, contact)
            if page.doubles:
                return None, 409
    try:
        visit = actions.book_for(
            page.service,
            person,
            start,
            patient=page.patient,
            contact=contact,
            helper=page.helper.contact() if page.helper and page.helper_called else None,
            overbook=do == "anyway",
            told=request.POST.get("told", ""),
            by=actor_of(request),
            now=page.now,
        )
    except actions.Warned as warning:
        page.warning = warning
        return None, 409
    except actions.SlotTaken as taken:
        page.refusal = str(taken)
        page.at, page.chosen = None, ""
        return None, 409
    except actions.BookingError as error:
        page.refusal = str(error)
        return None, 409
    return visit, 303


def _reminder(data: dict[str, Any]) -> str:
    """The way to remind that what was given allows."""
    if data["mobile"]:
        return "text_email" if data["email"] else "text"
    return "email" if data["email"] else "phone"
