"""A text to a patient by choice: one of the clinic's short ones, seen before it goes, sent by the outbox, taken back while it rests."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions
from booking.desk_text import DeskText, on_offer
from booking.links import token_of
from booking.models import Appointment
from notifications.models import CaughtText, Delivery
from patients.models import Patient
from tests.notifications.conftest import Post, at, book, desk, go, helped, post, states, visit  # noqa: F401

pytestmark = pytest.mark.django_db
NOW = at("2027-03-11 09:30")  # the morning of Maya's visit at 10:20
JOANNE = Actor("staff", None, "reception", "Joanne")
GONE = NOW + timedelta(seconds=46)
CALL_US = "True North: call us when you can about your appointment on Thu Mar 11, 10:20 am: 519-555-0142"


@pytest.fixture
def maya(post: Post, visit: Appointment) -> Appointment:  # noqa: F811
    """Maya's visit, on its morning; she wants texts, and has had all that was due."""
    Patient.objects.update(reminder_by="text")
    go(at("2027-03-11 08:30"))
    return visit


@pytest.fixture
def said(maya: Appointment) -> Callable[..., DeskText]:
    """The desk has one of the texts sent."""

    def say(code: str = "call_us", minutes: int = 0, *, now: Any = NOW, told: str = "") -> DeskText:
        return actions.text_patient(maya, code, minutes=minutes, told=told, by=JOANNE, now=now)

    return say


def new_texts() -> list[str]:
    ours = Delivery.objects.filter(message__kind="desk_text").values_list("public_id", flat=True)
    return list(CaughtText.objects.filter(delivery_id__in=ours).order_by("pk").values_list("body", flat=True))


# --- What goes out ------------------------------------------------------------------------------------------------------


def test_it_goes_once_by_the_patients_way_after_a_rest(said: Callable[..., DeskText]) -> None:
    said()
    go(NOW + timedelta(seconds=40))
    assert new_texts() == []
    for n in range(3):
        go(GONE + n * timedelta(minutes=1))
    assert new_texts() == [CALL_US]
    assert states("desk_text")["email"] == ("skipped", "not_chosen")


@pytest.mark.parametrize(
    ("code", "minutes", "at_", "words"),
    [
        ("come_at", 20, "09:30", "True North: we are running late. Come in at 10:40 am instead of 10:20 am. "
         "You can wait in your car until then. Sorry for the wait."),
        ("come_in", 0, "10:25", "True North: we are ready for you. Come in now: 100 Example Street, Suite 200."),
        ("expected", 0, "10:25", "True North: we expected you at 10:20 am. Are you on your way? If not, call us: 519-555-0142"),
        ("bring", 0, "09:30", "True North: for Thu Mar 11, 10:20 am, bring photo ID and a list of any medicines and vitamins."),
        ("away", 0, "09:30", "True North: sorry, Dr. Osei is away and cannot see you Thu Mar 11, 10:20 am. "
         "We will call you to find another time."),
    ],
)  # fmt: skip
def test_each_says_its_own(said: Callable[..., DeskText], code: str, minutes: int, at_: str, words: str) -> None:
    now = at(f"2027-03-11 {at_}")
    said(code, minutes, now=now)
    go(now + timedelta(minutes=1))
    assert new_texts() == [words]


def test_who_chose_email_gets_an_email_with_the_visit_in_it(said: Callable[..., DeskText], post: Post) -> None:  # noqa: F811
    Patient.objects.update(reminder_by="email")
    before = len(post.mails)
    said()
    go(GONE)
    (mail,) = post.mails[before:]
    assert mail["Subject"] == "About your appointment on Thursday, March 11"
    assert "Call us when you can about your appointment on Thursday, March 11 at 10:20" in str(mail.get_body(("plain",)))
    assert new_texts() == []


def test_whoever_hears_about_the_visit_gets_it(helped: Appointment, maya: Appointment) -> None:  # noqa: F811
    actions.text_patient(maya, "call_us", by=JOANNE, now=NOW)
    go(GONE)
    assert CaughtText.objects.order_by("-pk").first().recipient == "+15195550166"  # type: ignore[union-attr]


@pytest.mark.parametrize("how", ["cancel", "arrive", "move"])
def test_what_the_visit_has_left_behind_is_not_said(said: Callable[..., DeskText], maya: Appointment, how: str) -> None:
    said()
    go(NOW)
    if how == "move":
        actions.move(maya, maya.practitioner, at("2027-03-11 14:00"), by=JOANNE, now=NOW, overbook=True)
    else:
        getattr(actions, how)(maya, by=JOANNE, now=NOW)
    go(GONE)
    assert new_texts() == []
    assert states("desk_text")["text"] == ("skipped", "changed")


def test_a_time_to_come_in_at_is_not_said_once_it_has_passed(said: Callable[..., DeskText]) -> None:
    said("come_at", 10, now=at("2027-03-11 10:24"))
    go(at("2027-03-11 10:24"))
    go(at("2027-03-11 10:31"))
    assert new_texts() == []


