"""What may be answered: every rule, with what is said when it is broken."""

from typing import Any

import pytest

from intake import answering, engine
from intake.definition import Definition
from tests.intake.conftest import ASKING, TODAY, typed


def clean(hair: Definition, section: int, number: int, answers: dict[str, Any] | None = None, **fields: Any) -> answering.Cleaned:
    return answering.clean_page(hair, section, number, typed(**fields), answers or {}, ASKING)


def messages(cleaned: answering.Cleaned) -> dict[str, str]:
    return {problem.field: problem.message for problem in cleaned.problems}


def test_an_answer_is_stored_by_its_code(hair: Definition) -> None:
    assert clean(hair, 3, 5, hair_scale_set="a").values == {"hair_scale_set": "a"}


def test_nothing_chosen_is_answered_in_the_words_of_the_page(hair: Definition) -> None:
    assert messages(clean(hair, 3, 6, {"hair_scale_set": "a"}, shown="hair_scale_a")) == {
        "hair_scale_a-0": "Choose the picture that is closest, or “None of these, or not sure”"
    }
    assert messages(clean(hair, 3, 10)) == {"hair_body-0": "Choose at least one answer"}


def test_an_unknown_option_is_refused(hair: Definition) -> None:
    assert messages(clean(hair, 3, 5, hair_scale_set="z")) == {"hair_scale_set-0": "Choose one of the answers shown"}
    assert messages(clean(hair, 3, 10, hair_body=["none", "z"])) == {"hair_body-0": "Choose one of the answers shown"}


def test_two_values_for_one_answer_are_refused(hair: Definition) -> None:
    for sent in (["a", "b"], ["a", "a"]):
        assert messages(clean(hair, 3, 5, hair_scale_set=sent)) == {"hair_scale_set-0": "Choose only one answer"}
    assert messages(clean(hair, 2, 1, about_pronouns=["she", "he"])) == {"about_pronouns": "Give only one answer"}


def test_none_of_these_stands_alone(hair: Definition) -> None:
    assert messages(clean(hair, 3, 10, hair_body=["fatigue", "none"])) == {
        "hair_body-0": "Choose “None of these” alone, or take it away"
    }


def test_none_of_these_alone_is_an_answer(hair: Definition) -> None:
    assert clean(hair, 3, 10, hair_body=["none"]).values == {"hair_body": ["none"]}


def test_more_than_three_concerns_are_refused(hair: Definition) -> None:
    four = ["receding", "thin-top", "wide-part", "shedding"]
    assert messages(clean(hair, 3, 1, hair_concern=four)) == {"hair_concern-0": "Choose no more than 3"}
    assert clean(hair, 3, 1, hair_concern=four[:3]).values == {"hair_concern": four[:3]}


def test_several_answers_keep_the_order_of_the_form(hair: Definition) -> None:
    assert clean(hair, 3, 10, hair_body=["joints", "fatigue", "joints"]).values == {"hair_body": ["fatigue", "joints"]}


def test_an_open_choice_takes_own_words_too(hair: Definition) -> None:
    cleaned = clean(hair, 2, 6, about_access_needs=["hearing"], about_access_needs_text="  A low  chair ")
    assert cleaned.values["about_access_needs"] == ["hearing", {"text": "A low chair"}]
    wrong = clean(hair, 2, 6, about_access_needs=["none"], about_access_needs_text="A chair")
    assert messages(wrong) == {"about_access_needs-0": "Choose “No, nothing” alone, or take it away"}


@pytest.mark.parametrize(("own", "says"), [(["a", "b"], "Give only one answer"), ("x" * 201, "Use 200 characters or fewer")])
def test_own_words_are_one_text_of_bounded_length(hair: Definition, own: Any, says: str) -> None:
    assert messages(clean(hair, 2, 6, about_access_needs_text=own)) == {"about_access_needs_text": says}


def test_own_words_to_a_question_that_takes_none_are_ignored(hair: Definition) -> None:
    assert clean(hair, 3, 10, hair_body=["fatigue"], hair_body_text="x").values == {"hair_body": ["fatigue"]}


def test_the_consent_must_be_ticked(hair: Definition) -> None:
    assert messages(clean(hair, 1, 1)) == {"start_consent_collect": "Tick the box to go on, or call us"}
    assert messages(clean(hair, 1, 1, start_consent_collect="on")) == {"start_consent_collect": "Choose one of the answers shown"}
    assert clean(hair, 1, 1, start_consent_collect="true").values == {"start_consent_collect": True}


def test_only_staff_may_say_that_staff_fills_it_in(hair: Definition) -> None:
    assert clean(hair, 1, 2, start_respondent="staff").problems
    staff = engine.Asking(today=TODAY, staff=True)
    assert not answering.clean_page(hair, 1, 2, typed(start_respondent="staff"), {}, staff).problems


# --- Texts ---


def test_two_hundred_characters_are_taken_and_one_more_is_not(hair: Definition) -> None:
    assert not clean(hair, 2, 1, about_pronouns="x" * 200).problems
    assert messages(clean(hair, 2, 1, about_pronouns="x" * 201)) == {"about_pronouns": "Use 200 characters or fewer"}


