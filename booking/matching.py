"""Free time and the waiting list: who fits a time, and the round that offers what became free to the best fit.

Nothing tells this module that time became free; it looks at the facts (`FreedTime`), each of which stays until the time has
somebody or nobody wants it. A round that comes late, twice or from two processes at once does no harm: each offer is made
under the calendar's lock and the list's constraints. Without any round the list is only slower: the desk can still offer.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cache

from django.db.models import Prefetch

from accounts import clock
from accounts.models import Clinic
from accounts.quiet import quiet_night
from audit.actor import Actor
from booking import actions, calendar, fit
from booking.fit import Wish
from booking.models import COMING, Appointment, FreedTime, Practitioner, Service, Status, WaitlistEntry, WaitlistOffer
from booking.slots import Start
from booking.waitlist import OfferState, Waiting

log = logging.getLogger(__name__)
PER_ROUND = 50


def waiting_for(services: Iterable[Service]) -> list[WaitlistEntry]:
    """Who waits for these services and has no offer out, with everything their wish is made of, in three statements."""
    open_now = WaitlistOffer.objects.filter(state=OfferState.OPEN)
    return list(
        WaitlistEntry.objects.filter(state=Waiting.WAITING, service__in=list(services))
        .exclude(pk__in=open_now.values("entry_id"))
        .with_reach()
        .select_related("service", "visit__practitioner")
        .prefetch_related("practitioners", Prefetch("offers", to_attr="past_offers"))
        .order_by("joined_at", "pk")
    )


def wish_of(entry: WaitlistEntry, *, now: datetime) -> Wish:
    """An entry of `waiting_for` in the terms of `booking.fit`."""
    visit = entry.visit
    coming = visit is not None and visit.status in COMING
    return Wish(
        entry.pk,
        frozenset(person.pk for person in entry.practitioners.all()),
        entry.times,
        int(fit.earliest_for(entry.notice, now, clock.clinic_zone()).timestamp()),
        int(visit.starts_at.timestamp()) if visit is not None and coming else None,
        tuple(
            (o.practitioner_id, int(o.starts_at.timestamp()), int(o.ends_at.timestamp()))
            for o in entry.past_offers  # type: ignore[attr-defined]
        ),
        entry.urgent,
        int(entry.joined_at.timestamp()),
    )


def who_fits(practitioner: Practitioner, start: datetime, *, now: datetime) -> list[WaitlistEntry]:
    """Those a free start suits, best first; their service must be free to start then, too."""
    return next(who_fit([(practitioner.pk, start)], now=now))


def next_fit(practitioner: Practitioner, start: datetime, *, now: datetime) -> tuple[datetime, int] | None:
    """The first later start, before the physician's next visit, that suits somebody who waits, and how many; or None."""
    day = clock.local(start).date()
    taken = Appointment.objects.occupying().filter(practitioner=practitioner, starts_at__gt=start)
    until = taken.order_by("starts_at").values_list("starts_at", flat=True).first()
    later: set[datetime] = set()
    for service, _entries in _by_service(practitioner):
        starts = calendar.starts(service, since=day, until=day, now=now, practitioner=practitioner, for_staff=True)
        later |= {datetime.fromtimestamp(each.at, UTC) for each in starts}
    times = sorted(at for at in later if start < at and (until is None or at < until))
    fits = who_fit(((practitioner.pk, at) for at in times), now=now)
    return next(((at, len(found)) for at, found in zip(times, fits, strict=True) if found), None)


def who_fit(times: Iterable[tuple[int, datetime]], *, now: datetime) -> Iterator[list[WaitlistEntry]]:
    """For one time with a physician after the other those whom it suits, best first.

    The list is read once, and the calendar once for each service that is waited for and each day, however many times there are.
    """
    waiting: dict[Service, list[WaitlistEntry]] = {}
    for entry in waiting_for(Service.objects.filter(active=True)):
        waiting.setdefault(entry.service, []).append(entry)

    @cache
    def free(service: Service, day: date) -> dict[tuple[int, int], Start]:
        found = calendar.starts(service, since=day, until=day, now=now, any_physician=False, for_staff=True)
        return {(start.practitioner_id, start.at): start for start in found}

    for person, start in times:
        found: list[tuple[tuple[bool, bool, int], WaitlistEntry]] = []
        for service, entries in waiting.items():
            at = free(service, clock.local(start).date()).get((person, int(start.timestamp())))
            found += _ranked(entries, at, now=now) if at is not None else []
        yield [entry for _rank, entry in sorted(found, key=lambda pair: pair[0])]


