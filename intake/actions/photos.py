"""Photos and files of a response: taken in, looked at, taken out. Every verb is one transaction: write, audit, version up.

A file is written before its row and removed after the row is gone, so a crash can leave a file without a row (found by
`manage.py check_photos`), never a row without its file. Files are sealed like answers, with names that say nothing.
"""

import logging
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import clock
from audit.actions import record
from audit.actor import Actor
from intake import crypto, imaging, photos
from intake.actions.reviews import asked_of
from intake.asked import Ask
from intake.definition import Definition, Question
from intake.document import Document, decrypt, is_own_draft, must_hold, put
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse

log = logging.getLogger(__name__)

MAX_IMAGES = 12
OLDEST = timedelta(days=3653)


class PhotoRefused(IntakeError):
    """A file is not taken; the text can be shown to the person who sent it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it arrived, whole or not. Its name and its type are what the sender says, so they are not even here."""

    data: bytes = b""
    too_large: bool = False


# --- May it be taken? ------------------------------------------------------------------------------------------------


def _opens_here(definition: Definition, question: Question) -> bool:
    """True for a question that its own page may have opened without that being saved yet. Never for a view of the scalp."""
    if question.group == photos.GROUP:
        return False
    here = {q.link_id for q in definition.page_questions(question.section, question.page)}
    return any(name in here for name, _codes in question.show_when)


# --- Verbs -----------------------------------------------------------------------------------------------------------


def add_photo(response: QuestionnaireResponse, link_id: str, upload: Upload, *, by: Actor, now: datetime) -> Photo:
    """Take a file for a view. Where one only is taken, it replaces the one there was.

    Raises:
        PhotoRefused: it is not taken, and why, in words for the sender.
        IntakeError: this response takes no such file.
    """
    question = response.definition.questions.get(link_id)
    if question is None or question.type != "attachment":
        raise IntakeError("No file belongs here.")
    _may(response, decrypt(response), question, _asked_for(response, question))
    pdf_too = link_id == photos.LABS
    if upload.too_large:
        raise PhotoRefused(photos.refusal("size"))
    if not upload.data:
        raise PhotoRefused(_("Choose a photo first"))
    if not photos.room_left():
        raise PhotoRefused(photos.refusal("disk"))
    photo = Photo(public_id=uuid.uuid4(), response=response, link_id=link_id, received_at=now)
    if imaging.kind_of(upload.data) == "pdf":
        if not (pdf_too and imaging.is_pdf(upload.data)):
            raise PhotoRefused(photos.refusal("kind", pdf_too=pdf_too))
        photo.kind, whole, small = Photo.Kind.PDF, upload.data, b""
    else:
        try:
            made = imaging.clean(upload.data)
        except imaging.ImagingError as error:
            raise PhotoRefused(photos.refusal(str(error), pdf_too=pdf_too)) from None
        photo.kind, whole, small = Photo.Kind.IMAGE, made.whole, made.small
        photo.width, photo.height, photo.hints = made.width, made.height, list(made.hints)
    photo.size = len(whole)
    written: list[str] = []
    try:
        photo.key_id, photo.name = write_file(whole, photo, photos.WHOLE, written)
        if small:
            photo.small_key_id, photo.small_name = write_file(small, photo, photos.SMALL, written)
        with transaction.atomic():
            _enter(response, question, photo, by=by, now=now)
    except BaseException:
        forget_files(written)
        raise
    return photo


def _asked_for(response: QuestionnaireResponse, question: Question) -> Ask | None:
    """Where a physician asks for this view: it is taken again, beside what was sent, until the review is signed."""
    if response.is_draft or response.reviewed_at is not None:
        return None
    ask = asked_of(response)
    return ask if ask and question in photos.views_asked(response, ask) else None


def _may(response: QuestionnaireResponse, document: Document, question: Question, ask: Ask | None) -> None:
    if ask is not None:
        return
    open_now = {q.link_id for q in photos.questions_for(response, document)}
    if question.link_id not in open_now and not (response.is_draft and _opens_here(response.definition, question)):
        raise IntakeError("No file is taken for this now.")


