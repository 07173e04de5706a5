"""`/md/review/…/`: one review read, written, signed, amended."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment, Practitioner
from intake import actions
from intake.actions.reviews import read_review
from intake.models import Photo, Review
from staff import signing
from tests.factories import PASSWORD, WEDNESDAY
from tests.staff.conftest import Statements
from tests.staff.reviews import IN_PERSON, another, flag, names, photo, url_of

# --- Reading ---------------------------------------------------------------------------------------------------------


def test_opening_a_review_takes_four_statements(doctor: Client, three: list[Appointment]) -> None:
    """With what they sent before, photos, a draft of the review and a queue of others."""
    visit = three[0]
    another(visit.response, visit.patient, days=200)
    flag(visit.response)
    doctor.post(url_of(visit), {"do": "seen:U04", "version": "0"})
    doctor.get(url_of(visit))
    with Statements() as ran:
        page = doctor.get(url_of(visit))
    assert "Changed since" in page.content.decode()
    assert len(ran.of_page()) <= 4, "\n".join(ran.of_page())


def test_next_and_previous_walk_the_queue(doctor: Client, three: list[Appointment]) -> None:
    order = [entry.response.public_id for entry in doctor.get("/md/review/").context["entries"]]
    page = doctor.get(f"/md/review/{order[1]}/").content.decode()
    assert f'/md/review/{order[2]}/" data-key="j"' in page
    assert f'/md/review/{order[0]}/" data-key="k"' in page


def test_what_changed_since_last_time_is_shown_with_both_words(doctor: Client, sent: Appointment) -> None:
    another(sent.response, sent.patient, days=200, hair_course="better")
    changes = {c.label: (c.before, c.now) for c in doctor.get(url_of(sent)).context["sheet"].changes}
    assert changes == {"Last 6 months": ("Getting better", "Getting worse slowly")}


def test_both_photos_of_a_view_stand_side_by_side_with_their_dates(doctor: Client, sent: Appointment) -> None:
    another(sent.response, sent.patient, days=200)
    Photo.objects.filter(response=sent.response).delete()
    photo(sent.response)
    view = doctor.get(url_of(sent)).context["photos"].first
    assert [picture.when for picture in view.pictures] == ["First", "Now"]
    assert view.pictures[0].photo.shown_on < view.pictures[1].photo.shown_on


# --- Writing ---------------------------------------------------------------------------------------------------------


def test_a_reason_that_cannot_be_kept_loses_nothing_that_was_typed(doctor: Client, sent: Appointment) -> None:
    flag(sent.response)
    data = {"do": "seen:U04", "why-U04": "x" * 5000, "note": "Half a thought", "version": "0"}
    answer = doctor.post(url_of(sent), data)
    assert answer.status_code == 409
    assert "Half a thought" in answer.content.decode()
    assert "x" * 5000 in answer.content.decode()


@pytest.mark.parametrize(
    ("also", "status"), [({"version": "7"}, 409), ({"version": "0", "diagnosis": "x" * 5000}, 422)], ids=["stale", "too long"]
)
def test_a_remark_on_a_flag_stays_when_the_rest_is_refused(
    doctor: Client, sent: Appointment, also: dict[str, str], status: int
) -> None:
    flag(sent.response)
    answer = doctor.post(url_of(sent), {"do": "save", "why-U04": "Called her"} | also)
    assert answer.status_code == status
    assert 'value="Called her"' in answer.content.decode()


def test_acknowledging_keeps_what_was_typed_elsewhere(doctor: Client, physician: User, sent: Appointment) -> None:
    flag(sent.response)
    answer = doctor.post(url_of(sent), {"do": "seen:U04", "why-U04": "Called her", "note": "Half a thought", "version": "0"})
    assert answer.status_code == 303
    content = read_review(Review.objects.get())
    assert (content.fields["note"], content.acknowledged["U04"]["reason"]) == ("Half a thought", "Called her")
    assert "Called her" in doctor.get(url_of(sent)).content.decode()


def test_an_open_flag_keeps_suitable_from_being_signed_and_says_so(doctor: Client, sent: Appointment) -> None:
    flag(sent.response)
    answer = doctor.post(url_of(sent), IN_PERSON | {"outcome": "suitable"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Acknowledge what must be seen first: U04" in page
    assert "Look at the temples" in page
    assert Review.objects.get().status == "draft"


def test_without_the_password_nothing_is_signed(doctor: Client, sent: Appointment) -> None:
    for typed, words in (("", "Enter your password to sign"), ("wrong", "That is not your password")):
        version = Review.objects.values_list("version", flat=True).first() or 0
        answer = doctor.post(url_of(sent), IN_PERSON | {"password": typed, "version": str(version)})
        assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert not Review.objects.filter(status="signed").exists()


def test_the_password_is_asked_once_in_five_minutes(doctor: Client, three: list[Appointment], time_machine: Any) -> None:
    doctor.post(url_of(three[0]), IN_PERSON)
    assert doctor.post(url_of(three[1]), IN_PERSON | {"password": ""}).status_code == 303
    time_machine.move_to(clock.now() + timedelta(minutes=6))
    assert doctor.post(url_of(three[2]), IN_PERSON | {"password": ""}).status_code == 422


@pytest.fixture
def at_the_desk(physician: User) -> Any:
    """A request of Dr. Osei's."""
    request = RequestFactory().post("/")
    request.user, request.session = physician, {}
    return request


