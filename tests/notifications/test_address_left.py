"""An address that messages about a patient do not come to any more: whoever reads it is told, once, and nothing else."""

from datetime import date, timedelta
from typing import Any

import pytest

from audit.actor import Actor
from booking import actions
from booking.models import Appointment
from notifications import retention
from notifications.kinds import EMAIL, TEXT
from notifications.models import Delivery, Message
from patients.actions import mark_bounced, merge, stop_texts
from patients.helpers import HelperContact
from patients.models import LeftAddress, MergeOffer, Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import DUE, GRACE, MINUTE, Post, at, go, states, texts

pytestmark = pytest.mark.django_db
LATER = WEDNESDAY + timedelta(hours=2)
KIM = HelperContact("Kim Lee", "wife", "kim@example.com", "+15195550167", "text_email", voicemail_ok=False, gets_messages=True)


@pytest.fixture
def known(visit: Appointment, patient: Patient, post: Post) -> Patient:
    """Maya, who was told of her visit; what went to her so far is put away."""
    go(DUE)
    post.envelopes.clear()
    return patient


def another(**fields: Any) -> Patient:
    """Rosa, whom we have known since Wednesday morning too."""
    born = {"legal_first_name": "Rosa", "legal_last_name": "Lee", "date_of_birth": date(1960, 5, 1), "created_at": WEDNESDAY}
    return Patient.objects.create(**born | fields)


def change(patient: Patient, desk: Actor, now: Any = LATER, **reach: Any) -> None:
    actions.change_contact(patient, by=desk, now=now, **reach)


def told(post: Post, now: Any = LATER + GRACE) -> list[tuple[str, str]]:
    """To which addresses a word about them goes, and its text."""
    go(now)
    mails = [(str(mail["to"]), mail.get_body(("plain",)).get_content()) for mail in post.mails if "contact" in mail["subject"]]
    return mails + [
        (d.channel, texts()[-1]) for d in Delivery.objects.filter(message__kind="address_left", channel=TEXT, state="accepted")
    ]


def test_the_old_email_address_is_told_and_has_a_number_to_call(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="new@example.com")
    ((to, said),) = told(post)
    assert to == "maya@example.com"
    assert (
        "On Wednesday, February 10 at 11:00 a.m. the contact address for your appointments was changed. It was this one"
        in " ".join(said.split())
    )
    assert "If that was not you, call us: 519-555-0142" in said


def test_the_old_mobile_is_told_by_text(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, mobile="+15195550144")
    assert told(post) == [
        (TEXT, "True North: this number is not used for your appointments any more. If that was not you, call us: 519-555-0142")
    ]


def test_what_the_old_address_reads_names_nobody_and_lets_nobody_in(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="new@example.com")
    go(LATER + GRACE)
    whole = post.envelopes[-1].content.decode()
    for word in ("Maya", "Chowdhury", "Osei", "March", "https://", "new@example.com"):
        assert word not in whole, word


def test_an_address_that_is_taken_off_without_another_is_told_too(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="")
    assert [to for to, _said in told(post)] == ["maya@example.com"]


def test_a_slip_that_is_put_right_at_once_tells_neither_address(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="slip@example.com")
    change(known, desk, LATER + MINUTE, email="maya@example.com")
    assert told(post, LATER + MINUTE + GRACE) == []


def test_an_address_nobody_was_ever_written_to_is_not_told(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="slip@example.com")
    change(known, desk, LATER + MINUTE, email="right@example.com")
    assert [to for to, _said in told(post, LATER + MINUTE + GRACE)] == ["maya@example.com"]


def test_a_slip_where_there_was_no_address_is_not_told_either(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, WEDNESDAY, email="")
    LeftAddress.objects.all().delete()
    change(known, desk, email="slip@example.com")
    change(known, desk, LATER + MINUTE, email="right@example.com")
    assert told(post, LATER + MINUTE + GRACE) == []


def test_an_address_that_came_back_for_a_moment_is_told_once_it_is_left_for_good(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="slip@example.com")
    change(known, desk, LATER + GRACE - MINUTE, email="maya@example.com")
    assert told(post) == []
    change(known, desk, LATER + GRACE + MINUTE, email="new@example.com")
    assert [to for to, _said in told(post, LATER + 3 * GRACE)] == ["maya@example.com"]


def test_to_and_fro_and_away_tells_it_once(known: Patient, post: Post, desk: Actor) -> None:
    for seconds, email in enumerate(("slip@example.com", "maya@example.com", "new@example.com")):
        change(known, desk, LATER + timedelta(seconds=seconds), email=email)
    assert [to for to, _said in told(post, LATER + 2 * GRACE)] == ["maya@example.com"]


