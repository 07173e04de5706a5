"""FHIR R4: out, and in again."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command
from fhir.resources.R4B.questionnaire import Questionnaire as R4Questionnaire
from fhir.resources.R4B.questionnaireresponse import QuestionnaireResponse as R4Response

from audit.models import AuditEvent
from intake import actions, engine, fhir
from intake.errors import IntakeError
from intake.fhir import names
from intake.grammar import LINK_ID
from intake.loader import load_all
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import HAIR, PEOPLE, SOMEBODY, TODAY, answers_of, each_person
from tests.intake.test_actions import LATER

BASE = "https://clinic.example"
TYPES = {"group", "display", "boolean", "integer", "date", "string", "text", "choice", "open-choice", "attachment"}
FILES = list(load_all())
each_file = pytest.mark.parametrize("definition", FILES, ids=[f"{d.slug}-{d.version}" for d in FILES])
Fill = Callable[[dict[str, Any]], QuestionnaireResponse]


def items(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every item, depth first."""
    for item in holder.get("item", []):
        yield item
        yield from items(item)


def exported() -> dict[str, Any]:
    """The hair-loss intake as it goes out."""
    return fhir.to_questionnaire(HAIR, base=BASE)


def response_of(answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"public_id": "7b9f", "status": "completed", "authored": "2027-02-10T15:00:00+00:00", "patient": "p1"} | more
    return fhir.to_response(HAIR, answers, base=BASE, **given)


# --- Questionnaires ---


@each_file
def test_out_and_in_again_is_the_same(definition: Any) -> None:
    there = json.loads(json.dumps(fhir.to_questionnaire(definition, base=BASE)))
    _text, back = fhir.from_questionnaire(there)
    assert (back, back.sha256) == (definition, definition.sha256)


@each_file
def test_a_questionnaire_is_valid_r4(definition: Any) -> None:
    made = fhir.to_questionnaire(definition, base=BASE)
    R4Questionnaire.model_validate(made)
    every = list(items(made))
    link_ids = [item["linkId"] for item in every]
    assert len(link_ids) == len(set(link_ids))
    assert {item["type"] for item in every} <= TYPES
    assert all(LINK_ID.fullmatch(name) for name in link_ids)
    coded = {
        i["linkId"]: {(o["valueCoding"]["system"], o["valueCoding"]["code"]) for o in i.get("answerOption", [])} for i in every
    }
    for item in every:
        # R4 invariants: groups hold something, displays hold nothing (que-1), several conditions are joined (que-12).
        assert bool(item.get("item")) if item["type"] == "group" else True
        assert not (item["type"] == "display" and {"item", "required", "repeats", "readOnly", "code"} & set(item))
        assert ("answerOption" in item) == (item["type"] in ("choice", "open-choice"))
        assert "maxLength" not in item or item["type"] in ("string", "text", "open-choice")
        conditions = item.get("enableWhen", [])
        assert item.get("enableBehavior") == ("any" if len(conditions) > 1 else None)
        for condition in conditions:
            coding = condition["answerCoding"]
            assert condition["operator"] == "="
            assert (coding["system"], coding["code"]) in coded[condition["question"]], item["linkId"]


