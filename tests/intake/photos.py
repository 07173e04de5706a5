"""What the tests about photos share: a photo added by the verb or sent by a browser, answers that were sent, somebody at the desk."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from intake import actions
from intake.document import decrypt
from intake.models import Photo, QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import NOW, SOMEBODY
from tests.intake.pictures import jpeg

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
Fill = Callable[[dict[str, Any]], QuestionnaireResponse]
Commit = Callable[..., AbstractContextManager[list[Any]]]


def add(response: QuestionnaireResponse, view: str = "photo_front", data: bytes = b"") -> Photo:
    return actions.add_photo(response, view, actions.Upload(data or jpeg()), by=SOMEBODY, now=NOW)


def send(client: Client, view: str, data: bytes, name: str = "IMG_1.jpg", kind: str = "image/jpeg", **extra: Any) -> Any:
    form = {"link_id": view, "page": "question", "file": SimpleUploadedFile(name, data, kind)}
    return client.post(reverse("intake:photo_add"), form, **extra)


def answers_in(draft: QuestionnaireResponse) -> dict[str, Any]:
    draft.refresh_from_db()
    return decrypt(draft).answers


def complete(draft: QuestionnaireResponse, patient: Patient) -> QuestionnaireResponse:
    return actions.complete(draft, patient=patient, declared_at=NOW, signature="Maya Chowdhury", by=SOMEBODY, now=NOW)


def staff_client(role: str) -> Client:
    client = Client()
    client.force_login(
        User.objects.create_user(f"{role}@tn.example", "correct horse battery", name=role, role=role),
        "allauth.account.auth_backends.AuthenticationBackend",
    )
    return client
