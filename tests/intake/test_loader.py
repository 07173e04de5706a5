"""The questionnaire file: what it holds, and that a mistake in it stops the start with its line."""

import json
from pathlib import Path

import pytest
from django.core.checks import run_checks

from intake.definition import Definition, from_json
from intake.errors import IntakeError
from intake.loader import FOLDER, load, load_all, load_versions

SMALL = """\
questionnaire: small
version: 1.0.0
language: en-CA
title: "Small"
code_system: small
minimum_age: 18
sections:
  - link_id: sec_a
    title: "A"
    pages:
      - {number: 1}
      - {number: 2, title: "Two"}
    questions:
      - link_id: likes
        page: 1
        type: choice
        required: true
        text: "Do you like it?"
        short: "Likes"
        options:
          - {code: yes, label: "Yes"}
          - {code: no, label: "No"}
      - link_id: why
        page: 2
        type: text
        text: "Why?"
        short: "Why"
        show_when: {likes: [yes]}
"""

# Pieces that are put into it.
GROUP = '    groups:\n      - {{link_id: {}, text: "G", show_when: {{likes: [{}]}}}}\n'
BACK = '      - {link_id: back, page: 1, type: text, text: "Back?", short: "Back"}'
IN_IT = '      - {link_id: top, group: grp, page: 1, type: text, text: "Top", short: "Top"}'
ADVICE = 'advice:\n  - {code: A1, title: "A", text: "T", when: {likes: [maybe]}, contacts: [call-911]}\n'


def made(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "small-1.0.0.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_hair_loss_intake_has_127_fields_in_eight_sections(hair: Definition) -> None:
    asked = [q for q in hair.questions.values() if q.type != "display" and not q.calc]
    assert (len(hair.sections), len(asked)) == (8, 127)


def test_seven_questions_are_asked_elsewhere_and_the_date_of_birth_is_a_fact_asked_once(hair: Definition) -> None:
    elsewhere = {q.link_id for q in hair.questions.values() if q.asked}
    assert elsewhere == {
        "about_name_legal", "about_name_preferred", "about_email", "about_phone", "about_consent_ecomm",
        "finish_declare", "finish_signature",
    }  # fmt: skip
    assert [q.link_id for q in hair.questions.values() if q.fact] == ["about_dob"]


def test_a_code_of_yes_or_no_stays_a_word(tmp_path: Path) -> None:
    definition = load(made(tmp_path, SMALL))
    assert [option.code for option in definition.questions["likes"].options] == ["yes", "no"]


def test_a_definition_survives_json(hair: Definition) -> None:
    assert from_json(hair.source) == hair
    assert from_json(hair.source).sha256 == hair.sha256


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("    title: \"A\"\n", "    title: \"A\"\n    colour: red\n", 10, "unknown key 'colour'"),
        ("        text: \"Why?\"\n", "", 23, "why has no 'text'"),
        ("        text: \"Why?\"\n", "        text: \"\"\n", 26, "text is empty"),
        ("        short: \"Why\"\n", "", 23, "no 'short' label"),
        ("link_id: why", "link_id: likes", 23, "already used in line 14"),
        ("show_when: {likes: [yes]}", "show_when: {loves: [yes]}", 23, "'loves', which is no choice question above"),
        ("show_when: {likes: [yes]}", "show_when: {likes: [maybe]}", 23, "the answer 'maybe'"),
        ("show_when: {likes: [yes]}", "show_when: {why: [yes]}", 23, "'why', which is no choice question above"),
        ("page: 2", "page: 3", 23, "which is not among the pages"),
        ("      - {number: 2, title: \"Two\"}\n", "      - {number: 2}\n      - {number: 4}\n", 13, "page 4 has no question"),
        ("type: text", "type: essay", 25, "type must be one of"),
        ("required: true", "required: maybe", 17, "must be true or false"),
        ("required: true", "required: true\n        required: true", 18, "'required' is given twice"),
        ("{code: no, label", "{code: yes, label", 22, "code 'yes' is given twice"),
        ("{code: no, label: \"No\"}", "{code: no, label: \"No\", exclusive: true}", 22, "none of them can be exclusive"),
        ("link_id: why", "link_id: Why", 23, "lower-case letters"),
        ("minimum_age: 18", "minimum_age: eighteen", 6, "whole number"),
        ("type: text", "type: text\n        consent: C9", 23, "consent 'C9'"),
        ("type: text", "type: text\n        group: grp", 23, "group 'grp' is not in this section"),
        ("type: text", "type: text\n        multiple: true", 23, "cannot have several answers"),
        ("type: text", "type: text\n        max_choices: 2", 23, "is not a choice but has options"),
        ("type: text", "type: text\n        max_length: 3000", 23, "more than 2000 characters"),
        ("type: text", "type: text\n        calc: phq2", 23, "is worked out, so it has no page"),
        ("        page: 2\n", "", 23, "stands on page (none)"),
        ("show_when: {likes: [yes]}", "show_when: {likes: [yes], likes: [no]}", 28, "'likes' is given twice in show_when"),
        ("show_when: {likes: [yes]}", "show_when: {}", 28, "must be a mapping of question to a list of codes"),
        ("show_when: {likes: [yes]}", f"show_when: {{likes: [yes]}}\n{BACK}", 29, "'back' is on page 1, after a question of page 2"),
        ("    questions:", f"{GROUP.format('why', 'yes')}    questions:", 25, "link_id 'why' is already used in line 14"),
        ("    questions:", f"{GROUP.format('grp', 'yes')}    questions:\n{IN_IT}", 14, "'likes', which is no choice question above"),
        ("title: \"Small\"", "title: [a, b]", 4, "must be a single value"),
        ("{code: yes, label: \"Yes\"}", "yes", 21, "must be a mapping"),
        ("sections:", f"{ADVICE}sections:", 8, "the answer 'maybe'"),
        ("sections:", "sections: [", 8, ""),
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int, words: str) -> None:
    assert old in SMALL
    with pytest.raises(IntakeError) as stopped:
        load(made(tmp_path, SMALL.replace(old, new, 1)))
    assert f"small-1.0.0.yaml, line {line}:" in str(stopped.value)
    assert words in str(stopped.value)


