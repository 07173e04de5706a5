"""`/desk/find/` and `/desk/patient/<id>/`."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions, calendar
from booking.models import Appointment, Practitioner
from patients.models import Patient
from staff.search import soundex
from staff.templatetags.desk import found_in


@pytest.fixture
def people(make_patient: Any) -> dict[str, Patient]:
    """Some who are easily confused."""
    return {
        "rene": make_patient("René", "Côté", mobile="+15195550111"),
        "tremblay": make_patient("Olivia", "Tremblay", mobile="+15195550112"),
        "trombley": make_patient("Oscar", "Trombley", mobile="+15195550113"),
        "trent": make_patient("Tremaine", "Adams"),
    }


def names(page: Any) -> list[str]:
    return [hit.patient.full_name for hit in page.context["hits"]]


def test_a_whole_number_leads_straight_to_the_patient(desk: Client, people: dict[str, Patient]) -> None:
    for typed in ("519-555-0111", "(519) 555 0111", "+1 519 555 0111", "5195550111"):
        assert desk.get("/desk/find/", {"q": typed})["Location"] == f"/desk/patient/{people['rene'].public_id}/"


def test_a_shared_number_shows_everybody_who_has_it(desk: Client, people: dict[str, Patient], make_patient: Any) -> None:
    make_patient("Luc", "Côté", mobile="+15195550111")
    assert set(names(desk.get("/desk/find/?q=519-555-0111"))) == {"René Côté", "Luc Côté"}


def test_part_of_a_number_finds_all_that_have_it(desk: Client, people: dict[str, Patient]) -> None:
    assert len(names(desk.get("/desk/find/?q=555-011"))) == 3


def test_a_reference_finds_its_patient(desk: Client, appointment: Appointment) -> None:
    for typed in (appointment.reference, appointment.reference.lower().replace("-", "")):
        assert names(desk.get("/desk/find/", {"q": typed})) == ["Maya Chowdhury"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("cote", ["René Côté"]),
        ("rene", ["René Côté"]),
        ("Côté René", ["René Côté"]),
        ("rene c", ["René Côté"]),
        ("trem", ["Tremaine Adams", "Olivia Tremblay"]),
        ("tremblay", ["Olivia Tremblay", "Oscar Trombley"]),
        ("Olivier Trombly", []),
        ("Olyvia Trembley", ["Olivia Tremblay"]),
        ("Trembley Olyvia", ["Olivia Tremblay"]),
        ("zz", []),
        ("%", []),
        ("x", []),
        ("o'%_\\", []),
    ],
)
def test_names_from_their_beginning_then_what_sounds_alike(
    desk: Client, people: dict[str, Patient], typed: str, found: list[str]
) -> None:
    assert names(desk.get("/desk/find/", {"q": typed})) == found


def test_a_result_shows_the_next_visit(desk: Client, appointment: Appointment) -> None:
    assert "next " in desk.get("/desk/find/?q=maya").content.decode()


def test_soundex_is_soundex() -> None:
    pairs = {
        "Robert": "R163",
        "Rupert": "R163",
        "Ashcraft": "A261",
        "Tymczak": "T522",
        "Pfister": "P236",
        "Lee": "L000",
        "李": "",
    }
    assert {name: soundex(name) for name in pairs} == pairs


def test_a_search_is_in_the_trail_without_its_words(desk: Client, people: dict[str, Patient]) -> None:
    desk.get("/desk/find/?q=tremblay")
    event = AuditEvent.objects.get(action="staff.search")
    assert "tremblay" not in str(event.detail)


def test_the_patient_page_shows_contact_visits_and_tasks(desk: Client, appointment: Appointment, reception: User) -> None:
    Appointment.objects.filter(pk=appointment.pk).update(needs_call=True)
    page = desk.get(f"/desk/patient/{appointment.patient.public_id}/").content.decode()
    for text in ("519-555-0181", "maya@example.com", "First assessment", "To be called"):
        assert text in page
    event = AuditEvent.objects.get(action="staff.patient_read")
    assert (event.actor_id, event.subject_id) == (reception.pk, appointment.patient_id)


def test_a_visit_that_was_left_open_is_an_earlier_one(desk: Client, patient: Patient, make_visit: Any) -> None:
    visit = make_visit(patient, clock.now() - timedelta(days=3), "booked")
    page = desk.get(f"/desk/patient/{patient.public_id}/")
    assert (page.context["coming"], page.context["past"]) == ([], [visit])


def test_an_offer_of_the_waiting_list_that_is_out_is_something_to_do(
    desk: Client, appointment: Appointment, practitioner: Practitioner, reception: User
) -> None:
    by, now = Actor.staff(reception), clock.now()
    entry = actions.join(appointment.service, actions.Wishes(), patient=appointment.patient, by=by, now=now)
    url = f"/desk/patient/{appointment.patient.public_id}/"
    assert "On the waiting list" in desk.get(url).content.decode()
    start = calendar.soonest(appointment.service, now=now, limit=1)[0].start
    made = actions.offer(entry, practitioner, start, by=by, now=now)
    page = desk.get(url).content.decode()
    assert f"Offered until {clock.clock_time(made.expires_at)}" in page
    assert "Nothing to do" not in page


def test_a_merged_patient_leads_to_the_one_that_stays(desk: Client, patient: Patient, make_patient: Any) -> None:
    gone = make_patient("Maya", "Chowdhury", merged_into=patient)
    assert desk.get(f"/desk/patient/{gone.public_id}/")["Location"] == f"/desk/patient/{patient.public_id}/"
    assert names(desk.get("/desk/find/?q=maya")) == ["Maya Chowdhury"]


def test_the_trail_shows_that_a_search_was_repeated_and_not_what_for(desk: Client, patient: Patient) -> None:
    """There are few enough phone numbers to try them all against a bare digest."""
    for text in ("chowd", "Chowd", "5195550181"):
        desk.get("/desk/find/", {"q": text})
    kept = [event.detail["query"] for event in AuditEvent.objects.filter(action="staff.search").order_by("pk")]
    assert kept[0] == kept[1] != kept[2]
    assert kept[2] != hashlib.sha256(b"5195550181").hexdigest()[:16]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("5195550", "<mark>519-555-0</mark>111"),
        ("(519) 555", "<mark>519-555</mark>-0111"),
        ("0111", "519-555-<mark>0111</mark>"),
        ("51", "519-555-0111"),
        ("Côté", "519-555-0111"),
        ("999", "519-555-0111"),
    ],
)
def test_the_digits_that_were_typed_are_marked_in_a_number(typed: str, shown: str) -> None:
    assert found_in("519-555-0111", typed) == shown
