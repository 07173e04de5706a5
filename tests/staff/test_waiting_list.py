"""The waiting list at the desk: who fits a free time, offered by hand, answered on the phone."""

import re
from datetime import timedelta

import pytest

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, WaitlistEntry, WaitlistOffer
from booking.picker import value_of
from tests.booking.conftest import at, on, text_of  # noqa: F401
from tests.booking.test_waiting import DESK, book, cancelled, wait
from tests.factories import WEDNESDAY
from tests.staff.conftest import Statements

URL = "/desk/waiting-list/"


@pytest.fixture
def desk(at, reception, signed_in):  # noqa: F811
    """Joanne's browser, at nine on a Wednesday."""
    return signed_in(reception)


@pytest.fixture
def lucas(at, service):  # noqa: F811
    """Lucas waits; on Friday at ten a visit was cancelled."""
    entry = wait(service, "Lucas")
    cancelled(service, on(12, 10))
    return entry


def slot(entry):
    return value_of(on(12, 10), entry.service.practitioners.get())


def test_the_day_says_what_became_free_and_who_fits(desk, lucas):
    page = text_of(desk.get("/desk/day/2027-02-12/")).replace("\xa0", " ")
    assert "10:00 a.m. with Dr. Osei is free. 1 person on the waiting list fits." in page
    assert "Offer to Lucas Chowdhury" in page


def test_a_free_time_shows_who_fits_best_first(desk, lucas, service):
    wait(service, "Noor", now=clock.now())
    actions.ask_first(WaitlistEntry.objects.latest("pk"), first=True, by=DESK, now=clock.now())
    page = text_of(desk.get(URL, {"at": slot(lucas)}))
    assert page.index("Noor Chowdhury") < page.index("Lucas Chowdhury")


def test_a_stretch_that_begins_where_nobody_can_start_leads_to_the_start_that_fits(desk, lucas, service):
    person = lucas.service.practitioners.get()
    off_the_steps = {"at": value_of(on(12, 10) + timedelta(minutes=5), person)}
    page = text_of(desk.get(URL, off_the_steps)).replace("\xa0", " ")
    assert "1 fits at 10:20 a.m." in page
    assert "Lucas Chowdhury" in text_of(desk.get(URL, {"at": value_of(on(12, 10, 20), person)}))
    book(service, on(12, 10, 20))
    assert "fits at" not in text_of(desk.get(URL, off_the_steps)), "not beyond the next visit"


def test_offering_holds_the_time_and_the_day_says_for_whom(desk, lucas):
    answer = desk.post(URL, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})
    assert answer.status_code == 303
    assert answer["Location"] == URL, "the time suits nobody else now"
    assert "until 9:45 a.m.." not in text_of(desk.get(URL)).replace("\xa0", " ")
    assert Appointment.objects.get(status="held").starts_at == on(12, 10)
    day = text_of(desk.get("/desk/day/2027-02-12/"))
    assert "Lucas Chowdhury" in day
    assert "offered until 9:45" in day
    assert day.count("offered until 9:45") == 2, "on the board, and beside it"


def test_offered_twice_the_second_gets_the_reason(desk, lucas, service):
    noor = wait(service, "Noor", now=clock.now())
    desk.post(URL, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})
    page = desk.post(URL, {"do": f"offer:{noor.public_id}", "at": slot(lucas)})
    assert page.status_code == 409
    assert WaitlistOffer.objects.count() == 1


@pytest.mark.parametrize(("verb", "state", "waits"), [("take", "accepted", "booked"), ("pass", "passed", "waiting"), ("back", "skipped", "waiting")])  # fmt: skip
def test_the_answer_on_the_phone(desk, lucas, verb, state, waits):
    desk.post(URL, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})
    do = f"{verb}:{WaitlistOffer.objects.get().public_id}"
    assert f'value="{do}"' in desk.get(URL).content.decode()
    assert desk.post(URL, {"do": do}).status_code == 303
    lucas.refresh_from_db()
    assert (WaitlistOffer.objects.get().state, lucas.state) == (state, waits)


