"""What people see before the clinic exists, and while the database is away."""

from unittest.mock import patch

import pytest
from django.db import OperationalError


def test_an_empty_clinic_says_that_it_is_not_set_up(signed_in, reception):
    answer = signed_in(reception).get("/desk/", follow=True)
    assert answer.status_code == 503
    assert "set_up_clinic" in answer.content.decode()


def test_a_database_that_is_away_is_a_503_with_a_promise(client, clinic):
    with patch("booking.views.start.clock.now", side_effect=OperationalError("gone")):
        answer = client.get("/book/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "Everything you saved is safe" in answer.content.decode()


@pytest.mark.parametrize("where", ["load", "save"])
def test_it_is_one_too_where_the_session_is_read_or_kept(signed_in, reception, clinic, where):
    desk = signed_in(reception)
    desk.raise_request_exception = False
    with patch(f"accounts.sessions.SessionStore.{where}", side_effect=OperationalError("gone")):
        answer = desk.get("/desk/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


def test_any_other_fault_stays_a_500(signed_in, reception, clinic):
    desk = signed_in(reception)
    desk.raise_request_exception = False
    with patch("accounts.sessions.SessionStore.load", side_effect=ValueError("ours")):
        assert desk.get("/desk/").status_code == 500


@pytest.mark.django_db
def test_before_anything_is_set_up_the_home_page_is_not_wagtails_own(client):
    answer = client.get("/")
    assert answer.status_code == 503
    assert "Wagtail" not in answer.content.decode()
