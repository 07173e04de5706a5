"""Save and finish later: the link, the year of birth, another phone, and the end."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse

from accounts import clock
from audit.models import AuditEvent
from booking.models import Appointment
from booking.views.step import MOST
from intake.actions import later, save_contact, save_page, start_draft
from intake.document import decrypt
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse, ResumeLink
from tests.booking.conftest import TYPED, WEB, Browser, rows, text_of, title_of
from tests.factories import WEDNESDAY

SENT = {"status": "completed", "completed_at": WEDNESDAY}
BORN = {"date_of_birth_month": "3", "date_of_birth_day": "27", "date_of_birth_year": "1987"}


@pytest.fixture
def saved(walker: Browser) -> ResumeLink:
    """A draft with one answer, saved by email."""
    walker.begun()
    save_page(walker.draft, "1/1", {"start_consent_collect": True}, by=WEB, now=WEDNESDAY)
    answer = walker.post("save", address="daniel@example.com", **BORN)
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:save") + "?sent=1"), text_of(answer)
    return ResumeLink.objects.get()


@pytest.fixture
def theirs(saved: ResumeLink) -> ResumeLink:
    """The link of somebody else, who saved a moment later."""
    return later.save_for_later(begun(), channel="email", address="maya@example.com", by=WEB, now=WEDNESDAY)


def begun() -> QuestionnaireResponse:
    """A draft that says who answers."""
    draft = start_draft("hair-loss-intake", by=WEB, now=WEDNESDAY)
    save_contact(draft, TYPED, by=WEB, now=WEDNESDAY)
    return draft


def test_every_question_page_offers_it_and_keeps_the_number(walker):
    walker.begun()
    for url in (reverse("intake:questions"), reverse("intake:question", args=[1, 1])):
        page = walker.client.get(url).content.decode()
        assert f'href="{reverse("booking:save")}"' in page.partition("</header>")[0]
        assert 'href="tel:' in page.partition("</main>")[2]


def test_the_first_time_it_asks_where_to_and_when_born_and_says_where_it_went(walker, saved):
    assert (saved.channel, saved.address) == ("email", "daniel@example.com")
    document = decrypt(walker.draft)
    assert document.contact["email"] == "daniel@example.com"
    assert document.answers["about_dob"] == "1987-03-27"
    page = walker.get("save", query="?sent=1")
    assert "We sent a link to d•••••@example.com." in text_of(page)
    assert "30 days" in text_of(page)
    assert "Nothing is booked yet. You choose a time when you go on." in text_of(page)


def test_the_page_that_says_saved_says_how_long_the_time_is_kept(walker):
    walker.with_details().post("save")
    said = "Nothing is booked yet. We keep Thursday, February 11 at 10:00 a.m. with Dr. Osei for you until 9:15 a.m."
    assert said in text_of(walker.get("save", query="?sent=1"))


def test_what_is_known_is_not_asked_again(walker):
    walker.with_details()
    page = walker.get("save")
    assert "Send the link to 519-555-••78" in text_of(page)
    assert 'name="address"' not in page.content.decode()
    assert 'name="date_of_birth_year"' not in page.content.decode()
    assert walker.post("save").status_code == 303
    assert ResumeLink.objects.get().address == "+15195550178"


def test_the_date_of_birth_given_here_is_not_asked_in_the_questions(walker, saved):
    numbers = [page.number for page in _pages(walker.draft) if page.section.number == 2]
    asked = walker.draft.definition.questions["about_dob"].page
    assert asked not in numbers


def _pages(response):
    from intake import engine
    from intake.actions import asking_for

    document = decrypt(response)
    return engine.pages(response.definition, document.answers, asking_for(response, document))


@pytest.mark.parametrize(
    "typed", [{}, {"address": "daniel at example"} | BORN, {"address": "d@example.com"}, BORN, {"address": "d@x.ca", **BORN, "date_of_birth_year": "2999"}]
)  # fmt: skip
def test_what_is_missing_or_wrong_is_said_and_nothing_is_sent(walker, typed):
    walker.begun()
    answer = walker.post("save", **typed)
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    assert not ResumeLink.objects.exists()


def test_a_date_under_age_is_said_back_and_once_right_nothing_is_kept(walker):
    walker.with_time()
    page = walker.post("save", address="d@example.com", **(BORN | {"date_of_birth_year": "2015"}))
    assert (page.status_code, ResumeLink.objects.count()) == (422, 0)
    assert "You typed March 27, 2015" in text_of(page)
    assert walker.post("too_young")["Location"] == reverse("intake:stop", args=["under-age"])
    assert not QuestionnaireResponse.objects.exists()
    assert not Appointment.objects.exists()


def test_left_there_it_is_deleted_within_the_hour(walker, at):
    walker.with_time().post("save", address="d@example.com", **(BORN | {"date_of_birth_year": "2015"}))
    Appointment.objects.all().delete()
    at.shift(timedelta(minutes=59))
    assert later.purge_drafts(now=clock.now()) == 0
    at.shift(timedelta(minutes=1))
    assert later.purge_drafts(now=clock.now()) == 1


def test_the_links_to_one_address_are_limited(walker, saved):
    per_address, _per_client = MOST["resume"]
    for _press in range(per_address - 1):
        assert walker.post("save").status_code == 303
    assert walker.post("save").status_code == 429
    assert ResumeLink.objects.count() == per_address


def test_another_phone_goes_on_after_the_year_of_birth(walker, saved):
    phone = walker.another()
    token = later.token_of(saved)
    page = phone.get("resume", token)
    assert "year of birth" in text_of(page)
    answer = phone.post("resume", token, year="1987")
    assert (answer.status_code, answer["Location"]) == (303, reverse("intake:questions"))
    assert phone.draft == walker.draft
    assert decrypt(phone.draft).answers["start_consent_collect"] is True
    assert AuditEvent.objects.filter(action="intake.resume", detail={"ok": True}).count() == 1


def test_where_the_answers_are_open_the_link_asks_for_nothing_until_they_are_closed(walker, saved, at):
    token = later.token_of(saved)
    assert walker.get("resume", token)["Location"] == reverse("intake:questions")
    at.shift(timedelta(minutes=31))
    closed = walker.client.get(walker.get("resume", token)["Location"])
    assert closed.status_code == 302
    assert reverse("booking:closed") in closed["Location"]


def test_looking_at_the_link_changes_nothing_and_opens_nothing(walker, saved):
    phone, before = walker.another(), rows()
    phone.get("resume", later.token_of(saved))
    assert rows() == before
    assert "draft" not in phone.client.session


def test_a_draft_that_was_in_the_browser_makes_room(walker, saved):
    phone = walker.another().with_details(email="somebody@example.com", mobile="519-555-0144")
    own, key = phone.draft, phone.client.session.session_key
    phone.post("resume", later.token_of(saved), year="1987")
    assert phone.draft == walker.draft != own
    assert not {"hold", "wanted", "code"} & set(phone.client.session.keys())
    assert phone.client.session.session_key != key
    assert not Appointment.objects.filter(status="held").exists(), "the time is free for others at once"


@pytest.mark.parametrize("year", ["", "87", "x" * 400, "19\x0087", "١٩٨٧"])
def test_a_year_that_is_none_is_refused_and_costs_no_try(walker, saved, year):
    assert walker.another().post("resume", later.token_of(saved), year=year).status_code == 422
    assert ResumeLink.objects.get().tries == 0


def test_five_wrong_years_and_it_waits_ten_minutes_wherever_they_come_from(walker, saved, at):
    token = later.token_of(saved)
    answers = [walker.another().post("resume", token, year=str(1950 + n)).status_code for n in range(5)]
    assert answers == [422, 422, 422, 422, 429]
    assert walker.another().post("resume", token, year="1987").status_code == 429
    at.shift(timedelta(minutes=10))
    assert walker.another().post("resume", token, year="1987").status_code == 303


def test_a_day_has_twenty_tries_whatever_the_link(walker, saved, at):
    token = later.token_of(saved)
    for year in range(1940, 1980):
        walker.another().post("resume", token, year=str(year))
        at.shift(timedelta(minutes=3))
    at.shift(timedelta(minutes=10))
    answer = walker.another().post("resume", token, year="1987")
    assert answer.status_code == 429
    assert "Too many tries today. Call us" in text_of(answer)
    at.shift(timedelta(days=1))
    assert walker.another().post("resume", token, year="1987").status_code == 303


def test_the_right_year_lets_the_wrong_ones_be_forgotten(walker, saved):
    token = later.token_of(saved)
    years = ["1950", "1951", "1952", "1953", "1987", "1954", "1987"]
    answers = [walker.another().post("resume", token, year=year).status_code for year in years]
    assert answers == [422, 422, 422, 422, 303, 422, 303]


def test_a_day_has_twenty_tries_in_a_browser_that_rested_too_long_as_well(walker):
    draft = walker.with_details().draft
    for n in range(20):
        with pytest.raises(later.YearRefused, match="does not match"):
            later.reopen(draft, 1930 + n, by=WEB, now=WEDNESDAY + timedelta(minutes=3 * n))
    with pytest.raises(later.YearRefused, match="Too many tries today"):
        later.reopen(draft, 1987, by=WEB, now=WEDNESDAY + timedelta(hours=2))


def test_without_a_year_of_birth_no_link_is_owed(walker):
    with pytest.raises(IntakeError, match="date of birth"):
        later.save_for_later(walker.begun().draft, channel="email", address="a@example.com", by=WEB, now=WEDNESDAY)


def test_what_was_sent_booked_or_deleted_is_not_saved_for_later(walker, theirs):
    sent, gone, booked = begun(), begun(), walker.booked(email="daniel@example.com").response
    QuestionnaireResponse.objects.filter(pk=sent.pk).update(**SENT)
    QuestionnaireResponse.objects.filter(pk=gone.pk).delete()
    for response in (sent, gone, booked):
        with pytest.raises(IntakeError, match="no longer be saved"):
            later.save_for_later(response, channel="email", address="daniel@example.com", by=WEB, now=clock.now())


def test_who_lost_it_gets_the_last_link_of_that_address_that_still_opens_something(saved):
    again, sent, theirs = (
        later.save_for_later(draft, channel="email", address=f"{who}@example.com", by=WEB, now=WEDNESDAY)
        for draft, who in ((saved.response, "daniel"), (begun(), "daniel"), (begun(), "maya"))
    )
    QuestionnaireResponse.objects.filter(pk=sent.response_id).update(**SENT)
    later.owe_again(channel="email", address="Daniel@example.com", now=WEDNESDAY + timedelta(hours=1))
    owed = dict(ResumeLink.objects.values_list("pk", "sequence"))
    assert owed == {saved.pk: 1, theirs.pk: 1, again.pk: 2, sent.pk: 1}
    event = AuditEvent.objects.filter(action="intake.save_for_later").latest("pk")
    assert (event.object_id, event.detail) == (saved.response_id, {"channel": "email", "again": True})


def test_saving_for_later_is_in_the_trail_without_the_address(saved):
    event = AuditEvent.objects.get(action="intake.save_for_later")
    assert (event.object_id, event.detail) == (saved.response_id, {"channel": "email"})


def test_another_address_of_one_person_ends_nobody_elses_link(saved, patient):
    later.end_links(patient)
    assert ResumeLink.objects.get() == saved


def test_a_link_that_leads_nowhere_is_forgotten_once_it_is_old(saved, theirs):
    QuestionnaireResponse.objects.filter(pk=saved.response_id).update(**SENT)
    assert later.forget_links(before=WEDNESDAY) == 0
    assert later.forget_links(before=WEDNESDAY + timedelta(seconds=1)) == 1
    assert ResumeLink.objects.get() == theirs


def test_who_is_on_file_is_known_by_the_year_on_file(saved, patient):
    QuestionnaireResponse.objects.filter(pk=saved.response_id).update(patient=patient)
    with pytest.raises(later.YearRefused):
        later.resume(saved, 1987, by=WEB, now=WEDNESDAY)
    assert later.resume(saved, patient.date_of_birth.year, by=WEB, now=WEDNESDAY) == saved.response


def test_a_new_link_does_not_kill_the_old(walker, saved):
    assert walker.post("save").status_code == 303
    first, second = ResumeLink.objects.order_by("pk")
    assert later.token_of(first) != later.token_of(second)
    for link in (first, second):
        assert walker.another().post("resume", later.token_of(link), year="1987").status_code == 303


def test_the_link_works_for_thirty_days_after_its_last_use(walker, saved, at):
    token = later.token_of(saved)
    at.shift(timedelta(days=29))
    assert walker.another().post("resume", token, year="1987").status_code == 303
    at.shift(timedelta(days=29))
    assert walker.another().get("resume", token).status_code == 200
    at.shift(timedelta(days=1))
    assert walker.another().get("resume", token).status_code == 404


def test_unknown_expired_and_used_up_links_get_the_page_of_dead_visit_links(walker, saved, at):
    dead = walker.get("visit", "A" * 16).content
    assert walker.get("resume", "A" * 16).content == dead
    assert walker.get("resume", "no-link").content == dead
    at.shift(timedelta(days=31))
    assert walker.another().post("resume", later.token_of(saved), year="1987").content == dead


def test_once_it_is_booked_the_link_is_dead(walker, saved):
    walker.booked(email="daniel@example.com")
    answer = walker.another().get("resume", later.token_of(saved))
    assert answer.status_code == 404


def test_delete_my_answers_asks_first_and_ends_draft_links_and_hold(walker, saved):
    walker.with_time()
    draft = ResumeLink.objects.get().response
    page = walker.get("delete_answers")
    assert "Are you sure?" in text_of(page)
    assert QuestionnaireResponse.objects.filter(pk=draft.pk).exists()
    # Start begins another draft; the saved one is opened first.
    walker.post("resume", later.token_of(saved), year="1987")
    assert walker.post("delete_answers").status_code == 303
    assert not QuestionnaireResponse.objects.filter(pk=draft.pk).exists()
    assert walker.get("resume", later.token_of(saved)).status_code == 404
    assert "draft" not in walker.client.session
    assert AuditEvent.objects.filter(action="intake.delete_draft").exists()


def test_without_a_draft_there_is_nothing_to_save_or_delete(walker):
    for name in ("save", "delete_answers"):
        assert walker.get(name)["Location"] == reverse("booking:start")
        assert walker.post(name)["Location"] == reverse("booking:start")


def test_drafts_go_thirty_days_after_the_last_use_and_each_is_noted(walker, saved, at, capsys):
    other = walker.another().begun().draft
    at.shift(timedelta(days=29))
    phone = walker.another()
    phone.post("resume", later.token_of(saved), year="1987")
    at.shift(timedelta(days=1, minutes=1))
    call_command("purge_drafts")
    assert capsys.readouterr().out == "deleted=1 photos=0\n"
    assert list(QuestionnaireResponse.objects.all()) == [saved.response]
    event = AuditEvent.objects.get(action="intake.purge_draft")
    assert (event.object_id, event.actor_kind) == (other.pk, "system")
    at.shift(timedelta(days=30))
    assert later.purge_drafts(now=clock.now()) == 1
    assert not ResumeLink.objects.exists()
    # The browsers are still signed in to nothing, and are led to the beginning.
    assert phone.client.get(reverse("intake:questions"))["Location"] == reverse("booking:start")


def test_a_purge_leaves_booked_and_sent_answers_alone(walker, at):
    walker.booked()
    at.shift(timedelta(days=400))
    assert later.purge_drafts(now=clock.now()) == 0
    assert QuestionnaireResponse.objects.count() == 1


def test_no_token_is_kept(walker, saved):
    assert not re.search(later.token_of(saved), repr(ResumeLink.objects.values().get()))
