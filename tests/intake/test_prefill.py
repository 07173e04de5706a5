"""A repeat visit: last time's answers are offered with their date, count for nothing until confirmed, and never the delicate ones."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from intake import actions, prefill
from intake.document import decrypt
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import HAIR, NOW, PEOPLE, SOMEBODY, answers_of, seat, visible

LATER = NOW + timedelta(days=200)
ANSWERS = answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"])
ANSWERS |= {"alg_list": ["latex"], "alg_detail": "Gloves, a rash", "alg_severe": "no", "about_family_doctor": "Dr. Roy"}
NEVER = (
    "preg_", "phq", "hx_mental", "hx_selfharm", "proc_scalp", "photo_", "start_consent", "finish_", "med_", "about_consent",
)  # fmt: skip


@pytest.fixture
def again(fill: Callable[..., QuestionnaireResponse], maya: Patient) -> QuestionnaireResponse:
    """Maya's second draft, after a first that was sent 200 days ago."""
    first = fill(ANSWERS)
    actions.attach_patient(first, maya, by=SOMEBODY, now=NOW)
    actions.complete(first, patient=maya, declared_at=NOW, signature="Maya", by=SOMEBODY, now=NOW)
    second = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=LATER)
    actions.attach_patient(second, maya, by=SOMEBODY, now=LATER)
    actions.offer_last_answers(second, by=SOMEBODY, now=LATER)
    return second


@pytest.fixture
def seated(again: QuestionnaireResponse, client: Client) -> Client:
    """A browser with that draft."""
    return seat(client, again)


def url(link_id: str) -> str:
    question = HAIR.questions[link_id]
    return reverse("intake:question", args=[question.section, question.page])


def test_nothing_delicate_may_be_offered_whatever_the_file_says() -> None:
    marked = [q.link_id for q in HAIR.questions.values() if q.prefill == "answer"]
    assert [name for name in marked if name.startswith(NEVER)] == []
    assert {"about_family_doctor", "fam_hair", "hx_heart", "hx_other", "alg_list", "tx_list"} <= set(marked)
    assert [q.link_id for q in HAIR.questions.values() if q.prefill == "still-taking"] == ["med_name"]


def test_what_is_offered_is_no_answer_yet_and_the_reading_is_noted(again: QuestionnaireResponse) -> None:
    document = decrypt(again)
    assert set(document.answers) <= {"about_dob", "calc_age_band"}
    assert document.offered["answers"]["hx_heart"] == ANSWERS["hx_heart"]
    assert prefill.since(document) == date(2027, 2, 10)
    assert AuditEvent.objects.filter(action="intake.read", detail={"purpose": "offered again"}).count() == 1


def test_it_is_offered_once(again: QuestionnaireResponse) -> None:
    before = again.version
    actions.offer_last_answers(again, by=SOMEBODY, now=LATER)
    again.refresh_from_db()
    assert again.version == before


def test_the_page_shows_it_with_its_date_and_follow_ups(seated: Client) -> None:
    page = visible(seated.get(url("alg_list")).content.decode())
    assert "From February\xa010, 2027.</strong>Is it still right?" in page
    assert "Gloves, a rash" in page
    assert 'value="latex" checked' in page


def test_continue_confirms_it(seated: Client, again: QuestionnaireResponse) -> None:
    form = {
        "shown": ["alg_list", "alg_detail", "alg_severe"],
        "alg_list": "latex",
        "alg_detail": "Gloves, a rash",
        "alg_severe": "no",
    }
    assert seated.post(url("alg_list"), form).status_code == 303
    document = decrypt(_fresh(again))
    assert document.answers["alg_list"] == ["latex"]
    assert "alg_list" not in document.offered["answers"]
    assert "q-since" not in seated.get(url("alg_list")).content.decode()


def test_what_was_cleared_is_not_offered_again(seated: Client, again: QuestionnaireResponse) -> None:
    assert "Dr. Roy" in seated.get(url("about_family_doctor")).content.decode()
    seated.post(url("about_family_doctor"), {"shown": ["about_access_needs", "about_family_doctor"], "about_family_doctor": ""})
    assert "Dr. Roy" not in seated.get(url("about_family_doctor")).content.decode()
    assert "about_family_doctor" not in decrypt(_fresh(again)).answers


