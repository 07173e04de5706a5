"""/book/lost-link/: the same answer for everybody."""

import pytest
from django.urls import reverse

from booking.models import LinkRequest
from booking.views.step import MOST
from tests.booking.conftest import HOSTILE, rows, text_of, title_of


@pytest.mark.parametrize(
    ("typed", "channel", "address"),
    [
        ("daniel@example.com", "email", "daniel@example.com"),
        ("519-555-0178", "text", "+15195550178"),
        ("+33 6 12 34 56 78", "text", "+33612345678"),
    ],
)
def test_an_address_or_a_number_is_noted_and_looked_up_later(walker, typed, channel, address):
    answer = walker.post("lost_link", address=typed)
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:lost_link") + "?sent=1")
    assert list(LinkRequest.objects.values_list("channel", "address")) == [(channel, address)]


def test_known_and_unknown_get_the_same_answer(walker, visit):
    known = walker.post("lost_link", address="daniel@example.com")
    unknown = walker.post("lost_link", address="nobody@example.com")
    assert known["Location"] == unknown["Location"]
    page = walker.get("lost_link", query="?sent=1")
    assert "If that address or number belongs to a visit, or to answers you saved, a new link is on its way to it." in text_of(
        page
    )
    assert "daniel" not in page.content.decode()


def test_too_many_requests_get_the_same_answer_and_nothing_more(walker, monkeypatch):
    per_address, _per_client = MOST["link"]
    for _press in range(5):
        assert walker.post("lost_link", address="Daniel+x@example.com")["Location"].endswith("?sent=1")
    assert LinkRequest.objects.count() == per_address
    monkeypatch.setitem(MOST, "link", (per_address, 6))
    for n in range(4):
        assert walker.post("lost_link", address=f"n{n}@example.com")["Location"].endswith("?sent=1")
    assert LinkRequest.objects.count() == per_address + 1


def test_something_that_is_neither_is_refused_and_kept(walker):
    answer = walker.post("lost_link", address="daniel at example")
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    assert 'value="daniel at example"' in answer.content.decode()
    assert not LinkRequest.objects.exists()


def test_whatever_is_typed_is_answered(walker):
    for text in HOSTILE:
        assert walker.post("lost_link", address=text).status_code == 422, text


def test_bytes_that_are_no_text_are_refused(walker):
    assert walker.raw("/book/lost-link/", "address") == {422}


def test_looking_sends_nothing(walker):
    before = rows()
    walker.get("lost_link")
    walker.get("lost_link", query="?sent=1")
    assert rows() == before
