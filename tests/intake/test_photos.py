"""Photos: taken view by view, sealed, seen by whom they are for, gone when they should be."""

import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse
from PIL import Image

from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from config.storage import photo_storage
from intake import actions, photos
from intake.actions import later
from intake.actions import photos as photo_verbs
from intake.document import decrypt
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse, ResumeLink
from patients.models import ConsentRecord, Patient
from tests.intake.conftest import NOW, PEOPLE, SOMEBODY, answers_of
from tests.intake.pictures import GPS, encoded, exif, heic, jpeg

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
Fill = Callable[[dict[str, Any]], QuestionnaireResponse]
Commit = Callable[..., AbstractContextManager[list[Any]]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    """An empty folder of this test's own for the files."""
    settings.PRIVATE_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"photos": photo_storage("", tmp_path)}
    return tmp_path / "photos"


@pytest.fixture
def agreeing(fill: Fill) -> QuestionnaireResponse:
    """A draft whose person agrees to photos, has a bald patch, brings test results, takes medicines, and has sent no photo."""
    answers = answers_of(PEOPLE["Woman 27, sudden patches"]) | {"hx_labs": "yes-copy", "med_any": "yes"}
    answers["med_item"] = [{"med_name": "Iron", "med_dose": ""}]
    return fill({k: v for k, v in answers.items() if not k.startswith("photo_") or k == "photo_consent"})


def add(response: QuestionnaireResponse, view: str = "photo_front", data: bytes = b"") -> Photo:
    return actions.add_photo(response, view, actions.Upload(data or jpeg()), by=SOMEBODY, now=NOW)


def send(client: Client, view: str, data: bytes, name: str = "IMG_1.jpg", kind: str = "image/jpeg", **extra: Any) -> Any:
    form = {"link_id": view, "page": "question", "file": SimpleUploadedFile(name, data, kind)}
    return client.post(reverse("intake:photo_add"), form, **extra)


def answers_in(draft: QuestionnaireResponse) -> dict[str, Any]:
    draft.refresh_from_db()
    return decrypt(draft).answers


# --- Taking them ---


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


