"""What a physician asks after the answers were sent: chosen on the page of a review, and what came shown on top of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from booking.models import Appointment
from intake import actions
from intake.document import decrypt, put
from intake.models import Photo
from tests.staff.conftest import Statements
from tests.staff.reviews import IN_PERSON, another, flag, photo, url_of

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
