"""Running late: said once on the day board or by the physician, told once to whoever has not arrived."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from booking import actions
from booking.links import token_of
from booking.models import Appointment, Practitioner, RunningLate, Service
from notifications.models import Delivery, Message
from patients.models import Patient
from tests.notifications.conftest import Post, at, book, desk, go, post, states, texts, visit  # noqa: F401

pytestmark = pytest.mark.django_db
NOW = at("2027-03-11 09:30")
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def behind(post: Post, visit: Appointment, desk: Any) -> Callable[..., Any]:  # noqa: F811
    """Dr. Osei is so many minutes behind, on the morning of Maya's visit at 10:20."""
    go(at("2027-03-11 08:30"))  # what went before
    Patient.objects.update(reminder_by="text")

    def say(minutes: int = 20, *, now: datetime = NOW) -> RunningLate:
        said, _n = actions.say_late(visit.practitioner, minutes, by=desk, now=now)
        return said

    return say


def late_texts() -> list[str]:
    return [t for t in texts() if "behind" in t]


def test_who_has_not_arrived_is_told_once_by_text(behind: Callable[..., Any]) -> None:
    behind()
    for n in range(3):
        go(SOON + n * timedelta(minutes=1))
    assert late_texts() == ["True North: Dr. Osei is about 20 minutes behind. No need to rush. Sorry for the wait."]
    assert states("late")["email"] == ("skipped", "not_chosen")


def test_each_time_it_is_said_it_is_told_and_the_one_before_counts_no_more(behind: Callable[..., Any]) -> None:
    behind(20)
    behind(45)
    go(SOON)
    assert [t[:48] for t in late_texts()] == ["True North: Dr. Osei is about 45 minutes behind."]
    behind(60, now=SOON)
    go(SOON + timedelta(minutes=1))
    assert len(late_texts()) == 2


def test_taken_back_before_anybody_was_told_nobody_is(behind: Callable[..., Any], visit: Appointment, desk: Any) -> None:  # noqa: F811
    behind()
    go(NOW)
    assert actions.on_time_again(visit.practitioner, by=desk, now=NOW)
    go(SOON)
    assert late_texts() == []
    assert states("late")["text"] == ("superseded", "changed")
    assert not actions.on_time_again(visit.practitioner, by=desk, now=NOW)


def test_who_arrived_or_moved_meanwhile_is_not_told(behind: Callable[..., Any], visit: Appointment, desk: Any) -> None:  # noqa: F811
    behind()
    go(NOW)
    actions.arrive(visit, by=desk, now=NOW)
    go(SOON)
    assert late_texts() == []
    assert states("late")["text"] == ("skipped", "changed")


def test_visits_later_than_three_hours_and_of_others_hear_nothing(
    behind: Callable[..., Any],
    book: Callable[..., Appointment],  # noqa: F811
    visit: Appointment,  # noqa: F811
) -> None:
    afternoon = book(at("2027-03-11 14:00"))
    behind()
    go(SOON)
    assert set(Message.objects.filter(kind="late").values_list("subject_id", flat=True)) == {visit.pk}
    assert afternoon.pk != visit.pk


def test_after_the_start_it_is_not_sent_any_more(behind: Callable[..., Any]) -> None:
    behind(now=at("2027-03-11 10:19"))
    go(at("2027-03-11 10:19"))
    go(at("2027-03-11 10:21"))
    assert late_texts() == []
    assert states("late")["text"][0] == "expired"


@pytest.mark.parametrize(("said", "told"), [("07:40", "08:00"), ("08:10", "08:11")])
def test_in_quiet_hours_it_waits_for_the_morning(behind: Callable[..., Any], said: str, told: str) -> None:
    when = at(f"2027-03-11 {said}")
    behind(now=when)
    go(when)
    due = Delivery.objects.get(message__kind="late", channel="text").next_attempt_at
    assert abs(due - at(f"2027-03-11 {told}")) < timedelta(seconds=30)


def test_who_wants_a_call_comes_on_the_call_list(behind: Callable[..., Any], visit: Appointment) -> None:  # noqa: F811
    Patient.objects.update(reminder_by="phone")
    behind()
    go(SOON)
    visit.refresh_from_db()
    assert "Tell that we are running late" in visit.call_reason


