"""What was sent opens by the private link, the year of birth and a code: never by what a curious relative knows."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from accounts import clock
from audit.models import AuditEvent
from booking.models import Appointment
from intake.actions import start_draft
from intake.models import QuestionnaireResponse
from patients.actions import digits_of
from patients.models import ContactCode, Patient
from tests.booking.conftest import WEB, Browser, text_of

WAYS = pytest.mark.parametrize("name", ["visit_answers", "visit_photos"])


@pytest.fixture
def sent(visit: Appointment) -> Appointment:
    """Daniel's visit, his answers sent."""
    QuestionnaireResponse.objects.filter(pk=visit.response_id).update(status="completed", completed_at=clock.now())
    return visit


def digits() -> str:
    return digits_of(ContactCode.objects.latest("pk"))


def opened(answer: Any) -> bool:
    return answer.get("Content-Type") == "application/pdf" or answer.get("Location", "").startswith("/book/photos/")


@WAYS
def test_the_year_of_birth_alone_opens_nothing(link: Browser, token: str, sent: Appointment, name: str) -> None:
    answer = link.post(name, token, year="1987")
    assert answer.status_code == 303 and not opened(answer)
    assert not opened(link.get(name, token)) and not opened(link.post(name, token, year="1987"))
    assert link.client.get("/book/photos/?for=visit")["Location"] == "/book/"
    assert "Enter the 6 numbers we sent to 519-555-••78" in text_of(link.get(name, token))


@WAYS
def test_the_code_sent_to_the_number_on_file_opens_it(link: Browser, token: str, sent: Appointment, name: str) -> None:
    link.post(name, token, year="1987")
    code = ContactCode.objects.latest("pk")
    assert (code.channel, code.address, code.purpose) == ("text", "+15195550178", "visit")
    assert opened(link.post(name, token, code=digits()))
    assert opened(link.post(name, token)), "and again for a quarter of an hour"


@WAYS
def test_looking_sends_no_code_and_opens_nothing(link: Browser, token: str, sent: Appointment, name: str) -> None:
    link.post(name, token, year="1987")
    link.post(name, token, code=digits())
    before = ContactCode.objects.count()
    assert not opened(link.get(name, token))
    assert ContactCode.objects.count() == before


def test_five_wrong_codes_are_enough(link: Browser, token: str, sent: Appointment) -> None:
    link.post("visit_answers", token, year="1987")
    wrong = "000000" if digits() != "000000" else "111111"
    for _try in range(5):
        assert link.post("visit_answers", token, code=wrong).status_code == 422
    assert not opened(link.post("visit_answers", token, code=digits()))


def test_it_closes_after_a_quarter_of_an_hour(link: Browser, token: str, sent: Appointment, at: Any) -> None:
    link.post("visit_answers", token, year="1987")
    link.post("visit_answers", token, code=digits())
    at.shift(timedelta(minutes=16))
    answer = link.post("visit_answers", token)
    assert answer.status_code == 422 and not opened(answer)


def test_what_one_visit_opened_opens_no_other(link: Browser, token: str, sent: Appointment) -> None:
    link.post("visit_answers", token, year="1987")
    link.post("visit_answers", token, code=digits())
    session = link.client.session
    for key in ("sent_year", "sent_proof"):
        session[key] = session[key] | {"visit": "00000000-0000-4000-8000-000000000000"}
    session.save()
    assert link.post("visit_answers", token).status_code == 422


def test_a_code_for_an_address_that_is_on_file_no_more_opens_nothing(link: Browser, token: str, sent: Appointment) -> None:
    link.post("visit_answers", token, year="1987")
    Patient.objects.filter(pk=sent.patient_id).update(mobile="+15195550199")
    assert not opened(link.post("visit_answers", token, code=digits()))


def test_it_goes_by_email_if_they_like(link: Browser, token: str, sent: Appointment) -> None:
    link.post("visit_answers", token, year="1987")
    assert "Email it to me" in text_of(link.get("visit_answers", token))
    link.post("visit_answers", token, do="email")
    assert "we sent to d•••••@example.com" in text_of(link.get("visit_answers", token))
    assert opened(link.post("visit_answers", token, code=digits()))


def test_whoever_no_code_can_reach_is_asked_to_call(link: Browser, token: str, sent: Appointment) -> None:
    Patient.objects.filter(pk=sent.patient_id).update(mobile="", email="")
    link.post("visit_answers", token, year="1987")
    assert "Call us, and we help you" in text_of(link.get("visit_answers", token))
    assert not ContactCode.objects.filter(purpose="visit").exists()


def test_codes_to_one_address_are_counted_with_all_others(link: Browser, token: str, sent: Appointment, at: Any) -> None:
    for _n in range(8):
        browser = link.another()
        browser.client.defaults["REMOTE_ADDR"] = f"203.0.113.{_n}"
        at.shift(timedelta(minutes=1))
        browser.post("visit_answers", token, year="1987")
    assert ContactCode.objects.filter(purpose="visit").count() <= 5


def test_a_link_does_not_open_by_trying_every_year(link: Browser, token: str, visit: Appointment, at: Any) -> None:
    """Five tries a quarter of an hour would be all living people's years within one day."""
    for year in range(1930, 1986):
        link.post("visit_questions", token, year=str(year))
        at.shift(timedelta(minutes=4))
    answer = link.post("visit_questions", token, year="1987")
    assert answer.status_code == 429
    assert "Too many tries today. Call us" in text_of(answer)


@pytest.mark.parametrize("name", ["visit_questions", "visit_answers"])
def test_every_year_that_is_tried_is_in_the_trail(link: Browser, token: str, visit: Appointment, name: str) -> None:
    if name == "visit_answers":
        QuestionnaireResponse.objects.filter(pk=visit.response_id).update(status="completed", completed_at=clock.now())
    for year in ("1980", "1987"):
        link.post(name, token, year=year)
    tried = AuditEvent.objects.filter(action__startswith="intake.year").order_by("pk")
    assert [(e.action, e.object_id, e.subject_id) for e in tried] == [
        ("intake.year_wrong", visit.pk, visit.patient_id), ("intake.year_right", visit.pk, visit.patient_id),
    ]  # fmt: skip


@pytest.fixture
def returning(visit: Appointment) -> Appointment:
    """Daniel's visit; he has sent answers for another one before."""
    earlier = start_draft("hair-loss-intake", by=WEB, now=clock.now())
    earlier.patient, earlier.status, earlier.completed_at = visit.patient, "completed", clock.now()
    earlier.save()
    return visit


def test_who_has_sent_answers_before_gives_a_code_before_they_are_offered_again(
    link: Browser, token: str, returning: Appointment
) -> None:
    assert "Some of what you told us last time" in text_of(link.get("visit_questions", token))
    assert link.post("visit_questions", token, year="1987")["Location"] == f"/v/{token}/questions/"
    assert link.client.get("/book/questions/")["Location"] == "/book/"
    assert not AuditEvent.objects.filter(action="intake.offer_answers").exists()
    assert link.post("visit_questions", token, code=digits())["Location"] == "/book/questions/"
    assert AuditEvent.objects.filter(action="intake.offer_answers").count() == 1


def test_from_the_visit_it_is_two_steps_to_a_correction(link: Browser, token: str, sent: Appointment) -> None:
    assert "tell us what has changed" in text_of(link.get("visit", token))
    assert reverse("portal:data") + "#correct" in link.get("visit_answers", token).content.decode()
