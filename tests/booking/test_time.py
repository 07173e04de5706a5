"""/book/time/: the soonest time, days, filters; tapping one holds it and goes on."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from booking import actions, picker, words
from booking.actions import holds
from booking.models import Appointment, AvailabilityOverride, Status, TimeOff
from intake.actions import start_draft
from tests.booking.conftest import HOSTILE, WEB, anchors, offered, on, rows, somebody_books, text_of, title_of
from tests.factories import WEDNESDAY, contact_of


def test_without_a_draft_it_leads_to_the_beginning(walker):
    assert walker.get("time")["Location"] == reverse("booking:start")
    assert walker.post("time", slot="x")["Location"] == reverse("booking:start")


def test_the_soonest_time_comes_first_then_days_with_mornings_and_afternoons(walker, practitioner):
    page = walker.begun().get("time")
    said = text_of(page)
    assert title_of(page) == "Pick a time – True North"
    assert "Soonest, today Wednesday, February 10 at 11:00 a.m. with Dr. Amara Osei" in said
    assert said.index("Morning 11:00 a.m.") < said.index("Afternoon 1:00 p.m.") < said.index("Thursday, February 11")
    assert offered(page)[0] == picker.value_of(on(10, 11), practitioner)


def test_times_are_eastern_and_said_once(walker):
    assert text_of(walker.begun().get("time")).count("All times are Eastern Time, at the clinic in Kitchener.") == 1


def test_it_lists_five_days_with_times_and_offers_more(walker):
    page = walker.begun().get("time")
    assert text_of(page).count("Morning 9:00 a.m.") == 4  # today begins at eleven
    more = next(a for a in anchors(page) if "more=1" in a)
    assert "#d2027-02-17" in more
    again = walker.client.get(f"/book/time/{more.partition('#')[0]}")
    assert 'id="d2027-02-17"' in again.content.decode()
    assert 'id="d2027-02-10"' in again.content.decode()


def test_a_weekend_is_one_line(walker):
    assert "February 13 and 14, the weekend: closed" in text_of(walker.begun().get("time"))


def test_a_closed_day_and_a_full_one_say_which_they_are(walker, practitioner):
    AvailabilityOverride.objects.create(practitioner=practitioner, date=date(2027, 2, 11), mode="closed")
    day = [(9, 0), (9, 40), (10, 20), (11, 0), (13, 0), (13, 40), (14, 20), (15, 0), (15, 40), (16, 20)]
    for n, (hour, minute) in enumerate(day):
        book_web(walker, practitioner, on(12, hour, minute), f"P{n}")
    said = text_of(walker.begun().get("time"))
    assert "February 11: closed" in said
    assert "February 12: full" in said


def book_web(walker, practitioner, start, name):
    actions.book(
        walker.service, practitioner, start, contact=contact_of(first_name=name, email=f"{name}@example.com", mobile=""),
        checked_channel="email", response=start_draft("hair-loss-intake", by=WEB, now=WEDNESDAY), by=WEB, now=WEDNESDAY,
    )  # fmt: skip


def test_time_off_of_the_clinic_is_a_closed_day(walker):
    TimeOff.objects.create(starts_at=on(11, 0), ends_at=on(12, 0), kind="holiday")
    assert "February 11: closed" in text_of(walker.begun().get("time"))


def test_the_physician_filter_shows_one_person_and_any_shows_each_time_once(walker, make_practitioner):
    raman = make_practitioner("Dr. Priya Raman")
    walker.service.practitioners.add(raman)
    walker.begun()
    both = offered(walker.get("time"))[1:]
    assert len({v.split()[0] for v in both}) == len(both)
    only = offered(walker.get("time", query=f"?who={raman.public_id}"))
    assert {v.split()[1] for v in only} == {str(raman.public_id)}


def test_the_time_of_day_filter(walker):
    walker.begun()
    mornings = walker.get("time", query="?part=morning")
    assert "Afternoon 1:00" not in text_of(mornings)
    assert "1:00 p.m." not in text_of(mornings)
    assert text_of(walker.get("time", query="?part=afternoon")).count("Morning 9:00") == 0


def test_more_than_six_physicians_are_a_list(walker, make_practitioner):
    for name in ("A Ash", "B Birch", "C Cedar", "D Dogwood", "E Elm", "F Fir"):
        walker.service.practitioners.add(make_practitioner(f"Dr. {name}"))
    page = walker.begun().get("time")
    assert '<select class="input" name="who"' in page.content.decode()


def test_only_open_days_of_the_month_are_links(walker):
    page = walker.begun().get("time").content.decode()
    assert 'aria-label="February\u00a011, times open"' in page
    assert 'aria-label="February\u00a013, times open"' not in page


def test_another_month_can_be_looked_at_and_a_day_in_it_shown_whole(walker):
    page = walker.begun().get("time", query="?month=2027-03")
    day = next(a for a in anchors(page) if "day=2027-03-08" in a)
    shown = walker.client.get(f"/book/time/{day.partition('#')[0]}")
    assert 'id="d2027-03-08"' in shown.content.decode()
    assert 'id="d2027-02-11"' not in shown.content.decode()


def test_a_long_half_day_shows_a_spread_of_times_and_a_link_to_all(walker):
    page = walker.begun().get("time")
    assert "Show all 19 on this day" in text_of(page)
    link = next(a for a in anchors(page) if a.endswith("#d2027-02-11") and "day=" in a)
    whole = offered(walker.client.get(f"/book/time/{link.partition('#')[0]}"))
    assert len([v for v in whole if v.startswith("2027-02-11")]) == 8 + 11


def test_a_day_on_which_the_clock_changes_is_shown_on_the_clinics_clock(walker):
    page = walker.begun().get("time", query="?day=2027-03-15")
    assert offered(page)[1].startswith("2027-03-15T13:00Z")  # 9:00 a.m., daylight time
    assert "Morning 9:00 a.m." in text_of(page)


def test_nothing_with_the_chosen_person_offers_the_soonest_with_anybody(walker, make_practitioner):
    away = make_practitioner("Dr. Priya Raman")
    walker.service.practitioners.add(away)
    TimeOff.objects.create(practitioner=away, starts_at=WEDNESDAY, ends_at=WEDNESDAY + timedelta(days=120), kind="vacation")
    page = walker.begun().get("time", query=f"?who={away.public_id}")
    assert "No times in the next 4 weeks with Dr. Raman." in text_of(page)
    assert "The soonest with any physician is Wednesday, February 10 at 11:00 a.m., with Dr. Osei." in text_of(page)
    assert walker.post("time", slot=offered(page)[0]).status_code == 303


def away(days: int) -> None:
    TimeOff.objects.create(practitioner=None, starts_at=WEDNESDAY, ends_at=WEDNESDAY + timedelta(days=days), kind="holiday")


def test_nothing_for_weeks_offers_the_first_time_after_them_and_later_days(walker):
    away(35)
    page = walker.begun().get("time")
    assert "No times in the next 4 weeks. The soonest with any physician is Wednesday, March 17" in text_of(page)
    assert any("more=4" in link for link in anchors(page))
    assert walker.post("time", slot=offered(page)[0]).status_code == 303


def test_nothing_at_all_leaves_the_waiting_list_and_the_phone_once_and_no_filters(walker):
    away(400)
    said = text_of(walker.begun().get("time"))
    assert "No times are open for booking right now. Join the waiting list, and we tell you when a time opens. Or call us" in said
    shown = [words in said for words in ("Time of day", "Nothing that fits?", "Show more days")]
    assert (shown, said.count("Join the waiting list")) == ([False] * 3, 2)


def test_tapping_a_time_holds_it_for_fifteen_minutes_and_goes_to_the_details(walker, practitioner):
    answer = walker.begun().post("time", slot=picker.value_of(on(11, 10), practitioner))
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:details"))
    held = Appointment.objects.get()
    assert (held.status, held.starts_at) == (Status.HELD, on(11, 10))
    assert held.hold_expires_at == WEDNESDAY + timedelta(minutes=15)


def test_every_time_that_is_shown_can_be_taken(walker):
    shown = offered(walker.begun().get("time"))
    for value in shown[::9]:
        assert walker.post("time", slot=value).status_code == 303
    assert Appointment.objects.count() == 1


def test_it_is_skipped_while_a_chosen_time_stands_and_shown_to_change_it(walker):
    walker.with_time()
    assert walker.get("time")["Location"] == reverse("booking:details")
    page = walker.get("time", query="?change=1")
    assert "Until 9:15 a.m. we are holding Thursday, February 11 at 10:00 a.m. with Dr. Osei for you." in text_of(page)
    day = walker.get("time", query="?change=1&day=2027-02-11")
    assert any(v.startswith("2027-02-11T15:00Z") for v in offered(day))


def test_with_the_details_done_a_new_time_leads_back_to_the_check(walker, practitioner):
    walker.with_code()
    answer = walker.post("time", slot=picker.value_of(on(12, 9), practitioner))
    assert answer["Location"] == reverse("booking:check")
    assert Appointment.objects.get().starts_at == on(12, 9)


def test_a_time_somebody_else_took_answers_409_with_the_three_closest_focused(walker, practitioner):
    somebody_books(walker.service, practitioner, on(11, 10))
    answer = walker.begun().post("time", slot=picker.value_of(on(11, 10), practitioner))
    assert answer.status_code == 409
    assert "Someone else just took 10:00 a.m. These are the closest:" in text_of(answer)
    assert "data-focus-now" in answer.content.decode()
    assert title_of(answer).startswith("Error: ")
    near = offered(answer)[:3]
    assert {abs(picker.parse_value(v)[0] - on(11, 10)) <= timedelta(minutes=60) for v in near} == {True}
    assert walker.post("time", slot=near[0]).status_code == 303


def test_a_time_somebody_else_holds_is_taken_too(walker, practitioner):
    actions.hold(walker.service, practitioner, on(11, 10), hold_key="other", address="198.51.100.1", by=WEB, now=WEDNESDAY)
    assert walker.begun().post("time", slot=picker.value_of(on(11, 10), practitioner)).status_code == 409


@pytest.mark.parametrize(
    "start", ["2027-02-09T15:00Z", "2027-02-10T14:20Z", "2027-02-11T15:07Z", "2027-02-13T15:00Z", "2027-12-01T15:00Z"]
)
def test_a_time_that_was_never_offered_is_refused(walker, practitioner, start):
    answer = walker.begun().post("time", slot=f"{start} {practitioner.public_id}")
    assert answer.status_code == 409
    assert not Appointment.objects.exists()


def test_somebody_who_does_not_do_this_is_refused(walker, make_practitioner):
    stranger = make_practitioner("Dr. Priya Raman")
    answer = walker.begun().post("time", slot=picker.value_of(on(11, 10), stranger))
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    assert "Choose one of the times shown" in text_of(answer)


def test_anything_that_is_not_a_time_is_refused(walker):
    walker.begun()
    for text in HOSTILE:
        assert walker.post("time", slot=text).status_code == 422, text


def test_odd_filters_count_as_none(walker):
    walker.begun()
    for text in HOSTILE:
        asked = dict.fromkeys(("who", "part", "more", "day", "month", "change"), text)
        assert walker.client.get("/book/time/", asked).status_code in {200, 400}, text


def test_bytes_that_are_no_text_are_refused(walker):
    assert walker.begun().raw("/book/time/", "slot") == {422}


def test_a_wall_time_without_an_offset_is_no_time(walker, practitioner):
    assert walker.begun().post("time", slot=f"2027-03-14T02:30 {practitioner.public_id}").status_code == 422


def test_when_the_hold_ran_out_it_says_so_and_offers_the_time_again(walker, at):
    walker.with_time()
    at.shift(timedelta(minutes=16))
    page = walker.get("time")
    assert "We could not hold 10:00 a.m. any longer. Your answers are safe. It may still be free:" in text_of(page)
    assert walker.post("time", slot=offered(page)[0]).status_code == 303
    assert Appointment.objects.get().hold_expires_at == clock.now() + timedelta(minutes=15)


def test_when_the_hold_ran_out_and_somebody_has_the_time_it_is_not_offered_again(walker, at):
    walker.with_time()
    at.shift(timedelta(minutes=16))
    away(400)
    said = text_of(walker.get("time"))
    assert "We could not hold 10:00 a.m. any longer, and it is not free now. Your answers are safe." in said
    assert "It may still be free" not in said


def test_when_no_more_holds_are_made_it_goes_on_unheld(walker, practitioner, monkeypatch):
    monkeypatch.setattr(holds, "HOLDS_PER_ADDRESS", 0)
    answer = walker.begun().post("time", slot=picker.value_of(on(11, 10), practitioner))
    assert answer["Location"] == reverse("booking:details")
    assert not Appointment.objects.exists()
    assert "Your time: Thursday, February 11 at 10:00 a.m. with Dr. Osei." in text_of(walker.get("details"))
    assert walker.get("time")["Location"] == reverse("booking:details")


def test_after_booking_it_leads_to_the_visit(walker):
    walker.booked()
    assert walker.get("time")["Location"] == reverse("booking:done")
    assert walker.post("time", slot="x")["Location"] == reverse("booking:done")


def test_looking_changes_nothing(walker):
    walker.with_time()
    before = rows()
    walker.get("time", query="?change=1")
    walker.client.head("/book/time/?change=1")
    assert rows() == before


def test_it_takes_eight_statements_at_most_whoever_works_here(walker, make_practitioner):
    for n in range(8):
        walker.service.practitioners.add(make_practitioner(f"Dr. Number{n}"))
    walker.with_time()
    walker.get("time", query="?change=1")
    with CaptureQueriesContext(connection) as seen:
        walker.get("time", query="?change=1&part=morning")
    assert len(seen) <= 8, [q["sql"][:100] for q in seen]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2027, 2, 13), date(2027, 2, 14), "February\u00a013 and 14, the weekend: closed"),
        (date(2027, 2, 11), date(2027, 2, 12), "February\u00a011 and 12: closed"),
        (date(2027, 2, 11), date(2027, 2, 11), "February\u00a011: closed"),
        (date(2027, 2, 26), date(2027, 3, 2), "February\u00a026 to March\u00a02: closed"),
        (date(2027, 2, 28), date(2027, 3, 1), "February\u00a028 and March\u00a01: closed"),
    ],
)
def test_days_without_times_read_like_this(clinic, first, last, said):
    assert words.gap_line(first, last, "closed") == said
