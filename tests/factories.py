"""Rows that tests start from, as fixtures. A test states only what matters to it.

The people everybody knows: Maya is a patient, Joanne is at reception, Dr. Osei and Dr. Raman are physicians, Lena leads the
clinic.
"""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Clinic, User
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Availability, Practitioner, Room, Service
from patients.actions import Contact
from patients.models import Patient

PASSWORD = "correct horse battery"  # of everybody who works here
# A Wednesday morning in the clinic, far from any clock change.
WEDNESDAY = datetime(2027, 2, 10, 14, 0, tzinfo=clock.UTC)


@pytest.fixture
def clinic(db: None) -> Clinic:
    """The clinic's one row."""
    Clinic.forget_current()
    return Clinic.objects.create(
        pk=1, name="True North Metabolic", short_name="True North", street="100 Example Street", unit="Suite 200",
        city="Kitchener", postal_code="N2H 0A0", phone="519-555-0142", email="hello@tn.example",
        hours_text="Monday to Friday, 8:30 a.m. to 4:30 p.m.", late_fee_text="$50",
    )  # fmt: skip


def open_weekdays(practitioner: Practitioner) -> None:
    """Monday to Friday, 9 to noon and 1 to 5."""
    Availability.objects.bulk_create(
        Availability(practitioner=practitioner, weekday=day, local_start=time(a), local_end=time(b), valid_from=date(2020, 1, 1))
        for day in range(5)
        for a, b in ((9, 12), (13, 17))
    )


@pytest.fixture
def make_practitioner(clinic: Clinic) -> Callable[..., Practitioner]:
    """Makes a physician who works Monday to Friday, 9 to noon and 1 to 5."""

    def make(name: str = "Dr. Amara Osei", **fields: Any) -> Practitioner:
        practitioner = Practitioner.objects.create(
            name=name, short_name=f"Dr. {name.split()[-1]}", slug=name.split()[-1].lower(), **fields
        )
        open_weekdays(practitioner)
        return practitioner

    return make


@pytest.fixture
def practitioner(make_practitioner: Callable[..., Practitioner]) -> Practitioner:
    """Dr. Osei."""
    return make_practitioner()


@pytest.fixture
def service(practitioner: Practitioner) -> Service:
    """The first assessment, performed by Dr. Osei; no questionnaire, so that a test may leave it out."""
    service = Service.objects.create(
        slug="first-assessment", name="First assessment", minutes=30, step_minutes=20, online=True, price_text="$150"
    )
    service.practitioners.add(practitioner)
    return service


@pytest.fixture
def room(db: None) -> Room:
    """The treatment room."""
    return Room.objects.create(name="Treatment room", kind="treatment")


def contact_of(**fields: Any) -> Contact:
    """What Maya types on the details page."""
    return Contact(
        **{
            "first_name": "Maya", "last_name": "Chowdhury", "date_of_birth": date(1991, 6, 2),
            "email": "maya@example.com", "mobile": "+15195550181",
        } | fields
    )  # fmt: skip


@pytest.fixture
def patient(clinic: Clinic) -> Patient:
    """Maya."""
    return Patient.objects.create(
        legal_first_name="Maya", legal_last_name="Chowdhury", date_of_birth=date(1991, 6, 2), email="maya@example.com",
        mobile="+15195550181", created_at=WEDNESDAY,
    )  # fmt: skip


def next_weekday_at(hour: int, minute: int = 0, *, now: datetime | None = None, days: int = 7) -> datetime:
    """A weekday about `days` days from `now`, at that time on the clinic's clock."""
    day = clock.local(now or clock.now()).date() + timedelta(days=days)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return clock.instant(day, time(hour, minute), clock.clinic_zone())


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """Makes a person who works here."""

    def make(role: str, name: str, **fields: Any) -> User:
        return User.objects.create_user(f"{name.split()[-1].lower()}@tn.example", PASSWORD, name=name, role=role, **fields)

    return make


@pytest.fixture
def reception(make_user: Callable[..., User]) -> User:
    """Joanne, at reception."""
    return make_user("reception", "Joanne Miller")


@pytest.fixture
def physician(make_user: Callable[..., User], practitioner: Practitioner) -> User:
    """Dr. Osei's account."""
    user = make_user("physician", "Dr. Amara Osei")
    practitioner.user = user
    practitioner.save()
    return user


@pytest.fixture
def lead_user(make_user: Callable[..., User]) -> User:
    """Lena, who leads the clinic."""
    return make_user("lead", "Lena Marchetti")


@pytest.fixture
def signed_in(settings: Any) -> Callable[[User], Client]:
    """A browser in which that person is signed in, second factor taken as given."""
    settings.STAFF_MFA_REQUIRED = False

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def proven(client: Client) -> Client:
    """That browser of somebody who works here, after the password was typed just now."""
    client.post("/staff/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def appointment(service: Service, practitioner: Practitioner, patient: Patient, reception: User) -> Appointment:
    """Maya's first assessment with Dr. Osei, in about a week at 10."""
    now = clock.now()
    return actions.book_for(
        service, practitioner, next_weekday_at(10, now=now), patient=patient, contact=None, by=Actor.staff(reception), now=now
    )
