"""What is shown to whom."""

from itertools import pairwise
from typing import Any

import pytest

from intake import engine, wording
from intake.definition import Definition
from tests.intake.conftest import ASKING, PEOPLE, TODAY, answers_of, each_person


def enabled(hair: Definition, **answers: Any) -> set[str]:
    return engine.enabled(hair, engine.calc(hair, answers, TODAY))


@each_person
def test_a_scripted_person_is_shown_exactly_so_many_questions(person: dict[str, Any], hair: Definition) -> None:
    shown = engine.enabled(hair, answers_of(person))
    asked = [q for q in hair.questions.values() if q.link_id in shown and not q.calc and q.type != "display"]
    assert len(asked) == person["shown_of_127"]


@each_person
def test_a_scripted_person_has_answered_all_that_is_required(person: dict[str, Any], hair: Definition) -> None:
    assert engine.validate_complete(hair, answers_of(person), ASKING) == []


def test_a_code_that_the_form_does_not_have_keeps_it_from_being_sent(hair: Definition) -> None:
    answers = answers_of(PEOPLE["Woman 27, sudden patches"]) | {"hair_onset": "gone"}
    assert [problem.link_id for problem in engine.validate_complete(hair, answers, ASKING)] == ["hair_onset"]


@each_person
def test_a_scripted_person_loses_no_answer_on_sending(person: dict[str, Any], hair: Definition) -> None:
    answers = answers_of(person)
    # One of them names a treatment's details that was not ticked; it is hidden, and goes.
    hidden = set(answers) - set(engine.completed(hair, answers))
    expected = {"tx_mintop_now", "tx_mintop_time", "tx_mintop_result"} if person["name"].startswith("Man 58") else set()
    assert hidden == expected


def test_men_are_asked_about_the_prostate_and_women_about_pregnancy(hair: Definition) -> None:
    man = enabled(hair, about_dob="1990-01-01", about_sex_birth="male")
    woman = enabled(hair, about_dob="1990-01-01", about_sex_birth="female")
    assert {"pros_history", "grp_prostate"} <= man
    assert "preg_status" not in man
    assert {"preg_status", "grp_preg", "grp_female"} <= woman
    assert "pros_history" not in woman


def test_who_would_rather_talk_chooses_which_questions_apply(hair: Definition) -> None:
    both = enabled(hair, about_dob="1990-01-01", about_sex_birth="discuss", about_organs=["uterus", "prostate"])
    neither = enabled(hair, about_dob="1990-01-01", about_sex_birth="discuss", about_organs=["discuss"])
    assert {"pros_history", "preg_status"} <= both
    assert not {"pros_history", "preg_status", "fem_androgen"} & neither


def test_people_of_sixty_and_over_are_not_asked_about_pregnancy(hair: Definition) -> None:
    shown = enabled(hair, about_dob="1961-01-15", about_sex_birth="female", preg_status=["none"])
    assert "fem_androgen" in shown
    assert not {"grp_preg", "preg_status", "preg_possible", "fem_cycle"} & shown


def test_psa_is_asked_from_forty_on(hair: Definition) -> None:
    assert "pros_psa" not in enabled(hair, about_dob="1987-02-11", about_sex_birth="male")
    assert "pros_psa" in enabled(hair, about_dob="1987-02-10", about_sex_birth="male")


def test_an_answer_to_a_hidden_question_opens_nothing(hair: Definition) -> None:
    shown = enabled(hair, tx_any="no", tx_list=["fin-oral"], tx_ari_effects=["self-harm"])
    assert not {"tx_list", "tx_finoral_now", "tx_ari_effects", "hx_selfharm_now"} & shown


def test_either_of_two_answers_opens_the_same_question(hair: Definition) -> None:
    assert "hx_selfharm_now" in enabled(hair, hx_mental=["self-harm"])
    assert "hx_selfharm_now" in enabled(hair, tx_any="yes", tx_list=["meso"], tx_ari_effects=["self-harm"])


def test_a_hidden_answer_works_nothing_out(hair: Definition) -> None:
    assert "calc_phq2" not in engine.calc(hair, {"phq2_1": "LA6571-9"}, TODAY)
    both = engine.calc(hair, {"phq2_1": "LA6571-9", "phq2_2": "LA6569-3"}, TODAY)
    assert both["calc_phq2"] == 4


def test_a_worked_out_item_cannot_be_typed(hair: Definition) -> None:
    assert "calc_age_band" not in engine.calc(hair, {"calc_age_band": "18-39"}, TODAY)
    assert engine.calc(hair, {"calc_age_band": "18-39", "about_dob": "1950-01-01"}, TODAY)["calc_age_band"] == "60-plus"


def test_a_birthday_between_start_and_sending_changes_nothing(hair: Definition) -> None:
    assert engine.calc(hair, {"about_dob": "1987-02-11"}, TODAY)["calc_age_band"] == "18-39"


