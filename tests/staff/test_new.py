"""`/desk/new/`: booking for a caller."""

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts import clock
from booking.models import Appointment, Practitioner, Service
from booking.picker import parse_value, value_of
from notifications.models import Message
from notifications.planner import tick
from patients.models import Patient
from tests.factories import next_weekday_at

CALLER = {
    "new": "1", "first_name": "Ravi", "last_name": "Pillai", "date_of_birth_month": "3", "date_of_birth_day": "27",
    "date_of_birth_year": "1987", "mobile": "519 555 0133", "email": "",
}  # fmt: skip


@pytest.fixture
def slot(practitioner: Practitioner, service: Service) -> str:
    """Next week at 10 with Dr. Osei."""
    return value_of(next_weekday_at(10), practitioner)


def test_a_number_finds_the_patient_and_offers_a_new_one(desk: Client, patient: Patient, service: Service) -> None:
    page = desk.get("/desk/new/?q=519+555+01").content.decode()
    assert "Maya Chowdhury" in page
    assert "New patient, “519 555 01”" in page


def test_a_known_caller_is_booked_in_two_steps(desk: Client, patient: Patient, service: Service) -> None:
    page = desk.get(f"/desk/new/?patient={patient.public_id}").content.decode()
    chosen = re.search(r'name="slot" value="([^"]+)" checked', page).group(1)  # type: ignore[union-attr]
    data = {"patient": patient.public_id, "service": service.public_id, "slot": chosen, "do": "book"}
    answer = desk.post("/desk/new/", data)
    assert answer.status_code == 303
    visit = Appointment.objects.get()
    assert (visit.patient, visit.source, visit.status) == (patient, "desk", "booked")
    assert b"Booked Maya Chowdhury for" in desk.get(answer["Location"]).content


def test_book_pressed_twice_books_once(desk: Client, patient: Patient, service: Service, slot: str) -> None:
    data = {"patient": patient.public_id, "service": service.public_id, "slot": slot, "do": "book"}
    first, second = (desk.post("/desk/new/", data) for _press in range(2))
    assert (second.status_code, second["Location"]) == (303, first["Location"])
    assert Appointment.objects.count() == 1


def test_a_new_patient_needs_three_facts(desk: Client, service: Service, slot: str) -> None:
    answer = desk.post("/desk/new/", CALLER | {"service": service.public_id, "slot": slot, "do": "book"})
    assert answer.status_code == 303
    patient = Patient.objects.get()
    assert (patient.full_name, patient.e164, patient.reminder_by) == ("Ravi Pillai", "+15195550133", "text")


def test_mistakes_stay_on_the_page_with_what_was_typed(desk: Client, service: Service, slot: str) -> None:
    bad = CALLER | {"first_name": "", "date_of_birth_day": "31", "date_of_birth_month": "2", "mobile": "12"}
    answer = desk.post("/desk/new/", bad | {"service": service.public_id, "slot": slot, "do": "book"})
    assert answer.status_code == 422
    page = answer.content.decode()
    for text in ("Enter the first name", "must be a real date", 'value="Pillai"', 'value="12"', f'value="{slot}" checked'):
        assert text in page
    assert not Appointment.objects.exists()


def test_other_times_keep_what_was_typed(desk: Client, service: Service, practitioner: Practitioner) -> None:
    day = clock.local(next_weekday_at(9, days=14)).date()
    answer = desk.post("/desk/new/", CALLER | {"service": service.public_id, "day": str(day), "do": "times"})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'value="Ravi"' in page
    assert 'value="1987"' in page
    assert value_of(next_weekday_at(9, days=14), practitioner) in page


def test_a_name_that_was_searched_fills_the_form(desk: Client, service: Service) -> None:
    page = desk.get("/desk/new/?new=1&q=ravi+pillai").content.decode()
    assert 'value="Ravi"' in page
    assert 'value="Pillai"' in page


def test_the_same_number_asks_whether_it_is_the_same_person(desk: Client, patient: Patient, service: Service, slot: str) -> None:
    data = CALLER | {"mobile": "519-555-0181", "service": service.public_id, "slot": slot}
    asked = desk.post("/desk/new/", data | {"do": "book"})
    assert asked.status_code == 409
    page = asked.content.decode()
    assert "Same number as Maya Chowdhury, born 1991. Same person?" in page
    use = re.search(r'value="(use:[^"]+)"', page).group(1)  # type: ignore[union-attr]
    used = desk.post("/desk/new/", data | {"do": use}).content.decode()
    assert f'name="patient" value="{patient.public_id}"' in used
    assert desk.post("/desk/new/", data | {"do": "different"}).status_code == 303
    assert Appointment.objects.get().patient.full_name == "Ravi Pillai"


