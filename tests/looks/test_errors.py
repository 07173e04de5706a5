"""Error pages in our voice."""

import pytest
from django.test import Client, RequestFactory

from accounts.errors import server_error


def test_the_500_page_needs_no_database(rf: RequestFactory) -> None:
    # No database mark: any query would fail this test.
    response = server_error(rf.get("/book/details/"))
    assert response.status_code == 500
    html = response.content.decode()
    assert "Something went wrong on our side" in html
    assert "Your answers are saved." in html
    assert '<html lang="en-CA"' in html


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
