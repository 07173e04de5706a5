"""Texts that come in: C confirms, STOP and START are kept, HELP is answered, anything else waits for a person."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.test import Client

from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.links import token_of
from booking.models import Appointment, Practitioner, Status
from notifications import replies
from notifications.meaning import meaning_of
from notifications.models import Inbound
from patients.actions import identify
from patients.models import Patient
from tests.factories import WEDNESDAY, contact_of
from tests.notifications.conftest import GRACE, MINUTE, Post, at, go, says, states, texts
from tests.notifications.provider import Provider

TWO_DAYS_BEFORE = at("2027-03-09 10:20")
pytestmark = pytest.mark.django_db


def answer(words: str, *, sender: str = "+15195550181", now: object = TWO_DAYS_BEFORE + MINUTE) -> Inbound:
    """Somebody answers a text; the next round reads it."""
    sid = f"{words}{Inbound.objects.count()}"
    replies.take("catcher", sid, sender, words, now=now)  # type: ignore[arg-type]
    go(now)  # type: ignore[arg-type]
    return Inbound.objects.get(provider_id=sid[:64])


@pytest.fixture
def reminded(post: Post, visit: Appointment) -> Appointment:
    """Maya's visit, of which a text has asked for a C."""
    go(WEDNESDAY + GRACE)
    go(TWO_DAYS_BEFORE)
    assert "Reply C to confirm." in texts()[-1]
    return visit


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("C", "confirm"), ("c.", "confirm"), (" Confirm! ", "confirm"), ("YES", "confirm"), ("Oui merci", "confirm"),
        ("yes please", "confirm"), ("👍", "other"), ("N", "pass"), ("non", "pass"), ("STOP", "stop"), ("Arrêt", "stop"),
        ("arret.", "stop"), ("stop texting me", "stop"), ("Opt out", "stop"), ("cancel", "stop"), ("START", "start"),
        ("unstop", "start"), ("HELP", "help"), ("Aide", "help"), ("", "other"), ("Yes, but can we make it 3?", "other"),
        ("Can I stop taking the pills?", "other"), ("stop by at 3?", "other"), ("C u tomorrow", "other"), ("no thanks", "pass"),
    ],
)  # fmt: skip
def test_only_what_is_plain_is_understood(words: str, meaning: str) -> None:
    assert meaning_of(words) == meaning


@pytest.mark.parametrize("words", ["C", "yes", "OUI"])
def test_c_confirms_the_visit_that_was_asked_about_and_says_so(reminded: Appointment, words: str) -> None:
    answer(words)
    reminded.refresh_from_db()
    assert reminded.status == Status.CONFIRMED
    assert texts()[-1].startswith("True North: thank you, you are confirmed for Thu Mar 11 at 10:20 am.")
    event = AuditEvent.objects.filter(action="booking.confirm").get()
    assert (event.actor_kind, event.subject_id) == ("patient", reminded.patient_id)


def test_a_text_that_is_handed_over_twice_counts_once(provider: Provider, visit: Appointment, client: Client) -> None:
    go(WEDNESDAY + GRACE)
    go(TWO_DAYS_BEFORE)
    for _ in range(3):
        assert says(client, "C", sid="SM77").status_code == 200
        go(TWO_DAYS_BEFORE + MINUTE)
    assert Inbound.objects.count() == 1
    assert sum("you are confirmed" in body for body in provider.bodies) == 1
    assert "/v/" in provider.bodies[-1]


def test_c_twice_confirms_once_and_is_answered_twice(reminded: Appointment) -> None:
    answer("C")
    answer("C", now=TWO_DAYS_BEFORE + 2 * MINUTE)
    reminded.refresh_from_db()
    assert reminded.status == Status.CONFIRMED
    assert AuditEvent.objects.filter(action="booking.confirm").count() == 1


def test_c_does_not_confirm_a_time_that_the_text_did_not_say(
    reminded: Appointment, practitioner: Practitioner, desk: Actor
) -> None:
    actions.move(reminded, practitioner, at("2027-03-15 14:40"), by=desk, now=TWO_DAYS_BEFORE, overbook=True)
    inbound = answer("C")
    reminded.refresh_from_db()
    assert reminded.status == Status.BOOKED
    assert inbound.needs_person


