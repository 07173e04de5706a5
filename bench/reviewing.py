"""Opening a full response for review: statements of the page, and how it compares with a bare no-op in the same seconds."""

import uuid
from statistics import median
from typing import Any

from bench.asking import opened_as
from bench.client import Client, get, timed

TURNS = 60


def full_response(draft: Any) -> Any:
    """A patient's answers to everything, sent twice half a year apart, a photo of each view, and a draft of the review."""
    from datetime import timedelta

    from accounts import clock
    from accounts.models import User
    from audit.actor import Actor
    from intake import actions
    from intake.models import Photo, QuestionnaireResponse
    from patients.models import Patient

    now, by = clock.now(), Actor.anonymous()
    patient = Patient.objects.create(
        legal_first_name="Pat", legal_last_name="Bench", date_of_birth=draft.today.replace(year=1987, day=1), created_at=now
    )
    response = actions.complete(draft, patient=patient, declared_at=now, signature="Pat Bench", by=by, now=now)
    views = ("photo_front", "photo_top", "photo_crown", "photo_left", "photo_right")
    Photo.objects.bulk_create(
        Photo(response=response, link_id=view, kind="image", received_at=now, size=1, width=9, height=9, name=uuid.uuid4().hex)
        for view in views
    )
    before = QuestionnaireResponse.objects.exclude(pk=response.pk).sent().exclude(patient=patient).order_by("pk").first()
    if before is not None:
        earlier = now - timedelta(days=180)
        QuestionnaireResponse.objects.filter(pk=before.pk).update(patient=patient, completed_at=earlier, started_at=earlier)
    osei = User.objects.get(email="osei@tn.example")
    actions.save_review(response, {"note": "Half a thought"}, by=Actor.staff(osei), now=now)
    return response


def opened(draft: Any) -> tuple[int, str, str]:
    """Statements of the page, its path, and the session's key."""
    path = f"/md/review/{full_response(draft).public_id}/"
    statements, session = opened_as("osei@tn.example", path)
    return statements, path, session


def compared(path: str, session: str, port: int, noop: int) -> float:
    """How many times as long as the no-op, asked in turn."""
    ask, plain = get(path, port, Cookie=f"session={session}"), get("/", noop)
    page, bare = Client(port), Client(noop)
    took = [(timed(page, ask, 200), timed(bare, plain, 200)) for _turn in range(TURNS)]
    return median(a for a, _b in took[TURNS // 6 :]) / median(b for _a, b in took[TURNS // 6 :])
