"""What the intake tests start from."""

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from accounts import clock
from accounts.models import Clinic, User
from audit.actor import Actor
from config.storage import photo_storage
from intake import actions, engine
from intake.definition import Definition
from intake.document import decrypt, put
from intake.loader import FOLDER, load
from intake.models import QuestionnaireResponse
from patients.models import Patient
from tests import answering

NOW = datetime(2027, 2, 10, 15, 0, tzinfo=clock.UTC)
TODAY = date(2027, 2, 10)
HAIR = load(FOLDER / "hair-loss-intake-1.0.2.yaml")
ASKING = engine.Asking(today=TODAY, uploads=True)
SOMEBODY = Actor.anonymous()
_FILE: dict[str, Any] = json.loads((Path(__file__).parent / "patients.json").read_text(encoding="utf-8"))


def answers_of(person: dict[str, Any]) -> dict[str, Any]:
    """A scripted person's answers as a draft holds them."""
    answers = {"about_dob": person["about_dob"], **person["answers"]}
    answers["start_consent_collect"] = True
    answers["finish_declare"] = True
    if "med_name" in answers:
        answers["med_item"] = [{"med_name": name, "med_dose": ""} for name in answers.pop("med_name")]
    for name, value in answers.items():
        if isinstance(value, list) and name in HAIR.questions and HAIR.questions[name].options:
            answers[name] = [o.code for o in HAIR.questions[name].options if o.code in value]  # the form's order
    return engine.calc(HAIR, answers, TODAY)


PEOPLE = {person["name"]: person for person in _FILE["patients"]}
each_person = pytest.mark.parametrize("person", list(PEOPLE.values()), ids=list(PEOPLE))


def typed(**fields: Any) -> QueryDict:
    """A form as it arrives."""
    form = QueryDict(mutable=True)
    for name, value in fields.items():
        form.setlist(name, value if isinstance(value, list) else [value])
    return form


def form_for(question_id: str, answers: dict[str, Any]) -> dict[str, Any]:
    """What a browser sends for one question, from the answer a draft would hold."""
    value = answers.get(question_id)
    if question_id == "med_item":
        rows = value or []
        return {"med_name": [r["med_name"] for r in rows], "med_dose": [r["med_dose"] for r in rows]}
    question = HAIR.questions[question_id]
    if question.type == "attachment":
        return {}  # Files go one by one, each on its own.
    if question.type == "date" and value:
        year, month, day = value.split("-")
        return {f"{question_id}_year": year, f"{question_id}_month": month, f"{question_id}_day": day}
    if value is None:
        return {}
    return {question_id: "true" if value is True else str(value) if isinstance(value, int) else value}


@pytest.fixture
def hair() -> Definition:
    """The hair-loss intake, from its file."""
    return HAIR


@pytest.fixture
def draft(clinic: Clinic) -> QuestionnaireResponse:
    """An empty draft of the published intake."""
    actions.publish_all(by=Actor.system(), now=NOW)
    return actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)


@pytest.fixture
def maya(clinic: Clinic) -> Patient:
    """A patient."""
    return Patient.objects.create(
        legal_first_name="Maya", legal_last_name="Chowdhury", date_of_birth=date(1991, 4, 2), created_at=NOW,
        email="maya@example.com", mobile="+15195550163",
    )  # fmt: skip


@pytest.fixture
def fill(draft: QuestionnaireResponse) -> Callable[..., QuestionnaireResponse]:
    """Fills the draft with answers; with `each_page` every page goes through the action."""
    return partial(answering.fill, draft, by=SOMEBODY, now=NOW)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """An empty folder of this test's own for photos."""
    settings.PRIVATE_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"photos": photo_storage("", tmp_path)}
    return tmp_path / "photos"


@pytest.fixture
def agreeing(fill: Callable[..., QuestionnaireResponse]) -> QuestionnaireResponse:
    """A draft whose person agrees to photos, has a bald patch, brings test results, takes medicines, and has sent no photo."""
    answers = answers_of(PEOPLE["Woman 27, sudden patches"]) | {"hx_labs": "yes-copy", "med_any": "yes"}
    answers["med_item"] = [{"med_name": "Iron", "med_dose": ""}]
    return fill({k: v for k, v in answers.items() if not k.startswith("photo_") or k == "photo_consent"})


@pytest.fixture
def doctor(db: None) -> Actor:
    """Dr. Osei, who reviews."""
    return Actor.staff(User.objects.create(email="osei@tn.example", name="Dr. Amara Osei", role="physician"))


@pytest.fixture
def sent(clinic: Clinic, maya: Patient) -> QuestionnaireResponse:
    """What Maya sent: answers that raise U04, which must be acknowledged."""
    actions.publish_all(by=Actor.system(), now=NOW)
    response = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    person = PEOPLE["Woman 66, tender scalp, brow loss"]
    document = decrypt(response)
    document.answers, document.done = answers_of(person), ["1/1"]
    put(response, document)
    response.save()
    return actions.complete(response, patient=maya, declared_at=NOW, signature="Maya Chowdhury", by=SOMEBODY, now=NOW)


def seat(client: Client, draft: QuestionnaireResponse) -> Client:
    """That browser, in which these answers are open."""
    session = client.session
    session["draft"] = str(draft.public_id)
    session.save()
    return client


@pytest.fixture
def sitting(client: Client, draft: QuestionnaireResponse) -> Client:
    """A browser with the draft in its session."""
    return seat(client, draft)


def visible(html: str) -> str:
    """A page without what only a script would bring out."""
    return re.sub(r"<template.*?</template>", "", html, flags=re.DOTALL)


def on_page(html: str) -> list[str]:
    """The questions a page asks somebody without a script."""
    return re.findall(r'name="shown" value="([a-z0-9_]+)"', visible(html))