def test_nor_one_to_which_the_visit_moves_while_the_text_is_read(
    reminded: Appointment, practitioner: Practitioner, desk: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = list(Appointment.objects.filter(pk=reminded.pk))
    monkeypatch.setattr(replies, "visits_told", lambda *args, **kwargs: looked)
    actions.move(reminded, practitioner, at("2027-03-15 14:40"), by=desk, now=TWO_DAYS_BEFORE, overbook=True)
    inbound = answer("C")
    reminded.refresh_from_db()
    assert (reminded.status, inbound.needs_person) == (Status.BOOKED, True)


def test_c_of_who_booked_for_somebody_confirms_and_the_patients_own_c_which_nobody_asked_for_needs_a_person(
    post: Post, helped: Appointment
) -> None:
    go(TWO_DAYS_BEFORE)
    assert answer("C").needs_person
    answer("C", sender="+15195550166")
    helped.refresh_from_db()
    assert helped.status == Status.CONFIRMED
    assert texts()[-1].startswith("True North: thank you, you are confirmed for Thu Mar 11 at 10:20 am.")


def test_the_answer_to_c_does_not_go_to_a_number_that_is_not_theirs_any_more(reminded: Appointment, desk: Actor) -> None:
    replies.take("catcher", "c1", "+15195550181", "C", now=TWO_DAYS_BEFORE + MINUTE)
    replies.handle(now=TWO_DAYS_BEFORE + MINUTE)
    assert reminded.patient is not None
    actions.change_contact(reminded.patient, mobile="+15195550177", by=desk, now=TWO_DAYS_BEFORE + MINUTE)
    before = texts()
    go(TWO_DAYS_BEFORE + 2 * MINUTE)
    assert texts() == before


def test_one_c_for_two_children_needs_a_person(reminded: Appointment, book: Callable[..., Appointment], patient: Patient) -> None:
    sister = Patient.objects.create(
        legal_first_name="Mina", legal_last_name="Chowdhury", date_of_birth=date(1993, 1, 1), mobile=patient.mobile,
        created_at=WEDNESDAY,
    )  # fmt: skip
    other = book(at("2027-03-11 13:00"), patient=sister)
    go(at("2027-03-09 13:00"))
    inbound = answer("C", now=at("2027-03-09 13:05"))
    reminded.refresh_from_db()
    other.refresh_from_db()
    assert (reminded.status, other.status) == (Status.BOOKED, Status.BOOKED)
    assert (inbound.meaning, inbound.needs_person) == ("confirm", True)


@pytest.mark.parametrize("words", ["STOP", "arrêt"])
def test_stop_ends_texts_and_not_the_visit_and_start_turns_them_on_again(reminded: Appointment, post: Post, words: str) -> None:
    answer(words)
    assert texts()[-1].startswith("True North: no more texts from us. We will email you instead. Reply START")
    patient = Patient.objects.get()
    assert patient.texts_stopped_at == TWO_DAYS_BEFORE + MINUTE
    count = len(texts())
    go(at("2027-03-10 10:20"))
    assert len(texts()) == count
    assert post.subjects[-1] == "Tomorrow at 10:20 a.m.: please confirm"
    answer("start", now=at("2027-03-10 10:30"))
    assert texts()[-1] == "True North: texts are back on. Reply STOP to end them again."
    assert Patient.objects.get().wants_text
    reminded.refresh_from_db()
    assert reminded.status == Status.BOOKED
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"patients.stop_texts", "patients.start_texts"}


@pytest.mark.parametrize(
    ("email", "says"),
    [("maya@example.com", "We will email you instead. Reply START"), ("", "We will phone you instead. Reply START")],
)
def test_what_comes_instead_of_texts_is_something_we_can_do(
    reminded: Appointment, patient: Patient, email: str, says: str
) -> None:
    Patient.objects.filter(pk=patient.pk).update(email=email)
    answer("STOP")
    assert says in texts()[-1]


def test_stop_belongs_to_the_number_also_for_who_gives_it_later(reminded: Appointment, patient: Patient) -> None:
    answer("STOP")
    sister = identify(contact_of(first_name="Mina", date_of_birth=date(1993, 1, 1)), checked_channel=None, by=Actor.anonymous(),
                      now=TWO_DAYS_BEFORE)  # fmt: skip
    assert sister.texts_stopped_at is not None


def test_the_provider_answers_stop_start_and_help_itself(provider: Provider, visit: Appointment, client: Client) -> None:
    go(WEDNESDAY + GRACE)
    before = len(provider.taken)
    for n, words in enumerate(["STOP", "START", "HELP"]):
        says(client, words)
        go(WEDNESDAY + GRACE + n * MINUTE)
    assert len(provider.taken) == before
    assert list(Inbound.objects.order_by("pk").values_list("meaning", flat=True)) == ["stop", "start", "help"]


def test_cancel_stops_texts_as_on_every_network_and_a_person_asks_whether_the_visit_was_meant(reminded: Appointment) -> None:
    inbound = answer("CANCEL")
    reminded.refresh_from_db()
    assert reminded.status == Status.BOOKED
    assert Patient.objects.get().texts_stopped_at is not None
    assert (inbound.needs_person, inbound.visit_id) == (True, reminded.pk)


def test_anything_else_needs_a_person_and_its_words_are_kept_encrypted(reminded: Appointment) -> None:
    inbound = answer("I am pregnant, can I still come?")
    assert (inbound.needs_person, inbound.visit_id) == (True, reminded.pk)
    assert b"pregnant" not in bytes(inbound.sealed)
    assert replies.body_of(inbound) == "I am pregnant, can I still come?"
    assert "a person will read this" in texts()[-1]


def test_two_machines_do_not_talk_to_each_other_all_night(reminded: Appointment) -> None:
    before = len(texts())
    for n in range(12):
        answer(f"I am away {n}")
    assert len(texts()) - before == replies.ANSWERS_AN_HOUR
    assert Inbound.objects.open().count() == 12


def test_a_number_nobody_has_is_answered_and_needs_a_person(post: Post, visit: Appointment) -> None:
    inbound = answer("Hello?", sender="+15195559999")
    assert inbound.needs_person
    assert inbound.visit_id is None


def test_the_words_go_after_ninety_days_and_the_meaning_stays(reminded: Appointment) -> None:
    inbound = answer("Hello?")
    assert replies.forget(now=TWO_DAYS_BEFORE + timedelta(days=89)) == 0
    assert replies.forget(now=TWO_DAYS_BEFORE + timedelta(days=91)) == 1
    inbound.refresh_from_db()
    assert replies.body_of(inbound) == ""
    assert inbound.meaning == "other"
    assert states("not_read")["text"][0] == "accepted"


def test_the_page_of_channels_says_that_texts_are_stopped_and_how_to_start_them(reminded: Appointment, client: Client) -> None:
    page = f"/v/{token_of(reminded)}/messages/"
    assert "START" not in client.get(page).content.decode()
    answer("STOP")
    assert "Answer START to any of our texts" in client.get(page).content.decode()
