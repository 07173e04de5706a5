"""Booking for another person: the helper's contact is kept apart from the patient's, and says who hears from us."""

from datetime import date

import pytest
from django.urls import reverse

from audit.models import AuditEvent
from booking.models import Appointment
from notifications import planner
from notifications.letters import Facts, Letter, compose
from notifications.models import Delivery
from patients.models import ContactCode, Patient
from tests.booking.conftest import DETAILS, text_of
from tests.factories import WEDNESDAY

OTHER = {
    "for": "other", "first_name": "Ines", "last_name": "Lee", "date_of_birth_month": "5", "date_of_birth_day": "9",
    "date_of_birth_year": "1948", "helper_name": "Sam Lee", "helper_relation": "son", "messages_to": "helper", "may_help": "on",
    "own_mobile": "", "own_email": "", "email": "sam@example.com", "mobile": "519-555-0166",
}  # fmt: skip


@pytest.fixture
def booked(walker):
    """Sam booked for his mother."""
    return walker.booked(**OTHER)


def test_the_page_asks_who_it_is_for_and_then_about_both(walker):
    walker.with_time()
    assert "Who is this visit for? Me Someone I help" in text_of(walker.get("details"))
    said = text_of(walker.get("details", query="?for=other"))
    for label in (
        "Their legal first name",
        "Their date of birth",
        "How do you know the patient?",
        "Who hears from us about this visit?",
    ):
        assert label in said


def test_both_contacts_are_kept_apart(booked):
    patient, helper = booked.patient, booked.helper
    assert (patient.full_name, patient.date_of_birth, patient.email, patient.e164) == ("Ines Lee", date(1948, 5, 9), "", "")
    assert (helper.name, helper.relation, helper.email, helper.e164) == ("Sam Lee", "son", "sam@example.com", "+15195550166")
    assert helper.mobile_checked_at == WEDNESDAY
    assert (patient.email_checked_at, patient.mobile_checked_at, booked.needs_call) == (None, None, False)


def test_who_helped_is_in_the_trail_beside_the_booking(booked):
    about = AuditEvent.objects.filter(object_type="booking.appointment", object_id=booked.pk, subject_id=booked.patient_id)
    assert {"booking.book", "booking.name_helper"} <= set(about.values_list("action", flat=True))


def letters(visit):
    planner.tick(now=WEDNESDAY)
    waiting = list(Delivery.objects.filter(message__subject_type="visit", message__kind="booked").select_related("message"))
    facts = Facts.of([d.message for d in waiting])
    made = [compose(d, facts, texts_work=True, now=WEDNESDAY) for d in waiting]
    return [m for m in made if isinstance(m, Letter)]


def test_the_helper_hears_and_reads_for_whom_and_never_why(booked):
    made = letters(booked)
    assert {m.address for m in made} == {"sam@example.com", "+15195550166"}
    mail = next(m for m in made if m.subject)
    assert "Hello Sam" in mail.text
    assert "For Ines, for whom you booked." in mail.text
    assert "hair" not in mail.text.lower()


def test_or_the_person_who_is_coming_does(walker):
    visit = walker.booked(**OTHER | {"messages_to": "patient", "own_email": "ines@example.com"})
    made = letters(visit)
    assert {m.address for m in made} == {"ines@example.com"}
    assert "Hello Ines" in made[0].text


@pytest.mark.parametrize(
    "change, said",
    [
        ({"helper_name": ""}, "Enter your name"),
        ({"helper_relation": ""}, "Enter how you know the patient"),
        ({"first_name": ""}, "Enter their first name"),
        ({"date_of_birth_year": "2031"}, "Their date of birth must be a real date"),
        ({"may_help": ""}, "Tick the box if you may book for them"),
        ({"messages_to": "patient"}, "Give a number or an email of theirs, or choose that you hear from us"),
    ],
)
def test_what_is_missing_is_said_and_what_was_typed_stays(walker, change, said):
    answer = walker.with_time().post("details", **(DETAILS | OTHER | change))
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert f'value="{"9" if "first_name" in change else "Ines"}"' in answer.content.decode()


def test_what_is_wrong_is_listed_in_the_order_of_the_page(walker):
    answer = walker.with_time().post("details", **(DETAILS | OTHER | {"helper_name": "", "mobile": "", "own_mobile": "1"}))
    said = text_of(answer).partition("How do we reach you?")[0]
    assert said.index("Enter your name") < said.rindex("Enter a mobile number")
    assert said.index("Enter a mobile number") < said.index("Enter your name")


def test_the_helper_is_told_who_is_booked_and_not_asked_their_name_again(walker):
    walker.booked(**OTHER)
    assert "Ines is booked" in text_of(walker.get("done"))
    page = walker.client.get(reverse("intake:question", args=[1, 2])).content.decode()
    assert 'value="Sam Lee"' in page
    assert 'value="son"' in page


def ines(**reached):
    """Who comes, with a record of her own."""
    name = {"legal_first_name": "Ines", "legal_last_name": "Lee"}
    return Patient.objects.create(**name, date_of_birth=date(1948, 5, 9), created_at=WEDNESDAY, **reached)


def test_a_helpers_code_opens_nobody_elses_record(walker):
    known = ines(email="ines@example.com")
    visit = walker.booked(**OTHER | {"own_email": "ines@example.com"})
    assert visit.patient != known
    assert known.merge_offers.count() == 0
    assert visit.patient.merge_offers.get().candidate == known


def test_a_family_that_shares_one_address_is_known_by_it(walker):
    known = ines(mobile="+15195550166")
    visit = walker.booked(**OTHER | {"own_mobile": "519-555-0166"})
    assert visit.patient == known


def test_a_visit_they_already_have_is_not_told_to_a_helper(walker):
    walker.booked(**OTHER)
    again = walker.another().with_code(**OTHER)
    assert "already" not in text_of(again.get("check")).lower()


def test_the_desk_sees_who_booked_and_who_hears(booked, signed_in, reception):
    page = text_of(signed_in(reception).get(reverse("staff:visit", args=[booked.public_id])))
    assert "Booked by Sam Lee (son) · 519-555-0166 · sam@example.com · gets the messages about this visit" in page


def test_the_check_page_names_both(walker):
    said = text_of(walker.with_code(**OTHER).get("check"))
    assert "Booked by Sam Lee (son)" in said
    assert "We write to Sam Lee" in said
    assert Appointment.objects.get().status == "held"


def test_choosing_whom_it_is_for_keeps_what_was_typed(walker):
    page = walker.with_time().post("details", **DETAILS, shown="me", **{"for": "other"})
    assert page.status_code == 200
    html = page.content.decode()
    assert 'value="Whitford"' in html
    assert 'value="daniel@example.com"' in html
    assert 'name="helper_name"' in html
    assert "errsum" not in html
    assert not ContactCode.objects.exists()