def first_start(entry: WaitlistEntry, starts: Iterable[Start], *, now: datetime) -> Start | None:
    """The first of the free starts of their service that suits somebody with their `past_offers`; None while an offer is out."""
    past: list[WaitlistOffer] = entry.past_offers  # type: ignore[attr-defined]
    if entry.state != Waiting.WAITING or any(made.is_live(now) for made in past):
        return None
    wish, zone = wish_of(entry, now=now), clock.clinic_zone()
    return next((start for start in starts if fit.fits(wish, start, zone)), None)


def _by_service(practitioner: Practitioner) -> list[tuple[Service, list[WaitlistEntry]]]:
    """Who waits for something that this physician does."""
    grouped: dict[int, tuple[Service, list[WaitlistEntry]]] = {}
    for entry in waiting_for(practitioner.services.filter(active=True)):
        grouped.setdefault(entry.service_id, (entry.service, []))[1].append(entry)
    return list(grouped.values())


def _ranked(entries: list[WaitlistEntry], start: Start, *, now: datetime) -> list[tuple[tuple[bool, bool, int], WaitlistEntry]]:
    by_pk = {entry.pk: entry for entry in entries}
    order = fit.in_order([wish_of(entry, now=now) for entry in entries], start, clock.clinic_zone())
    return [((not w.urgent, start.practitioner_id not in w.people, w.joined), by_pk[w.entry_id]) for w in order]


def run(*, now: datetime | None = None) -> int:
    """One round: end offers whose time is up, then offer freed time to whom it suits best. Returns how many were offered.

    Offers by itself only where the clinic wants that, and never in quiet hours.
    """
    now = now or clock.now()
    system = Actor.system()
    for made in WaitlistOffer.objects.filter(state=OfferState.OPEN, expires_at__lte=now)[:PER_ROUND]:
        actions.expire(made, by=system, now=now)
    for entry in WaitlistEntry.objects.on_list().filter(visit=None, response__appointment__isnull=False)[:PER_ROUND]:
        actions.remember_visit(entry, by=system, now=now)  # They found a time themselves, and may still come sooner.
    actions.close_those_who_came(by=system, now=now)
    actions.call_those_who_did_not_take(by=system, now=now)
    FreedTime.objects.filter(starts_at__lte=now).delete()
    if not FreedTime.objects.exists() or not Clinic.current().auto_offers or quiet_night(now, clock.clinic_zone()):
        return 0
    # A patient may take back a move for three minutes; until then the time is not given away.
    rested = FreedTime.objects.filter(freed_at__lte=now - actions.UNDO_BY_PATIENT).select_related("practitioner")
    return sum(_settle(freed, now=now) for freed in rested.order_by("starts_at", "pk")[:PER_ROUND])


def _settle(freed: FreedTime, *, now: datetime) -> bool:
    """Offer a freed time to the best fit. It is settled when somebody else has it, and not only holds it, or nobody wants it."""
    best = _best(freed, now=now)
    if best is None:
        held = Appointment.objects.filter(
            status=Status.HELD, hold_expires_at__gt=now, practitioner=freed.practitioner,
            starts_at__lt=freed.ends_at, ends_at__gt=freed.starts_at,
        )  # fmt: skip
        if not held.exists():
            freed.delete()
        return False
    entry, start = best
    try:
        actions.offer(entry, freed.practitioner, start, by=Actor.system(), now=now)
    except actions.BookingError as refusal:  # Somebody was quicker; the next round looks again.
        log.info("not offered: %s", type(refusal).__name__)
        return False
    return True


def _best(freed: FreedTime, *, now: datetime) -> tuple[WaitlistEntry, datetime] | None:
    """Who should have a freed time, and the start for them: the freed one itself if it can be, else the first within it."""
    day, low, high = clock.local(freed.starts_at).date(), int(freed.starts_at.timestamp()), int(freed.ends_at.timestamp())
    found: list[tuple[tuple[bool, bool, int], int, WaitlistEntry]] = []
    for service, entries in _by_service(freed.practitioner):
        reachable = [entry for entry in entries if not entry.is_called]
        if not reachable:
            continue
        starts = calendar.starts(service, since=day, until=day, now=now, practitioner=freed.practitioner, for_staff=True)
        for start in (s for s in starts if low <= s.at < high):
            found += [(rank, start.at, entry) for rank, entry in _ranked(reachable, start, now=now)[:1]]
    if not found:
        return None
    _rank, at, entry = min(found, key=lambda each: each[:2])
    return entry, datetime.fromtimestamp(at, UTC)


def freed_between(since: datetime, until: datetime, *, now: datetime) -> list[FreedTime]:
    """Time that became free, is still to come and has nobody yet, for the desk."""
    found = FreedTime.objects.filter(starts_at__gt=max(now, since), starts_at__lt=until)
    return list(found.select_related("practitioner").order_by("starts_at", "pk")[:20])
