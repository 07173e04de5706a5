"""A physician's own page."""

import re

import pytest
from django.test import Client

from booking.models import Practitioner

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("public_site")]
PAGE = "/physicians/amara-osei/"


def test_it_offers_this_physicians_times_only(client: Client):
    page = client.get(PAGE).content.decode()
    who = Practitioner.objects.get(slug="amara-osei")
    asked = re.findall(r'href="/book/\?([^"]+)"', page)
    assert len(asked) == 5, "four openings, and all the others"
    assert all(f"who={who.public_id}" in query for query in asked)


def test_it_lists_the_articles_the_physician_has_reviewed(client: Client):
    page = client.get(PAGE).content.decode()
    assert "Reviewed by Dr. Amara Osei" in page
    assert "/articles/" in page


def test_somebody_who_left_has_no_page(client: Client):
    Practitioner.objects.filter(slug="amara-osei").update(active=False)
    assert client.get(PAGE).status_code == 404


def test_the_site_map_names_it(client: Client):
    assert PAGE in client.get("/sitemap.xml").content.decode()


def test_the_list_of_physicians_leads_there(client: Client):
    assert f'href="{PAGE}"' in client.get("/physicians/").content.decode()
