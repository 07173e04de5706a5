"""Which flags fire, and what a flags file may hold."""

from datetime import date

import pytest
from django.template.loader import render_to_string

from audit.actor import Actor
from intake import actions, engine, flags
from intake.errors import IntakeError
from intake.loader import FOLDER, load_flags, load_versions
from intake.sheet import for_review
from tests.intake.conftest import HAIR, NOW, PEOPLE, SOMEBODY, TODAY, answers_of, each_person
from tests.squeeze import squeeze

PHYSICIAN = Actor("staff", 7, "physician", "Dr. Osei")

FILE = FOLDER / "flags" / "hair-loss-flags-0.1.0.yaml"
RULES = load_flags(FILE, HAIR)
PLAIN = load_versions(FOLDER / "hair-loss-intake-1.0.2.yaml")[1]


def codes(answers):
    return {flag.rule.code for flag in flags.raised(RULES, HAIR, engine.calc(HAIR, answers, TODAY))}


@each_person
def test_each_scripted_person_raises_exactly_the_listed_flags(person):
    assert codes(answers_of(person)) == set(person["flags"])


@each_person
def test_without_safety_items_each_raises_the_same_ones(person):
    rules = load_flags(FILE, PLAIN)
    found = flags.raised(rules, PLAIN, engine.calc(PLAIN, answers_of(person), TODAY))
    assert {flag.rule.code for flag in found} == set(person["flags"]) - {"U01"}


def test_without_safety_items_one_rule_is_gone_and_two_are_narrower():
    rules = load_flags(FILE, PLAIN)
    assert {rule.code for rule in RULES.rules} - {rule.code for rule in rules.rules} == {"U01"}
    narrower = [rule.code for rule in rules.rules if rule.when != RULES.rule(rule.code).when]
    assert narrower == ["C29", "C30"]


def test_there_are_sixty_seven_rules_and_seven_are_urgent():
    assert (len(RULES.rules), sum(rule.severity == "urgent" for rule in RULES.rules)) == (67, 7)
    assert {rule.code for rule in RULES.rules if rule.same_day} == {"U01", "U02", "U05"}


def test_every_urgent_rule_must_be_acknowledged():
    assert all(rule.acknowledge for rule in RULES.rules if rule.severity == "urgent")


def test_a_flag_names_the_answers_behind_it():
    answers = {"hair_scalp": ["burn-pain", "crust"]}
    assert next(f for f in flags.raised(RULES, HAIR, answers) if f.rule.code == "U04").evidence == ("hair_scalp",)


def test_an_answer_to_a_hidden_question_raises_nothing():
    assert "U05" not in codes({"tx_any": "no", "tx_list": ["min-top"], "tx_min_effects": ["heart"], "tx_min_effects_now": "yes"})
    assert "U05" in codes({"tx_any": "yes", "tx_list": ["min-top"], "tx_min_effects": ["heart"], "tx_min_effects_now": "yes"})


@pytest.mark.parametrize("methods,fires", [(["condom"], True), (["condom", "pill"], False), (["none"], True), (["iud-h"], False)])
def test_condoms_count_as_no_reliable_contraception_only_when_they_are_the_only_method(methods, fires):
    answers = {
        "about_sex_birth": "female", "about_dob": date(1999, 1, 1).isoformat(), "preg_status": ["none"], "preg_possible": "yes",
        "preg_contraception": methods,
    }  # fmt: skip
    assert ("C22" in codes(answers)) is fires


@pytest.mark.parametrize("first,second,fires", [("LA6570-1", "LA6569-3", True), ("LA6569-3", "LA6569-3", False)])
def test_a_mood_screen_of_three_is_a_caution(first, second, fires):
    assert ("C28" in codes({"phq2_1": first, "phq2_2": second})) is fires


def test_urgent_flags_come_first():
    severities = [f.rule.severity for f in flags.raised(RULES, HAIR, {"hair_scalp": ["shiny", "burn-pain"], "hx_labs": "no"})]
    assert severities == sorted(severities, key=flags.SEVERITIES.index)


