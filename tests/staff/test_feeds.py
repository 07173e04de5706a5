"""/staff/calendars/: who makes, shows and takes away a practitioner's calendar address."""

import re

import pytest
from django.test import Client

from audit.models import AuditEvent

URL = "/staff/calendars/"


def address(page):
    found = re.search(r'value="http[^"]*(/feed/[^"]+)"', page.content.decode())
    return found and found[1]


@pytest.fixture
def mine(signed_in, physician):
    return signed_in(physician)


def test_a_physician_makes_an_address_sees_it_once_and_again_when_asked(mine, practitioner):
    made = mine.post(URL, {"who": practitioner.public_id, "do": "new"})
    assert Client().get(address(made)).status_code == 200
    assert address(mine.get(URL)) is None
    assert address(mine.post(URL, {"who": practitioner.public_id, "do": "show"})) == address(made)
    assert AuditEvent.objects.filter(action="staff.feed_shown").count() == 1


def test_taken_away_it_does_not_work_any_more(mine, practitioner):
    made = mine.post(URL, {"who": practitioner.public_id, "do": "new"})
    assert mine.post(URL, {"who": practitioner.public_id, "do": "off"})["Location"] == URL
    assert Client().get(address(made)).status_code == 404
    assert mine.post(URL, {"who": practitioner.public_id, "do": "show"}).status_code == 404


def test_a_physician_has_no_hand_in_a_colleagues(mine, make_practitioner):
    other = make_practitioner("Dr. Priya Raman")
    assert "Raman" not in mine.get(URL).content.decode()
    assert mine.post(URL, {"who": other.public_id, "do": "new"}).status_code == 404


def test_the_clinic_lead_has_all_of_them(signed_in, lead_user, practitioner, make_practitioner):
    make_practitioner("Dr. Priya Raman")
    page = signed_in(lead_user).get(URL).content.decode()
    assert "Dr. Amara Osei" in page
    assert "Dr. Priya Raman" in page