def test_items_say_in_fhir_what_the_file_says() -> None:
    by = {item["linkId"]: item for item in items(exported())}
    urls = {name: {e["url"].rpartition("/")[2] for e in by[name].get("extension", [])} for name in by}
    assert by["calc_age_band"]["readOnly"] and "questionnaire-hidden" in urls["calc_age_band"]
    assert {"url": names.MAX_OCCURS, "valueInteger": 3} in by["hair_concern"]["extension"]
    none = next(o for o in by["about_organs"]["answerOption"] if o["valueCoding"]["code"] == "discuss")
    assert none["extension"][0] == {"url": names.EXCLUSIVE, "valueBoolean": True}
    assert none["valueCoding"]["display"] == "I’d rather talk about it in person"
    assert by["phq2_1"]["code"] == [{"system": "http://loinc.org", "code": "44250-9"}]
    assert by["phq2_1"]["answerOption"][1]["valueCoding"]["system"] == "http://loinc.org"
    assert by["phq2_1"]["answerOption"][1]["valueCoding"]["extension"] == [{"url": names.ORDINAL, "valueDecimal": 1}]
    assert by["grp_preg"] in by["grp_female"]["item"] and by["med_item"]["repeats"]
    assert by["start_consent_collect__help"]["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "help"


def change(link_id: str, **keys: Any) -> dict[str, Any]:
    """The export with one item changed; None takes a key out."""
    made = copy.deepcopy(exported())
    item = next(i for i in items(made) if i["linkId"] == link_id)
    for key, value in keys.items():
        item[key] = value
        if value is None:
            del item[key]
    return made


LINKED = {"question": "hair_speed", "operator": "=", "answerCoding": {"code": "slow"}}


@pytest.mark.parametrize(
    ("link_id", "keys", "why"),
    [
        ("hair_speed", {"type": "quantity"}, "type 'quantity' is outside"),
        ("hair_speed", {"linkId": "1.2"}, "Item 1.2: a linkId is"),
        ("hair_speed", {"linkId": "hair_onset"}, "Item hair_onset: the linkId is used twice"),
        ("hair_speed", {"text": " "}, "no text"),
        ("hair_speed", {"initial": [{"valueString": "x"}]}, "initial is outside"),
        ("hair_speed", {"answerValueSet": "http://x"}, "answerValueSet is outside"),
        ("hair_speed", {"answerOption": None}, "lists its answers"),
        ("hair_speed", {"answerOption": [{"valueString": "x"}]}, "valueCoding"),
        ("hair_speed", {"readOnly": True}, "one that we work out"),
        ("hair_speed", {"code": [{"system": "http://snomed.info/sct", "code": "1"}]}, "from LOINC"),
        ("hair_speed", {"extension": [{"url": "http://x/y", "valueBoolean": True}]}, "extension http://x/y is outside"),
        ("hair_speed", {"item": [{"linkId": "x", "type": "string", "text": "x"}]}, "Item x: under the question hair_speed"),
        ("hair_course", {"enableWhen": [{**LINKED, "operator": "!="}]}, "operator '!=' is outside"),
        ("hair_course", {"enableWhen": [{**LINKED, "question": "goal_main"}]}, "no choice question above"),
        ("hair_course", {"enableWhen": [{**LINKED, "answerCoding": {"code": "zz"}}]}, "'zz', which 'hair_speed' does not"),
        ("hair_course", {"enableWhen": [LINKED, LINKED], "enableBehavior": "all"}, "joined by"),
        ("hair_course", {"enableWhen": [{"question": "hair_speed", "operator": "=", "answerString": "x"}]}, "answerCoding"),
        ("sec_hair", {"enableWhen": [LINKED]}, "on the top level stand sections"),
    ],
)
def test_what_is_outside_the_subset_is_refused_by_name(link_id: str, keys: dict[str, Any], why: str) -> None:
    with pytest.raises(IntakeError, match=r"^Item ") as refused:
        fhir.from_questionnaire(change(link_id, **keys))
    assert why in str(refused.value)
    assert keys.get("linkId", link_id) in str(refused.value)


@pytest.mark.parametrize("junk", [None, [], {}, {"resourceType": "Patient"}, {"resourceType": "Questionnaire", "item": [3]}])
def test_what_is_no_questionnaire_is_refused(junk: Any) -> None:
    with pytest.raises(IntakeError):
        fhir.from_questionnaire(junk)


def test_a_questionnaire_of_somebody_else_becomes_a_draft_with_pages() -> None:
    other = {
        "resourceType": "Questionnaire", "id": "Sleep", "status": "active", "title": "Sleep",
        "item": [{"linkId": "sleep", "type": "group", "text": "Sleep", "item": [
            {"linkId": "hours", "type": "integer", "text": "How many hours?", "required": True},
            {"linkId": "why", "type": "choice", "text": "Why?", "answerOption": [
                {"valueCoding": {"system": "https://o.example/cs/sleep", "code": "no", "display": "No"}}]},
        ]}],
    }  # fmt: skip
    text, definition = fhir.from_questionnaire(other)
    assert [q.page for q in definition.questions.values()] == [1, 2]
    assert definition.questions["why"].options[0].code == "no"
    assert yaml.safe_load(text)["code_system"] == "sleep"


# --- Answers ---


@each_person
def test_answers_are_valid_r4_and_hold_what_applies_only(person: dict[str, Any]) -> None:
    answers = answers_of(person)
    made = response_of(answers, signed={"name": "Maya", "at": "2027-02-10T15:00:00+00:00"})
    R4Response.model_validate(made)
    asked = {item["linkId"]: item for item in items(exported())}
    shown = engine.enabled(HAIR, answers)
    given = {i["linkId"]: i for i in items(made) if "answer" in i}
    assert set(given) <= shown and len(given) > 30
    for link_id, item in given.items():
        assert item["text"] == asked[link_id]["text"]
        for answer in item["answer"]:
            if coding := answer.get("valueCoding"):
                options = [o["valueCoding"] for o in asked[link_id]["answerOption"]]
                assert coding in [{k: v for k, v in o.items() if k != "extension"} for o in options]


def test_an_answer_that_is_hidden_does_not_go_out() -> None:
    answers = answers_of(next(iter(PEOPLE.values())))
    answers = engine.calc(HAIR, {**answers, "tx_any": "no", "tx_list": ["min-top"], "tx_other": "SECRET"}, TODAY)
    assert "SECRET" not in json.dumps(response_of(answers)) and "tx_list" not in json.dumps(response_of(answers))


def test_files_are_named_where_they_apply_and_not_sent() -> None:
    about = {"contentType": "image/jpeg", "size": 9, "title": "7b9f", "creation": "2027-02-10T15:00:00+00:00"}
    files = {"photo_front": [about], "photo_patch": [{**about, "title": "HIDDEN"}]}
    answers = answers_of(next(iter(PEOPLE.values()))) | {"photo_consent": "yes"}
    made = response_of(answers, files=files)
    R4Response.model_validate(made)
    given = {item["linkId"]: item.get("answer") for item in items(made)}
    assert given["photo_front"] == [{"valueAttachment": about}] and "HIDDEN" not in json.dumps(made)
    refused = response_of(answers | {"photo_consent": "no"}, files=files)
    assert "photo_front" not in json.dumps(refused)


@pytest.mark.parametrize(
    ("who", "source", "author"),
    [
        ("self", "Patient/p1", "Patient/p1"),
        ("helper", "Patient/p1", "#respondent"),
        ("sdm", "#respondent", "#respondent"),
        ("staff", "Patient/p1", None),
    ],
)
def test_who_answered_and_who_typed(who: str, source: str, author: str | None) -> None:
    answers = answers_of(next(iter(PEOPLE.values()))) | {
        "start_respondent": who, "start_respondent_name": "Sam", "start_respondent_relation": "partner"
    }  # fmt: skip
    made = response_of(answers)
    R4Response.model_validate(made)
    assert (made["source"]["reference"], made["author"].get("reference")) == (source, author)
    assert ("contained" in made) == (who in ("helper", "sdm"))


# --- Commands ---


def test_the_command_exports_and_imports(draft: QuestionnaireResponse, tmp_path: Path, capsys: Any) -> None:
    call_command("fhir_export", "questionnaire", "hair-loss-intake")
    out = capsys.readouterr().out
    (tmp_path / "q.json").write_text(out, encoding="utf-8")
    call_command("fhir_import", str(tmp_path / "q.json"), "--to", str(tmp_path / "draft.yaml"))
    _text, again = fhir.from_questionnaire(json.loads(out))
    assert again.sha256 == HAIR.sha256 and (tmp_path / "draft.yaml").exists()
    with pytest.raises(CommandError, match=r"draft\.yaml cannot be written"):
        call_command("fhir_import", str(tmp_path / "q.json"), "--to", str(tmp_path / "draft.yaml"))
    with pytest.raises(CommandError, match="no published questionnaire"):
        call_command("fhir_export", "questionnaire", "hair-loss-intake", "9.9")


def test_the_command_exports_answers_and_says_so_in_the_trail(fill: Fill, maya: Patient, capsys: Any) -> None:
    response = fill(answers_of(next(iter(PEOPLE.values()))))
    actions.complete(response, patient=maya, declared_at=LATER, signature="Maya", by=SOMEBODY, now=LATER)
    call_command("fhir_export", "response", str(response.public_id))
    made = json.loads(capsys.readouterr().out)
    R4Response.model_validate(made)
    assert (made["status"], made["subject"]) == ("completed", {"reference": f"Patient/{maya.public_id}"})
    assert AuditEvent.objects.filter(action="intake.read", detail__purpose="fhir").count() == 1
    for missing in ("x", "7b9fb1a4-0000-4000-8000-000000000000"):
        with pytest.raises(CommandError, match="no response"):
            call_command("fhir_export", "response", missing)
