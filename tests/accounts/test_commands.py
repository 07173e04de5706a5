"""An empty clinic is set up by commands; no password is ever printed."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Clinic, User
from audit.models import AuditEvent
from booking.models import Availability, Practitioner, Room, Service
from booking.setup import DEMO_CLINIC

pytestmark = pytest.mark.django_db
FACTS = {
    "name": "Birch Clinic", "short_name": "Birch", "street": "1 Example Street", "city": "Guelph",
    "postal_code": "N1G 1A1", "phone": "519-555-0150", "hours_text": "Monday to Friday",
}  # fmt: skip


def run(name: str, /, *args: str, **options: object) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue()


def test_create_clinic_twice_changes_nothing_the_second_time() -> None:
    assert "saved" in run("create_clinic", no_input=True, **FACTS)
    assert "nothing to change" in run("create_clinic", no_input=True, **FACTS)
    assert Clinic.objects.get().city == "Guelph"


def test_create_clinic_names_what_is_missing_or_wrong() -> None:
    with pytest.raises(CommandError, match="street"):
        run("create_clinic", no_input=True, name="Birch Clinic")
    with pytest.raises(CommandError, match="no time zone 'Mars/Base'"):
        run("create_clinic", no_input=True, **FACTS, zone="Mars/Base")
    assert not Clinic.objects.exists()


def test_set_up_clinic_loads_the_demo_file_and_again_changes_nothing() -> None:
    assert "created  practitioner amara-osei" in run("set_up_clinic", str(DEMO_CLINIC))
    before = (Practitioner.objects.count(), Service.objects.count(), Room.objects.count(), Availability.objects.count())
    assert before[:3] == (4, 4, 4)
    assert run("set_up_clinic", str(DEMO_CLINIC)) == "Nothing to change.\n"
    assert before == (Practitioner.objects.count(), Service.objects.count(), Room.objects.count(), Availability.objects.count())


def test_set_up_clinic_publishes_the_questionnaires_so_that_people_can_book() -> None:
    assert "created  questionnaire hair-loss-intake" in run("set_up_clinic", str(DEMO_CLINIC))
    assert Client().get("/book/").status_code == 200


def test_set_up_clinic_reads_the_file_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", DEMO_CLINIC.open(encoding="utf-8"))
    assert "created  practitioner amara-osei" in run("set_up_clinic", "-")


def test_set_up_clinic_without_a_file_leaves_the_rest_to_the_screens() -> None:
    run("create_clinic", no_input=True, **FACTS)
    said = run("set_up_clinic")
    assert "created  questionnaire hair-loss-intake" in said
    assert "created  page Articles" in said
    assert run("set_up_clinic") == "Nothing to change.\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("clinic: 1", "clinic: must be a mapping"),
        ("colour: red", "unknown colour"),
        ("rooms: {a: 1}", "must be a list"),
        ("- 1", "the file: must be a mapping"),
        ("clinic: {zone: Mars/Base}", "no time zone"),
        ("{", "expected"),
        ("clinic: Montréal", "not a text in UTF-8"),
        ("services: [{slug: a, name: A, minutes: 30, practitioners: [x]}]", "clinic: missing"),
    ],
)
def test_a_wrong_file_changes_nothing_and_says_where(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "clinic.yaml"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(CommandError, match=said):
        run("set_up_clinic", str(file))
    assert not Clinic.objects.exists()
    assert not Service.objects.exists()


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ("{funday: ['09:00-12:00']}", "not a day"),
        ("{mon: ['12:00-09:00']}", "not a span"),
        ("{mon: ['9-12']}", "not a span"),
        ("{mon: ['09:00-12:00', '11:00-13:00']}", "overlap on mon"),
        ("{mon: ['25:00-26:00']}", "not a span"),
    ],
)
def test_hours_that_cannot_be_are_refused(clinic: Clinic, tmp_path: Path, hours: str, said: str) -> None:
    file = tmp_path / "clinic.yaml"
    file.write_text(f"practitioners: [{{slug: a, name: Dr. A, short_name: Dr. A, hours: {hours}}}]")
    with pytest.raises(CommandError, match=said):
        run("set_up_clinic", str(file))
    assert not Practitioner.objects.exists()


def test_create_staff_prints_a_link_that_sets_the_password_and_no_password(practitioner: Practitioner) -> None:
    said = run("create_staff", email="New@tn.example", name="Dr. New", role="physician", practitioner="osei")
    user = User.objects.get(email="new@tn.example")
    practitioner.refresh_from_db()
    assert practitioner.user == user
    assert not user.has_usable_password()
    link = said.split()[-1]
    assert Client().get(link.split("8000", 1)[1]).status_code == 302
    assert AuditEvent.objects.filter(action="accounts.staff_created", object_id=user.pk).exists()
    assert "is there already" in run("create_staff", email="new@tn.example", name="Dr. New", role="physician")


def test_create_staff_gives_no_link_to_somebody_whose_access_was_ended() -> None:
    run("create_staff", email="gone@tn.example", name="Ann Gone", role="reception")
    run("create_staff", email="lead@tn.example", name="Lena Lead", role="lead")
    run("end_access", "gone@tn.example")
    with pytest.raises(CommandError, match=r"The access of Ann Gone .* was ended"):
        run("create_staff", email="gone@tn.example", name="Ann Gone", role="reception")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"email": "no", "name": "A B", "role": "lead"}, "not an email"),
        ({"email": "a@b.example", "name": "A B", "role": "boss"}, "not a role"),
        ({"email": "a@b.example", "name": "A B", "role": "physician", "practitioner": "x"}, "no practitioner"),
    ],
)
def test_create_staff_refuses_what_cannot_be(options: dict[str, str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run("create_staff", **options)
    assert not User.objects.exists()
