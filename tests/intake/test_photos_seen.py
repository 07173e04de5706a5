"""Photos are seen by whom they are for; what is added after sending leaves what was sent as it was."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.urls import reverse

from audit.models import AuditEvent
from intake import actions
from intake.models import Photo, QuestionnaireResponse
from intake.photos import views_to_add
from patients.models import ConsentRecord, MergeOffer, Patient
from tests.intake.conftest import NOW, SOMEBODY, seat
from tests.intake.photos import PDF, add, complete, send, staff_client
from tests.intake.pictures import jpeg

pytestmark = pytest.mark.usefixtures("folder")


def test_a_photo_of_another_draft_is_not_there(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    photo = add(agreeing)
    assert sitting.get(reverse("intake:photo", args=[photo.public_id])).status_code == 200
    other = Client()
    draft = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    seat(other, draft)
    missing = other.get(reverse("intake:photo", args=[uuid4()]))
    for url in (reverse("intake:photo", args=[photo.public_id]), reverse("intake:photo", args=[photo.public_id]) + "?small"):
        assert (other.get(url).status_code, other.get(url).content) == (404, missing.content)
    for name in ("photo_remove", "photo_date"):
        assert other.post(reverse(f"intake:{name}", args=[photo.public_id])).status_code == 404
    form = {"link_id": "photo_front", "for": str(agreeing.public_id), "file": SimpleUploadedFile("x.jpg", jpeg())}
    refused = other.post(reverse("intake:photo_add"), form)
    assert refused.status_code == 422
    assert 'href="#photos"' in refused.content.decode()  # This draft does not ask for that view.
    assert [p.pk for p in Photo.objects.all()] == [photo.pk]


def test_a_photo_whose_file_is_lost_is_not_found(sitting: Client, agreeing: QuestionnaireResponse, folder: Path) -> None:
    photo = add(agreeing)
    (folder / photo.name).unlink()
    assert sitting.get(reverse("intake:photo", args=[photo.public_id])).status_code == 404


def test_a_picture_is_never_kept_or_run(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    answer = sitting.get(reverse("intake:photo", args=[add(agreeing).public_id]))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


@override_settings(STAFF_MFA_REQUIRED=False)
def test_physicians_see_a_sent_photo_and_each_look_is_in_the_trail(agreeing: QuestionnaireResponse, maya: Patient) -> None:
    photo = add(agreeing)
    url = reverse("staff:photo", args=[photo.public_id])
    physician, reception = staff_client("physician"), staff_client("reception")
    assert physician.get(url).status_code == 404  # a draft is nobody else's
    complete(agreeing, maya)
    assert physician.get(url)["Content-Type"] == "image/jpeg"
    assert physician.get(url + "?small").status_code == 200
    looks = AuditEvent.objects.filter(action="intake.photo_read", actor_role="physician")
    assert [(e.object_id, e.subject_id, e.detail["size"]) for e in looks.order_by("pk")] == [
        (photo.pk, maya.pk, "whole"), (photo.pk, maya.pk, "small"),
    ]  # fmt: skip
    assert reception.get(url).status_code == 404
    Photo.objects.update(status=Photo.Status.WITHDRAWN)
    assert physician.get(url).status_code == 404


@override_settings(STAFF_MFA_REQUIRED=False)
def test_the_physicians_page_shows_what_was_sent_and_what_was_not(agreeing: QuestionnaireResponse, maya: Patient) -> None:
    front, lab = add(agreeing), add(agreeing, "hx_labs_file", PDF)
    complete(agreeing, maya)
    html = staff_client("physician").get(reverse("staff:review", args=[agreeing.public_id])).content.decode()
    assert reverse("staff:photo", args=[front.public_id]) in html
    assert html.count('class="none">Not sent<') == 4
    assert reverse("staff:photo", args=[lab.public_id]) in html
    assert "PDF, opens as a download" in html


@pytest.fixture
def by_link(agreeing: QuestionnaireResponse, maya: Patient) -> Client:
    """A browser that came by the visit's link and said the year of birth, after the answers were sent."""
    add(agreeing)
    complete(agreeing, maya)
    client = Client()
    session = client.session
    session["photos"], session["photos_back"] = str(agreeing.public_id), "/v/x/"
    session["photos_until"] = "2999-01-01T00:00:00+00:00"
    session.save()
    return client