def test_what_else_was_changed_a_moment_ago_keeps_nobody_from_being_told(helped: Appointment, post: Post, desk: Actor) -> None:
    """One call: the patient's own address, and who hears of the visit from now on."""
    go(DUE)
    post.envelopes.clear()
    change(helped.patient, desk, email="new@example.com", mobile="")
    actions.name_helper(helped, KIM, by=desk, now=LATER + MINUTE)
    assert "tom@example.com" in [to for to, _said in told(post, LATER + 2 * GRACE)]


def test_an_address_that_a_merge_drops_is_told_also_if_the_other_was_put_right_just_before(
    known: Patient, post: Post, desk: Actor
) -> None:
    change(known, desk, LATER + GRACE - MINUTE, email="new@example.com")
    merged(another(email="second@example.com", mobile="+15195550181"), known)
    assert "second@example.com" in [to for to, _said in told(post, LATER + 3 * GRACE)]


def test_the_same_address_in_other_letters_is_no_change(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="Maya@Example.com")
    assert not LeftAddress.objects.exists()


def test_who_shares_the_address_reads_that_it_is_about_somebody_and_that_their_own_messages_come(
    known: Patient, post: Post, desk: Actor
) -> None:
    another(email="MAYA@example.com", mobile="+15195550181")
    change(known, desk, email="new@example.com", mobile="")
    (to, said), (_way, text) = told(post)
    assert to == "maya@example.com"
    assert "Messages about everybody else’s appointments still come here." in " ".join(said.split())
    assert "your appointments" not in said
    assert (
        text
        == "True North: one of the people reached here has another number now. If nobody asked for that, call us: 519-555-0142"
    )


def test_who_wants_phone_calls_only_is_sent_nothing(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, reminder_by="phone")
    change(known, desk, email="new@example.com")
    assert told(post) == []


def test_whoever_took_the_address_over_cannot_choose_that_nobody_is_told(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="new@example.com")
    change(known, desk, LATER + MINUTE, reminder_by="phone")
    assert [to for to, _said in told(post)] == ["maya@example.com"]


def test_nor_in_the_same_step(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="new@example.com", reminder_by="phone")
    assert [to for to, _said in told(post)] == ["maya@example.com"]


def test_an_address_that_mail_came_back_from_is_not_written_to(known: Patient, post: Post, desk: Actor) -> None:
    mark_bounced(EMAIL, "maya@example.com", by=Actor.system(), now=LATER)
    change(known, desk, email="new@example.com")
    assert told(post) == []


def test_a_number_that_said_stop_gets_no_text_even_if_it_said_so_a_moment_ago(known: Patient, post: Post, desk: Actor) -> None:
    Patient.objects.create(
        legal_first_name="Rosa", date_of_birth=known.date_of_birth, mobile="+15195550181", created_at=WEDNESDAY
    )
    change(known, desk, mobile="+15195550144")
    stop_texts("+15195550181", by=Actor.system(), now=LATER)
    assert told(post) == []
    assert states("address_left") == {TEXT: ("skipped", "stopped")}


def merged(moved: Patient, kept: Patient) -> None:
    offer = MergeOffer.objects.create(patient=moved, candidate=kept, reason="x", created_at=LATER)
    merge(offer, same_person=True, by=Actor.system(), now=LATER + GRACE)


def test_who_gave_an_address_that_a_merge_drops_is_told_that_it_is_not_used(known: Patient, post: Post) -> None:
    merged(another(email="second@example.com", mobile="+15195550181"), known)
    assert [to for to, _said in told(post, LATER + 2 * GRACE)] == ["second@example.com"]


def test_an_address_left_by_a_record_whose_other_record_has_it_is_still_used(known: Patient, post: Post, desk: Actor) -> None:
    second = another(email="maya@example.com", mobile="")
    change(second, desk, email="second@example.com")
    merged(second, known)
    assert [to for to, _said in told(post, LATER + 2 * GRACE)] == ["second@example.com"]


def test_a_helper_in_whose_place_another_hears_of_the_visit_is_told(helped: Appointment, post: Post, desk: Actor) -> None:
    go(DUE)
    post.envelopes.clear()
    actions.name_helper(helped, KIM, by=desk, now=LATER)
    (to, _said), (way, _text) = told(post)
    assert (to, way) == ("tom@example.com", TEXT)


def test_it_waits_for_the_morning_only_as_a_text(known: Patient, post: Post, desk: Actor) -> None:
    night = at("2027-02-10 23:00")
    change(known, desk, night, email="new@example.com", mobile="+15195550144")
    go(night + GRACE)
    assert (states("address_left")[EMAIL][0], states("address_left")[TEXT][0]) == ("accepted", "pending")


def test_the_address_is_forgotten_after_a_week(known: Patient, post: Post, desk: Actor) -> None:
    change(known, desk, email="new@example.com")
    told(post)
    retention.forget(now=LATER + timedelta(days=8))
    assert not LeftAddress.objects.exists()
    assert Message.objects.filter(kind="address_left").exists()
