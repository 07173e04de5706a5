"""/me/: visits that are coming, what is to do, and those that were."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from audit.actor import Actor
from booking import actions
from booking.links import token_of, waiting_token_of
from booking.models import Appointment, Status
from tests.booking.conftest import anchors, text_of
from tests.factories import WEDNESDAY, contact_of, next_weekday_at
from tests.portal.conftest import signs_in


def test_without_a_visit_it_offers_one(maya):
    page = maya.get("/me/")
    assert "No visits yet." in text_of(page)
    assert reverse("booking:start") in anchors(page)


def test_a_coming_visit_has_its_own_pages_to_change_it(maya, visit):
    page = maya.get("/me/")
    assert "Wednesday, February 17 at 10:00 a.m. Dr. Amara Osei, 30 minutes" in text_of(page)
    for name in ("visit", "visit_time", "visit_cancel"):
        assert reverse(f"booking:{name}", args=[token_of(visit)]) in anchors(page)


def test_yes_im_coming_is_said_here_once(maya, visit):
    assert "Yes, I’m coming" in text_of(maya.get("/me/"))
    answer = maya.post(f"/me/visits/{visit.public_id}/confirm/", {"seen": "0"})
    assert (answer.status_code, answer["Location"]) == (303, "/me/")
    visit.refresh_from_db()
    assert visit.status == Status.CONFIRMED
    said = text_of(maya.get("/me/"))
    assert "Thank you. We look forward to seeing you Wednesday, February 17 at 10:00 a.m." in said
    assert "Yes, I’m coming" not in said


def test_a_yes_to_a_time_that_is_no_more_is_no_yes(maya, visit):
    assert maya.post(f"/me/visits/{visit.public_id}/confirm/", {"seen": "7"})["Location"] == "/me/"
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED
    assert "Here is where it is now." in text_of(maya.get("/me/"))


def test_a_place_on_the_waiting_list_and_what_is_offered_are_there(maya, visit, practitioner, reception):
    by = Actor.staff(reception)
    entry = actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=by, now=clock.now())
    page = maya.get("/me/")
    assert "You wait for: First assessment Since Wednesday, February 10" in text_of(page)
    assert reverse("booking:waiting", args=[waiting_token_of(entry)]) in anchors(page)
    actions.offer(entry, practitioner, next_weekday_at(11), by=by, now=clock.now())
    assert "A time opened for you Wednesday, February 17 at 11:00 a.m. with Dr. Osei. It is yours until" in text_of(
        maya.get("/me/")
    )


def test_past_the_cut_off_it_cannot_be_moved_from_here(maya, visit, at):
    at.move_to(visit.starts_at - timedelta(hours=3))
    page = signs_in().get("/me/")
    assert reverse("booking:visit_time", args=[token_of(visit)]) not in anchors(page)
    assert reverse("booking:visit_cancel", args=[token_of(visit)]) in anchors(page)


def test_cancelled_and_past_visits_are_listed_in_a_word(maya, visit, reception):
    actions.cancel(visit, by=Actor.staff(reception), now=clock.now())
    said = text_of(maya.get("/me/"))
    assert "No visit is coming." in said
    assert "Past visits Wednesday, February 17, 2027 Dr. Amara Osei" in said
    assert said.count("Cancelled") == 1


def test_questions_open_without_the_year_of_birth(maya, visit, assessment):
    answer = maya.post(f"/me/visits/{visit.public_id}/questions/")
    assert answer["Location"] == reverse("intake:questions")
    assert maya.get(reverse("intake:questions")).status_code == 200
    visit.refresh_from_db()
    assert visit.response.patient == visit.patient


def test_somebody_elses_visit_is_not_there(maya, service, practitioner, reception):
    other = actions.book_for(
        service, practitioner, next_weekday_at(11), patient=None, contact=contact_of(first_name="Noor", email="n@example.com", mobile="+15195550182"),
        by=Actor.staff(reception), now=clock.now(),
    )  # fmt: skip
    assert maya.post(f"/me/visits/{other.public_id}/questions/").status_code == 404
    assert other.reference not in text_of(maya.get("/me/"))


def test_it_takes_the_same_statements_for_many_visits(maya, visit, service, practitioner, reception):
    with CaptureQueriesContext(connection) as one:
        maya.get("/me/")
    for hour in (11, 13, 14):
        actions.book_for(
            service,
            practitioner,
            next_weekday_at(hour),
            patient=visit.patient,
            contact=None,
            by=Actor.staff(reception),
            now=clock.now(),
        )
    with CaptureQueriesContext(connection) as many:
        maya.get("/me/")
    assert len(many) == len(one) <= 10
    assert visit.status == Status.BOOKED


def test_the_clinics_number_is_at_the_top_with_the_way_out(maya):
    head = maya.get("/me/").content.decode().partition("</header>")[0]
    assert 'href="tel:+15195550142"' in head
    assert reverse("portal:sign_out") in head


def coming(client):
    """The visits that are listed as coming."""
    return [each.visit for each in client.get("/me/").context["coming"]]


@pytest.fixture
def later(visit, service, practitioner, reception):
    """Another visit of Maya's, a week after the first."""
    return actions.book_for(
        service, practitioner, next_weekday_at(11, days=14), patient=visit.patient, contact=None, by=Actor.staff(reception), now=clock.now()
    )  # fmt: skip


