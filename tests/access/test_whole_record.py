"""One person's whole record: given out with nothing of anybody else in it, and gone without a trace once it may go."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
import time_machine
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts import clock
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions as booking
from booking.models import Appointment, DeskText, Status
from intake import actions as intake
from intake import photos
from intake.corrections import Correction
from intake.document import decrypt
from intake.models import Photo, QuestionnaireResponse, ResumeLink, Review
from patients.actions import merge
from patients.models import Patient
from records import actions, keeping
from records.people import find, person_of
from tests.access.world import World, canary
from tests.intake.test_reviews import FINE

LEAD = "lead@tn.example"


def export(world: World, who: str, folder: Path, *more: str) -> zipfile.ZipFile:
    call_command("export_person", world.visits[who].reference, "--by", LEAD, "--to", str(folder), *more, stdout=io.StringIO())
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    return zipfile.ZipFile(path)


def erase(whose: str, *more: str) -> str:
    said = io.StringIO()
    call_command("erase_person", whose, "--by", LEAD, *more, stdout=said)
    return said.getvalue()


def sign(world: World, who: str) -> Review:
    doctor, response = Actor.staff(world.users["physician"]), world.responses[who]
    for flag in decrypt(response).flags["found"]:
        intake.acknowledge_flag(response, flag["code"], reason="seen", by=doctor, now=world.now)
    return intake.sign_review(response, FINE | {"note": canary(who, "review")}, by=doctor, now=world.now)


def end(world: World, who: str) -> None:
    """Nothing is to come any more, and nothing waits: the visit cancelled, the correction answered."""
    by = Actor.staff(world.users["reception"])
    for visit in Appointment.objects.filter(patient=world.people[who], status__in=[Status.BOOKED, Status.CONFIRMED]):
        booking.cancel(visit, by=by, now=world.now)
    intake.answer_correction(world.corrections[who], made=True, answer="Done", by=by, now=world.now)


def rows_with(marks: list[str]) -> dict[str, int]:
    """In which tables any of these words stands, as text or as bytes."""
    forms = [f"%{m}%" for m in marks] + [f"%{m.encode().hex()}%" for m in marks]
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE ANY(%s)', [forms])
            if count := cursor.fetchone()[0]:
                found[table] = count
    return found


def marks_of(world: World, who: str) -> list[str]:
    found = [f"CANARY-{who}-", f"canary-{who.lower()}-", str(world.responses[who].public_id)]
    if who in world.people:
        found += [str(world.people[who].public_id), str(world.visits[who].public_id)]
    return found


@pytest.fixture
def files(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test deletes of the photos' storage is put back: the world is built once, and nothing in it is ever committed."""
    monkeypatch.setattr(transaction, "on_commit", lambda step: step())
    kept = {name: photos.store().open(name).read() for p in Photo.objects.all() for name in (p.name, p.small_name) if name}
    yield
    for name, data in kept.items():
        if not photos.store().exists(name):
            photos.store().save(name, io.BytesIO(data))


def test_the_file_holds_all_of_one_person_and_nothing_of_others(world: World, tmp_path: Path) -> None:
    sign(world, "A")
    file = export(world, "A", tmp_path)
    names = file.namelist()
    assert {"index.html", "record.json", "fhir.json"} <= set(names)
    assert [n for n in names if n.endswith(".pdf")] == ["answers-1-2027-02-10.pdf", "photos/1-01-hx_labs_file.pdf"]
    page, data = file.read("index.html").decode(), json.loads(file.read("record.json"))
    for mark in [*world.marks["A"].answers, canary("A", "review").encode()]:
        everywhere = b"".join(file.read(n) for n in names)
        assert mark in everywhere, mark
    for name in ("first", "last", "preferred", "finish_other", "correction", "review"):
        assert canary("A", name) in page, name
    assert {"Dr. Amara Osei", "Lena Holt", "The patient"} <= {line["who"] for line in data["who_looked_or_changed"]}
    assert {e["resource"]["resourceType"] for e in json.loads(file.read("fhir.json"))["entry"]} == {
        "Patient", "Appointment", "Questionnaire", "QuestionnaireResponse",
    }  # fmt: skip
    whole = b"".join(file.read(n) for n in names).lower()
    for other in "bc":
        assert f"canary-{other}-".encode() not in whole
        assert all(mark.lower() not in whole for mark in world.marks[other.upper()].contact)


