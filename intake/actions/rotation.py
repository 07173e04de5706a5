"""A new key for what is encrypted: answers and reviews row by row, photos file by file, while everything is in use.

Each batch is one transaction, so a process that dies leaves rows under the old key or under the new, never between. A photo's
new file is written before its row changes and the old file removed after, so a crash leaves at most a file nobody names.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from audit.actions import record
from audit.actor import Actor
from intake import crypto, photos
from intake.actions.photos import forget_files, write_file
from intake.actions.reviews import put_review, read_review
from intake.corrections import Correction
from intake.document import decrypt, put
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse, Review

log = logging.getLogger(__name__)
BATCH = 100


@dataclass(slots=True)
class Rotated:
    """How far it is. `failed` names what could not be opened; it stays as it was."""

    answers: int = 0
    reviews: int = 0
    photos: int = 0
    texts: int = 0
    failed: list[str] = field(default_factory=list)


# Rows of an app above: those not under the newest key, and what re-encrypts some of them.
Also = Sequence[tuple[Callable[[], QuerySet[Any]], Callable[[list[Any], Rotated], None]]]


def old_answers() -> QuerySet[QuestionnaireResponse]:
    """Responses that are not under the newest key."""
    return QuestionnaireResponse.objects.exclude(key_id=crypto.newest_key_id())


def old_reviews() -> QuerySet[Review]:
    """Reviews that are not under the newest key, signed ones too."""
    return Review.objects.exclude(key_id=crypto.newest_key_id())


def left(*, also: Also = ()) -> int:
    """How many rows there are that are not under the newest key."""
    sources = (old_answers, old_reviews, old_corrections, old_photos, *(source for source, _turn in also))
    return sum(source().count() for source in sources)


def old_corrections() -> QuerySet[Correction]:
    """What patients want corrected, not under the newest key."""
    return Correction.objects.exclude(key_id=crypto.newest_key_id())


def unreadable() -> list[str]:
    """Answers, reviews and corrections that no key of the ring opens, and signed reviews that are not what was signed.

    For whoever restores a copy. Shows nobody anything.
    """
    failed = []
    sealed: tuple[tuple[QuerySet[Any], Callable[[Any], Any]], ...] = (
        (QuestionnaireResponse.objects.all(), decrypt),
        (Review.objects.all(), read_review),
        (Correction.objects.all(), Correction.texts),
    )
    for rows, opens in sealed:
        for row in rows.order_by("pk").iterator(chunk_size=200):
            try:
                opens(row)
            except IntakeError as error:
                failed.append(f"{row}: {error}")
    return failed


def old_photos() -> QuerySet[Photo]:
    """Photos with a file that is not under the newest key."""
    newest = crypto.newest_key_id()
    return Photo.objects.exclude(Q(key_id=newest) & (Q(small_name="") | Q(small_key_id=newest)))


def rotate(
    *, by: Actor, now: datetime, batch: int = BATCH, tell: Callable[[Rotated], None] = lambda done: None, also: Also = ()
) -> Rotated:
    """Re-encrypt everything that is not under the newest key. Resumable: run it again after any crash.

    Rows that somebody is changing are passed over; whoever changes them writes with the newest key.

    Args:
        tell: called after every batch, for a progress bar.
        also: what apps above keep under the same keys.
    """
    done = Rotated()
    kinds: tuple[tuple[Callable[[], Any], Callable[[Any, Rotated], None], int], ...] = (
        (old_answers, _answers, batch),
        (old_reviews, _reviews, batch),
        (old_corrections, _corrections, batch),
        (old_photos, _photos, max(1, batch // 10)),
        *((source, turn, batch) for source, turn in also),
    )
    for source, turn, size in kinds:
        after = 0
        while True:
            with transaction.atomic():
                rows = list(source().filter(pk__gt=after).order_by("pk").select_for_update(skip_locked=True, no_key=True)[:size])
                if rows:
                    after = rows[-1].pk
                    turn(rows, done)
                    detail = {"key": crypto.newest_key_id(), "what": source.__name__, "rows": len(rows)}
                    record("intake.rotate_keys", by=by, now=now, detail=detail)
            tell(done)
            if not rows:
                break
    return done


def _answers(rows: list[QuestionnaireResponse], done: Rotated) -> None:
    for row in rows:
        try:
            put(row, decrypt(row))
        except IntakeError as error:
            log.error("response %s: %s", row.pk, error)
            done.failed.append(f"response {row.pk}")
            continue
        # Version up: whoever read the row before must not write the old text back over this one.
        QuestionnaireResponse.objects.filter(pk=row.pk).update(document=row.document, key_id=row.key_id, version=F("version") + 1)
        done.answers += 1


def _reviews(rows: list[Review], done: Rotated) -> None:
    """The words and their digest stay; a signed row changes in nothing else, and the trigger sees to that."""
    for row in rows:
        try:
            put_review(row, read_review(row))
        except IntakeError as error:
            log.error("review %s: %s", row.pk, error)
            done.failed.append(f"review {row.pk}")
            continue
        version = F("version") if row.is_signed else F("version") + 1
        Review.objects.filter(pk=row.pk).update(document=row.document, key_id=row.key_id, version=version)
        done.reviews += 1


def _corrections(rows: list[Correction], done: Rotated) -> None:
    for row in rows:
        try:
            asked, answer = row.texts()
        except IntakeError as error:
            log.error("correction %s: %s", row.pk, error)
            done.failed.append(f"correction {row.pk}")
            continue
        row.seal(asked=asked, answer=answer)
        Correction.objects.filter(pk=row.pk).update(document=row.document, key_id=row.key_id)
        done.answers += 1


def _photos(rows: list[Photo], done: Rotated) -> None:
    for row in rows:
        try:
            _reseal(row)
        except (IntakeError, OSError) as error:
            log.error("photo %s: %s", row.pk, error)
            done.failed.append(f"photo {row.pk}")
            continue
        done.photos += 1


def _reseal(photo: Photo) -> None:
    """New files under the newest key; the old ones go once the row is committed, the new ones if it is not."""
    newest = crypto.newest_key_id()
    written: list[str] = []
    left: list[str] = []
    change: dict[str, str] = {}
    try:
        for prefix, label in (("", photos.WHOLE), ("small_", photos.SMALL)):
            name, key_id = getattr(photo, f"{prefix}name"), getattr(photo, f"{prefix}key_id")
            if not name or key_id == newest:
                continue
            with photos.store().open(name) as file:
                plain = crypto.unseal(file.read(), key_id=key_id, label=label, owner=photo.public_id)
            change[f"{prefix}key_id"], change[f"{prefix}name"] = write_file(plain, photo, label, written)
            left.append(name)
        Photo.objects.filter(pk=photo.pk).update(**change)
    except Exception:
        forget_files(written)
        raise
    transaction.on_commit(lambda: forget_files(left))
