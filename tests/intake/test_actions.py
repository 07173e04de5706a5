"""Drafts, consents, reading and sending."""

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.actor import Actor
from audit.models import AuditEvent
from intake import actions, engine
from intake.definition import Definition, canonical, from_json
from intake.document import decrypt, open_document
from intake.errors import IntakeError
from intake.models import Questionnaire, QuestionnaireResponse
from intake.sheet import _answered_by, for_review
from intake.summaries import for_check
from patients.models import ConsentRecord, Patient
from tests.intake.conftest import ASKING, NOW, PEOPLE, SOMEBODY, answers_of, each_person

Fill = Callable[[dict[str, Any]], QuestionnaireResponse]
PHYSICIAN = Actor("staff", 7, "physician", "Dr. Osei")
LATER = NOW + timedelta(minutes=20)


def send(response: QuestionnaireResponse, maya: Patient) -> QuestionnaireResponse:
    return actions.complete(
        response, patient=maya, declared_at=LATER, signature=" Maya  Chowdhury ", by=Actor.patient(maya.pk), now=LATER
    )


# --- Versions ---


def test_publishing_twice_changes_nothing(clinic: object) -> None:
    first = actions.publish_all(by=Actor.system(), now=NOW)
    assert [created for _row, created in first] == [True] * len(first)
    assert [created for _row, created in actions.publish_all(by=Actor.system(), now=LATER)] == [False] * len(first)


def test_a_published_version_with_another_content_is_refused(draft: QuestionnaireResponse, hair: Definition) -> None:
    other = from_json({**hair.source, "title": "Another title"})
    with pytest.raises(IntakeError, match="Raise the version"):
        actions.publish(other, by=Actor.system(), now=LATER)


def test_the_database_refuses_to_change_a_published_version(draft: QuestionnaireResponse) -> None:
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        Questionnaire.objects.update(definition={})


def test_a_draft_stays_on_its_version_when_a_new_one_is_published(draft: QuestionnaireResponse, hair: Definition) -> None:
    actions.publish(from_json({**hair.source, "version": "1.1.0", "title": "New"}), by=Actor.system(), now=LATER)
    newer = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=LATER)
    draft.refresh_from_db()
    assert (draft.definition.version, newer.definition.version) == ("1.0.2", "1.1.0")


# --- Saving ---


def test_saving_keeps_answers_encrypted_and_counts_sections(fill: Fill) -> None:
    draft = fill(answers_of(PEOPLE["Woman 66, tender scalp, brow loss"]))
    draft.refresh_from_db()
    assert b"hair_scalp" not in bytes(draft.document)
    assert (draft.sections_done, draft.sections_total) == (8, 8)
    assert decrypt(draft).answers["hair_scalp"] == ["burn-pain", "shiny"]


def test_every_save_is_audited_without_saying_what_was_answered(fill: Fill) -> None:
    fill(answers_of(PEOPLE["Woman 66, tender scalp, brow loss"]), each_page=True)
    events = AuditEvent.objects.filter(action="intake.save_page")
    assert events.count() == 35
    assert {key for event in events for key in event.detail} == {"page"}


def test_answers_that_became_hidden_wait_in_the_draft_and_do_not_reach_the_record(fill: Fill, maya: Patient) -> None:
    answers = answers_of(PEOPLE["Man 32, slow thinning, used foam"])
    draft = fill(answers)
    actions.save_page(draft, "5/1", {"tx_any": "no"}, by=SOMEBODY, now=NOW)
    assert decrypt(draft).answers["tx_mintop_now"] == "now"
    actions.save_page(draft, "5/1", {"tx_any": "yes"}, by=SOMEBODY, now=NOW)
    assert engine.validate_complete(draft.definition, decrypt(draft).answers, ASKING) == []
    actions.save_page(draft, "5/1", {"tx_any": "no"}, by=SOMEBODY, now=NOW)
    sent = decrypt(send(draft, maya)).answers
    assert sent["tx_any"] == "no"
    assert not [name for name in sent if name.startswith("tx_") and name != "tx_any"]


def test_a_date_of_birth_under_age_is_not_saved_and_puts_the_draft_in_doubt(draft: QuestionnaireResponse) -> None:
    saved = actions.save_page(draft, "2/2", {"about_dob": "2010-02-11"}, by=SOMEBODY, now=NOW)
    assert saved.under_age
    draft.refresh_from_db()
    assert (draft.doubted, decrypt(draft).answers.get("about_dob")) == (True, None)
    assert AuditEvent.objects.filter(action="intake.doubt_age").count() == 1


