"""The offer of the waiting list: told at once, with its deadline and a link; never at night, never after the answer."""

import re
from datetime import timedelta

import pytest

from booking import actions
from booking.links import waiting_token_of
from booking.models import WaitlistEntry, WaitlistOffer
from notifications import drain, replies
from notifications.models import CaughtText
from patients.helpers import HelperContact
from patients.models import Patient
from tests.factories import WEDNESDAY, contact_of
from tests.notifications.conftest import DUE, at, go, states, texts

TOM = HelperContact("Tom Lee", "son", "tom@example.com", "+15195550166", "text_email", voicemail_ok=False, gets_messages=True)
NIGHT = at("2027-02-10 23:00")


@pytest.fixture
def entry(post, visit, desk) -> WaitlistEntry:
    """Maya, whose visit is in March, would come sooner."""
    return actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=desk, now=WEDNESDAY)


@pytest.fixture
def offer(entry, desk):
    """Offers her the same day at a quarter past one, or another time."""

    def make(start="2027-02-10 13:20", *, now=WEDNESDAY):
        return actions.offer(entry, entry.visit.practitioner, at(start), by=desk, now=now)

    return make


def test_it_goes_by_text_and_email_with_its_deadline_and_a_link(offer, post):
    offer()
    go(WEDNESDAY)
    (text,) = [t for t in texts() if "opened" in t]
    assert re.fullmatch(
        r"True North: a time opened, today 1:20 pm with Dr\. Osei\. Yours until 9:45 am: https://tn\.example/w/\w{16}/ Reply N to pass\.",
        text,
    )
    mail = next(m for m in post.mails if "A time opened" in m["subject"])
    assert mail["subject"].replace("\xa0", " ") == "A time opened: today at 1:20 p.m."
    words = mail.get_body(("plain",)).get_content().replace("\xa0", " ")
    assert "It is yours until 9:45 a.m. today." in words
    assert "The visit that is booked moves only when you take this time." in words
    assert "You get this because you are on the waiting list of True North." in words
    assert "because you booked" not in words


def test_answered_before_it_went_out_it_is_not_told(offer, post, desk):
    actions.decline(offer(), by=desk, now=WEDNESDAY)
    go(WEDNESDAY)
    assert not [t for t in texts() if "opened" in t]


def test_an_answer_withdraws_what_still_waits(offer, post, desk, settings):
    made = offer("2027-02-12 13:20", now=NIGHT)
    go(NIGHT)
    assert states("wait_offer")["text"][0] == "pending"
    actions.decline(made, by=desk, now=NIGHT)
    go(NIGHT)
    assert states("wait_offer")["text"] == ("superseded", "changed")


def test_made_at_night_it_is_told_in_the_morning_and_45_minutes_count_from_then(offer, post):
    made = offer("2027-02-12 13:20", now=NIGHT)
    go(NIGHT)
    assert not [t for t in texts() if "opened" in t]
    go(at("2027-02-11 08:00"))
    assert [t for t in texts() if "Yours until 8:45 am" in t]
    assert made.expires_at == at("2027-02-11 08:45")


def test_an_address_that_does_not_exist_is_marked_when_an_offer_finds_it(offer, post, entry):
    post.mood = "no_rcpt"
    offer()
    go(WEDNESDAY)
    entry.patient.refresh_from_db()
    assert entry.patient.email_bounced_at == WEDNESDAY


def test_an_offer_whose_mail_is_refused_goes_by_text(offer, post, entry):
    Patient.objects.filter(pk=entry.patient_id).update(reminder_by="email")
    post.mood = "no_rcpt"
    offer()
    go(WEDNESDAY)
    go(WEDNESDAY)
    assert len([t for t in texts() if "a time opened" in t]) == 1


def test_an_offer_that_reaches_nobody_asks_the_desk_to_call(offer, post, entry):
    Patient.objects.filter(pk=entry.patient_id).update(reminder_by="email", mobile="")
    post.mood = "no_rcpt"
    offer()
    go(WEDNESDAY)
    made = WaitlistOffer.objects.get()
    assert (made.to_call, made.state, made.expires_at) == (True, "open", WEDNESDAY + timedelta(minutes=45))


def test_an_offer_that_is_not_heard_of_for_a_passing_reason_is_called_about_and_stays(offer, post, entry):
    post.mood = "busy"
    Patient.objects.filter(pk=entry.patient_id).update(reminder_by="email", mobile="")
    made, ten = offer(), WEDNESDAY + timedelta(minutes=10)
    WaitlistEntry.objects.update(visit=None)
    go(WEDNESDAY)
    drain.reconcile(now=ten - timedelta(minutes=1))
    made.refresh_from_db()
    assert not made.to_call
    for _again in range(2):
        drain.reconcile(now=ten)
    made.refresh_from_db()
    assert (made.to_call, made.expires_at, made.held.hold_expires_at) == (True, *[ten + timedelta(minutes=45)] * 2)
    post.mood = "ok"
    go(ten + timedelta(minutes=1))
    assert any("A time opened" in subject for subject in post.subjects), "it goes out once it can"


def test_an_offer_that_was_heard_of_is_not_called_about(offer, post):
    made = offer()
    go(WEDNESDAY)
    drain.reconcile(now=WEDNESDAY + timedelta(minutes=20))
    made.refresh_from_db()
    assert not made.to_call


def test_after_its_deadline_it_is_not_sent(offer, post):
    offer()
    go(WEDNESDAY + timedelta(minutes=45))
    assert not [t for t in texts() if "opened" in t]


def test_who_wants_to_be_called_gets_no_message(entry, offer, post, desk):
    actions.change(entry, actions.Wishes(by_phone=True), by=desk, now=WEDNESDAY)
    offer()
    go(WEDNESDAY)
    assert states("wait_offer") == {}