def test_a_full_time_warns_and_is_overbooked_on_purpose(
    desk: Client, appointment: Appointment, service: Service, make_patient: Any
) -> None:
    other = make_patient("Ann", "Test")
    data = {
        "patient": other.public_id,
        "service": service.public_id,
        "slot": value_of(appointment.starts_at, appointment.practitioner),
    }
    warned = desk.post("/desk/new/", data | {"do": "book"})
    assert warned.status_code == 409
    assert "Dr. Osei already has someone at 10:00" in warned.content.decode()
    yes = {"do": "anyway", "told": warned.context["page"].warning.told}
    assert f'name="told" value="{yes["told"]}"' in warned.content.decode()
    assert desk.post("/desk/new/", data | yes).status_code == 303
    assert Appointment.objects.get(patient=other).lane == 1


def test_a_patient_cannot_be_in_two_places(
    desk: Client, appointment: Appointment, service: Service, make_practitioner: Any
) -> None:
    other = make_practitioner("Dr. Priya Raman")
    service.practitioners.add(other)
    data = {
        "patient": appointment.patient.public_id,
        "service": service.public_id,
        "slot": value_of(appointment.starts_at, other),
    }
    answer = desk.post("/desk/new/", data | {"do": "book"})
    assert answer.status_code == 409
    assert "Maya already has a visit" in answer.content.decode()


def test_an_opening_of_the_day_stays_chosen(desk: Client, patient: Patient, slot: str) -> None:
    found = desk.get("/desk/new/", {"at": slot, "q": "maya"}).content.decode()
    link = re.search(rf'href="\?(patient={patient.public_id}[^"]*)"', found).group(1)  # type: ignore[union-attr]
    page = desk.get(f"/desk/new/?{link.replace('&amp;', '&')}").content.decode()
    assert f'value="{slot}" checked' in page


def test_who_has_been_is_offered_the_same_as_last_time_and_a_first_visit_only_once(
    desk: Client, patient: Patient, practitioner: Practitioner, make_visit: Callable[..., Appointment]
) -> None:
    again = [Service.objects.create(slug=f"s{n}", name=f"Again {n}", minutes=20, position=n) for n in (1, 2)]
    for each in again:
        each.practitioners.add(practitioner)
    make_visit(patient, next_weekday_at(9, days=-20), "fulfilled")

    def offered() -> str:
        found = desk.get("/desk/new/?q=maya").content.decode()
        link = re.search(rf'href="(\?patient={patient.public_id}[^"]*)"', found).group(1)  # type: ignore[union-attr]
        page = desk.get(f"/desk/new/{link.replace('&amp;', '&')}").content.decode()
        return re.search(r'value="([^"]+)" selected', page).group(1)  # type: ignore[union-attr]

    assert offered() == str(again[0].public_id), "a first visit is no second one"
    Appointment.objects.update(service=again[1])
    assert offered() == str(again[1].public_id)


def test_once_another_day_is_chosen_no_earlier_time_is_and_those_of_the_day_are_open(
    desk: Client, patient: Patient, service: Service, slot: str
) -> None:
    data = {"patient": patient.public_id, "service": service.public_id, "slot": slot, "do": "times"}
    same, other = clock.local(next_weekday_at(10)).date(), clock.local(next_weekday_at(10, days=14)).date()
    assert '<details class="more-times" open>' not in desk.post("/desk/new/", data | {"day": str(same)}).content.decode()
    page = desk.post("/desk/new/", data | {"day": str(other)}).content.decode()
    assert '<details class="more-times" open>' in page
    assert re.findall(r'value="([^"]+)" checked data-focus-now', page)[0].startswith(str(other))


@pytest.mark.parametrize("do", ["book", "anyway", "different", "", "use:x"])
def test_nonsense_books_nothing(desk: Client, service: Service, do: str) -> None:
    answer = desk.post("/desk/new/", {"slot": "x", "service": "y", "day": "z", "do": do})
    assert answer.status_code in {404, 422}
    assert not Appointment.objects.exists()


def test_a_patient_who_is_not_there_is_not_found(desk: Client, service: Service) -> None:
    assert desk.get(f"/desk/new/?patient={uuid4()}").status_code == 404


def test_times_stay_soonest_first_after_another_visit_type_is_chosen(
    desk: Client, patient: Patient, service: Service, practitioner: Practitioner
) -> None:
    longer = Service.objects.create(slug="longer", name="Longer visit", minutes=60, step_minutes=30)
    longer.practitioners.add(practitioner)
    later = value_of(next_weekday_at(14, days=9), practitioner)
    page = desk.post(
        "/desk/new/",
        {"patient": str(patient.public_id), "old_service": str(service.public_id), "service": str(longer.public_id),
         "slot": later, "do": "times"},
    ).content.decode()  # fmt: skip
    offered = [parse_value(v) for v in re.findall(r'name="slot" value="(\d[^"]+)"', page.split("more-times")[0])]
    starts = [found[0] for found in offered if found]
    assert len(starts) == 6, "the five soonest, and the one that was chosen"
    assert starts == sorted(starts)


