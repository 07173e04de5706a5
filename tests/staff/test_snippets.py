"""`/md/snippets/`, and the press that puts one into a review."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import User
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment
from intake import actions
from intake.actions.reviews import read_review
from intake.errors import IntakeError
from intake.models import Review, Snippet
from tests.staff.conftest import Statements
from tests.staff.reviews import IN_PERSON, another, url_of

URL = "/md/snippets/"
TEXT = "Hello {first_name}, {age}: grade {grade}."


@pytest.fixture
def snippet(physician: User) -> Snippet:
    """Dr. Osei's, for the plan."""
    by = Actor.staff(physician)
    return actions.write_snippet(physician, name="Greeting", field="plan", text=TEXT, by=by, now=clock.now())


def put(client: Client, visit: Appointment, what: str, **typed: Any) -> Any:
    return client.post(url_of(visit), {"do": what, "version": "0"} | typed)


def written() -> dict[str, Any]:
    return read_review(Review.objects.get()).fields


def test_written_it_stands_as_a_button_under_its_field(doctor: Client, sent: Appointment) -> None:
    assert doctor.post(URL, {"name": "Greeting", "field": "plan", "text": TEXT}).status_code == 303
    page = doctor.get(url_of(sent)).content.decode()
    assert re.findall(r'data-into="(\w+)"\s+data-text="([^"]+)"', page) == [("plan", "Hello Daniel, 32: grade {grade}.")]


def test_one_press_puts_it_at_the_end_of_what_is_written_with_what_is_known(
    doctor: Client,
    sent: Appointment,
    snippet: Snippet,
) -> None:
    answer = put(doctor, sent, f"insert:{snippet.key}", plan="Foam at night.", grade="IIIv")
    assert answer.headers["Location"].endswith("#id_plan")
    assert written()["plan"] == "Foam at night.\nHello Daniel, 32: grade IIIv."


def test_what_is_not_known_stands_and_is_not_signed(doctor: Client, sent: Appointment, snippet: Snippet) -> None:
    put(doctor, sent, f"insert:{snippet.key}")
    refused = doctor.post(url_of(sent), IN_PERSON | {"version": "1", "plan": written()["plan"]})
    assert refused.status_code == 422
    assert "Write what {grade} stands for, or take it out" in refused.content.decode()


def test_what_would_be_too_long_with_it_is_refused_and_nothing_is_lost(
    doctor: Client,
    sent: Appointment,
    snippet: Snippet,
) -> None:
    answer = put(doctor, sent, f"insert:{snippet.key}", plan="x" * 1990)
    assert answer.status_code == 422
    assert "x" * 1990 in answer.content.decode()


def test_a_name_that_is_not_known_is_refused_where_it_is_written(doctor: Client) -> None:
    answer = doctor.post(URL, {"name": "Greeting", "field": "plan", "text": "Dear {surname}"})
    assert (answer.status_code, "Nothing is known by the name of {surname}" in answer.content.decode()) == (422, True)
    assert "Dear {surname}</textarea>" in answer.content.decode()


def test_written_anew_it_is_another_version_and_the_first_is_kept(doctor: Client, snippet: Snippet) -> None:
    typed = {"key": str(snippet.key), "seen": "1", "name": "Greeting", "field": "note", "text": "Hello"}
    doctor.post(URL, typed)
    rows = Snippet.objects.order_by("number").values_list("number", "field", "text", "is_current")
    assert list(rows) == [(1, "plan", TEXT, False), (2, "note", "Hello", True)]
    assert "changed in another window" in doctor.post(URL, typed | {"text": "Bye"}, follow=True).content.decode()
    assert Snippet.objects.count() == 2


def test_saved_as_it_is_there_is_no_other_version(doctor: Client, snippet: Snippet) -> None:
    doctor.post(URL, {"key": str(snippet.key), "seen": "1", "name": "Greeting", "field": "plan", "text": TEXT})
    assert Snippet.objects.count() == 1


def test_a_colleague_has_none_of_it(
    sent: Appointment,
    snippet: Snippet,
    colleague: User,
    signed_in: Callable[[User], Client],
) -> None:
    other = signed_in(colleague)
    assert "Greeting" not in other.get(URL).content.decode() + other.get(url_of(sent)).content.decode()
    assert put(other, sent, f"insert:{snippet.key}").status_code == 404
    assert other.post(URL, {"do": "out", "key": str(snippet.key)}).status_code == 404
    other.post(URL, {"key": str(snippet.key), "name": "Mine", "field": "plan", "text": "Mine"})
    assert Snippet.objects.get().name == "Greeting"


def test_taken_out_it_is_no_button_and_is_brought_back(doctor: Client, sent: Appointment, snippet: Snippet) -> None:
    doctor.post(URL, {"do": "out", "key": str(snippet.key)})
    assert "insert:" not in doctor.get(url_of(sent)).content.decode()
    assert "1 taken out" in doctor.get(URL).content.decode()
    doctor.post(URL, {"do": "back", "key": str(snippet.key)})
    assert f"insert:{snippet.key}" in doctor.get(url_of(sent)).content.decode()


def test_the_review_takes_no_statement_more_for_them(doctor: Client, sent: Appointment, snippet: Snippet) -> None:
    another(sent.response, sent.patient, days=200)
    put(doctor, sent, "save", note="Hm")
    with Statements() as ran:
        page = doctor.get(url_of(sent)).content.decode()
    assert "Greeting" in page
    assert len(ran.of_page()) <= 4, "\n".join(ran.of_page())


def test_what_a_snippet_says_is_not_in_the_trail(doctor: Client) -> None:
    doctor.post(URL, {"name": "Greeting", "field": "plan", "text": "CANARY"})
    assert AuditEvent.objects.filter(action="intake.write_snippet").count() == 1
    assert "CANARY" not in repr(list(AuditEvent.objects.values()))


def test_there_is_an_end_to_them(physician: User, snippet: Snippet) -> None:
    by = Actor.staff(physician)
    for n in range(39):
        actions.write_snippet(physician, name=f"S{n}", field="plan", text="x", by=by, now=clock.now())
    with pytest.raises(IntakeError, match="These are 40 snippets"):
        actions.write_snippet(physician, name="One more", field="plan", text="x", by=by, now=clock.now())


def test_a_set_of_tests_is_ticked_with_one_press_beside_those_that_are(doctor: Client, sent: Appointment) -> None:
    put(doctor, sent, "labs:shedding", outcome="labs", labs=["psa", "cbc"])
    assert written()["labs"] == ["psa", "cbc", "ferritin", "tsh"]
    assert put(doctor, sent, "labs:everything", version="1").status_code == 404