def test_n_in_answer_to_the_text_passes_and_yes_confirms_nothing(offer, post, visit):
    made = offer()
    go(WEDNESDAY)
    replies.take("twilio", "SM1", "+15195550181", "Yes", now=WEDNESDAY)
    replies.handle(now=WEDNESDAY)
    visit.refresh_from_db()
    made.refresh_from_db()
    assert (visit.status, made.state) == ("booked", "open")  # Somebody at the desk reads it.
    replies.take("twilio", "SM2", "+15195550181", "N", now=WEDNESDAY)
    replies.handle(now=WEDNESDAY)
    made.refresh_from_db()
    assert (made.state, made.entry.state) == ("passed", "waiting")


def test_a_time_that_the_clinic_took_back_is_said_to_be_gone(entry, offer, post, desk):
    offer()
    go(WEDNESDAY)
    actions.skip(entry, entry.visit.practitioner, at("2027-02-10 13:20"), by=desk, now=WEDNESDAY)
    for n in range(3):
        go(WEDNESDAY + n * timedelta(minutes=5))
    gone = "True North: that time was just taken. You are still on the list and we will tell you about the next one."
    assert texts().count(gone) == 1
    assert states("wait_gone")["email"] == ("skipped", "not_chosen")


def test_who_never_heard_of_the_time_or_passed_on_it_hears_nothing(entry, offer, post, desk):
    offer("2027-02-12 13:20", now=NIGHT)
    actions.skip(entry, entry.visit.practitioner, at("2027-02-12 13:20"), by=desk, now=NIGHT)
    go(NIGHT)
    actions.decline(offer(), by=desk, now=WEDNESDAY)
    go(WEDNESDAY)
    assert states("wait_gone") == {}


def test_who_helps_is_told_for_whom_and_the_patient_is_not(entry, offer, post, desk):
    actions.name_helper(entry.visit, TOM, by=desk, now=WEDNESDAY)
    entry.refresh_from_db()
    offer()
    go(WEDNESDAY)
    mail = next(m for m in post.mails if "A time opened" in m["subject"])
    assert mail["to"] == "tom@example.com"
    words = mail.get_body(("plain",)).get_content()
    assert "Hello Tom," in words
    assert "A time you asked for has opened for Maya:" in words
    assert "You get this because Maya is on the waiting list of True North." in words
    assert not [e for e in post.envelopes if "maya@example.com" in e.rcpt_tos and b"A time opened" in e.content]
    assert CaughtText.objects.get(body__contains="opened").recipient == "+15195550166"


def test_who_helps_passes_by_text_from_their_own_number(entry, offer, post, desk):
    actions.name_helper(entry.visit, TOM, by=desk, now=WEDNESDAY)
    entry.refresh_from_db()
    made = offer()
    go(WEDNESDAY)
    for sender, state in (("+15195550181", "open"), ("+15195550166", "passed")):
        replies.take("catcher", sender, sender, "N", now=WEDNESDAY)
        replies.handle(now=WEDNESDAY)
        made.refresh_from_db()
        assert made.state == state


@pytest.fixture
def waits(post, service, desk):
    """Lucas, or whoever it is, joins the list without a visit on Wednesday at nine."""

    def join(**more):
        who = contact_of(first_name="Lucas", email="lucas@example.com", mobile="+15195550177")
        return actions.join(service, actions.Wishes(), **{"contact": who, "by": desk, "now": WEDNESDAY} | more)

    return join


def joined_mails(post):
    return [(m["to"], m.get_body(("plain",)).get_content()) for m in post.mails if m["subject"] == "On the waiting list"]


def test_who_joins_without_a_visit_gets_the_link_to_their_place(post, waits):
    entry = waits()
    go(DUE)
    ((to, said),) = joined_mails(post)
    assert to == "lucas@example.com"
    assert "You are on the waiting list. Nothing is booked yet." in said
    assert f"https://tn.example/w/{waiting_token_of(entry)}/" in said
    assert texts() == [], "one message is enough"


def test_who_joined_is_told_once(post, waits, desk):
    entry = waits()
    go(DUE)
    actions.change(entry, actions.Wishes(notice="days"), by=desk, now=DUE)
    go(DUE + timedelta(minutes=10))
    assert len(joined_mails(post)) == 1


def test_who_left_again_at_once_is_not_told(post, waits, desk):
    actions.leave(waits(), by=desk, now=WEDNESDAY)
    go(DUE)
    assert joined_mails(post) == []


def test_who_has_a_visit_finds_the_place_there_and_gets_no_message(post, entry):
    go(DUE)
    assert joined_mails(post) == []


def test_who_wants_phone_calls_only_is_not_written_to(post, waits):
    waits(contact=contact_of(first_name="Lucas", email="lucas@example.com", mobile="+15195550177", reminder_by="phone"))
    go(DUE)
    assert joined_mails(post) == []


def test_who_wants_to_be_called_about_a_time_reads_that_we_call(post, service, desk):
    who = contact_of(first_name="Lucas", email="lucas@example.com", mobile="+15195550177")
    actions.join(service, actions.Wishes(by_phone=True), contact=who, by=desk, now=WEDNESDAY)
    go(DUE)
    ((_to, said),) = joined_mails(post)
    assert "When a time opens that fits, we call you." in said


def test_who_helps_is_told_who_is_on_the_list(post, waits):
    waits(helper=TOM)
    go(DUE)
    ((to, said),) = joined_mails(post)
    assert to == "tom@example.com"
    assert "Lucas is on the waiting list." in said
    assert "You get this because Lucas is on the waiting list of True North." in said
