"""Why a start is not offered, in words for people who work here."""

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts import clock
from booking import calendar, slots
from booking.models import Practitioner, Service
from booking.slots import Refusal


def why_not(
    service: Service,
    practitioner: Practitioner,
    start: datetime,
    *,
    now: datetime,
    own: int | None = None,
    for_staff: bool = True,
) -> Refusal | None:
    """Why a start is not listed; None if it is.

    Args:
        own: primary key of the visit that is to be moved; its own time counts as free.
        for_staff: False asks for a patient, whom notice and horizon bind.
    """
    day = clock.local(start).date()
    plan = calendar.load(service, since=day, until=day, now=now, practitioner=practitioner, own=own)
    rules = calendar.rules_of(service, now=now, for_staff=for_staff)
    refusal = slots.why(plan, rules, int(start.timestamp()), practitioner.pk, zone=clock.clinic_zone())
    return Refusal("past") if refusal and refusal.reason == "notice" and start <= now else refusal


def all_against(
    service: Service, practitioner: Practitioner, start: datetime, *, now: datetime, own: int | None = None
) -> tuple[list[Refusal], int | None]:
    """What staff should know before they insist on a start that is not listed, and the room that it would be in.

    The rule that refuses it first, every visit that it would lie over, and that no room of its kind is free; nothing if it is
    listed.
    """
    first = why_not(service, practitioner, start, now=now, own=own)
    if first is None:
        return [], None
    day = clock.local(start).date()
    plan = calendar.load(service, since=day, until=day, now=now, practitioner=practitioner, own=own)
    rules, at = calendar.rules_of(service, now=now, for_staff=True), int(start.timestamp())
    over, room = slots.overlaps(plan, rules, at, practitioner.pk), slots.free_room(plan, rules, at)
    found = [first, *over[first in over :]]
    if service.room_kind and not room and first.reason != "room":
        found.append(Refusal("room"))
    return found, room or None


def in_words(refusal: Refusal, service: Service, practitioner: Practitioner, start: datetime) -> str:
    """ "Dr. Osei has a break from 12:00 p.m. to 1:00 p.m."."""
    between = [clock.clock_time(datetime.fromtimestamp(at, UTC)) for at in (refusal.start, refusal.end)]
    names: dict[str, Any] = {
        "who": practitioner.short_name, "time": clock.clock_time(start), "day": clock.long_date(start), "a": between[0],
        "b": between[1], "what": service.name, "step": service.step_minutes, "kind": service.room_kind,
        "days": service.horizon_days,
    }  # fmt: skip
    texts = {
        "not_performed": _("%(who)s does not do “%(what)s”"),
        "past": _("%(time)s is in the past"),
        "notice": _("That is too soon for a patient: online times begin at %(b)s"),
        "horizon": _("Patients book at most %(days)s days ahead"),
        "not_working": _("%(who)s does not work on %(day)s, or not for “%(what)s”"),
        "outside_hours": _("%(who)s is out at %(time)s: the hours are %(a)s to %(b)s"),
        "break": _("%(who)s is out at %(time)s: there is a break from %(a)s to %(b)s"),
        "ends_late": _("The visit would run past %(b)s, when the hours end"),
        "time_off": _("%(who)s is out at %(time)s: time off"),
        "closed": _("The clinic is closed at %(time)s"),
        "visit": _("%(who)s already has someone at %(time)s: a visit from %(a)s to %(b)s"),
        "hold": _("Someone is booking %(a)s online right now"),
        "gap": _("Too close to the visit from %(a)s to %(b)s: set-up and clean-up need the time between"),
        "grid": _("Starts lie every %(step)s minutes from the full hour; %(time)s is not one of them"),
        "room": _("No room for it (%(kind)s) is free at %(time)s"),
    }
    return clock.ended(texts[refusal.reason] % names)
