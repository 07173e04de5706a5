"""The demo's answers: every state of the physician's queue has somebody in it."""

import pytest

from accounts.models import Role, User
from audit.actor import Actor
from intake import demo
from intake.actions import publish_all
from patients.models import Patient
from tests.factories import WEDNESDAY


@pytest.mark.django_db
def test_the_demos_queue_has_an_open_question_and_a_signature_to_confirm(clinic):
    publish_all(by=Actor.system(), now=WEDNESDAY)
    doctor = User.objects.create_user("osei@tn.example", "x", name="Dr. Amara Osei", role=Role.PHYSICIAN)
    people = [Patient(legal_first_name="P", mobile=f"+1519555012{n}", created_at=WEDNESDAY) for n in range(8)]
    responses = demo.load(people, now=WEDNESDAY, pictures=False)
    demo.decide(responses, [doctor] * 8, now=WEDNESDAY)
    for response in responses[6:]:
        response.refresh_from_db()
    to_confirm, asked = responses[6:]
    assert (to_confirm.to_confirm, to_confirm.reviewed_at is not None) == (True, True)
    assert (asked.asked_at is not None, asked.reviewed_at, asked.caution_flags + asked.urgent_flags > 0) == (True, None, True)
    assert responses[4].is_draft
    assert responses[5] is None