def test_on_the_eighteenth_birthday_one_is_of_age(draft: QuestionnaireResponse) -> None:
    assert not actions.save_page(draft, "2/2", {"about_dob": "2009-02-10"}, by=SOMEBODY, now=NOW).under_age


def test_advice_is_noted_once_with_its_time(draft: QuestionnaireResponse) -> None:
    actions.save_page(draft, "3/8", {"hair_scalp": ["pus"]}, by=SOMEBODY, now=NOW)
    first = actions.save_page(draft, "3/9", {"hair_infection_signs": "yes"}, by=SOMEBODY, now=NOW)
    again = actions.save_page(draft, "3/9", {"hair_infection_signs": "yes"}, by=SOMEBODY, now=LATER)
    actions.save_page(draft, "3/9", {"hair_infection_signs": "no"}, by=SOMEBODY, now=LATER)
    assert (first.advice, again.advice) == (["A1"], [])
    assert decrypt(draft).advice_shown == [{"code": "A1", "at": NOW.isoformat()}]


def test_an_answer_that_is_emptied_is_gone(draft: QuestionnaireResponse) -> None:
    actions.save_page(draft, "2/1", {"about_pronouns": "they/them"}, by=SOMEBODY, now=NOW)
    actions.save_page(draft, "2/1", {"about_pronouns": None}, by=SOMEBODY, now=NOW)
    assert "about_pronouns" not in decrypt(draft).answers


def test_a_date_of_birth_given_with_the_details_decides_which_questions_apply(draft: QuestionnaireResponse) -> None:
    actions.save_contact(draft, {"date_of_birth": date(1979, 4, 2)}, by=SOMEBODY, now=NOW)
    answers = decrypt(draft).answers
    assert (answers["about_dob"], answers["calc_age_band"]) == ("1979-04-02", "40-59")


def test_a_deleted_draft_is_in_the_trail(draft: QuestionnaireResponse) -> None:
    actions.delete_draft(draft, by=SOMEBODY, now=LATER)
    assert not QuestionnaireResponse.objects.exists()
    assert AuditEvent.objects.get(action="intake.delete_draft").at == LATER


def test_a_sent_response_takes_no_more_answers(fill: Fill, maya: Patient) -> None:
    draft = fill(answers_of(PEOPLE["Woman 45, shedding after weight loss"]))
    send(draft, maya)
    with pytest.raises(IntakeError, match="sent already"):
        actions.save_page(draft, "5/1", {"tx_any": "yes"}, by=SOMEBODY, now=LATER)
    with pytest.raises(IntakeError, match="part of the record"):
        actions.delete_draft(draft, by=SOMEBODY, now=LATER)


def test_details_from_a_tab_that_saw_it_as_a_draft_do_not_change_what_was_signed(fill: Fill, maya: Patient) -> None:
    draft = fill(answers_of(PEOPLE["Woman 45, shedding after weight loss"]))
    as_seen = QuestionnaireResponse.objects.get(pk=draft.pk)
    before = decrypt(send(draft, maya)).answers
    with pytest.raises(IntakeError, match="sent already"):
        actions.save_contact(as_seen, {"date_of_birth": "1990-01-01"}, by=SOMEBODY, now=LATER)
    assert decrypt(QuestionnaireResponse.objects.get(pk=draft.pk)).answers == before


def test_deleting_a_draft_takes_everything(draft: QuestionnaireResponse) -> None:
    actions.delete_draft(draft, by=SOMEBODY, now=NOW)
    assert not QuestionnaireResponse.objects.exists()
    actions.delete_draft(draft, by=SOMEBODY, now=NOW)


# --- Consents ---


def test_a_consent_is_kept_with_the_hash_of_what_was_shown(draft: QuestionnaireResponse, hair: Definition) -> None:
    actions.save_page(draft, "1/1", {"start_consent_collect": True}, by=SOMEBODY, now=NOW)
    consent = decrypt(draft).consent("C1")
    question = hair.questions["start_consent_collect"]
    shown = f"{question.text}\n{question.help}".replace("{clinic}", "True North Metabolic")
    assert consent is not None
    assert consent["sha256"] == hashlib.sha256(shown.encode()).hexdigest()
    assert (consent["decision"], consent["at"], consent["how"]) == (True, NOW.isoformat(), "web")