def test_each_medicine_is_asked_about_and_an_answer_is_needed(seated: Client, again: QuestionnaireResponse) -> None:
    names = [row["med_name"] for row in ANSWERS["med_item"]]
    page = seated.get(url("med_name")).content.decode()
    assert all(name in page for name in names)
    assert "Are you still taking these?" in page
    assert 'value="yes" checked' not in page
    refused = seated.post(url("med_name"), {"shown": "med_any", "med_any": "yes", "still-0": "yes"})
    assert refused.status_code == (422 if len(names) > 1 else 303)


def test_those_that_go_on_join_the_new_ones(seated: Client, again: QuestionnaireResponse) -> None:
    names = [row["med_name"] for row in ANSWERS["med_item"]]
    form: dict[str, Any] = {f"still-{i}": "yes" if i == 0 else "no" for i in range(len(names))}
    form |= {"shown": ["med_any", "med_item"], "med_any": "yes", "med_name": "Vitamin D", "med_dose": ""}
    assert seated.post(url("med_name"), form).status_code == 303
    document = decrypt(_fresh(again))
    assert [row["med_name"] for row in document.answers["med_item"]] == ["Vitamin D", names[0]]
    assert "still-0" not in seated.get(url("med_name")).content.decode()


def test_a_medicine_that_goes_on_is_enough(seated: Client, again: QuestionnaireResponse) -> None:
    form: dict[str, Any] = {f"still-{i}": "yes" for i in range(len(ANSWERS["med_item"]))} | {"shown": "med_any"}
    assert seated.post(url("med_name"), form).status_code == 303
    document = decrypt(_fresh(again))
    assert document.answers["med_any"] == "yes"
    assert len(document.answers["med_item"]) == len(ANSWERS["med_item"])


def test_a_made_up_value_is_not_taken_for_yes(seated: Client, again: QuestionnaireResponse) -> None:
    form = {f"still-{i}": "\x00maybe" for i in range(len(ANSWERS["med_item"]))}
    assert seated.post(url("med_name"), form | {"shown": "med_any", "med_any": "no"}).status_code == 422


def test_nobody_gets_somebody_elses_answers(again: QuestionnaireResponse) -> None:
    other = Patient.objects.create(
        legal_first_name="Ravi", legal_last_name="Pillai", date_of_birth=date(1980, 1, 1), created_at=NOW
    )
    first = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=LATER)
    actions.attach_patient(first, other, by=SOMEBODY, now=LATER)
    assert actions.offer_last_answers(first, by=SOMEBODY, now=LATER) is None
    assert decrypt(first).offered == {}


def test_what_was_sent_is_offered_nothing(again: QuestionnaireResponse, maya: Patient) -> None:
    sent = QuestionnaireResponse.objects.exclude(pk=again.pk).get()
    assert actions.offer_last_answers(sent, by=SOMEBODY, now=LATER) is None


def test_before_who_answers_is_known_nothing_is_offered(draft: QuestionnaireResponse) -> None:
    assert actions.offer_last_answers(draft, by=SOMEBODY, now=NOW) is None
    assert decrypt(draft).offered == {}


def test_what_a_later_version_does_not_know_is_left_out() -> None:
    picked = prefill.pick(HAIR, {"hx_heart": ["gone"], "fam_hair": "not-a-list", "alg_list": ["latex"], "nobody": "x"})
    assert picked["answers"] == {"alg_list": ["latex"]}


def test_nothing_that_was_not_confirmed_is_kept_in_the_record(again: QuestionnaireResponse, maya: Patient) -> None:
    for name, value in ANSWERS.items():
        again_document = decrypt(_fresh(again))
        assert again_document.offered
        question = HAIR.questions.get(name)
        if question and not question.prefill:
            actions.save_page(again, f"{question.section}/{question.page}", {name: value}, by=SOMEBODY, now=LATER)
    with pytest.raises(IntakeError):  # what was offered still waits for a yes
        actions.complete(_fresh(again), patient=maya, declared_at=LATER, signature="Maya", by=SOMEBODY, now=LATER)


def _fresh(response: QuestionnaireResponse) -> QuestionnaireResponse:
    return QuestionnaireResponse.objects.get(pk=response.pk)
