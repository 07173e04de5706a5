"""Answers on paper."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from audit.models import AuditEvent
from intake import actions, paper, wording
from intake.document import decrypt, put
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import PEOPLE, SOMEBODY, answers_of
from tests.intake.test_actions import LATER, PHYSICIAN

FLAGGED = next(p for name, p in PEOPLE.items() if "58" in name)
SAID = "C’est d’être à l’aise – où ça coûte: Gałązka Nguyễn <b>&"


def text_of(made: bytes) -> str:
    """Everything there is to read, with spaces as one."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(made)).pages).split())


@pytest.fixture
def sent(fill: Callable[..., QuestionnaireResponse], maya: Patient) -> QuestionnaireResponse:
    """Sent answers with accents in them, and an answer that became hidden."""
    response = fill({**answers_of(FLAGGED), "finish_other": SAID})
    document = decrypt(response)
    document.answers |= {"about_organs": ["uterus"], "start_respondent_name": "HIDDEN-NAME"}
    put(response, document)
    response.save()
    return actions.complete(response, patient=maya, declared_at=LATER, signature="Maya Chowdhury", by=SOMEBODY, now=LATER)


def test_it_has_the_wording_and_the_answers_section_by_section(sent: QuestionnaireResponse) -> None:
    made = paper.for_patient(sent, reference="TN-7F4K", by=SOMEBODY, now=LATER)
    text, definition = text_of(made), sent.definition
    for part in wording.summary(definition, decrypt(sent).answers, actions.asking_for(sent, decrypt(sent))):
        assert part.section.title in text
    for question in ("What bothers you most about your hair?", "Where are you losing hair?"):
        assert question in text
    assert SAID in text
    assert "True North Metabolic" in text and "{clinic}" not in text


def test_hidden_answers_are_not_on_it(sent: QuestionnaireResponse) -> None:
    for made in (paper.for_patient, paper.for_chart):
        text = text_of(made(sent, reference="TN-7F4K", by=PHYSICIAN, now=LATER))
        assert "HIDDEN-NAME" not in text and "I have a uterus" not in text and "Which of these apply to you?" not in text


def test_flags_are_on_the_charts_copy_only(sent: QuestionnaireResponse) -> None:
    found = decrypt(sent).flags["found"]
    assert found
    own = text_of(paper.for_patient(sent, reference="TN-7F4K", by=SOMEBODY, now=LATER))
    chart = text_of(paper.for_chart(sent, reference="TN-7F4K", by=PHYSICIAN, now=LATER))
    for flag in found:
        assert flag["code"] not in own and flag["message"] not in own
        assert f"{flag['code']}: {flag['message']}" in chart


def test_consents_and_the_signature_with_its_hashes_are_on_both(sent: QuestionnaireResponse) -> None:
    document = decrypt(sent)
    for made in (paper.for_patient, paper.for_chart):
        text = text_of(made(sent, reference="TN-7F4K", by=PHYSICIAN, now=LATER))
        assert "Signed by Maya Chowdhury, February 10, 2027 at 10:20 a.m." in text.replace("\xa0", " ")
        for digest in (document.signed["answers_sha256"], document.signed["form_sha256"]):
            assert digest in text.replace(" ", "")
        for entry in document.consents:
            assert " ".join(entry["text"].split()) in text


def test_every_page_has_its_number_and_the_reference(sent: QuestionnaireResponse) -> None:
    pages = PdfReader(BytesIO(paper.for_patient(sent, reference="TN-7F4K", by=SOMEBODY, now=LATER))).pages
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page.extract_text() and "Reference TN-7F4K" in page.extract_text()


def test_fonts_are_embedded_and_properties_say_nothing(sent: QuestionnaireResponse) -> None:
    reader = PdfReader(BytesIO(paper.for_patient(sent, reference="TN-7F4K", by=SOMEBODY, now=LATER)))
    fonts: list[Any] = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    used = [f for f in fonts if "DejaVu" in f["/BaseFont"]]
    assert used and all("/FontFile2" in f["/FontDescriptor"].get_object() for f in used)
    assert reader.trailer["/Root"]["/Lang"] == "en-CA"
    assert "Maya" not in str(reader.metadata) and "hair" not in str(reader.metadata).lower()
    assert len(reader.outline) >= 9


def test_making_it_is_in_the_trail(sent: QuestionnaireResponse) -> None:
    paper.for_chart(sent, reference="TN-7F4K", by=PHYSICIAN, now=LATER)
    assert AuditEvent.objects.filter(action="intake.read", detail__purpose="paper", actor_id=7).count() == 1
