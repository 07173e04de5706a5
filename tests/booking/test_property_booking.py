"""Over random calendars: every start the calendar lists can be booked, and no other one on the grid can."""

import uuid
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import clock
from audit.actor import Actor
from booking import actions, calendar
from booking.models import Appointment, Availability, AvailabilityOverride, Practitioner, Room, Service, TimeOff
from booking.reasons import why_not
from patients.models import Patient
from tests.factories import contact_of

WEB = Actor.anonymous()
DAYS = [date(2026, 11, 1), date(2027, 3, 14), date(2027, 2, 10)]
half_hours = st.integers(0, 47).map(lambda n: wall(n // 2, 30 * (n % 2)))
spans = st.tuples(half_hours, half_hours).map(sorted).filter(lambda s: s[0] < s[1])
ONLY = ["", "", "s", "o", "so"]  # the services that can start in some hours; none: all
IN = [None, None, 0, 1, 2]  # the room that hours name: either of the kind, or one of another kind
plans = st.fixed_dictionaries(
    {
        "day": st.sampled_from(DAYS),
        "hours": st.lists(
            st.tuples(st.integers(0, 1), spans, st.sampled_from(ONLY), st.sampled_from(IN)), min_size=1, max_size=4
        ),
        "override": st.none() | st.tuples(st.sampled_from(["replace", "add", "closed"]), spans),
        "off": st.none() | st.tuples(st.integers(-60, 1500), st.integers(5, 300), st.sampled_from([None, 0, 1])),
        "busy": st.lists(
            st.tuples(st.integers(0, 1), st.integers(0, 1440), st.sampled_from(["held", "expired", "booked", "cancelled"])),
            max_size=6,
        ),
        "minutes": st.sampled_from([20, 30, 45]),
        "gaps": st.tuples(st.sampled_from([0, 10]), st.sampled_from([0, 15])),
        "step": st.sampled_from([15, 20, 30]),
        "room": st.booleans(),
        "notice": st.sampled_from([0, 600]),
    }
)


class Undo(Exception):
    """Ends a try without a trace."""


def build(plan, clinic) -> tuple[Service, list[Practitioner], datetime]:
    """The clinic of a plan."""
    day, zone = plan["day"], clock.clinic_zone()
    midnight = clock.day_bounds(day, zone)[0]
    setup, cleanup = plan["gaps"]
    service = Service.objects.create(
        slug="s", name="S", minutes=plan["minutes"], step_minutes=plan["step"], setup_minutes=setup, cleanup_minutes=cleanup,
        online=True, min_notice_minutes=plan["notice"], room_kind="laser" if plan["room"] else "",
    )  # fmt: skip
    other = Service.objects.create(slug="o", name="O", minutes=25, cleanup_minutes=10, setup_minutes=5)
    rooms = [Room.objects.create(name=n, kind=k) for n, k in (("Laser", "laser"), ("Laser 2", "laser"), ("Office", "consult"))]
    people = [Practitioner.objects.create(name=n, short_name=n, slug=n, position=i) for i, n in enumerate("ab")]
    service.practitioners.add(*people)
    for who, (start, end), only, place in plan["hours"]:
        row = Availability.objects.create(
            practitioner=people[who], weekday=day.weekday(), local_start=start, local_end=end, valid_from=date(2020, 1, 1),
            room=None if place is None else rooms[place],
        )  # fmt: skip
        row.services.set([each for each in (service, other) if each.slug in only])
    if plan["override"]:
        mode, (start, end) = plan["override"]
        span = {} if mode == "closed" else {"local_start": start, "local_end": end}
        AvailabilityOverride.objects.create(practitioner=people[0], date=day, mode=mode, **span)
    if plan["off"]:
        begin, length, whose = plan["off"]
        begin_at = midnight + timedelta(minutes=begin)
        TimeOff.objects.create(
            practitioner=None if whose is None else people[whose],
            starts_at=begin_at,
            ends_at=begin_at + timedelta(minutes=length),
            kind="meeting",
        )
    now = midnight - timedelta(hours=2)
    patient = Patient.objects.create(legal_first_name="B", legal_last_name="B", date_of_birth=date(1990, 1, 1), created_at=now)
    for n, (who, minute, what) in enumerate(plan["busy"]):
        start = midnight + timedelta(minutes=minute)
        if not Appointment.objects.filter(starts_at__lt=start + timedelta(minutes=25), ends_at__gt=start).exists():
            Appointment.objects.create(
                practitioner=people[who], service=other, room=rooms[0] if n % 2 else None, starts_at=start,
                ends_at=start + timedelta(minutes=25), local_start="x", zone=zone.key, created_at=now, changed_at=now,
                **_busy(what, n, patient, now),
            )  # fmt: skip
    return service, people, now


def _busy(what: str, n: int, patient: Patient, now: datetime) -> dict[str, Any]:
    """A row that takes the time up, or no longer does: a hold, one that has run out, a visit, one that was cancelled."""
    if what in ("held", "expired"):
        until = now + timedelta(days=1) if what == "held" else now
        return {"status": "held", "hold_key": f"h{n}", "hold_expires_at": until}
    return {"status": what, "patient": patient}


def grid(day: date, step: int) -> list[datetime]:
    """Every wall minute of the grid on that day, both readings of an ambiguous one."""
    since, until = clock.day_bounds(day, clock.clinic_zone())
    every = (since + timedelta(minutes=n) for n in range(0, int((until - since).total_seconds() // 60), 5))
    return [at for at in every if (clock.local(at).hour * 60 + clock.local(at).minute) % step == 0]


def take(service, who, start, now, number) -> Appointment:
    """Books for somebody new, then takes it all back."""
    kept: list[Appointment] = []
    try:
        with transaction.atomic():
            kept.append(
                actions.hold(service, who, start, hold_key=f"k{number}", address=f"a{number}", by=WEB, now=now)
                or actions.book_for(service, who, start, patient=None, contact=contact_of(), by=WEB, now=now)
            )
            raise Undo
    except Undo:
        return kept[0]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(plan=plans)
def test_every_listed_start_books_and_every_other_is_refused_with_a_reason(clinic, plan):
    try:
        with transaction.atomic():
            service, people, now = build(plan, clinic)
            day = plan["day"]
            listed = calendar.starts(service, since=day, until=day, now=now, any_physician=False)
            free = {(datetime.fromtimestamp(s.at, UTC), s.practitioner_id): s for s in listed}
            tried = grid(day, service.step_minutes)
            assert {at for at, _who in free} <= set(tried)
            for n, at in enumerate(tried):
                for who in people:
                    start = free.get((at, who.pk))
                    if start is not None:
                        visit = take(service, who, at, now, uuid.uuid4())
                        assert (visit.starts_at, visit.room_id or 0) == (at, start.room_id)
                        continue
                    assert why_not(service, who, at, now=now, for_staff=False), f"{at} is refused without a reason"
                    if n % 6 and not any((each, who.pk) in free for each in tried[max(n - 1, 0) : n + 2]):
                        continue  # far from every start that is listed: some of them will do
                    try:
                        take(service, who, at, now, uuid.uuid4())
                    except actions.SlotTaken:
                        continue
                    raise AssertionError(f"{at} with {who} was not listed, but taken")
            raise Undo
    except Undo:
        pass
