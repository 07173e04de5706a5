"""A believable clinic to try the product on: three weeks of visits around today, in every status. Every name is invented.

Rows are written past the actions on purpose: the past cannot be booked. The constraints hold for them all the same.
"""

import random
import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db import transaction

from accounts import clock
from accounts.links import new_link
from audit.actions import record
from audit.actor import Actor
from booking import actions, calendar, matching
from booking.actions import Wishes
from booking.links import PURPOSE
from booking.models import COMING, Appointment, Availability, FreedTime, Practitioner, Room, Service, Status, WaitlistEntry
from booking.setup import DEMO_CLINIC, load_clinic
from booking.waitlist import Notice, half_day_bit
from patients.models import MergeOffer, Patient

DAYS_BEFORE, DAYS_AFTER = 10, 11
PEOPLE = 300
NOT_AGAIN_FOR = 6  # days between two visits of one person
PAUSED = 3  # which one of the waiting list pauses
_FIRST = (
    "Olivia Ahmed Grace Jordan Hannah Peter Liam Samir Sofia Maya Tom Yusuf Claire Marcus Noor Gavin Beth Owen Zainab Henry "
    "Priya Wes Dana Lucas Tara Ben Fatima Ravi Elena Chris Ada Ivy Simone Neil Nadia Mateo Chloé Dmitri Aisha Gordon Mei "
    "Thabo Ingrid Carlos Rosa Viktor Leila Amir Jean-Luc Siobhán Kofi Anneke Paolo Rhea Stefan Uma Walter Xia Yara Zoë"
).split()
_LAST = (
    "Tremblay Farouk Liu Leclair Weiss Novak Doherty Haddad Petrov Chowdhury Becker Demir Fontaine Bell Aziz Ross Lindqvist "
    "Clarke Idris Osgood Nair Carmichael Kovacs Moreau Singh Okafor Rahimi Pillai Rossi Nakamura Obi Sandhu Albright Abbott "
    "Haddon Silva Gagnon Volkov Warsame MacLeod Chen Dlamini Berg Ortega Marchand Horvat Nasser Karimi Bouchard O'Brien "
    "Mensah Visser Conti Kapoor Keller Rao Lang Zhou Mansour Peeters"
).split()


@dataclass
class Made:
    """What was made, for the caller to hang answers and messages on."""

    created: bool
    next_first_visits: tuple[Appointment, ...] = ()
    told: tuple[Appointment, ...] = ()  # whose messages have gone: nothing else of the demo hangs on them