def test_giving_it_out_is_in_the_trail_with_each_thing_that_was_opened(world: World, tmp_path: Path) -> None:
    before = AuditEvent.objects.latest("pk").pk
    export(world, "B", tmp_path)
    told = AuditEvent.objects.filter(pk__gt=before, subject_id=world.people["B"].pk)
    assert {e.actor_id for e in told} == {world.users["lead"].pk}
    assert {"records.export", "intake.read", "intake.photo_read", "intake.read_correction"} <= {e.action for e in told}


def test_a_file_that_is_there_is_not_written_over(world: World, tmp_path: Path) -> None:
    export(world, "A", tmp_path)
    with pytest.raises(CommandError, match="is there already"):
        export(world, "A", tmp_path)


def test_what_a_physician_keeps_back_is_not_in_it_and_the_reason_is(world: World, tmp_path: Path) -> None:
    sign(world, "A")
    file = export(world, "A", tmp_path, "--withhold-notes", "It would put somebody at risk.")
    whole = b"".join(file.read(n) for n in file.namelist())
    assert canary("A", "review").encode() not in whole
    assert "It would put somebody at risk." in file.read("index.html").decode()


def test_an_address_that_two_people_share_names_nobody(world: World, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="several people's") as refusal:
        call_command("export_person", "canary-b-mail@example.com", "--by", LEAD, "--to", str(tmp_path))
    assert str(world.people["twin"].public_id) in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("email", ["reception@tn.example", "nobody@tn.example"])
def test_only_in_the_name_of_a_lead_or_physician(world: World, tmp_path: Path, email: str) -> None:
    with pytest.raises(CommandError, match="No clinic lead or physician"):
        call_command("export_person", world.visits["A"].reference, "--by", email, "--to", str(tmp_path))


def test_whatever_is_still_open_keeps_a_record_here(world: World) -> None:
    with pytest.raises(CommandError) as refusal:
        erase(world.visits["A"].reference, "--apply", "--confirm", world.visits["A"].reference)
    assert "is still to come. Cancel it first." in str(refusal.value)
    assert "A correction that was asked for waits" in str(refusal.value)
    assert Patient.objects.filter(pk=world.people["A"].pk).exists()


def test_a_visit_that_nobody_ended_and_a_review_that_is_begun_keep_a_record_here(world: World) -> None:
    end(world, "A")
    begun = {"status": Status.CONFIRMED, "starts_at": world.now - timedelta(hours=1), "ends_at": world.now}
    Appointment.objects.filter(pk=world.visits["A"].pk).update(**begun)
    intake.save_review(world.responses["A"], FINE, by=Actor.staff(world.users["physician"]), now=world.now)
    kept = [reason.why for reason in keeping.reasons(person_of(world.people["A"]), now=world.now)]
    assert ["Nobody has said how visit" in kept[0], "A physician has begun a review" in kept[1], len(kept)] == [True, True, 2]


def test_what_was_sent_or_put_right_after_the_last_visit_is_an_entry_too(world: World) -> None:
    end(world, "A")
    Appointment.objects.filter(pk=world.visits["A"].pk).update(status=Status.FULFILLED)
    person, days = person_of(world.people["A"]), (date(2027, 3, 1), date(2027, 4, 1))
    later = [clock.day_bounds(day, clock.clinic_zone())[0] for day in days]
    Correction.objects.filter(pk=world.corrections["A"].pk).update(answered_at=later[0])
    assert keeping.last_entry(person) == days[0]
    QuestionnaireResponse.objects.filter(pk=world.responses["A"].pk).update(completed_at=later[1])
    assert keeping.last_entry(person) == days[1]


