# ruff: noqa: E501  (SQL)
"""A big clinic in SQL: twenty physicians and a hundred thousand appointments, in seconds.

The tests that count statements use it too.
"""

from datetime import date, timedelta

from django.db import connection

from booking.models import Practitioner, Service
from patients.models import Patient

PHYSICIANS = 20
PER_DAY = 7  # visits a physician has on a seeded day: half of what fits
ONE, ALL = "bench-one", "bench-all"
QUESTIONNAIRE = "hair-loss-intake"


def clinic(*, since: date) -> None:
    """Twenty physicians, weekdays nine to five with lunch, and two services: one of theirs, and one of them all.

    With everything the rules know: on some days other hours, a clinic meeting, a morning off, gaps between visits.

    Args:
        since: the first of the seeded days to come.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO booking_practitioner (public_id, name, short_name, slug, registration_number, role_text, languages, approach, "
            "active, position, calendar_rev) SELECT gen_random_uuid(), 'Dr. Bench ' || n, 'Dr. B' || n, 'bench-' || n, '', '', '', '', "
            "true, 100 + n, 0 FROM generate_series(1, %s) n",
            [PHYSICIANS],
        )
        cursor.execute(
            "INSERT INTO booking_availability (practitioner_id, weekday, local_start, local_end, valid_from) "
            "SELECT p.id, d, h.a, h.b, date '2000-01-01' FROM booking_practitioner p, generate_series(0, 4) d, "
            "(VALUES (time '09:00', time '12:00'), (time '13:00', time '17:00')) h(a, b) WHERE p.slug LIKE 'bench-%%'"
        )
        cursor.execute(
            "INSERT INTO booking_availabilityoverride (practitioner_id, date, mode, local_start, local_end) "
            "SELECT p.id, %s::date + 7 * n, 'replace', time '10:00', time '15:00' FROM booking_practitioner p, generate_series(1, 12) n "
            "WHERE p.slug LIKE 'bench-%%'",
            [since],
        )
        cursor.execute(
            "INSERT INTO booking_timeoff (practitioner_id, starts_at, ends_at, kind, reason) "
            "SELECT p.id, %(day)s::timestamptz + interval '14 hours' + n * interval '5 days', "
            "%(day)s::timestamptz + interval '16 hours' + n * interval '5 days', 'meeting', '' "
            "FROM booking_practitioner p, generate_series(0, 9) n WHERE p.slug LIKE 'bench-%%'",
            {"day": since},
        )
    people = list(Practitioner.objects.filter(slug__startswith="bench-"))
    for slug, who in ((ONE, people[:1]), (ALL, people)):
        service = Service.objects.create(
            slug=slug, name=slug, minutes=30, step_minutes=10, cleanup_minutes=5, setup_minutes=5, online=True, horizon_days=180,
            questionnaire=QUESTIONNAIRE, position=100,
        )  # fmt: skip
        service.practitioners.add(*who)


def patients(number: int) -> None:
    """People for the visits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO patients_patient (public_id, legal_first_name, legal_last_name, preferred_name, date_of_birth, email, mobile, "
            "reminder_by, voicemail_ok, created_at, version) SELECT gen_random_uuid(), 'First' || n, 'Last' || n, '', "
            "date '1950-01-01' + n %% 18000, 'n' || n || '@example.com', '', 'email', false, '2020-01-01', 1 FROM generate_series(1, %s) n",
            [number],
        )


def visits(since: date, days: int, *, status: str, per_day: int = PER_DAY) -> None:
    """Visits of all twenty physicians on every day of a span, from 14:00 UTC on, 45 minutes apart; no two of a patient at once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH who AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM booking_practitioner WHERE slug LIKE 'bench-%%'),
            sick AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM patients_patient),
            row AS (
              SELECT who.id AS practitioner_id, (d * %(per_day)s + k) * 20 + who.n AS n,
                     %(since)s::timestamp AT TIME ZONE 'UTC' + d * interval '1 day' + interval '14 hours' + k * interval '45 minutes' AS at
              FROM who, generate_series(0, %(days)s - 1) d, generate_series(0, %(per_day)s - 1) k)
            INSERT INTO booking_appointment (public_id, practitioner_id, service_id, patient_id, status, starts_at, ends_at, local_start,
              zone, lane, version, ics_sequence, announced, hold_extensions, hold_key, source, created_at, booked_at, cancelled_by,
              cancel_reason, cancelled_late, changed_by, changed_at, needs_call, call_reason, previous, link_key_id, link_generation)
            SELECT gen_random_uuid(), row.practitioner_id, (SELECT id FROM booking_service WHERE slug = %(service)s), sick.id, %(status)s,
              at, at + interval '30 minutes', to_char(at - interval '5 hours', 'YYYY-MM-DD"T"HH24:MI'), 'America/Toronto', 0, 1, 0, 1, 0,
              '', 'web', at - interval '20 days', at - interval '20 days', '', '', false, 'patient', at - interval '20 days', false, '',
              '{}', '', 1
            FROM row JOIN sick ON sick.n = row.n %% %(many)s
            """,
            # A number rather than a count in the query: only so can the two be joined by hashing.
            {"since": since, "days": days, "per_day": per_day, "status": status, "service": ALL, "many": Patient.objects.count()},
        )


def fill(since: date, *, rows: int = 100_000, coming: int = 31) -> None:
    """`rows` visits: half-full days from `since` on, and as much history before them as it takes."""
    per_day = PHYSICIANS * PER_DAY
    history = rows // per_day - coming
    with connection.cursor() as cursor:
        # The constraints are taken away and put back, which checks every row in a tenth of the time.
        cursor.execute("SET statement_timeout = 0; SET session_replication_role = replica")
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'x' AND conrelid = 'booking_appointment'::regclass"
        )
        constraints = cursor.fetchall()
        for name, _definition in constraints:
            cursor.execute(f"ALTER TABLE booking_appointment DROP CONSTRAINT {name}")
        patients(5000)
        visits(since - timedelta(days=history + 1), history, status="fulfilled")
        visits(since, coming, status="confirmed")
        for name, definition in constraints:
            cursor.execute(f"ALTER TABLE booking_appointment ADD CONSTRAINT {name} {definition}")
        cursor.execute("RESET session_replication_role; RESET statement_timeout")


def settle() -> None:
    """What autovacuum would have done by tomorrow."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
