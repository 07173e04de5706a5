"""The soonest openings of a first assessment, for the public pages.

Found by the same slot function that books, kept per (calendar revision, minute): first in this process, then in Redis,
and computed when neither has them. A failure here never takes a page down: the times are left out, the button stays.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.cache import caches
from django.db.models import Count, Q, Sum

from accounts import clock
from booking import calendar
from booking.models import Practitioner, Service

log = logging.getLogger(__name__)

SERVICE_SLUG = "first-assessment"
SHOWN = 3
DAYS_AHEAD = 14
_KEEP_SECONDS = 90
_local: dict[str, "Soonest"] = {}


@dataclass(frozen=True, slots=True)
class Opening:
    """A start that can be booked: the instant, the physician's short name and public id."""

    start: datetime
    who: str
    who_id: str

    def query(self, article_ref: str = "") -> str:
        """The query string that carries this opening, and the article it was chosen on, into the booking."""
        parts = {"slot": self.start.astimezone(clock.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "who": self.who_id}
        if article_ref:
            parts["from"] = article_ref
        return urlencode(parts)


@dataclass(frozen=True, slots=True)
class Soonest:
    """What the booking card says: the service, up to three openings, or the next one when none is near."""

    service: Service | None
    openings: list[Opening] = field(default_factory=list)
    later: Opening | None = None
    key: str = ""


def _service() -> Service | None:
    """The first assessment with the revision of all calendars that offer it, in one statement."""
    return (
        Service.objects.filter(slug=SERVICE_SLUG, active=True)
        .annotate(
            calendars=Count("practitioners", filter=Q(practitioners__active=True)),
            revision=Sum("practitioners__calendar_rev", filter=Q(practitioners__active=True)),
        )
        .first()
    )


def _find(service: Service, now: datetime) -> dict[str, Any]:
    """Compute the openings. Plain values, so that they can be kept in Redis."""
    people = {person.pk: person for person in Practitioner.objects.filter(active=True, services=service)}

    def plain(slot: Any) -> list[str]:
        person = people[slot.practitioner_id]
        return [slot.start.isoformat(), person.short_name, str(person.public_id)]

    near = calendar.soonest(service, now=now, days=DAYS_AHEAD, limit=SHOWN)
    later = [] if near else calendar.soonest(service, now=now, days=service.horizon_days, limit=1)
    return {"near": [plain(slot) for slot in near], "later": [plain(slot) for slot in later]}


def _opening(parts: list[str]) -> Opening:
    return Opening(datetime.fromisoformat(parts[0]), parts[1], parts[2])


def soonest(now: datetime) -> Soonest:
    """The booking card's content at `now`. One statement when warm."""
    service: Service | None = None
    try:
        service = _service()
        if service is None:
            return Soonest(None)
        minute = int(now.timestamp()) // 60
        key = f"openings:{service.pk}:{service.calendars}:{service.revision or 0}:{minute}"
        if (known := _local.get(key)) is not None:
            return Soonest(service, known.openings, known.later, key)
        found = caches["redis"].get(key)
        if found is None:
            found = _find(service, now)
            caches["redis"].set(key, found, _KEEP_SECONDS)
        result = Soonest(
            service,
            [_opening(parts) for parts in found["near"]],
            _opening(found["later"][0]) if found["later"] else None,
            key,
        )
    except Exception:
        # Whatever is wrong with the calendar, people can still read, and call.
        log.exception("openings lookup failed")
        return Soonest(service)
    if len(_local) > 8:
        _local.clear()
    _local[key] = result
    return result


def soonest_by_physician(people: Iterable[Practitioner], now: datetime) -> dict[int, list[Opening]]:
    """Up to two openings per physician at `now`; none of them when the lookup fails."""
    times: dict[int, list[Opening]] = {}
    try:
        service = _service()
        if service is None:
            return {}
        for person in people:
            slots = calendar.soonest(service, now=now, days=DAYS_AHEAD, limit=2, practitioner=person)
            times[person.pk] = [Opening(slot.start, person.short_name, str(person.public_id)) for slot in slots]
    except Exception:
        log.exception("openings lookup failed")
    return times


def forget() -> None:
    """Drop what this process keeps (tests)."""
    _local.clear()
