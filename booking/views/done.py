"""B11: booked. Reload and Back show the same page; what happens next is dated."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts import clock
from accounts.models import Clinic
from accounts.web import See, see
from booking import actions, words
from booking.links import token_of
from booking.models import COMING, Appointment, Status, WaitlistEntry
from booking.views.journey import Journey
from booking.views.step import may_send
from intake.photos import views_to_add


@dataclass(frozen=True, slots=True)
class NextReminder:
    """The first reminder that is still to come."""

    days: int
    title: str


def calendar_links(visit: Appointment) -> dict[str, str]:
    """Add-to-calendar addresses. The title, place, phone and link; never a reason."""
    clinic = Clinic.current()
    manage = settings.SITE_URL + reverse("booking:visit", args=[token_of(visit)])
    title = _("Appointment, %(clinic)s") % {"clinic": clinic.short_name}
    place = ", ".join(part for part in (clinic.street, clinic.unit, clinic.city, clinic.region_code, clinic.postal_code) if part)
    body = _("Questions? Call %(phone)s.\nSee or change it: %(url)s") % {"phone": clinic.phone, "url": manage}

    def stamp(at: datetime) -> str:
        return at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")

    google = {
        "action": "TEMPLATE",
        "text": title,
        "dates": f"{stamp(visit.starts_at)}/{stamp(visit.ends_at)}",
        "details": body,
        "location": place,
    }
    outlook = {
        "path": "/calendar/action/compose",
        "rru": "addevent",
        "subject": title,
        "startdt": visit.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "enddt": visit.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "body": body,
        "location": place,
    }
    return {
        "title": title,
        "ics": reverse("booking:visit_ics", args=[token_of(visit)]),
        "google": f"https://calendar.google.com/calendar/render?{urlencode(google)}",
        "outlook": f"https://outlook.live.com/calendar/0/deeplink/compose?{urlencode(outlook)}",
    }


def directions_url() -> str:
    """An ordinary link to a map; nothing is fetched from there."""
    clinic = Clinic.current()
    place = ", ".join(part for part in (clinic.street, clinic.city, clinic.region, clinic.postal_code) if part)
    return f"https://www.openstreetmap.org/search?{urlencode({'query': place})}"


def next_reminder(visit: Appointment, now: datetime) -> NextReminder | None:
    """The next reminder that will go out: calendar days before, at the visit's own wall time."""
    zone, today = clock.clinic_zone(), clock.today(now)
    known_since = visit.changed_at if visit.ics_sequence else visit.booked_at or visit.created_at
    for days, lead in words.REMINDERS:
        at = clock.days_before(visit.starts_at, days, zone)
        if at > now and at - known_since >= lead:
            day = clock.local(at).date()
            name = {0: _("Today"), 1: _("Tomorrow")}.get((day - today).days, clock.long_date(day))
            return NextReminder(days, _("%(day)s: a reminder") % {"day": name})
    return None


@require_http_methods(["GET", "HEAD", "POST"])
def done(request: HttpRequest) -> HttpResponse:
    """The visit this browser has booked. POST sends the link again."""
    now = clock.now()
    public_id = Journey(request, now).booked
    visit = None
    if public_id is not None:
        visit = (
            Appointment.objects.select_related("practitioner", "service", "patient", "helper", "response")
            .exclude(status=Status.HELD)
            .filter(public_id=public_id)
            .first()
        )
    if visit is None or visit.patient is None:
        return redirect("booking:start")
    if request.method == "POST":
        return _send_again(request, visit, now)
    if visit.status not in COMING or visit.starts_at <= now:
        return redirect("booking:visit", token=token_of(visit))
    sent_to, reader = [], visit.reach or visit.patient
    if reader.wants_email:
        sent_to.append(words.masked_email(reader.email))
    if reader.wants_text:
        sent_to.append(words.masked_phone(reader.mobile))
    reminder = next_reminder(visit, now)
    context = {
        "visit": visit,
        "token": token_of(visit),
        "sent_to": format_html_join(_(" and "), '<span class="address">{}</span>', ((address,) for address in sent_to)),
        "minutes": max(1, -(-settings.MESSAGE_GRACE_SECONDS // 60)),
        "just_booked": visit.booked_at is not None and now - visit.booked_at < timedelta(seconds=settings.MESSAGE_GRACE_SECONDS),
        "reminder": reminder,
        # A week before, an email goes first; the others go by text too.
        "by_text": reader.wants_text and not (reminder and reminder.days > 2 and reader.wants_email),
        "phone_text": words.masked_phone(reader.mobile) if reader.mobile else "",
        "calendar": calendar_links(visit),
        "directions": directions_url(),
        "views": views_to_add(visit.response) if visit.response else [],
        "waits": WaitlistEntry.objects.on_list().beside(visit).exists(),
        "for_other": visit.helper is not None,
        "answers_sent": request.GET.get("sent") == "1",
        "can_change": now <= visit.move_deadline(),
        "free_cancel": now <= visit.cancel_deadline(),
    }
    return render(request, "booking/done.html", context)


def _send_again(request: HttpRequest, visit: Appointment, now: datetime) -> HttpResponse:
    """The link once more, by the way the patient chose."""
    patient = visit.reach or visit.patient
    channel = "email" if patient and patient.wants_email else "text" if patient and patient.wants_text else ""
    if patient is None or not channel:
        return see("booking:done")
    address = patient.email if channel == "email" else patient.e164
    if may_send("link", request, address, now):
        actions.request_link(channel=channel, address=address, now=now)
        messages.success(request, _("It is on its way to %(to)s.") % {"to": words.masked(channel, address)})
    else:
        messages.warning(request, _("We have sent it several times. Look in your spam folder, or call us."))
    return see("booking:done")


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """On a shared phone: forget this browser's draft and visit, and let go of a held time. The rest stays behind its links."""
    journey = Journey(request, clock.now())
    journey.let_go()
    request.session.flush()
    return See("/")
