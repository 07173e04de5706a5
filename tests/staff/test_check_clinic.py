"""`manage.py check_clinic`: what is missing is named, with where to put it right; what is there is not."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command

from accounts import clock
from accounts.models import Clinic, User
from audit.actions import record
from audit.actor import Actor
from booking.models import Practitioner, Service
from booking.setup import DEMO_CLINIC, load_clinic
from notifications.models import Heartbeat
from staff.readiness import points

pytestmark = pytest.mark.django_db


def missing(**how: Any) -> dict[str, str]:
    return {p.name: p.said for p in points(now=clock.now(), connect=False, **how) if not p.ok}


def test_before_anything_there_is_no_clinic() -> None:
    assert missing()["clinic"] == "there is none yet"


def test_the_examples_clinic_is_not_taken_for_a_real_one() -> None:
    load_clinic(DEMO_CLINIC, now=clock.now(), by=Actor.system())
    found = missing()
    assert found["address"] == "still the example's: 519-555-0142, 100 Example Street"
    assert found["Dr. Osei"] == "no sign-in, the example's register number"
    assert found["First assessment"] == "questionnaire hair-loss-intake is not published"
    assert found["clinic lead"] == "nobody signs in"
    assert found["backup"] == "never made"


def test_a_clinic_with_everything_has_nothing_to_do(
    settings: Any, clinic: Clinic, service: Service, practitioner: Practitioner, lead_user: User, reception: User, physician: User
) -> None:
    settings.HTTPS, settings.SITE_URL, settings.SMS_CHANNEL = True, "https://book.birch.ca", "off"
    settings.DEFAULT_FROM_EMAIL, settings.MAIL_REPLY_TO, settings.EMAIL_USE_TLS = "visits@birch.ca", "hello@birch.ca", True
    settings.MAIL_BOUNCES, settings.ALARM_MAIL, settings.BACKUP_KEYS = "b@birch.ca", ["it@birch.ca"], ["age1a", "age1b"]
    settings.ANSWER_KEYS, settings.LINK_KEYS = {"a": "a" * 40}, {"l": "l" * 40}
    Clinic.objects.update(phone="519-742-0000", street="7 King Street")
    Heartbeat.objects.create(name="worker", at=clock.now())
    record("backups.make", by=Actor.system(), now=clock.now() - timedelta(hours=9))
    assert missing() == {"second step of sign-in": "not yet: Lena Marchetti, Joanne Miller, Dr. Amara Osei"}


def test_the_command_says_it_all_and_fails(clinic: Clinic) -> None:
    said = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("check_clinic", "--no-connect", stdout=said)
    assert end.value.code == 1
    assert "TO DO  clinic lead: nobody signs in  → manage.py create_staff --role lead" in said.getvalue()
    assert "ok     late cancellation: $50" in said.getvalue()


def test_with_a_lead_the_others_are_invited_from_the_list(clinic: Clinic, lead_user: User) -> None:
    assert [p.where for p in points(now=clock.now(), connect=False) if p.name == "reception"] == ["/clinic/people/"]


def test_a_clinic_that_says_nothing_of_a_fee_has_none() -> None:
    assert Clinic(name="Birch").late_fee == ""
    assert Clinic(name="Birch").hours_text == "", "and no hours but its own"
