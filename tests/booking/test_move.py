"""/v/<token>/time/: tapping another time is the move; the old one is kept until then."""

from datetime import timedelta

from django.urls import reverse

from accounts import clock
from audit.actor import Actor
from booking import actions, picker, terms
from booking.models import Status
from tests.booking.conftest import HOSTILE, anchors, offered, on, somebody_books, text_of

DESK = Actor("staff", None, "reception")


def test_it_says_which_time_they_have_and_keep(link, token):
    said = text_of(link.get("visit_time", token))
    assert "You have Thursday, February 18 at 10:00 a.m. with Dr. Osei. You keep it until you choose another." in said
    assert "You can change it until 10:00 a.m. on February 17." in said


def test_tapping_a_time_moves_the_visit_at_once(link, token, visit, practitioner):
    answer = link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:visit", args=[token]))
    before = visit.ics_sequence
    visit.refresh_from_db()
    assert (visit.starts_at, visit.status, visit.ics_sequence) == (on(19, 14), Status.BOOKED, before + 1)
    assert "Done. Your new time is Friday, February 19 at 2:00 p.m. Undo until 9:03 a.m." in text_of(link.get("visit", token))


def test_pressing_twice_moves_once(link, token, visit, practitioner):
    for _press in range(2):
        assert link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner)).status_code == 303
    visit.refresh_from_db()
    assert visit.ics_sequence == 1


def test_ones_own_time_counts_as_free(link, token, visit, practitioner):
    page = link.get("visit_time", token, query="?day=2027-02-18")
    assert any(v.startswith("2027-02-18T15:20Z") for v in offered(page))  # overlaps the visit at ten
    link.post("visit_time", token, slot=picker.value_of(on(18, 10, 20), practitioner))
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10, 20)


def test_the_move_can_be_undone_for_three_minutes(link, token, visit, practitioner, at):
    link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    at.shift(timedelta(minutes=2, seconds=59))
    assert link.post("visit_undo", token).status_code == 303
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10)
    assert "Undone. Your visit is as it was." in text_of(link.get("visit", token))


def test_after_three_minutes_it_cannot(link, token, visit, practitioner, at):
    link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    at.shift(timedelta(minutes=3, seconds=1))
    assert "Undo" not in text_of(link.get("visit", token))
    assert link.post("visit_undo", token).status_code == 303
    visit.refresh_from_db()
    assert visit.starts_at == on(19, 14)


def test_undoing_onto_a_time_taken_meanwhile_offers_others_and_keeps_the_new_one(link, token, visit, practitioner):
    link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    somebody_books(link.service, practitioner, on(18, 10))
    answer = link.post("visit_undo", token)
    assert answer.status_code == 409
    assert "was taken meanwhile" in text_of(answer)
    assert len(offered(answer)) == 3
    visit.refresh_from_db()
    assert visit.starts_at == on(19, 14)


def test_a_time_somebody_took_answers_409_and_keeps_the_old_one(link, token, visit, practitioner):
    somebody_books(link.service, practitioner, on(19, 14))
    answer = link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    assert answer.status_code == 409
    assert "Someone else just took 2:00 p.m. These are the closest:" in text_of(answer)
    assert len(offered(answer)[:3]) == 3
    assert f"/v/{token}/time/" in anchors(answer)  # "See all times"
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10)


def test_after_a_call_the_page_still_knows_that_they_moved_it_themselves(link, token, visit, practitioner):
    link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    visit.refresh_from_db()
    actions.called(visit, by=DESK, now=clock.now())
    said = text_of(link.get("visit", token))
    assert "We had to move your visit" not in said
    assert "Done. Your new time is Friday, February 19" in said


def test_less_than_a_day_before_it_is_a_call(link, token, visit, practitioner, at):
    at.move_to(on(17, 10) + timedelta(seconds=1))
    page = link.get("visit_time", token)
    assert "It is less than 24 hours away" in text_of(page)
    assert "Call 519-555-0142 and we will do our best." in text_of(page)
    answer = link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    assert answer.status_code == 409
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10)


def test_times_that_are_close_say_what_taking_them_means(link, token):
    said = text_of(link.get("visit_time", token))
    fee = "changes are by phone and cancelling costs $50."
    assert f"It is less than 24 hours away. After you take it, {fee} Take this time" in said
    assert f"Wednesday, February 10 today Less than 24 hours away: after you take one of these, {fee}" in said
    assert "Thursday, February 11 tomorrow Morning" in said  # nine o'clock is a day away to the minute


def test_on_a_day_that_is_only_partly_close_it_says_up_to_when(link, token, at):
    at.move_to(on(10, 10))
    assert "tomorrow Up to 9:40 a.m. it is less than 24 hours away: after you take one of those," in text_of(
        link.get("visit_time", token)
    )


def test_two_cut_offs_are_two_lines(link, token, visit):
    visit.service.reschedule_cutoff_minutes = 180
    visit.service.save()
    said = text_of(link.get("visit_time", token))
    assert "Up to 11:20 a.m. it is less than 3 hours away: after you take one of those, changes are by phone." in said
    assert "Less than 24 hours away: after you take one of these, cancelling costs $50." in said


def test_a_move_to_a_close_time_says_what_holds_once_it_cannot_be_undone(link, token, practitioner):
    link.post("visit_time", token, slot=picker.value_of(on(10, 14), practitioner))
    said = text_of(link.get("visit", token))
    assert "Undo until 9:03 a.m. After that, changes are by phone and cancelling costs $50." in said
    assert "Undo, back to Thursday, February 18 at 10:00 a.m." in text_of(link.get("visit_time", token))


def test_each_cut_off_is_its_own_and_said_as_it_is(link, token, visit, practitioner, at):
    visit.service.reschedule_cutoff_minutes = 48 * 60
    visit.service.save()
    at.move_to(on(16, 12))
    slot = picker.value_of(on(19, 14), practitioner)
    assert "It is less than 48 hours away" in text_of(link.post("visit_time", token, slot=slot))
    assert "There is no fee until 10:00 a.m. on Wednesday, February 17." in text_of(link.get("visit_cancel", token))
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10)


def test_at_the_cut_off_itself_it_still_can(link, token, practitioner, at):
    at.move_to(on(17, 10))
    assert link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner)).status_code == 303


def test_times_that_were_never_offered_are_refused(link, token, visit, practitioner):
    for text in HOSTILE:
        assert link.post("visit_time", token, slot=text).status_code == 422, text
    for start in (on(9, 10), on(13, 10), on(19, 14, 7), on(19, 18)):
        assert link.post("visit_time", token, slot=picker.value_of(start, practitioner)).status_code == 409
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10)


def test_a_moved_visit_keeps_its_link(link, token, practitioner):
    link.post("visit_time", token, slot=picker.value_of(on(19, 14), practitioner))
    assert link.get("visit", token).status_code == 200


def test_times_of_several_days_say_of_which_day_the_last_close_one_is(service):
    close, far = on(10, 16), on(12, 10)
    said = terms.of_several(service, [on(10, 15), close, far], now=on(10, 9))
    assert len(said) == 1
    assert (
        said[0].replace("\xa0", " ").startswith("Up to Wednesday, February 10 at 4:00 p.m. it is less than 24 hours away: after")
    )