def test_saying_it_again_keeps_the_first_time_and_changing_it_does_not(draft: QuestionnaireResponse) -> None:
    actions.save_page(draft, "8/1", {"photo_consent": "yes"}, by=SOMEBODY, now=NOW)
    actions.save_page(draft, "8/1", {"photo_consent": "yes"}, by=SOMEBODY, now=LATER)
    assert decrypt(draft).consent("C3")["at"] == NOW.isoformat()  # type: ignore[index]
    actions.save_page(draft, "8/1", {"photo_consent": "no"}, by=SOMEBODY, now=LATER)
    consents = [c for c in decrypt(draft).consents if c["code"] == "C3"]
    assert [(c["decision"], c["at"]) for c in consents] == [(False, LATER.isoformat())]


@pytest.mark.parametrize(
    ("way", "decision", "choice"),
    [("text_email", True, "text,email"), ("text", True, "text"), ("email", True, "email"), ("phone", False, "")],
)
def test_how_to_remind_you_is_the_consent_to_messages(
    draft: QuestionnaireResponse, way: str, decision: bool, choice: str
) -> None:
    actions.save_contact(draft, {"reminder_by": way, "email": "m@example.com"}, by=SOMEBODY, now=NOW)
    consent = decrypt(draft).consent("C2")
    assert consent is not None
    assert (consent["decision"], consent["choice"]) == (decision, choice)
    assert "Choose all that apply" not in consent["text"]  # it is one choice on the details page
    assert "not fully private" in consent["text"]


def test_consents_become_records_with_their_own_time_and_each_once(draft: QuestionnaireResponse, maya: Patient) -> None:
    actions.save_page(draft, "1/1", {"start_consent_collect": True}, by=SOMEBODY, now=NOW)
    actions.save_page(draft, "1/2", {"start_respondent": "helper"}, by=SOMEBODY, now=NOW)
    actions.attach_patient(draft, maya, by=SOMEBODY, now=LATER)
    actions.attach_patient(draft, maya, by=SOMEBODY, now=LATER)
    record = ConsentRecord.objects.get()
    assert (record.code, record.decision, record.given_at, record.given_by) == ("C1", True, NOW, "helper")


def test_a_draft_cannot_be_given_to_a_second_person(draft: QuestionnaireResponse, maya: Patient) -> None:
    actions.attach_patient(draft, maya, by=SOMEBODY, now=NOW)
    other = Patient.objects.create(legal_first_name="A", date_of_birth=maya.date_of_birth, created_at=NOW)
    with pytest.raises(IntakeError, match="another person"):
        actions.attach_patient(draft, other, by=SOMEBODY, now=NOW)


def test_the_date_of_birth_on_file_is_not_asked_again(draft: QuestionnaireResponse, maya: Patient) -> None:
    actions.attach_patient(draft, maya, by=SOMEBODY, now=NOW)
    document = decrypt(draft)
    assert document.answers["calc_age_band"] == "18-39"
    assert actions.asking_for(draft, document).known == {"date-of-birth"}


# --- Reading ---


def test_a_read_by_staff_is_audited_with_its_subject(draft: QuestionnaireResponse, maya: Patient) -> None:
    actions.attach_patient(draft, maya, by=SOMEBODY, now=NOW)
    open_document(draft, by=PHYSICIAN, now=LATER, purpose="review")
    event = AuditEvent.objects.get(action="intake.read")
    assert (event.actor_id, event.subject_id, event.object_id) == (7, maya.pk, draft.pk)