def test_a_visit_type_may_do_without(behind: Callable[..., Any]) -> None:
    Service.objects.update(messages_off=["late"])
    behind()
    go(SOON)
    assert late_texts() == []


# --- The buttons --------------------------------------------------------------------------------------------------------


def test_the_desk_says_it_on_the_day_board_and_takes_it_back(
    behind: Callable[..., Any],
    visit: Appointment,  # noqa: F811
    signed_in: Callable[[User], Client],
    reception: User,
) -> None:
    with time_machine.travel(NOW, tick=False):
        browser = signed_in(reception)
        page = browser.get("/desk/day/2027-03-11/").content.decode()
        assert "Running late" in page
        assert f'value="{visit.practitioner_id}:20"' in page
        seen = {"next": "/desk/day/2027-03-11/?view=list&sort=who&did=move"}
        answer = browser.post("/staff/late/", {"late": f"{visit.practitioner_id}:20"} | seen, follow=True)
        assert answer.redirect_chain[-1][0].endswith("?view=list&sort=who"), "looked at as before"
        page = answer.content.decode()
        assert "1 person hears that Dr. Osei is about 20 minutes behind." in page
        assert "About 20 minutes behind, said at 9:30" in page.replace("\xa0", " ")
        page = browser.post("/staff/late/", {"late": f"{visit.practitioner_id}:0"}, follow=True).content.decode()
        assert "on time again" in page
        assert "said at" not in page
    said = AuditEvent.objects.get(action="booking.say_late")
    assert said.detail == {"minutes": 20, "visits": 1}
    assert AuditEvent.objects.filter(action="booking.on_time_again").exists()


def test_nobody_to_tell_is_said(behind: Callable[..., Any], visit: Appointment, signed_in: Any, reception: User) -> None:  # noqa: F811
    with time_machine.travel(at("2027-03-11 16:00"), tick=False):
        answer = signed_in(reception).post("/staff/late/", {"late": f"{visit.practitioner_id}:20"}, follow=True)
        assert "nobody to tell" in answer.content.decode()
    assert not RunningLate.objects.exists()


def test_a_physician_says_it_for_themselves_only(
    behind: Callable[..., Any],
    visit: Appointment,  # noqa: F811
    signed_in: Callable[[User], Client],
    physician: User,
) -> None:
    own = Practitioner.objects.get(pk=visit.practitioner_id)
    own.user = physician
    own.save()
    other = Practitioner.objects.create(name="Dr. Other", short_name="Dr. Other", slug="other")
    with time_machine.travel(NOW, tick=False):
        browser = signed_in(physician)
        assert "Running late" in browser.get("/md/").content.decode()
        assert browser.post("/staff/late/", {"late": f"{other.pk}:20"}).status_code == 404
        answer = browser.post("/staff/late/", {"late": f"{own.pk}:20"}, follow=True)
        assert "About 20 minutes behind" in answer.content.decode()


@pytest.mark.parametrize("typed", ["", "x:20", "1:x", "1:-5", "99999:20", "1:7000"])
def test_a_button_that_is_not_ours_says_nothing(visit: Appointment, signed_in: Any, reception: User, typed: str) -> None:  # noqa: F811
    assert signed_in(reception).post("/staff/late/", {"late": typed}).status_code == 404


def test_a_page_to_go_back_to_that_is_no_address_is_today(visit: Appointment, signed_in: Any, reception: User) -> None:  # noqa: F811
    with time_machine.travel(NOW, tick=False):
        answer = signed_in(reception).post("/staff/late/", {"late": f"{visit.practitioner_id}:20", "next": "//["})
    assert (answer.status_code, answer["Location"]) == (303, "/desk/")


def test_the_patients_page_says_it_once_it_cannot_be_taken_back_unheard(
    behind: Callable[..., Any],
    visit: Appointment,  # noqa: F811
    client: Client,
) -> None:
    behind(20)
    words = "Dr. Osei is about 20 minutes behind."
    url = f"/v/{token_of(visit)}/"
    for at_, said in ((NOW + timedelta(seconds=30), False), (SOON, True), (NOW + timedelta(hours=4), False)):
        with time_machine.travel(at_, tick=False):
            assert (words in client.get(url).content.decode()) is said
