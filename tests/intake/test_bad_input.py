"""Forms made by hand. Each is answered with 422 and the words of its field, and changes nothing."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from intake.document import decrypt
from intake.models import QuestionnaireResponse
from tests.intake.conftest import HAIR, on_page, seat


def url(section: int, number: int) -> str:
    return reverse("intake:question", args=[section, number])


def unchanged(draft: QuestionnaireResponse) -> bool:
    version = draft.version
    draft.refresh_from_db()
    return draft.version == version and decrypt(draft).answers == {}


@pytest.mark.parametrize(
    ("section", "number", "form", "words"),
    [
        (3, 5, {"hair_scale_set": "z"}, "Choose one of the answers shown"),
        (3, 5, {"hair_scale_set": ["a", "b"]}, "Choose only one answer"),
        (3, 10, {"hair_body": ["none", "fatigue"]}, "alone, or take it away"),
        (3, 1, {"hair_concern": ["receding", "thin-top", "wide-part", "shedding"]}, "Choose no more than 3"),
        (2, 1, {"about_pronouns": "x" * 201}, "Use 200 characters or fewer"),
        (2, 1, {"about_pronouns": "a\x00b"}, "characters that we cannot keep"),
        (2, 1, {"about_pronouns": ["she", "they"]}, "Give only one answer"),
        (8, 5, {"finish_other": "x" * 2001}, "Use 2000 characters or fewer"),
        (8, 5, {"finish_other": "a\x08b"}, "characters that we cannot keep"),
        (2, 2, {"about_dob_day": "1", "about_dob_month": "1", "about_dob_year": "2099"}, "must be in the past"),
        (2, 2, {"about_dob_day": "9" * 400, "about_dob_month": "1", "about_dob_year": "1990"}, "must be a real date"),
        (1, 2, {"start_respondent": "staff"}, "Choose one of the answers shown"),
        (8, 1, {"photo_consent": "true"}, "Choose one of the answers shown"),
        (1, 1, {"start_consent_collect": ["true", "true"]}, "Give only one answer"),
    ],
)
def test_a_form_made_by_hand_is_refused_in_words(
    sitting: Client, draft: QuestionnaireResponse, section: int, number: int, form: dict[str, Any], words: str
) -> None:
    result = sitting.post(url(section, number), form)
    assert result.status_code == 422
    assert words in result.content.decode()
    assert unchanged(draft)


def test_ten_megabytes_of_text_are_refused_on_the_page(sitting: Client, draft: QuestionnaireResponse) -> None:
    result = sitting.post(url(8, 5), {"shown": "finish_other", "finish_other": "x" * 10_000_000})
    assert result.status_code == 422
    assert "That is more than we can take" in result.content.decode()
    assert unchanged(draft)


def test_thousands_of_fields_are_refused_on_the_page(sitting: Client, draft: QuestionnaireResponse) -> None:
    result = sitting.post(url(8, 5), {f"f{n}": "x" for n in range(2000)})
    assert result.status_code == 422
    assert unchanged(draft)


def test_a_form_without_its_token_is_refused(draft: QuestionnaireResponse) -> None:
    client = seat(Client(enforce_csrf_checks=True), draft)
    assert client.post(url(3, 5), {"hair_scale_set": "a"}).status_code == 403
    assert unchanged(draft)


@pytest.mark.parametrize("body", [b"finish_other=%ED%A0%80", b"finish_other=%FF%FE", b"\xff\xfe\x00", b"shown=%00&a=1"])
def test_bytes_that_are_no_text_do_no_harm(sitting: Client, draft: QuestionnaireResponse, body: bytes) -> None:
    result = sitting.post(url(8, 5), body, content_type="application/x-www-form-urlencoded")
    assert result.status_code in {303, 400, 422}


@pytest.mark.parametrize(
    "path", ["/book/questions/0/1/", "/book/questions/9/1/", "/book/questions/3/99/", "/book/questions/3/0/"]
)
def test_a_page_that_is_not_in_the_form_is_not_found(sitting: Client, path: str) -> None:
    assert sitting.get(path).status_code == 404
    assert sitting.post(path, {}).status_code == 404


def test_what_the_page_does_not_ask_is_ignored(sitting: Client, draft: QuestionnaireResponse) -> None:
    form = {"hair_scale_set": "c", "calc_phq2": "6", "finish_declare": "true", "photo_front": "x", "tx_any": "yes"}
    assert sitting.post(url(3, 5), form).status_code == 303
    draft.refresh_from_db()
    assert decrypt(draft).answers == {"hair_scale_set": "c"}


def test_a_hidden_question_cannot_be_answered_by_hand(sitting: Client, draft: QuestionnaireResponse) -> None:
    sitting.post(
        url(3, 3), {"shown": ["hair_shedding", "hair_shedding_time"], "hair_shedding": "no", "hair_shedding_time": "lt6w"}
    )
    draft.refresh_from_db()
    assert decrypt(draft).answers == {"hair_shedding": "no"}


def test_every_page_answers_an_empty_form(sitting: Client, draft: QuestionnaireResponse) -> None:
    for section in HAIR.sections:
        for frame in section.pages:
            at = url(section.number, frame.number)
            shown = sitting.get(at)
            if shown.status_code != 200:
                continue
            result = sitting.post(at, {"shown": on_page(shown.content.decode())})
            assert result.status_code in {303, 422}, at


@pytest.mark.parametrize("junk", ["'\"><svg onload=alert(1)>", "{{7*7}}%s", "𝕏" * 300])
def test_junk_in_every_field_of_every_page_never_breaks_it(sitting: Client, draft: QuestionnaireResponse, junk: str) -> None:
    for section in HAIR.sections:
        for frame in section.pages:
            names = [q.link_id for q in section.questions if q.page == frame.number]
            dates = [f"{n}_{part}" for n in names for part in ("day", "month", "year", "text")]
            form = dict.fromkeys(names + dates, junk) | {"shown": names, "change": junk, "rows": ""}
            result = sitting.post(url(section.number, frame.number), form)
            assert result.status_code in {303, 422}
            assert b"<svg onload" not in result.content
