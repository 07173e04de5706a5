"""/me/details/: a new address counts once its code came back; the choice of messages at once."""

import hashlib
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking.actions import change_contact
from booking.links import find_visit, token_of
from intake.actions import publish_all
from intake.consents import messages_wording
from patients.models import ConsentRecord, ContactCode, Patient
from tests.booking.conftest import text_of
from tests.factories import WEDNESDAY
from tests.portal.conftest import signs_in, typed


def test_details_are_shown_and_the_choice_of_messages_counts_at_once(maya, patient):
    said = text_of(maya.get("/me/details/"))
    for fact in ("Maya Chowdhury", "June 2, 1991", "519-555-0181", "maya@example.com"):
        assert fact in said
    assert maya.post("/me/details/", {"reminder_by": "email", "voicemail_ok": "yes"}).status_code == 303
    patient.refresh_from_db()
    assert (patient.reminder_by, patient.voicemail_ok, patient.email) == ("email", True, "maya@example.com")


def test_the_trail_names_what_changed_and_the_same_again_is_no_change(maya, patient):
    for _twice in range(2):
        maya.post("/me/details/", {"reminder_by": "email", "voicemail_ok": "no"})
    (told,) = AuditEvent.objects.filter(action="patients.update_contact", subject_id=patient.pk)
    assert told.detail == {"changed": ["reminder_by"]}


def test_choosing_messages_is_a_consent_in_the_words_that_the_page_shows(maya, patient):
    publish_all(by=Actor.system(), now=WEDNESDAY)
    shown = text_of(maya.get("/me/details/"))
    question, note = messages_wording()
    assert question in shown
    assert note in shown
    maya.post("/me/details/", {"reminder_by": "email", "voicemail_ok": "no"})
    record = ConsentRecord.objects.get(patient=patient, code="C2")
    assert (record.choice, record.text_sha256) == ("email", hashlib.sha256(f"{question}\n{note}".encode()).hexdigest())


def test_a_new_address_counts_once_its_code_came_back(maya, patient):
    assert maya.post("/me/details/email/", {"address": "new@example.com"})["Location"] == "/me/details/code/"
    patient.refresh_from_db()
    assert patient.email == "maya@example.com"
    assert ContactCode.objects.latest("pk").address == "new@example.com"
    assert maya.post("/me/details/code/", {"code": "000000"}).status_code == 422
    assert maya.post("/me/details/code/", typed())["Location"] == "/me/details/"
    patient.refresh_from_db()
    assert (patient.email, patient.email_checked_at) == ("new@example.com", WEDNESDAY)
    assert maya.get("/me/").status_code == 200


def test_ten_minutes_after_the_last_proof_a_new_address_does_not_count(maya, patient, at):
    at.shift(timedelta(minutes=9))
    maya.post("/me/details/email/", {"address": "new@example.com"})
    at.shift(timedelta(minutes=2))
    assert maya.post("/me/details/code/", typed())["Location"] == "/me/prove/?next=%2Fme%2Fdetails%2Fcode%2F"
    patient.refresh_from_db()
    assert patient.email == "maya@example.com"


def test_with_a_new_address_every_other_sign_in_ends(maya, patient):
    """Who reads the old mailbox may be in already."""
    other = signs_in()
    assert other.get("/me/").status_code == 200
    maya.post("/me/details/email/", {"address": "new@example.com"})
    assert maya.post("/me/details/code/", typed()).status_code == 303
    assert maya.get("/me/").status_code == 200
    assert other.get("/me/")["Location"].startswith("/me/sign-in/")


def test_with_a_passkey_that_is_removed_every_other_sign_in_ends(maya, patient):
    """It may be that of a phone that was lost."""
    lost = signs_in()
    patient.refresh_from_db()
    key = Authenticator.objects.create(user=patient.user, type=Authenticator.Type.WEBAUTHN, data={})
    assert maya.post(f"/me/passkeys/{key.pk}/remove/").status_code == 303
    assert maya.get("/me/").status_code == 200
    assert lost.get("/me/")["Location"].startswith("/me/sign-in/")


@pytest.fixture
def keys(maya, patient, reception):
    """Two passkeys of Maya's and one of somebody at the desk."""
    patient.refresh_from_db()
    kind = Authenticator.Type.WEBAUTHN
    return [Authenticator.objects.create(user=user, type=kind, data={}) for user in (patient.user, patient.user, reception)]


