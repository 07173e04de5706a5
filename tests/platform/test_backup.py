"""A copy of everything can be made by whoever cannot read it, and comes back whole or not at all."""

import io
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection

from audit.actor import Actor
from audit.models import AuditEvent
from backups import actions, archive
from backups.errors import BackupError
from intake import actions as intake
from intake import photos
from intake.actions.photos import write_file
from intake.actions.reviews import Content, put_review
from intake.actions.rotation import unreadable
from intake.corrections import Correction
from intake.models import Photo, Review
from tests.factories import WEDNESDAY
from tests.intake.pictures import encoded, scene

SYSTEM = Actor.system()
PAIR = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()


@pytest.fixture
def empty(django_db_setup: Any) -> Iterator[str]:
    """The name of a database with nothing in it."""
    clones = django_db_setup
    name = f"{clones.name}_back"
    clones._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    clones._run("CREATE DATABASE {} TEMPLATE template0", name)
    yield name
    clones._use(clones.name)
    clones._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


@pytest.fixture
def copied(transactional_db: None, patient: Any, physician: Any, settings: Any, tmp_path: Path) -> bytes:
    """A copy of a clinic with answers, a review of them, a correction, a photo and a picture of the site, sealed."""
    settings.BACKUP_KEYS = [str(PAIR.to_public())]
    settings.PRIVATE_ROOT = tmp_path / "a"
    for name in ("photos", "default"):
        settings.STORAGES = settings.STORAGES | {name: stored(tmp_path / "a" / name)}
    intake.publish_all(by=SYSTEM, now=WEDNESDAY)
    draft = intake.start_draft("hair-loss-intake", by=Actor.anonymous(), now=WEDNESDAY)
    review = Review(response=draft, physician=physician, started_at=WEDNESDAY, saved_at=WEDNESDAY)
    put_review(review, Content())
    review.save()
    correction = Correction(patient=patient, about="details", asked_at=WEDNESDAY)
    correction.seal(asked="The street")
    correction.save()
    photo = Photo(response=draft, link_id="photo_front", kind="image", received_at=WEDNESDAY, size=5)
    picture = encoded(picture=scene(160, 120))
    photo.key_id, photo.name = write_file(picture, photo, photos.WHOLE, [])
    photo.save()
    storages["default"].save("images/door.jpg", ContentFile(b"a door"))
    out = io.BytesIO()
    actions.back_up(out, keys=settings.BACKUP_KEYS, by=SYSTEM, now=WEDNESDAY)
    assert photo.name.encode() not in out.getvalue()
    return out.getvalue()


def stored(path: Path) -> dict[str, Any]:
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": path}}


def elsewhere(settings: Any, tmp_path: Path, database: str, clones: Any) -> None:
    """From here on this is another machine."""
    clones._use(database)
    settings.STORAGES = settings.STORAGES | {n: stored(tmp_path / "b" / n) for n in ("photos", "default")}


def test_a_copy_comes_back_whole_and_its_photos_and_answers_open(
    copied: bytes, empty: str, settings: Any, tmp_path: Path, django_db_setup: Any
) -> None:
    names = list(Photo.objects.values_list("name", flat=True))
    elsewhere(settings, tmp_path, empty, django_db_setup)
    manifest = actions.restore(io.BytesIO(copied), keys=str(PAIR), by=SYSTEM, now=WEDNESDAY)
    assert manifest.numbers["files"] == 2
    assert manifest.missing == []
    assert list(Photo.objects.values_list("name", flat=True)) == names
    assert storages["default"].open("images/door.jpg").read() == b"a door"
    assert unreadable() == []
    call_command("check_photos", stdout=io.StringIO())
    assert AuditEvent.objects.order_by("pk").last().action == "backups.restore"
    # The data alone is not enough: whoever has the copy and its key still lacks the keys to the answers.
    settings.ANSWER_KEYS = {"test": "another" * 8}
    assert [row.partition(" ")[0] for row in unreadable()] == ["Response", "Review", "Correction"]
    # And nothing is ever restored over something.
    with pytest.raises(BackupError, match="not empty"):
        actions.restore(io.BytesIO(copied), keys=str(PAIR), by=SYSTEM, now=WEDNESDAY)


