"""`/desk/waiting-list/`: who would come sooner, what they are offered, and who fits a free time. Offered by hand or by itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import clock
from accounts.access import reception_required
from accounts.actions import save_clinic
from accounts.models import Clinic, Role
from accounts.web import see
from audit.actor import actor_of
from booking import actions, matching
from booking.models import Appointment, FreedTime, Practitioner, WaitlistEntry, WaitlistOffer
from booking.picker import parse_value, value_of
from booking.waitlist import OfferState
from booking.wishes import in_words
from staff.board import Board
from staff.reading import reading

SOON = timedelta(days=3)


@dataclass(slots=True)
class Row:
    """One person of the list."""

    entry: WaitlistEntry
    days: int
    offer: WaitlistOffer | None = None
    gap: "Gap | None" = None  # a free time of the day that is looked at

    @property
    def why(self) -> str:
        """ "Dr. Osei · Any morning · told the day before"."""
        (_with, who), (_times, times), (_notice, notice), *_rest = in_words(self.entry)
        return " · ".join((who, times, _("told %(when)s") % {"when": notice[:1].lower() + notice[1:]}))


@dataclass(slots=True)
class Gap:
    """A time that became free, with how many on the list it suits."""

    value: str
    start: datetime
    practitioner: Practitioner
    fit: list[WaitlistEntry] = field(default_factory=list)


def gaps_of(freed: list[FreedTime], *, now: datetime, most: int | None = None) -> list[Gap]:
    """Freed times that suit somebody on the list, the first `most`; without a look at any calendar when there are none."""
    fits = matching.who_fit(((each.practitioner_id, each.starts_at) for each in freed), now=now) if freed else ()
    found = (
        Gap(value_of(each.starts_at, each.practitioner), each.starts_at, each.practitioner, fit)
        for each, fit in zip(freed, fits, strict=False)  # the fits of a time are looked for when it is its turn
        if fit
    )
    return list(islice(found, most))


@reception_required
@require_http_methods(["GET", "HEAD", "POST"])
def waiting_list(request: HttpRequest) -> HttpResponse:
    """The list. With `?at=` a free time: those whom it suits, best first."""
    now = clock.now()
    if request.method == "POST":
        answer = act(request, now)
        return _page(request, now, refusal=answer.refusal, status=409) if answer.refusal else _to_list(request, answer)
    return _page(request, now)


def _to_list(request: HttpRequest, answer: "Answer") -> HttpResponse:
    if isinstance(answer.what, WaitlistOffer) and answer.verb == "offer":
        messages.success(request, said(answer.what))
    elif isinstance(answer.what, Appointment):
        messages.success(request, clock.ended(_("Booked for %(when)s") % {"when": clock.long_when(answer.what.starts_at)}))
    # A time that is offered now suits nobody else: back to the whole list, where the offer stands.
    at = "" if request.POST.get("do", "").startswith("offer:") else request.POST.get("at", "")
    query = f"?{urlencode({'at': at})}" if parse_value(at) else ""
    return see("staff:waiting_list", query=query)


def _slot(text: str) -> tuple[datetime, Practitioner] | None:
    parsed = parse_value(text)
    who = Practitioner.objects.filter(public_id=parsed[1], active=True).first() if parsed else None
    return (parsed[0], who) if parsed and who else None


def _page(request: HttpRequest, now: datetime, *, refusal: str = "", status: int = 200) -> HttpResponse:
    slot = _slot(request.POST.get("at", "") or request.GET.get("at", ""))
    with reading(request, "staff.waiting_read", now=now, detail={"for_time": bool(slot)}):
        rows = rows_of(request, now)
        fit = [entry.pk for entry in matching.who_fits(slot[1], slot[0], now=now)] if slot else []
        gaps = [] if slot else gaps_of(matching.freed_between(now, now + SOON, now=now), now=now)
    later = matching.next_fit(slot[1], slot[0], now=now) if slot and not fit else None
    by_pk = {row.entry.pk: row for row in rows}
    context = {
        "slot": slot,
        "at": value_of(*slot) if slot else "",
        "day": clock.local(slot[0]).date() if slot else clock.today(now),
        "later": (value_of(later[0], slot[1]), *later) if later and slot else None,
        "fit": [by_pk[pk] for pk in fit if pk in by_pk],
        "out": [row for row in rows if row.offer],
        "rows": [row for row in rows if not row.offer],
        "gaps": gaps,
        "auto": Clinic.current().auto_offers,
        "may_switch": getattr(request.user, "role", "") == Role.LEAD,
        "refusal": refusal,
    }
    return render(request, "staff/waiting_list.html", context, status=status)


def rows_of(request: HttpRequest, now: datetime) -> list[Row]:
    """Who waits, whom to ask first at the top."""
    offers = Prefetch("offers", WaitlistOffer.objects.select_related("practitioner"), to_attr="past_offers")
    entries = (
        WaitlistEntry.objects.for_actor(request.user)
        .on_list()
        .with_reach()
        .select_related("service", "visit__practitioner")
        .prefetch_related("practitioners", offers)
        .order_by("-urgent", "joined_at", "pk")
    )
    return [Row(e, e.days_waiting(now), next((o for o in e.past_offers if o.is_live(now)), None)) for e in entries]


def rows_beside(request: HttpRequest, day: Board, now: datetime, *, most: int) -> list[Row]:
    """Who waits, as it stands beside a day: who has an offer, then who fits one of its free times, then the others."""
    rows = rows_of(request, now)
    for row in rows:
        if start := matching.first_start(row.entry, day.starts.get(row.entry.service_id, ()), now=now):
            at, who = datetime.fromtimestamp(start.at, UTC), day.team[start.practitioner_id]
            row.gap = Gap(value_of(at, who), at, who)
    return sorted(rows, key=lambda row: 0 if row.offer else 1 if row.gap else 2)[:most]


# --- What the buttons do -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What a button did: its verb, the offer or the visit that it was about, and the refusal in words if there was one."""

    verb: str
    what: Any = None
    refusal: str = ""


