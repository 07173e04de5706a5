"""`/desk/messages/`: texts that need a person, what did not arrive and why, what waits, what went."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions as booking
from booking.models import Appointment
from intake.actions import publish_all, start_draft
from intake.models import QuestionnaireResponse
from notifications import planner, replies
from notifications.models import ChannelSwitch, Delivery, Heartbeat, Inbound, Message
from patients.models import LeftAddress, Patient
from tests.factories import next_weekday_at

pytestmark = pytest.mark.django_db
PAGE = "/desk/messages/"


@pytest.fixture
def visit(service: Any, practitioner: Any, patient: Patient) -> Appointment:
    """Maya's visit next week, with its messages planned."""
    now = clock.now()
    desk = Actor("staff", None, "reception", "Joanne")
    made = booking.book_for(
        service, practitioner, next_weekday_at(10, 20, now=now), patient=patient, contact=None, overbook=True, by=desk, now=now
    )
    planner.tick(now=now)
    return made


def became(state: str, **fields: Any) -> Delivery:
    """The text that says "booked" ended like that."""
    delivery = Delivery.objects.get(message__kind="booked", channel="text")
    now = clock.now()
    Delivery.objects.filter(pk=delivery.pk).update(state=state, updated_at=now, sent_at=now, **fields)
    return delivery


def came_in(words: str) -> Inbound:
    """Somebody answered a text."""
    replies.take("catcher", words, "+15195550181", words, now=clock.now())
    replies.handle(now=clock.now())
    return Inbound.objects.get()


@pytest.fixture
def desk(signed_in: Callable[[User], Client], reception: User) -> Client:
    """Joanne's browser."""
    return signed_in(reception)


def test_nothing_to_do_says_so_on_each_list(desk: Client, clinic: Any) -> None:
    for show, words in {"people": "No texts wait", "trouble": "Everything arrived", "waiting": "Nothing goes out"}.items():
        assert words in desk.get(f"{PAGE}?show={show}").content.decode()


def test_a_page_to_the_physician_names_the_visit_and_no_flag(desk: Client, visit: Appointment, clinic: Any) -> None:
    now, by = clock.now(), Actor.anonymous()
    publish_all(by=Actor.system(), now=now)
    visit.response = start_draft("hair-loss-intake", by=by, now=now)
    visit.save()
    sent = {"status": "completed", "completed_at": now, "page_sequence": 1, "urgent_flags": 1}
    QuestionnaireResponse.objects.filter(pk=visit.response.pk).update(**sent)
    planner.tick(now=now)
    Delivery.objects.filter(message__kind="urgent_flag").update(state="failed", reason="nobody_named", updated_at=now)
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    assert f'<a href="/desk/visit/{visit.public_id}/">Maya Chowdhury</a> · Physician: call before visit' in page
    assert "Nobody is named for it" in page
    assert "Red flag" not in page
    assert "Call instead" not in page


def test_an_offer_of_the_waiting_list_names_who_has_it(desk: Client, service: Any, practitioner: Any, patient: Patient) -> None:
    now = clock.now()
    entry = booking.join(service, booking.Wishes(), patient=patient, by=Actor.system(), now=now)
    booking.offer(entry, practitioner, next_weekday_at(10, now=now), by=Actor.system(), now=now)
    planner.tick(now=now)
    Delivery.objects.update(state="accepted", sent_at=now)
    assert f'<a href="/desk/patient/{patient.public_id}/">Maya Chowdhury</a>' in desk.get(f"{PAGE}?show=sent").content.decode()


def test_a_word_to_an_old_address_names_whose_it_was(desk: Client, visit: Appointment, patient: Patient) -> None:
    now = clock.now()
    LeftAddress.objects.create(patient=patient, channel="email", address="old@example.com", left_at=now)
    planner.tick(now=now)
    Delivery.objects.filter(message__kind="address_left").update(state="failed", updated_at=now)
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    said = " ".join(page.split())
    assert f'<a href="/desk/patient/{patient.public_id}/">Maya Chowdhury</a>&nbsp;· Address not used any more' in said


def test_a_failed_message_says_why_and_is_sent_again(desk: Client, visit: Appointment) -> None:
    delivery = became("failed", reason="refused", error_code="30003")
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    assert "Maya Chowdhury" in page
    assert "The phone was off or out of reach (30003)" in page
    sent = desk.post(f"{PAGE}?show=trouble", {"do": f"retry:{delivery.public_id}"})
    assert (sent.status_code, sent.headers["Location"]) == (303, f"{PAGE}?show=trouble")
    again = Delivery.objects.filter(message=delivery.message).latest("pk")
    assert (again.state, again.reason) == ("pending", "resend")
    assert "Everything arrived" in desk.get(f"{PAGE}?show=trouble").content.decode()
    assert AuditEvent.objects.filter(action="notifications.retry", subject_id=visit.patient_id).exists()