def test_whatever_is_wrong_with_a_copy_is_found(
    copied: bytes, empty: str, settings: Any, tmp_path: Path, django_db_setup: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = len(copied) // 2
    flipped = copied[:middle] + bytes([copied[middle] ^ 1]) + copied[middle + 1 :]
    tries = {
        "This key does not open": (copied, OTHER), "damaged": (flipped, PAIR), "damaged: ": (copied[:middle], PAIR),
        "is damaged": (copied[:-1], PAIR), "copy is damaged": (copied + b"more", PAIR),
    }  # fmt: skip
    for words, (wrong, key) in tries.items():
        elsewhere(settings, tmp_path / words, empty, django_db_setup)
        with pytest.raises(BackupError, match=words):
            actions.restore(io.BytesIO(wrong), keys=str(key), by=SYSTEM, now=WEDNESDAY)
        with connection.cursor() as cursor:  # where the damage is decides how much was back before it was found
            cursor.execute("DROP SCHEMA IF EXISTS public, kept CASCADE; CREATE SCHEMA public")  # kept: tests/published.py
    elsewhere(settings, tmp_path / "whole", empty, django_db_setup)
    real = actions.database.amounts
    monkeypatch.setattr(actions.database, "amounts", lambda: real() | {"intake_photo": [0, "0/0"]})
    with pytest.raises(BackupError, match="not what was copied: intake_photo"):
        actions.restore(io.BytesIO(copied), keys=str(PAIR), by=SYSTEM, now=WEDNESDAY)


def test_the_nightly_job_leaves_a_whole_file_or_none(copied: bytes, settings: Any, tmp_path: Path) -> None:
    for n in range(3):
        (tmp_path / f"truenorth-2026010{n}T000000Z.tar.age").touch()
    call_command("backup", to=str(tmp_path), keep=2, stderr=io.StringIO())
    kept = sorted(p.name for p in tmp_path.glob("truenorth-*"))
    assert len(kept) == 2
    assert (tmp_path / kept[-1]).stat().st_mode & 0o777 == 0o600
    settings.PG_BIN = "/nowhere"
    with pytest.raises(CommandError, match="There is no pg_dump here"):
        call_command("backup", to=str(tmp_path), stderr=io.StringIO())
    assert sorted(p.name for p in tmp_path.glob("truenorth-*")) == kept


def test_what_a_killed_job_left_behind_goes_with_the_next(copied: bytes, tmp_path: Path) -> None:
    old, young = (tmp_path / f"truenorth-2026010{n}T000000Z.tar.age.part" for n in (1, 2))
    for left, hours in ((old, 25), (young, 23)):
        left.touch()
        os.utime(left, (time.time() - hours * 3600,) * 2)
    call_command("backup", to=str(tmp_path), stderr=io.StringIO())
    assert not old.exists()
    assert young.exists()


def test_a_photo_without_its_file_is_said_and_the_copy_is_made_all_the_same(copied: bytes, tmp_path: Path) -> None:
    storages["photos"].delete(Photo.objects.get().name)
    with pytest.raises(CommandError, match="1 photos have no file"):
        call_command("backup", to=str(tmp_path), stderr=io.StringIO())
    assert len(list(tmp_path.glob("truenorth-*"))) == 1


@pytest.mark.parametrize(
    ("keys", "word"), [([], "backup_key"), ([str(OTHER)], "private key"), (["age1nothing"], "no public key")]
)
def test_without_a_public_key_nothing_is_copied(keys: list[str], word: str) -> None:
    with pytest.raises(BackupError, match=word):
        archive.recipients(keys)


def test_a_pair_of_keys_opens_what_it_seals_and_is_never_written_over(tmp_path: Path) -> None:
    said = io.StringIO()
    call_command("backup_key", str(tmp_path / "key"), stdout=said)
    text = (tmp_path / "key").read_text()
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    public = archive.recipients([said.getvalue().strip().removeprefix("BACKUP_KEYS=")])
    out = io.BytesIO()
    archive.seal(archive.member("a", b"b"), out, public)
    with archive.opened(io.BytesIO(out.getvalue()), archive.identities(text)) as members:
        assert [(name, content.read()) for name, content in members] == [("a", b"b")]
    with pytest.raises(CommandError):
        call_command("backup_key", str(tmp_path / "key"))
