"""/me/data/: everything in one file, and corrections that staff answer."""

import io
import json
import zipfile
from datetime import timedelta

import pytest

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from intake.actions import ask_correction
from intake.corrections import Correction
from patients.models import Patient
from portal.views import data
from tests.booking.conftest import text_of
from tests.factories import WEDNESDAY
from tests.portal.conftest import signs_in


def test_the_file_holds_details_answers_and_photos_for_people_and_programs(daniel, sent):
    answer = daniel.post("/me/data/download/")
    file = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert [n for n in file.namelist() if n.endswith(".pdf")] == ["answers-1-2027-02-10.pdf"]
    whole = json.loads(file.read("my-data.json"))
    assert whole["you"]["email"] == "daniel@example.com"
    assert whole["visits"][0]["reference"] == sent.reference
    assert whole["answers"][0]["as_codes"]["about_sex_birth"] == "male"
    assert {"C1", "C2"} <= {c["code"] for c in whole["consents"]}
    assert "flags" not in file.read("my-data.json").decode()
    assert AuditEvent.objects.filter(action="portal.data_taken", subject_id=sent.patient_id).count() == 1


def test_ten_minutes_after_signing_in_a_code_comes_first(daniel, at):
    at.shift(timedelta(minutes=11))
    answer = daniel.post("/me/data/download/")
    assert answer["Location"] == "/me/prove/?next=%2Fme%2Fdata%2F", "and back to where the button is"


def test_what_was_taken_several_times_today_is_taken_again_tomorrow(maya, at, monkeypatch):
    monkeypatch.setattr(data, "PER_DAY", 1)
    assert maya.post("/me/data/download/").status_code == 200
    assert maya.post("/me/data/download/")["Location"] == "/me/data/"
    assert "Try again tomorrow" in text_of(maya.get("/me/data/"))
    at.shift(timedelta(days=1))
    assert signs_in().post("/me/data/download/").status_code == 200


@pytest.fixture
def asked(maya):
    assert maya.post("/me/data/", {"about": "details", "text": "My name is\nspelled Chaudhury."}).status_code == 303
    return Correction.objects.get()


def test_a_correction_is_sealed_and_waits_on_the_page(maya, asked):
    assert b"Chaudhury" not in bytes(asked.document)
    assert "My name is spelled Chaudhury. Waiting" in text_of(maya.get("/me/data/"))


def test_ones_own_corrections_are_listed_the_newest_first(maya, asked, patient, at):
    someone = Patient.objects.create(legal_first_name="N", legal_last_name="A", date_of_birth="1980-01-01", created_at=WEDNESDAY)
    ask_correction(someone, about="details", text="Mine is another one", by=Actor.patient(someone.pk), now=clock.now())
    at.shift(timedelta(minutes=1))
    maya.post("/me/data/", {"about": "details", "text": "The second"})
    page = maya.get("/me/data/")
    assert text_of(page).index("The second") < text_of(page).index("spelled Chaudhury")
    assert "Mine is another one" not in text_of(page)


def test_nothing_typed_is_asked_for_in_words(maya):
    answer = maya.post("/me/data/", {})
    assert answer.status_code == 422
    assert "Choose what it is about" in text_of(answer)


def test_reception_answers_it_and_the_patient_reads_that(maya, asked, signed_in, reception):
    desk = signed_in(reception)
    assert "1 correction asked for by a patient" in text_of(desk.get("/desk/calls/"))
    assert "spelled Chaudhury." in text_of(desk.get("/staff/corrections/"))
    url = f"/staff/corrections/{asked.public_id}/"
    assert desk.post(url, {"made": "yes", "answer": ""}).status_code == 422
    assert desk.post(url, {"made": "yes", "answer": "Thank you. It is right now."}).status_code == 303
    assert "Thank you. It is right now. Corrected" in text_of(maya.get("/me/data/"))
    desk.post(url, {"made": "no", "answer": "Again"})
    asked.refresh_from_db()
    assert asked.made is True


def test_what_is_about_answers_is_read_by_physicians_only(maya, signed_in, reception, physician):
    maya.post("/me/data/", {"about": "answers", "text": "I do take biotin."})
    assert "biotin" not in text_of(signed_in(reception).get("/staff/corrections/"))
    assert "biotin" in text_of(signed_in(physician).get("/staff/corrections/"))
    reads = AuditEvent.objects.filter(action="intake.read_correction", actor_kind="staff")
    assert [e.actor_id for e in reads] == [physician.pk]
