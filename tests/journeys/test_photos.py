"""Photos from a phone: view by view among the questions, one more by the visit's link, all of them before the physician."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions, calendar
from booking.links import token_of
from booking.models import Service
from intake.models import Photo, QuestionnaireResponse
from patients.actions import Contact, digits_of
from patients.models import ContactCode
from tests.intake.pictures import encoded, exif, heic
from tests.journeys.conftest import PASSWORD
from tests.journeys.person import Person, axe_violations


@pytest.fixture
def roll(tmp_path: Path) -> dict[str, str]:
    """The phone's camera roll."""
    files = {
        "IMG_0001.HEIC": heic(exif=exif()),
        "IMG_0002.jpg": encoded(exif=exif(6)),
        "clip.mov": b"\0\0\0\x14ftypqt  " + bytes(99),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in files}


def add(someone: Person, view: str, file: str) -> None:
    """Choose a photo for a view; without a script the row's own button sends it."""
    if someone.script:
        with someone.page.expect_response("**/book/photos/add/"):
            someone.page.set_input_files(f"#file-{view}", file)
    else:
        someone.page.set_input_files(f"#file-{view}", file)
        with someone.page.expect_navigation():
            someone.page.locator(f"#up-{view} .up-send").click()
    someone.page.locator(f"#up-{view} img[src*='?small'], #up-{view}.field-err").first.wait_for()


@pytest.mark.journey
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_photos_reach_the_physician(person: Any, script: bool, roll: dict[str, str]) -> None:
    noor = person(script=script)
    noor.go("/book/")
    noor.press("Start")
    noor.press(re.compile("^(Continue|Begin)"))
    for _page in range(80):
        if noor.path == "/book/questions/8/2/":
            break
        noor.press(re.compile("^(Begin|Continue)")) if noor.path == "/book/questions/" else noor.answer_page()
    assert noor.heading == "Photos of your scalp"

    # An iPhone's HEIC, a JPEG held sideways, a video that is refused, one taken again, one taken out.
    add(noor, "photo_front", roll["IMG_0001.HEIC"])
    add(noor, "photo_crown", roll["IMG_0002.jpg"])
    add(noor, "photo_top", roll["clip.mov"])
    assert "not a PDF or video" in noor.page.locator("#up-photo_top").inner_text()
    if not script:
        noor.go("/book/questions/8/2/")
    add(noor, "photo_top", roll["IMG_0002.jpg"])
    first = Photo.objects.get(response__patient=None, link_id="photo_crown")
    add(noor, "photo_crown", roll["IMG_0001.HEIC"])
    if script:
        noor.page.locator("#up-photo_crown").get_by_role("button", name=re.compile("Remove")).wait_for()
        assert axe_violations(noor.page) == []
    if not script:
        noor.go("/book/questions/8/2/")
    noor.page.locator("#up-photo_top .up-remove").click()
    noor.page.locator("#up-photo_top .up-pose").wait_for()
    assert not Photo.objects.filter(pk=first.pk).exists()
    assert sorted(Photo.objects.filter(response__patient=None).values_list("link_id", flat=True)) == [
        "photo_crown",
        "photo_front",
    ]

    # On, with one gentle reminder.
    if not script:
        noor.go("/book/questions/8/2/")
    noor.press("Continue")
    assert "You can go on without these" in noor.page.locator("main").inner_text()
    noor.press("Continue")
    for _page in range(10):
        if not noor.path.startswith("/book/questions"):
            break
        noor.press(re.compile("^(Begin|Continue)")) if noor.path == "/book/questions/" else noor.answer_page()
    assert noor.path == "/book/time/"

    # Booked; then one more photo, by the link, the year of birth and a code.
    response = QuestionnaireResponse.objects.filter(photos__isnull=False, patient=None).latest("pk")
    service, now = Service.objects.get(slug="first-assessment"), clock.now()
    slot = calendar.soonest(service, now=now)[0]
    contact = Contact(
        first_name="Noor", last_name="Aziz", preferred_name="", date_of_birth=date(1987, 3, 27), email="noor@example.com",
        mobile="+15195550178", reminder_by="email", voicemail_ok=True,
    )  # fmt: skip
    who = calendar.people(service)
    visit = actions.book(
        service, next(p for p in who if p.pk == slot.practitioner_id), slot.start, contact=contact, checked_channel="email",
        response=response, declared_at=now, signature="Noor Aziz", by=Actor.anonymous(), now=now,
    )  # fmt: skip
    noor.go(f"/v/{token_of(visit)}/")
    noor.press(re.compile("Add photos"))
    noor.page.locator("input[name=year]").fill("1987")
    noor.press("Continue")
    if script:
        assert axe_violations(noor.page) == []
    noor.page.get_by_label("Your code").fill(digits_of(ContactCode.objects.latest("pk")))
    noor.press("Continue")
    add(noor, "photo_top", roll["IMG_0002.jpg"])
    assert visit.response.photos.count() == 3
    noor.press("Done")
    assert noor.path.startswith("/v/")

    # The physician sees three and two empty places, and each picture that was looked at is in the trail.
    doctor = person(script=script, width=1440)
    doctor.go("/staff/login/")
    doctor.page.get_by_label("Email").fill(visit.practitioner.user.email)
    doctor.page.locator("input[type=password]").fill(PASSWORD)
    doctor.press(re.compile("^Sign in$"))
    doctor.go(f"/md/review/{visit.public_id}/")
    panel = doctor.page.locator("section.ph")
    assert "3 of 5 views sent" in panel.inner_text()
    assert panel.get_by_text("Not sent", exact=True).count() == 2
    doctor.page.wait_for_load_state("networkidle")
    looks = AuditEvent.objects.filter(action="intake.photo_read", actor_role="physician", subject_id=visit.patient_id)
    assert looks.filter(detail__size="small").count() == 3
    # One is large; without scripts Chromium fetches what is not shown as well.
    assert looks.filter(detail__size="whole").count() == (1 if script else 3)
    if script:
        with doctor.page.expect_response(lambda answer: "/md/photo/" in answer.url and "small" not in answer.url):
            doctor.page.keyboard.press("2")
        doctor.page.locator(".ph-big [data-set]:nth-of-type(2) img").wait_for()
        assert looks.filter(detail__size="whole").count() == 2