def test_uploads_are_not_asked_until_they_can_be_taken(hair: Definition) -> None:
    answers = answers_of(PEOPLE["Man 32, slow thinning, used foam"])
    now = {q.link_id for page in engine.pages(hair, answers, engine.Asking(today=TODAY)) for q in page.questions}
    later = {q.link_id for page in engine.pages(hair, answers, engine.Asking(today=TODAY, uploads=True)) for q in page.questions}
    assert not any(name.startswith("photo_") for name in now - {"photo_consent"})
    assert {"photo_front", "photo_top", "photo_crown", "photo_left", "photo_right", "photo_back"} == later - now


def test_a_date_of_birth_known_from_elsewhere_is_not_asked_again(hair: Definition) -> None:
    known = engine.Asking(today=TODAY, known=frozenset({"date-of-birth"}))
    assert engine.find_page(engine.pages(hair, {}, ASKING), 2, 2) is not None
    assert engine.find_page(engine.pages(hair, {}, known), 2, 2) is None


def test_advice_follows_only_from_answers_that_apply(hair: Definition) -> None:
    answers = {"hair_scalp": ["pus"], "hair_infection_signs": "yes"}
    assert [n.code for n in engine.triggered_advice(hair, answers)] == ["A1"]
    assert engine.triggered_advice(hair, {**answers, "hair_scalp": ["none"]}) == []


def test_pages_follow_each_other_both_ways(hair: Definition) -> None:
    pages = engine.pages(hair, answers_of(PEOPLE["Woman 27, sudden patches"]), ASKING)
    for before, after in pairwise(pages):
        assert engine.next_page(pages, before.key) is after
        assert engine.previous_page(pages, after.key) is before
    assert engine.previous_page(pages, pages[0].key) is None
    assert engine.next_page(pages, pages[-1].key) is None


def test_a_section_is_done_only_when_each_of_its_pages_was_continued_from(hair: Definition) -> None:
    answers = answers_of(PEOPLE["Man 32, slow thinning, used foam"])
    pages = engine.pages(hair, answers, ASKING)
    assert {s.state for s in engine.progress(hair, answers, [], ASKING)} == {"todo"}
    done = [p.key for p in pages]
    assert {s.state for s in engine.progress(hair, answers, done, ASKING)} == {"done"}
    # Without its optional page, "About you" is only partly done.
    states = engine.progress(hair, answers, [key for key in done if key != "2/6"], ASKING)
    assert [s.state for s in states].count("partly") == 1
    assert [s.go.key for s in states if s.state == "partly" and s.go] == ["2/6"]


def test_a_required_answer_that_is_missing_is_named_with_its_page(hair: Definition) -> None:
    answers = answers_of(PEOPLE["Man 32, slow thinning, used foam"])
    del answers["hair_onset"], answers["goal_visits"]
    problems = engine.validate_complete(hair, answers, ASKING)
    assert [(p.link_id, p.page) for p in problems] == [("hair_onset", "3/2"), ("goal_visits", "8/4")]


def test_the_summary_reads_as_the_patient_saw_it(hair: Definition) -> None:
    answers = answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"])
    rows = {row.label: row for part in wording.summary(hair, answers, ASKING) for row in part.rows}
    assert rows["Heart and blood pressure"].answers == ("A fast or uneven heartbeat", "High blood pressure")
    assert rows["Medicine"].answers == ("a", "b", "c")
    assert rows["Conditions"].negative
    assert "Legal name" not in rows


def test_a_medicine_written_down_twice_is_remarked_on(hair: Definition) -> None:
    answers = {"med_any": "yes", "med_item": [{"med_name": "Biotin"}, {"med_name": "biotin"}, {"med_name": "Zinc"}]}
    rows = {row.label: row for part in wording.summary(hair, answers, ASKING) for row in part.rows}
    assert "Biotin" in rows["Medicine"].note


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("2009-02-11", None), ("2009-02-10", "18-39"), ("1987-02-11", "18-39"), ("1987-02-10", "40-59"),
        ("1967-02-11", "40-59"), ("1967-02-10", "60-plus"),
    ],
)  # fmt: skip
def test_an_age_band_begins_on_the_birthday(born: str, band: str | None, hair: Definition) -> None:
    assert engine.calc(hair, {"about_dob": born}, TODAY).get("calc_age_band") == band


def test_age_band_and_mood_total_are_each_worked_out_of_their_own(hair: Definition) -> None:
    given = {"about_dob": "1950-01-01", "phq2_1": "LA6571-9", "phq2_2": "LA6569-3"}
    assert engine.calc(hair, given, TODAY) == given | {"calc_age_band": "60-plus", "calc_phq2": 4}


@each_person
def test_what_is_worked_out_stands_in_no_summary(person: dict[str, Any], hair: Definition) -> None:
    parts = wording.summary(hair, answers_of(person), ASKING)
    assert [row.question.link_id for part in parts for row in part.rows if row.question.calc] == []


def test_ones_own_words_are_an_answer_that_is_known(hair: Definition) -> None:
    assert engine.is_known(hair.questions["about_access_needs"], ["interpreter", {"text": "A quiet room"}])