def test_after_five_guesses_the_right_password_proves_nothing_either(at_the_desk: Any) -> None:
    said = [signing.prove(at_the_desk, word, WEDNESDAY) for word in ["wrong"] * 5 + [PASSWORD]]
    assert said == ["That is not your password"] * 5 + ["Too many tries. Wait 15 minutes"]
    assert not signing.is_proven(at_the_desk, WEDNESDAY)
    assert signing.prove(at_the_desk, PASSWORD, WEDNESDAY + timedelta(minutes=15)) == ""


def test_a_proof_is_good_for_five_minutes(at_the_desk: Any) -> None:
    signing.prove(at_the_desk, PASSWORD, WEDNESDAY)
    seconds = (-1, 0, 300, 301)
    assert [signing.is_proven(at_the_desk, WEDNESDAY + timedelta(seconds=n)) for n in seconds] == [False, True, True, False]


def test_a_signature_carries_the_number_of_who_signs(doctor: Client, sent: Appointment, physician: User) -> None:
    Practitioner.objects.create(name="Dr. Aaron First", short_name="Dr. First", slug="first", registration_number="11111")
    Practitioner.objects.filter(user=physician).update(registration_number="22222")
    doctor.post(url_of(sent), IN_PERSON)
    assert read_review(Review.objects.get()).signed["registration"] == "22222"


def test_signed_the_next_patient_is_there(doctor: Client, physician: User, three: list[Appointment]) -> None:
    answer = doctor.post(url_of(three[1]), IN_PERSON)
    after = doctor.get(answer["Location"])
    assert "Signed: " in after.content.decode()
    assert after.context["response"].pk != three[1].response.pk
    page = doctor.get(url_of(three[1])).content.decode()
    assert "Signed by Dr. Amara Osei" in page
    assert 'name="outcome"' not in page


def test_after_the_last_one_all_is_caught_up(doctor: Client, sent: Appointment) -> None:
    page = doctor.post(url_of(sent), IN_PERSON, follow=True).content.decode()
    assert "All caught up." in page
    assert "Reviewed today" in page


def test_a_signed_review_is_amended_with_a_reason(doctor: Client, sent: Appointment) -> None:
    doctor.post(url_of(sent), IN_PERSON)
    doctor.post(url_of(sent), {"do": "amend"})
    again = IN_PERSON | {"version": "1", "note": "Looked again"}
    answer = doctor.post(url_of(sent), again)
    assert (answer.status_code, "Say why the signed review is changed" in answer.content.decode()) == (422, True)
    assert doctor.post(url_of(sent), again | {"version": "2", "amend_reason": "New photos"}).status_code == 303
    page = doctor.get(url_of(sent)).content.decode()
    assert "Version 1, signed" in page
    assert "New photos" in page