def test_who_waits_in_the_car_is_told_to_come_in_and_nothing_else(said: Callable[..., DeskText], maya: Appointment) -> None:
    actions.arrive(maya, by=JOANNE, now=NOW)
    maya.refresh_from_db()
    assert [code for code, _n in on_offer(maya, now=NOW)] == ["come_at", "come_in"]
    said("come_in")
    go(GONE)
    assert len(new_texts()) == 1
    with pytest.raises(actions.NotAllowed):
        said("call_us")


def test_at_night_it_waits_for_the_morning(said: Callable[..., DeskText], maya: Appointment) -> None:
    night = at("2027-03-10 22:00")
    said("bring", now=night)
    go(night + timedelta(minutes=2))
    assert new_texts() == []
    assert actions.last_text(maya, now=at("2027-03-11 07:59")), "and can be taken back"
    go(at("2027-03-11 08:01"))
    assert len(new_texts()) == 1


def test_a_promised_call_is_on_the_call_list_and_off_it_when_taken_back(
    said: Callable[..., DeskText], maya: Appointment
) -> None:  # fmt: skip
    said("away")
    maya.refresh_from_db()
    assert (maya.needs_call, maya.call_reason) == (True, "We texted that we would call")
    actions.take_back_text(maya, by=JOANNE, now=NOW)
    maya.refresh_from_db()
    assert (maya.needs_call, maya.call_reason) == (False, "")


@pytest.mark.parametrize(
    ("at_", "codes"),
    [
        ("2027-03-10 15:00", "call_us way_in bring away"),
        ("2027-03-11 09:30", "call_us come_at come_in way_in bring away"),
        ("2027-03-11 10:30", "call_us come_at come_in expected"),
        ("2027-03-11 10:51", "come_at come_in expected"),
        ("2027-03-11 11:40", "come_in expected"),
        ("2027-03-12 09:00", ""),
    ],
)
def test_what_is_offered_goes_with_the_hour(maya: Appointment, at_: str, codes: str) -> None:
    assert " ".join(code for code, _n in on_offer(maya, now=at(at_))) == codes


def test_nobody_is_told_to_come_in_at_a_time_that_is_nearly_over(maya: Appointment) -> None:
    (minutes,) = [some for code, some in on_offer(maya, now=at("2027-03-11 10:31")) if code == "come_at"]
    assert minutes == [20, 30, 45, 60]


# --- Twice, and taken back ----------------------------------------------------------------------------------------------


def test_the_same_again_within_minutes_is_asked_about_first(said: Callable[..., DeskText]) -> None:
    first = said()
    later = NOW + timedelta(minutes=5)
    with pytest.raises(actions.Warned, match=r"sent at 9:30\sa\.m\. already") as asked:
        said(now=later)
    assert asked.value.told == str(first.public_id)
    said("bring", now=later)
    again = said(now=later, told=str(first.public_id))
    with pytest.raises(actions.Warned):
        said(now=later, told=str(first.public_id))
    assert again.pk != first.pk
    said(now=later + timedelta(minutes=11))


def test_taken_back_it_does_not_go(said: Callable[..., DeskText], maya: Appointment) -> None:
    said()
    go(NOW)
    actions.take_back_text(maya, by=JOANNE, now=NOW + timedelta(seconds=44))
    go(GONE)
    assert new_texts() == []
    assert states("desk_text")["text"] == ("superseded", "changed")
    said(now=GONE)  # and is not in its own way


def test_what_has_gone_cannot_be_taken_back(said: Callable[..., DeskText], maya: Appointment) -> None:
    said()
    with pytest.raises(actions.NotAllowed, match="gone out already"):
        actions.take_back_text(maya, by=JOANNE, now=GONE)


@pytest.mark.parametrize(
    ("code", "minutes"), [("free words", 0), ("call_us", 20), ("come_at", 0), ("come_at", 7), ("expected", 0)]
)
def test_what_is_not_offered_is_refused(said: Callable[..., DeskText], code: str, minutes: int) -> None:
    with pytest.raises(actions.NotAllowed):
        said(code, minutes)
    assert not DeskText.objects.exists()


# --- The screen -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def joanne(maya: Appointment, signed_in: Callable[[User], Client], reception: User) -> Iterator[Client]:
    """Reception's browser, that morning."""
    with time_machine.travel(NOW, tick=False):
        yield signed_in(reception)


def url(about: Appointment, query: str = "") -> str:
    return f"/desk/visit/{about.public_id}/text/{query}"


