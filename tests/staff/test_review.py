"""`/md/review/`: the queue, and one review read, written, signed, amended."""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client, RequestFactory

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment, Practitioner
from intake import actions
from intake.actions.reviews import read_review
from intake.document import decrypt, put
from intake.models import Photo, QuestionnaireResponse, Review
from patients.models import Patient
from staff import signing
from tests.factories import PASSWORD, WEDNESDAY
from tests.staff.conftest import Statements

IN_PERSON = {"do": "sign", "version": "0", "outcome": "in-person", "note": "Look at the temples", "password": PASSWORD}


@pytest.fixture
def doctor(physician: User, signed_in: Callable[[User], Client]) -> Client:
    """Dr. Osei's browser."""
    return signed_in(physician)


@pytest.fixture
def colleague(make_user: Callable[..., User]) -> User:
    return make_user("physician", "Dr. Priya Raman")


def url_of(visit: Appointment) -> str:
    return f"/md/review/{visit.public_id}/"


def flag(response: QuestionnaireResponse, code: str = "U04", severity: str = "urgent", evidence: Sequence[str] = ()) -> None:
    """As if an answer had raised it."""
    document = decrypt(response)
    document.flags["found"] = [
        {
            "code": code,
            "severity": severity,
            "topic": "t",
            "message": "Look soon",
            "acknowledge": True,
            "evidence": list(evidence),
        }
    ]
    put(response, document)
    response.urgent_flags = 1
    response.save()


def another(response: QuestionnaireResponse, patient: Patient, *, days: int = 0, **answers: Any) -> QuestionnaireResponse:
    """The same answers, sent by somebody else or so many days earlier; with one photo."""
    document, before = decrypt(response), timedelta(days=days)
    document.answers |= answers
    copy = QuestionnaireResponse.objects.get(pk=response.pk)
    copy.pk, copy.public_id, copy.patient, copy._state.adding = None, uuid4(), patient, True
    copy.started_at, copy.completed_at = response.started_at - before, response.completed_at - before
    put(copy, document)
    copy.save()
    photo(copy)
    return copy


def photo(response: QuestionnaireResponse) -> None:
    """A row without a file: nobody opens it here."""
    Photo.objects.create(
        response=response, link_id="photo_crown", kind="image", received_at=response.completed_at, size=5, name=uuid4().hex,
        key_id="k", width=10, height=10,
    )  # fmt: skip


@pytest.fixture
def three(sent: Appointment, make_visit: Any, make_patient: Any) -> list[Appointment]:
    """Daniel's visit in a week, and two who come tomorrow and in a fortnight."""
    found = [sent]
    for days, last in ((1, "Tomorrow"), (14, "Later")):
        patient = make_patient("Some", last)
        found.append(make_visit(patient, clock.now() + timedelta(days=days), response=another(sent.response, patient)))
    return found


# --- The queue -------------------------------------------------------------------------------------------------------


def names(page: Any) -> list[str]:
    return [entry.response.patient.legal_last_name for entry in page.context["entries"]]


def test_urgent_ones_come_first_then_visits_of_two_days_then_the_oldest(doctor: Client, three: list[Appointment]) -> None:
    flag(three[2].response)
    assert names(doctor.get("/md/review/")) == ["Later", "Tomorrow", "Whitford"]


def test_what_must_be_seen_today_comes_before_other_urgent_ones(doctor: Client, three: list[Appointment]) -> None:
    for visit in three[1:]:
        flag(visit.response)
    QuestionnaireResponse.objects.filter(pk=three[2].response_id).update(page_sequence=1)
    assert names(doctor.get("/md/review/")) == ["Later", "Tomorrow", "Whitford"]


def test_each_says_by_when_and_what_is_late_says_so(doctor: Client, sent: Appointment) -> None:
    assert "Overdue" not in doctor.get("/md/review/").content.decode()
    QuestionnaireResponse.objects.update(completed_at=clock.now() - timedelta(days=9))
    assert "Overdue" in doctor.get("/md/review/").content.decode()
    assert "<b>1</b> overdue" in doctor.get("/md/").content.decode()


