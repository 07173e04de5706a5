"""`/md/`: a physician's day, and one patient's answers on one page."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment
from intake.actions import publish_all
from intake.models import QuestionnaireResponse
from tests.staff.conftest import DEMO_PEOPLE, answered

OWN_WORDS = "I mostly want to know if it is too late"


def review_of(visit: Appointment) -> str:
    return f"/md/review/{visit.public_id}/"


def day_of(visit: Appointment) -> str:
    return f"/md/?date={clock.local(visit.starts_at).date()}"


def test_the_day_lists_own_visits_with_the_next_on_top(
    doctor: Client, sent: Appointment, make_visit: Any, make_patient: Any, make_practitioner: Any
) -> None:
    other = make_practitioner("Dr. Priya Raman")
    make_visit(make_patient("Noor", "Aziz"), sent.starts_at, practitioner=other)
    make_visit(make_patient("Owen", "Clarke"), sent.starts_at + timedelta(hours=1))
    page = doctor.get(day_of(sent)).content.decode()
    assert "Noor Aziz" not in page, "another physician's"
    assert page.index("Daniel Whitford") < page.index("Owen Clarke")
    assert "Answers sent" in page
    assert "Read the answers" in page


def test_flags_are_shown_only_when_rules_have_looked(doctor: Client, sent: Appointment) -> None:
    assert doctor.get(day_of(sent)).context["rows"][0].flags == []
    QuestionnaireResponse.objects.update(urgent_flags=1, caution_flags=0)
    assert doctor.get(day_of(sent)).context["rows"][0].flags == [("bad", "flag", 1)]


def test_who_is_next_stands_there_with_flags_in_words_and_photos(doctor: Client, sent: Appointment) -> None:
    QuestionnaireResponse.objects.update(urgent_flags=1, caution_flags=2)
    page = re.sub(
        r"\s+|(<[^>]+>)+", " ", doctor.get(day_of(sent)).content.decode().partition('id="next-up"')[2].partition("</section>")[0]
    )
    for said in ("1 must be seen", "2 to check", "0 of 5 photos"):
        assert said in re.sub(" +", " ", page)


def test_of_whom_something_was_asked_the_day_says_so(doctor: Client, sent: Appointment) -> None:
    QuestionnaireResponse.objects.update(asked_at=clock.now())
    page = doctor.get(day_of(sent)).content.decode()
    assert "Waiting on patient" in page
    assert "Answers sent" not in page


def test_the_answers_are_on_one_page(doctor: Client, sent: Appointment) -> None:
    page = doctor.get(review_of(sent)).content.decode()
    for text in ("Daniel Whitford", "First assessment", OWN_WORDS, "All answers", "Answered by the patient"):
        assert text in page


def test_both_ids_lead_to_it(doctor: Client, sent: Appointment) -> None:
    assert OWN_WORDS in doctor.get(f"/md/review/{sent.response.public_id}/").content.decode()


def test_any_physician_reads_a_sent_response(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], sent: Appointment
) -> None:
    stranger = signed_in(make_user("physician", "Dr. Lena Marchetti"))
    assert OWN_WORDS in stranger.get(review_of(sent)).content.decode()


@pytest.mark.parametrize("role", ["reception", "lead"])
def test_nobody_else_reads_it_at_any_address(
    make_user: Callable[..., User], signed_in: Callable[[User], Client], sent: Appointment, role: str
) -> None:
    client = signed_in(make_user(role, "Sam Someone"))
    day = clock.local(sent.starts_at).date()
    assert client.get(review_of(sent)).status_code == 404
    assert client.get("/md/").status_code == 404
    paths = [
        f"/desk/day/{day}/",
        f"/desk/visit/{sent.public_id}/",
        f"/desk/patient/{sent.patient.public_id}/",
        "/desk/find/?q=dan",
    ]
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == 200
        assert OWN_WORDS not in answer.content.decode()


def test_reading_is_in_the_trail_once_for_the_page_and_once_for_the_document(
    doctor: Client, physician: User, sent: Appointment
) -> None:
    doctor.get(review_of(sent))
    events = AuditEvent.objects.filter(actor_id=physician.pk, subject_id=sent.patient_id)
    assert sorted(events.values_list("action", flat=True)) == ["intake.read", "staff.review_read"]


def test_without_a_trail_nothing_is_shown(doctor: Client, sent: Appointment, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("no trail")

    monkeypatch.setattr("intake.document.record_all", broken)
    doctor.raise_request_exception = False
    answer = doctor.get(review_of(sent))
    assert answer.status_code == 500
    assert OWN_WORDS not in answer.content.decode()
    assert "Daniel" not in answer.content.decode()


def test_a_draft_shows_how_far_it_is_and_nothing_it_says(
    doctor: Client, appointment: Appointment, draft: QuestionnaireResponse
) -> None:
    draft.sections_done, draft.patient = 3, appointment.patient
    draft.save()
    appointment.response = draft
    appointment.save()
    page = doctor.get(review_of(appointment)).content.decode()
    assert "In progress, 3 of 8" in page
    assert "All answers" not in page
    assert not AuditEvent.objects.filter(action="intake.read").exists(), "the document stayed closed"


def test_a_draft_of_nobody_is_not_found(doctor: Client, draft: QuestionnaireResponse) -> None:
    assert doctor.get(f"/md/review/{draft.public_id}/").status_code == 404
    assert doctor.get(f"/md/review/{uuid4()}/").status_code == 404


def test_a_physician_without_visits_is_told_so(doctor: Client) -> None:
    assert b"Nothing booked on this day" in doctor.get("/md/").content


def test_that_nobody_is_pregnant_is_said_of_what(doctor: Client, appointment: Appointment) -> None:
    publish_all(by=Actor.system(), now=clock.now())
    appointment.response = answered(appointment.patient, DEMO_PEOPLE[1], hours_ago=19)
    appointment.save()  # the demo's second patient was asked, and said "None of these"
    assert "Pregnancy: none of these</span>" in doctor.get(review_of(appointment)).content.decode()


def test_who_is_here_goes_to_a_room_and_is_done_by_the_physicians_own_press_and_one_step_back(
    doctor: Client, make_visit: Any, make_patient: Any
) -> None:
    visit = make_visit(make_patient("Noor", "Aziz"), clock.now() - timedelta(minutes=5), "arrived")
    for word, status in (("To room", "in_room"), ("Done", "fulfilled")):
        page = doctor.get("/md/").content.decode()
        press = re.search(rf'value="([^"]+)"[^>]*><span>{word}<', page)[1]  # type: ignore[index]
        answer = doctor.post("/md/", {"do": press})
        visit.refresh_from_db()
        assert (answer.status_code, visit.status) == (303, status)
    strip = doctor.get(answer["Location"]).content.decode()
    assert "Noor Aziz is done" in strip
    doctor.post("/md/", {"do": re.search(r'value="(undo:[^"]+)"', strip)[1]})  # type: ignore[index]
    visit.refresh_from_db()
    assert visit.status == "in_room"


def test_a_step_that_was_taken_meanwhile_is_said_on_my_day(doctor: Client, make_visit: Any, make_patient: Any) -> None:
    visit = make_visit(make_patient("Noor", "Aziz"), clock.now(), "in_room", version=4)
    answer = doctor.post("/md/", {"do": f"fulfil:{visit.public_id}:3"})
    assert answer.status_code == 409
    assert "Here is where it is now." in answer.content.decode()


@pytest.mark.parametrize("verb", ["arrive", "confirm", "mark_noshow", "unbook", "x"])
def test_what_is_receptions_to_say_is_no_button_of_a_physician(
    doctor: Client, make_visit: Any, make_patient: Any, verb: str
) -> None:
    visit = make_visit(make_patient("Noor", "Aziz"), clock.now())
    assert doctor.post("/md/", {"do": f"{verb}:{visit.public_id}:{visit.version}"}).status_code == 404


def test_the_visit_of_another_physician_is_not_there_to_be_done(
    doctor: Client, make_visit: Any, make_patient: Any, make_practitioner: Any
) -> None:
    visit = make_visit(make_patient("Noor", "Aziz"), clock.now(), "in_room", practitioner=make_practitioner("Dr. Priya Raman"))
    assert doctor.post("/md/", {"do": f"fulfil:{visit.public_id}:{visit.version}"}).status_code == 404
