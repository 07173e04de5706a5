"""`/desk/availability/<who>/`: weekly hours from a day on, dates that differ, and what either would do before it is saved."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import clock
from accounts.access import reception_required
from accounts.web import as_date, see
from audit.actor import actor_of
from booking import actions, calendar, hours, slots
from booking.hours import Day, Interval
from booking.models import Appointment, Availability, AvailabilityOverride, Practitioner, Room, Service
from staff.hours_form import DayForm, WeekForm
from staff.reading import affected

Preview = list[tuple[date, list[datetime]]]


@dataclass(slots=True)
class Page:
    """What the page knows."""

    now: datetime
    who: Practitioner
    services: list[Service]
    valid_from: date
    since: str  # the day as it was typed
    week: WeekForm
    day: DayForm
    service: Service | None = None
    affected: list[Appointment] = field(default_factory=list)
    preview: Preview = field(default_factory=list)
    looked: str = ""  # which of the two forms the preview is of: "week" or "day"
    asks: bool = False  # saving waits for a yes
    back: str = ""  # what is to be taken back, and waits for a yes: "clear:<date>" or "drop:<date>"
    left: list[Appointment] = field(default_factory=list)  # the visits that this would leave outside hours
    refusal: str = ""
    saved: list[tuple[str, str]] | None = None  # what somebody else saved meanwhile, in words; what was typed stays


@reception_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Everybody, today's hours, and who is away."""
    now = clock.now()
    people = list(Practitioner.objects.filter(active=True))
    weeks, off = hours.weeks_on(people, clock.today(now)), hours.next_away(people, now=now)
    found = [(who, in_words(weeks[who.pk]), off.get(who.pk)) for who in people]
    return render(request, "staff/availability_index.html", {"people": found})


def in_words(week: list[Interval]) -> list[tuple[str, str]]:
    """[("Monday to Thursday", "9:00–12:00, 1:00–4:30"), …]: days that are alike in one line."""
    days = [
        (n, ", ".join(f"{hours.short_time(i.start)}–{hours.short_time(i.end)}" for i in week if i.weekday == n)) for n in range(7)
    ]
    lines = []
    for text, group in groupby(days, key=lambda day: day[1]):
        ns = [n for n, _text in group]
        first, last = (clock.weekday(n) for n in (ns[0], ns[-1]))
        if text:
            lines.append((first if first == last else _("%(a)s to %(b)s") % {"a": first, "b": last}, text))
    return lines


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def availability(request: HttpRequest, who: str) -> HttpResponse:
    """The week and the dates that differ. Preview shows the slots and the visits left outside; Save asks if there are any."""
    now = clock.now()
    person = get_object_or_404(Practitioner, slug=who, active=True)
    page = _page_of(request, person, now)
    if request.method != "POST":
        return _show(request, page)
    do = request.POST.get("do", "")
    if do in ("preview", "save") or do.startswith("copy:"):
        return _week(request, page, do)
    if do in ("day-preview", "day-save"):
        return _day(request, page, do)
    return _take_back(request, page, do)


def _page_of(request: HttpRequest, who: Practitioner, now: datetime) -> Page:
    """The page as the address and the form say it. Hours are edited from today on: what was stays as it was."""
    today = clock.today(now)
    services = list(who.services.filter(active=True))
    asked = request.POST.get("from") if request.method == "POST" else request.GET.get("from")
    valid_from = max(as_date(asked) or today, today)
    data = request.POST if request.method == "POST" else request.GET
    like = Practitioner.objects.filter(slug=request.GET.get("like", "")).first() or who
    # What the hours name is listed even if it is no longer offered: a line for that alone must not become one for everything.
    named = Availability.objects.filter(practitioner__in=(who, like))
    listed = services + [s for s in Service.objects.filter(pk__in=named.values("services")) if s not in services]
    rooms = list(Room.objects.filter(Q(active=True) | Q(pk__in=named.values("room"))).order_by("name"))
    if request.POST.get("do", "").startswith(("preview", "save", "copy:")):
        week = WeekForm.typed(request.POST, listed, rooms, offered=services)
    else:
        week = WeekForm.of(hours.week_on(like, valid_from), listed, rooms, offered=services)
    typed = request.POST if request.POST.get("do", "").startswith("day-") else None
    since = (asked or "")[:10] if request.POST.get("do", "") in ("preview", "save") else valid_from.isoformat()
    page = Page(now, who, services, valid_from, since, week, DayForm(typed, today=today))
    page.service = next((s for s in services if str(s.public_id) == data.get("service")), services[0] if services else None)
    return page


def _week(request: HttpRequest, page: Page, do: str) -> HttpResponse:
    if do.startswith("copy:") and do[5:] in list("0123456"):
        page.week.copy_day(int(do[5:]))
    week = page.week.read()
    if do in ("preview", "save") and as_date(page.since) != page.valid_from:
        page.week.errors["from"] = _("Choose a day from today on: what was stays as it was")
    page.looked = "week"
    until = hours.until_of(page.who, page.valid_from)
    page.affected = _outside(request, page, since=page.valid_from, until=until, week=week)
    page.preview = _starts(page, page.valid_from, page.valid_from + timedelta(days=6), week=week)
    if page.week.errors:
        return _show(request, page, status=422)
    if do != "save":
        return _show(request, page)
    if page.affected and request.POST.get("sure") != str(len(page.affected)):
        page.asks = True
        return _show(request, page, status=409)
    seen = request.POST.get("seen", "")
    try:
        actions.set_week(page.who, week, valid_from=page.valid_from, seen=seen, by=actor_of(request), now=page.now)
    except actions.BookingError as error:
        page.refusal = str(error)
        if isinstance(error, actions.Stale):
            page.saved = in_words(hours.week_on(page.who, page.valid_from)) or [(_("Every day"), _("Not working"))]
        return _show(request, page, status=409)
    messages.success(request, _("Saved. The new hours hold from %(day)s.") % {"day": clock.full_date(page.valid_from)})
    return _back(page)


