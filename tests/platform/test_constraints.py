"""What no row may be, whoever writes it: each rule of the schema refuses a row that breaks it and nothing else."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

SOME_KEY = str(uuid4())
TEN, ELEVEN = "2027-02-10T10:00Z", "2027-02-10T11:00Z"
FILLER = {
    "bigint": 1, "integer": 1, "smallint": 5, "boolean": False, "character varying": "", "text": "", "bytea": "\\x00", "jsonb": {}, "ARRAY": [],
    "date": "2027-02-10", "time without time zone": "09:00", "timestamp with time zone": TEN,
}  # fmt: skip
# Table → what makes a row of filler one that may be.
MAY_BE: dict[str, dict[str, Any]] = {
    "accounts_clinic": {"minimum_age": 18, "recall_months": 36},
    "booking_appointment": {"status": "booked", "lane": 3, "ends_at": ELEVEN, "patient_id": 1, "room_id": 1},
    "booking_availability": {"local_end": "12:00"},
    "booking_availabilityoverride": {"mode": "replace", "local_start": "09:00", "local_end": "12:00"},
    "booking_desktext": {"code": "call_us", "minutes": 0},
    "booking_runninglate": {},
    "booking_service": {"minutes": 480, "step_minutes": 5},
    "booking_timeoff": {"ends_at": ELEVEN},
    "booking_waitlistentry": {"state": "waiting", "times": 16383},
    "booking_waitlistoffer": {"state": "open", "ends_at": ELEVEN},
    "intake_questionnaireresponse": {"status": "completed", "completed_at": TEN},
    "intake_review": {"status": "draft"},
    "intake_snippet": {"is_current": True},
    "patients_mergeoffer": {"candidate_id": 2},
}
HELD = {"status": "held", "hold_expires_at": ELEVEN, "patient_id": None, "hold_key": "one browser"}
# Rule → the table, rows that break it one by one, and what is there already where the rule is about two.
MAY_NOT_BE: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any] | None]] = {
    "clinic_minimum_age": ("accounts_clinic", [{"minimum_age": 17}], None),
    "clinic_one_row": ("accounts_clinic", [{"id": 2}], None),
    "clinic_recall_months": ("accounts_clinic", [{"recall_months": 37}], None),
    "service_minutes": ("booking_service", [{"minutes": 4}, {"minutes": 481}], None),
    "service_step": ("booking_service", [{"step_minutes": 4}], None),
    "availability_weekday": ("booking_availability", [{"weekday": 7}], None),
    "availability_order": ("booking_availability", [{"local_end": "09:00"}], None),
    "override_shape": ("booking_availabilityoverride", [{"mode": "closed"}, {"local_end": None}, {"local_start": None}], None),
    "timeoff_order": ("booking_timeoff", [{"ends_at": TEN}], None),
    "appointment_order": ("booking_appointment", [{"ends_at": "2027-02-10T09:59Z"}], None),
    "appointment_lane": ("booking_appointment", [{"lane": 4}], None),
    "appointment_has_patient": ("booking_appointment", [{"patient_id": None}, {"patient_id": None, "status": "cancelled"}], None),
    "appointment_hold_shape": ("booking_appointment", [{"status": "held"}, {"hold_expires_at": ELEVEN}], None),
    "appointment_practitioner_free": ("booking_appointment", [{"patient_id": 2, "room_id": 2}, HELD], {"room_id": None}),
    "appointment_room_free": ("booking_appointment", [{"patient_id": 2, "practitioner_id": 2}], {}),
    "appointment_patient_free": ("booking_appointment", [{"practitioner_id": 2, "room_id": 2}], {}),
    "appointment_one_hold_per_browser": ("booking_appointment", [HELD | {"practitioner_id": 2, "room_id": 2}], HELD),
    "waitlist_once": ("booking_waitlistentry", [{}], {"state": "paused"}),
    "waitlist_times": ("booking_waitlistentry", [{"times": 0}, {"times": 16384}], None),
    "waitlist_one_offer_each": ("booking_waitlistoffer", [{}], {}),
    "waitlist_offer_order": ("booking_waitlistoffer", [{"ends_at": TEN}], None),
    "late_minutes": ("booking_runninglate", [{"minutes": 4}, {"minutes": 181}], None),
    "late_once_each": ("booking_runninglate", [{}], {}),
    "desk_text_code": ("booking_desktext", [{"code": "words"}], None),
    "desk_text_minutes": ("booking_desktext", [{"minutes": 5}, {"code": "come_at", "minutes": 4}], None),
    "response_sent_has_time": ("intake_questionnaireresponse", [{"completed_at": None}], None),
    "review_one_draft": ("intake_review", [{"number": 6}], {}),
    "review_signed_shape": ("intake_review", [{"status": "signed"}, {"signed_at": TEN}, {"sha256": "x"}], None),
    "snippet_one_current": ("intake_snippet", [{"number": 6, "key": SOME_KEY}], {"key": SOME_KEY}),
    "merge_offer_two_rows": ("patients_mergeoffer", [{"candidate_id": 1}], None),
}
RULES = """
SELECT conname FROM pg_constraint WHERE contype IN ('c', 'x') AND connamespace = 'public'::regnamespace AND conrelid::regclass::text = ANY(%s)
  AND conname !~ '_check\\d*$'
UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indpred IS NOT NULL AND indrelid::regclass::text = ANY(%s)
"""


@pytest.fixture
def add(db):
    """Adds a row of filler with these values; what it points at need not be there."""

    def add(table: str, **values: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = %s AND is_nullable = 'NO'",
                [table],
            )
            row = {name: str(uuid4()) if kind == "uuid" else FILLER[kind] for name, kind in cursor.fetchall()}
            cursor.execute(
                f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %s::jsonb)",
                [json.dumps(row | MAY_BE[table] | values)],
            )

    yield add
    transaction.set_rollback(True)  # nobody asks whether what is pointed at is there


@pytest.mark.parametrize("rule", MAY_NOT_BE)
def test_the_database_refuses_a_row_that_cannot_be(add, rule):
    table, rows, there = MAY_NOT_BE[rule]
    with transaction.atomic():  # filler alone may be
        add(table)
        transaction.set_rollback(True)
    if there is not None:
        add(table, **there, id=9)
    for row in rows:
        with pytest.raises(IntegrityError, match=rule):
            add(table, **row)


def test_every_rule_of_the_schema_has_a_row_that_breaks_it(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE tablename ~ '^(accounts|audit|booking|intake|notifications|patients)_'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute(RULES, [tables, tables])
        assert {name for (name,) in cursor.fetchall()} == set(MAY_NOT_BE)