def test_lengths_are_code_points_after_normalising(hair: Definition) -> None:
    assert not clean(hair, 2, 1, about_pronouns="e\u0301" * 200).problems
    assert clean(hair, 2, 1, about_pronouns="e\u0301").values == {"about_pronouns": "é"}
    assert not clean(hair, 2, 1, about_pronouns="𝒳" * 200).problems


def test_line_ends_count_as_one(hair: Definition) -> None:
    cleaned = clean(hair, 8, 5, finish_other="a\r\n" * 999 + "bc")
    assert not cleaned.problems
    assert cleaned.values["finish_other"].count("\n") == 999


@pytest.mark.parametrize("hostile", ["a\x00b", "a\x07b", "a\ud800b", "\x1b[31m", "a\x7fb", "a\x85b"])
def test_control_characters_are_refused(hair: Definition, hostile: str) -> None:
    for number, name in ((1, "about_pronouns"),):
        assert messages(clean(hair, 2, number, **{name: hostile})) == {
            name: "This holds characters that we cannot keep. Type it again"
        }
    assert clean(hair, 8, 5, finish_other=hostile).problems


def test_accents_punctuation_and_markup_are_kept_as_typed(hair: Definition) -> None:
    text = "Zoë O’Brien-Łukasz & <b>“co”</b>\tok\n—fin"
    assert clean(hair, 8, 5, finish_other=text).values == {"finish_other": text}


def test_an_optional_answer_can_be_taken_away_again(hair: Definition) -> None:
    assert clean(hair, 8, 5, {"finish_other": "x"}, finish_other=" ").values == {"finish_other": None}


@pytest.mark.parametrize("year", ["1970", str(TODAY.year)])
def test_the_first_year_and_this_one_are_taken(hair: Definition, year: str) -> None:
    tried = {"tx_any": "yes", "tx_list": ["transplant"]}
    cleaned = clean(hair, 5, 2, tried, tx_list=["transplant"], tx_transplant_year=year)
    assert cleaned.values["tx_transplant_year"] == int(year)


@pytest.mark.parametrize("year", ["1969", "2028", "21", "two thousand", "-2001", "２００１", "1e3", "20011"])
def test_a_year_must_be_between_1970_and_this_one(hair: Definition, year: str) -> None:
    fields = {"tx_list": ["transplant"], "tx_transplant_year": year, "shown": ["tx_list", "tx_transplant_year"]}
    cleaned = clean(hair, 5, 2, {"tx_any": "yes"}, **fields)
    assert messages(cleaned) == {"tx_transplant_year": "Enter a year from 1970 to 2027"}


# --- Dates ---


@pytest.mark.parametrize(
    ("day", "month", "year", "value"),
    [("27", "3", "1990", "1990-03-27"), ("1", "March", "1987", "1987-03-01"), ("29", "2", "1988", "1988-02-29"),
     (" 05 ", "dec", "1960", "1960-12-05"), ("10", "2", "2009", "2009-02-10")],
)  # fmt: skip
def test_a_real_date_is_taken(hair: Definition, day: str, month: str, year: str, value: str) -> None:
    cleaned = clean(hair, 2, 2, about_dob_day=day, about_dob_month=month, about_dob_year=year)
    assert cleaned.values == {"about_dob": value}


@pytest.mark.parametrize(
    ("day", "month", "year", "box", "words"),
    [
        ("", "", "", "month", "Enter your date of birth, like March 27, 1987"),
        ("", "3", "1990", "day", "must have a day"),
        ("27", "", "1990", "month", "must have a month"),
        ("27", "3", "", "year", "must have a year"),
        ("27", "3", "87", "year", "Your year of birth must have 4 numbers, like 1987"),
        ("30", "2", "1990", "day", "Your date of birth must be a real date, like March 27, 1987"),
        ("29", "2", "1990", "day", "must be a real date"),
        ("1", "13", "1990", "month", "must be a real date"),
        ("0", "1", "1990", "day", "must be a real date"),
        ("1", "1", "0000", "year", "must be a real date"),
        ("11", "2", "2027", "year", "must be in the past"),
        ("1", "1", "1901", "year", "older than 110"),
        ("２７", "3", "1990", "day", "must be a real date"),
        ("27", "Smarch", "1990", "month", "must be a real date"),
        ("1e1", "3", "1990", "day", "must be a real date"),
    ],
)
def test_a_date_that_cannot_be_is_refused_at_its_box(
    hair: Definition, day: str, month: str, year: str, box: str, words: str
) -> None:
    cleaned = clean(hair, 2, 2, about_dob_day=day, about_dob_month=month, about_dob_year=year)
    assert list(messages(cleaned)) == [f"about_dob_{box}"]
    assert words in messages(cleaned)[f"about_dob_{box}"]


def test_a_box_given_twice_is_refused(hair: Definition) -> None:
    cleaned = clean(hair, 2, 2, about_dob_day=["1", "2"], about_dob_month="3", about_dob_year="1990")
    assert messages(cleaned) == {"about_dob_day": "Give only one answer"}


