"""Error pages in our voice."""

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from accounts.errors import server_error
from accounts.models import Clinic


def test_the_500_page_needs_no_database(rf: RequestFactory) -> None:
    # No database mark: any query would fail this test.
    response = server_error(rf.get("/book/details/"))
    assert response.status_code == 500
    html = response.content.decode()
    assert "Something went wrong on our side" in html
    assert "Your answers are saved." in html
    assert '<html lang="en-CA"' in html


@pytest.mark.parametrize("trouble", [RuntimeError(), OperationalError()])
def test_it_has_the_phone_number_that_was_read_last_and_asks_nobody(
    rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    clinic = Clinic(name="Lakeside Clinic", short_name="Lakeside", phone="519-555-0142", hours_text="Monday to Friday, 9 to 4")
    monkeypatch.setattr(Clinic, "_current", (0.0, clinic))
    try:
        raise trouble
    except type(trouble):
        html = server_error(rf.get("/book/details/")).content.decode()
    assert 'href="tel:+15195550142"' in html
    assert "Lakeside" in html
    assert "True North" not in html


@pytest.mark.django_db
def test_a_form_that_is_too_old_says_what_to_do_and_keeps_no_secret() -> None:
    response = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert response.status_code == 403
    html = response.content.decode()
    assert "This page was open too long" in html
    assert "CSRF" not in html


@pytest.mark.django_db
def test_a_missing_page_works_before_a_clinic_is_set_up(client: Client) -> None:
    response = client.get("/nothing/here/")
    assert response.status_code == 404
    assert "We cannot find that page" in response.content.decode()


@pytest.mark.django_db
def test_nonsense_in_an_address_is_a_400_or_404_and_never_a_500(client: Client) -> None:
    for path in ("/articles/%00/", "/articles/?q=%00", "/articles/?topic=%ff", "/%F0%9F%99%82/", "/articles/" + "x" * 3000 + "/"):
        assert client.get(path).status_code in {400, 404}, path
