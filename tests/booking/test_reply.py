"""A question from the physician, answered from the visit's page."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.links import token_of
from booking.models import Appointment
from intake import actions, paper
from intake.document import Document, decrypt
from intake.exchange import response_json
from intake.models import Photo, QuestionnaireResponse
from intake.sheet import for_patient
from patients.models import ConsentRecord
from tests.intake.conftest import folder  # noqa: F401
from tests.intake.pictures import jpeg
from tests.intake.test_paper import text_of
from tests.staff.conftest import sent  # noqa: F401
from tests.staff.reviews import photo as a_photo

QUESTION = "Which pills exactly, and since when?"


@pytest.fixture
def asked(sent: Appointment, physician: User) -> Appointment:  # noqa: F811
    """Daniel's visit: the physician needs one more thing."""
    fields = {"outcome": "more-info", "ask": QUESTION, "ask_items": ["own_words"], "note": "Nothing for Daniel"}
    actions.sign_review(sent.response, fields, by=Actor.staff(physician), now=clock.now())
    sent.refresh_from_db()
    return sent


@pytest.fixture
def opened(client: Client, asked: Appointment) -> Client:
    """His browser, after the year of birth."""
    client.post(url_of(asked), {"year": str(asked.patient.date_of_birth.year)})
    return client


def url_of(visit: Appointment) -> str:
    return f"/v/{token_of(visit)}/reply/"


def test_the_visits_page_says_that_there_is_a_question_and_not_which(client: Client, asked: Appointment) -> None:
    page = client.get(f"/v/{token_of(asked)}/").content.decode()
    assert "A question for you" in page
    assert QUESTION not in page
    assert QUESTION not in client.get(url_of(asked)).content.decode(), "before the year of birth"


def test_only_the_question_of_the_review_is_shown(opened: Client, asked: Appointment) -> None:
    page = opened.get(url_of(asked)).content.decode()
    assert QUESTION in page
    assert "Nothing for Daniel" not in page


def test_the_answer_is_an_addendum_and_brings_it_back_to_the_physician(
    opened: Client, asked: Appointment, physician: User, signed_in: Callable[[User], Client]
) -> None:
    before = decrypt(asked.response).answers
    assert opened.post(url_of(asked), {"own_words": "Biotin, since May"}).status_code == 303
    response = QuestionnaireResponse.objects.get(pk=asked.response_id)
    document = decrypt(response)
    assert (response.status, response.asked_at, document.answers) == ("amended", None, before)
    assert "Biotin" not in repr(list(AuditEvent.objects.values()))
    page = signed_in(physician).get(f"/md/review/{asked.public_id}/").content.decode()
    assert "Biotin, since May" in page
    assert 'name="outcome"' in page


@pytest.mark.parametrize("typed", ["", "  \n", "x" * 2001, "a\x00"])
def test_what_cannot_be_kept_is_refused_and_stays_typed(opened: Client, asked: Appointment, typed: str) -> None:
    answer = opened.post(url_of(asked), {"own_words": typed})
    assert answer.status_code == 422
    asked.response.refresh_from_db()
    assert asked.response.asked_at is not None


def test_answered_once_the_page_is_gone(opened: Client, asked: Appointment) -> None:
    opened.post(url_of(asked), {"own_words": "Biotin"})
    again: Any = opened.post(url_of(asked), {"own_words": "Again"})
    assert again.headers["Location"] == f"/v/{token_of(asked)}/"
    assert len(decrypt(QuestionnaireResponse.objects.get(pk=asked.response_id)).addenda) == 1


def test_an_answer_to_another_question_than_the_one_asked_by_now_is_not_kept_beside_it(
    opened: Client, asked: Appointment, physician: User
) -> None:
    """ "No" to whether he smokes must not stand beside whether he takes blood thinners."""
    seen = re.search(r'name="seen" value="(\d+)"', opened.get(url_of(asked)).content.decode())
    assert seen
    by, now = Actor.staff(physician), clock.now()
    actions.amend_review(asked.response, by=by, now=now)
    fields = {"outcome": "more-info", "ask": "Do you take blood thinners?", "ask_items": ["own_words"]}
    actions.sign_review(asked.response, fields, reason="Asked the wrong thing", by=by, now=now)
    refused = opened.post(url_of(asked), {"own_words": "No, never", "shown": "own_words", "seen": seen[1]})
    assert refused.status_code == 409
    page = refused.content.decode()
    assert "Do you take blood thinners?" in page
    assert "No, never</textarea>" in page
    assert "The physician asks something else by now" in page
    assert decrypt(QuestionnaireResponse.objects.get(pk=asked.response_id)).addenda == []


