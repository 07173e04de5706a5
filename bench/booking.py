"""The complete booking POST: one after the other, and sixteen at a time. Patient, visit, answers, consents, audit; one commit."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import urlencode

from bench.asking import Row, Target, again, interleave, ratio, said
from bench.client import Client, get, post, throughput

ONE_BY_ONE = 120  # bookings one after the other, the first 24 not counted
CLIENTS, BURSTS, BOOKINGS_EACH = 16, 3, 15
CSRF = "b" * 32
PRESSES = ONE_BY_ONE + CLIENTS * (3 + BURSTS * BOOKINGS_EACH) + 4


@dataclass
class Person:
    """A browser on the check page: its session, its draft with every answer, its hold."""

    session: str
    response_id: int
    hold_id: int
    name: str


def complete_draft() -> Any:
    """One draft with every answer that the questionnaire wants, as a patient gives them."""
    from accounts import clock
    from audit.actor import Actor
    from intake import engine
    from intake.actions import asking_for, save_page, start_draft
    from intake.demo import PEOPLE
    from intake.document import decrypt

    now, by = clock.now(), Actor.anonymous()
    response = start_draft("hair-loss-intake", by=by, now=now)
    answers = json.loads(PEOPLE.read_text(encoding="utf-8"))[0]["answers"] | {"about_dob": "1987-03-27"}
    asked: set[str] = set()
    while True:
        document = decrypt(response)
        pages = engine.pages(response.definition, document.answers, asking_for(response, document))
        page = next((p for p in pages if any(q.link_id not in asked for q in p.questions)), None)
        if page is None:
            return response
        asked |= {q.link_id for q in page.questions}
        given = {q.link_id: answers[q.link_id] for q in page.questions if q.link_id in answers}
        save_page(response, page, given, by=by, now=now)


def people(number: int, days: Sequence[date]) -> list[Person]:
    """Make `number` of them, each with a time of their own, which is held."""
    from datetime import time as wall

    from accounts import clock
    from booking.models import Practitioner

    times = [
        (practitioner, clock.instant(day, wall(hour, minute), clock.clinic_zone()))
        for day in days
        for hour, minute in ((10, 0), (11, 0), (13, 0), (14, 0))
        for practitioner in Practitioner.objects.filter(slug__startswith="bench-")
    ]
    return wanting(times[:number], held=True)


def wanting(times: Sequence[tuple[Any, datetime]], *, held: bool, name: str = "Bench") -> list[Person]:
    """One person for each practitioner and time; with `held=False` nothing is held, and the same time may be wanted by many."""
    import uuid
    from copy import deepcopy

    from django.contrib.sessions.backends.db import SessionStore

    from accounts import clock
    from accounts.links import newest_key_id
    from bench.seed import ALL, settle
    from booking import idle
    from booking.models import Appointment, Service
    from intake.document import decrypt, put
    from intake.models import QuestionnaireResponse
    from patients.models import ContactCode

    now, zone = clock.now(), clock.clinic_zone()
    service = Service.objects.get(slug=ALL)
    model = complete_draft()
    document = decrypt(model)
    responses, holds, codes, sessions = [], [], [], []
    for n, (practitioner, start) in enumerate(times):
        mine = deepcopy(document)
        mine.answers["about_dob"] = (date(1988, 1, 1) + timedelta(days=n * 3 % 6_000)).isoformat()  # all of one age band
        mine.contact = {
            "first_name": f"Pat{n}", "last_name": f"{name}{n}", "mobile": f"+1519{5550000 + n:07d}",
            "email": f"{name}{n}@example.com", "reminder_by": "email", "voicemail_ok": False,
        }  # fmt: skip
        response = QuestionnaireResponse(
            questionnaire_id=model.questionnaire_id, today=model.today, started_at=now, saved_at=now,
            sections_total=model.sections_total, sections_done=model.sections_done,
        )  # fmt: skip
        put(response, mine)
        session = SessionStore()
        session.create()
        session["holder"] = key = str(session.session_key)
        responses.append(response)
        holds.append(
            Appointment(
                practitioner=practitioner, service=service, status="held", starts_at=start, ends_at=start + timedelta(minutes=30),
                local_start=start.astimezone(zone).strftime("%Y-%m-%dT%H:%M"), zone=zone.key, hold_key=key,
                hold_expires_at=now + timedelta(hours=2), created_at=now, changed_at=now,
            )
        )  # fmt: skip
        codes.append(
            ContactCode(
                purpose="booking", channel="email", address=mine.contact["email"], subject_key=str(response.public_id),
                key_id=newest_key_id(), asked_at=now, expires_at=now + timedelta(minutes=15), used_at=now, announced=1,
                public_id=uuid.uuid4(),
            )
        )  # fmt: skip
        session["draft"], session["code"] = str(response.public_id), str(codes[-1].public_id)
        if held:
            session["hold"] = str(holds[-1].public_id)
        session[idle.SEEN] = now.isoformat()  # as the check page before it has written
        session["wanted"] = {"start": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "practitioner": str(practitioner.public_id)}
        session.save()
        sessions.append(session.session_key)
    QuestionnaireResponse.objects.bulk_create(responses)
    if held:
        Appointment.objects.bulk_create(holds)
    ContactCode.objects.bulk_create(codes)
    settle()
    return [
        Person(session, response.pk, hold.pk, f"Pat{n} {name}{n}")
        for n, (session, response, hold) in enumerate(zip(sessions, responses, holds, strict=True))
    ]


def press_book(person: Person, port: int) -> bytes:
    """The POST of the check page."""
    form = {"csrfmiddlewaretoken": CSRF, "do": "book", "finish_declare": "on", "finish_signature": person.name}
    return post("/book/check/", port, urlencode(form), Cookie=f"session={person.session}; csrf={CSRF}")


def counted(run: Callable[[], Any]) -> tuple[int, int]:
    """Statements and commits of a call; savepoints are not counted."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        run()
    said = [q["sql"] for q in queries]
    quiet = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return sum(not s.startswith(quiet) for s in said), sum(s.startswith("COMMIT") for s in said)