def test_it_says_what_was_done_instead(desk: Client, visit: Appointment) -> None:
    became("failed", reason="refused", error_code="30005")
    assert "Call instead" in desk.get(f"{PAGE}?show=trouble").content.decode()
    Appointment.objects.filter(pk=visit.pk).update(needs_call=True)
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    assert ("<b>On the call list</b>" in page, "Call instead" in page) == (True, False)
    Delivery.objects.filter(message__kind="booked", channel="email").update(state="accepted")
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    assert "Text, failed: Number not in service (30005). <b>Emailed instead</b>" in page


def test_a_second_press_sends_nothing_more(desk: Client, visit: Appointment) -> None:
    delivery = became("failed")
    for status in (303, 409):
        assert desk.post(PAGE, {"do": f"retry:{delivery.public_id}"}).status_code == status
    assert Delivery.objects.filter(message=delivery.message).count() == 2


def test_what_is_too_late_to_send_is_called_about(desk: Client, visit: Appointment) -> None:
    delivery = became("unknown")
    Message.objects.filter(pk=delivery.message_id).update(expires_at=clock.now() - timedelta(hours=1))
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    assert "It may have arrived" in page
    assert "retry:" not in page
    assert desk.post(PAGE, {"do": f"retry:{delivery.public_id}"}).status_code == 409
    assert desk.post(PAGE, {"do": f"call:{delivery.public_id}"}).status_code == 303
    visit.refresh_from_db()
    assert (visit.needs_call, visit.call_reason) == (True, "A message did not arrive")


def test_done_takes_it_off_the_list(desk: Client, visit: Appointment) -> None:
    delivery = became("bounced", error_code="5.2.2")
    assert "The mailbox is full" in desk.get(f"{PAGE}?show=trouble").content.decode()
    assert desk.post(PAGE, {"do": f"seen:{delivery.public_id}"}).status_code == 303
    assert "Everything arrived" in desk.get(f"{PAGE}?show=trouble").content.decode()


def test_a_visit_that_moved_since_the_page_was_opened_is_not_confirmed(desk: Client, visit: Appointment) -> None:
    became("accepted")
    inbound = came_in("Yes but can I bring my mother?")
    do = f"confirm:{inbound.public_id}:{visit.ics_sequence}"
    assert f'value="{do}"' in desk.get(PAGE).content.decode()
    at = visit.starts_at + timedelta(hours=2)
    booking.move(visit, visit.practitioner, at, overbook=True, by=Actor("staff", None, "reception", "Joanne"), now=clock.now())
    refused = desk.post(PAGE, {"do": do})
    assert refused.status_code == 409
    assert "This visit changed at" in refused.content.decode()
    assert Appointment.objects.get(pk=visit.pk).status == "booked"
    assert Inbound.objects.open().exists()


def test_pressed_twice_it_says_that_it_was_seen_to(desk: Client, visit: Appointment) -> None:
    inbound = came_in("Yes but can I bring my mother?")
    desk.post(PAGE, {"do": f"done:{inbound.public_id}"})
    again = desk.post(PAGE, {"do": f"done:{inbound.public_id}"})
    assert again.status_code == 409
    assert "Somebody has seen to this text already." in again.content.decode()


@pytest.mark.parametrize(("verb", "check"), [("confirm", "status"), ("ring", "needs_call"), ("done", "")])
def test_a_text_that_needs_a_person_is_answered_with_one_press(desk: Client, visit: Appointment, verb: str, check: str) -> None:
    became("accepted")
    inbound = came_in("Yes but can I bring my mother?")
    page = desk.get(PAGE).content.decode()
    assert "can I bring my mother?" in page
    assert "Maya Chowdhury" in page
    assert AuditEvent.objects.filter(action="staff.messages_read").exists()
    assert desk.post(PAGE, {"do": f"{verb}:{inbound.public_id}:{visit.ics_sequence}"}).status_code == 303
    visit.refresh_from_db()
    assert {"status": visit.status == "confirmed", "needs_call": visit.needs_call, "": True}[check]
    assert "No texts wait" in desk.get(PAGE).content.decode()


def test_a_text_that_no_key_opens_says_so_and_hides_no_other(desk: Client, visit: Appointment) -> None:
    came_in("Can my wife come along?")
    Inbound.objects.update(key_id="gone")
    replies.take("catcher", "2", "+15195550181", "Is there parking?", now=clock.now())
    replies.handle(now=clock.now())
    page = desk.get(PAGE).content.decode()
    assert "Is there parking?" in page
    assert "cannot be opened" in page