@pytest.mark.parametrize("verb", ["take", "back"])
def test_an_answer_to_an_offer_that_is_over_does_not_count_for_the_next_one(desk, lucas, service, verb):
    """The page was open since the first one; the patient speaks of that time."""
    desk.post(URL, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})
    first = WaitlistOffer.objects.get()
    actions.decline(first, by=DESK, now=clock.now())
    cancelled(service, on(11, 11), "Noor")
    later = actions.offer(lucas, service.practitioners.get(), on(11, 11), by=DESK, now=clock.now())
    assert desk.post(URL, {"do": f"{verb}:{first.public_id}"}).status_code == 409
    later.refresh_from_db()
    lucas.refresh_from_db()
    assert (later.state, lucas.state) == ("open", "waiting")


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("resume", "waiting"), ("remove", "left")])
def test_pausing_going_on_and_removing(desk, lucas, verb, state):
    if verb == "resume":
        actions.pause(lucas, by=DESK, now=clock.now())
    desk.post(URL, {"do": f"{verb}:{lucas.public_id}"})
    lucas.refresh_from_db()
    assert lucas.state == state


def test_a_caller_with_a_visit_is_put_on_the_list(desk, at, service):  # noqa: F811
    visit = book(service, on(18, 10))
    assert desk.post(URL, {"do": f"join:{visit.public_id}"}).status_code == 303
    assert WaitlistEntry.objects.get().visit == visit


def test_put_on_the_list_again_they_keep_what_they_wished(desk, at, service):  # noqa: F811
    visit = book(service, on(18, 10))
    wishes = actions.Wishes(times=1, notice="days")
    entry = actions.join(service, wishes, patient=visit.patient, visit=visit, by=DESK, now=clock.now())
    page = desk.post(URL, {"do": f"join:{visit.public_id}"}, follow=True)
    entry.refresh_from_db()
    assert (entry.times, entry.notice) == (1, "days")
    assert "is on the waiting list already" in text_of(page)


@pytest.mark.parametrize("do", ["", "offer", "offer:x", "drop:00000000-0000-4000-8000-000000000000", "auto:on"])
def test_a_button_that_is_not_there_is_a_404(desk, lucas, do):
    assert desk.post(URL, {"do": do, "at": slot(lucas)}).status_code == 404


def test_only_the_lead_turns_offers_by_themselves_on(lucas, lead_user, signed_in):
    assert signed_in(lead_user).post(URL, {"do": "auto:on"}).status_code == 303
    Clinic.forget_current()
    assert Clinic.current().auto_offers
    assert Actor.staff(lead_user).is_staff


def test_many_freed_times_cost_the_day_no_more_than_one(desk, lucas, service):
    def statements():
        with Statements() as seen:
            assert desk.get("/desk/day/2027-02-12/").status_code == 200
        return len(seen.of_page())

    one = statements()
    for hour in (9, 11, 13, 14, 15, 16):
        cancelled(service, on(12, hour), f"P{hour}")
    assert statements() == one


def test_of_many_freed_times_the_one_just_cancelled_is_named_and_the_others_are_a_press_away(desk, lucas, service):
    assert "What else became free" not in text_of(desk.get(DAY))
    for hour in (9, 11):
        cancelled(service, on(12, hour), f"P{hour}")
    page = desk.get(DAY)
    assert (page.context["gap"].start, "What else became free" in text_of(page)) == (on(12, 9), True)
    latest = Appointment.objects.get(starts_at=on(12, 11))
    page = desk.get(DAY, {"did": "cancel", "visit": str(latest.public_id)})
    assert page.context["gap"].start == on(12, 11)
    assert page.content.decode().count("gap-strip") == 1


DAY = "/desk/day/2027-02-12/"