def _enter(response: QuestionnaireResponse, question: Question, photo: Photo, *, by: Actor, now: datetime) -> None:
    locked = QuestionnaireResponse.objects.select_for_update().filter(pk=response.pk).first()
    if locked is None:
        raise IntakeError("These answers were deleted.")
    must_hold(locked, by)
    document = decrypt(locked)
    ask = _asked_for(locked, question)
    _may(locked, document, question, ask)
    there = list(locked.photos.order_by("position", "pk"))
    of_view = [p for p in there if p.link_id == question.link_id]
    here = [p for p in of_view if p.received_at >= ask.at] if ask else of_view
    limit = max(question.max_files, 1)
    replaced = here if limit == 1 and all(photos.changeable(p, locked, now=now) for p in here) else []
    if len(here) >= limit and not replaced:
        text = ngettext("You can add %(n)d photo here. Remove it first", "You can add %(n)d photos here. Remove one first", limit)
        raise PhotoRefused(text % {"n": limit})
    images = sum(p.kind == Photo.Kind.IMAGE for p in there if p not in replaced)
    if photo.kind == Photo.Kind.IMAGE and images >= MAX_IMAGES and ask is None:
        raise PhotoRefused(_("You have added %(n)d photos, and that is all we can take. Remove one first") % {"n": MAX_IMAGES})
    _delete(replaced)
    photo.position = max((p.position for p in of_view), default=0) + 1
    photo.save(force_insert=True)
    if locked.asked_at is not None and _is_all_there(locked):
        locked.asked_at = None  # It waited for the patient; now it waits for the physician again.
    _settle(locked, document, question.link_id, now=now)
    record(
        "intake.add_photo", by=by, now=now, obj=photo, subject_id=locked.patient_id,
        detail={"view": question.link_id, "kind": photo.kind, "replaced": len(replaced)},
    )  # fmt: skip
    response.version, response.document, response.key_id = locked.version, locked.document, locked.key_id


def remove_photo(photo: Photo, *, by: Actor, now: datetime) -> None:
    """Take a photo out, row and files. Removing what is gone changes nothing.

    Raises:
        PhotoRefused: it was sent, and is part of the record.
    """
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().get(pk=photo.response_id)
        must_hold(locked, by)
        row = locked.photos.filter(pk=photo.pk).first()
        if row is None:
            return
        if not photos.changeable(row, locked, now=now):
            raise PhotoRefused(_("This photo was sent and is part of your record. To change that, call us"))
        record(
            "intake.remove_photo", by=by, now=now, obj=row, subject_id=locked.patient_id,
            detail={"view": row.link_id, "kind": row.kind},
        )  # fmt: skip
        _delete([row])
        document = decrypt(locked)
        if not locked.is_draft and locked.reviewed_at is None:
            _ask_again(locked, document)
        _settle(locked, document, row.link_id, now=now)


def date_photo(photo: Photo, taken_on: date, *, by: Actor, now: datetime) -> None:
    """Say on which day a photo was taken, if that was not the day it came.

    Raises:
        PhotoRefused: no photo can be from that day, or it is on the record.
    """
    today = clock.today(now)
    if taken_on > today:
        raise PhotoRefused(_("The day it was taken cannot be in the future"))
    if taken_on < today - OLDEST:
        raise PhotoRefused(_("Choose a photo of the last ten years"))
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().get(pk=photo.response_id)
        row = locked.photos.filter(pk=photo.pk).first()
        if row is None or not photos.changeable(row, locked, now=now):
            raise PhotoRefused(_("This photo was sent and is part of your record. To change that, call us"))
        row.taken_on = None if taken_on == clock.local(row.received_at).date() else taken_on
        row.save(update_fields=["taken_on"])
        record(
            "intake.date_photo", by=by, now=now, obj=row, subject_id=locked.patient_id,
            detail={"view": row.link_id, "kind": row.kind},
        )  # fmt: skip


def purge_files(
    response: QuestionnaireResponse, *, by: Actor, now: datetime, only: Iterable[str] | None = None, reason: str = "deleted"
) -> int:
    """Delete photos of a response, files included once the transaction is through; call it inside one.

    Args:
        only: link_ids whose photos go; None: all go.

    Returns:
        How many were deleted.
    """
    gone = list(response.photos.all() if only is None else response.photos.filter(link_id__in=list(only)))
    for photo in gone:
        record(
            "intake.purge_photo", by=by, now=now, obj=photo, subject_id=response.patient_id,
            detail={"view": photo.link_id, "reason": reason},
        )  # fmt: skip
    _delete(gone)
    return len(gone)


