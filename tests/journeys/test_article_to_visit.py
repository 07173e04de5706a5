"""The whole path in a browser: article → questions → time held → details → code from the real mail → booked → reminder over
SMTP → confirmed by link → checked in at the desk → read by the physician. Once with JavaScript, once without."""

import re
from datetime import timedelta

import pytest

from accounts import clock
from audit.models import AuditEvent
from booking.models import Appointment
from tests.journeys.conftest import PASSWORD, send


def sign_in(person, email):
    person.go("/staff/login/")
    person.page.get_by_label("Email").fill(email)
    person.page.locator("input[type=password]").fill(PASSWORD)
    person.press(re.compile("^Sign in$"))


def newest(post, words, to=""):
    return next(mail for mail in reversed(post.mails) if words in mail["subject"] and to in mail["to"])


def link_in(mail):
    return re.search(r"https?://\S+/v/[0-9A-Za-z]{16}/?", mail.get_body(("plain",)).get_content())[0]


def held_long():
    """Held for as long as questions take. (The demo's offer from the waiting list holds its time until it is answered.)"""
    return Appointment.objects.filter(status="held", offer=None, hold_expires_at__gt=clock.now() + timedelta(minutes=20))


def answer_everything(person):
    for _ in range(80):
        if not person.path.startswith("/book/questions"):
            return
        if person.path == "/book/questions/":
            person.press(re.compile("^(Begin|Continue)"))
        else:
            person.answer_page()
    raise AssertionError(person.paths)


@pytest.mark.journey
@pytest.mark.journey_smoke
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_reader_becomes_a_patient_who_is_expected_and_known(person, post, script):
    # An article, its soonest opening, Start: the time is kept while the questions are answered.
    jonah = person(script=script)
    jonah.go("/articles/dutasteride-mesotherapy/")
    jonah.press(re.compile(r"[ap]\.m\."), within=jonah.page.locator(".soon-list").first)
    assert jonah.path == "/book/"
    assert not held_long().exists()
    jonah.press("Start")
    held = held_long().get()
    assert held.article is not None

    # Who we see, then all eight sections, a page at a time.
    jonah.press(re.compile("^(Continue|Begin)"))
    answer_everything(jonah)
    assert len([p for p in jonah.paths if re.match(r"/book/questions/\d+/\d+/", p)]) >= 30

    # The time was chosen on the article, so the details come next; then a code from the real mail.
    assert jonah.path == "/book/details/", jonah.paths[-3:]
    jonah.answer_page()
    assert jonah.path == "/book/code/"
    if jonah.page.get_by_role("button", name="Send me a code").count():
        jonah.press("Send me a code")
    send()
    code = re.search(r"(\d{3})\s?(\d{3})", newest(post, "code")["subject"])
    jonah.page.get_by_role("textbox").first.fill(f"{code[1]} {code[2]}")
    jonah.press("Continue")

    # Check, sign, book. Reload and Back do not book twice.
    assert jonah.path == "/book/check/"
    assert "not booked yet" in jonah.page.locator("main").inner_text()
    jonah.page.locator("input[type=checkbox]").first.check(force=True)
    jonah.page.locator("input[name$=signature]").fill("Jonah Marwick")
    jonah.press("Book my visit")
    assert jonah.path == "/book/done/"
    assert "Jonah" in jonah.heading
    visit = Appointment.objects.get(pk=held.pk)
    assert (visit.status, visit.response.status, visit.needs_call) == ("booked", "completed", False)
    jonah.page.reload()
    jonah.page.go_back()
    assert Appointment.objects.filter(patient=visit.patient).count() == 1

    # The confirmation rests three minutes; the reminder comes two days before; the link in it confirms, by a button.
    send(clock.now() + timedelta(minutes=4))
    told = newest(post, "Your appointment on")
    assert any(part.get_content_type() == "text/calendar" for part in told.walk())
    Appointment.objects.filter(pk=visit.pk).update(booked_at=clock.now() - timedelta(days=20))
    move_to_next_week(visit)
    send()
    due = clock.days_before(Appointment.objects.get(pk=visit.pk).starts_at, 2, clock.clinic_zone())
    send(due + timedelta(minutes=1))
    send(due + timedelta(minutes=2))  # news of the move expired in the first round, which is a call and a change of the visit
    reminder = newest(post, "please confirm", to="jonah.m@example.com")
    for word in ("hair", "scalp", "dutasteride", "finasteride"):
        assert word not in reminder.as_string().casefold()
    jonah.go(link_in(reminder))
    assert Appointment.objects.get(pk=visit.pk).status == "booked"
    jonah.press(re.compile("I.m coming"))
    assert Appointment.objects.get(pk=visit.pk).status == "confirmed"

    # Reception checks him in and cannot read his answers.
    move_to_now(visit)
    joanne = person(script=script, width=1440)
    sign_in(joanne, "joanne@tn.example")
    joanne.go("/desk/?view=list")
    row = joanne.page.locator("li, tr, article").filter(has_text="Jonah Marwick").last
    joanne.press(re.compile("Arrived|Waiting"), within=row)
    assert Appointment.objects.get(pk=visit.pk).status == "arrived"
    assert joanne.page.request.get(f"{joanne.site}/md/review/{visit.public_id}/").status == 404

    # The physician reads the whole of it on one page, and that is on record.
    email = visit.practitioner.user.email
    doctor = person(script=script, width=1440)
    sign_in(doctor, email)
    doctor.go("/md/")
    before = AuditEvent.objects.filter(action="intake.read", subject_id=visit.patient_id).count()
    doctor.press(re.compile("^Jonah Marwick"))
    text = doctor.page.locator("main").inner_text()
    assert "understand what is happening before I decide" in text
    assert "Crown" in text
    assert AuditEvent.objects.filter(action="intake.read", subject_id=visit.patient_id).count() == before + 1


