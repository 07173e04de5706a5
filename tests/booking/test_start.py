"""/book/: what is needed, a chosen opening, Start."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Service, Status
from intake.actions import publish_all
from intake.models import QuestionnaireResponse
from patients.actions import digits_of
from patients.models import ContactCode
from tests.booking.conftest import DETAILS, HOSTILE, WEB, anchors, offered, on, rows, somebody_books, text_of, title_of
from tests.factories import WEDNESDAY


def opening(practitioner, start, article="") -> str:
    return f"?slot={start:%Y-%m-%dT%H:%M:%SZ}&who={practitioner.public_id}&from={article}"


def test_it_says_what_is_needed_what_it_costs_and_who_reads_it(walker):
    page = walker.get("start")
    assert page.status_code == 200
    assert title_of(page) == "Book a first assessment – True North"
    for said in ("6 to 8 minutes", "$150", "Who sees your answers", "519-555-0142"):
        assert said in text_of(page)


def test_looking_changes_nothing_and_leaves_no_cookie_but_the_forms(walker, practitioner):
    before = rows()
    walker.get("start", query=opening(practitioner, on(11, 10)))
    assert rows() == before
    assert "session" not in walker.client.cookies


def test_a_chosen_opening_is_shown_with_a_clock_time(walker, practitioner):
    page = walker.get("start", query=opening(practitioner, on(11, 10, 20)))
    assert "Thursday, February 11 at 10:20 a.m." in text_of(page)
    assert "with Dr. Amara Osei" in text_of(page)
    assert "Press Start and we keep it until 9:30 a.m." in text_of(page)


def test_start_holds_the_opening_for_thirty_minutes(walker, practitioner):
    article = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    answer = walker.post("start", slot="2027-02-11T15:20:00Z", who=str(practitioner.public_id), **{"from": article})
    assert answer.status_code == 303
    assert answer["Location"] == reverse("intake:who_we_see")
    held = Appointment.objects.get()
    assert (held.status, held.starts_at, held.practitioner) == (Status.HELD, on(11, 10, 20), practitioner)
    assert held.hold_expires_at == WEDNESDAY + timedelta(minutes=30)
    assert str(held.article) == article
    assert walker.client.session["hold"] == str(held.public_id)


def test_who_comes_from_a_physicians_page_sees_that_ones_times_and_can_see_everybodys(walker, practitioner, make_practitioner):
    raman = make_practitioner("Dr. Priya Raman")
    walker.service.practitioners.add(raman)
    page = walker.get("start", query=f"?who={raman.public_id}")
    assert "then you pick a time with Dr. Priya Raman." in text_of(page)
    assert f'name="who" value="{raman.public_id}"' in page.content.decode()
    walker.post("start", who=str(raman.public_id))
    answer = walker.get("time")
    assert answer["Location"] == reverse("booking:time") + f"?who={raman.public_id}"
    assert walker.client.get(answer["Location"]).context["picker"].filters.practitioner == raman
    assert walker.get("time", query="?change=1").context["picker"].filters.practitioner is None
    for odd in HOSTILE:
        assert walker.get("start", query="?" + urlencode({"who": odd})).status_code in {200, 400}


def test_start_without_an_opening_begins_an_empty_draft(walker):
    answer = walker.post("start")
    assert answer["Location"] == reverse("intake:who_we_see")
    assert walker.draft.status == "in-progress"
    assert not Appointment.objects.exists()


@pytest.fixture
def second(assessment, practitioner, make_practitioner):
    """A second opinion, with Dr. Raman only, is booked online as well."""
    service = Service.objects.create(
        slug="second-opinion", name="Second opinion", minutes=60, step_minutes=60, online=True, position=5,
        price_text="$240", questionnaire="hair-loss-intake",
    )  # fmt: skip
    service.practitioners.add(make_practitioner("Dr. Priya Raman"))
    return service


def test_one_service_is_not_asked_for_and_two_are(walker, second):
    page = walker.get("start")
    assert "What is the visit for? First assessment: 30 minutes, $150 Second opinion: 60 minutes, $240" in text_of(page)
    refused = walker.post("start")
    assert refused.status_code == 422
    assert "Choose what the visit is for" in text_of(refused)
    Service.objects.filter(pk=second.pk).update(online=False)
    assert "What is the visit for?" not in text_of(walker.get("start"))


def test_what_was_chosen_is_what_is_held_checked_and_booked(walker, second):
    walker.post("start", service=str(second.public_id))
    page = walker.get("time")
    assert "Second opinion, 60 minutes." in text_of(page)
    assert "Dr. Osei" not in text_of(page)
    walker.post("time", slot=offered(page)[0])
    assert Appointment.objects.get().service == second
    walker.post("details", **DETAILS)
    walker.post("code", code=digits_of(ContactCode.objects.latest("pk")))
    assert "Second opinion with Dr. Priya Raman" in text_of(walker.get("check"))
    walker.post("check", do="book")
    visit = Appointment.objects.get()
    assert (visit.service, visit.status, visit.minutes) == (second, Status.BOOKED, 60)


def test_another_choice_lets_go_of_what_was_held_and_keeps_the_answers(walker, second, assessment):
    walker.post("start", service=str(second.public_id))
    walker.post("time", slot=offered(walker.get("time"))[0])
    draft = walker.draft
    walker.post("start", service=str(assessment.public_id), draft="keep")
    assert (walker.draft, Appointment.objects.count()) == (draft, 0)
    assert "First assessment, 30 minutes." in text_of(walker.get("time"))


def test_answers_to_other_questions_are_not_taken_along(walker, second):
    publish_all(by=Actor.system(), now=WEDNESDAY)
    Service.objects.filter(pk=second.pk).update(questionnaire="hair-loss-followup")
    walker.post("start", service=str(walker.service.public_id))
    draft = walker.draft
    refused = walker.post("start", service=str(second.public_id), draft="keep")
    assert "The answers saved in this browser are for another visit." in text_of(refused)
    walker.post("start", service=str(second.public_id), draft="new")
    assert walker.draft != draft
    assert walker.draft.questionnaire.slug == "hair-loss-followup"


def test_an_articles_time_is_of_the_first_visit(walker, second, practitioner):
    assert "What is the visit for?" not in text_of(walker.get("start", query=opening(practitioner, on(11, 10, 20))))
    walker.post("start", slot="2027-02-11T15:20:00Z", who=str(practitioner.public_id))
    assert Appointment.objects.get().service == walker.service


def test_the_session_holds_ids_only(walker):
    walker.booked()
    kept = {k: v for k, v in walker.client.session.items() if not k.startswith("_")}
    assert set(kept) <= {"draft", "hold", "holder", "wanted", "code", "seen_at", "path_seen_at"}
    assert "Daniel" not in str(kept)


def test_an_opening_taken_meanwhile_answers_409_with_three_others_and_a_start_without(walker, practitioner):
    somebody_books(walker.service, practitioner, on(11, 10))
    answer = walker.post("start", slot="2027-02-11T15:00:00Z", who=str(practitioner.public_id))
    assert answer.status_code == 409
    assert "Someone else just took 10:00 a.m. These are the closest:" in text_of(answer)
    near = offered(answer, "pick")
    assert len(near) == 3
    assert not QuestionnaireResponse.objects.exists()
    assert "Start, and pick a time later" in text_of(answer)
    assert walker.post("start", pick=near[0], draft="keep").status_code == 303
    assert Appointment.objects.filter(status=Status.HELD).count() == 1


def test_start_without_a_time_after_a_lost_one_holds_nothing(walker, practitioner):
    answer = walker.post("start", pick="none", slot="2027-02-11T15:00:00Z", who=str(practitioner.public_id))
    assert answer.status_code == 303
    assert not Appointment.objects.exists()


def test_an_opening_that_is_gone_is_said_so_before_start(walker, practitioner):
    somebody_books(walker.service, practitioner, on(11, 10))
    page = walker.get("start", query=opening(practitioner, on(11, 10)))
    assert page.status_code == 200
    assert "Someone else just took 10:00 a.m." in text_of(page)


@pytest.mark.parametrize("slot", ["2027-02-09T15:00:00Z", "2027-02-11T15:05:00Z", "2027-02-13T15:00:00Z", "2127-02-11T15:00:00Z"])
def test_a_time_that_was_never_offered_is_refused(walker, practitioner, slot):
    answer = walker.post("start", slot=slot, who=str(practitioner.public_id))
    assert answer.status_code == 409
    assert not Appointment.objects.exists()


def test_an_opening_with_somebody_who_does_not_do_this_is_refused(walker, make_practitioner):
    stranger = make_practitioner("Dr. Priya Raman")
    answer = walker.post("start", slot="2027-02-11T15:00:00Z", who=str(stranger.public_id))
    assert answer.status_code == 409


def test_anything_else_in_the_address_or_the_form_is_ignored_or_refused(walker):
    names = ("slot", "who", "from", "pick", "draft")
    for text in HOSTILE:
        assert walker.client.get("/book/", dict.fromkeys(names, text)).status_code in {200, 400}, text
        assert walker.post("start", **dict.fromkeys(names, text)).status_code in {303, 409}, text
        assert walker.post("start", slot="2027-02-11T15:00:00Z", who=text).status_code == 409, text


def test_a_draft_in_this_browser_can_be_continued_or_begun_again(walker):
    first = walker.begun().draft
    page = walker.get("start")
    assert "Continue where you were" in text_of(page)
    assert "Start again" in text_of(page)
    walker.post("start", draft="keep")
    assert walker.draft == first
    walker.post("start", draft="new")
    assert walker.draft != first
    assert not QuestionnaireResponse.objects.filter(pk=first.pk).exists()


def test_pressing_start_twice_keeps_one_draft(walker):
    walker.post("start")
    walker.post("start")
    assert QuestionnaireResponse.objects.count() == 1


def test_start_again_leaves_a_booked_visits_answers_alone(walker):
    visit = walker.booked()
    walker.post("start", draft="new")
    assert walker.draft.pk != visit.response_id
    assert QuestionnaireResponse.objects.filter(pk=visit.response_id).exists()
    assert "booked" not in walker.client.session


def test_a_fourth_hold_in_an_hour_from_one_address_goes_on_unheld(walker, practitioner):
    for n, start in enumerate([on(11, 10), on(11, 10, 40), on(11, 11, 20)]):
        actions.hold(walker.service, practitioner, start, hold_key=f"k{n}", address="203.0.113.7", by=WEB, now=WEDNESDAY)
    answer = walker.post("start", slot="2027-02-12T15:00:00Z", who=str(practitioner.public_id))
    assert answer.status_code == 303
    assert "hold" not in walker.client.session
    assert walker.client.session["wanted"]["start"] == "2027-02-12T15:00:00Z"


def test_without_a_service_to_book_online_it_says_so(walker):
    Service.objects.update(online=False)
    page = walker.get("start")
    assert page.status_code == 503
    assert "Call 519-555-0142" in text_of(page)


def test_a_held_time_is_said_on_the_questions_and_kept_longer_from_their_list(walker, practitioner, at):
    walker.post("start", slot="2027-02-11T15:00:00Z", who=str(practitioner.public_id))
    listed, page = reverse("intake:questions"), reverse("intake:question", args=[1, 1])
    kept = "We keep Thursday, February 11 at 10:00 a.m. with Dr. Osei for you until "
    assert kept + "9:30 a.m." in text_of(walker.client.get(page))
    assert kept + "9:30 a.m. Keep it 15 minutes longer" in text_of(walker.client.get(listed))
    at.shift(timedelta(minutes=29))
    assert walker.post("check", do="extend", back="questions")["Location"] == listed
    assert kept + "9:45 a.m." in text_of(walker.client.get(page))
    Appointment.objects.all().delete()  # taken by somebody else after it had ended
    assert walker.post("check", do="extend", back="questions")["Location"] == listed
    said = text_of(walker.client.get(listed))
    assert "We could not hold your time any longer." in said
    assert "We could not keep Thursday, February 11 at 10:00 a.m. with Dr. Osei any longer." in said


def test_a_hold_that_ran_out_is_said_on_the_questions_and_leads_to_its_time(walker, practitioner, at):
    walker.post("start", slot="2027-02-11T15:00:00Z", who=str(practitioner.public_id))
    for _turn in range(2):  # half an hour without a page would end the session
        at.shift(timedelta(minutes=16))
        walker.client.get(reverse("intake:questions"))
    over = "We could not keep Thursday, February 11 at 10:00 a.m. with Dr. Osei any longer. Your answers are safe"
    page = text_of(walker.client.get(reverse("intake:question", args=[1, 1])))
    assert over in page
    assert "Pick a time first, finish these later" in page, "there is none to book"
    listed = walker.client.get(reverse("intake:questions"))
    assert f"{over}, and it may still be free. See if it is" in text_of(listed)
    assert reverse("booking:time") in anchors(listed)


def test_a_time_that_we_cannot_keep_aside_is_not_said_to_have_been_kept(walker, practitioner):
    for n in range(3):
        start = on(12, 9 + n)
        actions.hold(walker.service, practitioner, start, hold_key=f"k{n}", address="203.0.113.7", by=WEB, now=WEDNESDAY)
    walker.post("start", slot="2027-02-12T18:00:00Z", who=str(practitioner.public_id))
    said = text_of(walker.client.get(reverse("intake:questions")))
    assert "You chose Friday, February 12 at 1:00 p.m. with Dr. Osei. We cannot keep it aside right now" in said


def test_who_was_here_before_picks_the_time_and_gives_a_code_first(walker, practitioner):
    assert "Been here before? Pick a time first" in text_of(walker.get("start"))
    assert walker.post("start", known="1")["Location"] == reverse("booking:time")
    again = walker.another()
    page = again.get("start", query="?known=1")
    assert "Then part of your answers is filled in from last time" in text_of(page)
    assert 'name="known" value="1"' in page.content.decode()
    held = again.post("start", known="1", slot="2027-02-11T15:00:00Z", who=str(practitioner.public_id))
    assert held["Location"] == reverse("booking:details")