def test_neither_reviews_nor_corrections_of_somebody_else_keep_a_record(world: World) -> None:
    end(world, "A")
    sign(world, "B")
    assert keeping.reasons(person_of(world.people["A"]), now=world.now) == []
    end(world, "B")
    Correction.objects.filter(pk=world.corrections["B"].pk).update(answered_at=world.now + timedelta(days=99))
    Appointment.objects.filter(pk=world.visits["A"].pk).update(status=Status.FULFILLED)
    draft = intake.start_draft("hair-loss-intake", by=Actor.anonymous(), now=world.now)
    QuestionnaireResponse.objects.filter(pk=draft.pk).update(patient=world.people["A"])  # what is not sent is no entry either
    assert keeping.last_entry(person_of(world.people["A"])) == date(2027, 2, 15)


def test_a_review_that_is_begun_keeps_nobody_elses_record(world: World) -> None:
    end(world, "A")
    intake.save_review(world.responses["B"], FINE, by=Actor.staff(world.users["physician"]), now=world.now)
    assert keeping.reasons(person_of(world.people["A"]), now=world.now) == []


def test_an_address_finds_whose_it_is_and_an_unknown_id_nobody(world: World) -> None:
    assert find(str(uuid4())) == []
    (saved,) = find(ResumeLink.objects.get(response=world.responses["C"]).address)
    assert saved.draft == world.responses["C"]
    (only,) = find(world.people["A"].email)
    assert (only.keys, only.draft) == ([world.people["A"].pk], None)


def test_a_visit_that_took_place_says_from_when_it_may_go(world: World) -> None:
    end(world, "A")
    Appointment.objects.filter(pk=world.visits["A"].pk).update(status=Status.FULFILLED)
    with pytest.raises(CommandError, match=r"kept until February.15, 2037: 10 years after its last entry \(February.15, 2027\)"):
        erase(world.visits["A"].reference)


def test_a_signed_review_is_kept_without_a_visit(world: World) -> None:
    sign(world, "A")
    end(world, "A")
    with pytest.raises(CommandError, match=r"kept until February.10, 2037"):
        erase(world.visits["A"].reference)


@pytest.mark.parametrize(
    ("last", "born", "until"),
    [
        (date(2027, 2, 15), date(1984, 4, 4), date(2037, 2, 15)),
        (date(2028, 2, 29), date(1984, 4, 4), date(2038, 3, 1)),
        (date(2027, 2, 15), date(2010, 2, 15), date(2038, 2, 15)),
        (date(2027, 2, 15), date(2012, 2, 29), date(2040, 3, 1)),
        (date(2027, 2, 15), date(2009, 2, 15), date(2037, 2, 15)),
    ],
)
def test_ten_years_after_the_last_entry_or_after_turning_18(
    world: World, monkeypatch: pytest.MonkeyPatch, last: date, born: date, until: date
) -> None:
    monkeypatch.setattr(keeping, "last_entry", lambda person: last)
    person = person_of(world.people["A"])
    person.rows[0].date_of_birth = born
    assert keeping.until(person) == until


def test_without_apply_nothing_changes(world: World) -> None:
    end(world, "A")
    before = rows_with(marks_of(world, "A"))
    assert "Nothing was changed." in erase(world.visits["A"].reference)
    assert rows_with(marks_of(world, "A")) == before


def test_what_is_typed_has_to_be_the_reference(world: World) -> None:
    end(world, "A")
    with pytest.raises(CommandError, match="not the reference"):
        erase(world.visits["A"].reference, "--apply", "--confirm", world.visits["B"].reference)
    assert Patient.objects.filter(pk=world.people["A"].pk).exists()