def test_it_is_due_before_its_visit_at_the_latest(doctor: Client, sent: Appointment) -> None:
    Appointment.objects.filter(pk=sent.pk).update(
        starts_at=clock.now() + timedelta(hours=1), ends_at=clock.now() + timedelta(hours=2)
    )
    [entry] = doctor.get("/md/review/").context["entries"]
    assert entry.due_at == entry.visit.starts_at


def test_the_queue_takes_four_statements_however_long_it_is(doctor: Client, three: list[Appointment]) -> None:
    doctor.get("/md/review/")
    with Statements() as ran:
        doctor.get("/md/review/")
    assert len(ran.of_page()) <= 4, ran.of_page()


def test_claimed_it_says_by_whom_and_a_colleague_is_told(
    doctor: Client, sent: Appointment, colleague: User, signed_in: Callable[[User], Client]
) -> None:
    wanted = {"do": f"claim:{sent.response.public_id}"}
    assert doctor.post("/md/review/", wanted).status_code == 303
    page = signed_in(colleague).post("/md/review/", wanted, follow=True).content.decode()
    assert "Dr. Amara Osei is on this since" in page
    assert names(doctor.get("/md/review/?show=mine")) == names(doctor.get("/md/review/"))
    assert names(doctor.get("/md/review/?show=unassigned")) == []


@pytest.mark.parametrize("where", ["/md/review/", None])
def test_who_lets_go_of_it_leaves_it_to_anybody(
    doctor: Client, sent: Appointment, colleague: User, signed_in: Callable[[User], Client], where: str | None
) -> None:
    doctor.post("/md/review/", {"do": f"claim:{sent.response.public_id}"})
    doctor.post(where or url_of(sent), {"do": f"release:{sent.response.public_id}"})
    assert signed_in(colleague).post(url_of(sent), {"do": "save", "note": "Mine", "version": "0"}).status_code == 303


def test_an_unknown_claim_is_not_found(doctor: Client, sent: Appointment) -> None:
    assert doctor.post("/md/review/", {"do": "claim:nobody"}).status_code == 404
    assert doctor.post("/md/review/", {"do": f"steal:{sent.response.public_id}"}).status_code == 404


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


# --- What the patient is asked ---------------------------------------------------------------------------------------

MORE = IN_PERSON | {"outcome": "more-info", "ask": "Which pills exactly?", "ask_items": ["own_words"]}


def test_what_is_flagged_left_open_or_to_be_talked_about_is_offered_first_then_photos_then_all_by_topic(
    doctor: Client, sent: Appointment
) -> None:
    document = decrypt(sent.response)
    document.answers["about_sex_birth"] = "discuss"
    document.answers.pop("hair_speed", None)
    put(sent.response, document)
    sent.response.save()
    flag(sent.response, evidence=["hair_scalp"])
    picks = doctor.get(url_of(sent)).context["sheet"].picks
    first = [name for name, _label in picks[0].items]
    assert first[:2] == ["hair_scalp", "about_sex_birth"]
    assert "hair_speed" in first
    assert [name for name, _label in picks[1].items][:3] == ["photo_front", "photo_top", "photo_crown"]
    rest = [name for group in picks[2:] for name, _label in group.items]
    assert "hair_course" in rest
    assert "hair_scalp" not in rest
    assert not {"about_dob", "start_consent_collect", "finish_signature", "photo_consent"} & {*first, *rest}


def test_a_note_is_answered_in_the_patients_words_unless_the_physician_ticks_otherwise(doctor: Client, sent: Appointment) -> None:
    page = doctor.get(url_of(sent)).content.decode()
    assert re.findall(r'name="ask_items"\s+value="(\w+)"[^>]*checked', page) == ["own_words"]


