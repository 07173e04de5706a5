"""`/desk/visit/<id>/`: one visit; its steps, move, cancel, link and contact."""

import re
from collections.abc import Callable
from datetime import time, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.links import find_visit
from booking.models import Appointment, LinkRequest, Practitioner, Service
from booking.picker import value_of
from intake.actions import publish_all
from intake.consents import messages_wording
from notifications.models import ChannelSwitch
from patients.actions import withdraw_consent
from patients.models import ConsentRecord, Patient
from tests.factories import contact_of, next_weekday_at


def url_of(visit: Appointment, more: str = "") -> str:
    return f"/desk/visit/{visit.public_id}/{more}"


def test_it_shows_the_visit_the_contact_and_the_log(desk: Client, appointment: Appointment) -> None:
    page = desk.get(url_of(appointment)).content.decode()
    for text in (
        "Maya Chowdhury",
        "519-555-0181",
        "maya@example.com",
        appointment.reference,
        "Booked by the clinic",
        "Joanne Miller",
    ):
        assert text in page


def test_opening_it_is_in_the_trail_with_the_patient(desk: Client, appointment: Appointment, reception: User) -> None:
    desk.get(url_of(appointment))
    event = AuditEvent.objects.get(action="staff.visit_read")
    assert (event.actor_id, event.subject_id, event.object_id) == (reception.pk, appointment.patient_id, appointment.pk)


def test_the_intake_is_a_count_and_never_an_answer(desk: Client, appointment: Appointment, service: Service, draft: Any) -> None:
    service.questionnaire = "hair-loss-intake"
    service.save()
    page = desk.get(url_of(appointment)).content.decode()
    assert "Not started" in page
    appointment.response = draft
    appointment.save()
    draft.sections_done, draft.sections_total = 3, 8
    draft.save()
    assert "3 of 8 done" in desk.get(url_of(appointment)).content.decode()


def test_steps_and_undo_work_here_too(desk: Client, appointment: Appointment) -> None:
    answer = desk.post(url_of(appointment), {"do": f"arrive:{appointment.public_id}:{appointment.version}"})
    page = desk.get(answer["Location"]).content.decode()
    undo = re.search(r'value="(undo:[^"]+)"', page).group(1)  # type: ignore[union-attr]
    desk.post(url_of(appointment), {"do": undo})
    appointment.refresh_from_db()
    assert appointment.status == "booked"


def test_moving_to_a_listed_time(desk: Client, appointment: Appointment) -> None:
    page = desk.get(url_of(appointment, "move/")).content.decode()
    value = re.findall(r'name="slot" value="([^"]+)"', page)[-1]
    answer = desk.post(url_of(appointment, "move/"), {"slot": value, "version": appointment.version})
    assert answer.status_code == 303
    appointment.refresh_from_db()
    assert value_of(appointment.starts_at, appointment.practitioner) == value
    assert b"Moved Maya Chowdhury to" in desk.get(answer["Location"]).content


def test_moving_to_a_time_outside_hours_warns_and_then_does_it(desk: Client, appointment: Appointment) -> None:
    day = clock.local(appointment.starts_at).date()
    who = str(appointment.practitioner.public_id)
    other = {"other_day": str(day), "other_time": "18:00", "other_who": who, "version": appointment.version}
    warned = desk.post(url_of(appointment, "move/"), other)
    assert warned.status_code == 409
    page = warned.content.decode()
    assert "Dr. Osei is out at 6:00" in page
    assert 'name="other_time" value="18:00"' in page
    value = re.search(r'name="slot" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    yes = re.search(r'name="anyway" value="([^"]+)"', page).group(1)  # type: ignore[union-attr]
    done = desk.post(url_of(appointment, "move/"), {"slot": value, "anyway": yes, "version": appointment.version})
    assert done.status_code == 303
    appointment.refresh_from_db()
    assert clock.local(appointment.starts_at).hour == 18
    assert AuditEvent.objects.get(action="booking.move").detail["in_spite_of"] == ["outside_hours"]
    assert "in spite of a warning" in desk.get(url_of(appointment)).content.decode()


