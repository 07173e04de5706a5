"""The question pages as a browser without a script walks them."""

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Clinic
from intake import actions, engine
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import HAIR, NOW, PEOPLE, SOMEBODY, answers_of, each_person, form_for, on_page, seat, visible

TIME = reverse("booking:time")


def url(section: int, number: int) -> str:
    return reverse("intake:question", args=[section, number])


def stored(draft: QuestionnaireResponse) -> dict[str, Any]:
    draft.refresh_from_db()
    return decrypt(draft).answers


def answer(client: Client, at: str, answers: dict[str, Any]) -> str:
    """Fill in the page at `at` from `answers` and press Continue; the address it leads to."""
    page = client.get(at)
    assert page.status_code == 200, at
    form: dict[str, Any] = {"shown": on_page(page.content.decode())}
    for name in form["shown"]:
        form |= form_for(name, answers)
    result = client.post(at, form)
    assert result.status_code == 303, (at, form, visible(result.content.decode()))
    return str(result["Location"]).partition("#")[0]


# --- The whole way ---


@each_person
def test_a_scripted_person_gets_from_the_first_page_to_the_time(
    person: dict[str, Any], sitting: Client, draft: QuestionnaireResponse
) -> None:
    answers = answers_of(person)
    at, walked = url(1, 1), []
    while at != TIME:
        walked.append(at)
        assert len(walked) < 80, walked[-5:]
        at = answer(sitting, at, answers)
        if "/advice/" in at:
            at = re.search(r'href="(/book/[^"]+)">Continue with the form', sitting.get(at).content.decode())[1]  # type: ignore[index]
            at = at.replace("&amp;", "&")
    expected = {k: v for k, v in engine.completed(HAIR, answers).items() if not k.startswith(("finish_de", "finish_s"))}
    expected = {k: v for k, v in expected.items() if HAIR.questions.get(k) is None or HAIR.questions[k].type != "attachment"}
    assert engine.completed(HAIR, stored(draft)) == expected
    assert actions.is_complete(draft)
    assert draft.sections_done == 8


def test_the_list_shows_how_far_each_section_is(sitting: Client, draft: QuestionnaireResponse) -> None:
    assert visible(sitting.get(reverse("intake:questions")).content.decode()).count("Not started") == 8
    answer(sitting, url(1, 1), {"start_consent_collect": True})
    html = sitting.get(reverse("intake:questions")).content.decode()
    assert (html.count("In progress"), html.count("Not started")) == (1, 7)
    assert url(1, 2) in html
    assert "About 6 to 8 minutes" not in html
    assert "About 8 minutes left." in html
    answer(sitting, url(1, 2), {"start_respondent": "self"})
    assert sitting.get(reverse("intake:questions")).content.decode().count(">Done<") == 1


def test_sections_can_be_answered_in_any_order(sitting: Client, draft: QuestionnaireResponse) -> None:
    answer(sitting, url(8, 5), {"finish_other": "Thank you"})
    assert stored(draft)["finish_other"] == "Thank you"


# --- What a page looks like ---


def test_a_question_is_the_heading_of_its_page(sitting: Client) -> None:
    html = visible(sitting.get(url(3, 5)).content.decode())
    assert html.count("<h1") == 1
    assert re.search(r"<legend[^>]*>\s*<h1[^>]*>Which group of pictures looks most like your hair\?</h1>", html)
    assert "Section 3 of 8" in html
    assert "Question 5 of" not in html


@pytest.mark.parametrize(("section", "number"), [(6, 4), (6, 1), (2, 3)])
def test_a_sensitive_page_has_a_neutral_title(sitting: Client, section: int, number: int) -> None:
    html = sitting.get(url(section, number)).content.decode()
    title = re.search(r"<title>([^<]*)", html)[1]  # type: ignore[index]
    page = HAIR.section(section)
    assert title.startswith(f"{page.title}, page {number}")  # type: ignore[union-attr]


