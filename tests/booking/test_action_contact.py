"""booking.actions.change_contact: who reads the old address cannot open the visit any more."""

from dataclasses import replace
from datetime import timedelta

import pytest

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.links import find_visit, token_of
from patients.actions import codes
from patients.actions.errors import PatientError
from patients.helpers import HelperContact
from patients.models import Patient
from tests.factories import WEDNESDAY, contact_of, next_weekday_at

SAM = HelperContact("Sam Lee", "son", "sam@example.com", "+15195550166", "text_email", voicemail_ok=False, gets_messages=True)


def change(visit, desk, **fields):
    now = {"email": visit.patient.email, "mobile": visit.patient.e164, "reminder_by": "email", "voicemail_ok": False}
    return actions.change_contact(visit.patient, **now | fields, by=Actor.staff(desk), now=clock.now())


def test_a_new_address_makes_a_new_link_and_the_old_one_is_dead(appointment, reception):
    old = token_of(appointment)
    change(appointment, reception, email="new@example.com")
    appointment.refresh_from_db()
    assert find_visit(old, now=clock.now()) is None
    assert find_visit(token_of(appointment), now=clock.now()) == appointment


def test_another_way_of_reminding_keeps_the_link(appointment, reception):
    old = token_of(appointment)
    change(appointment, reception, reminder_by="text")
    assert find_visit(old, now=clock.now()) == appointment


def test_somebody_else_who_hears_about_the_visit_gets_another_link_than_who_heard_before(appointment, reception):
    desk = {"by": Actor.staff(reception), "now": clock.now()}
    first = token_of(appointment)
    visit = actions.name_helper(appointment, SAM, **desk)
    assert token_of(visit) == first, "the patient, who had it, keeps it"
    visit = actions.name_helper(visit, replace(SAM, name="Kim Lee", email="kim@example.com", mobile="+15195550167"), **desk)
    assert find_visit(first, now=clock.now()) is None
    assert find_visit(token_of(visit), now=clock.now()) == visit


def test_who_called_is_in_the_trail_of_a_new_visit_and_of_one_that_was_there(appointment, service, practitioner, reception):
    desk = {"by": Actor.staff(reception), "now": clock.now()}
    ines = {"patient": None, "contact": contact_of(first_name="Ines"), "helper": SAM}
    visits = [
        actions.book_for(service, practitioner, next_weekday_at(14), **ines, **desk),
        actions.name_helper(appointment, SAM, **desk),
    ]
    told = AuditEvent.objects.filter(action="booking.name_helper").order_by("pk").values_list("object_id", "subject_id")
    assert list(told) == [(visit.pk, visit.patient_id) for visit in visits]


@pytest.mark.parametrize("before", [SAM, replace(SAM, email="old@example.com", gets_messages=False)])
def test_who_heard_nothing_before_or_is_the_same_leaves_the_link_as_it_is(appointment, reception, before):
    desk = {"by": Actor.staff(reception), "now": clock.now()}
    first = token_of(appointment)
    visit = actions.name_helper(actions.name_helper(appointment, before, **desk), replace(SAM, relation="friend"), **desk)
    assert token_of(visit) == first


@pytest.mark.parametrize("checked", ["", "email", "text"])
def test_a_new_address_is_proven_only_by_a_code_from_it(appointment, reception, checked):
    before = {
        "email_checked_at": WEDNESDAY,
        "mobile_checked_at": WEDNESDAY,
        "email_bounced_at": WEDNESDAY,
        "mobile_bounced_at": WEDNESDAY,
    }
    Patient.objects.filter(pk=appointment.patient_id).update(**before)
    change(appointment, reception, email="new@example.com", mobile="+15195550122", checked=checked)
    patient = Patient.objects.get()
    proven = [way for way, at in (("email", patient.email_checked_at), ("text", patient.mobile_checked_at)) if at]
    assert (proven, patient.email_bounced_at, patient.mobile_bounced_at) == ([checked] if checked else [], None, None)


def test_a_code_asked_for_again_is_owed_anew_and_all_of_it_is_in_the_trail(clinic):
    by, now = {"by": Actor.anonymous()}, WEDNESDAY + timedelta(minutes=5)
    code = codes.ask_code(channel="email", address="a@example.com", purpose="visit", subject_key="x", **by, now=WEDNESDAY)
    with pytest.raises(PatientError):
        codes.check_code(code, "12", **by, now=WEDNESDAY)
    digits = codes.digits_of(code)
    codes.check_code(code, f" {digits[:3]} {digits[3:]}", **by, now=WEDNESDAY)
    again = codes.ask_again(code, **by, now=now)
    assert (again.sequence, again.tries, again.used_at) == (code.sequence + 1, 0, None)
    assert (again.asked_at, again.expires_at) == (now, now + codes.CODE_LIFE)
    told = AuditEvent.objects.filter(object_id=code.pk).order_by("pk").values_list("action", "detail__ok")
    assert list(told) == [
        ("patients.ask_code", None), ("patients.check_code", False), ("patients.check_code", True), ("patients.ask_code", None),
    ]  # fmt: skip


def test_a_code_that_was_tried_five_times_opens_nothing_after_the_pause_either(clinic):
    by = {"by": Actor.anonymous()}
    code = codes.ask_code(channel="text", address="+15195550122", purpose="visit", subject_key="x", **by, now=WEDNESDAY)
    for _try in range(5):
        with pytest.raises(PatientError):
            codes.check_code(code, "12", **by, now=WEDNESDAY)
    with pytest.raises(PatientError, match="too old"):
        codes.check_code(code, codes.digits_of(code), **by, now=WEDNESDAY + codes.CODE_PAUSE)
