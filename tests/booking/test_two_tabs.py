"""A page of one person's answers, sent after another person's were opened in the same browser, writes into neither."""

import pytest
from django.urls import reverse

from booking.models import Appointment
from booking.picker import value_of
from intake.actions import start_draft
from intake.document import Document, decrypt, put
from intake.models import QuestionnaireResponse
from tests.booking.conftest import DETAILS, WEB, Browser, anchors, on, somebody_books, text_of
from tests.factories import WEDNESDAY

PAGE = reverse("intake:question", args=[1, 1])
CONSENT = {"shown": "start_consent_collect", "start_consent_collect": "true"}


@pytest.fixture
def old(walker: Browser) -> str:
    """The draft of a page that is still open; another's is in the browser by now."""
    walker.with_time()
    before = str(walker.draft.public_id)
    session = walker.client.session
    session["draft"] = str(start_draft("hair-loss-intake", by=WEB, now=WEDNESDAY).public_id)
    session.save()
    return before


def test_every_page_that_writes_names_its_answers(walker):
    walker.with_time()
    named = f'<input type="hidden" name="draft" value="{walker.draft.public_id}">'
    steps = ("details", "join_list", "save", "delete_answers")
    for url in (PAGE, reverse("booking:time") + "?change=1", *(reverse(f"booking:{name}") for name in steps)):
        assert named in walker.client.get(url).content.decode(), url
    walker.post("details", **DETAILS)
    page = walker.get("code").content.decode()
    assert page.count(named) == page.count('<form method="post"')


@pytest.mark.parametrize(
    ("step", "typed"),
    [
        ("time", {"slot": "2027-02-11T19:00:00Z"}),
        ("time", {"do": "all", "signed_as": "Daniel Whitford", "signed_for": "x"}),
        ("join_list", {"times": ["0"], "notice": "day", "reach": "message"}),
        ("details", DETAILS),
        ("code", {"do": "none"}),
    ],
)
def test_a_step_of_other_answers_is_not_taken(walker, old, step, typed):
    before = dict(walker.client.session)
    refused = walker.post(step, draft=old, **typed)
    assert refused.status_code == 409
    assert "This page is of other answers" in text_of(refused)
    assert dict(walker.client.session) == before


def test_a_time_that_was_taken_leads_to_others_for_the_same_answers(walker, practitioner):
    walker.with_code()
    hold = Appointment.objects.get(status="held")
    hold.delete()
    somebody_books(walker.service, practitioner, hold.starts_at)
    named = f'<input type="hidden" name="draft" value="{walker.draft.public_id}">'
    page = walker.post("check", do="book").content.decode()
    assert "Choose another time" in page
    assert named in page


@pytest.mark.parametrize("headers", [{}, {"X-Save": "1"}])
def test_answers_of_a_page_of_other_answers_are_not_kept(walker, old, headers):
    refused = walker.client.post(PAGE, CONSENT | {"draft": old}, headers=headers)
    assert refused.status_code == 409
    assert "This page is of other answers" in text_of(refused)
    assert "data-stay" in refused.content.decode()
    assert decrypt(walker.draft).answers == {}
    assert walker.client.post(PAGE, CONSENT | {"draft": str(walker.draft.public_id)}).status_code == 303


def test_details_typed_for_somebody_else_are_not_kept(walker, old):
    assert walker.post("details", draft=old, **DETAILS).status_code == 409
    born = {name: value for name, value in DETAILS.items() if name.startswith("date_of_birth")}
    assert walker.post("save", draft=old, address="daniel@example.com", **born).status_code == 409
    assert decrypt(walker.draft).contact == {}


def test_other_answers_are_not_deleted(walker, old):
    for name in ("delete_answers", "too_young"):
        assert walker.post(name, draft=old).status_code == 409
    assert QuestionnaireResponse.objects.filter(pk=walker.draft.pk).exists()


def test_a_check_page_of_other_answers_books_nothing(walker):
    page = walker.with_code().get("check").content.decode()
    before = str(walker.draft.public_id)
    assert f'name="draft" value="{before}"' in page
    session = walker.client.session
    session["draft"] = str(start_draft("hair-loss-intake", by=WEB, now=WEDNESDAY).public_id)
    session.save()
    assert walker.post("check", do="book", draft=before).status_code == 409
    assert not Appointment.objects.visits().exists()


def test_a_time_chosen_in_another_tab_is_shown_before_it_is_booked(walker, practitioner):
    seen = value_of(on(11, 10), practitioner)
    assert f'name="chosen" value="{seen}"' in walker.with_code().get("check").content.decode()
    assert walker.post("time", slot=value_of(on(11, 14), practitioner)).status_code == 303
    refused = walker.post("check", do="book", chosen=seen)
    assert refused.status_code == 409
    assert "You chose another time meanwhile" in text_of(refused)
    assert "2:00 p.m." in text_of(refused).replace("\xa0", " ")
    assert not Appointment.objects.visits().exists()
    assert walker.post("check", do="book", chosen=value_of(on(11, 14), practitioner))["Location"] == reverse("booking:done")


def test_the_year_of_other_answers_does_not_bring_a_covered_page_back(walker, old):
    newer = walker.draft
    put(newer, Document(answers={"about_dob": "1961-05-02"}))
    newer.save()
    for draft, status in ((old, 303), (str(newer.public_id), 204)):
        answer = walker.client.post(reverse("booking:closed"), {"year": "1961", "draft": draft}, headers={"X-Cover": "1"})
        assert answer.status_code == status
    assert walker.client.get(reverse("booking:closed"), headers={"X-Cover": "1"}).status_code == 303


def test_a_year_of_birth_given_in_another_tab_keeps_the_time_that_is_held(walker, visit, token):
    walker.with_code()
    key = walker.client.session.session_key
    assert walker.post("visit_consents", token, year="1987").status_code == 303
    assert walker.client.session.session_key != key
    assert "We are holding" in text_of(walker.get("check"))
    assert walker.post("check", do="book")["Location"] == reverse("booking:done")
    assert not Appointment.objects.filter(status="held").exists()


def test_a_question_left_open_after_the_answers_were_sent_leads_to_the_visit(walker):
    walker.with_code()
    walker.answer_everything()
    draft = str(walker.draft.public_id)
    assert walker.post("check", do="book", finish_declare="true", finish_signature="Daniel Whitford").status_code == 303
    assert not walker.draft.is_draft
    assert walker.client.get(PAGE)["Location"] == reverse("booking:done")
    refused = walker.client.post(PAGE, CONSENT | {"draft": draft})
    assert refused.status_code == 409
    assert "your answers were sent with it" in text_of(refused)
    assert reverse("booking:done") in anchors(refused)


def test_a_time_that_is_held_is_given_back_when_another_visits_questions_are_opened(walker, visit, token):
    walker.with_time()
    assert walker.post("visit_questions", token, year="1987")["Location"] == reverse("intake:questions")
    assert not Appointment.objects.filter(status="held").exists()
