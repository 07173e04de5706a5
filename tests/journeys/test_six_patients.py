"""The six scripted patients of the clinical draft, from the first page to booked, on a phone, with photos. Each raises exactly
its flags, and none of them is told. `make journeys ARGS="tests/journeys/test_six_patients.py"` prints what each one cost."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from accounts import clock
from audit.actor import Actor
from booking import calendar
from booking.actions import book_for
from booking.models import Appointment, Service
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from patients.actions import Contact
from tests.intake.pictures import jpeg
from tests.journeys.conftest import PASSWORD, send
from tests.journeys.patient import Patient
from tests.journeys.person import axe_violations

PEOPLE = {p["name"]: p for p in json.loads((Path(__file__).parents[1] / "intake/patients.json").read_text())["patients"]}
MAN_32, WOMAN_45, MAN_58, WOMAN_27, WOMAN_66, PERSON = PEOPLE


@pytest.fixture
def photo(tmp_path):
    """The phone's camera roll: one photo."""
    path = tmp_path / "IMG_0001.jpg"
    path.write_bytes(jpeg())
    return path


def newest(post, words):
    return next(mail for mail in reversed(post.mails) if words in mail["subject"])


def to_the_end(patient, post):
    """From the time to booked."""
    assert patient.path == "/book/time/", patient.paths[-4:]
    patient.press(re.compile("Take this time"))
    patient.answer_page()
    assert patient.path == "/book/code/", patient.page.locator("main").inner_text()
    send()
    code = re.search(r"(\d{3})\s?(\d{3})", newest(post, "code")["subject"])
    patient._type(patient.page.get_by_role("textbox").first, f"{code[1]} {code[2]}")
    patient.press("Continue")
    patient.sign_and_book()


def settle(person, patient, how, record_property, *, also=(), photos=True):
    """Sent, with exactly the flags of the script (and `also`); no flag in what the patient saw; what it cost is noted."""
    record_property("walk", [person["name"], how, patient.presses, patient.fields, patient.pages, round(patient.seconds, 1)])
    visit = Appointment.objects.latest("pk")
    response = QuestionnaireResponse.objects.get(pk=visit.response_id)
    assert response.status == "completed"
    document = decrypt(response)
    assert sorted(flag["code"] for flag in document.flags["found"]) == sorted([*person["flags"], *also])
    urgent = [code for code in person["flags"] if code.startswith("U")]
    assert response.urgent_flags == len(urgent)
    views = {name for name in person["answers"] if name.startswith("photo_")} - {"photo_consent"}
    assert set(response.photos.values_list("link_id", flat=True)) == (views if photos else set())
    seen = patient.page.locator("main").inner_text()
    assert not any(flag["message"] in seen for flag in document.flags["found"])
    return visit


@pytest.mark.journey
@pytest.mark.parametrize("name", [MAN_32, MAN_58, WOMAN_66])
def test_a_scripted_patient_books_from_a_phone_and_raises_exactly_their_flags(person, post, photo, record_property, name):
    patient = person(kind=Patient).play(PEOPLE[name])
    patient.begin()
    patient.answer_questions(photo=photo)
    to_the_end(patient, post)
    visit = settle(PEOPLE[name], patient, "phone", record_property)

    # The physician opens the page, and what must be seen first is there.
    doctor = person(width=1440)
    doctor.go("/staff/login/")
    doctor.page.get_by_label("Email").fill(visit.practitioner.user.email)
    doctor.page.locator("input[type=password]").fill(PASSWORD)
    doctor.press(re.compile("^Sign in$"))
    doctor.go(f"/md/review/{visit.public_id}/")
    read = doctor.page.locator("main").inner_text()
    for flag in decrypt(visit.response).flags["found"]:
        assert flag["severity"] != "urgent" or flag["message"] in read, flag["code"]


@pytest.mark.journey
def test_one_goes_on_half_way_on_another_device(person, post, photo, record_property):
    patient = person(kind=Patient).play(PEOPLE[WOMAN_45])
    patient.begin()
    patient.answer_questions(until="/book/questions/5/1/")
    patient.press("Save and finish later")
    patient._type(patient.page.get_by_label(re.compile("mobile|email", re.I)).first, "robin.h@example.com")
    patient.press("Send me the link")
    send()
    link = re.search(r"https?://\S+/book/resume/\w{16}/", newest(post, "Pick up").get_body(("plain",)).get_content())[0]

    tablet = person(kind=Patient, width=820).goes_on_for(patient)
    tablet.go(link)
    tablet._type(tablet.page.get_by_label("Your year of birth"), "1982")
    tablet.press("Continue")
    tablet.answer_questions(photo=photo)
    to_the_end(tablet, post)
    settle(PEOPLE[WOMAN_45], tablet, "phone, then tablet by link", record_property)
    # What the phone shows now is booked; its link is dead.
    patient.go(link)
    assert patient.heading == "This link no longer works"


@pytest.mark.journey
def test_one_has_no_javascript(person, post, photo, record_property):
    patient = person(kind=Patient, script=False).play(PEOPLE[WOMAN_27])
    patient.begin()
    patient.answer_questions(photo=photo)
    to_the_end(patient, post)
    settle(PEOPLE[WOMAN_27], patient, "phone, no JavaScript", record_property)


@pytest.mark.journey
def test_one_answers_on_the_phone_and_reception_types(person, post, record_property):
    script, now = PEOPLE[PERSON], clock.now()
    caller = Contact(
        first_name="Robin", last_name="Hale", preferred_name="", date_of_birth=date.fromisoformat(script["about_dob"]),
        email="robin.h@example.com", mobile="+15195550178", reminder_by="email", voicemail_ok=False,
    )  # fmt: skip
    service = Service.objects.get(slug="first-assessment")
    slot = calendar.soonest(service, now=now)[0]
    who = next(p for p in calendar.people(service) if p.pk == slot.practitioner_id)
    visit = book_for(service, who, slot.start, patient=None, contact=caller, by=Actor("staff", None, "reception"), now=now)

    joanne = person(kind=Patient, width=1440).play(script)
    joanne.go("/staff/login/")
    joanne.page.get_by_label("Email").fill("joanne@tn.example")
    joanne.page.locator("input[type=password]").fill(PASSWORD)
    joanne.press(re.compile("^Sign in$"))
    joanne.play(script).go(f"/desk/visit/{visit.public_id}/")
    joanne.press(re.compile("with the patient|by phone", re.I))
    assert "Robin Hale" in joanne.page.locator(".desk-bar").inner_text()
    joanne.answer_questions()
    assert joanne.path == "/book/check/", joanne.paths[-3:]
    assert axe_violations(joanne.page) == []
    joanne.page.locator("[name=finish_declare]").check(force=True)
    joanne._type(joanne.page.locator("[name=finish_signature]"), "Robin Hale")
    joanne.press("Send my answers")
    # Helped by staff (I10), and without the photos that are recommended (I06).
    settle(script, joanne, "by staff, on the phone", record_property, also=["I06", "I10"], photos=False)
    # It is sent: the desk sees that it is there, and none of it.
    assert joanne.path == f"/desk/visit/{visit.public_id}/"
    joanne.go("/book/questions/")
    assert "/book/questions" not in joanne.path
