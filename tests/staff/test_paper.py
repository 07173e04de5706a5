"""Answers as a PDF: for the chart, and for the patient."""

from collections.abc import Callable
from io import BytesIO

import pytest
from django.test import Client
from pypdf import PdfReader

from accounts.models import User
from audit.models import AuditEvent
from booking.links import token_of
from booking.models import Appointment
from intake.models import QuestionnaireResponse
from patients.actions import digits_of
from patients.models import ContactCode


def text_of(content: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


def test_a_physician_gets_the_whole_of_it(sent: Appointment, physician: User, signed_in: Callable[[User], Client]) -> None:
    got = signed_in(physician).get(f"/md/review/{sent.public_id}/answers.pdf")
    assert (got.status_code, got["Content-Type"], got["Cache-Control"]) == (200, "application/pdf", "no-store, private")
    assert sent.reference in text_of(got.content) and "Signature" in text_of(got.content)
    events = AuditEvent.objects.filter(actor_id=physician.pk, action__in=["staff.answers_printed", "intake.read"])
    assert sorted(events.values_list("action", flat=True)) == ["intake.read", "staff.answers_printed"]


def test_a_drafts_answers_are_not_printed(
    sent: Appointment, draft: QuestionnaireResponse, physician: User, signed_in: Callable[[User], Client]
) -> None:
    draft.patient = sent.patient
    draft.save()
    sent.response = draft
    sent.save()
    assert signed_in(physician).get(f"/md/review/{sent.public_id}/answers.pdf").status_code == 404


def test_the_patient_gives_the_year_of_birth_and_a_code_first(sent: Appointment, client: Client) -> None:
    url = f"/v/{token_of(sent)}/answers/"
    assert "year of birth" in client.get(url).content.decode()
    born = sent.patient.date_of_birth.year  # type: ignore[union-attr]
    wrong = client.post(url, {"year": born - 1})
    assert (wrong.status_code, wrong["Content-Type"]) == (422, "text/html; charset=utf-8")
    assert client.post(url, {"year": born}).status_code == 303
    got = client.post(url, {"code": digits_of(ContactCode.objects.latest("pk"))})
    assert (got.status_code, got["Content-Type"]) == (200, "application/pdf")
    assert "private" in got["Cache-Control"] and "no-store" in got["Cache-Control"]
    assert "Signature" in text_of(got.content) and "Flags" not in text_of(got.content)


def test_after_five_wrong_years_it_waits(sent: Appointment, client: Client) -> None:
    born = sent.patient.date_of_birth.year  # type: ignore[union-attr]
    url = f"/v/{token_of(sent)}/answers/"
    assert [client.post(url, {"year": born - n}).status_code for n in range(1, 6)] == [422] * 5
    assert client.post(url, {"year": born}).status_code == 429


@pytest.mark.parametrize(("kept", "leads"), [(("draft", "shown"), "pdf"), (("draft", "booked"), "link"), ((), "start")])
def test_only_the_browser_that_was_shown_them_all_needs_nothing_more(
    sent: Appointment, client: Client, kept: tuple[str, ...], leads: str
) -> None:
    session = client.session
    answers = str(sent.response.public_id)  # type: ignore[union-attr]
    session.update({key: str(sent.public_id) if key == "booked" else answers for key in kept})
    session.save()
    got = client.get("/book/done/answers.pdf")
    if leads == "pdf":
        assert (got.status_code, got["Content-Type"]) == (200, "application/pdf")
    else:
        assert got["Location"] == (f"/v/{token_of(sent)}/answers/" if leads == "link" else "/book/")