def read_photo(photo: Photo, *, by: Actor, now: datetime, small: bool = False) -> bytes:
    """Open a photo; the read is in the trail first, except for a person's own draft.

    Raises:
        IntakeError: it cannot be opened.
    """
    if not is_own_draft(photo.response, by):
        with transaction.atomic():
            record(
                "intake.photo_read", by=by, now=now, obj=photo, subject_id=photo.response.patient_id,
                detail={"view": photo.link_id, "size": "small" if small else "whole"},
            )  # fmt: skip
    name, key_id, label = photo.name, photo.key_id, photos.WHOLE
    if small and photo.small_name:
        name, key_id, label = photo.small_name, photo.small_key_id, photos.SMALL
    try:
        with photos.store().open(name) as file:
            sealed = file.read()
    except OSError as error:
        raise IntakeError("The file of this photo is not there.") from error
    return crypto.unseal(sealed, key_id=key_id, label=label, owner=photo.public_id)


# --- Files -----------------------------------------------------------------------------------------------------------


def write_file(data: bytes, photo: Photo, label: str, written: list[str]) -> tuple[str, str]:
    """Seal and store one file; its new name is added to `written`. Returns the key's id and the name.

    Raises:
        PhotoRefused: the storage does not take it.
    """
    key_id, sealed = crypto.seal(data, label=label, owner=photo.public_id)
    name = secrets.token_hex(32)
    written.append(name)
    try:
        photos.store().save(name, ContentFile(sealed))
    except Exception as error:  # noqa: BLE001 (whatever the storage throws: a full disk, a bucket that does not answer)
        log.error("a photo could not be stored: %s", type(error).__name__)
        raise PhotoRefused(photos.refusal("disk")) from None
    return key_id, name


def forget_files(names: Iterable[str]) -> None:
    """Remove stored files. What cannot be removed is left for `manage.py check_photos`."""
    for name in names:
        try:
            photos.store().delete(name)
        except Exception as error:  # noqa: BLE001 (the same; the row is gone already)
            log.error("a photo's file is left over (manage.py check_photos finds it): %s", type(error).__name__)


def _delete(photos: list[Photo]) -> None:
    names = [name for photo in photos for name in (photo.name, photo.small_name) if name]
    if photos:
        Photo.objects.filter(pk__in=[p.pk for p in photos]).delete()
        transaction.on_commit(lambda: forget_files(names))


def _settle(locked: QuestionnaireResponse, document: Document, link_id: str, *, now: datetime) -> None:
    """A draft's answers name its photos. What was sent stays as it was signed; photos that came later stand beside it."""
    fields = ["version", "asked_at"]
    if locked.is_draft:
        ids = [str(p.public_id) for p in locked.photos.filter(link_id=link_id).order_by("position", "pk")]
        document.answers.pop(link_id, None)
        if ids:
            document.answers[link_id] = ids
        put(locked, document)
        locked.saved_at = now
        fields += ["document", "key_id", "saved_at"]
    locked.version += 1
    locked.save(update_fields=fields)


def _is_all_there(locked: QuestionnaireResponse) -> bool:
    """Whether photos alone are an answer to what a physician asks: every one asked for, or any one to a note without more."""
    ask = asked_of(locked)
    if ask is None or ask.is_note:
        return True
    return not ask.form.questions and not photos.views_left(locked, ask)


def _ask_again(locked: QuestionnaireResponse, document: Document) -> None:
    """Where the photo that was taken out was all that came of what a physician asks, it waits for the patient again."""
    ask = asked_of(locked)
    if ask is None or photos.since(locked, ask).exists():
        return
    if not any(datetime.fromisoformat(entry["at"]) >= ask.at for entry in document.addenda):
        locked.asked_at = ask.at


def drop_photos(response: QuestionnaireResponse, *, by: Actor, now: datetime, reason: str) -> int:
    """Delete every photo of a draft that goes on living, files too.

    Returns:
        How many there were.

    Raises:
        IntakeError: the response was sent; its photos are part of the record.
    """
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().get(pk=response.pk)
        if not locked.is_draft:
            raise IntakeError("These photos were sent and are part of the record.")
        count = purge_files(locked, by=by, now=now, reason=reason)
        if count:
            document = decrypt(locked)
            files = {q.link_id for q in locked.definition.questions.values() if q.type == "attachment"}
            document.answers = {name: value for name, value in document.answers.items() if name not in files}
            put(locked, document)
            locked.version += 1
            locked.save(update_fields=["document", "key_id", "version"])
    return count