# --- Follow-ups on the same page ---


def test_without_a_script_the_follow_up_is_asked_after_continue(hair: Definition) -> None:
    cleaned = clean(hair, 3, 3, hair_shedding="lot", shown="hair_shedding")
    assert (cleaned.values, cleaned.problems, cleaned.follow_up) == ({"hair_shedding": "lot"}, [], "hair_shedding_time")


def test_a_follow_up_that_was_on_the_form_is_required_at_once(hair: Definition) -> None:
    cleaned = clean(hair, 3, 3, hair_shedding="lot", shown=["hair_shedding", "hair_shedding_time"])
    assert messages(cleaned) == {"hair_shedding_time-0": "Choose an answer"}


def test_a_follow_up_that_applied_already_is_required_even_if_the_form_left_it_out(hair: Definition) -> None:
    cleaned = clean(hair, 3, 3, {"hair_shedding": "lot"}, hair_shedding="lot", shown="hair_shedding")
    assert messages(cleaned) == {"hair_shedding_time-0": "Choose an answer"}


def test_a_follow_up_that_was_typed_is_taken_though_the_form_does_not_name_it(hair: Definition) -> None:
    cleaned = clean(hair, 3, 1, hair_concern=["other"], hair_concern_other="A smell")
    assert (cleaned.values["hair_concern_other"], cleaned.follow_up) == ("A smell", "")


def test_a_hidden_follow_up_is_not_judged(hair: Definition) -> None:
    cleaned = clean(hair, 3, 3, hair_shedding="no", hair_shedding_time="nonsense", shown="hair_shedding")
    assert (cleaned.values, cleaned.problems) == ({"hair_shedding": "no"}, [])


def test_names_the_page_does_not_ask_are_ignored(hair: Definition) -> None:
    cleaned = clean(hair, 3, 5, hair_scale_set="c", calc_phq2="6", finish_declare="true", photo_front="x", tx_any="no")
    assert cleaned.values == {"hair_scale_set": "c"}


# --- Medicines ---


def test_medicines_are_rows_and_empty_ones_go(hair: Definition) -> None:
    cleaned = clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=["Zinc ", "", "Iron"], med_dose=["", "", "1 a day"])
    assert cleaned.values["med_item"] == [
        {"med_name": "Zinc", "med_dose": ""},
        {"med_name": "Iron", "med_dose": "1 a day"},
    ]


def test_as_many_medicines_as_there_may_be_are_taken(hair: Definition) -> None:
    names = [f"Medicine {n}" for n in range(answering.MAX_ROWS)]
    assert len(clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=names).values["med_item"]) == len(names)


def test_at_least_one_medicine_is_named(hair: Definition) -> None:
    cleaned = clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=[""], med_dose=[""])
    assert messages(cleaned) == {"med_name-0": "Enter the name of a medicine, or “I don’t know the name”"}


def test_a_photo_of_the_labels_stands_for_the_names(hair: Definition) -> None:
    answers = {"med_any": "yes", "med_photo": ["a-photo"]}
    assert not clean(hair, 7, 1, answers, med_any="yes", med_name=[""], med_dose=[""]).problems


def test_a_dose_needs_its_medicine(hair: Definition) -> None:
    cleaned = clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=["Zinc", ""], med_dose=["", "1 mg"])
    assert list(messages(cleaned)) == ["med_name-1"]


def test_what_is_wrong_with_a_row_is_said_once(hair: Definition) -> None:
    cleaned = clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=[""], med_dose=["1 mg"])
    assert [problem.field for problem in cleaned.problems] == ["med_name-0"]


def test_while_a_row_is_added_nothing_is_missing_yet(hair: Definition) -> None:
    form = typed(med_any="")
    assert answering.clean_page(hair, 7, 1, form, {}, ASKING, partial=True).problems == []


def test_the_name_of_a_medicine_has_a_limit_in_its_own_row(hair: Definition) -> None:
    cleaned = clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=["Zinc", "x" * 201], med_dose=["", ""])
    assert messages(cleaned) == {"med_name-1": "Use 200 characters or fewer"}


def test_a_flood_of_rows_is_refused(hair: Definition) -> None:
    cleaned = clean(hair, 7, 1, {"med_any": "yes"}, med_any="yes", med_name=["x"] * 5000, med_dose=["y"] * 5000)
    assert "no more than 30" in next(iter(messages(cleaned).values()))


def test_a_file_that_comes_to_be_asked_for_is_no_text(hair: Definition) -> None:
    cleaned = clean(hair, 6, 12, hx_labs="yes-copy", hx_labs_file="mine")
    assert "hx_labs_file" not in cleaned.values
    assert messages(cleaned)["file-hx_labs_file"] == "This photo is not among your answers. Add it here"


@pytest.mark.parametrize(("waiting", "minutes"), [(40, 8), (21, 5), (1, 1)])
def test_what_is_left_of_the_questions_takes_as_many_minutes_as_its_pages(hair: Definition, waiting: int, minutes: int) -> None:
    assert engine.minutes_left(hair, 40, waiting) == minutes
