"""/book/done/: the reference, what happens next, the calendar."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from django.urls import reverse

from booking import actions, picker, words
from booking.links import token_of
from booking.models import Appointment, LinkRequest
from booking.views import done as view
from intake import engine
from intake.actions import save_page
from notifications.kinds import REMINDERS
from tests.booking.conftest import WEB, anchors, on, rows, text_of, title_of
from tests.factories import WEDNESDAY


def test_without_a_booking_it_leads_to_the_beginning(walker):
    assert walker.get("done")["Location"] == reverse("booking:start")


def test_it_says_when_with_whom_and_the_reference(walker):
    visit = walker.booked()
    page = walker.get("done")
    assert title_of(page) == "Your visit is booked – True North"
    said = text_of(page)
    assert "You’re booked, Daniel Thursday, February 11 at 10:00 a.m." in said
    assert "First assessment with Dr. Amara Osei, 30 minutes" in said
    assert f"Reference {visit.reference}" in said


def test_the_preferred_name_is_used(walker):
    walker.booked(preferred_name="Danny")
    assert "You’re booked, Danny" in text_of(walker.get("done"))


def test_it_says_where_the_confirmation_goes_without_showing_the_addresses(walker):
    walker.booked()
    page = walker.get("done")
    assert "It goes to d•••••@example.com and 519-555-••78 in about 3 minutes." in text_of(page)
    assert "0178" not in page.content.decode()


def test_afterwards_it_says_that_it_was_sent(walker, at):
    walker.booked()
    at.shift(timedelta(minutes=4))
    assert "It went to d•••••@example.com and 519-555-••78 already." in text_of(walker.get("done"))


def test_steps_are_dated_from_the_policy(walker, practitioner):
    walker.with_code().post("time", slot=picker.value_of(on(25, 10), practitioner))
    walker.post("check", do="book")
    said = text_of(walker.get("done"))
    assert "Thursday, February 18: a reminder" in said
    assert "until 10:00 a.m. on February 24" in said
    assert "February 25: come 5 minutes early 100 Example Street, Suite 200, Kitchener" in said


def test_a_visit_tomorrow_promises_no_reminder_that_will_not_come(walker, practitioner):
    walker.booked()  # tomorrow at ten: 24 hours of notice are too few for any reminder but the last
    assert "Today: a reminder" in text_of(walker.get("done")) or "a reminder" not in text_of(walker.get("done"))


def test_the_reminders_promised_are_the_ones_that_are_sent():
    assert {(k.days_before, k.min_lead) for k in REMINDERS if k.days_before is not None} == set(words.REMINDERS)


def test_calendar_entries_say_no_reason(walker):
    visit = walker.booked()
    page = walker.get("done")
    google = next(a for a in anchors(page) if "calendar.google.com" in a)
    outlook = next(a for a in anchors(page) if "outlook.live.com" in a)
    assert parse_qs(urlsplit(google).query)["text"] == ["Appointment, True North"]
    assert parse_qs(urlsplit(google).query)["dates"] == ["20270211T150000Z/20270211T153000Z"]
    assert parse_qs(urlsplit(outlook).query)["subject"] == ["Appointment, True North"]
    assert reverse("booking:visit_ics", args=[token_of(visit)]) in anchors(page)
    for link in (google, outlook):
        assert "hair" not in link.lower()
        assert "assessment" not in link.lower()


def test_it_links_to_the_visit_for_changes(walker):
    visit = walker.booked()
    links = anchors(walker.get("done"))
    for name in ("visit_time", "visit_cancel", "visit_messages"):
        assert reverse(f"booking:{name}", args=[token_of(visit)]) in links


def test_unfinished_questions_are_a_step(walker):
    walker.booked()
    assert "Before your visit: finish your questions" in text_of(walker.get("done"))


def test_without_a_code_a_call_is_a_step(walker):
    walker.with_details().post("code", do="none")
    walker.post("check", do="book")
    assert "Soon: a call from us" in text_of(walker.get("done"))


def test_with_phone_calls_only_no_message_is_promised(walker):
    walker.booked(reminder_by="phone")
    said = text_of(walker.get("done"))
    assert "You chose phone calls, so we send no messages." in said
    assert "a reminder" not in said


def test_send_it_again_asks_for_the_link_three_times_an_hour_at_most(walker):
    walker.booked()
    for _press in range(5):
        assert walker.post("done")["Location"] == reverse("booking:done")
    assert list(LinkRequest.objects.values_list("channel", "address")) == [("email", "daniel@example.com")] * 3
    assert "It is on its way to d•••••@example.com." in text_of(walker.get("done"))


def test_reload_shows_the_same_and_changes_nothing(walker):
    walker.booked()
    before = rows()
    first = text_of(walker.get("done"))
    assert text_of(walker.get("done")) == first
    assert rows() == before


def test_after_a_move_it_shows_the_new_time_and_after_a_cancel_the_visit(walker, practitioner):
    visit = walker.booked()
    actions.move(visit, practitioner, on(17, 14), by=WEB, now=visit.booked_at)
    assert "Wednesday, February 17 at 2:00 p.m." in text_of(walker.get("done"))
    actions.cancel(visit, by=WEB, now=visit.booked_at)
    assert walker.get("done")["Location"] == reverse("booking:visit", args=[token_of(visit)])


def test_leaving_a_shared_phone_forgets_the_visit_and_the_answers(walker):
    walker.booked()
    assert walker.get("leave").status_code == 405
    answer = walker.post("leave")
    assert (answer["Location"], answer["Clear-Site-Data"]) == ("/", '"cache", "storage"')
    assert walker.get("done")["Location"] == reverse("booking:start")
    assert walker.get("details")["Location"] == reverse("booking:start")


def test_leaving_lets_go_of_a_held_time(walker):
    walker.with_time()
    walker.post("leave")
    assert not Appointment.objects.exists()


def test_the_map_is_an_ordinary_link(clinic):
    assert view.directions_url().startswith("https://www.openstreetmap.org/search?query=100+Example+Street")


def test_views_without_a_photo_are_a_step_once_the_answers_are_sent(walker):
    walker.with_code()
    draft = walker.draft
    page = next(p for p in engine.pages(draft.definition, {}, engine.Asking(today=draft.today)) if p.key == "8/1")
    save_page(draft, page, {"photo_consent": "yes"}, by=WEB, now=WEDNESDAY)
    walker.answer_everything()
    walker.get("check")
    walker.post("check", do="book", finish_declare="on", finish_signature="Daniel Whitford")
    page = walker.get("done")
    assert "Before your visit: add 5 photos Front photo, top photo, crown photo, left photo, right photo." in text_of(page)
    assert reverse("portal:data") + "#correct" in anchors(page)
    assert walker.post("done_photos")["Location"].startswith(reverse("intake:photos"))  # this browser has just answered
    assert "Your photos" in text_of(walker.client.get(reverse("intake:photos") + "?for=visit"))
    session = walker.client.session
    del session["shown"]  # as a browser that was let in by the year of birth before somebody else sent them
    session.save()
    assert walker.post("done_photos")["Location"] == reverse("booking:visit_photos", args=[token_of(Appointment.objects.get())])


def test_answers_that_are_not_sent_yet_can_be_changed_from_here(walker):
    walker.booked()
    assert "Change your answers" in text_of(walker.get("done"))
    assert "Before your visit: add" not in text_of(walker.get("done"))


def test_an_address_is_not_broken_over_two_lines_where_it_fits_in_one(walker):
    walker.booked()
    assert '<span class="address">519-555-••78</span>' in walker.get("done").content.decode()


def test_on_paper_it_says_whom_to_call(walker):
    walker.booked()
    assert "To change or cancel: True North Metabolic, 519-555-0142, Monday to Friday, 8:30 a.m. to 4:30 p.m." in text_of(
        walker.get("done")
    )