@pytest.mark.parametrize(
    "old,new,says",
    [
        ("{hair_scalp: [shiny]}", "{hair_scalpp: [shiny]}", "no question 'hair_scalpp'"),
        ("{hair_scalp: [shiny]}", "{hair_scalp: [shinny]}", "no answer 'shinny'"),
        ("code: U02", "code: U01", "'U01' is given twice"),
        ("severity: urgent", "severity: dire", "must be one of"),
        ("topic: mood", "topik: mood", "unknown key 'topik'"),
        ("questionnaire: hair-loss-intake", "questionnaire: hair-loss-followup", "these rules are for hair-loss-followup"),
        ("unanswered_recommended: grp_photos", "unanswered_recommended: grp_fotos", "no group 'grp_fotos'"),
        ("{at_least: {calc_phq2: 3}}", "{at_least: 3}", "at_least is one mapping"),
        ("{hair_scalp: [shiny]}", "{hair_scalp: [shiny], hair_areas: [crown]}", "a condition is one mapping"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path, old, new, says):
    broken = tmp_path / FILE.name
    broken.write_text(FILE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(IntakeError, match=rf"line \d+: .*{says}"):
        load_flags(broken, HAIR)


# --- On sending -------------------------------------------------------------------------------------------------------


def send(fill, maya, **answers):
    response = fill(answers_of(PEOPLE["Man 32, slow thinning, used foam"]) | answers)
    return actions.complete(response, patient=maya, declared_at=NOW, signature="Maya Chowdhury", by=SOMEBODY, now=NOW)


def test_sending_counts_the_flags_and_seals_their_words(fill, maya):
    response = send(fill, maya)
    response.refresh_from_db()
    assert (response.urgent_flags, response.caution_flags) == (0, 0)
    assert response.info_flags >= 2
    assert b"I13" not in bytes(response.document)
    review = for_review(response, by=PHYSICIAN, now=NOW)
    assert {"I03", "I13"} <= {flag.code for flag in review.flags}
    assert review.flag_rules == "hair-loss-flags|0.1.0"


def test_a_same_day_flag_states_that_somebody_must_be_paged(fill, maya):
    response = send(fill, maya, hair_scalp=["pus"], hair_infection_signs="yes")
    response.refresh_from_db()
    assert (response.page_sequence, response.page_announced) == (1, 0)


def test_another_urgent_flag_pages_nobody(fill, maya):
    response = send(fill, maya, hair_scalp=["shiny"])
    response.refresh_from_db()
    assert (response.page_sequence, response.urgent_flags) == (0, 1)


def test_a_draft_has_no_flags(fill):
    draft = fill(answers_of(PEOPLE["Woman 66, tender scalp, brow loss"]))
    draft.refresh_from_db()
    assert (draft.urgent_flags, draft.page_sequence) == (None, 0)


def test_the_physicians_page_shows_a_flag_with_the_answers_behind_it(fill, maya):
    review = for_review(send(fill, maya, hair_scalp=["shiny"]), by=PHYSICIAN, now=NOW)
    html = render_to_string("intake/_read.html", {"review": review})
    assert "can go with scarring hair loss" in html
    assert "Smooth, shiny spots" in html.partition("read-topics")[0]


def behind(fill, maya, code, **answers):
    return next(flag for flag in for_review(send(fill, maya, **answers), by=PHYSICIAN, now=NOW).flags if flag.code == code)


def test_urgent_flags_and_five_cautions_are_open_and_the_others_behind_them(fill, maya):
    told = ["thyroid", "liver", "adrenal", "immune", "seizures", "keloid"]
    review = for_review(send(fill, maya, hair_scalp=["shiny"], hx_other=told), by=PHYSICIAN, now=NOW)
    assert [flag.code for flag in review.open_flags] == ["U04", "C13", "C27", "C35", "C39", "C40"]
    assert [flag.code for flag in review.more_flags] == ["C44", "I03", "I06", "I13"]


def test_a_flag_on_a_total_shows_the_answers_it_adds_up(fill, maya):
    flag = behind(fill, maya, "C28", phq2_1="LA6570-1", phq2_2="LA6569-3")
    assert [line.answers for line in flag.evidence] == [["More than half the days"], ["Several days"]]


def test_a_flag_on_an_age_shows_the_date_of_birth(fill, maya):
    flag = behind(fill, maya, "I02", about_dob="1969-01-15", calc_age_band="40-59", pros_psa="no")
    assert [line.link_id for line in flag.evidence] == ["about_dob", "pros_psa"]


def test_the_flag_on_missing_photos_names_the_views(fill, maya):
    flag = behind(fill, maya, "I06", photo_top=None, photo_left=None)
    assert flag.not_sent == ["Top photo", "Left photo"]
    assert "Not sent with the answers: Top photo, Left photo" in squeeze(render_to_string("intake/_flag.html", {"flag": flag}))