def test_nothing_ticked_it_cannot_be_asked(doctor: Client, sent: Appointment) -> None:
    answer = doctor.post(url_of(sent), MORE | {"ask_items": []})
    assert answer.status_code == 422
    assert "Choose at least one question or photo" in answer.content.decode()


def test_a_tick_in_a_draft_is_seen_though_its_topic_is_folded(doctor: Client, sent: Appointment) -> None:
    doctor.post(url_of(sent), MORE | {"do": "save", "ask_items": ["hair_course"]})
    page = doctor.get(url_of(sent)).content.decode()
    assert re.search(r'<details class="rv-more" open', page)
    assert re.search(r'value="hair_course"[^>]*checked', page)


def test_only_what_the_form_asks_can_be_asked(doctor: Client, sent: Appointment) -> None:
    for name in ("photo_consent", "about_dob", "nothing"):
        assert doctor.post(url_of(sent), MORE | {"do": "save", "ask_items": [name]}).status_code == 422


def test_what_is_asked_and_what_came_costs_no_statement_more(doctor: Client, sent: Appointment) -> None:
    another(sent.response, sent.patient, days=200)
    doctor.post(url_of(sent), MORE | {"ask_items": ["hair_course", "photo_crown"]})
    actions.reply(sent.response, {"hair_course": "better"}, by=Actor.patient(sent.patient_id), now=clock.now())
    doctor.post(url_of(sent), {"do": "save", "note": "Hm", "version": "0"})
    with Statements() as ran:
        page = doctor.get(url_of(sent)).content.decode()
    assert "Answered on" in page
    assert len(ran.of_page()) <= 4, "\n".join(ran.of_page())


def test_while_it_waits_each_thing_says_whether_it_has_come(doctor: Client, sent: Appointment) -> None:
    doctor.post(url_of(sent), MORE | {"ask_items": ["hair_course", "photo_crown"]})
    Photo.objects.filter(response=sent.response).delete()
    photo(sent.response)
    Photo.objects.update(received_at=clock.now())
    (round_,) = doctor.get(url_of(sent)).context["rounds"]
    assert [(line.label, line.answers) for line in round_.lines] == [("Last 6 months", []), ("Crown photo", ["Came"])]
    assert "Dr. Amara Osei asked on" in doctor.get(url_of(sent)).content.decode()


def test_asked_twice_each_answer_stands_with_what_was_asked(doctor: Client, physician: User, sent: Appointment) -> None:
    by, now = Actor.staff(physician), clock.now() - timedelta(hours=9)
    for note, said in (("Which pills?", "Biotin"), ("How many?", ""), ("Since when?", "May")):
        fields = {"outcome": "more-info", "ask": note, "ask_items": ["own_words"]}
        actions.sign_review(sent.response, fields, by=by, now=now)
        if said:
            actions.reply(sent.response, {"own_words": said}, by=Actor.patient(sent.patient_id), now=now + timedelta(hours=1))
        now += timedelta(hours=2)
    rounds = doctor.get(url_of(sent)).context["rounds"]
    assert [(r.ask.note, r.lines[0].answers) for r in rounds] == [
        ("Since when?", ["May"]), ("How many?", []), ("Which pills?", ["Biotin"]),
    ]  # fmt: skip


def test_an_allergy_that_is_named_later_stands_on_top(doctor: Client, sent: Appointment) -> None:
    assert doctor.get(url_of(sent)).context["allergies"]["none"]
    doctor.post(url_of(sent), MORE | {"ask_items": ["alg_list"]})
    said = {"alg_list": ["latex"], "alg_detail": "A rash", "alg_severe": "no"}
    actions.reply(sent.response, said, by=Actor.patient(sent.patient_id), now=clock.now())
    allergies = doctor.get(url_of(sent)).context["allergies"]
    assert allergies["text"].endswith(". Asked again: Latex: A rash"), "with what it is, which nobody was asked before"
    assert not allergies["none"]