def test_every_page_has_one_heading_and_leads_to_the_time_and_the_list(sitting: Client, draft: QuestionnaireResponse) -> None:
    answers = answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"])
    asking = engine.Asking(today=NOW.date(), uploads=True)
    for page in engine.pages(HAIR, answers, asking):
        names = {("med_item" if q.group == "med_item" else q.link_id) for q in page.questions if q.type != "display"}
        actions.save_page(draft, page, {n: answers.get(n) for n in names}, by=SOMEBODY, now=NOW)
    for page in engine.pages(HAIR, answers, asking):
        html = visible(sitting.get(url(page.section.number, page.number)).content.decode())
        assert html.count("<h1") == 1, page.key
        assert f'href="{TIME}"' in html, page.key
        assert "Pick a time first, finish these later" in html
        ids = re.findall(r'\bid="([^"]+)"', html)
        assert len(ids) == len(set(ids)), page.key


def test_pages_are_not_kept_by_the_browser(sitting: Client) -> None:
    assert "no-store" in sitting.get(url(3, 5))["Cache-Control"]


def test_answers_given_are_there_again(sitting: Client, draft: QuestionnaireResponse) -> None:
    answer(sitting, url(2, 2), {"about_dob": "1990-03-27"})
    html = sitting.get(url(2, 2)).content.decode()
    assert re.search(r'name="about_dob_day" value="27"', html)
    assert re.search(r'<option value="3" selected>\s*March', html)


def test_markup_typed_by_a_patient_is_only_text(sitting: Client, draft: QuestionnaireResponse) -> None:
    answer(sitting, url(8, 5), {"finish_other": "</textarea><script>alert(1)</script>"})
    html = sitting.get(url(8, 5)).content.decode()
    assert "<script>alert" not in html
    assert "&lt;/textarea&gt;" in html


# --- Errors ---


def test_an_error_keeps_what_was_typed_and_names_its_field(sitting: Client, draft: QuestionnaireResponse) -> None:
    result = sitting.post(
        url(2, 2), {"shown": "about_dob"} | {f"about_dob_{k}": v for k, v in {"day": "27", "month": "3", "year": "87"}.items()}
    )
    html = result.content.decode()
    assert result.status_code == 422
    assert re.search(r"<title>Error: ", html)
    assert "There is a problem with one answer" in html
    assert '<a href="#about_dob_year">Your year of birth must have 4 numbers, like 1987</a>' in html
    assert 'name="about_dob_year" value="87"' in html
    assert 'aria-invalid="true"' in html
    assert stored(draft) == {}


def test_every_error_leads_to_a_control_that_is_there(sitting: Client) -> None:
    for at in (url(1, 1), url(1, 2), url(2, 2), url(3, 1), url(3, 2), url(3, 5), url(4, 1), url(6, 1), url(7, 1), url(8, 3)):
        shown = on_page(sitting.get(at).content.decode())
        html = sitting.post(at, {"shown": shown}).content.decode()
        links = re.findall(r'<a href="#([^"]+)">([^<]+)', html.split("errsum")[1].split("</ul>")[0])
        assert links, at
        for target, _text in links:
            assert f'id="{target}"' in html, (at, target)
        assert len({text for _target, text in links}) == len(links), (at, "two of them say the same")


def test_not_agreeing_is_asked_about_once_and_leads_to_the_phone(sitting: Client, draft: QuestionnaireResponse) -> None:
    refused = sitting.post(url(1, 1), {"shown": "start_consent_collect"})
    assert refused.status_code == 422
    assert "Tick the box to go on, or call us" in refused.content.decode()
    stop = reverse("intake:stop", args=["no-consent"])
    assert stop in refused.content.decode()
    html = sitting.get(stop).content.decode()
    assert 'Call us at <span class="nowrap">519-555-0142</span>. We will ask these questions in person.' in html
    assert QuestionnaireResponse.objects.filter(pk=draft.pk).exists()


def test_the_whole_consent_is_a_click_away(sitting: Client) -> None:
    html = sitting.get(url(1, 1)).content.decode()
    assert "Read all of it" in html
    assert "I know I can withhold or withdraw my consent" in html