def test_an_amendment_that_is_not_wanted_after_all_leaves_what_was_signed(doctor: Client, sent: Appointment) -> None:
    doctor.post(url_of(sent), IN_PERSON)
    doctor.post(url_of(sent), {"do": "amend"})
    doctor.post(url_of(sent), {"do": "discard"})
    assert list(Review.objects.values_list("status", flat=True)) == ["signed"]
    assert 'name="outcome"' not in doctor.get(url_of(sent)).content.decode()


def test_a_colleague_reads_it_and_takes_it_over_to_write(
    doctor: Client, sent: Appointment, colleague: User, signed_in: Callable[[User], Client]
) -> None:
    doctor.post(url_of(sent), {"do": "save", "note": "Mine", "version": "0"})
    other = signed_in(colleague)
    assert 'value="take-over"' in other.get(url_of(sent)).content.decode()
    refused = other.post(url_of(sent), {"do": "save", "note": "Theirs", "version": "1"})
    assert (refused.status_code, "Dr. Amara Osei is on this" in refused.content.decode()) == (409, True)
    other.post(url_of(sent), {"do": "take-over"})
    assert other.post(url_of(sent), {"do": "save", "note": "Theirs", "version": "1"}).status_code == 303


def test_a_draft_saves_itself_and_says_when_it_cannot(doctor: Client, sent: Appointment) -> None:
    accept = {"HTTP_ACCEPT": "application/json"}
    saved = doctor.post(url_of(sent), {"do": "save", "note": "a", "version": "0"}, **accept)
    assert saved.json()["version"] == 1
    assert doctor.post(url_of(sent), {"do": "save", "note": "b", "version": "0"}, **accept).status_code == 409
    assert doctor.post(url_of(sent), {"do": "save", "note": "b\x00", "version": "1"}, **accept).status_code == 422


@pytest.mark.parametrize("typed", [{"outcome": "cured"}, {"labs": "blood"}, {"note": "x" * 2001}, {"grade": "a\x00"}])
def test_what_cannot_be_kept_is_refused_beside_its_field(doctor: Client, sent: Appointment, typed: dict[str, str]) -> None:
    assert doctor.post(url_of(sent), {"do": "save", "version": "0"} | typed).status_code == 422
    assert not Review.objects.exists()


@pytest.mark.parametrize("begun", [False, True])
def test_more_information_is_asked_by_a_message_and_by_phone_once_the_visit_has_begun(
    doctor: Client, sent: Appointment, begun: bool
) -> None:
    if begun:
        Appointment.objects.filter(pk=sent.pk).update(status="arrived")
    doctor.post(url_of(sent), IN_PERSON | {"outcome": "more-info", "ask": "Which pills exactly?", "ask_items": ["own_words"]})
    sent.refresh_from_db()
    sent.response.refresh_from_db()
    assert sent.response.ask_sequence == 1
    assert (sent.needs_call, sent.call_reason) == ((True, "The physician asks you to call") if begun else (False, ""))
    assert names(doctor.get("/md/review/?show=waiting")) == ["Whitford"]
    page = doctor.get(url_of(sent)).content.decode()
    assert "Waiting on patient</span>" in page
    assert "Which pills exactly?" in page.partition('id="decision"')[0], "what was asked stands on top"
    assert "Reviewed</span>" not in page


def test_of_a_cancelled_visit_the_queue_says_so(doctor: Client, sent: Appointment) -> None:
    assert "Cancelled" not in doctor.get("/md/review/").content.decode()
    Appointment.objects.filter(pk=sent.pk).update(status="cancelled")
    assert "Cancelled</span>" in doctor.get("/md/review/").content.decode()
    assert "<small>Cancelled: " in doctor.get(url_of(sent)).content.decode()


def test_what_a_review_left_open_is_confirmed(doctor: Client, sent: Appointment) -> None:
    doctor.post(url_of(sent), IN_PERSON | {"outcome": "labs", "labs": ["cbc", "ferritin"]})
    assert names(doctor.get("/md/review/?show=confirm")) == ["Whitford"]
    top = doctor.get(url_of(sent)).content.decode().partition('id="decision"')[0]
    assert "Outcome: Labs first · Tests: CBC, Ferritin" in top, "what is to be done stands on top"
    for verb, left in (("done", []), ("not-done", ["Whitford"])):
        doctor.post(url_of(sent), {"do": verb})
        assert names(doctor.get("/md/review/?show=confirm")) == left


