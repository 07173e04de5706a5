"""Photos are gone when they should be, and their files are looked after."""

import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.actor import Actor
from audit.models import AuditEvent
from config.storage import photo_storage
from intake import actions
from intake.actions import later
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse, ResumeLink
from patients.models import Patient
from tests.intake.conftest import NOW, SOMEBODY
from tests.intake.photos import Commit, add, answers_in

pytestmark = pytest.mark.usefixtures("folder")


def test_deleting_a_draft_deletes_its_files(
    agreeing: QuestionnaireResponse, folder: Path, django_capture_on_commit_callbacks: Commit
) -> None:
    add(agreeing)
    with django_capture_on_commit_callbacks(execute=True):
        actions.delete_draft(agreeing, by=SOMEBODY, now=NOW)
    assert list(folder.iterdir()) == []
    assert AuditEvent.objects.filter(action="intake.purge_photo").count() == 1


def test_photos_of_a_draft_go_after_72_hours_and_the_answers_stay(
    agreeing: QuestionnaireResponse, folder: Path, django_capture_on_commit_callbacks: Commit
) -> None:
    add(agreeing)
    saved = QuestionnaireResponse.objects.get(pk=agreeing.pk).saved_at
    assert later.purge_photos(now=saved + timedelta(hours=71, minutes=59)) == 0
    assert len(list(folder.iterdir())) == 2
    with django_capture_on_commit_callbacks(execute=True):
        assert later.purge_photos(now=saved + timedelta(hours=72)) == 1
    assert list(folder.iterdir()) == []
    assert "photo_front" not in answers_in(agreeing)
    assert answers_in(agreeing)["photo_consent"] == "yes"
    event = AuditEvent.objects.get(action="intake.purge_photo")
    assert (event.actor_kind, event.detail) == ("system", {"view": "photo_front", "reason": "72 h unsent"})
    assert later.purge_photos(now=saved + timedelta(hours=73)) == 0


def test_photos_of_a_draft_that_was_opened_again_by_its_link_stay(agreeing: QuestionnaireResponse) -> None:
    add(agreeing)
    link = ResumeLink.objects.create(
        response=agreeing, channel="email", address="a@b.example", key_id="test", sha256=b"x" * 32, asked_at=NOW,
        last_used_at=NOW + timedelta(hours=50), expires_at=NOW + timedelta(days=32),
    )  # fmt: skip
    assert later.purge_photos(now=NOW + timedelta(hours=121)) == 0
    assert later.purge_photos(now=link.last_used_at + timedelta(hours=72)) == 1


def test_photos_that_were_sent_or_belong_to_a_visit_stay(agreeing: QuestionnaireResponse, maya: Patient) -> None:
    add(agreeing)
    late = NOW + timedelta(days=400)
    QuestionnaireResponse.objects.filter(pk=agreeing.pk).update(patient=maya)
    assert later.purge_photos(now=late) == 0
    QuestionnaireResponse.objects.filter(pk=agreeing.pk).update(patient=None, status="completed", completed_at=NOW)
    assert later.purge_photos(now=late) == 0
    with pytest.raises(IntakeError):
        actions.drop_photos(agreeing, by=Actor.system(), now=late, reason="")
    assert agreeing.photos.count() == 1


def test_the_check_finds_lost_and_left_over_files(agreeing: QuestionnaireResponse, folder: Path) -> None:
    photo = add(agreeing)
    out = StringIO()
    call_command("check_photos", stdout=out)
    assert out.getvalue() == "photos=1 broken=0 files_without_a_row_found=0\n"
    (folder / ("e" * 64)).write_bytes(b"x")
    out = StringIO()
    call_command("check_photos", stdout=out)
    assert "found=0" in out.getvalue()  # it may be about to get its row
    os.utime(folder / ("e" * 64), (0, 0))
    out = StringIO()
    call_command("check_photos", "--delete", stdout=out)
    assert "deleted=1" in out.getvalue()
    (folder / photo.small_name).write_bytes(b"changed")
    with pytest.raises(CommandError, match="1 photos cannot be opened"):
        call_command("check_photos", stdout=StringIO(), stderr=StringIO())


def test_a_bucket_is_one_setting() -> None:
    entry = photo_storage("s3://clinic-photos/prod?endpoint=https://s3.example&region=ca-central-1", Path("/unused"))
    assert entry["BACKEND"] == "storages.backends.s3.S3Storage"
    assert entry["OPTIONS"]["bucket_name"] == "clinic-photos"
    assert entry["OPTIONS"]["location"] == "prod"
    assert entry["OPTIONS"]["endpoint_url"] == "https://s3.example"
    for wrong in ("https://x", "s3://", "s3://b?acl=public"):
        with pytest.raises(Exception, match="PHOTO_STORAGE"):
            photo_storage(wrong, Path("/unused"))