def verb_of(request: HttpRequest) -> str:
    """The verb of the pressed button ("pause:<id>")."""
    return request.POST.get("do", "").partition(":")[0]


def act(request: HttpRequest, now: datetime) -> Answer:
    """Do what the pressed button says.

    Raises:
        Http404: for a button that is not one of ours, or a person who is not on the list.
    """
    verb, rest = verb_of(request), request.POST.get("do", "").partition(":")[2]
    if verb == "auto":
        return _switch(request, rest == "on", now)
    do = ACTS.get(verb)
    try:
        key = UUID(rest)
    except ValueError:
        raise Http404 from None
    if do is None:
        raise Http404
    try:
        return Answer(verb, do(request, key, now))
    except actions.BookingError as refusal:
        return Answer(verb, refusal=str(refusal))


def _switch(request: HttpRequest, on: bool, now: datetime) -> Answer:
    if getattr(request.user, "role", "") != Role.LEAD:
        raise Http404
    save_clinic({"auto_offers": on}, by=actor_of(request), now=now)
    return Answer("auto")


def _entry(request: HttpRequest, key: UUID) -> WaitlistEntry:
    return get_object_or_404(WaitlistEntry.objects.for_actor(request.user).select_related("patient", "service"), public_id=key)


def find_offer(request: HttpRequest, key: UUID | None) -> WaitlistOffer | None:
    """An offer to somebody on the list, or None."""
    mine = WaitlistEntry.objects.for_actor(request.user)
    offers = WaitlistOffer.objects.filter(entry__in=mine)
    return offers.select_related("practitioner", "entry__visit", "entry__service", "entry__patient").filter(public_id=key).first()


def _offer_of(request: HttpRequest, key: UUID) -> WaitlistOffer:
    """The offer whose answer came by phone. The button names it: an old page must not answer a newer one."""
    found = find_offer(request, key)
    if found is None:
        raise Http404
    return found


