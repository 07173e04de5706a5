"""`/fhir/`, for people who work here."""

from collections.abc import Callable

from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment
from intake.actions import attach_patient
from intake.models import QuestionnaireResponse


def test_a_physician_gets_sent_answers_and_the_trail_says_so(
    sent: Appointment, physician: User, signed_in: Callable[[User], Client]
) -> None:
    client, response = signed_in(physician), sent.response
    got = client.get(f"/fhir/QuestionnaireResponse/{response.public_id}")  # type: ignore[union-attr]
    assert (got.status_code, got["Content-Type"], got["Cache-Control"]) == (200, "application/fhir+json", "no-store, private")
    assert got.json()["status"] == "completed"
    events = AuditEvent.objects.filter(actor_id=physician.pk, action__in=["staff.fhir_read", "intake.read"])
    assert sorted(events.values_list("action", flat=True)) == ["intake.read", "staff.fhir_read"]


def test_a_draft_stays_closed(
    appointment: Appointment, draft: QuestionnaireResponse, physician: User, signed_in: Callable[[User], Client]
) -> None:
    attach_patient(draft, appointment.patient, by=Actor.anonymous(), now=clock.now())  # type: ignore[arg-type]
    assert signed_in(physician).get(f"/fhir/QuestionnaireResponse/{draft.public_id}").status_code == 404
    assert not AuditEvent.objects.filter(action="intake.read", actor_id=physician.pk).exists()


def test_the_questionnaire_has_the_clinics_name_in_it(
    sent: Appointment, reception: User, signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(reception)
    got = client.get("/fhir/Questionnaire/hair-loss-intake")
    assert got.status_code == 200 and b"{clinic}" not in got.content
    assert client.get("/fhir/Questionnaire/hair-loss-intake?version=0.0.9").status_code == 404