def _patients(now: datetime) -> list[Patient]:
    """Some hundreds of people; some without an email address, one without a mobile."""
    dice = random.Random(7)  # noqa: S311
    people = []
    for i in range(PEOPLE):
        first, last = _FIRST[i % len(_FIRST)], _LAST[(i + 7 * (i // len(_FIRST))) % len(_LAST)]
        plain = f"{first}.{last}".lower().replace("é", "e").replace("á", "a").replace("ë", "e").replace("'", "").replace("ö", "o")
        people.append(
            Patient(
                legal_first_name=first,
                legal_last_name=last,
                date_of_birth=date(1955, 1, 1) + timedelta(days=dice.randrange(50 * 365)),
                email="" if i % 17 == 5 else f"{plain}@example.com",
                mobile="" if i == 11 else f"+1519555{1000 + i:04d}",
                reminder_by="phone" if i % 17 == 5 else ("text_email", "text_email", "email", "text")[i % 4],
                created_at=now - timedelta(days=dice.randrange(20, 500)),
            )
        )
    return Patient.objects.bulk_create(people)


def _status(start: datetime, end: datetime, now: datetime, dice: random.Random) -> str:
    """What a visit at that time would be by now."""
    if end <= now:
        return dice.choices([Status.FULFILLED, Status.NOSHOW, Status.CANCELLED], [88, 6, 6])[0]
    if start <= now:
        return Status.IN_ROOM
    if start - now < timedelta(minutes=25):
        return dice.choice([Status.ARRIVED, Status.CONFIRMED])
    chances = [60, 34, 6] if start - now < timedelta(days=3) else [25, 70, 5]
    return dice.choices([Status.CONFIRMED, Status.BOOKED, Status.CANCELLED], chances)[0]


def _visit(
    practitioner: Practitioner,
    service: Service,
    room: Room | None,
    patient: Patient,
    start: datetime,
    status: str,
    now: datetime,
    dice: random.Random,
) -> Appointment:
    """One row with the times that its status implies."""
    end = start + timedelta(minutes=service.minutes)
    booked_at = min(start - timedelta(days=dice.randrange(2, 40), minutes=dice.randrange(600)), now - timedelta(hours=5))
    visit = Appointment(
        public_id=uuid.UUID(int=dice.getrandbits(128), version=4),
        practitioner=practitioner,
        service=service,
        room=room,
        patient=patient,
        status=status,
        starts_at=start,
        ends_at=end,
        local_start=clock.local(start).strftime("%Y-%m-%dT%H:%M"),
        zone=clock.clinic_zone().key,
        source=dice.choice([Appointment.Source.WEB, Appointment.Source.WEB, Appointment.Source.DESK]),
        created_at=booked_at,
        booked_at=booked_at,
        changed_at=booked_at,
        changed_by="patient",
        version=2,
        announced=2,
    )
    secret = new_link(PURPOSE, visit.public_id, 1)
    visit.link_key_id, visit.link_sha256 = secret.key_id, secret.sha256
    if status in (Status.CONFIRMED, Status.ARRIVED, Status.IN_ROOM, Status.FULFILLED):
        visit.confirmed_at = max(booked_at, start - timedelta(days=2))
    if status in (Status.ARRIVED, Status.IN_ROOM, Status.FULFILLED):
        visit.arrived_at = min(start - timedelta(minutes=dice.randrange(3, 15)), now - timedelta(minutes=dice.randrange(2, 9)))
    if status in (Status.IN_ROOM, Status.FULFILLED):
        visit.in_room_at = start
    if status == Status.FULFILLED:
        visit.fulfilled_at = end
    if status == Status.CANCELLED:
        visit.cancelled_at = max(booked_at, min(now, start) - timedelta(days=1))
        visit.cancelled_by, visit.cancel_reason = (
            "patient",
            dice.choice(["Work or school", "Feeling better", "Found another time", ""]),
        )
    return visit


def _fill(now: datetime, people: list[Patient]) -> list[Appointment]:
    """Days of visits for everybody, with gaps where a caller fits in."""
    dice = random.Random(20)  # noqa: S311
    zone, today = clock.clinic_zone(), clock.today(now)
    offers = {p: list(p.services.all()) for p in Practitioner.objects.prefetch_related("services")}
    treatment_room = Room.objects.filter(kind="treatment").first()
    visits: list[Appointment] = []
    seen: dict[int, int] = {}
    for offset in range(-DAYS_BEFORE, DAYS_AFTER + 1):
        day = today + timedelta(days=offset)
        who = [person for person in dice.sample(people, len(people)) if offset - seen.get(person.pk, -99) > NOT_AGAIN_FOR]
        for practitioner, services in offers.items():
            hours = Availability.objects.filter(practitioner=practitioner, weekday=day.weekday(), valid_from__lte=day).order_by(
                "local_start"
            )
            for block in hours:
                at = clock.instant(day, block.local_start, zone)
                until = clock.instant(day, block.local_end, zone)
                while True:
                    service = dice.choices(services, [4 if s.online else 2 for s in services])[0]
                    if at + timedelta(minutes=service.minutes) > until:
                        break
                    busy = 0.8 if offset <= 1 else 0.62 if offset <= 5 else 0.4
                    if dice.random() < busy and who:
                        status = _status(at, at + timedelta(minutes=service.minutes), now, dice)
                        room = treatment_room if service.room_kind else None
                        person = who.pop()
                        seen[person.pk] = offset
                        visits.append(_visit(practitioner, service, room, person, at, status, now, dice))
                        at += timedelta(minutes=service.minutes + service.cleanup_minutes)
                    else:
                        at += timedelta(minutes=20)
    _somebody_is_here(visits, now)
    return Appointment.objects.bulk_create(visits)


def _somebody_is_here(visits: list[Appointment], now: datetime) -> None:
    """Outside opening hours nobody would be: one came early, or else the last of the last day were never marked done."""
    visits = sorted(visits, key=lambda v: v.starts_at)
    here = {v.status for v in visits}
    done = (v for v in reversed(visits) if v.status == Status.FULFILLED)
    soon = (v for v in visits if v.status == Status.CONFIRMED and v.starts_at < now + timedelta(minutes=90))
    if Status.IN_ROOM not in here:
        visit = next(done)
        visit.status, visit.fulfilled_at = Status.IN_ROOM, None
    if Status.ARRIVED not in here:
        visit = next(soon, None) or next(done)
        visit.status, visit.in_room_at, visit.fulfilled_at = Status.ARRIVED, None, None
        visit.arrived_at = visit.arrived_at or now - timedelta(minutes=3)


@transaction.atomic
def load(now: datetime) -> Made:
    """Load the demo clinic once; a second call changes nothing."""
    by = Actor.system()
    load_clinic(DEMO_CLINIC, now=now, by=by)
    if Appointment.objects.exists():
        return Made(created=False)
    people = _patients(now)
    visits = _fill(now, people)
    coming = sorted((v for v in visits if v.starts_at > now and v.status in COMING), key=lambda v: v.starts_at)
    for visit in coming[1:9:4]:
        Appointment.objects.filter(pk=visit.pk).update(needs_call=True, call_reason="Contact not checked")
    twin = Patient.objects.create(
        legal_first_name=people[9].legal_first_name,
        legal_last_name=people[9].legal_last_name,
        date_of_birth=people[9].date_of_birth,
        mobile="+15195550199",
        created_at=now - timedelta(hours=3),
    )
    MergeOffer.objects.create(
        patient=twin, candidate=people[9], reason="Same date of birth and name or contact", created_at=now - timedelta(hours=3)
    )
    first_visits = tuple(v for v in coming if v.service.questionnaire == "hair-loss-intake")[:8]
    record("booking.load_demo", by=by, now=now, detail={"visits": len(visits)})
    reminder = _reminder_due(now, coming)
    later = [v for v in coming if v not in first_visits and v not in coming[1:9:4] and v != reminder]
    _waiting_list(now, later)
    told = tuple(v for v in later if v.patient and v.patient.wants_text and v.patient.email)[:5]
    return Made(True, first_visits, told)


def _waiting_list(now: datetime, coming: list[Appointment]) -> None:
    """Who would come sooner, a time that became free and suits some of them, and one that is offered right now."""
    tomorrow = clock.instant(clock.today(now) + timedelta(days=1), time(0), clock.clinic_zone())
    given_up = next((v for v in coming if v.starts_at > tomorrow and v.service.online and _could_start(v, now)), None)
    if given_up is None:
        return
    Appointment.objects.filter(pk=given_up.pk).update(
        status=Status.CANCELLED, cancelled_at=now - timedelta(minutes=40), cancelled_by="patient", cancel_reason="Work or school",
        confirmed_at=None,
    )  # fmt: skip
    FreedTime.objects.create(
        practitioner=given_up.practitioner, starts_at=given_up.starts_at, ends_at=given_up.ends_at,
        freed_at=now - timedelta(minutes=40),
    )  # fmt: skip
    service, people = given_up.service, {given_up.patient_id}
    wait: list[Appointment] = []
    for visit in coming:  # one visit of each person, of the same kind, later than the time that became free
        if visit.service_id == service.pk and visit.starts_at > given_up.ends_at and visit.patient_id not in people:
            people.add(visit.patient_id)
            wait.append(visit)
    for visit, (days, wishes, urgent) in zip(reversed(wait), _wishes(given_up.practitioner), strict=False):
        assert visit.patient is not None
        joined = now - timedelta(days=days, hours=3)
        actions.join(
            service, wishes, patient=visit.patient, visit=visit, urgent=urgent, by=Actor.patient(visit.patient_id), now=joined
        )  # fmt: skip
    entries = list(WaitlistEntry.objects.on_list().order_by("joined_at"))
    if len(entries) > PAUSED:
        actions.pause(entries[PAUSED], by=Actor.system(), now=now)
    since, soon = clock.today(now), now + timedelta(hours=12)
    found = calendar.openings(service, since=since, until=since + timedelta(days=4), now=now)
    gaps = [slot for slot in found if slot.practitioner_id != given_up.practitioner_id and slot.start > soon]
    able = matching.who_fit([(gap.practitioner_id, gap.start) for gap in gaps], now=now)
    pairs = [(gap, entry) for gap, fit in zip(gaps, able, strict=True) for entry in fit if not entry.by_phone]
    if pairs:  # rather somebody who hears of it by mail and by text
        gap, asked = min(pairs, key=lambda pair: not (pair[1].patient.wants_email and pair[1].patient.wants_text))
        actions.offer(asked, Practitioner.objects.get(pk=gap.practitioner_id), gap.start, by=Actor.system(), now=now)


def _could_start(visit: Appointment, now: datetime) -> bool:
    """True if the visit's time would be free to start at, were it not there."""
    day, at = clock.local(visit.starts_at).date(), int(visit.starts_at.timestamp())
    free = calendar.starts(
        visit.service, since=day, until=day, now=now, practitioner=visit.practitioner, own=visit.pk, for_staff=True
    )
    return any(start.at == at for start in free)


def _wishes(practitioner: Practitioner) -> list[tuple[int, Wishes, bool]]:
    """Days waiting, what suits, asked first; whoever waits longest at the top."""
    mornings = sum(half_day_bit(weekday, 9) for weekday in range(5))
    afternoons = sum(half_day_bit(weekday, 15) for weekday in range(5))
    return [
        (12, Wishes(notice=Notice.HOURS.value), False),
        (9, Wishes((practitioner,), notice=Notice.HOURS.value), False),
        (6, Wishes(times=afternoons), False),
        (5, Wishes(times=mornings, notice=Notice.DAYS.value), False),
        (4, Wishes(notice=Notice.HOURS.value, by_phone=True), True),
        (2, Wishes((practitioner,), times=half_day_bit(1, 15) | half_day_bit(3, 15)), False),
    ]


def _reminder_due(now: datetime, coming: list[Appointment]) -> Appointment | None:
    """A visit whose two-day reminder came due a moment ago: the planner finds it at once, and the mailbox has its first mail."""
    for visit in coming:
        reminder_at = clock.days_before(visit.starts_at, 2, clock.clinic_zone())
        if (
            visit.status == Status.BOOKED
            and now - timedelta(hours=20) < reminder_at <= now
            and visit.patient
            and visit.patient.wants_email
        ):
            # Booked long ago, so that only this reminder is due: not the confirmation, not the one a week before.
            Appointment.objects.filter(pk=visit.pk).update(announced=0, booked_at=now - timedelta(days=12))
            return visit
    return None
