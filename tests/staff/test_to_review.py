"""`/md/review/`: what waits for a physician, claimed and let go."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts import clock
from accounts.models import User
from booking.models import Appointment
from intake.models import QuestionnaireResponse
from tests.staff.conftest import Statements
from tests.staff.reviews import flag, names, url_of


def test_urgent_ones_come_first_then_visits_of_two_days_then_the_oldest(doctor: Client, three: list[Appointment]) -> None:
    flag(three[2].response)
    assert names(doctor.get("/md/review/")) == ["Later", "Tomorrow", "Whitford"]


def test_what_must_be_seen_today_comes_before_other_urgent_ones(doctor: Client, three: list[Appointment]) -> None:
    for visit in three[1:]:
        flag(visit.response)
    QuestionnaireResponse.objects.filter(pk=three[2].response_id).update(page_sequence=1)
    assert names(doctor.get("/md/review/")) == ["Later", "Tomorrow", "Whitford"]


def test_each_says_by_when_and_what_is_late_says_so(doctor: Client, sent: Appointment) -> None:
    assert "Overdue" not in doctor.get("/md/review/").content.decode()
    QuestionnaireResponse.objects.update(completed_at=clock.now() - timedelta(days=9))
    assert "Overdue" in doctor.get("/md/review/").content.decode()
    assert "<b>1</b> overdue" in doctor.get("/md/").content.decode()


def test_it_is_due_before_its_visit_at_the_latest(doctor: Client, sent: Appointment) -> None:
    Appointment.objects.filter(pk=sent.pk).update(
        starts_at=clock.now() + timedelta(hours=1), ends_at=clock.now() + timedelta(hours=2)
    )
    [entry] = doctor.get("/md/review/").context["entries"]
    assert entry.due_at == entry.visit.starts_at


def test_the_queue_takes_four_statements_however_long_it_is(doctor: Client, three: list[Appointment]) -> None:
    doctor.get("/md/review/")
    with Statements() as ran:
        doctor.get("/md/review/")
    assert len(ran.of_page()) <= 4, ran.of_page()


def test_claimed_it_says_by_whom_and_a_colleague_is_told(
    doctor: Client, sent: Appointment, colleague: User, signed_in: Callable[[User], Client]
) -> None:
    wanted = {"do": f"claim:{sent.response.public_id}"}
    assert doctor.post("/md/review/", wanted).status_code == 303
    page = signed_in(colleague).post("/md/review/", wanted, follow=True).content.decode()
    assert "Dr. Amara Osei is on this since" in page
    assert names(doctor.get("/md/review/?show=mine")) == names(doctor.get("/md/review/"))
    assert names(doctor.get("/md/review/?show=unassigned")) == []


@pytest.mark.parametrize("where", ["/md/review/", None])
def test_who_lets_go_of_it_leaves_it_to_anybody(
    doctor: Client, sent: Appointment, colleague: User, signed_in: Callable[[User], Client], where: str | None
) -> None:
    doctor.post("/md/review/", {"do": f"claim:{sent.response.public_id}"})
    doctor.post(where or url_of(sent), {"do": f"release:{sent.response.public_id}"})
    assert signed_in(colleague).post(url_of(sent), {"do": "save", "note": "Mine", "version": "0"}).status_code == 303


def test_an_unknown_claim_is_not_found(doctor: Client, sent: Appointment) -> None:
    assert doctor.post("/md/review/", {"do": "claim:nobody"}).status_code == 404
    assert doctor.post("/md/review/", {"do": f"steal:{sent.response.public_id}"}).status_code == 404