def test_nothing_of_a_review_is_in_the_trail(doctor: Client, sent: Appointment) -> None:
    doctor.post(url_of(sent), IN_PERSON)
    kept = repr(list(AuditEvent.objects.values()))
    assert "temples" not in kept
    assert "in-person" not in kept
    assert AuditEvent.objects.filter(action="intake.sign_review", subject_id=sent.patient_id).exists()


def test_last_times_decision_is_beside_the_new_one(doctor: Client, physician: User, sent: Appointment) -> None:
    now = clock.now()
    earlier = another(sent.response, sent.patient, days=200)
    actions.sign_review(earlier, {"outcome": "in-person", "plan": "Foam at night"}, by=Actor.staff(physician), now=now)
    assert "Foam at night" in doctor.get(url_of(sent)).content.decode()


def test_asking_reception_to_call_is_taken_back_with_one_press(sent: Appointment, doctor: Client) -> None:
    md, url = doctor, url_of(sent)
    md.post(url, {"do": "call", "version": "0"})
    sent.refresh_from_db()
    assert (sent.needs_call, sent.call_reason) == (True, "The physician asks you to call")
    page = md.get(url).content.decode()
    assert 'value="no-call" data-key="z"' in page
    assert 'data-key="c"' not in page
    Appointment.objects.update(call_reason="Contact not checked; The physician asks you to call")
    md.post(url, {"do": "no-call", "version": "1"})
    sent.refresh_from_db()
    assert (sent.needs_call, sent.call_reason) == (True, "Contact not checked"), "only what was asked for is taken back"


# --- Over time -------------------------------------------------------------------------------------------------------


def test_what_can_be_counted_is_drawn_and_is_a_table_too(doctor: Client, physician: User, sent: Appointment) -> None:
    by, now = Actor.staff(physician), clock.now()
    fields = {"outcome": "in-person", "scale": "norwood", "grade": "IV"}
    for days, grade in ((400, "III"), (200, "IIIv")):
        earlier = another(sent.response, sent.patient, days=days, hair_impact="4")
        actions.sign_review(earlier, fields | {"grade": grade}, by=by, now=now - timedelta(days=days - 1))
    with Statements() as ran:
        page = doctor.get(url_of(sent))
    assert len(ran.of_page()) <= 4, "\n".join(ran.of_page())
    assert [[p.words for p in chart.points][:2] for chart in page.context["trend"]["charts"]] == [
        ["It stops me from doing things"] * 2, ["III", "IIIv"],
    ]  # fmt: skip
    said = page.content.decode()
    assert said.count("<polyline") == 2
    assert re.search(r"<th scope=\"row\">[^<]+</th>\s*<td>–</td>\s*<td>IIIv</td>", said)


def test_an_amended_grade_takes_the_place_of_the_first(doctor: Client, physician: User, sent: Appointment) -> None:
    by, now = Actor.staff(physician), clock.now()
    fields = {"outcome": "in-person", "scale": "norwood", "grade": "II"}
    for days in (400, 200):
        actions.sign_review(another(sent.response, sent.patient, days=days), fields, by=by, now=now - timedelta(days=days - 1))
    first = sent.patient.responses.order_by("completed_at")[0]
    actions.amend_review(first, by=by, now=now)
    actions.sign_review(first, fields | {"grade": "V"}, reason="Misread", by=by, now=now - timedelta(days=390))
    grades = doctor.get(url_of(sent)).context["trend"]["charts"][-1]
    assert [p.words for p in grades.points] == ["V", "II"]


def test_somebody_new_has_nothing_over_time(doctor: Client, sent: Appointment) -> None:
    assert "Over time" not in doctor.get(url_of(sent)).content.decode()


def test_each_response_that_is_drawn_is_in_the_trail(doctor: Client, sent: Appointment) -> None:
    drawn = [another(sent.response, sent.patient, days=days).pk for days in (200, 400)]
    doctor.get(url_of(sent))
    read = AuditEvent.objects.filter(action="intake.read", detail__purpose="review").values_list("object_id", flat=True)
    assert set(read) == {sent.response_id, *drawn}