def test_two_files_of_one_version_stop_the_start(tmp_path: Path) -> None:
    made(tmp_path, SMALL)
    (tmp_path / "twin.yaml").write_text(SMALL, encoding="utf-8")
    with pytest.raises(IntakeError, match="is also in small"):
        list(load_all(tmp_path))


def test_adding_a_question_is_one_entry(tmp_path: Path) -> None:
    entry = """\
      - link_id: how_much
        page: 2
        type: choice
        text: "How much?"
        short: "How much"
        options:
          - {code: lot, label: "A lot"}
"""
    definition = load(made(tmp_path, SMALL + entry))
    assert list(definition.questions) == ["likes", "why", "how_much"]


def test_the_start_is_stopped_by_the_check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made(tmp_path, SMALL.replace("page: 2", "page: 7"))
    monkeypatch.setattr("intake.checks.load_all", lambda: load_all(tmp_path))
    assert any("small-1.0.0.yaml, line 23" in str(message.msg) for message in run_checks())


def test_every_published_file_passes_the_check() -> None:
    assert [m for m in run_checks() if str(m.id).startswith("intake")] == []
    versions = [f"{d.slug} {d.version}" for d in load_all()]
    assert versions == [
        f"{version}{kind}" for version in ("hair-loss-followup 1.0.1", "hair-loss-intake 1.0.2") for kind in ("", "-no-safety")
    ]
    assert len(list(FOLDER.glob("*.yaml"))) == 2


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_without_safety_items_nothing_of_them_is_left_and_the_line_to_call_stays(path: Path) -> None:
    whole, without = load_versions(path)
    missing = dict.fromkeys(whole.questions.keys() - without.questions.keys())
    assert set(missing) in ({"hx_selfharm_now"}, {"fu_selfharm_now"})
    text = json.dumps(without.source)
    assert "self-harm" not in {o.code for q in without.questions.values() for o in q.options}
    assert "selfharm_now" not in text
    assert '"self-harm"' not in text
    assert "A3" in {n.code for n in whole.advice} - {n.code for n in without.advice}
    assert "safety" not in json.dumps(whole.source)
    assert [n.text for n in whole.consents] == [n.text for n in without.consents]
    if "start_info" in without.questions:
        assert "call or text 9-8-8 at any time" in without.questions["start_info"].help
    assert all(any(q.page == frame.number for q in s.questions) for s in without.sections for frame in s.pages)


def test_what_depends_on_safety_items_alone_has_to_be_marked_too(tmp_path: Path) -> None:
    marked = SMALL.replace('{code: yes, label: "Yes"}', '{code: yes, label: "Yes", safety: true}')
    with pytest.raises(IntakeError, match="line 23: this depends on safety items alone"):
        load_versions(made(tmp_path, marked))
    (tmp_path / "small-1.0.0.yaml").write_text(marked.replace("page: 2\n", "page: 2\n        safety: true\n"), encoding="utf-8")
    without = load_versions(tmp_path / "small-1.0.0.yaml")[1]
    assert (list(without.questions), len(without.sections[0].pages)) == (["likes"], 1)
