"""What goes with a time that is close: from when on a change is a phone call, and cancelling costs something.

Both cut-offs are the service's, the fee is the clinic's. It is said before somebody takes such a time, because afterwards it
is too late to choose another for nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from accounts import clock
from accounts.models import Clinic
from booking.models import Service
from booking.words import span


def _cut_offs(service: Service, fee: str) -> list[tuple[int, str]]:
    """(minutes before the start, what holds from then on), the two together where they begin at the same moment."""
    by_phone, costs = _("changes are by phone"), _("cancelling costs %(fee)s") % {"fee": fee}
    change, cancel = service.reschedule_cutoff_minutes, service.cancel_cutoff_minutes
    if not fee:
        return [(change, by_phone)]
    if change == cancel:
        return [(change, _("%(one)s and %(other)s") % {"one": by_phone, "other": costs})]
    return [(change, by_phone), (cancel, costs)]


def _is_past(start: datetime, minutes: int, now: datetime) -> bool:
    return now > start - timedelta(minutes=minutes)


def _past(service: Service, start: datetime, now: datetime) -> dict[str, str]:
    """How near it is and what that means, of the cut-offs this time is past; empty while it is far enough away."""
    found = [(minutes, what) for minutes, what in _cut_offs(service, Clinic.current().late_fee) if _is_past(start, minutes, now)]
    if not found:
        return {}
    return {"span": span(min(minutes for minutes, _what in found)), "what": _(" and ").join(what for _minutes, what in found)}


def of_one(service: Service, start: datetime, *, now: datetime) -> str:
    """What taking this time means, in a sentence or two; empty while it is far enough away."""
    past = _past(service, start, now)
    return _("It is less than %(span)s away. After you take it, %(what)s.") % past if past else ""


def by_now(service: Service, start: datetime, *, now: datetime) -> str:
    """The same for a visit that is booked, in a message; empty while it is far enough away."""
    past = _past(service, start, now)
    return _("It is less than %(span)s away: %(what)s.") % past if past else ""


def afterwards(service: Service, start: datetime, *, now: datetime) -> str:
    """The same for a time that was just taken; empty while it is far enough away."""
    past = _past(service, start, now)
    return _("After that, %(what)s.") % past if past else ""


def of_several(service: Service, starts: Sequence[datetime], *, now: datetime) -> list[str]:
    """The same for times to choose from, in order: a line for each cut-off that some of them are past."""
    lines = []
    for minutes, what in _cut_offs(service, Clinic.current().late_fee):
        late = [start for start in starts if _is_past(start, minutes, now)]
        if not late:
            continue
        one_day = len({clock.local(start).date() for start in starts}) == 1
        until = clock.clock_time(late[-1]) if one_day else clock.long_when(late[-1])
        words = {"span": span(minutes), "what": what, "time": until}
        if len(late) == len(starts):
            lines.append(_("Less than %(span)s away: after you take one of these, %(what)s.") % words)
        else:
            lines.append(_("Up to %(time)s it is less than %(span)s away: after you take one of those, %(what)s.") % words)
    return lines
