"""Several visits of a service at a target interval: the dates that would be booked, what is in the way, and what is near.

Targets lie on the clinic's wall clock: "every 4 weeks, Tuesdays at 2 p.m." stays 2 p.m. through a clock change. Nothing is
kept; the page that books sends the chosen starts, and the verb asks the calendar again.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from django.utils.translation import gettext as _

from accounts import clock
from booking import calendar
from booking.models import Practitioner, Service
from booking.reasons import in_words, why_not
from booking.slots import Slot

MOST_VISITS, MOST_WEEKS, MOST_WINDOW = 12, 26, 13
MOST_NEAR = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: so many visits, so many weeks apart, each within so many days of its target; with anybody if None."""

    service: Service
    practitioner: Practitioner | None
    first: datetime
    visits: int
    weeks: int
    window: int


@dataclass(slots=True)
class Target:
    """One visit of the plan. `near` holds the starts to choose from, the best first; empty when nothing is free."""

    number: int
    ideal: datetime
    near: list[Slot] = field(default_factory=list)
    conflict: str = ""


def ideals(first: datetime, visits: int, weeks: int) -> list[datetime]:
    """The targets: the first start's weekday and wall time, every `weeks` calendar weeks."""
    zone = clock.clinic_zone()
    there = clock.local(first, zone)
    wall = there.time().replace(tzinfo=None)
    return [clock.instant(there.date() + timedelta(weeks=weeks * n), wall, zone, fold=there.fold) for n in range(visits)]


def propose(plan: Plan, *, now: datetime) -> list[Target]:
    """Every target with its conflict, if there is one, and the closest free starts of its window.

    The same physician first, then the same weekday, then the nearest day, then the nearest time of day. One statement loads
    the calendar, however many visits; a target that is not free costs one more, to say why. Where any physician will do, the
    fair choice for the first visit is proposed for those after it as well.
    """
    if plan.practitioner is None:
        plan = replace(plan, practitioner=_whoever(plan, now=now))
    wanted = ideals(plan.first, plan.visits, plan.weeks)
    reach = timedelta(days=plan.window)
    days = [clock.local(at).date() for at in wanted]
    found = calendar.openings(
        plan.service, since=max(days[0] - reach, clock.today(now)), until=days[-1] + reach, now=now, any_physician=False,
        for_staff=True,
    )  # fmt: skip
    by_day: dict[date, list[Slot]] = {}
    for slot in found:
        if slot.start > now:
            by_day.setdefault(clock.local(slot.start).date(), []).append(slot)
    return [_target(plan, n, at, by_day, now=now) for n, at in enumerate(wanted, 1)]


def _whoever(plan: Plan, *, now: datetime) -> Practitioner | None:
    """Who takes the first visit if it is nobody in particular; None when nobody can."""
    there, reach = clock.local(plan.first), timedelta(days=plan.window)
    found = calendar.openings(
        plan.service, since=max(there.date() - reach, clock.today(now)), until=there.date() + reach, now=now, for_staff=True
    )
    best = min((slot for slot in found if slot.start > now), key=lambda slot: _apart(slot, there), default=None)
    return next((who for who in calendar.people(plan.service) if best and who.pk == best.practitioner_id), None)


def _apart(slot: Slot, there: datetime) -> tuple[bool, int, int]:
    """How far a start is from a target on the clock `there`: another weekday, days, minutes of the day."""
    local = clock.local(slot.start)
    minutes = (local.hour * 60 + local.minute) - (there.hour * 60 + there.minute)
    days = (local.date() - there.date()).days
    return (days % 7 != 0, abs(days), abs(minutes))


def _target(plan: Plan, number: int, ideal: datetime, by_day: dict[date, list[Slot]], *, now: datetime) -> Target:
    there = clock.local(ideal)
    span = range(-plan.window, plan.window + 1)
    slots = [slot for shift in span for slot in by_day.get(there.date() + timedelta(days=shift), ())]

    who = plan.practitioner
    ranked = sorted(slots, key=lambda slot: (who is not None and slot.practitioner_id != who.pk, *_apart(slot, there)))
    target = Target(number, ideal, ranked[:MOST_NEAR])
    if who is None:
        target.conflict = _("Nobody is free then.")
    elif not any(s.start == ideal and s.practitioner_id == who.pk for s in ranked[:1]):
        refusal = why_not(plan.service, who, ideal, now=now)
        target.conflict = in_words(refusal, plan.service, who, ideal) if refusal else ""
    return target


def shifted(start: datetime, *, old: datetime, new: datetime) -> datetime:
    """`start` moved as `old` was moved to `new`: by as many calendar days and wall minutes, whatever the clocks did between."""
    zone = clock.clinic_zone()
    was, becomes, there = (clock.local(at, zone).replace(tzinfo=None) for at in (old, new, start))
    wall = there + (becomes - was)
    return clock.instant(wall.date(), wall.time(), zone)