def test_a_time_that_does_not_suit_the_new_visit_type_is_let_go(
    desk: Client, patient: Patient, service: Service, practitioner: Practitioner
) -> None:
    longer = Service.objects.create(slug="longer", name="Longer visit", minutes=180, step_minutes=30)
    longer.practitioners.add(practitioner)
    at_eleven = value_of(next_weekday_at(11), practitioner)
    page = desk.post(
        "/desk/new/",
        {"patient": str(patient.public_id), "old_service": str(service.public_id), "service": str(longer.public_id),
         "slot": at_eleven, "do": "times"},
    ).content.decode()  # fmt: skip
    assert at_eleven not in page
    assert page.split("qslots")[1].count(" checked") == 1, "the soonest that suits"


def test_a_booking_can_be_taken_back_and_nobody_hears_of_it(desk: Client, patient: Patient, service: Service, slot: str) -> None:
    made = desk.post(
        "/desk/new/", {"patient": str(patient.public_id), "service": str(service.public_id), "slot": slot, "do": "book"}
    )
    page = desk.get(made["Location"]).content.decode()
    undo = re.search(r'class="toast".*?value="(unbook:[^"]+)"', page, re.DOTALL).group(1)  # type: ignore[union-attr]
    back = desk.post(made["Location"].partition("?")[0], {"do": undo})
    visit = Appointment.objects.get()
    assert (visit.status, visit.cancel_reason) == ("cancelled", "by-mistake")
    tick(now=clock.now())
    assert not Message.objects.filter(kind__startswith="cancelled").exists()
    page = desk.get(back["Location"]).content.decode()
    assert "Took back the booking of Maya Chowdhury" in page
    again = re.search(r'class="toast".*?value="(undo:[^"]+)"', page, re.DOTALL).group(1)  # type: ignore[union-attr]
    desk.post(made["Location"].partition("?")[0], {"do": again})
    visit.refresh_from_db()
    assert visit.status == "booked"


def test_who_called_for_the_patient_is_noted_with_the_booking(
    desk: Client, patient: Patient, service: Service, slot: str
) -> None:
    data = {
        "patient": str(patient.public_id), "service": str(service.public_id), "slot": slot, "called": "helper",
        "helper-name": "Sam Lee", "helper-relation": "son", "helper-mobile": "519 555 0166", "helper-gets_messages": "on",
    }  # fmt: skip
    times = desk.post("/desk/new/", data | {"helper-name": "", "do": "times"})
    assert (times.status_code, "Enter the name" in times.content.decode()) == (200, False), "nothing is checked yet"
    wrong = desk.post("/desk/new/", data | {"helper-name": "", "do": "book"})
    assert wrong.status_code == 422
    assert "Enter the name" in wrong.content.decode()
    assert 'value="519 555 0166"' in wrong.content.decode()
    made = desk.post("/desk/new/", data | {"do": "book"})
    assert made.status_code == 303
    visit = Appointment.objects.get()
    assert (visit.helper.name, visit.helper.relation, visit.reach.e164) == ("Sam Lee", "son", "+15195550166")
    assert patient.mobile != visit.helper.mobile
    page = desk.get(f"/desk/visit/{visit.public_id}/").content.decode()
    assert "Noted who called for the patient" in page
    again = desk.get(f"/desk/new/?patient={patient.public_id}").content.decode()
    assert 'value="Sam Lee"' in again, "who helped before is not asked for again"
    assert re.search(r'name="called" value="patient" checked', again), "and is not taken to be calling"


def test_a_patient_who_calls_needs_no_helper(desk: Client, patient: Patient, service: Service, slot: str) -> None:
    data = {"patient": str(patient.public_id), "service": str(service.public_id), "slot": slot, "called": "patient"}
    desk.post("/desk/new/", data | {"helper-name": "left over", "helper-relation": "", "do": "book"})
    assert Appointment.objects.get().helper is None


def test_a_start_that_leaves_the_rest_in_one_piece_is_marked_and_nothing_is_left_out(
    desk: Client, patient: Patient, service: Service, slot: str
) -> None:
    day = clock.local(next_weekday_at(10)).date()
    page = desk.get(f"/desk/new/?patient={patient.public_id}&service={service.public_id}&day={day}").content.decode()
    offered = re.findall(r'<label class="sbtn qs num( snug)?"><input type="radio" name="slot" value="([^"]+)"', page)
    assert [bool(mark) for mark, _value in offered].count(True) == 4, "morning and afternoon, from either end"
    assert slot in [value for _mark, value in offered]
    assert bool(offered[0][0]) and bool(offered[-1][0])