def move_to_next_week(visit):
    """The soonest opening may be tomorrow; the reminder is for a visit in about ten days."""
    start = visit.starts_at + timedelta(days=14)
    while Appointment.objects.occupying().filter(
        practitioner=visit.practitioner, starts_at__lt=start + timedelta(minutes=30), ends_at__gt=start
    ).exists() or clock.local(start).weekday() > 4:  # fmt: skip
        start += timedelta(days=1)
    Appointment.objects.filter(pk=visit.pk).update(
        starts_at=start, ends_at=start + timedelta(minutes=30), ics_sequence=1, version=visit.version + 1, announced=0
    )


def move_to_now(visit):
    """Time is moved, not waited for: the visit starts in ten minutes, whatever else the demo has then."""
    start = clock.now() + timedelta(minutes=10)
    Appointment.objects.filter(starts_at__lt=start + timedelta(minutes=30), ends_at__gt=start).exclude(pk=visit.pk).update(
        status="cancelled", hold_expires_at=None
    )
    Appointment.objects.filter(pk=visit.pk).update(starts_at=start, ends_at=start + timedelta(minutes=30))


CUT_OFF = """() => [...document.querySelectorAll('main, main *, header *')]
    .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden' && !e.closest('.vh, svg'))
    .map((e) => `${e.className}: ${e.textContent.trim().replace(/\\\\s+/g, ' ').slice(0, 50)}`)
    .concat(document.documentElement.scrollWidth > innerWidth ? ['scrolls sideways'] : [])"""
LARGE = "document.addEventListener('DOMContentLoaded', () => { document.documentElement.style.fontSize = '200%' })"


@pytest.mark.journey
def test_with_text_twice_as_large_a_phone_shows_the_whole_booking_and_cuts_nothing_off(person, post):
    rosa, found = person(script=True), []
    rosa.page.add_init_script(LARGE)

    def look():
        found.extend(f"{rosa.path}: {cut}" for cut in rosa.page.evaluate(CUT_OFF))

    for path in ("/articles/dutasteride-mesotherapy/", "/book/call-us/", "/book/"):
        rosa.go(path)
        look()
    rosa.press("Start")
    look()
    rosa.press("Pick a time first, finish these later")
    look()
    rosa.press("Take this time")
    rosa.press("Continue")
    look()
    assert rosa.page.locator(".dob .input").first.bounding_box()["width"] > 200, "the month can be read"
    rosa.answer_page()
    look()
    send()
    code = re.search(r"\d{3} \d{3}", newest(post, "code")["subject"])[0]
    rosa.page.locator("input[name=code]").fill(code)
    rosa.press("Continue")
    look()
    rosa.press("Book my visit")
    look()
    assert rosa.path == "/book/done/"
    visit = re.search(r"/v/\w{16}/", rosa.page.locator('a[href*="/v/"]').first.get_attribute("href"))[0]
    for page in ("", "time/", "cancel/", "messages/", "questions/"):
        rosa.go(visit + page)
        look()
    assert found == []