def test_the_next_visit_stands_on_top_until_it_is_over(maya, visit, later, at):
    assert coming(maya) == [visit, later]
    at.move_to(visit.ends_at - timedelta(seconds=1))
    assert coming(signs_in()) == [visit, later]
    at.shift(timedelta(seconds=1))
    page = signs_in().get("/me/")
    assert [each.visit for each in page.context["coming"]] == [later]
    assert [row[0] for row in page.context["past"]] == [visit]


def test_a_visit_that_has_begun_is_not_changed_from_here(maya, visit, at):
    at.move_to(visit.starts_at)
    [listed] = signs_in().get("/me/").context["coming"]
    assert (listed.can_move, listed.can_change) == (False, False)


def test_yes_is_said_to_one_visit(maya, visit, later):
    maya.post(f"/me/visits/{later.public_id}/confirm/", {"seen": "0"})
    assert dict(Appointment.objects.values_list("pk", "status")) == {visit.pk: "booked", later.pk: "confirmed"}


def test_a_visit_that_is_cancelled_or_over_takes_no_yes_and_no_answers(maya, visit, reception, at):
    urls = [f"/me/visits/{visit.public_id}/{name}/" for name in ("confirm", "questions", "photos")]
    at.move_to(visit.ends_at)
    client = signs_in()
    assert {client.post(url, {"seen": "0"}).status_code for url in urls} == {404}
    at.move_to(WEDNESDAY)
    actions.cancel(visit, by=Actor.staff(reception), now=clock.now())
    assert {maya.post(url, {"seen": "0"}).status_code for url in urls} == {404}


def test_photos_are_added_from_here_once_the_answers_are_sent(sent, daniel, visit, maya):
    answer = daniel.post(f"/me/visits/{sent.public_id}/photos/")
    assert daniel.get(answer["Location"]).context["back_url"] == "/me/"
    maya.post(f"/me/visits/{visit.public_id}/questions/")
    assert maya.post(f"/me/visits/{visit.public_id}/photos/").status_code == 404


def test_an_offer_that_has_run_out_is_not_there(maya, visit, practitioner, reception, at):
    by = Actor.staff(reception)
    entry = actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=by, now=clock.now())
    made = actions.offer(entry, practitioner, next_weekday_at(11), by=by, now=clock.now())
    at.move_to(made.expires_at)
    said = text_of(signs_in().get("/me/"))
    assert "You wait for: First assessment" in said
    assert "A time opened for you" not in said