def test_photos_can_be_added_after_sending_and_the_signed_answers_stay(by_link: Client, agreeing: QuestionnaireResponse) -> None:
    before = bytes(QuestionnaireResponse.objects.get(pk=agreeing.pk).document)
    page = by_link.get(reverse("intake:photos"))
    assert 'id="file-photo_top"' in page.content.decode()
    assert 'id="file-photo_front"' not in page.content.decode()  # sent, so it is on the record
    assert send(by_link, "photo_top", jpeg()).status_code == 303
    assert agreeing.photos.count() == 2
    assert bytes(QuestionnaireResponse.objects.get(pk=agreeing.pk).document) == before


def test_what_was_sent_stays_on_the_record(by_link: Client, agreeing: QuestionnaireResponse) -> None:
    sent = agreeing.photos.get()
    answer = by_link.post(reverse("intake:photo_remove", args=[sent.public_id]))
    assert answer.status_code == 422
    assert "part of your record" in answer.content.decode()
    assert send(by_link, "photo_front", jpeg()).status_code == 422
    assert agreeing.photos.get().pk == sent.pk


def test_a_withdrawn_consent_ends_adding_at_once(by_link: Client, agreeing: QuestionnaireResponse, maya: Patient) -> None:
    ConsentRecord.objects.filter(patient=maya, code="C3").update(withdrawn_at=NOW + timedelta(hours=1))
    assert 'id="file-photo_top"' not in by_link.get(reverse("intake:photos")).content.decode()
    assert send(by_link, "photo_top", jpeg()).status_code == 303
    assert agreeing.photos.count() == 1


@pytest.mark.parametrize(("hours", "left"), [(1, []), (-1, ["photo_front"])])
def test_when_two_records_become_one_consent_taken_back_later_hides_the_photos_of_both(
    agreeing: QuestionnaireResponse, maya: Patient, hours: int, left: list[str]
) -> None:
    add(agreeing)
    complete(agreeing, maya)
    told = {"code": "C3", "text_version": "x", "text_sha256": "x", "decision": True, "given_by": "self", "how": "web"}
    newer = Patient.objects.create(legal_first_name="Maya", legal_last_name="C", date_of_birth=maya.date_of_birth, created_at=NOW)
    ConsentRecord.objects.create(
        patient=newer, given_at=NOW - timedelta(hours=2), withdrawn_at=NOW + timedelta(hours=hours), **told
    )
    offer = MergeOffer.objects.create(patient=newer, candidate=maya, reason="x", created_at=NOW)
    actions.merge_records(offer, True, by=SOMEBODY, now=NOW + timedelta(days=1))
    assert list(agreeing.photos.filter(status="kept").values_list("link_id", flat=True)) == left
    assert bool(views_to_add(QuestionnaireResponse.objects.get(pk=agreeing.pk))) == bool(left)


def test_once_the_review_is_signed_no_photo_is_taken_and_none_goes(by_link: Client, agreeing: QuestionnaireResponse) -> None:
    assert send(by_link, "photo_top", jpeg()).status_code == 303
    QuestionnaireResponse.objects.filter(pk=agreeing.pk).update(reviewed_at=NOW)
    assert "has finished looking" in by_link.get(reverse("intake:photos")).content.decode()
    send(by_link, "photo_crown", jpeg())
    late = agreeing.photos.get(link_id="photo_top")
    assert by_link.post(reverse("intake:photo_remove", args=[late.public_id])).status_code == 422
    assert agreeing.photos.count() == 2


def test_a_photo_that_was_waited_for_brings_the_answers_back_to_the_physician(
    by_link: Client, agreeing: QuestionnaireResponse
) -> None:
    QuestionnaireResponse.objects.filter(pk=agreeing.pk).update(asked_at=NOW)
    send(by_link, "photo_top", jpeg())
    agreeing.refresh_from_db()
    assert agreeing.asked_at is None


@pytest.mark.parametrize("typed,kept", [("2026-10-01", "2026-10-01"), ("2999-01-01", None), ("1999-01-01", None), ("soon", None)])
def test_the_day_a_photo_was_taken(sitting: Client, agreeing: QuestionnaireResponse, typed: str, kept: str | None) -> None:
    photo = add(agreeing)
    answer = sitting.post(reverse("intake:photo_date", args=[photo.public_id]), {f"taken-{photo.public_id}": typed})
    photo.refresh_from_db()
    assert answer.status_code == (303 if kept else 422)
    assert str(photo.taken_on) == str(kept)
