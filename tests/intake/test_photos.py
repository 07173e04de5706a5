"""Photos are taken view by view, sealed, and with consent only."""

import os
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image

from audit.actor import Actor
from audit.models import AuditEvent
from intake import actions, imaging, photos
from intake.actions import photos as photo_verbs
from intake.document import decrypt, put
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import NOW, SOMEBODY, TODAY
from tests.intake.photos import PDF, Commit, add, answers_in, complete, send
from tests.intake.pictures import GPS, encoded, exif, heic, jpeg

pytestmark = pytest.mark.usefixtures("folder")


def test_a_photo_is_stored_sealed_under_a_name_that_says_nothing(agreeing: QuestionnaireResponse, folder: Path) -> None:
    photo = add(agreeing, data=encoded(exif=exif()))
    files = list(folder.iterdir())
    assert {file.name for file in files} == {photo.name, photo.small_name}
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.name) for file in files)
    for file in files:
        assert b"\xff\xd8\xff" not in file.read_bytes()[:64]
        assert b"JFIF" not in file.read_bytes()
        assert file.stat().st_mode & 0o077 == 0
    data = actions.read_photo(photo, by=SOMEBODY, now=NOW)
    assert data[:3] == b"\xff\xd8\xff"
    assert GPS not in data
    assert (photo.width, photo.height, photo.size) == (640, 480, len(data))


def test_a_sealed_photo_does_not_open_as_another_one(agreeing: QuestionnaireResponse) -> None:
    one, other = add(agreeing), add(agreeing, "photo_top")
    one.name = other.name
    with pytest.raises(IntakeError):
        actions.read_photo(one, by=SOMEBODY, now=NOW)


def test_a_photo_is_a_sign_of_life(agreeing: QuestionnaireResponse) -> None:
    QuestionnaireResponse.objects.update(saved_at=NOW - timedelta(days=2))
    version = agreeing.version
    add(agreeing)
    agreeing.refresh_from_db()
    assert (agreeing.saved_at, agreeing.version) == (NOW, version + 1)


def test_the_draft_names_its_photos_and_the_trail_does_not_say_what_they_show(agreeing: QuestionnaireResponse) -> None:
    photo = add(agreeing)
    assert answers_in(agreeing)["photo_front"] == [str(photo.public_id)]
    event = AuditEvent.objects.get(action="intake.add_photo")
    assert event.detail == {"view": "photo_front", "kind": "image", "replaced": 0}


