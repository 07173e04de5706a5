"""On the waiting list for somebody else: who helps hears of an open time, as of a visit, and the visit that comes of it is theirs."""

from dataclasses import replace

from accounts import clock
from audit.models import AuditEvent
from booking import actions
from booking.links import find_entry, waiting_token_of
from booking.models import Appointment, WaitlistEntry
from patients.actions import digits_of
from patients.helpers import HelperContact
from patients.models import ContactCode, Helper
from tests.booking.conftest import DETAILS, on, text_of
from tests.booking.test_for_someone_else import OTHER
from tests.booking.test_waiting import DESK, SYSTEM, wait
from tests.booking.test_waiting_pages import FORM, url
from tests.factories import WEDNESDAY, contact_of

SAM = HelperContact("Sam Lee", "son", "sam@example.com", "+15195550166", "text_email", voicemail_ok=False, gets_messages=True)


def joins(walker, **changes):
    """Sam puts his mother on the list, from the time page to the last press."""
    walker.begun().post("join_list", **FORM)
    assert walker.post("details", **(DETAILS | OTHER | changes)).status_code == 303
    walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    shown = text_of(walker.get("join_list"))
    walker.post("join_list", **FORM)
    return WaitlistEntry.objects.get(), shown


def helped(service, helper=SAM, **contact):
    """Ines, whom Sam put on the list."""
    who = contact_of(first_name="Ines", email="", mobile="", **contact)
    about = {"contact": who, "helper": helper, "checked_channel": "email"}
    return actions.join(service, actions.Wishes(notice="hours"), **about, by=SYSTEM, now=WEDNESDAY)


def test_who_helps_is_told_where_the_patient_has_no_address(walker):
    entry, shown = joins(walker, own_mobile="", own_email="")
    assert (entry.reach.name, entry.reach.gets_messages, entry.is_called) == ("Sam Lee", True, False)
    assert "We tell you, at 519-555-••" in shown


def test_where_the_patient_is_to_hear_the_offer_goes_to_them(walker):
    entry, shown = joins(walker, messages_to="patient", own_email="ines@example.com", own_mobile="")
    assert entry.reach == entry.patient
    assert "We tell them, at i•••••@example.com." in shown


def test_the_page_says_the_way_that_was_chosen(walker):
    _entry, shown = joins(walker, reminder_by="email")
    assert "We tell you, at s•••••@example.com." in shown


def test_who_waits_in_the_name_of_another_stands_in_the_trail(walker):
    entry, _shown = joins(walker)
    assert AuditEvent.objects.filter(action="booking.name_helper", object_id=entry.pk, subject_id=entry.patient_id).exists()


def test_the_visit_that_is_taken_has_the_helper_too(service):
    entry = helped(service)
    made = actions.offer(entry, service.practitioners.get(), on(12, 10), by=SYSTEM, now=WEDNESDAY)
    assert actions.accept(made, by=SYSTEM, now=WEDNESDAY).reach == entry.helper


def test_with_a_visit_whoever_hears_about_that_is_offered_a_time(visit):
    visit = actions.name_helper(visit, SAM, by=DESK, now=clock.now())
    entry = actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=DESK, now=clock.now())
    assert entry.reach == visit.helper


def test_another_who_hears_of_the_visit_gets_another_link_to_the_list_too(visit):
    visit = actions.name_helper(visit, SAM, by=DESK, now=clock.now())
    entry = actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=DESK, now=clock.now())
    old = waiting_token_of(entry)
    kim = replace(SAM, name="Kim Lee", email="kim@example.com", mobile="+15195550167")
    visit = actions.name_helper(visit, kim, by=DESK, now=clock.now())
    assert find_entry(old, now=clock.now()) is None
    assert WaitlistEntry.objects.get().reach == visit.helper


def test_who_joins_again_for_themselves_is_told_themselves_and_the_helpers_link_ends(service):
    entry = helped(service)
    old = waiting_token_of(entry)
    who = contact_of(first_name="Ines", email="ines@example.com", mobile="")
    entry.patient.email = who.email
    entry.patient.save()
    again = actions.join(service, actions.Wishes(), contact=who, checked_channel="email", by=SYSTEM, now=WEDNESDAY)
    assert (again.pk, again.reach) == (entry.pk, entry.patient)
    assert find_entry(old, now=WEDNESDAY) is None


def test_the_page_speaks_of_who_waits_not_of_the_reader(client, service):
    entry = helped(service)
    assert "Ines is on the waiting list" in text_of(client.get(url(entry)))
    actions.offer(entry, service.practitioners.get(), on(12, 10), by=SYSTEM, now=clock.now())
    assert "A time opened for Ines" in text_of(client.get(url(entry)))


def test_a_helper_who_wants_calls_is_called_with_the_offer(service):
    entry = helped(service, replace(SAM, reminder_by="phone"))
    entry.patient.email = "ines@example.com"
    assert entry.is_called


def test_the_desk_reads_whom_to_call(signed_in, reception, service):
    helped(service)
    page = text_of(signed_in(reception).get("/desk/waiting-list/"))
    assert "Sam Lee (son), 519-555-0166" in page


def test_the_desk_reads_whom_to_call_about_a_visit(signed_in, reception, visit):
    visit = actions.name_helper(visit, SAM, by=DESK, now=clock.now())
    Appointment.objects.filter(pk=visit.pk).update(needs_call=True, call_reason="x")
    page = text_of(signed_in(reception).get("/desk/calls/"))
    assert "Sam Lee (son), 519-555-0166" in page


def test_the_list_is_read_in_as_many_statements_for_three_as_for_one(service, django_assert_max_num_queries):
    for name in ("Lucas", "Maya", "Noor"):
        wait(service, name)
    helped(service)
    entries = WaitlistEntry.objects.with_reach()
    with django_assert_max_num_queries(1):
        assert [entry.is_called for entry in entries] == [False] * 4
    assert Helper.objects.count() == 1
