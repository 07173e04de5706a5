"""Codes, lost links and sign-in mails."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.urls import reverse

from accounts import clock
from accounts.models import SignInMail, User
from audit.actor import Actor
from booking import actions
from booking.links import find_visit
from booking.models import Appointment
from notifications import planner
from notifications.models import CaughtText, Delivery
from patients.actions import ask_again, ask_code, check_code
from patients.models import ContactCode, Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import Post, at, go, states, texts

NOBODY = Actor.anonymous()
pytestmark = pytest.mark.django_db


def ask(channel: str = "email", address: str = "maya@example.com") -> ContactCode:
    return ask_code(channel=channel, address=address, purpose="book", subject_key="x", by=NOBODY, now=WEDNESDAY)


def code_in(words: str) -> str:
    found = re.search(r"code(?: is|:) (\d{3}) (\d{3})", words)
    assert found
    return "".join(found.groups())


def test_a_code_goes_out_in_the_next_round_and_works(post: Post, clinic: Any) -> None:
    code = ask()
    go(WEDNESDAY)
    check_code(code, code_in(post.subjects[0]), by=NOBODY, now=WEDNESDAY)
    assert "It works for 15 minutes" in post.mails[0].get_body(("plain",)).get_content()


def test_a_code_by_text_can_be_filled_in_by_the_phone(post: Post, clinic: Any) -> None:
    code = ask("text", "+15195550181")
    go(WEDNESDAY)
    digits = code_in(texts()[0])
    assert texts()[0].endswith(f"\n\n@tn.example #{digits}") or texts()[0].endswith(f"\n@tn.example #{digits}")
    check_code(code, digits, by=NOBODY, now=WEDNESDAY)


def test_a_code_goes_at_night_too(post: Post, clinic: Any) -> None:
    night = at("2027-02-10 23:30")
    ask_code(channel="text", address="+15195550181", purpose="book", subject_key="x", by=NOBODY, now=night)
    go(night)
    assert len(texts()) == 1


def test_a_new_code_replaces_the_one_that_has_not_gone_yet(post: Post, clinic: Any) -> None:
    code = ask()
    planner.tick(now=WEDNESDAY)
    ask_again(code, by=NOBODY, now=WEDNESDAY)
    go(WEDNESDAY)
    assert len(post.subjects) == 1
    check_code(code, code_in(post.subjects[0]), by=NOBODY, now=WEDNESDAY)


def test_a_code_that_is_too_old_is_not_sent(post: Post, clinic: Any) -> None:
    ask()
    go(WEDNESDAY + timedelta(minutes=16))
    assert post.subjects == []
    assert states("code")["email"] == ("expired", "too_late")


def test_the_lost_link_is_sent_to_the_address_on_file_and_opens_the_visit(post: Post, visit: Appointment) -> None:
    actions.request_link(channel="email", address="MAYA@example.com", now=WEDNESDAY)
    go(WEDNESDAY)
    link = re.search(r"https://tn\.example/v/(\w{16})/", post.mails[0].get_body(("plain",)).get_content())
    assert link
    assert find_visit(link.group(1), now=WEDNESDAY) == visit
    assert [e.rcpt_tos for e in post.envelopes] == [["maya@example.com"]]


def test_the_lost_link_comes_by_text_as_well(post: Post, visit: Appointment) -> None:
    actions.request_link(channel="text", address="+15195550181", now=WEDNESDAY)
    go(WEDNESDAY)
    assert CaughtText.objects.get().recipient == "+15195550181"
    assert texts()[0].startswith("True North: the link to your appointment on Thu Mar 11, 10:20 am: https://tn.example/v/")


@pytest.mark.parametrize(("channel", "address"), [("email", "nobody@example.com"), ("text", "+15195559999"), ("email", "")])
def test_an_unknown_address_gets_nothing(post: Post, visit: Appointment, channel: str, address: str) -> None:
    actions.request_link(channel=channel, address=address, now=WEDNESDAY)
    go(WEDNESDAY)
    assert (post.subjects, texts()) == ([], [])
    assert states("lost_link")[channel] == ("skipped", "unknown")


def test_a_family_gets_a_link_for_each_visit_to_come(post: Post, book: Callable[..., Appointment], patient: Patient) -> None:
    child = Patient.objects.create(
        legal_first_name="Noor", legal_last_name="Chowdhury", date_of_birth=patient.date_of_birth, email="maya@example.com",
        created_at=WEDNESDAY,
    )  # fmt: skip
    book(at("2027-03-11 10:20"))
    book(at("2027-03-12 10:20"), patient=child)
    gone = book(at("2027-03-13 10:20"))
    actions.cancel(gone, by=NOBODY, now=WEDNESDAY)
    Appointment.objects.update(announced=9)
    actions.request_link(channel="email", address="maya@example.com", now=WEDNESDAY)
    go(WEDNESDAY)
    assert [s for s in post.subjects if s.startswith("The link")] == [
        "The link to your appointment on Thursday, March 11",
        "The link to your appointment on Friday, March 12",
    ]


def test_a_link_does_not_go_to_an_address_that_left_the_file_meanwhile(post: Post, visit: Appointment, patient: Patient) -> None:
    actions.request_link(channel="email", address="maya@example.com", now=WEDNESDAY)
    planner.tick(now=WEDNESDAY)
    Patient.objects.filter(pk=patient.pk).update(email="other@example.com")
    go(WEDNESDAY)
    assert post.subjects == []


def test_a_password_reset_mail_has_a_link_that_works(post: Post, clinic: Any, reception: User, client: Client) -> None:
    SignInMail.objects.create(user=reception, kind="password_reset_key", asked_at=WEDNESDAY)
    go(WEDNESDAY)
    assert post.subjects == ["True North: choose a new password"]
    link = re.search(r"https://tn\.example(/\S+)", post.mails[0].get_body(("plain",)).get_content())
    assert link
    answer = client.get(link.group(1), follow=True)
    assert answer.status_code == 200
    assert b'type="password"' in answer.content


@pytest.mark.parametrize("kind", ["password_changed", "totp_activated", "totp_deactivated", "webauthn_added", "something_new"])
def test_a_change_of_the_sign_in_is_told_to_whom_it_belongs(post: Post, clinic: Any, reception: User, kind: str) -> None:
    SignInMail.objects.create(user=reception, kind=kind, asked_at=WEDNESDAY)
    go(WEDNESDAY)
    assert post.subjects == ["True North: your sign-in changed"]
    assert [e.rcpt_tos for e in post.envelopes] == [[reception.email]]


def test_somebody_whose_access_ended_gets_no_sign_in_mail(post: Post, clinic: Any, reception: User) -> None:
    SignInMail.objects.create(user=reception, kind="password_reset_key", asked_at=WEDNESDAY)
    User.objects.filter(pk=reception.pk).update(is_active=False)
    go(WEDNESDAY)
    assert post.subjects == []


def test_asking_for_a_new_password_talks_to_no_mail_server_and_no_broker(
    post: Post, clinic: Any, reception: User, client: Client, no_network: None
) -> None:
    answer = client.post(reverse("account_reset_password"), {"email": reception.email})
    assert answer.status_code == 302
    assert SignInMail.objects.filter(user=reception, kind="password_reset_key").exists()
    assert not Delivery.objects.exists()


def test_asking_for_a_lost_link_is_answered_alike_and_only_the_known_address_is_written_to(
    post: Post, client: Client, visit: Appointment, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = reverse("booking:lost_link")
    answers = [client.post(url, {"address": address}) for address in ("maya@example.com", "nobody@example.com")]
    assert {(a.status_code, a["Location"]) for a in answers} == {(303, f"{url}?sent=1")}
    monkeypatch.undo()
    Appointment.objects.update(announced=F("version"))
    go(clock.now())
    assert [e.rcpt_tos for e in post.envelopes] == [["maya@example.com"]]
