"""A practitioner's private calendar, for a calendar program: when, never whom or why."""

from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.utils.http import parse_etags, quote_etag
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.links import sha256_of
from booking import ics
from booking.feeds import CalendarFeed
from booking.models import OCCUPYING, Appointment

BEHIND, AHEAD = timedelta(days=31), timedelta(days=183)


@require_safe
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """The calendar, or 304 while nothing has changed. Unknown, replaced and revoked addresses are one answer.

    Two statements at most: whose it is, and the visits. A program that asks again pays for the first one only.
    """
    found = None
    if len(token) == 16 and token.isascii() and token.isalnum():
        found = (
            CalendarFeed.objects.select_related("practitioner__user")
            .filter(sha256=sha256_of(token), practitioner__active=True)
            .exclude(practitioner__user__is_active=False)  # a leaver's address ends with their access
            .first()
        )
    if found is None:
        return HttpResponseNotFound("Not found", content_type="text/plain")
    now, person = clock.now(), found.practitioner
    tag = quote_etag(f"{found.generation}-{person.calendar_rev}-{clock.today(now).isoformat()}")
    if tag in parse_etags(request.headers.get("If-None-Match", "")):
        answer = HttpResponse(status=304)
    else:
        visits = (
            Appointment.objects.visits()
            .filter(practitioner=person, status__in=OCCUPYING)
            .between(now - BEHIND, now + AHEAD)
            .only("public_id", "starts_at", "ends_at", "zone", "ics_sequence", "changed_at")
            .order_by("starts_at", "pk")
        )
        body = ics.feed_file(visits, host=settings.SITE_URL)
        answer = HttpResponse(body, content_type="text/calendar; charset=utf-8")
        answer["Content-Disposition"] = 'inline; filename="calendar.ics"'
    answer["ETag"], answer["Cache-Control"] = tag, "private, max-age=300"
    answer["X-Robots-Tag"] = "noindex"
    return answer