def test_an_allergy_that_is_denied_later_still_stands_on_top(doctor: Client, sent: Appointment) -> None:
    document = decrypt(sent.response)
    document.answers |= {"alg_list": ["latex"], "alg_detail": "A rash", "alg_severe": "no"}
    put(sent.response, document)
    sent.response.save()
    doctor.post(url_of(sent), MORE | {"ask_items": ["alg_list"]})
    actions.reply(sent.response, {"alg_list": ["none"]}, by=Actor.patient(sent.patient_id), now=clock.now())
    allergies = doctor.get(url_of(sent)).context["allergies"]
    assert allergies["text"].startswith("Latex: A rash. Asked again: ")
    assert not allergies["none"]


def came_of(page: Any) -> dict[str, str]:
    """What the page says of when the last answer or photo came."""
    said = re.search(r'name="came" value="([\d.:]*)"', page.content.decode())
    assert said
    return {"came": said[1]}


def test_what_the_patient_sent_since_the_page_was_opened_is_read_before_it_is_signed(
    doctor: Client, physician: User, sent: Appointment
) -> None:
    fields = {"outcome": "more-info", "ask": "Are you pregnant?", "ask_items": ["own_words"]}
    actions.sign_review(sent.response, fields, by=Actor.staff(physician), now=clock.now())
    typed = IN_PERSON | came_of(doctor.get(url_of(sent)))
    actions.reply(sent.response, {"own_words": "Yes, I am"}, by=Actor.patient(sent.patient_id), now=clock.now())
    refused = doctor.post(url_of(sent), typed)
    page = refused.content.decode()
    assert (refused.status_code, "since you opened this page" in page, "Yes, I am" in page) == (409, True, True)
    assert "Look at the temples" in page
    assert doctor.post(url_of(sent), typed | came_of(refused)).status_code == 303


def test_a_photo_that_came_or_went_since_the_page_was_opened_is_said_before_it_is_signed(
    doctor: Client, sent: Appointment
) -> None:
    photo(sent.response)
    first = came_of(doctor.get(url_of(sent)))
    Photo.objects.update(link_id="photo_top", received_at=clock.now())
    photo(sent.response)
    second = came_of(doctor.get(url_of(sent)))
    assert doctor.post(url_of(sent), IN_PERSON | first).status_code == 409
    Photo.objects.filter(link_id="photo_top").delete()
    assert doctor.post(url_of(sent), IN_PERSON | second).status_code == 409
    assert doctor.post(url_of(sent), IN_PERSON | first).status_code == 303


@pytest.mark.parametrize(
    ("chosen", "reason"),
    [
        ({"outcome": "labs", "labs": ["cbc"], "visit": "move"}, "The physician asks to move the visit"),
        ({"outcome": "labs", "labs": ["cbc"], "visit": "keep"}, ""),
        ({"outcome": "more-info", "ask": "Since when?", "ask_items": ["own_words"], "visit": "move"}, "The physician asks to move the visit"),
        ({"outcome": "in-person", "visit": "move"}, ""),
    ],
    ids=["tests first", "it stays", "a question", "another outcome"],
)  # fmt: skip
def test_the_physician_says_whether_the_visit_waits_for_it(
    doctor: Client, sent: Appointment, chosen: dict[str, Any], reason: str
) -> None:
    doctor.post(url_of(sent), IN_PERSON | chosen)
    sent.refresh_from_db()
    assert (sent.needs_call, sent.call_reason) == (bool(reason), reason)


def test_a_visit_that_has_begun_is_not_to_be_moved(doctor: Client, sent: Appointment) -> None:
    assert 'name="visit"' in doctor.get(url_of(sent)).content.decode()
    Appointment.objects.filter(pk=sent.pk).update(status="arrived")
    assert 'name="visit"' not in doctor.get(url_of(sent)).content.decode()
    doctor.post(url_of(sent), IN_PERSON | {"outcome": "labs", "labs": ["cbc"], "visit": "move"})
    sent.refresh_from_db()
    assert not sent.needs_call


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
