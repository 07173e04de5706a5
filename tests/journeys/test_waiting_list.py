"""A time from the waiting list, taken on a phone: joined from the visit, told by the real mail. And a series of three."""

import re
from datetime import timedelta

import pytest

from accounts import clock
from accounts.models import Clinic
from audit.actor import Actor
from booking import actions, calendar, matching
from booking.links import token_of
from booking.models import Appointment, FreedTime, Practitioner, Service, WaitlistEntry
from tests.factories import contact_of
from tests.journeys.conftest import send
from tests.journeys.person import axe_violations
from tests.journeys.test_article_to_visit import newest, sign_in

DESK = Actor("staff", None, "reception")


def openings(days):
    """The openings of a weekday about so many days from now."""
    service = Service.objects.get(slug="first-assessment")
    day = clock.today() + timedelta(days=days)
    return service, calendar.openings(service, since=day, until=day + timedelta(days=6), now=clock.now())


def book(days, name):
    """Somebody's visit, about so many days from now."""
    service, found = openings(days)
    who, now = Practitioner.objects.get(pk=found[0].practitioner_id), clock.now()
    contact = contact_of(first_name=name, last_name="Marwick", email=f"{name.lower()}@example.com", mobile="")
    return actions.book_for(service, who, found[0].start, patient=None, contact=contact, by=DESK, now=now)


@pytest.mark.journey
def test_an_earlier_time_is_offered_by_mail_and_taken_on_a_phone(person, post):
    Clinic.objects.update(auto_offers=True)
    Clinic.forget_current()
    for entry in WaitlistEntry.objects.all():  # nobody of the demo's list is before him
        actions.leave(entry, by=DESK, now=clock.now())
    FreedTime.objects.all().delete()
    late, early = book(21, "Jonah"), book(7, "Maya")

    # Jonah says that he would come sooner: any time, and he keeps what he has.
    jonah = person(width=390)
    jonah.go(f"/v/{token_of(late)}/")
    jonah.press(re.compile("something earlier"))
    assert axe_violations(jonah.page) == []
    jonah.page.get_by_label("The day before").check(force=True)
    jonah.press("Join the waiting list")
    assert "You are on the waiting list" in jonah.heading
    assert WaitlistEntry.objects.get(patient=late.patient_id).visit_id == late.pk

    # Maya cancels. Three minutes later the time is Jonah's for 45 minutes, and a mail says so and not why.
    actions.cancel(early, by=DESK, now=clock.now() - timedelta(minutes=5))
    assert matching.run(now=clock.now()) == 1
    send()
    mail = newest(post, "A time opened", to="jonah@example.com")
    for word in ("hair", "scalp", "assessment"):
        assert word not in mail.as_string().casefold()
    link = re.search(r"https?://\S+/w/[0-9A-Za-z]{16}/", mail.get_body(("plain",)).get_content())[0]

    # He opens it on his phone: looking changes nothing, one tap takes it.
    jonah.go(link)
    assert "A time opened" in jonah.heading
    assert axe_violations(jonah.page) == []
    assert jonah.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert Appointment.objects.get(pk=late.pk).starts_at == late.starts_at
    jonah.press("Take it")
    assert jonah.path == f"/v/{token_of(late)}/"
    assert "Your new time is" in jonah.page.locator("main").inner_text()
    moved = Appointment.objects.get(pk=late.pk)
    assert (moved.starts_at, moved.practitioner_id) == (early.starts_at, early.practitioner_id)
    jonah.go(link)
    assert "You have a time" in jonah.heading


@pytest.mark.journey
def test_a_series_of_three_is_booked_in_one_go_and_its_rest_is_moved(person):
    service, found = openings(7)
    first = book(30, "Noor")
    who, at = Practitioner.objects.get(pk=found[0].practitioner_id), clock.local(found[0].start)
    joanne = person(width=1440)
    sign_in(joanne, "joanne@tn.example")
    joanne.go(f"/desk/patient/{first.patient.public_id}/")
    joanne.press("Book a series")
    joanne.page.get_by_label("Visit type").select_option(str(service.public_id))
    joanne.page.get_by_label("Physician").select_option(str(who.public_id))
    joanne.page.get_by_label("First visit on").fill(at.date().isoformat())
    joanne.page.get_by_label("At", exact=True).fill(at.strftime("%H:%M"))
    joanne.press("Show the dates")
    assert axe_violations(joanne.page) == []
    joanne.press("Book 3 visits")
    assert "3 visits are booked" in joanne.page.locator("main").inner_text()
    made = list(Appointment.objects.filter(series__isnull=False).order_by("starts_at"))
    assert len({visit.series for visit in made}) == 1
    assert len(made) == 3

    # The second and the third by as much; the first stays.
    joanne.go(f"/desk/visit/{made[1].public_id}/")
    joanne.press("Move")
    joanne.press(re.compile("And the 1 after it"))
    joanne.page.locator("section.panel button[name=slot]").last.click()
    joanne.page.wait_for_load_state()
    now = list(Appointment.objects.filter(series=made[0].series).order_by("starts_at"))
    if "cannot be had" in joanne.page.locator("main").inner_text():
        assert [v.starts_at for v in now] == [v.starts_at for v in made]  # all or nothing
    else:
        assert now[0].starts_at == made[0].starts_at
        assert all(a.starts_at != b.starts_at for a, b in zip(now[1:], made[1:], strict=True))