@pytest.mark.parametrize(("missing", "said"), [("other_day", "Choose a date"), ("other_time", "Choose a time")])
def test_half_a_typed_time_is_told_what_is_missing_and_stays(
    desk: Client, appointment: Appointment, missing: str, said: str
) -> None:
    typed = {"other_day": "2027-02-15", "other_time": "14:10", "other_who": str(appointment.practitioner.public_id)}
    answer = desk.post(url_of(appointment, "move/"), typed | {missing: "", "version": appointment.version})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert f"<strong>{said}</strong>" in page
    for name in {"other_day", "other_time"} - {missing}:
        assert f'name="{name}" value="{typed[name]}"' in page


def test_a_yes_to_one_thing_in_the_way_is_no_yes_to_what_came_since(
    desk: Client, appointment: Appointment, practitioner: Practitioner, service: Service
) -> None:
    start, url = next_weekday_at(18), url_of(appointment, "move/")
    data = {"slot": value_of(start, practitioner), "version": appointment.version}
    said = desk.post(url, data).context["warning"]
    values = {"contact": contact_of(first_name="Noor"), "overbook": True, "by": Actor.system(), "now": clock.now()}
    actions.book_for(service, practitioner, start, patient=None, **values)
    again = desk.post(url, data | {"anyway": said.told})
    assert again.status_code == 409
    assert "already has someone at 6:00" in str(again.context["warning"])
    assert desk.post(url, data | {"anyway": again.context["warning"].told}).status_code == 303
    appointment.refresh_from_db()
    assert (appointment.starts_at, appointment.lane) == (start, 1)


@pytest.mark.parametrize("data", [{}, {"slot": "x"}, {"slot": "2027-13-01T10:00Z x"}, {"other_day": "2027-01-01"}])
def test_moving_without_a_time_asks_for_one(desk: Client, appointment: Appointment, data: dict[str, str]) -> None:
    assert desk.post(url_of(appointment, "move/"), data | {"version": "1"}).status_code == 422


def test_a_move_from_an_old_page_says_who_was_first(desk: Client, appointment: Appointment, make_user: Any) -> None:
    sam = make_user("reception", "Sam Okoro")
    seen, start = appointment.version, next_weekday_at(15)
    actions.move(appointment, appointment.practitioner, next_weekday_at(14), by=Actor.staff(sam), now=clock.now())
    answer = desk.post(url_of(appointment, "move/"), {"slot": value_of(start, appointment.practitioner), "version": seen})
    assert answer.status_code == 409
    assert "Sam moved this at" in answer.content.decode()


def test_a_change_by_the_system_is_told_as_that(desk: Client, appointment: Appointment) -> None:
    seen, now = appointment.version, clock.now()
    actions.ask_to_call(appointment, reason="A message did not arrive", by=Actor.system(), now=now)
    answer = desk.post(url_of(appointment), {"do": f"arrive:{appointment.public_id}:{seen}"})
    assert f"The system changed this at {clock.clock_time(now)} Here is where it is now." in unescape(answer.content.decode())


def test_cancelling_wants_a_reason_and_can_be_undone(desk: Client, appointment: Appointment) -> None:
    assert desk.post(url_of(appointment, "cancel/"), {"version": appointment.version}).status_code == 422
    answer = desk.post(url_of(appointment, "cancel/"), {"version": appointment.version, "reason": "patient-asked"})
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"/desk/day/{clock.local(appointment.starts_at).date()}/"), "where the time is free now"
    page = desk.get(answer["Location"]).content.decode()
    assert "Cancelled the visit of Maya Chowdhury" in page
    undo = re.search(r'value="(undo:[^"]+)"', page).group(1)  # type: ignore[union-attr]
    desk.post(answer["Location"].partition("?")[0], {"do": undo})
    appointment.refresh_from_db()
    assert (appointment.status, appointment.cancel_reason) == ("booked", "")


def test_contact_details_are_saved_and_mistakes_keep_what_was_typed(desk: Client, appointment: Appointment) -> None:
    bad = desk.post(url_of(appointment, "contact/"), {"mobile": "12", "email": "nowhere", "reminder_by": "text_email"})
    assert bad.status_code == 422
    page = bad.content.decode()
    assert 'value="nowhere"' in page
    assert "Enter an email address, like name@example.com" in page
    good = {"mobile": "519 555 0199", "email": "new@example.com", "reminder_by": "email", "voicemail_ok": "on", "version": "1"}
    assert desk.post(url_of(appointment, "contact/"), good).status_code == 303
    appointment.patient.refresh_from_db()
    assert (appointment.patient.e164, appointment.patient.voicemail_ok) == ("+15195550199", True)