@pytest.mark.parametrize("checks", [False, True])
def test_a_browser_that_lost_its_cookies_is_shown_the_way_back(draft: QuestionnaireResponse, checks: bool) -> None:
    page = Client(enforce_csrf_checks=checks).post(url(1, 2), {"shown": "start_respondent", "start_respondent": "self"})
    html = page.content.decode()
    assert page.status_code == (403 if checks else 409)
    assert "data-stay" in html
    assert f'href="{reverse("booking:lost_link")}">Send me my link' in html
    assert f'href="{reverse("booking:start")}">Start again' in html


TOO_YOUNG = {"shown": "about_dob", "about_dob_day": "1", "about_dob_month": "3", "about_dob_year": "2012"}


def test_a_date_under_age_is_said_back_before_anything_is_deleted(sitting: Client, draft: QuestionnaireResponse) -> None:
    page = sitting.post(url(2, 2), TOO_YOUNG)
    html = page.content.decode().replace("\xa0", " ")
    assert page.status_code == 422
    assert "You typed March 1, 2012" in html
    assert 'href="#about_dob_' in html
    assert 'value="2012"' in html
    draft.refresh_from_db()
    assert "about_dob" not in decrypt(draft).answers


def test_it_can_be_changed_and_nothing_is_lost(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.post(url(2, 2), TOO_YOUNG)
    assert sitting.post(url(2, 2), TOO_YOUNG | {"about_dob_year": "1987"})["Location"] == url(2, 3)
    draft.refresh_from_db()
    assert (decrypt(draft).answers["about_dob"], draft.doubted) == ("1987-03-01", False)
    assert sitting.post(reverse("booking:too_young"))["Location"] == reverse("intake:questions")
    assert QuestionnaireResponse.objects.filter(pk=draft.pk).exists()


def test_said_to_be_right_it_leads_to_the_stop_page_and_leaves_nothing(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.post(url(2, 2), TOO_YOUNG)
    result = sitting.post(reverse("booking:too_young"))
    assert result["Location"] == reverse("intake:stop", args=["under-age"])
    assert "Nothing you typed has been kept" in sitting.get(result["Location"]).content.decode()
    assert not QuestionnaireResponse.objects.exists()
    assert "draft" not in sitting.session
    assert sitting.get(url(2, 2))["Location"] == reverse("booking:start")


# --- Follow-ups, rows, advice ---


def test_a_follow_up_is_asked_on_the_same_page_after_continue(sitting: Client, draft: QuestionnaireResponse) -> None:
    first = sitting.get(url(3, 3)).content.decode()
    assert on_page(first) == ["hair_shedding"]
    assert 'data-follow="{&quot;hair_shedding&quot;' in first
    result = sitting.post(url(3, 3), {"shown": "hair_shedding", "hair_shedding": "lot"})
    assert result["Location"] == f"{url(3, 3)}#hair_shedding_time"
    assert on_page(sitting.get(url(3, 3)).content.decode()) == ["hair_shedding", "hair_shedding_time"]
    draft.refresh_from_db()
    assert "3/3" not in decrypt(draft).done


def test_after_a_medicine_goes_the_next_one_is_gone_to(sitting: Client, draft: QuestionnaireResponse) -> None:
    names = {"shown": ["med_any", "med_item"], "med_any": "yes", "med_name": ["a", "b", "c"], "med_dose": ["", "", ""]}
    for row, there in (("add", 3), ("remove-1", 1), ("remove-2", 1), ("remove-0", 0)):
        assert sitting.post(url(7, 1), names | {"rows": row})["Location"].endswith(f"#med_name-{there}"), row


def test_medicines_are_added_and_taken_away_without_a_script(sitting: Client, draft: QuestionnaireResponse) -> None:
    at = url(7, 1)
    sitting.post(at, {"shown": "med_any", "med_any": "yes"})
    form: dict[str, Any] = {"shown": ["med_any", "med_item"], "med_any": "yes"}
    result = sitting.post(at, form | {"med_name": ["Zinc"], "med_dose": [""], "rows": "add"})
    assert result["Location"] == f"{at}#med_name-1"
    assert 'id="med_name-1"' in sitting.get(at).content.decode()
    sitting.post(at, form | {"med_name": ["Zinc", "Iron"], "med_dose": ["", "1 a day"], "rows": "remove-0"})
    assert stored(draft)["med_item"] == [{"med_name": "Iron", "med_dose": "1 a day"}]
    done = sitting.post(at, form | {"med_name": ["Iron"], "med_dose": ["1 a day"]})
    assert done["Location"] == url(7, 2)


@pytest.mark.parametrize("command", ["remove-99", "remove--1", "remove-x", "add'--", "remove-" + "9" * 500])
def test_a_row_command_nobody_offered_does_nothing(sitting: Client, draft: QuestionnaireResponse, command: str) -> None:
    form: dict[str, Any] = {"shown": ["med_any", "med_item"], "med_any": "yes", "med_name": ["Zinc"], "med_dose": [""]}
    assert sitting.post(url(7, 1), form | {"rows": command}).status_code == 303
    assert stored(draft)["med_item"] == [{"med_name": "Zinc", "med_dose": ""}]


ADVICE = [
    ("hair_scalp", ["pus"], (3, 8), "hair_infection_signs", (3, 9), "See a doctor or nurse today", (3, 10)),
    ("hx_mental", ["self-harm"], (6, 4), "hx_selfharm_now", (6, 5), "You deserve help now", (6, 6)),
]


@pytest.mark.parametrize(("opener", "opened", "first", "name", "second", "words", "then"), ADVICE)
def test_an_advice_page_is_shown_at_once_and_once_only(
    sitting: Client, draft: QuestionnaireResponse, opener: str, opened: list[str], first: Any, name: str, second: Any,
    words: str, then: Any,
) -> None:  # fmt: skip
    sitting.post(url(*first), {"shown": opener, opener: opened})
    result = sitting.post(url(*second), {"shown": name, name: "yes"})
    assert "/book/advice/" in result["Location"]
    page = sitting.get(result["Location"])
    html = page.content.decode()
    assert words in html
    assert f'href="{url(*then)}"' in html
    assert re.search(r'advice-contacts"><a class="btn btn-lg" href="tel:', html)  # the first to call is the strong button
    again = sitting.post(url(*second), {"shown": name, name: "yes"})
    assert again["Location"] == url(*then)


def test_the_third_advice_page_says_how_to_get_help_now(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.post(url(6, 4), {"shown": "hx_mental", "hx_mental": "self-harm"})
    result = sitting.post(url(6, 5), {"shown": "hx_selfharm_now", "hx_selfharm_now": "yes"})
    html = sitting.get(result["Location"]).content.decode()
    for link in ("tel:988", "sms:988", "tel:911", "tel:+15195550142"):
        assert f'href="{link}"' in html
    assert "If you are in danger, call 9-1-1 or go to the nearest emergency department." in html
    assert 'class="progress"' not in html
    assert "We answer the phone Monday to Friday" in html


def test_each_advice_that_one_page_calls_for_is_shown_before_it_goes_on(sitting: Client, draft: QuestionnaireResponse) -> None:
    check_in = actions.start_draft("hair-loss-followup", by=SOMEBODY, now=NOW)
    seat(sitting, check_in)
    given = {"fu_effects": ["heart", "self-harm"], "fu_selfharm_now": "yes"}
    at, said, ways = sitting.post(url(2, 3), {"shown": list(given)} | given)["Location"], [], []
    while "/advice/" in at:
        html = sitting.get(at).content.decode()
        said += re.findall(r"<h1[^>]*>(Call 9-1-1 now if you have chest pain|You deserve help now)", html)
        link, words = re.findall(r'class="q-later"><a href="([^"]+)">([^<]+)', html)[0]
        ways.append(words)
        at = unescape(link)
    assert (said, at) == (["Call 9-1-1 now if you have chest pain", "You deserve help now"], url(2, 5))
    next_one = "Next: You deserve help now. Call or text 9-8-8 any time, day or night."
    assert ways == [next_one, "Continue with the form"], "who stops at the first has read what the second is about"


def test_an_advice_page_that_was_not_called_for_cannot_be_opened(sitting: Client) -> None:
    assert sitting.get(reverse("intake:advice", args=[3])).status_code == 302
    assert sitting.get(reverse("intake:advice", args=[9])).status_code == 404


def test_flags_and_conclusions_are_never_shown(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.post(url(6, 4), {"shown": "hx_mental", "hx_mental": "depression"})
    html = sitting.get(reverse("intake:questions")).content.decode() + sitting.get(url(6, 6)).content.decode()
    html = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", html)  # random letters, which may spell anything
    for word in ("flag", "U01", "positive screen", "PHQ", "score"):
        assert word not in html


# --- Back and Change ---


def test_back_leads_to_the_page_before(sitting: Client, draft: QuestionnaireResponse) -> None:
    assert f'class="back" href="{reverse("intake:questions")}"' in sitting.get(url(1, 1)).content.decode()
    answer(sitting, url(2, 3), {"about_sex_birth": "discuss"})
    assert f'class="back" href="{url(2, 4)}"' in sitting.get(url(2, 6)).content.decode()
    answer(sitting, url(2, 3), {"about_sex_birth": "female"})
    assert f'class="back" href="{url(2, 3)}"' in sitting.get(url(2, 6)).content.decode()


def test_a_page_that_stopped_applying_leads_to_the_list(sitting: Client) -> None:
    assert sitting.get(url(2, 4))["Location"] == reverse("intake:questions")
    assert sitting.post(url(2, 4), {"about_organs": "uterus"})["Location"] == reverse("intake:questions")


def filled_in(draft: QuestionnaireResponse, name: str) -> None:
    answers = answers_of(PEOPLE[name])
    for page in engine.pages(HAIR, answers, engine.Asking(today=NOW.date(), uploads=True)):
        names = {("med_item" if q.group == "med_item" else q.link_id) for q in page.questions if q.type != "display"}
        actions.save_page(draft, page, {n: answers.get(n) for n in names}, by=SOMEBODY, now=NOW)


CHECK = reverse("booking:check") + "?open="  # the section that was changed is open there


def test_a_change_leads_back_to_the_check(sitting: Client, draft: QuestionnaireResponse) -> None:
    filled_in(draft, "Woman 66, tender scalp, brow loss")
    html = sitting.get(url(3, 2) + "?change=1").content.decode()
    assert f'class="back" href="{CHECK}3#answers-3"' in html
    given = {"hair_onset": "lt3m", "hair_speed": "slow", "hair_course": "same"}
    form = given | {"shown": list(given)}
    assert sitting.post(url(3, 2), form | {"change": "1"})["Location"] == f"{CHECK}3#answers-3"


def test_a_change_asks_all_that_it_opens_before_it_leads_back(sitting: Client, draft: QuestionnaireResponse) -> None:
    filled_in(draft, "Woman 66, tender scalp, brow loss")
    at = sitting.post(url(5, 1), {"shown": "tx_any", "tx_any": "yes", "change": "1"})["Location"]
    seen = []
    answers = {"tx_list": ["prp", "spiro"], "tx_inj_effects": ["none"]} | {
        f"tx_{name}_{what}": value
        for name in ("prp", "spiro")
        for what, value in (("now", "stopped"), ("time", "lt3m"), ("result", "worse"))
    }
    while not at.startswith(CHECK):
        seen.append(at.split("?")[0])
        at = answer(sitting, at, answers)
    assert seen == [url(5, 2), url(5, 9), url(5, 10), url(5, 13)]


def test_a_change_in_an_unfinished_form_asks_only_what_it_opened(sitting: Client, draft: QuestionnaireResponse) -> None:
    answer(sitting, url(5, 1), {"tx_any": "no"})
    opened = sitting.post(url(5, 1), {"shown": "tx_any", "tx_any": "yes", "change": "1"})["Location"]
    assert opened.startswith(url(5, 2))
    back = sitting.post(url(3, 10), {"shown": "hair_body", "hair_body": "none", "change": "1"})["Location"]
    assert back == f"{CHECK}3#answers-3"


def test_an_answer_hidden_by_a_change_comes_back_with_it(sitting: Client, draft: QuestionnaireResponse) -> None:
    filled_in(draft, "Man 32, slow thinning, used foam")
    sitting.post(url(5, 1), {"shown": "tx_any", "tx_any": "no"})
    assert "tx_list" not in engine.completed(HAIR, stored(draft))
    sitting.post(url(5, 1), {"shown": "tx_any", "tx_any": "yes"})
    assert engine.completed(HAIR, stored(draft))["tx_mintop_time"] == "6-12m"


# --- Whose draft ---


@pytest.mark.parametrize("value", [None, "", "nonsense", "00000000-0000-0000-0000-000000000000", 7, ["x"]])
def test_without_a_draft_the_way_begins_at_the_start(clinic: Clinic, client: Client, value: Any) -> None:
    if value is not None:
        session = client.session
        session["draft"] = value
        session.save()
    for at in (reverse("intake:questions"), url(3, 5), reverse("intake:advice", args=[1])):
        assert client.get(at)["Location"] == reverse("booking:start")
    assert client.post(url(3, 5), {"hair_scale_set": "a"}).status_code == 409


def test_a_question_of_a_sent_response_leads_to_the_visit(sitting: Client, draft: QuestionnaireResponse, maya: Patient) -> None:
    filled_in(draft, "Woman 66, tender scalp, brow loss")
    actions.complete(draft, patient=maya, declared_at=NOW, signature="Maya", by=SOMEBODY, now=NOW)
    assert sitting.get(url(6, 4))["Location"] == reverse("booking:done")


def test_for_a_booked_visit_the_last_page_leads_to_the_check(
    sitting: Client, draft: QuestionnaireResponse, maya: Patient
) -> None:
    filled_in(draft, "Woman 66, tender scalp, brow loss")
    actions.attach_patient(draft, maya, by=SOMEBODY, now=NOW)
    result = sitting.post(url(8, 5), {"shown": "finish_other", "finish_other": ""})
    assert result["Location"] == reverse("booking:check")
    assert "Pick a time first" not in sitting.get(url(8, 5)).content.decode()


def test_get_changes_nothing(sitting: Client, draft: QuestionnaireResponse) -> None:
    filled_in(draft, "Woman 66, tender scalp, brow loss")
    draft.refresh_from_db()
    before = draft.version
    for at in (url(3, 9), url(6, 4), reverse("intake:questions"), reverse("intake:stop", args=["no-consent"])):
        sitting.get(at)
    draft.refresh_from_db()
    assert draft.version == before


@pytest.mark.parametrize("name", ["who_we_see", "call_us", "get_help"])
def test_the_pages_before_the_questions_ask_nothing(clinic: Clinic, client: Client, name: str) -> None:
    html = client.get(reverse(f"intake:{name}")).content.decode()
    assert "<form" not in html
    assert "519-555-0142" in html


# --- Cost ---


def plain(queries: CaptureQueriesContext) -> list[str]:
    return [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]


def test_opening_a_page_takes_at_most_four_statements(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.get(url(3, 5))
    with CaptureQueriesContext(connection) as ran:
        sitting.get(url(3, 5))
    assert len(plain(ran)) <= 4, plain(ran)


def test_saving_a_page_takes_at_most_six_statements(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.get(url(3, 5))
    with CaptureQueriesContext(connection) as ran:
        sitting.post(url(3, 5), {"shown": "hair_scale_set", "hair_scale_set": "a"})
    assert len(plain(ran)) <= 6, plain(ran)
