"""Answers for the demo clinic: eight invented people who have sent their questionnaire, or are in the middle of it."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from accounts.models import User
from audit.actor import Actor
from intake import engine, photos
from intake.actions import (
    Upload,
    acknowledge_flag,
    add_photo,
    asking_for,
    attach_patient,
    complete,
    save_contact,
    save_page,
    sign_review,
    start_draft,
    write_snippet,
)
from intake.demo_art import draw
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from patients.models import Patient

PEOPLE = Path(__file__).with_name("demo-answers.json")
QUESTIONNAIRE = "hair-loss-intake"
# Whose photos there are; the others sent none.
_VIEWS = {0: ("front", "top", "crown", "left", "right"), 1: ("front", "top", "crown"), 3: ("front", "top"), 6: ("front", "top")}
# The first one was here half a year ago; this is what was different then.
_BEFORE: dict[str, Any] = {
    "hair_course": "worse-fast", "hair_shedding": "lot", "hair_shedding_time": "6w-6m", "hair_impact": "3", "tx_any": "no",
    "finish_other": "Everybody says I should shave it off. I would rather not.",
}  # fmt: skip
_HALF_A_YEAR = timedelta(days=185)


def load(patients: Sequence[Patient], *, now: datetime, pictures: bool = True) -> list[QuestionnaireResponse | None]:
    """Give these patients the demo's names and answers.

    The sixth has answered nothing, the fifth is half-way; the others have sent theirs. The first was here before.

    Args:
        pictures: False leaves out the photos, and with them the earlier visit they are compared with.

    Returns:
        A response per patient, or None for the sixth.
    """
    people = json.loads(PEOPLE.read_text(encoding="utf-8"))
    made: list[QuestionnaireResponse | None] = []
    for index, (patient, person) in enumerate(zip(patients, people, strict=False)):
        patient.legal_first_name, patient.legal_last_name = person["first_name"], person["last_name"]
        patient.date_of_birth = date.fromisoformat(person["date_of_birth"])
        patient.email = f"{person['first_name']}.{person['last_name']}@example.com".lower()
        patient.reminder_by = "text_email"
        patient.save()
        thin = 0.75 if pictures else None
        if index == 0 and pictures:
            _answer(patient, person["answers"] | _BEFORE, index, at=now - _HALF_A_YEAR, thin=1.25)
        made.append(
            None if index == 5 else _answer(patient, person["answers"], index, at=now - timedelta(hours=20 - index), thin=thin)
        )
    return made


def _answer(patient: Patient, answers: dict[str, Any], index: int, *, at: datetime, thin: float | None) -> QuestionnaireResponse:
    """Walk the pages as the patient would. `thin` is how bare the drawn photos are; None: there are none."""
    half = index == 4
    by = Actor.patient(patient.pk)
    response = start_draft(QUESTIONNAIRE, by=by, now=at)
    contact = {
        "first_name": patient.legal_first_name, "last_name": patient.legal_last_name, "email": patient.email,
        "mobile": patient.e164, "reminder_by": patient.reminder_by, "date_of_birth": patient.date_of_birth.isoformat(),
    }  # fmt: skip
    document = save_contact(response, contact, by=by, now=at)
    asked: set[str] = set()
    while True:
        # A follow-up can appear on a page that was answered already, so questions are counted, not pages.
        pages = engine.pages(response.definition, document.answers, asking_for(response, document))
        page = next((p for p in pages if any(q.link_id not in asked for q in p.questions)), None)
        if page is None or (half and len(asked) > 24):
            break
        asked |= {q.link_id for q in page.questions}
        names = {q.link_id for q in page.questions} | (
            {"med_item"} if any(q.link_id == "med_name" for q in page.questions) else set()
        )
        given = {name: answers[name] for name in names if name in answers}
        document = save_page(response, page, given, by=by, now=at + timedelta(seconds=6 * len(asked))).document
    open_now = {q.link_id for q in photos.questions_for(response, document)}
    for view in _VIEWS.get(index, ()):
        if thin is not None and (link_id := f"photo_{view}") in open_now:
            drawn = Upload(draw(view, index, thin))
            add_photo(response, link_id, drawn, by=by, now=at + timedelta(minutes=7))
    if half:
        attach_patient(response, patient, by=by, now=at + timedelta(minutes=4))
        return response
    sent_at = at + timedelta(minutes=8)
    return complete(response, patient=patient, declared_at=sent_at, signature=patient.full_name, by=by, now=sent_at)


def review(patient: Patient, user: User, *, now: datetime) -> None:
    """The visit half a year ago was decided on, and signed by this physician."""
    by = Actor.staff(user)
    response = patient.responses.order_by("completed_at").first()
    if response is None or response.completed_at is None:
        return
    at = response.completed_at + timedelta(days=1)
    fields = {
        "outcome": "suitable", "suitable_for": "Minoxidil foam, once a day", "diagnosis": "Androgenetic alopecia",
        "certainty": "probable", "scale": "norwood", "grade": "IIIv", "scarring": "no", "pull_test": "1, 1, 0",
        "plan": "Foam on the crown in the evening. Photos of the same views in six months.", "back_in": "6",
    }  # fmt: skip
    sign_review(response, fields, by=by, now=min(at, now))


# What the physicians have decided so far today: who waits for a letter to go out, and who has been asked something.
_DECIDED: dict[int, dict[str, Any]] = {
    6: {
        "outcome": "labs", "labs": ["cbc", "ferritin", "tsh"], "diagnosis": "Shedding after a birth", "certainty": "probable",
        "plan": "No medicine while she is nursing. Look again at the visit, with the results.",
    },
    7: {
        "outcome": "more-info",
        "ask": "On which day did you start the pills, and have you missed any since? We also call you today.",
        "ask_items": ["tx_ari_effects", "photo_crown", "own_words"],
        "note": "Low mood since the pills. I call him before lunch.",
    },
}  # fmt: skip


# Texts that a physician of the demo has written for themselves; the product comes without any.
_SNIPPETS = (
    ("Clearer crown photo", "ask", "Please take the photo of your crown again: dry hair, in daylight, no flash."),
    ("Photos next time", "plan", "Photos of the same views at the next visit, {first_name}: same light, same hair length."),
    ("Where we stand", "note", "Age {age}, {diagnosis}, grade {grade}. Talked about at the visit."),
)


def write_snippets(user: User, *, now: datetime) -> None:
    """Three for one physician."""
    for name, field, text in _SNIPPETS:
        write_snippet(user, name=name, field=field, text=text, by=Actor.staff(user), now=now)


def decide(responses: Sequence[QuestionnaireResponse | None], physicians: Sequence[User | None], *, now: datetime) -> None:
    """Two of the queue were looked at an hour ago, every flag with them: one waits for the patient, one for a letter."""
    for index, fields in _DECIDED.items():
        response, user = (responses[index], physicians[index]) if index < len(responses) else (None, None)
        if response is None or user is None:
            continue
        by, at = Actor.staff(user), now - timedelta(hours=1)
        for flag in decrypt(response).flags.get("found", ()):
            acknowledge_flag(response, flag["code"], by=by, now=at)
        sign_review(response, fields, by=by, now=at)