def test_ones_own_passkeys_are_removed_one_by_one(maya, keys):
    first, second, theirs = keys
    assert maya.post(f"/me/passkeys/{theirs.pk}/remove/").status_code == 404
    assert maya.post(f"/me/passkeys/{second.pk}/remove/").status_code == 303
    assert list(Authenticator.objects.order_by("pk")) == [first, theirs]


def test_ten_minutes_after_signing_in_no_passkey_is_added_or_removed_without_a_code(maya, keys, at):
    at.shift(timedelta(minutes=11))
    assert maya.get("/me/passkeys/")["Location"] == "/me/prove/?next=%2Fme%2Fpasskeys%2F"
    for url in ("/me/passkeys/", f"/me/passkeys/{keys[0].pk}/remove/"):
        assert maya.post(url)["Location"] == "/me/prove/?next=%2Fme%2Fpasskeys%2F"
    assert Authenticator.objects.count() == 3


def test_what_no_browser_makes_is_not_added_as_a_passkey(maya):
    maya.get("/me/passkeys/")
    for text in ('{"id": "a"}', '{"id": 1, "rawId": [], "type": "public-key", "response": "x"}', "[1]"):
        assert maya.post("/me/passkeys/", {"name": "x", "credential": text}).status_code == 422


def test_the_links_that_went_to_the_old_address_stop(maya, patient, visit):
    old = token_of(visit)
    maya.post("/me/details/text/", {"address": "519-555-0144"})
    maya.post("/me/details/code/", typed())
    assert find_visit(old, now=WEDNESDAY) is None
    assert signs_in("519-555-0144", client=Client(REMOTE_ADDR="203.0.113.9")).get("/me/").status_code == 200


def test_addresses_that_are_none_are_refused_and_kept_as_typed(maya):
    answer = maya.post("/me/details/email/", {"address": "nonsense"})
    assert answer.status_code == 422
    assert 'value="nonsense"' in answer.content.decode()
    assert "This looks like a home phone" in text_of(maya.post("/me/details/text/", {"address": "+44 20 7946 0958"}))


def test_ten_minutes_after_signing_in_a_code_comes_first(maya, patient, at):
    at.shift(timedelta(minutes=11))
    there = maya.get("/me/details/email/")["Location"]
    assert there == "/me/prove/?next=%2Fme%2Fdetails%2Femail%2F"
    assert maya.post("/me/details/email/", {"address": "new@example.com"})["Location"].startswith("/me/prove/")
    before = ContactCode.objects.count()
    maya.get(there)
    assert ContactCode.objects.count() == before
    maya.post("/me/prove/", {"next": "/me/details/email/"})
    assert ContactCode.objects.latest("pk").address == "maya@example.com"
    assert maya.post("/me/prove/", {"code": "000000", "next": "/me/details/email/"}).status_code == 422
    assert maya.post("/me/prove/", typed() | {"next": "/me/details/email/"})["Location"] == "/me/details/email/"
    assert maya.get("/me/details/email/").status_code == 200


@pytest.mark.parametrize("whose", ["clinic", "own"])
def test_when_the_clinic_changes_an_address_the_patients_sign_ins_and_passkeys_end(maya, patient, reception, whose):
    patient.refresh_from_db()
    Authenticator.objects.create(user=patient.user, type=Authenticator.Type.WEBAUTHN, data={})
    by = Actor.staff(reception) if whose == "clinic" else Actor.patient(patient.pk)
    change_contact(patient, email="other@example.com", by=by, now=clock.now())
    ended = whose == "clinic"
    assert (maya.get("/me/").status_code == 302) == ended
    assert Authenticator.objects.exists() != ended
    assert AuditEvent.objects.filter(action="accounts.passkey_removed").exists() == ended


def test_a_code_to_prove_it_goes_where_one_arrives(maya, patient, at):
    """Mail to her came back: an address that works can only be given after a code."""
    Patient.objects.update(email_bounced_at=clock.now())
    at.shift(timedelta(minutes=11))
    assert "519-555-••81" in text_of(maya.get("/me/prove/"))
    maya.post("/me/prove/", {"next": "/me/details/email/"})
    assert ContactCode.objects.latest("pk").channel == "text"
    assert maya.post("/me/prove/", typed() | {"next": "/me/details/email/"})["Location"] == "/me/details/email/"
