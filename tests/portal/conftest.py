"""Where tests of a patient's own account start: Maya, her visit, a browser that signed in by code."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client

from booking.models import Appointment
from patients.actions import digits_of
from patients.models import ContactCode, Patient
from tests.booking.conftest import assessment, books, on  # noqa: F401
from tests.factories import WEDNESDAY

BORN = {"date_of_birth_month": "6", "date_of_birth_day": "2", "date_of_birth_year": "1991"}


@pytest.fixture(autouse=True)
def at(clinic: Any) -> Iterator[time_machine.Traveller]:
    """Nine on a Wednesday; `at.shift(...)` moves on."""
    with time_machine.travel(WEDNESDAY, tick=False) as traveller:
        yield traveller


def typed() -> dict[str, str]:
    """The digits of the newest code."""
    return {"code": digits_of(ContactCode.objects.latest("pk"))}


def signs_in(address: str = "maya@example.com", born: dict[str, str] | None = None, client: Client | None = None) -> Client:
    """A browser after address, code and date of birth."""
    client = client or Client()
    assert client.post("/me/sign-in/", {"address": address}).status_code == 303
    assert client.post("/me/sign-in/code/", typed())["Location"] == "/me/sign-in/who/"
    client.post("/me/sign-in/who/", born or BORN)
    return client


@pytest.fixture
def maya(patient: Patient) -> Client:
    """Maya, signed in by a code to her email address."""
    client = signs_in()
    assert client.get("/me/").status_code == 200
    return client


@pytest.fixture
def visit(appointment: Appointment) -> Appointment:
    """Maya's visit in a week."""
    return appointment


@pytest.fixture
def sent(assessment: Any) -> Appointment:  # noqa: F811
    """Daniel answered everything and booked."""
    return books(assessment, on(11, 10), answers=True)


@pytest.fixture
def daniel(sent: Appointment) -> Client:
    """Daniel, signed in."""
    return signs_in("daniel@example.com", {"date_of_birth_month": "3", "date_of_birth_day": "27", "date_of_birth_year": "1987"})
