"""The idle lock, the end of the working day, and the end of access."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from accounts import clock
from accounts.models import User
from accounts.signin import end_sessions
from audit.models import AuditEvent
from tests.factories import PASSWORD

pytestmark = pytest.mark.usefixtures("clinic")


def test_after_a_quarter_of_an_hour_the_page_is_hidden_and_its_address_kept(
    reception: User, signed_in: Callable[[User], Client]
) -> None:
    client, start = signed_in(reception), clock.now()
    with time_machine.travel(start, tick=False) as when:
        assert client.get("/desk/calls/").status_code == 200
        when.shift(timedelta(minutes=14))
        assert client.get("/desk/calls/").status_code == 200
        when.shift(timedelta(minutes=16))
        answer = client.get("/desk/calls/?x=1")
    assert answer.status_code == 302
    assert answer["Location"] == "/staff/reauthenticate/?next=%2Fdesk%2Fcalls%2F%3Fx%3D1&locked=1"


def test_the_password_unlocks_and_the_page_comes_back(reception: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(reception)
    with time_machine.travel(clock.now(), tick=False) as when:
        client.get("/desk/calls/")
        when.shift(timedelta(minutes=20))
        lock = client.get("/desk/calls/")["Location"]
        assert b"Locked" in client.get(lock).content
        wrong = client.post(lock, {"password": "not this one", "next": "/desk/calls/"})
        assert wrong.status_code == 422
        right = client.post(lock, {"password": PASSWORD, "next": "/desk/calls/"})
        assert right["Location"] == "/desk/calls/"
        assert client.get("/desk/calls/").status_code == 200


def test_background_questions_do_not_keep_a_session_awake(reception: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(reception)
    with time_machine.travel(clock.now(), tick=False) as when:
        client.get("/desk/calls/")
        for _n in range(16):
            when.shift(timedelta(minutes=1))
            last = client.get("/staff/pulse/", headers={"X-Poll": "1"})
        assert last.status_code == 401
        assert last.json() == {"detail": "locked"}
        assert client.get("/desk/calls/").status_code == 302


def test_nothing_is_posted_from_a_locked_screen(reception: User, signed_in: Callable[[User], Client], appointment: Any) -> None:
    client = signed_in(reception)
    with time_machine.travel(clock.now(), tick=False) as when:
        client.get("/desk/calls/")
        when.shift(timedelta(minutes=20))
        url = f"/desk/visit/{appointment.public_id}/"
        answer = client.post(url, {"do": f"confirm:{appointment.public_id}:{appointment.version}", "next": "//evil.example"})
    appointment.refresh_from_db()
    assert appointment.status == "booked"
    assert answer["Location"].startswith("/staff/reauthenticate/?next=%2Fstaff%2F&")


def test_after_twelve_hours_the_session_ends_even_in_use(reception: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(reception)
    with time_machine.travel(clock.now(), tick=False) as when:
        for _n in range(12 * 6):
            assert client.get("/desk/calls/").status_code == 200
            when.shift(timedelta(minutes=10))
        when.shift(timedelta(minutes=1))
        assert client.get("/desk/calls/")["Location"].startswith("/staff/login/")


def test_a_leaver_is_out_at_the_next_request(reception: User, lead_user: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(reception)
    assert client.get("/desk/calls/").status_code == 200
    call_command("end_access", reception.email)
    assert client.get("/desk/calls/")["Location"].startswith("/staff/login/")
    refused = Client().post("/staff/login/", {"login": reception.email, "password": PASSWORD})
    assert refused.status_code == 422, "the old password opens nothing"
    assert AuditEvent.objects.filter(action="accounts.access_ended", object_id=reception.pk).exists()


def test_a_changed_role_counts_at_the_next_request(reception: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(reception)
    assert client.get("/desk/calls/").status_code == 200
    User.objects.filter(pk=reception.pk).update(role="physician")
    assert client.get("/desk/calls/").status_code == 404


def test_a_changed_password_ends_the_other_sessions(reception: User, signed_in: Callable[[User], Client]) -> None:
    here, there = signed_in(reception), signed_in(reception)
    new = {"oldpassword": PASSWORD, "password1": "three quiet birches", "password2": "three quiet birches"}
    assert here.post("/staff/password/change/", new).status_code == 302
    assert here.get("/desk/calls/").status_code == 200
    assert there.get("/desk/calls/").status_code == 302


def test_the_last_lead_and_oneself_stay(lead_user: User, signed_in: Callable[[User], Client]) -> None:
    client = signed_in(lead_user)
    client.post(f"/clinic/people/{lead_user.pk}/", {"do": "end"})
    lead_user.refresh_from_db()
    assert lead_user.is_active


def test_signing_out_clears_what_the_browser_kept(reception: User, signed_in: Callable[[User], Client]) -> None:
    answer = signed_in(reception).post("/staff/logout/")
    assert "cache" in answer["Clear-Site-Data"]
    assert answer["Cache-Control"] == "no-store, private"


def test_a_form_from_elsewhere_clears_nothing(reception: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(reception)
    answer = client.post("/staff/logout/")
    assert answer.status_code == 403
    assert "Clear-Site-Data" not in answer


def test_the_proof_gives_the_session_a_new_key_and_it_can_still_be_ended(reception: User, settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.post("/staff/login/", {"login": reception.email, "password": PASSWORD})
    before = client.session.session_key
    client.post("/staff/reauthenticate/", {"password": PASSWORD, "next": "/desk/calls/"})
    assert client.session.session_key != before
    thief = Client()
    thief.cookies["session"] = before
    assert thief.get("/staff/sessions/").status_code == 302, "the key before the proof opens nothing"
    assert client.get("/staff/sessions/").status_code == 200
    assert end_sessions(reception) == 1
    assert client.get("/staff/sessions/").status_code == 302