def book_in_process(person: Person) -> tuple[int, int]:
    """Statements and commits of the action, the complete path: patient, visit, answers, consents, audit."""
    from datetime import UTC, datetime

    from accounts import clock
    from audit.actor import Actor
    from booking import actions
    from booking.models import Appointment
    from intake.document import decrypt
    from intake.models import QuestionnaireResponse
    from patients.actions import Contact

    hold = Appointment.objects.select_related("service", "practitioner").get(pk=person.hold_id)
    response = QuestionnaireResponse.objects.get(pk=person.response_id)
    typed = decrypt(response).contact
    contact = Contact(
        typed["first_name"],
        typed["last_name"],
        date(1987, 3, 27),
        email=typed["email"],
        mobile=typed["mobile"],
        reminder_by="email",
    )
    return counted(
        lambda: actions.book(
            hold.service, hold.practitioner, hold.starts_at, contact=contact, checked_channel="email", response=response,
            declared_at=datetime.now(UTC), signature=person.name, hold_key=hold.hold_key, by=Actor.anonymous(), now=clock.now(),
        )
    )  # fmt: skip


# --- Over HTTP ----------------------------------------------------------------------------------------------------------


def measure(crowd: Sequence[Person], ports: dict[str, int]) -> tuple[list[Row], dict[str, float]]:
    """The rows, and medians in milliseconds. Django of this process points at the database of `ports["full"]`."""
    statements, commits = [book_in_process(person) for person in crowd[:3]][-1]
    queue = iter(crowd[3:])
    said("bookings")
    noop, full = ports["noop"], ports["full"]
    pair = {
        "noop": Target(Client(noop), again(get("/", noop))),
        "book": Target(Client(full), (press_book(person, full) for person in queue), 303),
    }
    interleave(pair, rounds=1, each=24)
    took = interleave(pair, rounds=(ONE_BY_ONE - 24) // 8, each=8)
    said("crowd")
    ask = get("/", noop)
    others = list(queue)
    random.Random(16).shuffle(others)  # else all clients would want the same physician at the same moment
    queue = iter(others)
    rates, errors = [], 0
    for each in (3, *[BOOKINGS_EACH] * BURSTS):
        plain, _ = throughput(noop, [[ask] * 100] * CLIENTS, want=200)
        lists = [[press_book(next(queue), full) for _ in range(each)] for _ in range(CLIENTS)]
        booked, wrong = throughput(full, lists, want=303)
        errors += wrong
        rates.append((booked, plain))
    rates = rates[1:]  # in the first, every thread of every worker opened its connection
    print(f"  booked {median(b for b, _ in rates):.0f}/s, no-op {median(p for _, p in rates):.0f}/s at {CLIENTS} clients")
    return [
        Row.at_most("Complete booking POST", ratio(took, "book"), "x no-op", 12),
        Row.at_most("Statements inside the booking", statements, "statements", 10),
        Row("Commits of a booking", commits, "commits", "= 1", commits == 1),
        Row.at_least("Bookings/s, 16 clients, distinct times", median(b / p for b, p in rates), "x no-op/s", 0.12),
        Row("Errors in those bookings", errors, "errors", "= 0", errors == 0),
    ], {name: 1000 * median(values) for name, values in took.items()}