def test_one_view_takes_one_photo_and_a_new_one_replaces_it(
    agreeing: QuestionnaireResponse, folder: Path, django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        add(agreeing)
        again = add(agreeing)
    assert [p.pk for p in agreeing.photos.all()] == [again.pk]
    assert len(list(folder.iterdir())) == 2


def test_a_close_up_takes_three(agreeing: QuestionnaireResponse) -> None:
    for _time in range(3):
        add(agreeing, "photo_patch")
    with pytest.raises(actions.PhotoRefused, match="3 photos here"):
        add(agreeing, "photo_patch")


def test_there_are_at_most_twelve(agreeing: QuestionnaireResponse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_verbs, "MAX_IMAGES", 2)
    add(agreeing)
    add(agreeing, "photo_top")
    with pytest.raises(actions.PhotoRefused, match="all we can take"):
        add(agreeing, "photo_crown")
    add(agreeing, "photo_top")  # taking one again is no more
    add(agreeing, "hx_labs_file", PDF)  # and a document is none


def test_the_photo_that_was_added_last_replaces_only_its_own_view_of_its_own_answers(agreeing: QuestionnaireResponse) -> None:
    theirs = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    put(theirs, decrypt(agreeing))
    theirs.save()
    kept = [add(theirs), add(agreeing, "photo_top")]
    add(agreeing)
    added = add(agreeing)
    assert set(Photo.objects.all()) == {*kept, added}
    assert answers_in(theirs)["photo_front"] == [str(kept[0].public_id)]
    assert answers_in(agreeing)["photo_front"] == [str(added.public_id)]


@pytest.mark.parametrize("view", ["nothing", "tx_other", "photo_brows"])
def test_no_file_is_taken_where_none_is_asked_for(agreeing: QuestionnaireResponse, folder: Path, view: str) -> None:
    with pytest.raises(IntakeError, match="No file"):
        add(agreeing, view)
    assert not agreeing.photos.exists()


def test_a_photo_is_taken_out_alone_and_once(agreeing: QuestionnaireResponse) -> None:
    kept, gone = add(agreeing, "photo_patch"), add(agreeing, "photo_patch")
    for _time in range(2):
        actions.remove_photo(gone, by=SOMEBODY, now=NOW)
    assert agreeing.photos.get() == kept
    assert answers_in(agreeing)["photo_patch"] == [str(kept.public_id)]
    event = AuditEvent.objects.get(action="intake.remove_photo")
    assert (event.object_id, event.detail) == (gone.pk, {"view": "photo_patch", "kind": "image"})
    actions.remove_photo(kept, by=SOMEBODY, now=NOW)
    assert "photo_patch" not in answers_in(agreeing)


def test_what_the_desk_holds_takes_no_photo_from_its_patient_and_loses_none(agreeing: QuestionnaireResponse) -> None:
    photo = add(agreeing)
    QuestionnaireResponse.objects.update(filled_in_by="desk")
    for verb in (lambda: add(agreeing, "photo_top"), lambda: actions.remove_photo(photo, by=SOMEBODY, now=NOW)):
        with pytest.raises(IntakeError, match="other hands"):
            verb()
    assert agreeing.photos.get() == photo


def test_a_day_is_that_of_one_photo_and_stays_once_it_was_sent(agreeing: QuestionnaireResponse, maya: Patient) -> None:
    other, dated = add(agreeing, "photo_top"), add(agreeing)
    actions.date_photo(dated, date(2026, 10, 1), by=SOMEBODY, now=NOW)
    event = AuditEvent.objects.get(action="intake.date_photo")
    assert (event.object_id, event.detail) == (dated.pk, {"view": "photo_front", "kind": "image"})
    complete(agreeing, maya)
    with pytest.raises(actions.PhotoRefused, match="part of your record"):
        actions.date_photo(dated, date(2026, 9, 1), by=SOMEBODY, now=NOW)
    assert dict(Photo.objects.values_list("pk", "taken_on")) == {dated.pk: date(2026, 10, 1), other.pk: None}


def test_a_photo_is_ten_years_old_at_most_and_of_today_at_least(agreeing: QuestionnaireResponse) -> None:
    photo = add(agreeing)
    for day in (TODAY, TODAY - photo_verbs.OLDEST):
        actions.date_photo(photo, day, by=SOMEBODY, now=NOW)
    for day in (TODAY + timedelta(days=1), TODAY - photo_verbs.OLDEST - timedelta(days=1)):
        with pytest.raises(actions.PhotoRefused):
            actions.date_photo(photo, day, by=SOMEBODY, now=NOW)


def test_only_looks_of_others_are_in_the_trail(agreeing: QuestionnaireResponse, doctor: Actor) -> None:
    photo = add(agreeing)
    for who in (SOMEBODY, doctor):
        actions.read_photo(photo, by=who, now=NOW)
    assert AuditEvent.objects.get(action="intake.photo_read").actor_id == doctor.id


def test_results_are_taken_before_the_answer_that_opens_their_place_is_saved(agreeing: QuestionnaireResponse) -> None:
    document = decrypt(agreeing)
    del document.answers["hx_labs"]
    put(agreeing, document)
    agreeing.save()
    assert add(agreeing, "hx_labs_file").response == agreeing


def test_results_that_were_not_announced_are_not_taken_once_the_answers_are_sent(
    agreeing: QuestionnaireResponse, maya: Patient
) -> None:
    document = decrypt(agreeing)
    document.answers["hx_labs"] = "no"
    put(agreeing, document)
    agreeing.save()
    with pytest.raises(IntakeError, match="No file"):
        add(complete(agreeing, maya), "hx_labs_file")


def test_answers_that_are_deleted_while_a_photo_arrives_leave_no_file(
    agreeing: QuestionnaireResponse, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = imaging.clean

    def slow(data: bytes) -> Any:
        QuestionnaireResponse.objects.filter(pk=agreeing.pk).delete()
        return clean(data)

    monkeypatch.setattr(imaging, "clean", slow)
    with pytest.raises(IntakeError, match="were deleted"):
        add(agreeing)
    assert list(folder.iterdir()) == []


def test_a_photo_that_arrives_after_the_consent_was_taken_back_is_not_kept(
    agreeing: QuestionnaireResponse, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = imaging.clean

    def slow(data: bytes) -> Any:
        actions.save_page(QuestionnaireResponse.objects.get(pk=agreeing.pk), "8/1", {"photo_consent": "no"}, by=SOMEBODY, now=NOW)
        return clean(data)

    monkeypatch.setattr(imaging, "clean", slow)
    with pytest.raises(IntakeError, match="No file"):
        add(agreeing)
    assert list(folder.iterdir()) == []


def test_a_heic_from_a_phone_is_taken(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    assert send(sitting, "photo_crown", heic(exif=exif()), "IMG_0001.HEIC", "image/heic").status_code == 303
    assert agreeing.photos.get().link_id == "photo_crown"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Choose a photo first"),
        (b"GIF89a/*alert(1)*/", "Use a photo (JPEG, PNG or HEIC), not a PDF or video"),
        (PDF, "Use a photo (JPEG, PNG or HEIC), not a PDF or video"),
        (jpeg()[:5000], "We could not open this photo. Take it again or choose another one"),
        (jpeg() + bytes(15 * 1024 * 1024), "This photo is over 15 MB. Take it again or choose a smaller one"),
    ],
    ids=["empty", "gif", "pdf", "half", "large"],
)
def test_what_is_not_taken_is_explained_at_its_view(
    sitting: Client, agreeing: QuestionnaireResponse, folder: Path, data: bytes, words: str
) -> None:
    answer = send(sitting, "photo_top", data)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert f'<a href="#file-photo_top">{words}</a>' in html, "above the page"
    assert f"data-error-text>{words}</span>" in html, "at the view"
    assert not agreeing.photos.exists()
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("name", ["../../x.jpg", "a" * 300 + ".jpg", "\u202egpj.exe", "x\\y.svg", "CANARY-NAME.php"])
def test_a_name_and_a_type_mean_nothing(sitting: Client, agreeing: QuestionnaireResponse, folder: Path, name: str) -> None:
    assert send(sitting, "photo_top", jpeg(), name, "application/x-php").status_code == 303
    agreeing.photos.get()
    assert all(re.fullmatch(r"[0-9a-f]{64}", file.name) for file in folder.iterdir())
    assert not [v for v in Photo.objects.values_list() if "CANARY" in str(v)]


def test_a_request_beyond_all_measure_is_not_read(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    answer = sitting.post(
        reverse("intake:photo_add"), b"x", content_type="multipart/form-data; boundary=b", CONTENT_LENGTH=str(10**9)
    )
    assert answer.status_code == 413
    assert "over 15 MB" in answer.content.decode()


def test_a_large_file_never_becomes_a_temporary_file(
    sitting: Client, agreeing: QuestionnaireResponse, tmp_path: Path, settings: Any
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path / "nowhere")  # writing there would fail
    noise = encoded("PNG", Image.frombytes("RGB", (1000, 1000), os.urandom(3_000_000)), compress_level=1)
    assert send(sitting, "photo_top", noise).status_code == 303


def test_a_form_without_its_token_is_refused(agreeing: QuestionnaireResponse, sitting: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = sitting.cookies
    assert send(strict, "photo_front", jpeg()).status_code == 403
    assert not agreeing.photos.exists()


def test_a_full_disk_refuses_photos_and_lets_the_rest_go_on(
    sitting: Client, agreeing: QuestionnaireResponse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "room_left", lambda: False)
    assert "We cannot take photos right now" in send(sitting, "photo_front", jpeg()).content.decode()
    page = reverse("intake:question", args=[8, 2])
    assert sitting.post(page, {"skip": "1"})["Location"] == reverse("intake:question", args=[8, 3])


def test_a_file_that_cannot_be_written_leaves_nothing(
    agreeing: QuestionnaireResponse, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, turns = photos.store().save, []

    def full(name: str, content: Any) -> str:
        turns.append(name)
        if len(turns) == 2:
            raise OSError(28, "No space left on device")
        return str(save(name, content))

    monkeypatch.setattr(photos.store(), "save", full)
    with pytest.raises(actions.PhotoRefused, match="cannot take photos right now"):
        add(agreeing)
    assert not agreeing.photos.exists()
    assert list(folder.iterdir()) == []


def test_a_document_is_taken_for_test_results_only_and_comes_back_as_a_download(
    sitting: Client, agreeing: QuestionnaireResponse
) -> None:
    assert send(sitting, "hx_labs_file", PDF, "results.pdf", "application/pdf").status_code == 303
    photo = agreeing.photos.get()
    url = reverse("intake:photo", args=[photo.public_id])
    answer = sitting.get(url)
    assert answer.content == sitting.get(f"{url}?small").content == PDF
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"].startswith("sandbox")


def test_without_consent_there_is_no_page_and_no_photo(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    actions.save_page(agreeing, "8/1", {"photo_consent": "no"}, by=SOMEBODY, now=NOW)
    assert sitting.get(reverse("intake:question", args=[8, 2])).status_code == 302
    assert send(sitting, "photo_front", jpeg()).status_code == 303
    assert not agreeing.photos.exists()
    assert send(sitting, "med_photo", jpeg()).status_code == 303
    assert agreeing.photos.get().link_id == "med_photo"


def test_photos_of_views_that_do_not_apply_when_it_is_sent_are_deleted(
    agreeing: QuestionnaireResponse, maya: Patient, folder: Path, django_capture_on_commit_callbacks: Commit
) -> None:
    kept = add(agreeing)
    add(agreeing, "photo_patch")
    actions.save_page(agreeing, "3/7", {"hair_areas": ["crown"]}, by=SOMEBODY, now=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        complete(agreeing, maya)
    assert [p.pk for p in agreeing.photos.all()] == [kept.pk]
    assert {file.name for file in folder.iterdir()} == {kept.name, kept.small_name}
