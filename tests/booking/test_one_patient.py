"""What one patient takes back, or we learn of one address, changes nobody else's row, and that one's by one event."""

from datetime import date, timedelta

import pytest

from audit.actor import Actor
from audit.models import AuditEvent
from patients.actions import choose_care, consents_of, mark_bounced, start_texts, stop_texts, withdraw_consent
from patients.models import ConsentRecord, Helper, Patient
from tests.factories import WEDNESDAY

BY = {"by": Actor.system(), "now": WEDNESDAY}
GIVEN = {"text_version": "x", "text_sha256": "x", "given_by": "self", "how": "web"}


@pytest.fixture
def other(patient):
    """Somebody else, with a helper; both agreed to the same."""
    someone = Patient.objects.create(
        legal_first_name="Ines", legal_last_name="Lee", date_of_birth=date(1948, 5, 9), email="ines@example.com",
        mobile="+15195550166", created_at=WEDNESDAY,
    )  # fmt: skip
    Helper.objects.create(
        patient=someone, name="Sam Lee", relation="son", email="sam@example.com", mobile="+15195550167",
        reminder_by="text", gets_messages=True, created_at=WEDNESDAY,
    )  # fmt: skip
    for row in (patient, someone):
        for code, yes in (("C2", True), ("C3", True), ("C1", False)):
            given = WEDNESDAY - timedelta(days=9)
            ConsentRecord.objects.create(patient=row, code=code, decision=yes, given_at=given, **GIVEN)
    return someone


def all_of(patient):
    """Every row about somebody."""
    tables = (Patient.objects.filter(pk=patient.pk), patient.consents.all(), patient.helpers.all())
    return [list(rows.order_by("pk").values()) for rows in tables]


@pytest.mark.parametrize(
    ("verb", "action"),
    [
        (lambda p: withdraw_consent(p, "C2", **BY), "patients.withdraw_consent"),
        (lambda p: choose_care(p, True, **BY), "patients.give_consent"),
        (lambda p: stop_texts(p.e164, **BY), "patients.stop_texts"),
        (lambda p: mark_bounced("email", p.email, **BY), "patients.contact_bounced"),
        (lambda p: mark_bounced("text", p.e164, **BY), "patients.contact_bounced"),
    ],
)
def test_it_is_about_one(patient, other, verb, action):
    before, version = all_of(other), patient.version
    for _twice in range(2):
        verb(patient)
    assert all_of(other) == before
    patient.refresh_from_db()
    assert patient.version == version + 1
    assert [e.subject_id for e in AuditEvent.objects.filter(action=action)] == [patient.pk]


def test_start_is_about_one_number_too(patient, other):
    for number in (patient.e164, other.e164, "+15195550167"):
        stop_texts(number, **BY)
    before = all_of(other)
    assert [start_texts(patient.e164, **BY) for _twice in range(2)] == [1, 0]
    assert all_of(other) == before


def test_taking_one_consent_back_leaves_the_others_and_what_was_refused(patient, other):
    withdraw_consent(patient, "C2", **BY)
    assert not withdraw_consent(patient, "C1", **BY)
    assert [(c.code, c.withdrawn_at) for c in consents_of(patient)] == [("C1", None), ("C2", WEDNESDAY), ("C3", None)]
    assert {c.patient_id for c in consents_of(patient)} == {patient.pk}
