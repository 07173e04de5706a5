"""/v/<token>/cancel/: what is cancelled, what it costs, why if they like; undone while it is free."""

from datetime import timedelta

from django.urls import reverse

from accounts import clock
from audit.actor import Actor
from booking import actions, picker
from booking.models import Status
from tests.booking.conftest import HOSTILE, offered, on, somebody_books, text_of


def test_it_says_what_it_costs_and_offers_another_time_first(link, token):
    said = text_of(link.get("visit_cancel", token))
    assert "There is no fee until 10:00 a.m. on Wednesday, February 17." in said
    assert said.index("Would another time help?") < said.index("Why are you cancelling?")


def test_cancelling_frees_the_time_and_thanks(link, token, visit):
    answer = link.post("visit_cancel", token, reason="time")
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:visit", args=[token]))
    visit.refresh_from_db()
    assert (visit.status, visit.cancelled_by, visit.cancel_reason, visit.cancelled_late) == (
        Status.CANCELLED,
        "patient",
        "time",
        False,
    )
    said = text_of(link.get("visit", token))
    assert "This visit is cancelled" in said
    assert "Thank you for telling us, someone else can have the time. There is no fee." in said
    assert "Book again" in said


def test_nobody_has_to_say_why(link, token, visit):
    assert link.post("visit_cancel", token).status_code == 303
    visit.refresh_from_db()
    assert (visit.status, visit.cancel_reason) == (Status.CANCELLED, "")


def test_pressing_twice_cancels_once(link, token, visit):
    for _press in range(2):
        link.post("visit_cancel", token)
    version = visit.version
    visit.refresh_from_db()
    assert visit.version == version + 1


def test_a_cancel_can_be_undone_while_the_time_is_free(link, token, visit, at):
    link.post("visit_cancel", token)
    at.shift(timedelta(hours=5))
    assert "Undo, keep my visit" in text_of(link.get("visit", token))
    assert link.post("visit_undo", token).status_code == 303
    visit.refresh_from_db()
    assert (visit.status, visit.starts_at) == (Status.BOOKED, on(18, 10))


def test_once_somebody_has_the_time_others_are_offered(link, token, visit, practitioner):
    link.post("visit_cancel", token)
    somebody_books(link.service, practitioner, on(18, 10))
    answer = link.post("visit_undo", token)
    assert answer.status_code == 409
    assert "10:00 a.m. was taken meanwhile. These are the closest:" in text_of(answer)
    assert len(offered(answer, "pick")) == 3
    visit.refresh_from_db()
    assert visit.status == Status.CANCELLED


def test_a_time_the_physician_took_off_meanwhile_is_not_said_to_be_taken(link, token, visit, practitioner):
    link.post("visit_cancel", token)
    for hour in (9, 11):
        somebody_books(link.service, practitioner, on(18, hour))
    desk = Actor("staff", None, "reception")
    actions.take_time_off(practitioner, "vacation", on(18, 0), on(19, 0), by=desk, now=clock.now())
    answer = link.post("visit_undo", token)
    assert answer.status_code == 409
    assert "10:00 a.m. with Dr. Osei is not open any more. These are the closest:" in text_of(answer)
    visit.refresh_from_db()
    assert visit.status == Status.CANCELLED


def test_less_than_a_day_before_the_fee_is_said_before_and_after(link, token, visit, at):
    at.move_to(on(17, 10) + timedelta(minutes=1))
    said = text_of(link.get("visit_cancel", token))
    assert "A $50 fee applies: it is later than 10:00 a.m. on Wednesday, February 17." in said
    assert "Would another time help? Call us at 519-555-0142 and we will do our best." in said
    link.post("visit_cancel", token)
    visit.refresh_from_db()
    assert visit.cancelled_late
    assert "A $50 fee applies" in text_of(link.get("visit", token))


def test_where_only_cancelling_is_late_a_change_of_time_is_still_offered(link, token, visit, at):
    visit.service.reschedule_cutoff_minutes = 120
    visit.service.save()
    at.move_to(on(17, 12))
    said = text_of(link.get("visit_cancel", token))
    assert "A $50 fee applies" in said
    assert "Would another time help? Change the time" in said


def test_a_move_that_can_be_taken_back_costs_nothing_to_cancel_and_its_undo_is_there(link, token, visit, practitioner, at):
    link.post("visit_time", token, slot=picker.value_of(on(10, 14), practitioner))
    said = text_of(link.get("visit_cancel", token))
    assert "You have just moved it, so there is no fee until 9:03 a.m." in said
    assert "Undo, back to Thursday, February 18 at 10:00 a.m. until 9:03 a.m." in said
    assert "Cancel the visit No fee until 9:03 a.m. on February 10" in text_of(link.get("visit", token))
    at.shift(timedelta(minutes=3))
    link.post("visit_cancel", token)
    visit.refresh_from_db()
    assert not visit.cancelled_late


def test_after_its_three_minutes_it_does(link, token, visit, practitioner, at):
    link.post("visit_time", token, slot=picker.value_of(on(10, 14), practitioner))
    at.shift(timedelta(minutes=3, seconds=1))
    said = text_of(link.get("visit_cancel", token))
    assert "A $50 fee applies" in said
    assert "Undo" not in said
    link.post("visit_cancel", token)
    visit.refresh_from_db()
    assert visit.cancelled_late


def test_moving_a_visit_that_is_late_to_cancel_wins_no_free_minutes(link, token, visit, practitioner, at):
    visit.service.reschedule_cutoff_minutes = 60
    visit.service.save()
    at.move_to(on(17, 12))
    link.post("visit_time", token, slot=picker.value_of(on(18, 11), practitioner))
    assert "A $50 fee applies" in text_of(link.get("visit_cancel", token))
    link.post("visit_cancel", token)
    visit.refresh_from_db()
    assert visit.cancelled_late


def test_a_clinic_without_a_fee_speaks_of_none(link, token, clinic, at):
    clinic.late_fee_text = "no"
    clinic.save()
    clinic.forget_current()
    at.move_to(on(17, 12))
    said = text_of(link.get("visit_cancel", token))
    assert "There is no fee." in said
    assert "fee applies" not in said


def test_at_the_cut_off_itself_it_is_free(link, token, visit, at):
    at.move_to(on(17, 10))
    link.post("visit_cancel", token)
    visit.refresh_from_db()
    assert not visit.cancelled_late


def test_after_it_began_it_cannot_be_cancelled(link, token, visit, at):
    at.move_to(visit.starts_at)
    assert link.post("visit_cancel", token)["Location"] == reverse("booking:visit", args=[token])
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED


def test_a_reason_that_is_not_on_the_list_is_refused(link, token, visit):
    for text in HOSTILE:
        if text.strip():
            assert link.post("visit_cancel", token, reason=text).status_code == 422, text
    visit.refresh_from_db()
    assert visit.status == Status.BOOKED