def test_what_else_is_asked_is_said_before_what_is_missing(opened: Client, asked: Appointment, physician: User) -> None:
    """Else what was typed would be kept beside another note, once the new question is answered."""
    by, now = Actor.staff(physician), clock.now()
    actions.amend_review(asked.response, by=by, now=now)
    fields = {"outcome": "more-info", "ask": "Do you take blood thinners?", "ask_items": ["hair_course", "own_words"]}
    actions.sign_review(asked.response, fields, reason="Asked the wrong thing", by=by, now=now)
    refused = opened.post(url_of(asked), {"own_words": "No, never", "shown": "own_words", "seen": "1"})
    assert (refused.status_code, "The physician asks something else by now" in refused.content.decode()) == (409, True)


def test_who_takes_half_an_hour_to_write_it_does_not_lose_it(opened: Client, asked: Appointment, time_machine: Any) -> None:
    time_machine.move_to(clock.now() + timedelta(minutes=30))
    assert opened.post(url_of(asked), {"own_words": "Biotin, since May"}).status_code == 303
    assert document_of(asked).addenda[0]["text"] == "Biotin, since May"


# --- Questions of the form, and photos -------------------------------------------------------------------------------


def ask(visit: Appointment, by: User, *items: str) -> None:
    """The physician ticks these."""
    fields = {"outcome": "more-info", "ask": QUESTION, "ask_items": list(items)}
    actions.sign_review(visit.response, fields, by=Actor.staff(by), now=clock.now())


@pytest.fixture
def chosen(client: Client, sent: Appointment, physician: User) -> Callable[..., Client]:  # noqa: F811
    """Asks for these, and gives Daniel's browser after the year of birth."""

    def choose(*items: str) -> Client:
        ask(sent, physician, *items)
        client.post(url_of(sent), {"year": str(sent.patient.date_of_birth.year)})
        return client

    return choose


@pytest.fixture
def pictured(sent: Appointment) -> Appointment:  # noqa: F811
    """Daniel, who agrees to photos, has sent one of his crown."""
    a_photo(sent.response)
    return sent


def asked_names(page: str) -> list[str]:
    return re.findall(r'name="shown" value="(\w+)"', re.sub(r"<template.*?</template>", "", page, flags=re.DOTALL))


def add(client: Client, view: str) -> Any:
    """As the form on the page of photos sends it, without JavaScript."""
    return client.post("/book/photos/add/", {"for": "asked", "link_id": view, "file": SimpleUploadedFile("x.jpg", jpeg())})


def document_of(visit: Appointment) -> Document:
    return decrypt(QuestionnaireResponse.objects.get(pk=visit.response_id))


