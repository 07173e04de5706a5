"""The waiting list by its pages: joined from the time page or from a visit; an offer taken or passed on by its link."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command

from accounts import clock
from audit.models import AuditEvent
from booking import actions
from booking.links import waiting_token_of
from booking.models import Appointment, WaitlistEntry, WaitlistOffer
from booking.waitlist import ANY_TIME
from intake.actions import later
from intake.models import QuestionnaireResponse, ResumeLink
from patients.actions import digits_of
from patients.models import ContactCode, Patient
from tests.booking.conftest import DETAILS, POSING, on, rows, text_of
from tests.booking.test_waiting import DESK, SYSTEM

FORM = {"times": ["0", "1", "2", "3"], "notice": "day", "reach": "message"}


@pytest.fixture
def entry(visit):
    """Daniel, who has a visit on Thursday of next week, would come sooner."""
    return actions.join(
        visit.service, actions.Wishes(notice="hours"), patient=visit.patient, visit=visit, by=DESK, now=clock.now()
    )


@pytest.fixture
def offer(entry):
    """He is offered Friday of this week at ten."""
    return actions.offer(entry, entry.service.practitioners.get(), on(12, 10), by=SYSTEM, now=clock.now())


def url(entry):
    return f"/w/{waiting_token_of(entry)}/"


def test_who_finds_no_time_joins_with_the_details_and_code_of_a_booking(walker):
    walker.begun()
    assert "/book/waiting-list/" in walker.get("time").content.decode()
    assert walker.post("join_list", **FORM)["Location"] == "/book/details/"
    walker.post("details", **DETAILS)
    answer = walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    assert answer["Location"] == "/book/waiting-list/"
    page = walker.get("join_list")
    assert "Daniel Whitford" in text_of(page)
    assert not WaitlistEntry.objects.exists()
    answer = walker.post("join_list", **FORM)
    entry = WaitlistEntry.objects.get()
    assert answer["Location"] == url(entry)
    assert (entry.times, entry.notice, entry.visit, entry.response) == (0b1111, "day", None, walker.draft)
    assert walker.get("join_list")["Location"] == url(entry)  # Pressed Back: already on it.


def test_the_code_of_somebody_who_says_they_help_waits_for_nobody_we_know(walker, visit):
    before = Patient.objects.values().get(pk=visit.patient_id)
    walker.begun().post("join_list", **FORM)
    walker.post("details", **DETAILS | POSING)
    walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    walker.post("join_list", **FORM)
    entry = WaitlistEntry.objects.get()
    assert entry.patient_id != visit.patient_id
    assert entry.patient.merge_offers.get().candidate_id == visit.patient_id
    assert Patient.objects.values().get(pk=visit.patient_id) == before


def test_who_comes_from_an_article_joins_at_once_and_the_visit_remembers_the_article(walker, service, practitioner):
    article = "0b0e7c5a-6d6e-4a55-9d3e-2f1f3f1f9a10"
    page = walker.get("start", query=f"?from={article}&wait=1")
    assert "Join the waiting list" in text_of(page)
    assert not walker.client.session.get("draft"), "looking begins nothing"
    assert walker.post("start", **{"from": article, "wait": "1"})["Location"] == "/book/waiting-list/"
    walker.post("join_list", **FORM)
    walker.post("details", **DETAILS)
    walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    walker.post("join_list", **FORM)
    entry = WaitlistEntry.objects.get()
    made = actions.offer(entry, practitioner, on(12, 10), by=SYSTEM, now=clock.now())
    taken = walker.client.post(url(entry), {"do": f"take:{made.public_id}"}, follow=True)
    assert "It is yours. The visit is on Friday, February 12 at 10:00 a.m." in text_of(taken).replace("\xa0", " ")
    visit = Appointment.objects.get()
    assert (str(entry.article), str(visit.article), visit.status) == (article, article, "booked")


def test_what_somebody_answered_who_left_the_list_is_deleted_after_thirty_days(walker, at, capsys):
    walker.begun().post("join_list", **FORM)
    walker.post("details", **DETAILS)
    walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    walker.post("join_list", **FORM)
    entry = WaitlistEntry.objects.get()
    at.shift(timedelta(days=40))
    assert actions.purge_left_drafts(now=clock.now()) == 0  # They still wait.
    actions.leave(entry, by=DESK, now=clock.now())
    at.shift(timedelta(days=29))
    assert actions.purge_left_drafts(now=clock.now()) == 0
    at.shift(timedelta(days=1))
    call_command("purge_drafts")
    assert capsys.readouterr().out == "deleted=1 photos=0\n"
    assert not QuestionnaireResponse.objects.exists()
    assert WaitlistEntry.objects.get().response is None


def test_joining_lets_go_of_a_time_that_was_held(walker):
    walker.with_time()
    walker.post("join_list", **FORM)
    assert not Appointment.objects.filter(status="held").exists()


def test_what_is_missing_is_said_and_what_was_ticked_stays(walker):
    page = walker.begun().post("join_list", notice="days", reach="message")
    assert page.status_code == 422
    assert "Choose at least one time that could work" in text_of(page)
    assert re.search(r'value="days"[^>]* checked', page.content.decode())


def test_a_visit_stays_while_its_person_waits_for_something_earlier(link, visit, token):
    assert "Tell me if something earlier comes up" in text_of(link.get("visit", token))
    every = [str(n) for n in range(10)]
    answer = link.post("visit_waiting", token, times=every, notice="hours", reach="call")
    entry = WaitlistEntry.objects.get()
    assert answer["Location"] == url(entry)
    assert (entry.visit, entry.patient, entry.times, entry.by_phone) == (visit, visit.patient, ANY_TIME, True)
    page = link.client.get(url(entry))
    assert "The visit on Thursday, February 18 at 10:00 a.m. stays." in text_of(page).replace("\xa0", " ")
    assert link.get("visit_waiting", token)["Location"] == url(entry)


def test_looking_at_an_offer_changes_nothing(link, offer):
    before = (rows(), offer.sequence)
    page = link.client.get(url(offer.entry))
    text = text_of(page).replace("\xa0", " ")
    assert "Friday, February 12 at 10:00 a.m." in text
    assert "until 9:45 a.m." in text
    assert "moves to this time" in text
    offer.refresh_from_db()
    assert (rows(), offer.sequence) == before


def test_an_offer_that_ends_this_evening_says_the_time_alone(link, entry, at):
    at.move_to(on(10, 20))
    actions.offer(entry, entry.service.practitioners.get(), on(12, 10), by=SYSTEM, now=clock.now())
    assert "It is yours until 8:45 p.m." in text_of(link.client.get(url(entry)))


def test_taking_it_moves_the_visit(link, visit, offer):
    answer = link.client.post(url(offer.entry), {"do": f"take:{offer.public_id}"})
    visit.refresh_from_db()
    assert (answer.status_code, visit.starts_at) == (303, on(12, 10))
    assert "Your new time is Friday, February 12" in text_of(link.client.get(answer["Location"])).replace("\xa0", " ")
    again = link.client.post(url(offer.entry), {"do": f"take:{offer.public_id}"})  # pressed twice
    assert again["Location"] == answer["Location"]
    assert "You have a time" in text_of(link.client.get(url(offer.entry)))


def test_passing_keeps_the_visit_and_the_place(link, visit, offer):
    assert link.client.post(url(offer.entry), {"do": f"pass:{offer.public_id}"}).status_code == 303
    page = text_of(link.client.get(url(offer.entry)))
    assert "You are on the waiting list" in page
    visit.refresh_from_db()
    assert visit.starts_at == on(18, 10)


def test_too_late_gets_kind_words_and_stays_on_the_list(link, offer, at):
    at.shift(timedelta(minutes=45))
    assert "You are still on the list" in text_of(link.client.get(url(offer.entry)))
    page = link.client.post(url(offer.entry), {"do": f"take:{offer.public_id}"})
    assert page.status_code == 409
    assert "That time was just taken. You are still on the list." in text_of(page)


def test_an_old_page_cannot_take_a_newer_offer(link, offer):
    actions.decline(offer, by=DESK, now=clock.now())
    newer = actions.offer(offer.entry, offer.practitioner, on(15, 10), by=DESK, now=clock.now())
    assert link.client.post(url(offer.entry), {"do": f"take:{offer.public_id}"}).status_code == 409
    newer.refresh_from_db()
    assert newer.state == "open"


def test_leaving_and_changing_by_the_link(link, entry, visit):
    change = f"{url(entry)}wishes/"
    assert link.client.post(change, FORM).status_code == 303
    entry.refresh_from_db()
    assert entry.times == 0b1111
    assert link.client.post(url(entry), {"do": "leave"}).status_code == 303
    entry.refresh_from_db()
    visit.refresh_from_db()
    assert (entry.state, visit.status) == ("left", "booked")
    assert link.client.get(change).status_code == 302


@pytest.mark.parametrize("do", ["", "take", "take:", "take:x", "pass:00000000-0000-4000-8000-000000000000", "x" * 500])
def test_a_button_that_is_not_there_does_nothing(link, offer, do):
    assert link.client.post(url(offer.entry), {"do": do}).status_code == 422
    assert WaitlistOffer.objects.get().state == "open"


def test_wishes_that_are_saved_while_the_desk_takes_them_off_the_list_say_so(link, entry, monkeypatch):
    change = actions.change

    def first_the_desk(entry, *args, **kwargs):
        actions.leave(entry, by=DESK, now=clock.now())
        return change(entry, *args, **kwargs)

    monkeypatch.setattr(actions, "change", first_the_desk)
    answer = link.client.post(f"{url(entry)}wishes/", FORM)
    assert answer.status_code == 409
    assert "You are not on the list any more." in text_of(answer)


def test_a_new_address_closes_the_old_link(link, entry):
    old = url(entry)
    actions.change_contact(
        entry.patient, email="new@example.com", mobile="", reminder_by="email", voicemail_ok=False, by=DESK, now=clock.now()
    )
    assert link.client.get(old).status_code == 404
    entry.refresh_from_db()
    assert link.client.get(url(entry)).status_code == 200


@pytest.fixture
def saved(walker):
    """Daniel, who had saved his answers for later, and waits."""
    walker.begun().post("join_list", **FORM)
    walker.post("details", **DETAILS)
    walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    walker.post("save")
    walker.post("join_list", **FORM)
    return later.token_of(ResumeLink.objects.get())


def test_a_link_to_saved_answers_opens_them_while_their_person_waits(walker, saved):
    phone, entry = walker.another(), WaitlistEntry.objects.get()
    assert phone.post("resume", saved, year="1987")["Location"] == "/book/questions/"
    assert (phone.draft, phone.get("join_list")["Location"]) == (walker.draft, url(entry))
    assert AuditEvent.objects.get(action="intake.resume").subject_id == entry.patient_id
    assert later.forget_links(before=clock.now() + timedelta(days=8)) == 0
    assert phone.post("save")["Location"] == "/book/save/?sent=1"


def test_who_waits_can_delete_the_answers_and_waits_on(walker, saved):
    assert walker.post("delete_answers")["Location"] == "/book/"
    entry = WaitlistEntry.objects.get()
    assert (entry.is_on_list, entry.response, QuestionnaireResponse.objects.count()) == (True, None, 0)


def test_another_address_ends_the_link_to_what_was_saved(walker, saved):
    patient = WaitlistEntry.objects.get().patient
    actions.change_contact(patient, email="new@example.com", by=DESK, now=clock.now())
    assert walker.another().get("resume", saved).status_code == 404


def test_a_link_to_saved_answers_is_dead_once_the_wait_has_become_a_visit(walker, saved, practitioner):
    made = actions.offer(WaitlistEntry.objects.get(), practitioner, on(12, 10), by=SYSTEM, now=clock.now())
    actions.accept(made, by=SYSTEM, now=clock.now())
    assert walker.another().get("resume", saved).status_code == 404


def test_whoever_cancels_reads_that_the_place_on_the_list_ends_with_the_visit(link, visit, token):
    ends = "Your place on the waiting list ends with the visit."
    assert ends not in text_of(link.get("visit_cancel", token))
    actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=DESK, now=clock.now())
    assert ends in text_of(link.get("visit_cancel", token))


def test_the_page_after_booking_knows_who_is_on_the_list(walker):
    visit = walker.booked()
    assert "Come sooner: join the waiting list" in text_of(walker.get("done"))
    actions.join(visit.service, actions.Wishes(), patient=visit.patient, visit=visit, by=DESK, now=clock.now())
    said = text_of(walker.get("done"))
    assert "Your place on the waiting list" in said
    assert "Come sooner" not in said