def test_if_the_read_cannot_be_recorded_nothing_is_shown(draft: QuestionnaireResponse, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise DatabaseError("no audit today")

    opened = []
    monkeypatch.setattr("intake.document.record_all", broken)
    monkeypatch.setattr("intake.document.decrypt", lambda response: opened.append(response))
    with pytest.raises(DatabaseError):
        open_document(draft, by=PHYSICIAN, now=LATER, purpose="review")
    assert opened == []


def test_ones_own_draft_is_read_without_a_trace_and_ones_sent_answers_are_not(fill: Fill, maya: Patient) -> None:
    draft = fill(answers_of(PEOPLE["Woman 45, shedding after weight loss"]))
    open_document(draft, by=SOMEBODY, now=NOW, purpose="answering")
    assert not AuditEvent.objects.filter(action="intake.read").exists()
    send(draft, maya)
    open_document(draft, by=Actor.patient(maya.pk), now=LATER, purpose="portal")
    assert AuditEvent.objects.filter(action="intake.read").count() == 1


# --- Sending ---


@each_person
def test_each_scripted_person_can_be_sent(person: dict[str, Any], fill: Fill, maya: Patient) -> None:
    draft = fill(answers_of(person))
    send(draft, maya)
    draft.refresh_from_db()
    document = decrypt(draft)
    assert (draft.status, draft.completed_at, draft.patient) == ("completed", LATER, maya)
    assert set(document.answers) <= engine.enabled(draft.definition, document.answers)
    assert {"C1", "C3", "C4"} <= set(ConsentRecord.objects.values_list("code", flat=True))


def test_the_signature_is_kept_with_hashes_of_answers_and_form(fill: Fill, maya: Patient) -> None:
    draft = send(fill(answers_of(PEOPLE["Woman 27, sudden patches"])), maya)
    document = decrypt(draft)
    assert document.answers["finish_signature"] == document.signed["name"] == "Maya Chowdhury"
    assert document.signed["answers_sha256"] == hashlib.sha256(canonical(document.answers)).hexdigest()
    assert document.signed["form_sha256"] == draft.questionnaire.sha256
    told = ConsentRecord.objects.get(code="C4")
    assert (told.given_at, told.decision) == (LATER, True)


def test_sending_is_in_the_trail_and_a_new_version(fill: Fill, maya: Patient) -> None:
    draft = fill(answers_of(PEOPLE["Woman 27, sudden patches"]))
    before = draft.version
    send(draft, maya)
    draft.refresh_from_db()
    assert draft.version == before + 1
    assert AuditEvent.objects.get(action="intake.complete").subject_id == maya.pk


def test_what_the_desk_holds_is_not_sent_by_its_patient(fill: Fill, maya: Patient) -> None:
    draft = fill(answers_of(PEOPLE["Woman 27, sudden patches"]))
    draft.filled_in_by = "desk"
    draft.save()
    with pytest.raises(IntakeError, match="other hands"):
        send(draft, maya)


def test_sending_twice_changes_nothing(fill: Fill, maya: Patient) -> None:
    draft = send(fill(answers_of(PEOPLE["Woman 27, sudden patches"])), maya)
    before = bytes(draft.document)
    send(draft, maya)
    draft.refresh_from_db()
    assert bytes(draft.document) == before
    assert ConsentRecord.objects.filter(code="C4").count() == 1


def test_an_unfinished_draft_cannot_be_sent(draft: QuestionnaireResponse, maya: Patient) -> None:
    with pytest.raises(IntakeError, match="still need an answer"):
        send(draft, maya)
    assert not actions.is_complete(draft)


@pytest.mark.parametrize("signature", ["", "   ", "x" * 201, "a\x00"])
def test_nothing_is_sent_without_a_name_to_sign(fill: Fill, maya: Patient, signature: str) -> None:
    draft = fill(answers_of(PEOPLE["Woman 27, sudden patches"]))
    with pytest.raises(IntakeError, match="full name"):
        actions.complete(draft, patient=maya, declared_at=LATER, signature=signature, by=SOMEBODY, now=LATER)


# --- In words ---


def test_the_check_page_has_a_row_for_every_question_and_leads_back_to_it(fill: Fill) -> None:
    draft = fill(answers_of(PEOPLE["Woman 45, shedding after weight loss"]))
    check = for_check(draft, by=SOMEBODY, now=NOW)
    rows = {row["label"]: row for card in check.cards for row in card.rows}
    assert check.complete
    assert len(check.cards) == 8
    assert rows["Date of birth"]["values"] == ["January\u00a015, 1982"]
    assert rows["Family doctor"]["value"] == "Not given"
    assert rows["Shedding"]["url"] == "/book/questions/3/3/?change=1"


def test_the_check_page_says_what_is_missing_and_where_to_go_on(draft: QuestionnaireResponse) -> None:
    check = for_check(draft, by=SOMEBODY, now=NOW)
    assert not check.complete
    assert check.go_on == "/book/questions/1/1/"


def test_the_physician_reads_positives_then_negatives_then_everything(fill: Fill, maya: Patient) -> None:
    draft = send(fill(answers_of(PEOPLE["Woman 66, tender scalp, brow loss"])), maya)
    review = for_review(draft, by=PHYSICIAN, now=LATER)
    hair_topic = next(topic for topic in review.topics if topic.title == "Your hair loss")
    assert "Scalp, last 3 months" in [line.label for line in hair_topic.positives]
    assert "General health, last 6 months" in [line.label for line in hair_topic.negatives]
    asked = {line.link_id for topic in review.topics for line in topic.all}
    assert {line.link_id for topic in review.topics for line in topic.positives + topic.negatives} <= asked
    assert review.age == 66
    assert [c["code"] for c in review.consents] == ["C1", "C3", "C4"]


def test_what_the_patient_wants_stands_apart_and_consents_are_no_findings(fill: Fill, maya: Patient) -> None:
    draft = send(fill(answers_of(PEOPLE["Woman 27, sudden patches"])), maya)
    review = for_review(draft, by=PHYSICIAN, now=LATER)
    assert [line.link_id for line in review.wishes] == ["goal_main", "goal_expect", "goal_open"]
    found = {line.link_id for topic in review.topics for line in topic.positives}
    assert not found & {"goal_main", "start_consent_collect", "photo_consent", "start_respondent"}


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("self", "the patient"),
        ("helper", "Jo Park (friend), helping the patient"),
        ("sdm", "Jo Park (friend), who decides for the patient"),
        ("staff", "clinic staff with the patient"),
    ],
)
def test_the_physician_reads_who_answered(who: str, words: str) -> None:
    answers = {"start_respondent": who, "start_respondent_name": "Jo Park", "start_respondent_relation": "friend"}
    assert _answered_by(answers) == words


