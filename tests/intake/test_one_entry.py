"""A question costs one entry: those shown in CONTRIBUTING.md are added to copies of the files, and the page is walked."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from audit.actor import Actor
from intake import actions, fhir, loader, paper
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from intake.sheet import for_review
from patients.models import Patient
from tests.intake.conftest import NOW, PEOPLE, SOMEBODY, answers_of, on_page, seat
from tests.intake.test_actions import LATER, PHYSICIAN
from tests.intake.test_paper import text_of

PAGE = (Path(__file__).resolve().parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
QUESTION, OPTION, FLAG = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)[:3]
MARK = '          - {code: "skip", label: "I’d rather not say", talk: true}\n'
URL = "/book/questions/4/3/"


def indented(entry: str, by: int) -> str:
    return "".join(" " * by + line for line in entry.splitlines(keepends=True))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The questionnaires' folder, with one entry more for each."""
    copied = tmp_path / "questionnaires"
    shutil.copytree(loader.FOLDER, copied)
    text = (
        (copied / "hair-loss-intake-1.0.2.yaml").read_text(encoding="utf-8").replace("\nversion: 1.0.2\n", "\nversion: 1.1.0\n")
    )
    before, found, after = text.partition("      - link_id: life_tobacco\n")
    options, mark, rest = after.partition(MARK)
    assert found and mark
    text = before + found + options + indented(OPTION, 10) + mark + "\n" + indented(QUESTION, 6) + rest
    (copied / "hair-loss-intake-1.1.0.yaml").write_text(text, encoding="utf-8")
    rules = (copied / "flags" / "hair-loss-flags-0.1.0.yaml").read_text(encoding="utf-8")
    rules = rules.replace("\nversion: 0.1.0\n", "\nversion: 0.2.0\n").rstrip("\n") + "\n\n" + indented(FLAG, 2)
    (copied / "flags" / "hair-loss-flags-0.2.0.yaml").write_text(rules, encoding="utf-8")
    monkeypatch.setattr(loader, "FOLDER", copied)
    monkeypatch.setattr("intake.actions.sending._RULES", {})
    return copied


@pytest.fixture
def newer(clinic: Any, folder: Path) -> QuestionnaireResponse:
    """A draft of the version with one question more."""
    for definition in loader.load_all(folder):
        actions.publish(definition, by=Actor.system(), now=NOW)
    response = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    assert response.definition.version == "1.1.0"
    return response


def sent(response: QuestionnaireResponse, answers: dict[str, Any], maya: Patient) -> list[str]:
    """Fill in and send; the codes of the flags."""
    actions.save_page(response, "1/1", answers, by=SOMEBODY, now=NOW)
    actions.complete(response, patient=maya, declared_at=LATER, signature="Maya", by=SOMEBODY, now=LATER)
    return [flag["code"] for flag in decrypt(response).flags["found"]]


def test_the_page_asks_it_takes_it_and_refuses_what_is_no_answer(newer: QuestionnaireResponse, client: Client) -> None:
    html = seat(client, newer).get(URL).content.decode()
    assert "life_sleep" in on_page(html) and "How many hours do you sleep on most nights?" in html and "Cannabis only" in html
    given = {"shown": on_page(html), "trig_haircare": ["none"], "life_tobacco": "cannabis"}
    questions = [q for q in newer.definition.page_questions(4, 3) if q.required and q.link_id not in given]
    given |= {q.link_id: q.options[0].code for q in questions if q.options}
    assert client.post(URL, given | {"life_sleep": "all-day"}).status_code == 422
    assert client.post(URL, given | {"life_sleep": "lt6"}).status_code == 303
    newer.refresh_from_db()
    kept = decrypt(newer).answers
    assert (kept["life_sleep"], kept["life_tobacco"]) == ("lt6", "cannabis")


def test_it_reaches_the_physician_the_paper_and_fhir_with_its_flag(newer: QuestionnaireResponse, maya: Patient) -> None:
    answers = {**answers_of(next(iter(PEOPLE.values()))), "life_tobacco": "cannabis", "life_sleep": "lt6"}
    assert "I99" in sent(newer, answers, maya)
    read = for_review(newer, by=PHYSICIAN, now=LATER)
    assert ["Less than 6"] in [line.answers for topic in read.topics for line in topic.all if line.link_id == "life_sleep"]
    assert "How many hours do you sleep on most nights? Less than 6" in text_of(
        paper.for_chart(newer, reference="TN-7F4K", by=PHYSICIAN, now=LATER)
    )
    _text, back = fhir.from_questionnaire(fhir.to_questionnaire(newer.definition, base="https://clinic.example"))
    assert back.sha256 == newer.definition.sha256


def test_a_draft_of_the_version_before_is_sent_as_it_began(
    fill: Callable[..., QuestionnaireResponse], folder: Path, maya: Patient
) -> None:
    older = fill(answers_of(next(iter(PEOPLE.values()))))
    for definition in loader.load_all(folder):
        actions.publish(definition, by=Actor.system(), now=LATER)
    actions.complete(older, patient=maya, declared_at=LATER, signature="Maya", by=SOMEBODY, now=LATER)
    document = decrypt(older)
    assert document.flags["rules"] == "hair-loss-flags|0.1.0"
    assert older.definition.version == "1.0.2" and "life_sleep" not in document.answers


def test_the_newest_rules_must_fit_the_newest_version(folder: Path) -> None:
    path = folder / "flags" / "hair-loss-flags-0.2.0.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("life_sleep", "life_sleeep"), encoding="utf-8")
    newest = loader.load(folder / "hair-loss-intake-1.1.0.yaml")
    with pytest.raises(loader.IntakeError, match=r"flags-0\.2\.0\.yaml, line \d+: there is no question 'life_sleeep'"):
        loader.newest_flags(newest, exact=True)
