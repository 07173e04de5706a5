"""/book/check/: everything on one page, then Book my visit, once."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts import clock
from audit.actor import Actor
from booking import actions, picker
from booking.actions import holds, visits
from booking.links import token_of
from booking.models import Appointment, Status
from intake import engine
from intake.actions import save_contact, save_page, start_draft
from intake.document import decrypt, put
from intake.models import QuestionnaireResponse
from patients.models import ConsentRecord, Patient
from tests.booking.conftest import HOSTILE, WEB, anchors, offered, on, rows, somebody_books, text_of, title_of
from tests.factories import WEDNESDAY, contact_of

SIGNED = {"do": "book", "finish_declare": "on", "finish_signature": "Daniel Whitford"}


@pytest.fixture
def unchecked(assessment, practitioner):
    """Books for somebody whose contact nobody has checked."""

    def book(start, address):
        response = start_draft("hair-loss-intake", by=WEB, now=WEDNESDAY)
        contact = contact_of(first_name=f"P{start:%H}", email="", mobile="")
        values = {"checked_channel": None, "response": response, "address": address, "by": WEB, "now": WEDNESDAY}
        return actions.book(assessment, practitioner, start, contact=contact, **values)

    return book


@pytest.fixture
def ready(walker):
    """Code typed, every question answered."""
    walker.with_code()
    walker.answer_everything()
    return walker


def test_each_step_before_it_comes_first(walker):
    assert walker.get("check")["Location"] == reverse("booking:start")
    walker.begun()
    assert walker.get("check")["Location"] == reverse("booking:details")
    walker.with_time()
    assert walker.get("check")["Location"] == reverse("booking:details")
    walker.with_details()
    assert walker.get("check")["Location"] == reverse("booking:code")
    assert walker.post("check", do="book")["Location"] == reverse("booking:code")
    assert Appointment.objects.get().status == Status.HELD


def test_it_shows_the_time_the_details_and_that_nothing_is_booked_yet(walker):
    said = text_of(walker.with_code().get("check"))
    for part in (
        "Your visit is not booked yet.",
        "Thursday, February 11 at 10:00 a.m. First assessment with Dr. Amara Osei 30 minutes, in person, Kitchener",
        "We are holding this time for you until 9:15 a.m.",
        "Name Daniel Whitford",
        "Date of birth March 27, 1987",
        "519-555-0178",
        "Confirmed",
        "daniel@example.com",
        "Text and email",
        "You pay at the visit, not here: $150",
        "If you cancel less than 24 hours before, there is a $50 fee.",
    ):
        assert part in said


def test_a_close_time_says_what_booking_it_means(walker):
    walker.usual = on(10, 14)
    said = text_of(walker.with_code().get("check"))
    assert "It is less than 24 hours away. After you take it, changes are by phone and cancelling costs $50." in said
    assert "If you cancel after booking, there is a $50 fee." in said


def fold(page, number):
    """A section of the check page, with its tag."""
    html = page.content.decode()
    at = html.index(f'id="answers-{number}"')
    return html[html.rindex("<details", 0, at) : html.index("</details>", at)]


def test_each_section_is_folded_to_a_line_that_tells_nothing_about_health(ready):
    page = ready.get("check")
    assert " open>" not in fold(page, 3)
    line = fold(page, 3).partition("</summary>")[0]
    assert "answers" in line and " · " in line
    assert "fold-gist" not in fold(page, 6)
    assert "Agreement" not in text_of(page)


def test_a_section_with_a_required_answer_missing_is_open(walker):
    walker.with_code()
    draft = walker.draft
    page = next(p for p in engine.pages(draft.definition, {}, engine.Asking(today=draft.today)) if p.key == "3/2")
    save_page(draft, page, {"hair_onset": "1-5y"}, by=WEB, now=WEDNESDAY)
    assert " open>" in fold(walker.get("check"), 3)


def test_the_section_that_was_changed_or_all_of_them_can_be_shown_open(ready):
    page = ready.get("check", query="?open=3")
    assert " open>" in fold(page, 3) and " open>" not in fold(page, 4)
    everything = ready.get("check", query="?open=all")
    assert " open>" in fold(everything, 3) and "Close all" in text_of(everything)


def test_saving_for_later_is_offered_and_leads_back_here(ready):
    assert reverse("booking:save") + "?back=check" in anchors(ready.get("check"))
    page = ready.get("save", query="?back=check")
    assert f'class="back" href="{reverse("booking:check")}"' in page.content.decode()


def test_the_time_can_be_held_fifteen_minutes_longer_twice(walker):
    walker.with_code()
    for until in ("9:30 a.m.", "9:45 a.m."):
        assert walker.post("check", do="extend")["Location"] == reverse("booking:check")
        assert f"until {until}" in text_of(walker.get("check"))
    assert "Hold it 15 more minutes" not in text_of(walker.get("check"))
    assert walker.post("check", do="extend").status_code == 409
    assert Appointment.objects.get().hold_expires_at == WEDNESDAY + timedelta(minutes=45)


def has_typed(page):
    """What stands in the form that signs: the name, and whether the box is ticked."""
    html = page.content.decode()
    name = re.search(r'name="finish_signature"[^>]* value="([^"]*)"|value="([^"]*)"[^>]* name="finish_signature"', html)
    return (name[1] or name[2]) if name else "", bool(re.search(r'name="finish_declare"[^>]*checked', html))


def seen_on(page):
    """The answers a page shows, as its form sends them back."""
    return page.content.decode().partition('name="seen" value="')[2][:64]


@pytest.mark.parametrize(
    ("do", "to"), [("extend", reverse("booking:check")), ("time", reverse("booking:time") + "?change=1"), ("keep", "")]
)
def test_a_name_half_typed_survives_holding_it_longer_another_time_and_every_link(ready, do, to):
    answer = ready.post("check", do=do, finish_signature="Daniel W", seen=seen_on(ready.get("check")))
    assert (answer.status_code, answer.get("Location", "")) == (303 if to else 204, to)
    assert has_typed(ready.get("check")) == ("Daniel W", False)
    ready.post("check", do=do, finish_signature="Daniel", finish_declare="on", seen=seen_on(ready.get("check")))
    assert has_typed(ready.get("check")) == ("Daniel", True)
    ready.post("check", do=do, finish_signature="", seen=seen_on(ready.get("check")))
    assert has_typed(ready.get("check")) == ("", False)
    assert Appointment.objects.get().status == Status.HELD


def test_a_name_typed_under_other_answers_does_not_stand_under_these(ready):
    ready.post("check", do="keep", finish_signature="Daniel W", seen="0" * 64)
    assert has_typed(ready.get("check")) == ("", False)


def test_enter_in_the_form_books(ready):
    """The buttons above the form belong to it: the first of them is the one that Enter presses."""
    found = re.findall(r'<button[^>]*form="book"[^>]* value="(\w+)"', ready.get("check").content.decode())
    assert found == ["book", "time", "extend"]


def test_book_my_visit_books_and_shows_the_confirmation(walker):
    answer = walker.with_code().post("check", do="book")
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:done"))
    visit = Appointment.objects.get()
    assert (visit.status, visit.starts_at, visit.needs_call) == (Status.BOOKED, on(11, 10), False)
    assert visit.patient.full_name == "Daniel Whitford"
    assert visit.patient.mobile_checked_at == WEDNESDAY
    assert visit.response.public_id == walker.draft.public_id


def test_pressing_twice_and_back_and_reload_book_once(walker):
    walker.with_code()
    for _press in range(2):
        assert walker.post("check", do="book")["Location"] == reverse("booking:done")
    assert walker.get("check")["Location"] == reverse("booking:done")
    assert walker.get("details")["Location"] == reverse("booking:done")
    assert Appointment.objects.count() == 1
    assert Patient.objects.count() == 1


def test_a_press_that_lost_its_answer_books_once_too(walker):
    """The answer never arrived, so the browser still has the session from before."""
    walker.with_code()
    before = dict(walker.client.session)
    walker.post("check", do="book")
    session = walker.client.session
    session.clear()
    session.update(before)
    session.save()
    assert walker.post("check", do="book")["Location"] in {reverse("booking:done"), reverse("booking:start")}
    assert Appointment.objects.count() == 1


def test_without_finished_questions_nothing_is_signed_and_the_visit_lacks_its_intake(walker):
    page = walker.with_code().get("check")
    assert "finish_signature" not in page.content.decode()
    walker.post("check", do="book")
    assert Appointment.objects.get().intake_missing
    assert walker.draft.status == "in-progress"


def test_who_has_not_begun_the_questions_reads_how_long_they_take_not_how_many_there_are(walker):
    page = walker.with_code().get("check")
    assert "You can book now and answer your questions later. They take about 6 to 8 minutes. Answer them now" in text_of(page)
    assert 'href="/book/questions/1/1/"' in page.content.decode()


def test_who_is_in_the_middle_of_the_questions_reads_how_long_the_rest_takes(walker):
    walker.with_code()
    draft = walker.draft
    document = decrypt(draft)
    document.done = ["1/1"]
    put(draft, document)
    draft.save()
    page = walker.get("check")
    assert "You can book now and finish your questions later. About 7 minutes left. Finish them now" in text_of(page)


def test_finished_questions_are_shown_with_change_links(ready):
    page = ready.get("check")
    assert "My answers are true as far as I know" in text_of(page)
    assert "/book/questions/3/1/?change=1" in page.content.decode()
    assert "Sex registered at birth Male" in text_of(page)


def test_finished_questions_are_sent_with_the_booking(ready):
    assert ready.post("check", **SIGNED)["Location"] == reverse("booking:done")
    response = QuestionnaireResponse.objects.get()
    assert (response.status, response.completed_at, response.patient) == ("completed", WEDNESDAY, Patient.objects.get())
    signed = decrypt(response).signed
    assert signed["name"] == "Daniel Whitford"
    assert set(ConsentRecord.objects.values_list("code", "decision")) >= {("C1", True), ("C2", True), ("C4", True)}


def test_the_box_and_the_name_are_asked_for(ready):
    answer = ready.post("check", do="book")
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    assert "Tick the box to say your answers are true as far as you know" in text_of(answer)
    assert "Type your full name to sign" in text_of(answer)
    assert Appointment.objects.get().status == Status.HELD


def test_what_was_typed_stays(ready):
    answer = ready.post("check", do="book", finish_signature="Daniel W")
    assert 'value="Daniel W"' in answer.content.decode()


def test_answers_that_changed_in_another_tab_are_looked_at_again(ready):
    seen = {"seen": "0" * 64}
    answer = ready.post("check", **SIGNED, **seen)
    assert answer.status_code == 422
    assert "Your answers have changed since this page was opened." in text_of(answer)
    assert Appointment.objects.get().status == Status.HELD
    again = answer.content.decode().partition('name="seen" value="')[2][:64]
    assert ready.post("check", **SIGNED, seen=again)["Location"] == reverse("booking:done")


def test_a_time_taken_meanwhile_loses_nothing(walker, at, practitioner):
    walker.with_code()
    at.shift(timedelta(minutes=16))
    somebody_books(walker.service, practitioner, on(11, 10))
    answer = walker.post("check", do="book")
    assert answer.status_code == 409
    assert "Someone else just took 10:00 a.m. These are the closest:" in text_of(answer)
    near = offered(answer)
    assert len(near) == 3
    assert walker.post("time", slot=near[0])["Location"] == reverse("booking:check")
    assert walker.post("check", do="book")["Location"] == reverse("booking:done")
    assert Appointment.objects.filter(status=Status.BOOKED, patient__legal_first_name="Daniel").count() == 1


def test_a_time_that_went_meanwhile_is_said_before_anything_is_signed(ready, at, practitioner):
    at.shift(timedelta(minutes=16))
    somebody_books(ready.service, practitioner, on(11, 10))
    page = ready.get("check")
    assert page.status_code == 200
    assert "Someone else just took 10:00 a.m. These are the closest:" in text_of(page)
    assert len(offered(page)) == 3
    assert "Book my visit" not in text_of(page)


def sign_and_lose(ready, at, practitioner):
    """Signs for 10:00, which somebody else has taken, and chooses another time."""
    at.shift(timedelta(minutes=16))
    page = ready.get("check")
    somebody_books(ready.service, practitioner, on(11, 10))
    seen = page.content.decode().partition('name="seen" value="')[2][:64]
    answer = ready.post("check", **SIGNED, seen=seen)
    assert answer.status_code == 409
    kept = dict(re.findall(r'name="(signed_as|signed_for)" value="([^"]+)"', answer.content.decode()))
    assert ready.post("time", slot=offered(answer)[0], **kept)["Location"] == reverse("booking:check")


def test_who_signed_and_lost_the_time_does_not_sign_again(ready, at, practitioner):
    sign_and_lose(ready, at, practitioner)
    page = ready.get("check").content.decode()
    assert f'value="{SIGNED["finish_signature"]}"' in page
    assert re.search(r'name="finish_declare"[^>]*checked', page)
    assert ready.post("check", **SIGNED)["Location"] == reverse("booking:done")


def test_who_signed_and_lost_the_time_can_look_at_all_times_first(ready, at, practitioner):
    at.shift(timedelta(minutes=16))
    page = ready.get("check")
    somebody_books(ready.service, practitioner, on(11, 10))
    answer = ready.post("check", **SIGNED, seen=seen_on(page))
    kept = dict(re.findall(r'name="(signed_as|signed_for)" value="([^"]+)"', answer.content.decode()))
    assert ready.post("time", do="all", **kept)["Location"] == reverse("booking:time") + "?change=1"
    ready.post("time", slot=offered(answer)[0])
    assert has_typed(ready.get("check")) == (SIGNED["finish_signature"], True)


def test_a_signature_that_waited_for_another_time_is_not_offered_an_hour_later(ready, at, practitioner):
    sign_and_lose(ready, at, practitioner)
    earlier = {"signed_at": (clock.now() - timedelta(minutes=61)).isoformat()}
    save_contact(QuestionnaireResponse.objects.get(status="in-progress"), earlier, by=Actor.anonymous(), now=clock.now())
    page = ready.get("check").content.decode()
    assert 'name="finish_declare"' in page
    assert f'value="{SIGNED["finish_signature"]}"' not in page
    assert not re.search(r'name="finish_declare"[^>]*checked', page)


def test_a_signature_is_dropped_when_another_person_is_named(ready, at, practitioner):
    sign_and_lose(ready, at, practitioner)
    draft = QuestionnaireResponse.objects.get()
    document = save_contact(draft, {"first_name": "Somebody"}, by=Actor.anonymous(), now=clock.now())
    assert not {"signed_as", "signed_for", "signed_at"} & set(document.contact)


def test_an_expired_hold_says_so_and_still_books_while_the_time_is_free(walker, at):
    walker.with_code()
    at.shift(timedelta(minutes=16))
    assert "We could not hold 10:00 a.m. any longer. Your answers are safe. It may still be free" in text_of(walker.get("check"))
    assert walker.post("check", do="book")["Location"] == reverse("booking:done")


def test_an_unheld_time_says_so_and_books(walker, practitioner, monkeypatch):
    monkeypatch.setattr(holds, "HOLDS_PER_ADDRESS", 0)
    walker.with_code()
    assert "We cannot keep this time aside right now." in text_of(walker.get("check"))
    assert walker.post("check", do="book")["Location"] == reverse("booking:done")


def test_without_a_code_the_visit_is_booked_to_be_called(walker):
    walker.with_details().post("code", do="none")
    walker.post("check", do="book")
    visit = Appointment.objects.get()
    assert visit.needs_call
    assert visit.patient.mobile_checked_at is None


def test_a_fourth_visit_without_a_code_from_one_address_in_a_day_is_a_call(walker, unchecked):
    for hour in (9, 13, 14):
        unchecked(on(12, hour), address="203.0.113.7")
    walker.with_details().post("code", do="none")
    answer = walker.post("check", do="book")
    assert answer.status_code == 409
    assert "We cannot book one more visit without a code right now. Call 519-555-0142" in text_of(answer)
    assert walker.post("code", do="none").status_code == 303, "and nothing is lost"


def test_with_twenty_still_to_be_called_nobody_books_without_a_code(walker, unchecked, monkeypatch):
    monkeypatch.setattr(visits, "UNCHECKED_OPEN", 2)
    for hour in (9, 13):
        unchecked(on(12, hour), address=f"198.51.100.{hour}")
    walker.with_details().post("code", do="none")
    assert walker.post("check", do="book").status_code == 409
    actions.called(Appointment.objects.visits().first(), by=Actor.system(), now=WEDNESDAY)
    assert walker.post("check", do="book")["Location"] == reverse("booking:done")


def test_a_known_patient_is_joined_only_with_the_code_and_the_date_of_birth(walker):
    known = Patient.objects.create(
        legal_first_name="Daniel", legal_last_name="Whitford", date_of_birth="1987-03-27", mobile="+15195550178",
        email="old@example.com", created_at=WEDNESDAY,
    )  # fmt: skip
    assert walker.booked().patient == known
    other = walker.another()
    other.with_details().post("code", do="none")
    other.post("check", do="book")
    assert Appointment.objects.latest("pk").patient != known


def test_a_visit_already_booked_is_said_only_after_the_code(walker):
    first = walker.booked()
    again = walker.another().with_code()
    page = again.get("check")
    assert "You already have a visit on Thursday, February 11 at 10:00 a.m. You can book another here." in text_of(page)
    assert reverse("booking:visit", args=[token_of(first)]) in anchors(page)
    unproven = walker.another(on(12, 9)).with_details()
    unproven.post("code", do="none")
    assert "You already have a visit" not in text_of(unproven.get("check"))
    somebody_else = walker.another(on(12, 10)).with_code(date_of_birth_year="1988")
    assert "You already have a visit" not in text_of(somebody_else.get("check"))


def test_one_person_cannot_be_in_two_places(walker, make_practitioner):
    walker.booked()
    raman = make_practitioner("Dr. Priya Raman")
    walker.service.practitioners.add(raman)
    again = walker.another().with_code()
    again.post("time", slot=picker.value_of(on(11, 10), raman))
    assert "To book another, change the time below." in text_of(again.get("check")), "said before anything is signed"
    answer = again.post("check", do="book")
    assert answer.status_code == 409
    said = "Daniel already has a visit on Thursday, February 11 at 10:00 a.m. To book another, change the time below. See it"
    assert said in text_of(answer)
    assert "You already have a visit" not in text_of(answer), "once is enough"


def test_the_article_is_remembered_on_the_visit(walker, practitioner):
    article = "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    walker.post("start", **{"from": article})
    assert str(walker.booked().article) == article


def test_after_booking_the_rest_of_the_answers_is_sent_from_here(walker):
    walker.booked()
    walker.answer_everything()
    page = walker.get("check")
    assert "Check your answers, then send them" in text_of(page)
    assert walker.post("check").status_code == 422
    answer = walker.post("check", **SIGNED)
    assert answer["Location"] == reverse("booking:done") + "?sent=1"
    assert walker.draft.status == "completed"
    assert not Appointment.objects.get().intake_missing
    assert "Your answers are sent." in text_of(walker.get("done", query="?sent=1"))
    assert walker.get("check")["Location"] == reverse("booking:done")


def test_answers_withdrawn_before_book_is_pressed_are_not_sent(ready):
    page = ready.draft
    save_page(page, "3/1", {"hair_concern": None}, by=WEB, now=WEDNESDAY)
    answer = ready.post("check", **SIGNED)
    assert answer["Location"] == reverse("booking:done")
    assert ready.draft.status == "in-progress"


def test_whatever_is_typed_is_answered(ready):
    for text in HOSTILE:
        fields = {"finish_declare": "", "finish_signature": text, "seen": text}
        assert ready.post("check", do=text, **fields).status_code == 422, text
    assert ready.post("check", **(SIGNED | {"seen": "x"})).status_code == 422


def test_bytes_that_are_no_text_are_answered(ready):
    assert ready.raw("/book/check/", "finish_signature", "do=book&finish_declare=on") <= {303, 422}  # "ÿþ" is a name, too


def test_looking_changes_nothing(ready):
    before = rows()
    ready.get("check")
    assert rows() == before


def test_it_takes_twelve_statements_at_most(ready):
    ready.get("check")
    with CaptureQueriesContext(connection) as seen:
        ready.get("check")
    assert len(seen) <= 12, [q["sql"][:100] for q in seen]


def test_booking_writes_no_session(ready):
    ready.get("check")
    with CaptureQueriesContext(connection) as seen:
        assert ready.post("check", **SIGNED).status_code == 303
    assert not [q["sql"] for q in seen if q["sql"].startswith('UPDATE "django_session"')]