def _day(request: HttpRequest, page: Page, do: str) -> HttpResponse:
    day = page.day.read()
    page.looked = "day"
    if day is None:
        return _show(request, page, status=422)
    others = [d for d in hours.different_days(page.who, since=day.date) if d.date != day.date]
    page.affected = _outside(request, page, since=day.date, until=day.date, days=[*others, day])
    page.preview = _starts(page, day.date, day.date, day=day)
    if do != "day-save":
        return _show(request, page)
    if page.affected and request.POST.get("sure") != str(len(page.affected)):
        page.asks = True
        return _show(request, page, status=409)
    try:
        actions.set_day(page.who, day, seen=_dates_seen(request), by=actor_of(request), now=page.now)
    except actions.BookingError as error:
        page.refusal = str(error)
        if isinstance(error, actions.Stale):
            page.saved = [_date_in_words(d) for d in hours.different_days(page.who, since=day.date) if d.date == day.date]
        return _show(request, page, status=409)
    said = _("Saved. Closed on %(day)s.") if day.mode == "closed" else _("Saved. %(day)s has its own hours.")
    messages.success(request, said % {"day": clock.long_date(day.date)})
    return _back(page)


def _dates_seen(request: HttpRequest) -> str:
    return request.POST.get("dates-seen", "")


def _date_in_words(day: Day) -> tuple[str, str]:
    """("Thursday, March 12", "Instead: 10:00–2:00")."""
    spans = ", ".join(f"{hours.short_time(start)}–{hours.short_time(end)}" for start, end in day.spans)
    mode = AvailabilityOverride.Mode(day.mode).label
    return clock.long_date(day.date), f"{mode}: {spans}" if spans else str(mode)


def _outside(request: HttpRequest, page: Page, **change: Any) -> list[Appointment]:
    """The visits that a change would leave outside hours; reading their names is in the trail."""
    visits = Appointment.objects.for_actor(request.user)
    find = partial(hours.left_outside, visits, page.who, now=page.now, **change)
    return affected(request, find, now=page.now, obj=page.who)


def _take_back(request: HttpRequest, page: Page, do: str) -> HttpResponse:
    """Remove a date that differs, or hours that have not begun; asked about where visits are booked in them."""
    what, _sep, text = do.partition(":")
    day = as_date(text)
    if day is None or what not in ("clear", "drop"):
        raise Http404
    if what == "clear":
        others = [d for d in hours.different_days(page.who, since=day) if d.date != day]
        page.left = _outside(request, page, since=day, until=day, days=others)
    else:
        before, until = hours.week_on(page.who, day - timedelta(days=1)), hours.until_of(page.who, day)
        page.left = _outside(request, page, since=day, until=until, week=before)
    if page.left and request.POST.get("sure") != str(len(page.left)):
        page.back = do
        return _show(request, page, status=409)
    try:
        if what == "clear":
            actions.clear_day(page.who, day, seen=_dates_seen(request), by=actor_of(request), now=page.now)
        else:
            seen = request.POST.get("seen", "")
            actions.drop_week(page.who, valid_from=day, seen=seen, by=actor_of(request), now=page.now)
    except actions.BookingError as error:
        page.refusal = str(error)
        return _show(request, page, status=409)
    messages.success(request, _("Removed."))
    return _back(page)


def _starts(page: Page, since: date, until: date, *, week: list[Interval] | None = None, day: Day | None = None) -> Preview:
    """What could be booked if it were saved: the starts of the chosen service, by day, bookings and time off counted."""
    if page.service is None:
        return []
    plan = calendar.load(page.service, since=since, until=until, now=page.now, practitioner=page.who)
    if week is not None:
        plan.hours = hours.as_hours(page.who, week, page.service.pk)
    if day is not None:
        plan.overrides = hours.as_overrides(page.who, [day])
    rules = calendar.rules_of(page.service, now=page.now, for_staff=True)
    found = slots.find(plan, rules, since=since, until=until, zone=clock.clinic_zone())
    by_day: dict[date, list[datetime]] = {since + timedelta(days=n): [] for n in range((until - since).days + 1)}
    for start in found:
        by_day[date.fromordinal(start.day)].append(slots.as_slot(start, page.service.minutes).start)
    return list(by_day.items())


def _back(page: Page) -> HttpResponse:
    later = page.valid_from > clock.today(page.now)
    return see("staff:availability", page.who.slug, query=f"?from={page.valid_from}" if later else "")


def _show(request: HttpRequest, page: Page, *, status: int = 200) -> HttpResponse:
    today = clock.today(page.now)
    if not page.preview and not page.looked:
        page.preview = _starts(page, page.valid_from, page.valid_from + timedelta(days=6))
    begins = hours.versions(page.who)
    context = {
        "page": page,
        "who": page.who,
        "today": today,
        "has_errors": page.week.errors or page.day.errors,
        "running": max((day for day in begins if day <= today), default=None),
        "coming": [day for day in begins if day > today],
        "different": hours.different_days(page.who, since=today),
        "off": hours.away(page.who, now=page.now),
        "mark": hours.mark_of(page.who),
        "dates_mark": hours.dates_mark_of(page.who),
        "others": Practitioner.objects.filter(active=True).exclude(pk=page.who.pk),
    }
    return render(request, "staff/availability.html", context, status=status)
