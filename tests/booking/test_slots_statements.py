"""How many statements things take: the same with nobody and with 100,000 visits, with one physician and with twenty."""

from collections.abc import Callable
from datetime import date, timedelta
from datetime import time as wall

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from bench import seed
from booking import actions, calendar
from booking.models import Appointment, Service
from booking.views.openings import forget as forget_services
from intake.actions import publish_all
from intake.document import decrypt, put
from intake.models import QuestionnaireResponse, forget_definitions
from tests.factories import WEDNESDAY, contact_of

# One worker fills the big database; the others have something better to do than to wait for it.
WEB = Actor.anonymous()
SINCE = date(2027, 2, 15)  # half-full days from here on
DAY = date(2027, 2, 16)
QUIET = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


def empty() -> None:
    """The clinic, with nobody in it."""
    Clinic.objects.create(
        pk=1, name="True North", short_name="TN", street="1 Example Street", city="Kitchener", postal_code="N2H 0A0", phone="519-555-0142"
    )  # fmt: skip
    publish_all(by=Actor.system(), now=WEDNESDAY)
    seed.clinic(since=SINCE)


def crowded() -> None:
    """The same with 100,000 visits."""
    empty()
    seed.fill(SINCE)
    seed.settle()


@pytest.fixture(params=["empty", "crowded"])
def filled(request, seeded) -> str:
    """With nobody, and with 100,000 visits."""
    seeded(request.param, {"empty": empty, "crowded": crowded}[request.param])
    Clinic.forget_current()
    forget_definitions()
    with time_machine.travel(WEDNESDAY, tick=False):
        clock.clinic_zone()
        yield request.param


def statements(run: Callable[[], object]) -> list[str]:
    """What a call says to the database; savepoints are not counted."""
    with CaptureQueriesContext(connection) as queries:
        run()
    return [q["sql"] for q in queries if not q["sql"].startswith(QUIET)]


def complete_draft(**contact) -> QuestionnaireResponse:
    """A draft with every answer."""
    from bench.booking import complete_draft as make

    response = make()
    document = decrypt(response)
    document.contact = contact
    put(response, document)
    response.save()
    return QuestionnaireResponse.objects.get(pk=response.pk)


def test_listing_is_one_statement_whatever_the_days_the_physicians_and_the_history(filled):
    assert Appointment.objects.count() == {"empty": 0}.get(filled, 99_960)
    for slug in (seed.ONE, seed.ALL):
        service = Service.objects.get(slug=slug)
        for days in (1, 31, 62):
            asked = {"since": DAY, "until": DAY + timedelta(days=days - 1), "now": WEDNESDAY}
            assert len(statements(lambda a=asked, s=service: calendar.openings(s, **a))) == 1
            path = f"/book/openings/?service={slug}&from={DAY}&to={asked['until']}"
            forget_services()
            assert len(statements(lambda p=path: Client().get(p))) == 2
            assert len(statements(lambda p=path: Client().get(p))) == 1  # the service is known for half a minute


def test_holding_and_booking_stay_within_ten_statements_and_one_commit(filled):
    """The complete path: a new patient, the visit, the answers sent and signed, consents, audit."""
    service = Service.objects.get(slug=seed.ALL)
    who = service.practitioners.order_by("position").last()
    start = clock.instant(date(2027, 3, 25), wall(10), clock.clinic_zone())
    draft = complete_draft()
    actions.hold(service, who, start, hold_key="k", address="203.0.113.7", by=WEB, now=WEDNESDAY)

    def book() -> Appointment:
        return actions.book(
            service, who, start, contact=contact_of(), checked_channel="text", response=draft, declared_at=WEDNESDAY,
            signature="Maya Chowdhury", hold_key="k", by=WEB, now=WEDNESDAY,
        )  # fmt: skip

    said = statements(book)
    assert len(said) <= 10, "\n".join(s[:150] for s in said)
    draft.refresh_from_db()
    assert (draft.status, draft.patient.full_name) == ("completed", "Maya Chowdhury")
    assert len(statements(book)) <= 3  # pressed again


def test_a_known_patient_books_within_ten_statements(filled):
    service = Service.objects.get(slug=seed.ALL)
    who = service.practitioners.order_by("position").last()
    zone = clock.clinic_zone()
    counts = []
    for n, day in enumerate((date(2027, 3, 25), date(2027, 3, 26))):
        draft, start = complete_draft(), clock.instant(day, wall(10), zone)
        counts.append(
            len(
                statements(
                    lambda d=draft, s=start, n=n: actions.book(
                        service, who, s, contact=contact_of(), checked_channel="text", response=d, declared_at=WEDNESDAY,
                        signature="Maya Chowdhury", by=WEB, now=WEDNESDAY + timedelta(seconds=n),
                    )
                )
            )
        )  # fmt: skip
    assert max(counts) <= 10, counts


def test_moving_takes_as_many_statements_in_a_crowd(filled):
    service = Service.objects.get(slug=seed.ALL)
    first, *_others, last = service.practitioners.order_by("position")
    zone = clock.clinic_zone()
    visit = actions.book_for(
        service, first, clock.instant(date(2027, 3, 25), wall(10), zone), patient=None, contact=contact_of(),
        by=Actor("staff", None, "reception"), now=WEDNESDAY,
    )  # fmt: skip
    to = clock.instant(date(2027, 3, 26), wall(11), zone)
    assert len(statements(lambda: actions.move(visit, last, to, by=WEB, now=WEDNESDAY))) <= 6


def test_history_is_never_read(filled):
    """The plan of the listing reads the busy rows of the days asked for, by index, and nothing else of the table."""
    service = Service.objects.get(slug=seed.ONE)
    (sql,) = statements(lambda: calendar.openings(service, since=DAY, until=DAY, now=WEDNESDAY))
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql)
        plan = cursor.fetchone()[0]
    read = sum(node["Actual Rows"] for node in nodes(plan) if node.get("Relation Name") == "booking_appointment")
    assert read <= 2 * seed.PER_DAY
    if filled == "crowded":
        assert "Seq Scan" not in [n["Node Type"] for n in nodes(plan) if n.get("Relation Name") == "booking_appointment"]


def nodes(plan) -> list[dict]:
    """Every node of a plan."""
    if isinstance(plan, list):
        return [found for part in plan for found in nodes(part)]
    if isinstance(plan, dict):
        return ([plan] if "Node Type" in plan else []) + [found for part in plan.values() for found in nodes(part)]
    return []