def test_what_somebody_would_rather_talk_about_is_listed_apart(fill: Fill, maya: Patient) -> None:
    draft = send(fill(answers_of(PEOPLE["Person who prefers to discuss sex; uterus; on testosterone"])), maya)
    assert [line.link_id for line in for_review(draft, by=PHYSICIAN, now=LATER).talk] == ["about_sex_birth"]


def test_advice_that_was_shown_is_told_even_if_the_answer_changed(fill: Fill, maya: Patient) -> None:
    answers = answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"])
    draft = fill(answers)
    actions.save_page(draft, "5/12", {"tx_min_effects_now": "yes"}, by=SOMEBODY, now=NOW)
    actions.save_page(draft, "5/12", {"tx_min_effects_now": "no"}, by=SOMEBODY, now=NOW)
    review = for_review(send(draft, maya), by=PHYSICIAN, now=LATER)
    assert review.advice == ["Advice page A2 was shown on Wednesday, February\u00a010 at 10:00\u00a0a.m."]


def test_opening_a_response_for_review_takes_few_statements(fill: Fill, maya: Patient) -> None:
    draft = send(fill(answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"])), maya)
    fresh = QuestionnaireResponse.objects.get(pk=draft.pk)
    with CaptureQueriesContext(
        connection,
    ) as ran:
        for_review(fresh, by=PHYSICIAN, now=LATER)
    assert len([q for q in ran if "SAVEPOINT" not in q["sql"]]) <= 3


def test_the_command_publishes_and_says_so(clinic: object, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("publish_questionnaires")
    call_command("publish_questionnaires")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"{version}{kind}: {word}"
        for word in ("published", "unchanged")
        for version in ("hair-loss-followup 1.0.1", "hair-loss-intake 1.0.2")
        for kind in ("", "-no-safety")
    ]


def test_the_setting_chooses_the_version_and_drafts_stay_on_theirs(
    draft: QuestionnaireResponse, settings: Any, maya: Patient
) -> None:
    settings.SAFETY_ITEMS = False
    later = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    assert (later.definition.version, draft.definition.version) == ("1.0.2-no-safety", "1.0.2")
    assert Questionnaire.newest("hair-loss-followup").version == "1.0.1-no-safety"
    assert "hx_selfharm_now" in draft.definition.questions
    told = {"hx_mental": ["self-harm"], "hx_selfharm_now": "yes"}
    assert actions.save_page(draft, "6/3", told, by=SOMEBODY, now=NOW).advice == ["A3"]
    settings.SAFETY_ITEMS = True
    assert actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW).definition.version == "1.0.2"


def test_the_command_stops_at_a_version_that_was_changed(
    draft: QuestionnaireResponse, hair: Definition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intake.actions.definitions.load_all", lambda: [from_json({**hair.source, "title": "Changed"})])
    with pytest.raises(CommandError, match="Raise the version"):
        call_command("publish_questionnaires")
