"""Rows read and written with prepared statements come out as the ORM would make them."""

from datetime import UTC, date, datetime
from threading import Thread

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit import rows
from audit.models import AuditEvent
from patients.models import Patient

NOW = datetime(2027, 2, 10, 15, 0, tzinfo=UTC)


def patient_of(n: int = 0, **changes: object) -> Patient:
    """A new one, not saved."""
    known = {"legal_first_name": f"P{n}", "legal_last_name": "Rowe", "date_of_birth": date(1987, 3, 27), "created_at": NOW}
    return Patient(**(known | changes))


def read(where: str, *params: object) -> list[Patient]:
    """Patients, with a prepared statement."""
    found = rows.fetch(f"SELECT {rows.columns(Patient, 'p')} FROM patients_patient p WHERE {where} ORDER BY p.id", params)
    return [rows.instances(row, Patient)[0] for row in found]


def prepared(start: str) -> int:
    """How many statements that begin like this are prepared on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [f"{start}%"])
        return int(cursor.fetchone()[0])


def test_what_is_inserted_gets_its_key_and_reads_as_the_orm_reads_it(db):
    made = [patient_of(n, mobile="+15195550178", email=f"p{n}@example.com") for n in range(3)]
    rows.insert(made)
    assert [p.pk for p in made] == list(Patient.objects.order_by("pk").values_list("pk", flat=True))
    for mine, theirs in zip(read("p.legal_last_name = %s", "Rowe"), Patient.objects.order_by("pk"), strict=True):
        assert all(getattr(mine, f.attname) == getattr(theirs, f.attname) for f in Patient._meta.concrete_fields)


def test_json_comes_back_as_it_went(db):
    rows.insert([AuditEvent(at=NOW, actor_kind="system", action="tests.try", detail={"verb": "move", "n": [1, None, "ü"]})])
    [row] = rows.fetch(f"SELECT {rows.columns(AuditEvent, 'e')} FROM audit_auditevent e WHERE e.action = %s", ["tests.try"])
    assert rows.instances(row, AuditEvent)[0].detail == {"verb": "move", "n": [1, None, "ü"]}


def test_a_new_fact_is_what_the_constructor_makes(db):
    given = {"at": NOW, "actor_kind": "system", "action": "tests.try"}
    mine, theirs = rows.new(AuditEvent, **given), AuditEvent(**given)
    assert {f.attname: getattr(mine, f.attname) for f in AuditEvent._meta.concrete_fields} == {
        f.attname: getattr(theirs, f.attname) for f in AuditEvent._meta.concrete_fields
    }
    assert mine._state.adding and mine.detail is not rows.new(AuditEvent, **given).detail


def test_nothing_that_was_read_stays_with_the_connection(db):
    rows.insert([patient_of()])
    read("p.legal_last_name = %s", "Rowe")
    assert vars(connection.connection)["_kept"].adapt.pgresult is None


def test_models_stand_side_by_side_and_what_an_outer_join_lacks_is_none(db):
    rows.insert([patient_of()])
    statement = (
        f"SELECT {rows.columns(Patient, 'p')}, {rows.columns(AuditEvent, 'e')} "
        "FROM patients_patient p LEFT JOIN audit_auditevent e ON e.object_id = p.id AND e.action = %s"
    )
    patient, event = rows.instances(rows.fetch(statement, ["none"])[0], Patient, AuditEvent)
    assert patient.legal_first_name == "P0" and event is None


def test_an_instance_is_saved_as_any_other(db):
    rows.insert([patient_of()])
    [patient] = read("p.date_of_birth = %s", date(1987, 3, 27))
    patient.preferred_name = "Ro"
    patient.save()
    assert Patient.objects.get().preferred_name == "Ro"


def test_a_refusal_is_djangos_and_undoes_the_savepoint_only(db):
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert([patient_of(date_of_birth=None)])
    assert not Patient.objects.exists()


def test_a_statement_is_planned_once_on_a_connection(db):
    rows.insert([patient_of(1)])
    before = prepared("INSERT INTO")
    rows.insert([patient_of(2, email="p2@example.com")])
    assert prepared("INSERT INTO") == before > 0


def test_behind_a_pooler_nothing_is_prepared(db, monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    rows.fetch("SELECT 4711 WHERE %s", [True])
    assert prepared("SELECT 4711") == 0


def test_what_is_rolled_back_takes_no_prepared_statement_along(db):
    rows.fetch("SELECT 4712 WHERE %s", [True])
    with CaptureQueriesContext(connection), pytest.raises(IntegrityError), transaction.atomic():
        rows.insert([patient_of(date_of_birth=None)])
    assert rows.fetch("SELECT 4712 WHERE %s", [True]) == [(4712,)]


def test_a_server_that_has_gone_is_djangos_operational_error(db):
    told: list[Exception] = []

    def ask() -> None:
        try:
            rows.fetch("SELECT pg_terminate_backend(pg_backend_pid())", [])
        except Exception as error:
            told.append(error)
        finally:
            connection.close()

    thread = Thread(target=ask)
    thread.start()
    thread.join()
    assert [type(error) for error in told] == [OperationalError]