def test_addresses_that_do_not_work_are_listed_with_the_visit(desk: Client, visit: Appointment) -> None:
    Patient.objects.update(email_bounced_at=clock.now(), texts_stopped_at=clock.now())
    page = desk.get(f"{PAGE}?show=trouble").content.decode()
    assert "Email came back: maya@example.com" in page
    assert "Said STOP" in page


def test_what_waits_and_what_went(desk: Client, visit: Appointment) -> None:
    assert "Booked" in desk.get(f"{PAGE}?show=waiting").content.decode()
    became("delivered")
    assert "Delivered" in desk.get(f"{PAGE}?show=sent").content.decode()


def goes(desk: Client) -> list[tuple[str, str, datetime]]:
    """What the list says will go at this moment: what, which way, when."""
    desk.force_login(User.objects.get(role="reception"))
    lines = desk.get(f"{PAGE}?show=waiting").context["lines"]
    return [(line.delivery.message.kind, line.delivery.channel, line.at) for line in lines]


def test_a_reminder_that_goes_one_way_waits_on_one_line(desk: Client, visit: Appointment) -> None:
    with time_machine.travel(visit.starts_at - timedelta(hours=30), tick=False):
        Delivery.objects.filter(message__kind="booked").update(state="delivered")
        assert [(kind, channel) for kind, channel, _at in goes(desk)] == [("reminder_1d", "text")]
        Patient.objects.update(reminder_by="email")
        assert [(kind, channel) for kind, channel, _at in goes(desk)] == [("reminder_1d", "email")]


def test_what_is_switched_off_does_not_wait(desk: Client, visit: Appointment) -> None:
    with time_machine.travel(visit.starts_at - timedelta(hours=30), tick=False):
        Delivery.objects.filter(message__kind="booked").update(state="delivered")
        visit.service.messages_off = ["reminder_1d"]
        visit.service.save()
        assert goes(desk) == []


def test_what_would_go_by_a_channel_that_is_off_is_not_promised(desk: Client, visit: Appointment) -> None:
    Message.objects.filter(kind="booked").update(expires_at=visit.starts_at)
    assert {channel for _kind, channel, _at in goes(desk)} == {"email", "text"}
    ChannelSwitch.objects.create(channel="email", enabled=False)
    assert {channel for _kind, channel, _at in goes(desk)} == {"text"}
    assert "Switched off: Email." in desk.get(f"{PAGE}?show=waiting").content.decode()


def test_what_is_late_in_the_night_waits_for_the_morning_and_says_so(desk: Client, visit: Appointment) -> None:
    night = clock.instant(clock.local(visit.starts_at).date() - timedelta(days=4), time(22, 30), clock.clinic_zone())
    Delivery.objects.filter(message__kind="booked").update(next_attempt_at=night - timedelta(hours=2))
    Message.objects.filter(kind="booked").update(expires_at=night + timedelta(days=1))
    with time_machine.travel(night, tick=False):
        at = {channel: at for kind, channel, at in goes(desk) if kind == "booked"}
    assert at == {"email": night, "text": night + timedelta(hours=9, minutes=30)}


@pytest.mark.parametrize("do", ["", "retry", "retry:x", "fly:6f1d6c2e-0000-4000-8000-000000000000"])
def test_a_button_that_is_not_ours_is_not_found(desk: Client, clinic: Any, do: str) -> None:
    assert desk.post(PAGE, {"do": do}).status_code == 404


def test_the_visit_page_tells_the_conversation_in_order(desk: Client, visit: Appointment) -> None:
    became("delivered")
    came_in("C")
    page = desk.get(f"/desk/visit/{visit.public_id}/").content.decode()
    told = page[page.index('class="log"', page.index("Messages</h2>")) :]
    assert told.index("Booked, text") < told.index("Answered by text") < told.index("Confirms")
    assert "Planned" in told
    assert "Not needed: booked too late for it" in told


def test_the_page_says_when_nobody_sends(signed_in: Callable[[User], Client], reception: User, clinic: Any) -> None:
    desk = signed_in(reception)
    said = "Messages are not going out right now."
    Heartbeat.objects.create(name="worker", at=clock.now() - timedelta(hours=1))
    assert said in desk.get(PAGE).content.decode()
    Heartbeat.objects.update(at=clock.now())
    assert said not in desk.get(PAGE).content.decode()


def test_after_the_visit_a_call_instead_is_not_offered(desk: Client, visit: Appointment) -> None:
    delivery = became("failed", reason="refused")
    assert "Call instead" in desk.get(f"{PAGE}?show=trouble").content.decode()
    Appointment.objects.filter(pk=visit.pk).update(status="noshow")
    assert "Call instead" not in desk.get(f"{PAGE}?show=trouble").content.decode()
    refused = desk.post(f"{PAGE}?show=trouble", {"do": f"call:{delivery.public_id}"})
    assert (refused.status_code, b"That visit is over" in refused.content) == (409, True)
