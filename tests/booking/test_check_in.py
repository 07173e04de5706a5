"""The check-in before a follow-up: who is asked what, from what they sent before, and the way through it."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions as booking
from booking.links import token_of
from booking.models import Appointment, Service
from booking.setup import DEMO_CLINIC
from intake import actions, answering, engine, flags
from intake.document import decrypt, put
from intake.followup import facts
from intake.loader import FOLDER, load, newest_flags
from intake.models import QuestionnaireResponse
from patients.actions import digits_of
from patients.models import ConsentRecord, ContactCode, Patient

FOLLOW_UP = load(FOLDER / "hair-loss-followup-1.0.1.yaml")
INTAKE = load(FOLDER / "hair-loss-intake-1.0.2.yaml")
RULES = newest_flags(FOLLOW_UP)
MAN = {"about_sex_birth": "male", "tx_any": "yes", "tx_list": ["fin-oral"]}
TODAY = date(2027, 2, 10)
TODAY = date(2027, 2, 10)
WOMAN = {"about_sex_birth": "female", "calc_age_band": "18-39"}


@pytest.fixture
def follow_up(service: Service, appointment: Appointment) -> Appointment:
    """A follow-up that the desk has booked."""
    actions.publish_all(by=Actor.system(), now=clock.now())
    service.questionnaire = "hair-loss-followup"
    service.save()
    return appointment


@pytest.fixture
def sent_before(patient: Patient) -> Callable[..., QuestionnaireResponse]:
    """An intake (or check-in) that the patient has sent so many days ago."""

    def make(answers: dict[str, Any], *, days: int = 30, slug: str = "hair-loss-intake") -> QuestionnaireResponse:
        at = clock.now() - timedelta(days=days)
        response = actions.start_draft(slug, by=Actor.system(), now=at)
        document = decrypt(response)
        document.answers = answers
        put(response, document)
        response.patient, response.status, response.completed_at = patient, "completed", at
        response.save()
        return response

    return make


def opened(visit: Appointment) -> dict[str, Any]:
    """The draft's answers once the patient has opened the questions."""
    by = Actor.patient(visit.patient_id)
    return decrypt(booking.open_questions(visit, by=by, now=clock.now())).answers


def test_facts_come_from_answers_that_applied() -> None:
    assert facts(INTAKE, MAN) == {"prostate", "ari"}
    assert facts(INTAKE, WOMAN) == {"pregnancy"}
    assert facts(INTAKE, {**WOMAN, "calc_age_band": "60-plus"}) == set()
    assert facts(INTAKE, {"about_sex_birth": "discuss", "about_organs": ["discuss"]}) == set()


def test_the_last_intake_decides_what_a_check_in_asks(follow_up: Appointment, sent_before: Any) -> None:
    sent_before(WOMAN, days=400)
    sent_before({**MAN, "phq2_1": "LA6571-9", "phq2_2": "LA6568-5"}, days=200)
    answers = opened(follow_up)
    assert answers["calc_last_intake"] == ["prostate", "ari", "phq2", "six-months"]
    shown = engine.enabled(FOLLOW_UP, answers)
    assert {"fu_partner", "fu_phq2_1", "fu_phq2_2"} <= shown
    assert not {"fu_preg", "grp_photos", "photo_front"} & shown


def test_a_later_check_in_has_the_last_word_on_mood(follow_up: Appointment, sent_before: Any) -> None:
    sent_before({**MAN, "phq2_1": "LA6571-9", "phq2_2": "LA6569-3"}, days=90)
    asked = {"calc_last_intake": ["phq2"], "fu_using": ["fin-oral"], "fu_phq2_1": "LA6569-3", "fu_phq2_2": "LA6568-5"}
    sent_before(asked, days=30, slug="hair-loss-followup")
    assert "phq2" not in opened(follow_up)["calc_last_intake"]


def test_photos_are_asked_for_while_the_consent_stands(follow_up: Appointment, patient: Patient) -> None:
    ConsentRecord.objects.create(
        patient=patient, code="C3", text_version="x", text_sha256="0" * 64, language="en-CA", decision=True, given_by="self",
        how="web", given_at=clock.now(),
    )  # fmt: skip
    assert opened(follow_up)["calc_last_intake"] == ["photos"]


def test_without_earlier_answers_nothing_is_assumed(follow_up: Appointment) -> None:
    answers = opened(follow_up)
    assert "calc_last_intake" not in answers
    assert not {"fu_preg", "fu_partner", "fu_phq2_1", "photo_front"} & engine.enabled(FOLLOW_UP, answers)


def test_earlier_answers_are_read_in_the_trail(follow_up: Appointment, sent_before: Any) -> None:
    before = sent_before(MAN)
    opened(follow_up)
    assert (
        AuditEvent.objects.filter(action="intake.read", object_id=before.pk, detail__purpose="facts for a check-in").count() == 1
    )
    opened(follow_up)
    assert AuditEvent.objects.filter(action="intake.bring_facts").count() == 1


def test_facts_stay_whatever_is_answered_and_posted(follow_up: Appointment) -> None:
    answers = {"calc_last_intake": ["prostate"], "fu_change": "0"}
    assert engine.calc(FOLLOW_UP, answers, TODAY)["calc_last_intake"] == ["prostate"]
    typed = QueryDict("fu_change=1&calc_last_intake=pregnancy&shown=fu_change&shown=calc_last_intake")
    cleaned = answering.clean_page(FOLLOW_UP, 1, 1, typed, answers, engine.Asking(today=TODAY))
    assert cleaned.values == {"fu_change": "1"}


