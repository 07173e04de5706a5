"""A physician's review: who is on it, what must be seen first, the signature, and what it can no longer be."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connections, transaction

from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from intake import actions, paper
from intake.actions.reviews import put_review, read_review
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse, Review
from intake.reviewing import in_words, problems
from patients.models import Patient
from tests.intake.conftest import HAIR, NOW
from tests.intake.test_paper import text_of

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=5)
MUST = ("U04", "C04", "C05", "C26")
FINE = {
    "outcome": "suitable", "suitable_for": "First visit", "diagnosis": "Pattern loss", "certainty": "probable",
    "scale": "ludwig", "grade": "II",
}  # fmt: skip


@pytest.fixture
def colleague(db: None) -> Actor:
    return Actor.staff(User.objects.create(email="raman@tn.example", name="Dr. Priya Raman", role="physician"))


def seen(response: QuestionnaireResponse, by: Actor) -> None:
    for code in MUST:
        actions.acknowledge_flag(response, code, by=by, now=NOW)


@pytest.fixture
def signed(sent: QuestionnaireResponse, doctor: Actor) -> Review:
    seen(sent, doctor)
    return actions.sign_review(sent, FINE, registration="12345", by=doctor, now=LATER)


def test_what_is_written_is_kept_sealed(sent: QuestionnaireResponse, doctor: Actor) -> None:
    review = actions.save_review(sent, {"note": "Looks like FFA", "unknown": "x"}, by=doctor, now=NOW)
    assert b"FFA" not in bytes(review.document)
    assert read_review(Review.objects.get()).fields == {"note": "Looks like FFA"}
    assert "FFA" not in repr(list(AuditEvent.objects.values()))


def test_writing_claims_it_and_keeps_others_out(sent: QuestionnaireResponse, doctor: Actor, colleague: Actor) -> None:
    actions.save_review(sent, {"note": "Mine"}, by=doctor, now=NOW)
    with pytest.raises(actions.Taken, match="Amara Osei is on this since 10:00"):
        actions.save_review(sent, {"note": "Theirs"}, by=colleague, now=LATER)
    actions.claim_review(sent, take_over=True, by=colleague, now=LATER)
    assert actions.save_review(sent, {"note": "Theirs"}, by=colleague, now=LATER).physician_id == colleague.id


def test_letting_go_keeps_the_draft(sent: QuestionnaireResponse, doctor: Actor, colleague: Actor) -> None:
    actions.save_review(sent, {"note": "Half"}, by=doctor, now=NOW)
    actions.release_review(sent, by=doctor, now=NOW)
    actions.claim_review(sent, by=colleague, now=LATER)
    assert read_review(Review.objects.get()).fields == {"note": "Half"}


def test_a_window_left_open_does_not_write_over_a_newer_one(sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.save_review(sent, {"note": "New"}, version=0, by=doctor, now=NOW)
    with pytest.raises(actions.Taken, match="changed in another window"):
        actions.save_review(sent, {"note": "Old"}, version=0, by=doctor, now=LATER)


def test_suitable_is_not_signed_while_a_flag_that_must_be_seen_is_open(sent: QuestionnaireResponse, doctor: Actor) -> None:
    for code in MUST[:3]:
        actions.acknowledge_flag(sent, code, by=doctor, now=NOW)
    with pytest.raises(actions.NotYet) as refusal:
        actions.sign_review(sent, FINE, by=doctor, now=LATER)
    assert refusal.value.problems == [("flags", "Acknowledge what must be seen first: C26")]
    assert not Review.objects.get().is_signed


def test_an_open_flag_keeps_back_suitable_alone(sent: QuestionnaireResponse, doctor: Actor) -> None:
    fields = {"outcome": "refer", "refer_to": "Dermatology", "refer_why": "Scarring?", "patient_told": "yes"}
    assert actions.sign_review(sent, fields, by=doctor, now=NOW).is_signed


def test_an_acknowledgement_says_who_when_and_why_and_can_be_taken_back(sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.acknowledge_flag(sent, "U04", reason="Seen at the visit", by=doctor, now=NOW)
    assert read_review(Review.objects.get()).acknowledged == {
        "U04": {"by": doctor.id, "name": "Dr. Amara Osei", "at": NOW.isoformat(), "reason": "Seen at the visit"}
    }
    actions.acknowledge_flag(sent, "U04", seen=False, by=doctor, now=LATER)
    assert read_review(Review.objects.get()).acknowledged == {}
    assert "U04" not in repr(list(AuditEvent.objects.values()))


def test_only_its_own_flags_can_be_acknowledged(sent: QuestionnaireResponse, doctor: Actor) -> None:
    with pytest.raises(IntakeError):
        actions.acknowledge_flag(sent, "U01", by=doctor, now=NOW)


def test_the_signature_holds_what_it_rests_on(signed: Review, sent: QuestionnaireResponse, doctor: Actor) -> None:
    said = read_review(signed).signed
    assert (said["name"], said["registration"], said["rules"]) == ("Dr. Amara Osei", "12345", "hair-loss-flags|0.1.0")
    assert set(MUST) <= set(said["flags"])
    assert len(said["answers_sha256"]) == len(signed.sha256) == 64
    sent.refresh_from_db()
    assert (sent.reviewed_at, sent.reviewer_id) == (LATER, None)


def test_the_signature_holds_what_the_patient_said_afterwards(sent: QuestionnaireResponse, doctor: Actor) -> None:
    first = actions.sign_review(
        sent, {"outcome": "more-info", "ask": "Since when?", "ask_items": ["own_words"]}, by=doctor, now=LATER
    )
    actions.reply(sent, {"own_words": "Since spring"}, by=Actor.patient(sent.patient_id), now=LATER)
    then = actions.sign_review(sent, {"outcome": "in-person"}, by=doctor, now=LATER)
    before, after = read_review(first).signed, read_review(then).signed
    assert before["answers_sha256"] == after["answers_sha256"]
    assert before["addenda_sha256"] != after["addenda_sha256"]


@pytest.mark.parametrize("change", [{"number": 7}, {"document": b"x"}, {"status": "draft", "signed_at": None, "sha256": ""}])
def test_the_database_refuses_to_change_a_signed_one(signed: Review, change: dict[str, object]) -> None:
    with pytest.raises(DatabaseError, match="a signed review cannot change"), transaction.atomic():
        Review.objects.filter(pk=signed.pk).update(**change)
    with pytest.raises(DatabaseError, match="a signed review cannot change"), transaction.atomic():
        Review.objects.filter(pk=signed.pk).delete()


def test_other_words_under_a_new_key_do_not_open(signed: Review, settings: object) -> None:
    settings.ANSWER_KEYS = {"next": "n" * 43, **settings.ANSWER_KEYS}  # type: ignore[attr-defined]
    content = read_review(signed)
    content.fields["note"] = "Never written"
    put_review(signed, content)
    Review.objects.filter(pk=signed.pk).update(document=signed.document, key_id=signed.key_id)
    with pytest.raises(IntakeError, match="not what was signed"):
        read_review(Review.objects.get())


def test_nothing_is_written_after_the_signature_but_an_amendment(
    signed: Review, sent: QuestionnaireResponse, doctor: Actor
) -> None:
    with pytest.raises(actions.Taken, match="signed"):
        actions.save_review(sent, {"note": "More"}, by=doctor, now=LATER)
    draft = actions.amend_review(sent, by=doctor, now=LATER)
    assert (draft.number, read_review(draft).fields["diagnosis"]) == (2, "Pattern loss")
    with pytest.raises(actions.NotYet, match="why the signed review is changed"):
        actions.sign_review(sent, FINE, by=doctor, now=LATER)
    second = actions.sign_review(sent, {**FINE, "grade": "III"}, reason="Looked again", by=doctor, now=LATER)
    assert (read_review(second).signed["before"], read_review(second).reason) == (signed.sha256, "Looked again")
    assert read_review(Review.objects.get(number=1)).fields["grade"] == "II"


def test_an_amendment_is_begun_once(signed: Review, sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.amend_review(sent, by=doctor, now=LATER)
    with pytest.raises(actions.Taken, match="a draft already"):
        actions.amend_review(sent, by=doctor, now=LATER)


def test_what_nobody_reviewed_is_not_amended(sent: QuestionnaireResponse, doctor: Actor) -> None:
    with pytest.raises(actions.Taken):
        actions.amend_review(sent, by=doctor, now=LATER)
    assert not Review.objects.exists()


def test_each_step_of_a_review_is_in_the_trail(sent: QuestionnaireResponse, doctor: Actor) -> None:
    before = set(AuditEvent.objects.values_list("pk", flat=True))
    actions.claim_review(sent, by=doctor, now=NOW)
    actions.release_review(sent, by=doctor, now=NOW)
    actions.save_review(sent, {"note": "x"}, by=doctor, now=NOW)
    actions.acknowledge_flag(sent, "U04", by=doctor, now=NOW)
    actions.sign_review(sent, {"outcome": "labs", "labs": ["cbc"]}, by=doctor, now=NOW)
    actions.confirm_done(sent, by=doctor, now=LATER)
    actions.amend_review(sent, by=doctor, now=LATER)
    actions.discard_review(sent, by=doctor, now=LATER)
    told = AuditEvent.objects.exclude(pk__in=before).order_by("pk")
    assert [event.action.removeprefix("intake.") for event in told] == [
        "claim_review", "release_review", "save_review", "acknowledge_flag", "sign_review", "confirm_done", "amend_review",
        "discard_review",
    ]  # fmt: skip
    assert {event.subject_id for event in told} == {sent.patient_id}


def test_a_step_is_a_new_version_of_the_answers(sent: QuestionnaireResponse, doctor: Actor) -> None:
    before = sent.version
    actions.claim_review(sent, by=doctor, now=NOW)
    sent.refresh_from_db()
    assert sent.version == before + 1


def test_a_patient_reviews_nothing(sent: QuestionnaireResponse) -> None:
    with pytest.raises(IntakeError, match="Only somebody who works here"):
        actions.claim_review(sent, by=Actor.patient(sent.patient_id), now=NOW)


def test_what_a_colleague_is_on_is_not_let_go_of(sent: QuestionnaireResponse, doctor: Actor, colleague: Actor) -> None:
    actions.claim_review(sent, by=doctor, now=NOW)
    actions.release_review(sent, by=colleague, now=LATER)
    sent.refresh_from_db()
    assert sent.reviewer_id == doctor.id


def test_who_acknowledged_a_flag_first_stays_named(sent: QuestionnaireResponse, doctor: Actor, colleague: Actor) -> None:
    actions.acknowledge_flag(sent, "U04", reason="Called her", by=doctor, now=NOW)
    actions.claim_review(sent, take_over=True, by=colleague, now=LATER)
    actions.acknowledge_flag(sent, "U04", by=colleague, now=LATER)
    assert read_review(Review.objects.get()).acknowledged["U04"]["name"] == "Dr. Amara Osei"


def test_without_a_draft_nothing_is_thrown_away_and_it_is_let_go_of(sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.claim_review(sent, by=doctor, now=NOW)
    assert not actions.discard_review(sent, by=doctor, now=LATER)
    sent.refresh_from_db()
    assert sent.reviewer_id is None


def test_the_signature_names_the_photos_that_could_be_seen(sent: QuestionnaireResponse, doctor: Actor) -> None:
    kept, _withdrawn = [
        Photo.objects.create(
            response=sent, link_id="photo_crown", kind="image", received_at=NOW, size=5, name=word, key_id="k", status=word,
        )
        for word in ("kept", "withdrawn")
    ]  # fmt: skip
    review = actions.sign_review(sent, {"outcome": "in-person"}, by=doctor, now=LATER)
    assert read_review(review).signed["photos"] == [str(kept.public_id)]


def test_acknowledging_claims_it(sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.acknowledge_flag(sent, "U04", by=doctor, now=NOW)
    sent.refresh_from_db()
    assert (sent.reviewer_id, sent.claimed_at) == (doctor.id, NOW)


def test_an_amendment_can_be_given_up(signed: Review, sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.amend_review(sent, by=doctor, now=LATER)
    assert actions.discard_review(sent, by=doctor, now=LATER)
    assert list(Review.objects.values_list("number", "status")) == [(1, "signed")]


@pytest.mark.parametrize(
    "fields,named",
    [
        ({}, {"outcome"}),
        ({"outcome": "suitable", "scale": "norwood"}, {"suitable_for", "diagnosis", "certainty", "grade"}),
        ({"outcome": "suitable", "scale": "none"}, {"suitable_for", "diagnosis", "certainty"}),
        ({"outcome": "more-info"}, {"ask", "ask_items"}),
        ({"outcome": "labs"}, {"labs"}),
        ({"outcome": "labs", "labs_other": "Zinc"}, set()),
        ({"outcome": "not-suitable"}, {"reason", "patient_text"}),
        ({"outcome": "refer"}, {"refer_to", "refer_why", "patient_told"}),
        ({"outcome": "in-person", "scale": "norwood"}, set()),
    ],
)
def test_each_outcome_needs_its_own(fields: dict[str, str], named: set[str]) -> None:
    assert {name for name, _words in problems(fields, [], reason_needed=False, reason="")} == named


def test_a_review_is_read_in_the_words_and_the_order_of_the_form() -> None:
    fields = {"note": "Look again", "off_label": True, "labs": ["cbc", "psa"], "outcome": "labs", "refer_to": "Nobody"}
    assert [(line.label, line.text) for line in in_words(fields, HAIR)] == [
        ("Outcome", "Labs first"), ("Tests", "CBC, PSA"), ("Off-label use was talked about", "Yes"), ("Note", "Look again"),
    ]  # fmt: skip


def test_what_does_not_belong_to_the_outcome_is_not_signed(sent: QuestionnaireResponse, doctor: Actor) -> None:
    review = actions.sign_review(sent, {"outcome": "in-person", "refer_to": "Nobody"}, by=doctor, now=NOW)
    assert read_review(review).fields == {"outcome": "in-person"}


def test_asked_for_more_it_stays_to_be_reviewed_and_waits_for_the_patient(sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.sign_review(
        sent, {"outcome": "more-info", "ask": "A photo of the back", "ask_items": ["own_words"]}, by=doctor, now=LATER
    )
    sent.refresh_from_db()
    assert (sent.reviewed_at, sent.asked_at) == (None, LATER)
    assert actions.save_review(sent, FINE, by=doctor, now=LATER).number == 2


def test_the_patient_is_asked_what_was_signed_and_not_what_is_being_written(sent: QuestionnaireResponse, doctor: Actor) -> None:
    patient = Actor.patient(sent.patient_id)
    actions.sign_review(sent, {"outcome": "more-info", "ask": "Since when?", "ask_items": ["own_words"]}, by=doctor, now=NOW)
    actions.save_review(sent, {"outcome": "more-info", "ask": "Half a thought", "ask_items": ["own_words"]}, by=doctor, now=LATER)
    sent.refresh_from_db()
    ask = actions.open_ask(sent, by=patient, now=LATER)
    assert ask and ask.note == "Since when?"


def test_what_the_patient_adds_is_in_the_trail(sent: QuestionnaireResponse, doctor: Actor) -> None:
    actions.sign_review(sent, {"outcome": "more-info", "ask": "Since when?", "ask_items": ["own_words"]}, by=doctor, now=NOW)
    actions.reply(sent, {"own_words": "Since spring"}, by=Actor.patient(sent.patient_id), now=LATER)
    told = AuditEvent.objects.get(action="intake.reply")
    assert (told.subject_id, told.at) == (sent.patient_id, LATER)
    assert "spring" not in repr(told.detail)


def test_a_question_in_an_amendment_brings_it_back_to_be_reviewed(
    signed: Review, sent: QuestionnaireResponse, doctor: Actor
) -> None:
    actions.amend_review(sent, by=doctor, now=LATER)
    actions.sign_review(
        sent,
        {"outcome": "more-info", "ask": "Since when?", "ask_items": ["own_words"]},
        registration="12345",
        reason="New letter",
        by=doctor,
        now=LATER,
    )
    assert not QuestionnaireResponse.objects.to_review().filter(asked_at=None).exists()
    actions.reply(sent, {"own_words": "Since spring"}, by=Actor.patient(sent.patient_id), now=LATER)
    assert QuestionnaireResponse.objects.to_review().filter(asked_at=None).get() == sent


def test_a_referral_stays_open_until_it_is_said_to_be_done(sent: QuestionnaireResponse, doctor: Actor) -> None:
    fields = {"outcome": "refer", "refer_to": "Dermatology", "refer_why": "Scarring?", "patient_told": "yes"}
    actions.sign_review(sent, fields, by=doctor, now=NOW)
    assert QuestionnaireResponse.objects.get(pk=sent.pk).to_confirm
    actions.confirm_done(sent, by=doctor, now=LATER)
    assert not QuestionnaireResponse.objects.get(pk=sent.pk).to_confirm


def test_a_draft_of_a_patient_cannot_be_reviewed(draft: QuestionnaireResponse, maya: Patient, doctor: Actor) -> None:
    actions.attach_patient(draft, maya, by=doctor, now=NOW)
    with pytest.raises(IntakeError, match="still answering"):
        actions.save_review(draft, {}, by=doctor, now=NOW)


def test_the_charts_copy_ends_with_what_was_signed_and_the_patients_does_not(
    signed: Review, sent: QuestionnaireResponse, doctor: Actor
) -> None:
    chart = text_of(paper.for_chart(sent, reference="TN-7F4K", by=doctor, now=LATER))
    own = text_of(paper.for_patient(sent, reference="TN-7F4K", by=doctor, now=LATER))
    assert "Review, version 1" in chart
    assert signed.sha256[:20] in chart
    assert "Pattern loss" not in own


@pytest.mark.django_db(transaction=True)
def test_of_two_who_claim_at_the_same_moment_the_second_is_told(
    sent: QuestionnaireResponse, doctor: Actor, colleague: Actor
) -> None:
    def late() -> str:
        try:
            actions.claim_review(sent, by=colleague, now=NOW)
        except actions.Taken as refusal:
            return str(refusal)
        finally:
            connections.close_all()
        return "claimed"

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            actions.claim_review(sent, by=doctor, now=NOW)
            told = pool.submit(late)
            time.sleep(0.5)  # the colleague waits for the row by now
        assert "is on this since" in told.result(30)
