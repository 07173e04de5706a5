"""The page that asks for photos, with and without a script."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from intake import actions
from intake.models import Photo, QuestionnaireResponse
from tests.intake.conftest import NOW, SOMEBODY
from tests.intake.photos import add, answers_in, send
from tests.intake.pictures import jpeg

pytestmark = pytest.mark.usefixtures("folder")


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
    assert sitting.post(reverse("intake:photo_remove", args=[photo.public_id]), {"page": "question"}).status_code == 303
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