def test_exactly_what_was_ticked_is_asked_as_the_form_asks_it(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    page = chosen("hair_course", "fam_hair").get(url_of(sent)).content.decode()
    assert asked_names(page) == ["hair_course", "fam_hair"]
    assert sent.response.definition.questions["hair_course"].text in page
    assert "checked" not in page, "what was sent is not shown behind a year of birth"


def test_what_came_stands_on_top_for_the_physician_and_what_was_sent_stays(
    chosen: Callable[..., Client],
    sent: Appointment,  # noqa: F811
    physician: User,
    signed_in: Callable[[User], Client],
) -> None:
    before = document_of(sent)
    assert chosen("hair_course", "own_words").post(url_of(sent), {"hair_course": "better"}).status_code == 303
    after = document_of(sent)
    assert (after.answers, after.signed) == (before.answers, before.signed)
    assert after.latest["hair_course"] == "better"
    page = signed_in(physician).get(f"/md/review/{sent.public_id}/").content.decode()
    top = page.partition('id="flags"')[0]
    assert "Getting better" in top
    assert QUESTION in top
    assert "Asked again: Getting better" in page, "the answer that was sent says that there is a later one"


def test_a_question_that_must_be_answered_must_be_here_too(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    refused = chosen("hair_course", "own_words").post(url_of(sent), {"own_words": "Half a thought", "shown": "own_words"})
    assert refused.status_code == 422
    assert "Half a thought</textarea>" in refused.content.decode()
    assert document_of(sent).addenda == []


def test_nothing_said_to_questions_that_may_be_skipped_is_no_answer(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    refused = chosen("finish_other", "own_words").post(url_of(sent), {})
    assert (refused.status_code, "Answer at least one of these" in refused.content.decode()) == (422, True)


def test_what_an_answer_opens_in_the_form_is_asked_before_it_is_sent(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    """Without JavaScript: pus on the scalp brings the question about fever."""
    answer = chosen("hair_scalp").post(url_of(sent), {"hair_scalp": "pus", "shown": "hair_scalp"})
    assert asked_names(answer.content.decode()) == ["hair_scalp", "hair_infection_signs"]
    assert document_of(sent).addenda == []


def test_what_a_group_around_another_opens_is_asked_too(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    """Who is asked again for the sex registered at birth is asked about pregnancy as well, which stands in a group of its own."""
    answer = chosen("about_sex_birth").post(url_of(sent), {"about_sex_birth": "female", "shown": "about_sex_birth"})
    assert asked_names(answer.content.decode()) == ["about_sex_birth", "preg_status", "fem_cycle", "fem_androgen"]


def test_a_late_answer_raises_its_flag_pages_somebody_and_shows_where_to_get_help(
    chosen: Callable[..., Client],
    sent: Appointment,  # noqa: F811
) -> None:
    daniel = chosen("hair_scalp")
    answer = daniel.post(url_of(sent), {"hair_scalp": "pus", "hair_infection_signs": "yes"})
    response = QuestionnaireResponse.objects.get(pk=sent.response_id)
    assert (response.page_sequence, "U02" in [flag["code"] for flag in decrypt(response).flags["found"]]) == (1, True)
    assert response.urgent_flags == sum(f["severity"] == "urgent" for f in decrypt(response).flags["found"])
    help_page = daniel.get(answer.headers["Location"]).content.decode()
    assert "See a doctor or nurse today" in help_page
    assert "Thank you" not in help_page, "nobody reads it at once"
    assert f"/v/{token_of(sent)}/" in help_page
    assert [entry["code"] for entry in decrypt(response).advice_shown] == ["A1"]


def test_said_again_it_pages_again_and_must_be_seen_again(
    chosen: Callable[..., Client],
    sent: Appointment,  # noqa: F811
    physician: User,
) -> None:
    """That somebody acted on it weeks ago is no reason to leave it now."""
    daniel, by = chosen("hx_mental"), Actor.staff(physician)
    daniel.post(url_of(sent), {"hx_mental": "self-harm", "hx_selfharm_now": "yes"})
    actions.acknowledge_flag(sent.response, "U01", by=by, now=clock.now())
    ask(sent, physician, "hx_selfharm_now")
    daniel.post(url_of(sent), {"hx_selfharm_now": "yes"})
    assert QuestionnaireResponse.objects.get(pk=sent.response_id).page_sequence == 2
    assert [f["code"] for f in document_of(sent).flags["found"]].count("U01") == 1
    with pytest.raises(actions.NotYet) as refused:
        actions.sign_review(sent.response, {"outcome": "suitable"}, by=by, now=clock.now())
    assert "U01" in dict(refused.value.problems)["flags"]
    actions.acknowledge_flag(sent.response, "U01", by=by, now=clock.now())
    left = dict(actions.missing_to_sign(sent.response, {"outcome": "suitable"}, by=by, now=clock.now()))
    assert "U01" not in left["flags"]


def test_a_sum_of_what_is_asked_again_is_the_new_one_and_its_flag_must_be_seen_again(
    chosen: Callable[..., Client],
    sent: Appointment,  # noqa: F811
    physician: User,
    signed_in: Callable[[User], Client],
) -> None:
    daniel, by, daily = chosen("phq2_1", "phq2_2"), Actor.staff(physician), "LA6571-9"
    daniel.post(url_of(sent), {"phq2_1": daily, "phq2_2": "LA6568-5"})
    actions.acknowledge_flag(sent.response, "C28", by=by, now=clock.now())
    ask(sent, physician, "phq2_2")
    daniel.post(url_of(sent), {"phq2_2": daily})
    sheet = signed_in(physician).get(f"/md/review/{sent.public_id}/").context["sheet"]
    assert sheet.phq2 == 6
    assert "C28" in [flag.code for flag in sheet.must_see]


def test_an_answer_that_says_nothing_new_of_a_flag_pages_nobody(
    chosen: Callable[..., Client],
    sent: Appointment,  # noqa: F811
    physician: User,
) -> None:
    daniel = chosen("hair_scalp")
    daniel.post(url_of(sent), {"hair_scalp": "pus", "hair_infection_signs": "yes"})
    ask(sent, physician, "hair_course")
    daniel.post(url_of(sent), {"hair_course": "better"})
    assert QuestionnaireResponse.objects.get(pk=sent.response_id).page_sequence == 1


def test_medicines_are_asked_row_by_row(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    daniel, one = chosen("med_name"), {"shown": "med_item", "med_name": "Biotin", "med_dose": ""}
    more = daniel.post(url_of(sent), one | {"rows": "add"}).content.decode()
    assert (more.count('name="med_name"'), 'value="Biotin"' in more) == (2, True)
    daniel.post(url_of(sent), {"shown": "med_item", "med_name": ["Biotin", "Zinc"], "med_dose": ["", "20 mg"]})
    assert document_of(sent).addenda[0]["items"][0]["answers"] == ["Biotin", "Zinc, 20 mg"]


def test_photos_come_first_and_only_those_that_were_asked_for(chosen: Callable[..., Client], pictured: Appointment) -> None:
    daniel = chosen("photo_crown", "own_words")
    asked = daniel.get(url_of(pictured))
    assert asked.headers["Location"] == "/book/photos/?for=asked"
    page = daniel.get(asked.headers["Location"]).content.decode()
    assert re.findall(r'id="file-(\w+)"', page) == ["photo_crown"]
    assert QUESTION in page
    assert str(pictured.response.photos.get().public_id) not in page, "what was sent opens with a code as well"
    assert f'href="{url_of(pictured)}?part=answers"' in page


@pytest.mark.usefixtures("folder")
def test_a_view_is_taken_again_beside_the_one_that_was_sent_and_the_last_one_ends_it(
    chosen: Callable[..., Client], pictured: Appointment
) -> None:
    daniel = chosen("photo_crown")
    daniel.get(url_of(pictured))
    add(daniel, "photo_crown")
    assert pictured.response.photos.filter(link_id="photo_crown").count() == 2
    assert QuestionnaireResponse.objects.get(pk=pictured.response_id).asked_at is None
    add(daniel, "photo_crown")
    assert pictured.response.photos.filter(link_id="photo_crown").count() == 2, "a second thought replaces the new one"
    thanked = daniel.post(url_of(pictured), {"done": "1"}, follow=True)
    assert "Thank you. The physician reads it before your visit." in thanked.content.decode()


@pytest.mark.usefixtures("folder")
def test_a_photo_does_not_end_it_while_a_question_is_open(chosen: Callable[..., Client], pictured: Appointment) -> None:
    daniel = chosen("photo_crown", "hair_course")
    daniel.get(url_of(pictured))
    add(daniel, "photo_crown")
    assert asked_names(daniel.get(url_of(pictured)).content.decode()) == ["hair_course"]
    daniel.post(url_of(pictured), {"hair_course": "better"})
    assert QuestionnaireResponse.objects.get(pk=pictured.response_id).asked_at is None


@pytest.mark.usefixtures("folder")
def test_the_photo_that_was_all_that_came_taken_out_again_it_waits_for_the_patient(
    chosen: Callable[..., Client], pictured: Appointment
) -> None:
    daniel = chosen("photo_crown", "photo_top")
    daniel.get(url_of(pictured))
    add(daniel, "photo_crown")
    add(daniel, "photo_top")
    for view, waits in (("photo_top", False), ("photo_crown", True)):
        new = pictured.response.photos.filter(link_id=view).latest("received_at")
        assert daniel.post(f"/book/photos/{new.public_id}/remove/").status_code == 303
        assert (QuestionnaireResponse.objects.get(pk=pictured.response_id).asked_at is not None) is waits, view


@pytest.mark.usefixtures("folder")
def test_a_photo_taken_out_is_no_answer(pictured: Appointment, physician: User) -> None:
    """He had added it just before he was asked."""
    Photo.objects.update(received_at=clock.now())
    ask(pictured, physician, "own_words")
    actions.remove_photo(Photo.objects.get(), by=Actor.patient(pictured.patient_id), now=clock.now())
    assert QuestionnaireResponse.objects.get(pk=pictured.response_id).asked_at is not None


@pytest.mark.usefixtures("folder")
def test_a_photo_for_what_is_not_asked_any_more_leads_to_what_is(
    chosen: Callable[..., Client], pictured: Appointment, physician: User
) -> None:
    daniel = chosen("photo_crown")
    daniel.get(url_of(pictured))
    actions.amend_review(pictured.response, by=Actor.staff(physician), now=clock.now())
    ask(pictured, physician, "photo_left")
    assert add(daniel, "photo_crown").headers["Location"] == url_of(pictured)
    assert pictured.response.photos.count() == 1


def test_a_desk_that_lost_its_seat_in_the_same_browser_still_comes_to_the_photos(
    pictured: Appointment, physician: User, reception: User, signed_in: Callable[[User], Client]
) -> None:
    ask(pictured, physician, "photo_crown")
    browser = signed_in(reception)
    session = browser.session
    session["draft_at_desk"] = {"draft": str(uuid4()), "visit": str(pictured.public_id)}
    session.save()
    browser.post(url_of(pictured), {"year": str(pictured.patient.date_of_birth.year)})
    assert "The physician asks for photos" in browser.get(url_of(pictured), follow=True).content.decode()


def test_no_other_view_is_taken_and_no_other_photo_seen_there(chosen: Callable[..., Client], pictured: Appointment) -> None:
    daniel = chosen("photo_crown")
    daniel.get(url_of(pictured))
    assert add(daniel, "photo_left").status_code == 404
    assert daniel.post(f"/book/photos/{pictured.response.photos.get().public_id}/remove/").status_code == 404
    assert daniel.get("/book/photos/?for=visit").headers["Location"] == "/book/"


def test_without_a_photo_none_was_sent(chosen: Callable[..., Client], pictured: Appointment) -> None:
    refused = chosen("photo_crown").post(url_of(pictured), {"done": "1"})
    assert (refused.status_code, "Add a photo, or call us" in refused.content.decode()) == (422, True)


def test_who_does_not_agree_to_photos_any_more_is_asked_for_none(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    ConsentRecord.objects.filter(code="C3").update(withdrawn_at=clock.now())
    page = chosen("photo_crown", "hair_course").get(url_of(sent))
    assert (page.status_code, asked_names(page.content.decode())) == (200, ["hair_course"])


def test_who_was_asked_for_photos_only_and_does_not_agree_any_more_is_asked_to_call(
    chosen: Callable[..., Client],
    sent: Appointment,  # noqa: F811
) -> None:
    ConsentRecord.objects.filter(code="C3").update(withdrawn_at=clock.now())
    page = chosen("photo_crown").get(url_of(sent)).content.decode()
    assert 'href="tel:+15195550142"' in page.partition("</main>")[0]
    assert "Send" not in page
    assert f"/v/{token_of(sent)}/photos/" not in page


def test_a_photo_is_offered_in_place_of_an_answer_only_where_it_is_one(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    assert "you can add one instead" not in chosen("hair_course", "own_words").get(url_of(sent)).content.decode()


def test_what_is_wrong_with_all_of_it_leads_to_the_first_box(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    """Of a medicine, too."""
    typed = {"shown": "med_item", "med_name": "Biotin", "med_dose": "", "seen": "9"}
    page = chosen("med_name").post(url_of(sent), typed).content.decode()
    for at in re.findall(r'href="#([\w-]+)"', page):
        assert f' id="{at}"' in page


def test_what_was_asked_for_is_read_in_the_portal_and_on_paper(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    chosen("hair_course", "own_words").post(url_of(sent), {"hair_course": "better", "own_words": "Much"})
    response = QuestionnaireResponse.objects.get(pk=sent.response_id)
    lines = for_patient(response, by=Actor.patient(sent.patient_id), now=clock.now())[-1].all
    question = response.definition.questions["hair_course"].text
    assert [(line.text, line.answers) for line in lines] == [(question, ["Getting better"]), (QUESTION, ["Much"])]
    made = text_of(paper.for_patient(response, reference="TN-7F4K", by=Actor.patient(sent.patient_id), now=clock.now()))
    assert "Getting better" in made.rpartition("Answered on")[2]


def test_what_was_said_last_goes_out_as_fhir_and_the_signature_does_not(chosen: Callable[..., Client], sent: Appointment) -> None:  # noqa: F811
    def out() -> dict[str, Any]:
        return response_json(QuestionnaireResponse.objects.get(pk=sent.response_id), by=Actor.system(), now=clock.now())

    before = out()
    chosen("hair_course").post(url_of(sent), {"hair_course": "better"})
    after = out()
    (course,) = [i for part in after["item"] for i in part["item"] if i["linkId"] == "hair_course"]
    assert (course["answer"][0]["valueCoding"]["code"], after["status"]) == ("better", "amended")
    assert ("extension" in before, "extension" in after) == (True, False)
    assert after["authored"] > before["authored"]