def test_the_desk_chooses_sees_sends_and_takes_back(joanne: Client, maya: Appointment) -> None:
    board = joanne.get(f"/desk/visit/{maya.public_id}/card/").content.decode()
    assert url(maya, "?back=day") in board
    listed = joanne.get(url(maya, "?back=day")).content.decode()
    assert "?text=call_us&amp;back=day" in listed
    assert "?text=come_at.20&amp;back=day" in listed
    assert "?text=expected" not in listed, "nobody is late yet"
    page = joanne.get(url(maya, "?text=call_us&back=day")).content.decode()
    assert CALL_US in page
    assert "text to <b" in page
    assert "519-555-0181" in page
    assert "at 9:30" in page
    answer = joanne.post(url(maya, "?back=day&who=osei"), {"text": "call_us"}, follow=True)
    assert "who=osei" in answer.redirect_chain[-1][0], "looked at as before"
    page = answer.content.decode()
    assert "Text to Maya Chowdhury" in page
    undo = f"untext:{maya.public_id}:{maya.version}"
    assert undo in page
    go(NOW)
    waits = joanne.get("/desk/messages/?show=waiting").content.decode()
    assert "Text from the desk: Call us" in waits
    page = joanne.post("/desk/day/2027-03-11/", {"do": undo}, follow=True).content.decode()
    assert "Taken back. Maya Chowdhury gets no text" in page
    trail = AuditEvent.objects.filter(action__in=["booking.text_patient", "booking.take_back_text"]).order_by("pk")
    assert [(e.action, e.detail, e.subject_id) for e in trail] == [
        ("booking.text_patient", {"text": "call_us"}, maya.patient_id),
        ("booking.take_back_text", {"text": "call_us"}, maya.patient_id),
    ]


def test_the_visit_tells_what_was_texted(joanne: Client, maya: Appointment) -> None:
    page = joanne.post(url(maya), {"text": "call_us"}, follow=True)
    assert page.redirect_chain == [(f"/desk/visit/{maya.public_id}/?did=text", 303)]
    assert "Texted: Call us" in page.content.decode()
    go(GONE)
    with time_machine.travel(GONE + timedelta(minutes=1), tick=False):
        page = joanne.get(f"/desk/visit/{maya.public_id}/?did=text").content.decode()
        assert "Text from the desk: Call us, text" in page
        assert "untext" not in page


def test_a_visit_that_moved_since_it_was_shown_is_shown_again_first(joanne: Client, maya: Appointment) -> None:
    seen = {"text": "come_at.20", "seen": maya.ics_sequence}
    assert f'name="seen" value="{maya.ics_sequence}"' in joanne.get(url(maya, "?text=come_at.20")).content.decode()
    actions.move(maya, maya.practitioner, at("2027-03-11 14:20"), overbook=True, by=JOANNE, now=NOW)
    page = joanne.post(url(maya), seen)
    assert page.status_code == 409
    assert "Come in at 2:40 pm instead of 2:20 pm" in page.content.decode()
    assert not DeskText.objects.exists()


def test_the_same_again_asks_on_the_screen(joanne: Client, maya: Appointment) -> None:
    joanne.post(url(maya), {"text": "call_us"})
    asked = joanne.post(url(maya), {"text": "call_us"})
    assert asked.status_code == 409
    page = asked.content.decode()
    assert "Send it once more?" in page
    assert CALL_US in page
    told = str(DeskText.objects.get().public_id)
    assert f'name="told" value="{told}"' in page
    assert joanne.post(url(maya), {"text": "call_us", "told": told}).status_code == 303
    assert DeskText.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reminder_by": "phone"}, "phone calls only"),
        ({"mobile": "", "email": ""}, "There is no mobile and no email"),
        ({"texts_stopped_at": NOW, "email_bounced_at": NOW}, "No message gets through"),
    ],
)
def test_who_cannot_be_reached_is_said_and_nothing_is_sent(
    joanne: Client, maya: Appointment, fields: dict[str, Any], words: str
) -> None:
    Patient.objects.update(**fields)
    for answer in (joanne.get(url(maya)), joanne.post(url(maya), {"text": "call_us"})):
        assert words in answer.content.decode()
        assert ">Send<" not in answer.content.decode()
    assert answer.status_code == 409
    assert not DeskText.objects.exists()


def test_the_other_way_is_said_with_its_reason(joanne: Client, maya: Appointment) -> None:
    Patient.objects.update(texts_stopped_at=NOW)
    page = joanne.get(url(maya, "?text=call_us")).content.decode()
    assert "email to <b>maya@example.com</b>" in page
    assert "Not by text: the patient said STOP." in page


def test_the_private_link_is_covered_where_the_desk_reads_it(joanne: Client, maya: Appointment) -> None:
    Patient.objects.update(reminder_by="email")
    page = joanne.get(url(maya, "?text=way_in")).content.decode()
    assert "https://tn.example/v/…/" in page
    assert token_of(maya) not in page


def test_a_visit_that_is_over_has_no_text(joanne: Client, maya: Appointment) -> None:
    actions.cancel(maya, by=JOANNE, now=NOW)
    assert "No text goes with a visit that is over" in joanne.get(url(maya)).content.decode()
    assert joanne.post(url(maya), {"text": "call_us"}).status_code == 409
    assert "/text/" not in joanne.get(f"/desk/visit/{maya.public_id}/").content.decode()


@pytest.mark.parametrize("typed", ["", "nothing", "come_at.x", "come_at.9999", "come_at"])
def test_a_choice_that_is_not_ours_sends_nothing(joanne: Client, maya: Appointment, typed: str) -> None:
    answer = joanne.post(url(maya), {"text": typed})
    assert answer.status_code in (409, 422)
    assert not DeskText.objects.exists()