def save_contact(desk: Client, visit: Appointment, data: dict[str, str]) -> Any:
    """From a page that was opened just now."""
    visit.patient.refresh_from_db()
    return desk.post(url_of(visit, "contact/"), data | {"version": str(visit.patient.version)})


def test_an_address_the_patient_changed_meanwhile_is_not_typed_over(desk: Client, appointment: Appointment) -> None:
    opened = re.search(r'name="version" value="(\d+)"', desk.get(url_of(appointment)).content.decode())[1]  # type: ignore[index]
    patient = appointment.patient
    actions.change_contact(patient, email="safe@example.com", checked="email", by=Actor.patient(patient.pk), now=clock.now())
    old = {"mobile": "519 555 0181", "email": "maya@example.com", "reminder_by": "email", "version": opened}
    answer = desk.post(url_of(appointment, "contact/"), old)
    page = answer.content.decode()
    assert (answer.status_code, "changed a moment ago" in page, "safe@example.com" in page) == (409, True, True)
    patient.refresh_from_db()
    assert patient.email == "safe@example.com"


def test_a_way_to_remind_that_cannot_work_is_refused(desk: Client, appointment: Appointment) -> None:
    data = {"mobile": "", "email": "maya@example.com", "reminder_by": "text"}
    assert b"Texts need a mobile number" in desk.post(url_of(appointment, "contact/"), data).content


def test_the_private_link_is_shown_on_request_and_that_is_in_the_trail(desk: Client, appointment: Appointment) -> None:
    assert b"/v/" not in desk.get(url_of(appointment)).content
    page = desk.post(url_of(appointment, "link/"), {"how": "show"}).content.decode()
    token = re.search(r"/v/([0-9A-Za-z]{16})/", page).group(1)  # type: ignore[union-attr]
    assert find_visit(token, now=clock.now()) == appointment
    assert AuditEvent.objects.filter(action="staff.link_shown", subject_id=appointment.patient_id).count() == 1


def test_the_link_is_sent_again_by_the_ways_on_file(desk: Client, appointment: Appointment) -> None:
    desk.post(url_of(appointment, "link/"), {"how": "send"})
    assert set(LinkRequest.objects.values_list("channel", flat=True)) == {"text", "email"}
    appointment.patient.mobile = appointment.patient.email = ""
    appointment.patient.save()
    assert desk.post(url_of(appointment, "link/"), {"how": "send"}).status_code == 409


def test_the_link_is_not_said_to_be_on_its_way_where_nothing_gets_through(desk: Client, appointment: Appointment) -> None:
    appointment.patient.texts_stopped_at = clock.now()
    appointment.patient.save()
    assert desk.post(url_of(appointment, "link/"), {"how": "send"}).status_code == 303
    assert list(LinkRequest.objects.values_list("channel", flat=True)) == ["email"]
    appointment.patient.email_bounced_at = clock.now()
    appointment.patient.save()
    refused = desk.post(url_of(appointment, "link/"), {"how": "send"})
    assert refused.status_code == 409
    assert "No message gets through" in refused.content.decode()
    assert LinkRequest.objects.count() == 1


def test_the_link_does_not_go_by_text_while_texts_are_switched_off(desk: Client, appointment: Appointment) -> None:
    ChannelSwitch.objects.create(channel="text", enabled=False)
    assert desk.post(url_of(appointment, "link/"), {"how": "send"}).status_code == 303
    assert list(LinkRequest.objects.values_list("channel", flat=True)) == ["email"]


def test_a_visit_that_is_not_there_is_not_found(desk: Client, practitioner: Practitioner) -> None:
    assert desk.get(f"/desk/visit/{uuid4()}/").status_code == 404


def test_a_hold_has_no_page(desk: Client, make_visit: Any) -> None:
    held = make_visit(None, next_weekday_at(11), "held", hold_key="a", hold_expires_at=clock.now() + timedelta(minutes=5))
    assert desk.get(url_of(held)).status_code == 404


@pytest.mark.parametrize("more", ["cancel/", "contact/", "link/"])
def test_what_changes_is_never_a_get(desk: Client, appointment: Appointment, more: str) -> None:
    assert desk.get(url_of(appointment, more)).status_code == 405


def test_physicians_do_not_see_it(physician: User, signed_in: Callable[[User], Client], appointment: Appointment) -> None:
    client = signed_in(physician)
    assert client.get(url_of(appointment)).status_code == 404
    assert client.post(url_of(appointment, "link/"), {"how": "show"}).status_code == 404