@pytest.mark.parametrize("who", "ABC")
def test_after_it_nothing_is_left_but_the_trail(world: World, files: None, who: str) -> None:
    whose = str(world.responses[who].public_id) if who == "C" else world.visits[who].reference
    if who != "C":
        end(world, who)
    if who == "B":  # a second entry of hers was joined
        merge(world.offer, True, by=Actor.staff(world.users["reception"]), now=world.now)
        Appointment.objects.filter(patient=world.people[who], status=Status.BOOKED).update(status=Status.CANCELLED)
        whose = str(world.people["twin"].public_id)
    others = {o: rows_with(marks_of(world, o)) for o in "ABC" if o != who}
    names = {n for p in Photo.objects.filter(response=world.responses[who]) for n in (p.name, p.small_name) if n}
    confirm = person_of(world.people[who]).reference if who != "C" else whose
    assert "Deleted: " in erase(whose, "--apply", "--confirm", confirm)
    assert rows_with(marks_of(world, who)) == {}
    assert not any(photos.store().exists(name) for name in names)
    assert len(names) >= 1
    assert not [s for s in Session.objects.all() if any(m in str(s.get_decoded()) for m in marks_of(world, who))]
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        kept = [key + (server.get(key) or b"" if server.type(key) == b"string" else b"") for key in server.scan_iter(count=500)]
    assert not [k for k in kept if f"canary-{who}-".lower().encode() in k.lower()]
    stub = AuditEvent.objects.latest("pk")
    assert (stub.action, stub.actor_id) == ("records.erase", world.users["lead"].pk)
    assert {o: rows_with(marks_of(world, o)) for o in others} == others, "and others have all that they had"


@pytest.mark.parametrize(("gone", "stays"), ["AB", "BA"])
def test_erasing_one_leaves_every_row_of_another(world: World, files: None, gone: str, stays: str) -> None:
    end(world, gone)
    doctor, other = Actor.staff(world.users["physician"]), person_of(world.people[stays])
    DeskText.objects.create(appointment=world.visits[stays], code="away", asked_at=world.now)
    intake.save_review(world.responses[stays], FINE, by=doctor, now=world.now)
    browser = SessionStore()
    browser["known"] = [str(world.people[stays].public_id), str(world.responses[stays].public_id)]
    browser.save()
    before = {lot.name: set(lot.rows.values_list("pk", flat=True)) for lot in actions.lots(other)}
    erase(world.visits[gone].reference, "--apply", "--confirm", person_of(world.people[gone]).reference)
    assert {lot.name: set(lot.rows.values_list("pk", flat=True)) for lot in actions.lots(other)} == before
    assert Session.objects.filter(pk=browser.session_key).exists()
    assert before["reviews"] and before["short texts asked for by the desk"] and before["corrections"]


def test_after_ten_years_a_signed_review_goes_with_its_record(world: World, files: None) -> None:
    review = sign(world, "A")
    end(world, "A")
    with pytest.raises(DatabaseError, match="cannot change"), transaction.atomic():
        review.delete()
    with time_machine.travel(world.now + timedelta(days=3653), tick=False):
        erase(world.visits["A"].reference, "--apply", "--confirm", world.visits["A"].reference)
    assert rows_with(marks_of(world, "A")) == {}


def test_a_visit_booked_while_it_is_confirmed_stops_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    end(world, "A")
    reference = world.visits["A"].reference

    def books_meanwhile(_said: str) -> str:
        Appointment.objects.filter(pk=world.visits["A"].pk).update(status=Status.BOOKED)
        return reference

    monkeypatch.setattr("staff.management.commands.erase_person._ask", books_meanwhile)
    with pytest.raises(CommandError, match="still to come"):
        erase(reference, "--apply")
    assert QuestionnaireResponse.objects.filter(pk=world.responses["A"].pk).exists()


def test_every_table_that_points_at_a_person_is_thought_of(world: World) -> None:
    """A new table with a patient, a visit or answers in it has to say what becomes of it."""
    gone: set[Any] = {lot.rows.model for lot in actions.lots(person_of(world.people["A"]))}
    for model in (Patient, Appointment, QuestionnaireResponse):
        pointing = {f.related_model for f in model._meta.related_objects if f.on_delete.__name__ != "CASCADE"}
        assert pointing <= gone, pointing - gone
    assert clock.today(world.now) == date(2027, 2, 10)