def test_treatments_of_the_last_check_in_are_offered_with_their_date(
    follow_up: Appointment, sent_before: Any, client: Client
) -> None:
    sent_before({"fu_using": ["min-top", "laser"], "fu_change": "1"}, slug="hair-loss-followup")
    open_by_link(client, follow_up)
    page = client.get("/book/questions/2/1/").content.decode()
    assert re.search(r'value="laser"[^>]*checked', page) and not re.search(r'value="prp"[^>]*checked', page)
    assert "checked" not in client.get("/book/questions/1/1/").content.decode(), "how it is now is asked afresh"


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        ({"fu_effects": ["self-harm"], "fu_selfharm_now": "yes"}, {"U01"}),
        ({"fu_effects": ["none"], "fu_selfharm_now": "yes"}, set()),
        ({"fu_using": ["min-oral"], "fu_effects": ["heart"]}, {"U05", "C36"}),
        ({"fu_using": ["laser"], "fu_effects": ["heart"]}, {"C36"}),
        ({"calc_last_intake": ["pregnancy"], "fu_preg": "unsure"}, {"C20"}),
        ({"fu_preg": "yes"}, set()),
        ({"calc_last_intake": ["prostate"], "fu_partner": "yes"}, {"C24"}),
        ({"fu_using": ["dut-oral"], "fu_phq2_1": "LA6570-1", "fu_phq2_2": "LA6569-3"}, {"C28"}),
        ({"fu_using": ["dut-oral"], "fu_phq2_1": "LA6568-5"}, {"I07"}),
        ({"calc_last_intake": ["ari"], "fu_effects": ["libido"]}, {"C30"}),
        ({"fu_using": ["meso"], "fu_effects": ["breast"], "fu_phq2_1": "LA6568-5", "fu_phq2_2": "LA6568-5"}, {"C31"}),
        ({"fu_effects": ["injection-site"]}, {"C51"}),
        ({"fu_change": "-1", "calc_last_intake": ["six-months"]}, {"C52"}),
        ({"fu_change": "-3"}, set()),
        ({"fu_effects": ["skip"]}, {"I12"}),
    ],
)
def test_flags(answers: dict[str, Any], codes: set[str]) -> None:
    assert RULES is not None
    found = flags.raised(RULES, FOLLOW_UP, engine.calc(FOLLOW_UP, answers, TODAY))
    assert {flag.rule.code for flag in found} == codes


def test_both_questionnaires_find_their_own_rules() -> None:
    assert RULES is not None and RULES.slug == "hair-loss-followup-flags"
    found = newest_flags(INTAKE)
    assert found is not None and found.slug == "hair-loss-flags"


def test_the_demo_clinic_asks_a_check_in_before_follow_ups() -> None:
    text = DEMO_CLINIC.read_text(encoding="utf-8")
    assert text.count("questionnaire: hair-loss-followup") == 2


def open_by_link(client: Client, visit: Appointment) -> None:
    """The year of birth and, from who has sent answers before, the code; then the list of questions."""
    url, born = f"/v/{token_of(visit)}/questions/", visit.patient.date_of_birth.year  # type: ignore[union-attr]
    answer = client.post(url, {"year": born})
    if answer.url == url:  # type: ignore[attr-defined]
        answer = client.post(url, {"code": digits_of(ContactCode.objects.latest("pk"))})
    assert answer.url == "/book/questions/"  # type: ignore[attr-defined]


def test_the_patient_answers_and_sends_it_and_the_physician_reads_it(
    follow_up: Appointment, sent_before: Any, client: Client, physician: User, reception: User, signed_in: Any
) -> None:
    sent_before(MAN)
    day = f"/desk/day/{clock.local(follow_up.starts_at).date()}/"
    assert "Intake missing" in signed_in(reception).get(day).content.decode()
    open_by_link(client, follow_up)
    given = {
        "fu_change": "-1", "fu_shedding": "less", "fu_impact": "2", "fu_using": ["min-top"], "fu_missed": "never",
        "fu_effects": ["headache"], "fu_partner": "no", "fu_health_change": "no", "fu_question": "How long will it take?",
    }  # fmt: skip
    url, pages = "/book/questions/1/1/", 0
    while url.startswith("/book/questions/") and url != "/book/questions/":
        html = client.get(url).content.decode()
        shown = re.findall(r'name="shown" value="([a-z0-9_]+)"', re.sub(r"<template.*?</template>", "", html, flags=re.DOTALL))
        answer = client.post(url, {"shown": shown, **{n: given[n] for n in shown if n in given}})
        assert answer.status_code in (302, 303), (url, shown)
        url, pages = answer.url, pages + 1  # type: ignore[attr-defined]
        assert pages < 20
    assert url == "/book/check/"
    assert "Compared with the first visit" in client.get(url).content.decode()
    sent = client.post(url, {"finish_declare": "on", "finish_signature": "Maya Chowdhury"})
    assert sent.url == "/book/done/?sent=1"  # type: ignore[attr-defined]
    follow_up.refresh_from_db()
    response: Any = follow_up.response
    assert set(decrypt(response).answers) >= set(given)
    assert "Intake missing" not in signed_in(reception).get(day).content.decode()
    page = signed_in(physician).get(f"/md/review/{follow_up.public_id}/").content.decode()
    assert "How long will it take?" in page and "A little worse" in page