def test_a_heic_from_a_phone_is_taken(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    assert send(sitting, "photo_crown", heic(exif=exif()), "IMG_0001.HEIC", "image/heic").status_code == 302
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
    assert html.count(words) >= 2  # above the page, and at the view
    assert 'href="#file-photo_top"' in html
    assert not agreeing.photos.exists()
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize("name", ["../../x.jpg", "a" * 300 + ".jpg", "\u202egpj.exe", "x\\y.svg", "CANARY-NAME.php"])
def test_a_name_and_a_type_mean_nothing(sitting: Client, agreeing: QuestionnaireResponse, folder: Path, name: str) -> None:
    assert send(sitting, "photo_top", jpeg(), name, "application/x-php").status_code == 302
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
    assert send(sitting, "photo_top", noise).status_code == 302


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
    assert send(sitting, "hx_labs_file", PDF, "results.pdf", "application/pdf").status_code == 302
    photo = agreeing.photos.get()
    answer = sitting.get(reverse("intake:photo", args=[photo.public_id]))
    assert answer.content == PDF
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"].startswith("sandbox")


# --- Consent ---


def test_without_consent_there_is_no_page_and_no_photo(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    actions.save_page(agreeing, "8/1", {"photo_consent": "no"}, by=SOMEBODY, now=NOW)
    assert sitting.get(reverse("intake:question", args=[8, 2])).status_code == 302
    assert send(sitting, "photo_front", jpeg()).status_code == 302
    assert not agreeing.photos.exists()
    assert send(sitting, "med_photo", jpeg()).status_code == 302
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


# --- The page ---


def test_every_view_has_its_own_form_and_works_without_a_script(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    html = sitting.get(reverse("intake:question", args=[8, 2])).content.decode()
    for view in ("front", "top", "crown", "left", "right", "back", "patch"):
        assert f'id="file-photo_{view}" name="file" form="form-photo_{view}"' in html
        assert f'<form id="form-photo_{view}" method="post" enctype="multipart/form-data"' in html
    assert html.count("Use good light, near a window, no flash.") == 1
    answer = send(sitting, "photo_top", jpeg())
    assert answer["Location"] == reverse("intake:question", args=[8, 2]) + "#up-photo_top"
    html = sitting.get(reverse("intake:question", args=[8, 2])).content.decode()
    assert "Retake" in html
    photo = agreeing.photos.get()
    assert reverse("intake:photo", args=[photo.public_id]) + "?small" in html
    assert sitting.post(reverse("intake:photo_remove", args=[photo.public_id]), {"page": "question"}).status_code == 302
    assert "photo_top" not in answers_in(agreeing)


def test_a_script_gets_the_row_alone(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    html = send(sitting, "photo_top", jpeg(), headers={"X-Upload": "1"}).content.decode()
    assert 'id="up-photo_top"' in html
    assert "<html" not in html
    wrong = send(sitting, "photo_top", b"nothing", headers={"X-Upload": "1"})
    assert wrong.status_code == 422
    assert "not a PDF or video" in wrong.content.decode()


def test_a_gentle_reminder_once_then_on(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    page, following = reverse("intake:question", args=[8, 2]), reverse("intake:question", args=[8, 3])
    first = sitting.post(page, {})
    assert first["Location"] == f"{page}?remind=1"
    assert "You can go on without these" in sitting.get(first["Location"]).content.decode()
    assert sitting.post(page, {})["Location"] == following
    assert sitting.post(page, {"skip": "1"})["Location"] == following


def test_going_on_keeps_the_photos(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    add(agreeing)
    sitting.post(reverse("intake:question", args=[8, 2]), {"skip": "1", "shown": ["photo_front"]})
    assert answers_in(agreeing)["photo_front"] == [str(agreeing.photos.get().public_id)]


MIXED = reverse("intake:question", args=[7, 1])  # medicines, and a photo of their labels


def with_page(client: Client, **fields: Any) -> Any:
    """What "Add this photo" sends without a script: the whole page, and the file under its view's name."""
    rows = {"med_name": ["Iron", "Something new"], "med_dose": ["", "daily"]}
    form = {"page": "question", "shown": ["med_any", "med_item", "med_photo"], "med_any": "yes", **rows, "link_id": "med_photo"}
    return client.post(reverse("intake:photo_add"), form | fields)


def test_without_a_script_adding_a_photo_keeps_what_else_was_typed_on_the_page(
    sitting: Client, agreeing: QuestionnaireResponse
) -> None:
    html = sitting.get(MIXED).content.decode()
    assert 'name="file-med_photo"' in html
    assert 'name="link_id" value="med_photo" formaction="/book/photos/add/" formenctype="multipart/form-data"' in html
    answer = with_page(sitting, **{"file-med_photo": SimpleUploadedFile("label.jpg", jpeg(), "image/jpeg")})
    assert answer["Location"] == f"{MIXED}#up-med_photo"
    assert [row["med_name"] for row in answers_in(agreeing)["med_item"]] == ["Iron", "Something new"]
    photo = agreeing.photos.get(link_id="med_photo")
    removed = {
        "page": "question",
        "shown": ["med_any", "med_item", "med_photo"],
        "med_any": "yes",
        "med_name": "Zinc",
        "med_dose": "",
    }
    sitting.post(reverse("intake:photo_remove", args=[photo.public_id]), removed)
    assert answers_in(agreeing)["med_item"] == [{"med_name": "Zinc", "med_dose": ""}]
    assert not agreeing.photos.exists()


def test_without_a_script_a_refused_photo_keeps_the_page_as_typed(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    for fields, words in (
        ({"file-med_photo": SimpleUploadedFile("clip.mov", b"no picture", "video/quicktime")}, "not a PDF or video"),
        ({}, "Choose a photo first"),
        ({"file-hx_labs_file": SimpleUploadedFile("label.jpg", jpeg(), "image/jpeg")}, "Choose a photo first"),
    ):
        answer = with_page(sitting, **fields)
        assert answer.status_code == 422
        html = answer.content.decode()
        assert words in html
        assert 'value="Something new"' in html
        assert 'href="#file-med_photo"' in html


def test_the_enter_key_in_a_field_means_continue(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    """A browser presses a form's first button: that is not the one that takes a medicine away."""
    with_page(sitting, **{"file-med_photo": SimpleUploadedFile("label.jpg", jpeg(), "image/jpeg")})
    form = sitting.get(MIXED).content.decode().partition("data-questions")[2]
    first = re.search(r"<button[^>]*>", form)
    assert first
    assert "name=" not in first[0]
    assert "formaction=" not in first[0]


def test_a_photo_of_another_draft_cannot_be_named_as_an_answer(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    add(agreeing)
    before = answers_in(agreeing)
    for page, name in ((reverse("intake:question", args=[8, 2]), "photo_front"), (MIXED, "med_photo")):
        answer = sitting.post(page, {"skip": "1", "shown": ["med_any", name], "med_any": "yes", name: [str(uuid4())]})
        assert answer.status_code == 422
        assert "This photo is not among your answers. Add it here" in answer.content.decode()
    assert answers_in(agreeing) == before


def test_a_page_of_another_draft_cannot_add_a_photo_to_this_one(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    other = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    for headers in ({}, {"X-Upload": "1"}):
        form = {"link_id": "photo_top", "for": str(other.public_id), "file": SimpleUploadedFile("a.jpg", jpeg(), "image/jpeg")}
        answer = sitting.post(reverse("intake:photo_add"), form, headers=headers)
        assert answer.status_code == 422
        assert "That page was of other answers" in answer.content.decode()
    assert not Photo.objects.exists()


# --- Who sees them ---


def test_a_photo_of_another_draft_is_not_there(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    photo = add(agreeing)
    assert sitting.get(reverse("intake:photo", args=[photo.public_id])).status_code == 200
    other = Client()
    draft = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    session = other.session
    session["draft"] = str(draft.public_id)
    session.save()
    missing = other.get(reverse("intake:photo", args=[uuid4()]))
    for url in (reverse("intake:photo", args=[photo.public_id]), reverse("intake:photo", args=[photo.public_id]) + "?small"):
        assert (other.get(url).status_code, other.get(url).content) == (404, missing.content)
    assert other.post(reverse("intake:photo_remove", args=[photo.public_id])).status_code == 404
    form = {"link_id": "photo_front", "for": str(agreeing.public_id), "file": SimpleUploadedFile("x.jpg", jpeg())}
    refused = other.post(reverse("intake:photo_add"), form)
    assert refused.status_code == 422
    assert 'href="#photos"' in refused.content.decode()  # This draft does not ask for that view.
    assert [p.pk for p in Photo.objects.all()] == [photo.pk]


def test_a_picture_is_never_kept_or_run(sitting: Client, agreeing: QuestionnaireResponse) -> None:
    answer = sitting.get(reverse("intake:photo", args=[add(agreeing).public_id]))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]


def complete(draft: QuestionnaireResponse, patient: Patient) -> QuestionnaireResponse:
    return actions.complete(draft, patient=patient, declared_at=NOW, signature="Maya Chowdhury", by=SOMEBODY, now=NOW)


def staff_client(role: str) -> Client:
    client = Client()
    client.force_login(
        User.objects.create_user(f"{role}@tn.example", "correct horse battery", name=role, role=role),
        "allauth.account.auth_backends.AuthenticationBackend",
    )
    return client


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
    assert html.count("Not sent") == 4
    assert reverse("staff:photo", args=[lab.public_id]) in html
    assert "PDF, opens as a download" in html


# --- After sending ---


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
    assert send(by_link, "photo_top", jpeg()).status_code == 302
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
    assert send(by_link, "photo_top", jpeg()).status_code == 302
    assert agreeing.photos.count() == 1


def test_once_the_review_is_signed_no_photo_is_taken_and_none_goes(by_link: Client, agreeing: QuestionnaireResponse) -> None:
    assert send(by_link, "photo_top", jpeg()).status_code == 302
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
    assert answer.status_code == (302 if kept else 422)
    assert str(photo.taken_on) == str(kept)


# --- Deleting, and looking after the files ---


def test_deleting_a_draft_deletes_its_files(
    agreeing: QuestionnaireResponse, folder: Path, django_capture_on_commit_callbacks: Commit
) -> None:
    add(agreeing)
    with django_capture_on_commit_callbacks(execute=True):
        actions.delete_draft(agreeing, by=SOMEBODY, now=NOW)
    assert list(folder.iterdir()) == []
    assert AuditEvent.objects.filter(action="intake.purge_photo").count() == 1


def test_photos_of_a_draft_go_after_72_hours_and_the_answers_stay(
    agreeing: QuestionnaireResponse, folder: Path, django_capture_on_commit_callbacks: Commit
) -> None:
    add(agreeing)
    saved = QuestionnaireResponse.objects.get(pk=agreeing.pk).saved_at
    assert later.purge_photos(now=saved + timedelta(hours=71, minutes=59)) == 0
    assert len(list(folder.iterdir())) == 2
    with django_capture_on_commit_callbacks(execute=True):
        assert later.purge_photos(now=saved + timedelta(hours=72)) == 1
    assert list(folder.iterdir()) == []
    assert "photo_front" not in answers_in(agreeing)
    assert answers_in(agreeing)["photo_consent"] == "yes"
    event = AuditEvent.objects.get(action="intake.purge_photo")
    assert (event.actor_kind, event.detail) == ("system", {"view": "photo_front", "reason": "72 h unsent"})
    assert later.purge_photos(now=saved + timedelta(hours=73)) == 0


def test_photos_of_a_draft_that_was_opened_again_by_its_link_stay(agreeing: QuestionnaireResponse) -> None:
    add(agreeing)
    link = ResumeLink.objects.create(
        response=agreeing, channel="email", address="a@b.example", key_id="test", sha256=b"x" * 32, asked_at=NOW,
        last_used_at=NOW + timedelta(hours=50), expires_at=NOW + timedelta(days=32),
    )  # fmt: skip
    assert later.purge_photos(now=NOW + timedelta(hours=121)) == 0
    assert later.purge_photos(now=link.last_used_at + timedelta(hours=72)) == 1


def test_photos_that_were_sent_or_belong_to_a_visit_stay(agreeing: QuestionnaireResponse, maya: Patient) -> None:
    add(agreeing)
    late = NOW + timedelta(days=400)
    QuestionnaireResponse.objects.filter(pk=agreeing.pk).update(patient=maya)
    assert later.purge_photos(now=late) == 0
    QuestionnaireResponse.objects.filter(pk=agreeing.pk).update(patient=None, status="completed", completed_at=NOW)
    assert later.purge_photos(now=late) == 0
    with pytest.raises(IntakeError):
        actions.drop_photos(agreeing, by=Actor.system(), now=late, reason="")
    assert agreeing.photos.count() == 1


def test_the_check_finds_lost_and_left_over_files(agreeing: QuestionnaireResponse, folder: Path) -> None:
    photo = add(agreeing)
    out = StringIO()
    call_command("check_photos", stdout=out)
    assert out.getvalue() == "photos=1 broken=0 files_without_a_row_found=0\n"
    (folder / ("e" * 64)).write_bytes(b"x")
    out = StringIO()
    call_command("check_photos", stdout=out)
    assert "found=0" in out.getvalue()  # it may be about to get its row
    os.utime(folder / ("e" * 64), (0, 0))
    out = StringIO()
    call_command("check_photos", "--delete", stdout=out)
    assert "deleted=1" in out.getvalue()
    (folder / photo.small_name).write_bytes(b"changed")
    with pytest.raises(CommandError, match="1 photos cannot be opened"):
        call_command("check_photos", stdout=StringIO(), stderr=StringIO())


def test_a_bucket_is_one_setting() -> None:
    entry = photo_storage("s3://clinic-photos/prod?endpoint=https://s3.example&region=ca-central-1", Path("/unused"))
    assert entry["BACKEND"] == "storages.backends.s3.S3Storage"
    assert entry["OPTIONS"]["bucket_name"] == "clinic-photos"
    assert entry["OPTIONS"]["location"] == "prod"
    assert entry["OPTIONS"]["endpoint_url"] == "https://s3.example"
    for wrong in ("https://x", "s3://", "s3://b?acl=public"):
        with pytest.raises(Exception, match="PHOTO_STORAGE"):
            photo_storage(wrong, Path("/unused"))
