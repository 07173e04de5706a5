"""The soonest openings of what is booked online, for the public pages.

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
from django.db import DatabaseError, connection

from accounts.web import iso
from booking import calendar
from booking.models import Practitioner, Service

log = logging.getLogger(__name__)

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
        parts = {"slot": iso(self.start), "who": self.who_id}
        if article_ref:
            parts["from"] = article_ref
        return urlencode(parts)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a visit of this kind is, and the revision of all calendars that offer it."""

    pk: int
    name: str
    minutes: int
    price_text: str
    calendars: int
    revision: int


@dataclass(frozen=True, slots=True)
class Soonest:
    """What the booking card says: the service, up to three openings, or the next one when none is near."""

    service: Facts | None
    openings: list[Opening] = field(default_factory=list)
    later: Opening | None = None
    key: str = ""


# Of `Service.objects.first_online()`; joined into other statements (`articles.views`), so that a warm page asks once.
FACTS_SQL = """
SELECT s.id, s.name, s.minutes, s.price_text, count(p.id), coalesce(sum(p.calendar_rev), 0)::bigint
FROM (SELECT * FROM booking_service WHERE active AND online AND questionnaire <> '' ORDER BY position, name LIMIT 1) s
LEFT JOIN booking_service_practitioners sp ON sp.service_id = s.id
LEFT JOIN booking_practitioner p ON p.id = sp.practitioner_id AND p.active
GROUP BY s.id, s.name, s.minutes, s.price_text
"""


def facts() -> Facts | None:
    """What is booked online, in one statement; None while nothing is."""
    with connection.cursor() as cursor:
        cursor.execute(FACTS_SQL)
        row = cursor.fetchone()
    return Facts(*row) if row else None


def _find(service_pk: int, now: datetime) -> dict[str, Any]:
    """Compute the openings. Plain values, so that they can be kept in Redis."""
    service = Service.objects.get(pk=service_pk)
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
    try:
        return soonest_of(facts(), now)
    except DatabaseError:
        log.exception("openings lookup failed")
        return Soonest(None)


def soonest_of(service: Facts | None, now: datetime) -> Soonest:
    """The booking card's content at `now` for facts that are already known. No statement when warm."""
    if service is None:
        return Soonest(None)
    minute = int(now.timestamp()) // 60
    key = f"openings:{service.pk}:{service.calendars}:{service.revision}:{minute}"
    if (known := _local.get(key)) is not None:
        return Soonest(service, known.openings, known.later, key)
    try:
        found = caches["redis"].get(key)
        if found is None:
            found = _find(service.pk, now)
            caches["redis"].set(key, found, _KEEP_SECONDS)
        near = [_opening(parts) for parts in found["near"]]
        later = _opening(found["later"][0]) if found["later"] else None
    except Exception:
        # Whatever is wrong with the calendar, people can still read, and call.
        log.exception("openings lookup failed")
        return Soonest(service)
    if len(_local) > 8:
        _local.clear()
    _local[key] = result = Soonest(service, near, later, key)
    return result


def soonest_by_physician(people: Iterable[Practitioner], now: datetime, limit: int = 2) -> dict[int, list[Opening]]:
    """Up to `limit` openings per physician at `now`; none of them when the lookup fails."""
    times: dict[int, list[Opening]] = {}
    try:
        service = Service.objects.first_online()
        if service is None:
            return {}
        for person in people:
            slots = calendar.soonest(service, now=now, days=DAYS_AHEAD, limit=limit, practitioner=person)
            times[person.pk] = [Opening(slot.start, person.short_name, str(person.public_id)) for slot in slots]
    except Exception:
        log.exception("openings lookup failed")
    return times


def forget() -> None:
    """Drop what this process keeps (tests)."""
    _local.clear()