def _open_offer(request: HttpRequest, key: UUID) -> WaitlistOffer:
    found = _offer_of(request, key)
    if found.state != OfferState.OPEN:
        raise actions.OfferOver(_("That offer is over."))
    return found


def _offer(request: HttpRequest, key: UUID, now: datetime) -> WaitlistOffer:
    entry, slot = _entry(request, key), _slot(request.POST.get("at", ""))
    if slot is None:
        raise Http404
    return actions.offer(entry, slot[1], slot[0], by=actor_of(request), now=now)


def said(made: WaitlistOffer, verb: str = "offer") -> str:
    """ "1:15 p.m. is offered to Lucas Moreau until 11:30 a.m."; or that it is taken back, or that they pass."""
    today = clock.local(made.starts_at).date() == clock.today()
    words = {
        "name": made.entry.patient.full_name,
        "start": clock.clock_time(made.starts_at) if today else clock.long_when(made.starts_at),
        "time": clock.clock_time(made.expires_at),
    }
    if verb == "back":
        return _("Taken back. %(name)s is not offered %(start)s any more") % words
    if verb == "pass":
        return _("%(name)s passes on %(start)s") % words
    if made.entry.is_called:
        held = clock.ended(_("%(start)s is held for %(name)s until %(time)s") % words)
        return _("%(held)s Call now.") % {"held": held}
    return clock.ended(_("%(start)s is offered to %(name)s until %(time)s") % words)


def _skip(request: HttpRequest, key: UUID, now: datetime) -> None:
    slot = _slot(request.POST.get("at", ""))
    if slot is None:
        raise Http404
    actions.skip(_entry(request, key), slot[1], slot[0], by=actor_of(request), now=now)


def _back(request: HttpRequest, key: UUID, now: datetime) -> WaitlistOffer:
    offer = _open_offer(request, key)
    actions.skip(offer.entry, offer.practitioner, offer.starts_at, by=actor_of(request), now=now)
    return offer


def _take(request: HttpRequest, key: UUID, now: datetime) -> Appointment:
    offer = _offer_of(request, key)
    taken = offer.state == OfferState.ACCEPTED  # pressed twice
    return actions.accept(offer if taken else _open_offer(request, key), by=actor_of(request), now=now)


def _pass(request: HttpRequest, key: UUID, now: datetime) -> WaitlistOffer:
    return actions.decline(_open_offer(request, key), by=actor_of(request), now=now)


def _plain(verb: Callable[..., Any], **more: Any) -> Callable[[HttpRequest, UUID, datetime], None]:
    def act(request: HttpRequest, key: UUID, now: datetime) -> None:
        verb(_entry(request, key), by=actor_of(request), now=now, **more)

    return act


def _join(request: HttpRequest, key: UUID, now: datetime) -> None:
    """Put the person of a visit on the list: any time, anybody; they keep the visit, and their link changes the wishes.

    Who is on it already keeps what they wish.
    """
    visit = Appointment.objects.for_actor(request.user).upcoming(now).select_related("patient", "service")
    found = visit.filter(public_id=key).first()
    if found is None or found.patient is None:
        raise Http404
    there = WaitlistEntry.objects.for_actor(request.user).on_list().beside(found)
    if there.exists():
        messages.info(request, _("%(name)s is on the waiting list already.") % {"name": found.patient.full_name})
        return
    actions.join(found.service, actions.Wishes(), patient=found.patient, visit=found, by=actor_of(request), now=now)
    messages.success(request, _("%(name)s is on the waiting list.") % {"name": found.patient.full_name})


ON_DAY = ("offer", "back", "take", "pass")  # what may be said from the day, too
ACTS: dict[str, Callable[[HttpRequest, UUID, datetime], WaitlistOffer | Appointment | None]] = {
    "offer": _offer,
    "skip": _skip,
    "back": _back,
    "take": _take,
    "pass": _pass,
    "pause": _plain(actions.pause),
    "resume": _plain(actions.resume),
    "remove": _plain(actions.leave),
    "first": _plain(actions.ask_first, first=True),
    "last": _plain(actions.ask_first, first=False),
    "join": _join,
}