def test_messages_are_agreed_to_aloud_and_kept_as_said_to_whom(desk: Client, appointment: Appointment, reception: User) -> None:
    publish_all(by=Actor.system(), now=clock.now())
    page = unescape(desk.get(url_of(appointment)).content.decode())
    for words in messages_wording() or ():
        assert words in page
    said = {"mobile": "519 555 0181", "email": "maya@example.com", "reminder_by": "email"}
    save_contact(desk, appointment, said)
    assert not ConsentRecord.objects.exists()
    save_contact(desk, appointment, said | {"agreed": "on"})
    record = ConsentRecord.objects.get()
    assert (record.code, record.decision, record.choice) == ("C2", True, "email")
    assert (record.how, record.heard_by, record.given_by) == ("verbal", reception, "staff")


def test_who_said_no_to_messages_has_to_agree_first(desk: Client, appointment: Appointment) -> None:
    publish_all(by=Actor.system(), now=clock.now())
    patient = appointment.patient
    update = {"mobile": "519 555 0181", "email": "maya@example.com"}
    save_contact(desk, appointment, update | {"reminder_by": "email", "agreed": "on"})
    withdraw_consent(patient, "C2", by=Actor.patient(patient.pk), now=clock.now())
    refused = desk.post(url_of(appointment, "contact/"), update | {"reminder_by": "text"})
    assert refused.status_code == 422
    assert "They said no to messages." in refused.content.decode()
    assert desk.post(url_of(appointment, "link/"), {"how": "send"}).status_code == 409
    assert not LinkRequest.objects.exists()
    assert save_contact(desk, appointment, update | {"reminder_by": "text", "agreed": "on"}).status_code == 303
    assert ConsentRecord.objects.filter(code="C2", withdrawn_at=None).get().choice == "text"


def test_moving_does_not_offer_the_time_it_has_already(desk: Client, appointment: Appointment) -> None:
    day = clock.local(appointment.starts_at).date()
    assert (
        value_of(appointment.starts_at, appointment.practitioner)
        not in desk.get(url_of(appointment, f"move/?day={day}")).content.decode()
    )


def test_the_strip_says_when_the_message_really_leaves(desk: Client, appointment: Appointment, reception: User) -> None:
    """A move at 10 in the evening is told in the morning; a booking by mail at once."""
    night = clock.instant(clock.local(appointment.starts_at).date() - timedelta(days=3), time(22), clock.clinic_zone())
    day = f"/desk/day/{clock.local(appointment.starts_at).date()}/"
    with time_machine.travel(night, tick=False):
        Appointment.objects.update(changed_at=night)
        desk.force_login(reception)
        for did, said in (("book", "goes out at 10:03"), ("move", "8:00")):
            assert said in desk.get(f"{day}?did={did}&visit={appointment.public_id}").content.decode()
        Patient.objects.update(reminder_by="phone")
        assert "goes out" not in desk.get(f"{day}?did=move&visit={appointment.public_id}").content.decode()


def test_another_time_starts_with_the_visits_own_physician(
    desk: Client, appointment: Appointment, make_practitioner: Any
) -> None:
    first = make_practitioner("Dr. Aaron Abel", position=0)
    appointment.service.practitioners.add(first)
    Practitioner.objects.exclude(pk=first.pk).update(position=1)
    page = desk.get(f"/desk/visit/{appointment.public_id}/move/").content.decode()
    assert f'value="{appointment.practitioner.public_id}" selected' in page


def test_who_called_for_the_patient_is_kept_apart_and_hears_of_the_visit(desk: Client, appointment: Appointment) -> None:
    form = {"for": "helper", "version": appointment.version, "name": "Tom Lee", "relation": "son", "gets_messages": "on"}
    refused = desk.post(url_of(appointment, "contact/"), form)
    assert (refused.status_code, 'value="Tom Lee"' in refused.content.decode()) == (422, True)
    assert desk.post(url_of(appointment, "contact/"), form | {"mobile": "519-555-0166"}).status_code == 303
    appointment.refresh_from_db()
    assert (appointment.reach.name, appointment.patient.e164) == ("Tom Lee", "+15195550181")
    assert "gets the messages about this visit" in desk.get(url_of(appointment)).content.decode()
    stale = desk.post(url_of(appointment, "contact/"), form | {"mobile": "519-555-0167"})
    assert (stale.status_code, 'value="Tom Lee"' in stale.content.decode()) == (409, True)
