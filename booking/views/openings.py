"""Free starts as JSON, for the script of the time page and for sites that show a clinic's times.

    GET /book/openings/?service=first-assessment&from=2026-12-01&to=2026-12-31[&who=<public id>]

    {"zone": "America/Toronto", "minutes": 30, "who": [{"id": "<public id>", "name": "Dr. Osei"}],
     "midnight": {"2026-12-02": 1796101200}, "days": {"2026-12-02": [[600, 0], [620, 0]]}}

A start is [minutes since that day's midnight, place in `who`]. Minutes are elapsed ones, so a start is the instant
`midnight + 60 * minutes` on every day of the year, also on those on which a clock changes. Without `who` there is one start
a time, with the physician it would be booked with.

The answer is a hint: booking asks the same function again. It says nothing about anybody and needs no session.
"""

import json
import re
import time
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts import clock
from accounts.web import as_date
from booking import calendar
from booking.models import Practitioner, Service

MOST_DAYS = 62
KEEP_SECONDS = 30
_KEPT: dict[str, tuple[float, tuple[Service | None, list[Practitioner]]]] = {}
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,50}")
_RULES = (
    "pk", "minutes", "setup_minutes", "cleanup_minutes", "step_minutes", "min_notice_minutes", "horizon_days", "room_kind",
)  # fmt: skip


@require_safe
def openings(request: HttpRequest) -> HttpResponse:
    """Free starts of a service on the clinic-local days `from` to `to` (inclusive, 62 at most)."""
    since, until = (as_date(request.GET.get(name), any_year=True) for name in ("from", "to"))
    if since is None or until is None:
        return _refuse(_("“from” and “to” are dates, such as 2026-12-02."))
    if until < since or (until - since).days >= MOST_DAYS:
        return _refuse(_("Ask for 1 to %(n)d days, the first one first.") % {"n": MOST_DAYS})
    service, people = _service(request.GET.get("service", ""))
    if service is None:
        return _refuse(_("There is no such service."), status=404)
    who = None
    if wanted := request.GET.get("who", ""):
        people = [person for person in people if str(person.public_id) == wanted.lower()]
        if not people:
            return _refuse(_("There is no such physician for this service."))
        who = people[0]
    now, zone = clock.now(), clock.clinic_zone()
    today = clock.today(now)
    since, until = max(since, today), min(until, today + timedelta(days=service.horizon_days))
    found = calendar.starts(service, since=since, until=until, now=now, practitioner=who) if people and since <= until else []

    place = {person.pk: index for index, person in enumerate(people)}
    midnights: dict[int, int] = {}
    days: dict[int, list[tuple[int, int]]] = {}
    for start in found:
        if start.practitioner_id not in place:
            continue  # Joined between the two statements.
        day = days.get(start.day)
        if day is None:
            midnights[start.day] = int(clock.day_bounds(date.fromordinal(start.day), zone)[0].timestamp())
            day = days[start.day] = []
        day.append(((start.at - midnights[start.day]) // 60, place[start.practitioner_id]))
    return _json(
        {
            "zone": zone.key,
            "minutes": service.minutes,
            "who": [{"id": str(person.public_id), "name": person.short_name} for person in people],
            "midnight": {date.fromordinal(day).isoformat(): at for day, at in midnights.items()},
            "days": {date.fromordinal(day).isoformat(): starts for day, starts in days.items()},
        }
    )


def _service(slug: str) -> tuple[Service | None, list[Practitioner]]:
    """The service, as far as its rules go, and who performs it, read again at most every 30 seconds per process.

    A rule that changed meanwhile shows a start too many for so long; booking asks anew and refuses it with others.
    """
    if not _SLUG.fullmatch(slug):
        return None, []
    at, known = _KEPT.get(slug, (0.0, (None, [])))
    if time.monotonic() - at > KEEP_SECONDS or known[0] is None:
        known = _read(slug)
        if known[0] is not None:
            _KEPT[slug] = (time.monotonic(), known)
    return known


def forget() -> None:
    """Read every service again at the next request."""
    _KEPT.clear()


def _read(slug: str) -> tuple[Service | None, list[Practitioner]]:
    """The service and its people, in one statement."""
    rows: list[tuple[Any, ...]] = list(
        Service.objects.filter(slug=slug, active=True, online=True)
        .order_by("practitioners__position", "practitioners__name")
        .values_list(
            *_RULES, "practitioners__pk", "practitioners__public_id", "practitioners__short_name", "practitioners__active"
        )
    )
    if not rows:
        return None, []
    service = Service(**dict(zip(_RULES, rows[0], strict=False)))
    return service, [_person(*row[-4:-1]) for row in rows if row[-1]]


def _person(pk: int, public_id: UUID, short_name: str) -> Practitioner:
    return Practitioner(pk=pk, public_id=public_id, short_name=short_name)


def _refuse(text: str, *, status: int = 422) -> HttpResponse:
    return _json({"detail": text}, status=status)


def _json(content: dict[str, Any], *, status: int = 200) -> HttpResponse:
    answer = HttpResponse(json.dumps(content, separators=(",", ":")), content_type="application/json", status=status)
    answer["Cache-Control"] = "no-store"
    return answer
