"""/me/answers/ and /me/photos/: what one sent, in the wording it was asked in; every reading is in the trail."""

from datetime import timedelta
from uuid import uuid4

from django.test import Client

from audit.actor import Actor
from audit.models import AuditEvent
from intake.actions import Upload, add_photo, photos, reply, sign_review, start_draft
from intake.document import decrypt, put
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests.booking.conftest import WEB, anchors, text_of
from tests.factories import WEDNESDAY
from tests.intake.pictures import jpeg
from tests.portal.conftest import signs_in


def test_the_list_says_when_and_opens_nothing(daniel, sent):
    page = daniel.get("/me/answers/")
    assert f"/me/answers/{sent.response.public_id}/" in anchors(page)
    assert not AuditEvent.objects.filter(action="intake.read", detail__purpose="own answers").exists()


def test_answers_stand_with_their_questions_as_asked_and_without_flags(daniel, sent):
    page = daniel.get(f"/me/answers/{sent.response.public_id}/")
    said = text_of(page)
    question = sent.response.definition.questions["about_sex_birth"]
    assert f"{question.text} Male" in said
    for word in ("Flag", "flag", "urgent"):
        assert word not in said.replace("urgently", "")
    event = AuditEvent.objects.get(action="intake.read", detail__purpose="own answers")
    assert (event.actor_kind, event.actor_id, event.subject_id) == ("patient", sent.patient_id, sent.patient_id)


def test_what_was_answered_to_a_physicians_question_stands_with_the_rest(daniel, sent, physician):
    fields = {"outcome": "more-info", "ask": "Which pills exactly?", "ask_items": ["own_words"], "note": "Nothing for Daniel"}
    sign_review(sent.response, fields, by=Actor.staff(physician), now=WEDNESDAY)
    reply(sent.response, {"own_words": "Biotin, since May"}, by=Actor.patient(sent.patient_id), now=WEDNESDAY)
    said = text_of(daniel.get(f"/me/answers/{sent.response.public_id}/"))
    assert "Answered afterwards Which pills exactly? Biotin, since May" in said
    assert "Nothing for Daniel" not in said


def test_they_come_as_a_pdf_too(daniel, sent):
    answer = daniel.get(f"/me/answers/{sent.response.public_id}/answers.pdf")
    assert answer.content.startswith(b"%PDF")
    assert answer["Cache-Control"] == "no-store, private"


def test_a_draft_and_somebody_elses_are_not_there(daniel, sent):
    draft = start_draft("hair-loss-intake", by=WEB, now=WEDNESDAY)
    other = QuestionnaireResponse.objects.get(pk=sent.response_id)
    QuestionnaireResponse.objects.filter(pk=other.pk).update(
        patient=Patient.objects.create(
            legal_first_name="N", legal_last_name="A", date_of_birth="1980-01-01", created_at=WEDNESDAY
        )
    )
    for public_id in (draft.public_id, other.public_id):
        assert daniel.get(f"/me/answers/{public_id}/").status_code == 404


def test_each_set_of_answers_has_its_own_page_the_newest_on_top(daniel, sent):
    older = QuestionnaireResponse.objects.get(pk=sent.response_id)
    older.pk, older.public_id, older.completed_at, older._state.adding = None, uuid4(), WEDNESDAY - timedelta(days=200), True
    put(older, decrypt(sent.response))
    older.save()
    assert daniel.get("/me/answers/").context["rows"] == [sent.response, older]
    for response in (sent.response, older):
        assert daniel.get(f"/me/answers/{response.public_id}/").context["response"] == response


def test_photos_are_shown_by_view_to_their_owner_only(daniel, sent, patient, monkeypatch):
    monkeypatch.setattr(photos, "_may", lambda *args: None)  # he has agreed to photos meanwhile
    view = next(q.link_id for q in sent.response.definition.questions.values() if q.group == "grp_photos")
    made = add_photo(sent.response, view, Upload(jpeg()), by=WEB, now=WEDNESDAY)
    assert f"/me/photos/{made.public_id}/" in anchors(daniel.get("/me/photos/"))
    assert daniel.get(f"/me/photos/{made.public_id}/?small=1")["Content-Type"] == "image/jpeg"
    assert AuditEvent.objects.filter(action="intake.photo_read", actor_kind="patient").exists()
    maya = signs_in(client=Client(REMOTE_ADDR="203.0.113.9"))
    assert maya.get(f"/me/photos/{made.public_id}/").status_code == 404
