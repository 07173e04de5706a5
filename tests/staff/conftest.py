"""A day at the clinic."""

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Browser, Page

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from booking.models import Appointment, Practitioner, Service
from intake.actions import complete, publish_all, save_contact, start_draft
from intake.demo import PEOPLE
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests.answering import fill
from tests.looks.conftest import open_page
from tests.staff.reviews import another

DEMO_PEOPLE: list[dict[str, Any]] = json.loads(PEOPLE.read_text(encoding="utf-8"))


@pytest.fixture
def desk(clinic: Any, reception: User, signed_in: Callable[[User], Client]) -> Client:
    """Joanne's browser."""
    return signed_in(reception)


@pytest.fixture
def window(live_server: Any, browser: Browser, signed_in: Callable[[User], Client]) -> Callable[..., Page]:
    """Opens a page of the running site in a browser in which that person is signed in."""

    def open_window(user: User, path: str, *, width: int = 1440, theme: str = "light", scripts: bool = True) -> Page:
        page = open_page(browser, width=width, theme=theme, scripts=scripts, at=live_server.url)
        session = signed_in(user).cookies["session"].value
        page.context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
        page.goto(path)
        return page

    return open_window


@pytest.fixture
def make_patient(clinic: Any) -> Callable[..., Patient]:
    """Makes a patient."""

    def make(first: str, last: str, **fields: Any) -> Patient:
        values: dict[str, Any] = {"date_of_birth": date(1980, 1, 1), "created_at": clock.now()} | fields
        return Patient.objects.create(legal_first_name=first, legal_last_name=last, **values)

    return make


@pytest.fixture
def make_visit(service: Service, practitioner: Practitioner) -> Callable[..., Appointment]:
    """Makes a visit as it stands in the database, at any time and in any status."""

    def make(patient: Patient, start: datetime, status: str = "booked", **fields: Any) -> Appointment:
        now = clock.now()
        values: dict[str, Any] = {
            "service": service, "practitioner": practitioner, "starts_at": start,
            "ends_at": start + timedelta(minutes=service.minutes), "local_start": "", "zone": "America/Toronto",
            "created_at": now, "changed_at": now,
        } | fields  # fmt: skip
        return Appointment.objects.create(patient=patient, status=status, **values)

    return make


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant on the clinic's clock."""
    return clock.instant(day, time(hour, minute), clock.clinic_zone())


class Statements(CaptureQueriesContext):
    """The statements of a page itself: without session, sign-in and savepoints."""

    def __init__(self) -> None:
        super().__init__(connection)

    def of_page(self) -> list[str]:
        """What counts."""
        skip = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")
        aside = ('FROM "django_session"', 'UPDATE "django_session"', 'FROM "accounts_user" WHERE', 'FROM "accounts_clinic"')
        texts = [q["sql"] for q in self.captured_queries]
        return [t for t in texts if not t.startswith(skip) and not any(a in t for a in aside)]


@pytest.fixture
def sent(appointment: Appointment) -> Appointment:
    """A visit whose patient, Daniel, has sent the questionnaire."""
    publish_all(by=Actor.system(), now=clock.now())
    appointment.service.questionnaire = "hair-loss-intake"
    appointment.service.save()
    appointment.response = answered(appointment.patient, DEMO_PEOPLE[0], hours_ago=20)
    appointment.save()
    return appointment


def answered(patient: Patient, person: dict[str, Any], *, hours_ago: int) -> QuestionnaireResponse:
    """What the demo's person has sent, as this patient, who gets their name."""
    patient.legal_first_name, patient.legal_last_name = person["first_name"], person["last_name"]
    patient.date_of_birth = date.fromisoformat(person["date_of_birth"])
    patient.email, patient.reminder_by = f"{person['first_name']}.{person['last_name']}@example.com".lower(), "text_email"
    patient.save()
    by, at = Actor.patient(patient.pk), clock.now() - timedelta(hours=hours_ago)
    draft = start_draft("hair-loss-intake", by=by, now=at)
    contact = {name: person[name] for name in ("first_name", "last_name", "date_of_birth")}
    contact |= {"email": patient.email, "mobile": patient.e164, "reminder_by": patient.reminder_by}
    save_contact(draft, contact, by=by, now=at)
    fill(draft, person["answers"], by=by, now=at + timedelta(minutes=5))
    at += timedelta(minutes=8)
    return complete(draft, patient=patient, declared_at=at, signature=patient.full_name, by=by, now=at)


@pytest.fixture
def draft(clinic: Any) -> QuestionnaireResponse:
    """A questionnaire that somebody has begun."""
    now = clock.now()
    publish_all(by=Actor.system(), now=now)
    return start_draft("hair-loss-intake", by=Actor.anonymous(), now=now)


@pytest.fixture
def doctor(physician: User, signed_in: Callable[[User], Client]) -> Client:
    """Dr. Osei's browser."""
    return signed_in(physician)


@pytest.fixture
def colleague(make_user: Callable[..., User]) -> User:
    return make_user("physician", "Dr. Priya Raman")


@pytest.fixture
def three(sent: Appointment, make_visit: Any, make_patient: Any) -> list[Appointment]:
    """Daniel's visit in a week, and two who come tomorrow and in a fortnight."""
    found = [sent]
    for days, last in ((1, "Tomorrow"), (14, "Later")):
        patient = make_patient("Some", last)
        found.append(make_visit(patient, clock.now() + timedelta(days=days), response=another(sent.response, patient)))
    return found
