"""`/staff/calendars/`: the private calendar address of each practitioner. Physicians have their own; the clinic lead all."""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import physician_or_lead_required
from accounts.models import Role
from accounts.web import see
from audit.actions import record
from audit.actor import actor_of
from booking import actions
from booking.models import Practitioner


@physician_or_lead_required
@require_http_methods(["GET", "HEAD", "POST"])
def feeds(request: HttpRequest) -> HttpResponse:
    """Who has an address. POST makes a new one, takes it away, or shows it again; it is on a page only when asked for."""
    people = Practitioner.objects.filter(active=True).select_related("feed")
    if request.user.role == Role.PHYSICIAN:
        people = people.filter(user=request.user)
    if request.method != "POST":
        return render(request, "staff/feeds.html", {"people": people})
    person = next((p for p in people if str(p.public_id) == request.POST.get("who")), None)
    do = request.POST.get("do", "")
    feed = getattr(person, "feed", None)
    if person is None or do not in {"new", "show", "off"} or (do == "show" and not (feed and feed.is_on)):
        raise Http404
    by, now = actor_of(request), clock.now()
    if do == "off":
        actions.close_feed(person, by=by, now=now)
        messages.success(request, _("The calendar address of %(who)s does not work any more.") % {"who": person.short_name})
        return see("staff:feeds")
    with transaction.atomic():
        if do == "new":
            feed = actions.open_feed(person, by=by, now=now)
        else:
            record("staff.feed_shown", by=by, now=now, obj=person)
    address = settings.SITE_URL + reverse("booking:feed", args=[feed.token])
    return render(request, "staff/feeds.html", {"people": people.all(), "shown": person, "address": address})
