"""Half an hour without a request: the page closes, nothing is lost, and the year of birth opens it again."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import AuditEvent
from booking import idle
from intake.actions import save_page
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from tests.booking.conftest import DETAILS, WEB, text_of
from tests.factories import WEDNESDAY

QUESTION = reverse("intake:question", args=[3, 5])
CLOSED = reverse("booking:closed")
REST = timedelta(minutes=31)


@pytest.fixture
def resting(walker, at):
    """A browser that gave its date of birth and a name, and was then left alone for half an hour."""
    walker.with_details()
    save_page(walker.draft, "3/5", {"hair_scale_set": "a"}, by=WEB, now=WEDNESDAY)
    assert walker.client.get(QUESTION).status_code == 200
    at.shift(REST)
    return walker


def page(walker, path=QUESTION):
    answer = walker.client.get(path)
    assert answer.status_code == 302, answer
    return walker.client.get(answer["Location"])


def test_half_an_hour_of_use_closes_nothing(walker, at):
    walker.with_details()
    for _turn in range(4):
        at.shift(timedelta(minutes=29))
        assert walker.client.get(QUESTION).status_code == 200


def test_a_page_left_open_is_closed_and_shows_nothing_of_the_answers(resting):
    shown = page(resting)
    assert "We closed this page to keep your answers private They are saved." in text_of(shown)
    assert "Whitford" not in text_of(shown)
    assert shown.status_code == 200


def test_every_page_of_the_path_closes(resting):
    for name in ("booking:details", "booking:check", "booking:time", "booking:save", "intake:questions", "intake:photos"):
        assert resting.client.get(reverse(name))["Location"].startswith(CLOSED), name


def test_the_year_of_birth_opens_the_same_page_again(resting):
    shown = page(resting)
    assert f'name="next" value="{QUESTION}"' in shown.content.decode()
    answer = resting.client.post(CLOSED, {"year": "1987", "next": QUESTION})
    assert (answer.status_code, answer["Location"]) == (303, QUESTION)
    assert resting.client.get(QUESTION).status_code == 200
    assert AuditEvent.objects.filter(action="intake.resume", detail={"ok": True, "same_browser": True}).count() == 1


def test_another_year_opens_nothing_and_five_wait(resting, at):
    statuses = [resting.client.post(CLOSED, {"year": str(1950 + n)}).status_code for n in range(6)]
    assert statuses == [422, 422, 422, 422, 422, 429]
    assert resting.client.post(CLOSED, {"year": "1987"}).status_code == 429
    assert resting.client.get(QUESTION)["Location"].startswith(CLOSED)
    at.shift(timedelta(minutes=10))
    assert resting.client.post(CLOSED, {"year": "1987"}).status_code == 303


def test_a_page_sent_too_late_is_kept_and_says_so(resting):
    answer = resting.client.post(QUESTION, {"shown": "hair_scale_set", "hair_scale_set": "b"})
    assert "and so is what you sent last" in text_of(resting.client.get(answer["Location"]))
    assert decrypt(resting.draft).answers["hair_scale_set"] == "b"
    # What it led to comes after the year of birth.
    assert reverse("intake:question", args=[3, 6]) in resting.client.get(answer["Location"]).content.decode()


def test_details_sent_too_late_are_kept(resting):
    answer = resting.post("details", **(DETAILS | {"preferred_name": "Dan"}))
    assert "late=yes" in answer["Location"]
    assert decrypt(resting.draft).contact["preferred_name"] == "Dan"


def test_what_cannot_be_kept_is_said(resting):
    answer = resting.client.post(QUESTION, {"shown": "hair_scale_set", "hair_scale_set": "no such"})
    assert "came too late and is not saved" in text_of(resting.client.get(answer["Location"]))
    assert decrypt(resting.draft).answers["hair_scale_set"] == "a"


def test_nothing_is_booked_too_late(resting):
    resting.answer_everything()
    answer = resting.post("check", do="book")
    assert answer["Location"].startswith(CLOSED)
    assert "late=no" in answer["Location"]
    assert resting.draft.status == "in-progress"


def test_advice_that_a_late_page_calls_for_is_shown_after_the_year(resting):
    at = reverse("intake:question", args=[6, 4])
    answer = resting.client.post(at, {"shown": "hx_mental", "hx_mental": "self-harm"})
    (to,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert to == reverse("intake:question", args=[6, 5])
    answer = resting.client.post(to, {"shown": "hx_selfharm_now", "hx_selfharm_now": "yes"})
    (to,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert resting.client.post(CLOSED, {"year": "1987", "next": to})["Location"] == to
    assert "9-8-8" in text_of(resting.client.get(to))


def test_without_a_date_of_birth_it_says_that_it_can_only_start_again(walker, at):
    walker.begun()
    walker.client.get(QUESTION)
    at.shift(REST)
    shown = page(walker)
    assert "You can start again" in text_of(shown)
    assert 'name="year"' not in shown.content.decode()


def test_somebody_else_starts_their_own_and_deletes_nothing(resting):
    old = resting.draft
    shown = text_of(resting.get("start"))
    assert "Continue where you were" not in shown
    assert "Open the answers saved in this browser" in shown
    answer = resting.post("start", draft="new")
    assert answer["Location"] == reverse("intake:who_we_see")
    assert resting.draft != old
    assert QuestionnaireResponse.objects.filter(pk=old.pk).exists()
    assert "Whitford" not in resting.get("details").content.decode()


def test_going_on_from_the_start_asks_for_the_year_too(resting):
    assert resting.post("start", draft="keep")["Location"] == CLOSED


def test_a_booked_browser_closes_too(walker, at):
    walker.booked()
    assert walker.get("done").status_code == 200
    at.shift(REST)
    assert walker.get("done")["Location"].startswith(CLOSED)
    assert walker.get("done_answers")["Location"].startswith(CLOSED)
    answer = walker.client.post(CLOSED, {"year": "1987", "next": reverse("booking:done")})
    assert answer["Location"] == reverse("booking:done")
    assert walker.get("done").status_code == 200


def test_the_private_link_is_not_closed(link, token, at):
    at.shift(REST)
    assert link.get("visit", token).status_code == 200


def test_it_leads_nowhere_else(resting, at):
    for to in ("https://evil.example/", "//evil.example/book/", "/desk/", "", "/book/closed/?next=x"):
        assert resting.client.post(CLOSED, {"year": "1987", "next": to})["Location"] == reverse("intake:questions"), to
        at.shift(REST)


def test_a_cover_over_an_open_page_is_lifted_without_leaving_it(resting):
    wrong = resting.client.post(CLOSED, {"year": "1900"}, headers={"X-Cover": "1"})
    assert (wrong.status_code, wrong.json()) == (422, {"error": "That year does not match. Check it, or call us"})
    assert resting.client.post(CLOSED, {"year": "1987"}, headers={"X-Cover": "1"}).status_code == 204
    assert resting.client.get(QUESTION).status_code == 200


def test_it_writes_once_a_minute_at_most(walker, at):
    walker.with_details()

    def writes():
        with CaptureQueriesContext(connection) as ran:
            assert walker.client.get(QUESTION).status_code == 200
        return sum(q["sql"].startswith("UPDATE") for q in ran)

    assert writes() == 0  # Start has just noted it
    at.shift(timedelta(minutes=1))
    assert [writes(), writes()] == [1, 0]


def test_who_holds_nothing_has_no_clock(walker):
    walker.get("start")
    assert idle.SEEN not in walker.client.session
