"""A new key: everything comes under it, while it is in use, whatever kills the command half-way."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection

from audit.actor import Actor
from audit.models import AuditEvent
from audit.rows import Missed, Together
from intake import actions, photos
from intake.actions import rotation, sending
from intake.actions.photos import write_file
from intake.actions.reviews import read_review
from intake.document import Document, decrypt, put
from intake.models import Photo, QuestionnaireResponse
from patients.models import Patient
from tests.intake.conftest import NOW, SOMEBODY

OLD, NEW = "o" * 43, "n" * 43
BOTH = {"new": NEW, "old": OLD}


@pytest.fixture
def old_key(settings: Any, clinic: Any) -> None:
    """Until now there was one key."""
    settings.ANSWER_KEYS = {"old": OLD}
    actions.publish_all(by=Actor.system(), now=NOW)


def drafts(count: int) -> list[QuestionnaireResponse]:
    first = actions.start_draft("hair-loss-intake", by=SOMEBODY, now=NOW)
    made = []
    for n in range(count):
        row = QuestionnaireResponse(
            public_id=uuid.uuid4(), questionnaire_id=first.questionnaire_id, today=first.today, started_at=NOW, saved_at=NOW
        )
        put(row, Document(answers={"finish_other": f"text {n}"}))
        made.append(row)
    return QuestionnaireResponse.objects.bulk_create(made)


def a_photo(response: QuestionnaireResponse) -> Photo:
    photo = Photo(public_id=uuid.uuid4(), response=response, link_id="photo_front", kind="image", received_at=NOW, size=5)
    photo.key_id, photo.name = write_file(b"whole", photo, photos.WHOLE, [])
    photo.small_key_id, photo.small_name = write_file(b"small", photo, photos.SMALL, [])
    photo.save()
    return photo


@pytest.mark.django_db(transaction=True)
def test_everything_comes_under_the_new_key_and_the_old_one_can_go(old_key: None, settings: Any, capsys: Any) -> None:
    rows = drafts(25)
    photo = a_photo(rows[0])
    files = {photo.name, photo.small_name}
    settings.ANSWER_KEYS = BOTH
    call_command("rotate_keys", "--batch", "10")
    assert capsys.readouterr().out == "answers=26 reviews=0 photos=1 texts=0 failed=0 left=0\n"
    settings.ANSWER_KEYS = {"new": NEW}
    for n, row in enumerate(rows):
        row.refresh_from_db()
        assert decrypt(row).answers["finish_other"] == f"text {n}"
    photo.refresh_from_db()
    assert actions.read_photo(photo, by=SOMEBODY, now=NOW) == b"whole"
    assert actions.read_photo(photo, by=SOMEBODY, now=NOW, small=True) == b"small"
    assert not any(photos.store().exists(name) for name in files)
    assert AuditEvent.objects.filter(action="intake.rotate_keys").count() == 4


@pytest.mark.django_db(transaction=True)
def test_a_second_run_changes_nothing(old_key: None, settings: Any, capsys: Any) -> None:
    drafts(3)
    settings.ANSWER_KEYS = BOTH
    call_command("rotate_keys")
    before = list(QuestionnaireResponse.objects.order_by("pk").values_list("document", flat=True))
    call_command("rotate_keys")
    assert [bytes(d) for d in QuestionnaireResponse.objects.order_by("pk").values_list("document", flat=True)] == [
        bytes(d) for d in before
    ]
    assert capsys.readouterr().out.endswith("answers=0 reviews=0 photos=0 texts=0 failed=0 left=0\n")


@pytest.mark.django_db
def test_a_row_read_before_is_not_written_back_over_the_new_text(old_key: None, settings: Any) -> None:
    (row,) = drafts(1)
    settings.ANSWER_KEYS = BOTH
    rotation.rotate(by=Actor.system(), now=NOW)
    writes = Together()
    sending._write(row, Patient(pk=1), writes)
    with pytest.raises(Missed):
        writes.send()


@pytest.mark.django_db
def test_what_cannot_be_opened_is_named_and_stays_as_it_was(old_key: None, settings: Any) -> None:
    broken, _fine = drafts(2)
    QuestionnaireResponse.objects.filter(pk=broken.pk).update(document=b"\x01" + b"x" * 60)
    settings.ANSWER_KEYS = BOTH
    with pytest.raises(CommandError, match=f"response {broken.pk}"):
        call_command("rotate_keys")
    assert list(rotation.old_answers()) == [broken]
    broken.refresh_from_db()
    assert bytes(broken.document) == b"\x01" + b"x" * 60


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_kill_nine_in_the_middle_leaves_every_row_readable_and_the_next_run_ends_it(
    old_key: None, settings: Any, process_env: dict[str, str], tmp_path: Path
) -> None:
    rows = drafts(600)
    settings.ANSWER_KEYS = BOTH
    env = process_env | {
        "ANSWER_KEYS": f"new:{NEW},old:{OLD}",
        "SECRET_KEY": settings.SECRET_KEY,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "manage.py", "rotate_keys", "--batch", "3"]
    halves = 0
    for _kill in range(2):
        done = rotation.old_answers().count()
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=env, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while rotation.old_answers().count() > done - 20 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        assert process.poll() is None, (tmp_path / "log").read_text()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        left = rotation.old_answers().count()
        halves += 0 < left < len(rows)
        assert [
            decrypt(r).answers["finish_other"]
            for r in QuestionnaireResponse.objects.filter(pk__in=[r.pk for r in rows[::97]]).order_by("pk")
        ] == [f"text {n}" for n in range(0, len(rows), 97)]
    assert halves == 2
    connection.close()
    assert subprocess.run([*command[:-1], "100"], cwd=django_settings.BASE_DIR, env=env, check=False).returncode == 0
    assert not rotation.old_answers().exists()
    settings.ANSWER_KEYS = {"new": NEW}
    assert {decrypt(r).answers["finish_other"] for r in QuestionnaireResponse.objects.filter(pk__in=[r.pk for r in rows])} == {
        f"text {n}" for n in range(len(rows))
    }


@pytest.mark.django_db
def test_a_signed_review_comes_under_the_new_key_and_is_still_what_was_signed(
    old_key: None, settings: Any, sent: QuestionnaireResponse, doctor: Actor
) -> None:
    for code in ("U04", "C04", "C05", "C26"):
        actions.acknowledge_flag(sent, code, by=doctor, now=NOW)
    review = actions.sign_review(sent, {"outcome": "in-person", "note": "Look again"}, by=doctor, now=NOW)
    settings.ANSWER_KEYS = BOTH
    done = rotation.rotate(by=Actor.system(), now=NOW)
    settings.ANSWER_KEYS = {"new": NEW}
    review.refresh_from_db()
    assert (done.reviews, done.failed, rotation.left()) == (1, [], 0)
    assert read_review(review).fields["note"] == "Look again"