def test_beside_the_day_a_press_offers_the_first_time_that_fits_and_the_strip_takes_it_back(desk, lucas):
    page = desk.get(DAY)
    assert "Fits Friday, February 12 at 9:00 a.m., Dr. Osei" in text_of(page).replace("\xa0", " ")
    tray = page.content.decode().split("tray-lists")[1]
    free = re.search(rf'name="at" value="([^"]+)">\s*<button[^>]* value="offer:{lucas.public_id}"', tray)[1]
    answer = desk.post(DAY, {"do": f"offer:{lucas.public_id}", "at": free})
    page = desk.get(answer["Location"])
    assert "Friday, February 12 at 9:00 a.m. is offered to Lucas Chowdhury until 9:45 a.m." in text_of(page).replace("\xa0", " ")
    undo = re.search(r'class="toast".*?value="(back:[^"]+)"', page.content.decode(), re.DOTALL)[1]
    answer = desk.post(DAY, {"do": undo})
    assert "Taken back. Lucas Chowdhury is not offered Friday, February 12 at 9:00" in text_of(desk.get(answer["Location"]))
    assert not Appointment.objects.filter(status="held").exists()


def test_beside_the_day_who_fits_comes_before_who_waits_longer_and_does_not(desk, lucas, service):
    wait(service, "Noor", now=WEDNESDAY - timedelta(days=9), notice="days")
    page = desk.get("/desk/day/2027-02-11/").content.decode().split("tray-lists")[1]
    assert page.index("Lucas Chowdhury") < page.index("Noor Chowdhury")
    assert page.count("offer:") == 1
    assert "Nothing on this day fits" in page


def test_who_is_rung_with_an_offer_takes_it_beside_the_day(desk, lucas):
    desk.post(DAY, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})
    take = f"take:{WaitlistOffer.objects.get().public_id}"
    assert f'value="{take}"' in desk.get(DAY).content.decode()
    answer = desk.post(DAY, {"do": take})
    assert "Booked Lucas Chowdhury for 10:00" in text_of(desk.get(answer["Location"]))


def test_an_offer_that_was_answered_since_is_not_said_to_be_out(desk, lucas):
    done = desk.post(DAY, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})["Location"]
    actions.decline(WaitlistOffer.objects.get(), by=Actor.system(), now=clock.now())
    assert "is offered to Lucas" not in text_of(desk.get(done))


def test_a_time_that_went_meanwhile_is_refused_on_the_day(desk, lucas, service):
    book(service, on(12, 10), "Noor")
    answer = desk.post(DAY, {"do": f"offer:{lucas.public_id}", "at": slot(lucas)})
    assert answer.status_code == 409
    assert 'class="tray-lists"' in answer.content.decode()
    assert not WaitlistOffer.objects.exists()


def test_what_is_not_said_of_the_list_beside_the_day_is_not_found(desk, lucas):
    assert desk.post(DAY, {"do": f"remove:{lucas.public_id}"}).status_code == 404


def test_more_people_on_the_list_cost_the_day_no_more(desk, lucas, service):
    def statements():
        with Statements() as seen:
            assert desk.get(DAY).status_code == 200
        return len(seen.of_page())

    one = statements()
    for n in range(4):
        wait(service, f"P{n}")
    assert statements() == one


def test_a_time_that_became_free_is_offered_from_the_list_in_one_press_which_says_if_it_means_a_call(desk, lucas):
    page = desk.get(URL).content.decode()
    assert "Offer to Lucas Chowdhury" in page
    assert "told 2 hours before" in page
    WaitlistEntry.objects.update(by_phone=True)
    page = " ".join(desk.get(URL).content.decode().split())
    assert "Hold for Lucas Chowdhury and call" in page
    assert "Hold for Lucas Chowdhury and call" in " ".join(desk.get(DAY).content.decode().split())
    free, do = re.search(r'name="at" value="([^"]+)">\s*<button[^>]*value="(offer:[^"]+)"', page).groups()
    page = text_of(desk.post(URL, {"at": free, "do": do}, follow=True)).replace("\xa0", " ")
    assert "Friday, February 12 at 10:00 a.m. is held for Lucas Chowdhury until 9:45 a.m. Call now." in page
