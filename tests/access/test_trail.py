"""Who reads what is written down first; and if that cannot be written, nothing is shown."""

import pytest
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from tests.access.sweep import Sweep
from tests.access.world import World


def test_every_page_with_answers_is_in_the_trail(world: World, sweep: Sweep) -> None:
    """With actor, subject and object."""
    pages = 0
    for answer in sweep.of("GET"):
        for who, patient in world.people.items():
            marks = world.marks[who].answers if who in world.marks else []
            if answer.audience != "drafting" and any(mark in answer.body for mark in marks):
                pages += 1
                photo = answer.name in {"staff:photo", "portal:photo"}
                asked = answer.name in {"staff:corrections", "portal:data"}
                action = "intake.photo_read" if photo else "intake.read_correction" if asked else "intake.read"
                reads = [e for e in answer.events if e.action == action]
                assert len(reads) == 1, str(answer)
                (read,) = reads
                about = world.photos[who] if photo else world.corrections[who] if asked else world.responses[who]
                own = answer.audience == "account"
                reader = ("patient", patient.pk, "") if own else ("staff", world.users[answer.audience].pk, answer.audience)
                assert (read.actor_kind, read.actor_id, read.actor_role, read.subject_id) == (*reader, patient.pk)
                assert (read.object_type, read.object_id) == (about._meta.label_lower, about.pk)
    assert pages >= 2


def test_every_page_with_a_name_is_in_the_trail(world: World, sweep: Sweep) -> None:
    staff = {user.pk for user in world.users.values()}
    silent = []
    for answer in sweep.of("GET"):
        named = any(mark in answer.body for who in "AB" for mark in world.marks[who].contact[:3])
        if answer.audience in world.users and answer.name.startswith("staff:") and named:
            own = world.users[answer.audience].pk
            if not [e for e in answer.events if e.actor_kind == "staff" and e.actor_id == own]:
                silent.append(str(answer))
        assert all(e.actor_id in staff for e in answer.events if e.actor_kind == "staff")
    assert silent == []


def test_one_patients_page_names_that_patient(world: World, sweep: Sweep) -> None:
    for name in ("staff:visit", "staff:patient", "staff:review"):
        for which, who in (("own", "A"), ("other", "B")):
            for answer in sweep.of("GET", name=name, which=which):
                if answer.status == 200:
                    assert world.people[who].pk in {e.subject_id for e in answer.events}, str(answer)


@pytest.fixture
def mute(world: World) -> None:
    """The database takes no event."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION no_trail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
            "CREATE TRIGGER no_trail BEFORE INSERT ON audit_auditevent FOR EACH ROW EXECUTE FUNCTION no_trail()"
        )


@pytest.mark.parametrize(
    ("audience", "path"),
    [
        ("physician", "/md/review/{review}/"),
        ("physician", "/md/?date={day}"),
        ("reception", "/desk/day/{day}/"),
        ("reception", "/desk/visit/{visit}/"),
        ("reception", "/desk/visit/{visit}/card/"),
        ("reception", "/desk/visit/{visit}/move/"),
        ("reception", "/desk/patient/{patient}/"),
        ("reception", "/desk/find/?q=canary"),
        ("reception", "/desk/new/?q=canary"),
        ("reception", "/desk/new/?patient={patient}"),
        ("reception", "/desk/calls/"),
        ("lead", "/clinic/access-log/"),
        ("account", "/me/"),
        ("account", "/me/details/"),
        ("account", "/me/data/"),
    ],
)
def test_without_the_event_nothing_is_shown(world: World, mute: None, audience: str, path: str) -> None:
    url = path.format(
        review=world.responses["B"].public_id, visit=world.visits["B"].public_id, patient=world.patient, day=world.day
    )
    answer = world.client(audience).get(url)
    assert answer.status_code >= 500
    for marks in world.marks.values():
        assert not [m for m in marks.contact + marks.answers if m in answer.content]


@pytest.mark.parametrize("path", ["/", "/articles/", "/articles/dutasteride-mesotherapy/", "/book/", "/book/suitable/", "/livez"])
def test_public_pages_are_there_without_it(world: World, mute: None, path: str) -> None:
    assert world.client("anonymous").get(path).status_code == 200


def test_a_step_without_its_event_does_not_happen(world: World, mute: None) -> None:
    visit = world.visits["A"]
    answer = world.client("patient").post(f"/v/{world.tokens['A']}/cancel/", {})
    assert answer.status_code == 500
    visit.refresh_from_db()
    assert visit.status == "booked"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET actor_id = 1",
        "UPDATE audit_auditevent SET detail = '{}' WHERE id = (SELECT max(id) FROM audit_auditevent)",
        "DELETE FROM audit_auditevent",
        "WITH x AS (DELETE FROM audit_auditevent RETURNING 1) SELECT count(*) FROM x",
    ],
)
def test_the_trail_is_never_changed(world: World, statement: str) -> None:
    before = AuditEvent.objects.count()
    assert before
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    with pytest.raises(DatabaseError), transaction.atomic():
        AuditEvent.objects.all().delete()
    assert AuditEvent.objects.count() == before
