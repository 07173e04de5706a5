"""Reviews of what was sent: claimed, flags acknowledged, written, signed, amended.

Every verb locks the response's row first, so two physicians are one after the other. A claim keeps them apart before that.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts import clock
from accounts.models import Clinic
from audit import rows
from audit.actions import record
from audit.actor import Actor
from intake import answering, crypto, reviewing
from intake.asked import Ask
from intake.definition import Definition, canonical
from intake.document import Document, decrypt
from intake.errors import IntakeError
from intake.models import Photo, QuestionnaireResponse, Review

_LABEL = "intake.review.document"


class Taken(IntakeError):
    """Somebody else is on it, or changed it in the meantime; the text can be shown."""


class NotYet(IntakeError):
    """It cannot be signed yet. `problems` are (field, words)."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(problems[0][1])
        self.problems = problems


@dataclass(slots=True)
class Content:
    """What a review holds. Never log it.

    Args:
        fields: what was filled in, by the names of `intake.reviewing`.
        acknowledged: flag code → who ("by", "name"), when ("at") and why ("reason").
        reason: why a signed review was changed.
        signed: once signed: who, when, and digests and ids of all that was in front of the physician.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    reason: str = ""
    signed: dict[str, Any] = field(default_factory=dict)

    def seen(self, code: str, since: str) -> dict[str, Any] | None:
        """The acknowledgement of a flag, if it came after the flag was raised (`since`, ISO; empty: with the answers)."""
        entry = self.acknowledged.get(code)
        return entry if entry is not None and entry["at"] >= since else None


# --- The document ----------------------------------------------------------------------------------------------------


def _canonical(content: Content) -> bytes:
    return canonical({name: getattr(content, name) for name in Content.__dataclass_fields__})


def put_review(review: Review, content: Content) -> None:
    """Encrypt into the row's fields; the caller saves the row."""
    review.key_id, review.document = crypto.seal(_canonical(content), label=_LABEL, owner=review.public_id)


def read_review(review: Review) -> Content:
    """What a review says; the caller writes the event of reading it.

    Raises:
        IntakeError: it cannot be opened, or is not what was signed.
    """
    plain = crypto.unseal(review.document, key_id=review.key_id, label=_LABEL, owner=review.public_id)
    content = Content(**json.loads(plain))
    if review.is_signed and _digest(content) != review.sha256:
        raise IntakeError("This review is not what was signed.")
    return content


def ask_in(review: Review, content: Content, definition: Definition) -> Ask | None:
    """What a signed review asks of the patient; None if it asks nothing."""
    if review.signed_at is None or content.fields.get("outcome") != "more-info":
        return None
    # Before questions could be chosen, a note was answered in the patient's own words.
    items = tuple(content.fields.get("ask_items") or [reviewing.OWN_WORDS])
    return Ask(definition, content.fields["ask"], items, review.signed_at, content.signed["name"], review.number)


def asked_of(response: QuestionnaireResponse) -> Ask | None:
    """What the review that was signed last asks of the patient, answered or not; the caller writes the event of reading it."""
    latest = response.signed_reviews.last()
    return ask_in(latest, read_review(latest), response.definition) if latest is not None else None


def last_came(moments: Sequence[datetime]) -> str:
    """What a page says of the answers and photos that came: how many, and when the last did."""
    return f"{len(moments)}:{max(moments).timestamp():.6f}" if moments else ""


def _digest(content: Content) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()


# --- Who is on it ----------------------------------------------------------------------------------------------------


def _locked(response: QuestionnaireResponse) -> QuestionnaireResponse:
    locked = rows.locked(QuestionnaireResponse.objects.select_related("reviewer"), pk=response.pk)
    if locked.is_draft:
        raise IntakeError(_("The patient is still answering."))
    return locked


def _on_it(locked: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """Claim it in passing if nobody is on it.

    Raises:
        Taken: somebody else is.
    """
    if locked.reviewer_id == by.id:
        return
    if locked.reviewer is not None:
        when = clock.ended(clock.clock_time(locked.claimed_at)) if locked.claimed_at else ""
        raise Taken(_("%(name)s is on this since %(time)s Take it over to go on") % {"name": locked.reviewer.name, "time": when})
    locked.reviewer_id, locked.claimed_at = _user(by), now


def _user(by: Actor) -> int:
    if by.id is None or not by.is_staff:
        raise IntakeError("Only somebody who works here reviews.")
    return by.id


def _save(locked: QuestionnaireResponse) -> None:
    locked.version += 1
    locked.save(update_fields=["reviewer", "claimed_at", "reviewed_at", "asked_at", "ask_sequence", "to_confirm", "version"])


def claim_review(response: QuestionnaireResponse, *, take_over: bool = False, by: Actor, now: datetime) -> None:
    """Say that this physician is on it.

    Args:
        take_over: also if somebody else is.

    Raises:
        Taken: somebody else is.
    """
    with transaction.atomic():
        locked = _locked(response)
        if locked.reviewer_id == by.id:
            return
        if take_over:
            locked.reviewer = None
        _on_it(locked, by=by, now=now)
        _save(locked)
        record("intake.claim_review", by=by, now=now, obj=locked, detail={"take_over": take_over})


def release_review(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """Let go of it; what was written stays. Nothing happens if somebody else is on it."""
    with transaction.atomic():
        locked = _locked(response)
        if locked.reviewer_id != by.id:
            return
        locked.reviewer, locked.claimed_at = None, None
        _save(locked)
        record("intake.release_review", by=by, now=now, obj=locked)


# --- Writing ---------------------------------------------------------------------------------------------------------


def _draft(locked: QuestionnaireResponse, *, by: Actor, now: datetime) -> tuple[Review, Content]:
    """The draft there is, or a new one; a new one after a signed one begins with its words.

    Raises:
        Taken: it was signed, and nobody has begun to amend it.
    """
    latest = locked.reviews.order_by("number").last()
    if latest is not None and not latest.is_signed:
        latest.physician_id = _user(by)
        return latest, read_review(latest)
    if latest is not None and locked.reviewed_at is not None:
        raise Taken(_("This review is signed. Amend it to change it"))
    return _begin(locked, latest, by=by, now=now)


def _begin(locked: QuestionnaireResponse, latest: Review | None, *, by: Actor, now: datetime) -> tuple[Review, Content]:
    number, content = 1, Content()
    if latest is not None:
        before = read_review(latest)
        number, content = latest.number + 1, Content(fields=before.fields, acknowledged=before.acknowledged)
    return Review(response=locked, number=number, physician_id=_user(by), started_at=now, saved_at=now, version=0), content


def _keep(review: Review, content: Content, *, now: datetime) -> None:
    put_review(review, content)
    review.saved_at = now
    review.version += 1
    review.save()


def _same(review: Review, version: int | None) -> None:
    if version is not None and version != review.version:
        raise Taken(_("This was changed in another window at %(time)s") % {"time": clock.clock_time(review.saved_at)})


def save_review(
    response: QuestionnaireResponse,
    fields: Mapping[str, Any],
    *,
    reason: str = "",
    version: int | None = None,
    by: Actor,
    now: datetime,
) -> Review:
    """Keep what is written so far; nothing is asked of it.

    Args:
        fields: by the names of `intake.reviewing`, already clean.
        version: of the draft as it was shown (0: there was none); None does not look.

    Raises:
        Taken: somebody else is on it, it was changed in the meantime, or it is signed.
    """
    with transaction.atomic():
        locked = _locked(response)
        _on_it(locked, by=by, now=now)
        review, content = _draft(locked, by=by, now=now)
        _same(review, version)
        content.fields = {name: value for name, value in fields.items() if value and name in reviewing.BY_NAME}
        content.reason = reason
        _keep(review, content, now=now)
        _save(locked)
        record("intake.save_review", by=by, now=now, obj=review, subject_id=locked.patient_id)
    return review


def acknowledge_flag(
    response: QuestionnaireResponse, code: str, *, reason: str = "", seen: bool = True, by: Actor, now: datetime
) -> Review:
    """Say that a flag was seen, or with `seen=False` take that back. Which flag it was stands in the encrypted draft only.

    Raises:
        Taken: somebody else is on it, or it is signed.
        IntakeError: there is no such flag.
    """
    with transaction.atomic():
        locked = _locked(response)
        flag = next((flag for flag in decrypt(locked).flags.get("found", ()) if flag["code"] == code), None)
        if flag is None:
            raise IntakeError(_("There is no such flag."))
        if problem := answering.text_problem(reason, reviewing.LINE):
            raise IntakeError(problem)
        _on_it(locked, by=by, now=now)
        review, content = _draft(locked, by=by, now=now)
        if seen and content.seen(code, flag.get("at", "")) is None:
            content.acknowledged[code] = {"by": by.id, "name": by.label, "at": now.isoformat(), "reason": reason}
        elif not seen:
            content.acknowledged.pop(code, None)
        _keep(review, content, now=now)
        _save(locked)
        record("intake.acknowledge_flag", by=by, now=now, obj=review, subject_id=locked.patient_id, detail={"seen": seen})
    return review


# --- Signing ---------------------------------------------------------------------------------------------------------


def _read(locked: QuestionnaireResponse, document: Document, came: str | None) -> None:
    """Nothing has come from the patient that the page did not show.

    Raises:
        Taken: something has.
    """
    said = [datetime.fromisoformat(entry["at"]) for entry in document.addenda]
    pictures = locked.photos.filter(status=Photo.Status.KEPT).values_list("received_at", flat=True)
    if came not in (None, last_came([*said, *pictures])):
        raise Taken(_("The patient has sent something, or taken a photo out, since you opened this page. Look at it, then sign"))


def _missing(
    locked: QuestionnaireResponse, document: Document, content: Content, fields: Mapping[str, Any], reason: str
) -> list[tuple[str, str]]:
    found = document.flags.get("found", ())
    waiting = [f["code"] for f in found if f["acknowledge"] and content.seen(f["code"], f.get("at", "")) is None]
    return reviewing.problems(fields, waiting, reason_needed=locked.reviewed_at is not None, reason=reason)


def missing_to_sign(
    response: QuestionnaireResponse,
    fields: Mapping[str, Any],
    *,
    reason: str = "",
    came: str | None = None,
    by: Actor,
    now: datetime,
) -> list[tuple[str, str]]:
    """What `sign_review` would say is missing, as (field, words); the caller shows, and writes the event of reading it.

    Raises:
        Taken: as for `sign_review`.
    """
    with transaction.atomic():
        locked = _locked(response)
        _on_it(locked, by=by, now=now)
        _review, content = _draft(locked, by=by, now=now)
        document = decrypt(locked)
        _read(locked, document, came)
        return _missing(locked, document, content, fields, reason)


def sign_review(
    response: QuestionnaireResponse,
    fields: Mapping[str, Any],
    *,
    reason: str = "",
    registration: str = "",
    version: int | None = None,
    came: str | None = None,
    by: Actor,
    now: datetime,
) -> Review:
    """Sign. From here on the review is what it is; the answers, flags and photos it rests on are named in it.

    Args:
        registration: the physician's number with the college.
        came: of what was read (`last_came`); None does not look.

    Raises:
        NotYet: something is missing, such as a flag that must be acknowledged.
        Taken: as for `save_review`, or something came since it was read.
    """
    with transaction.atomic():
        locked = _locked(response)
        _on_it(locked, by=by, now=now)
        review, content = _draft(locked, by=by, now=now)
        _same(review, version)
        document = decrypt(locked)
        _read(locked, document, came)
        found = document.flags.get("found", ())
        amends = locked.reviewed_at is not None
        if missing := _missing(locked, document, content, fields, reason):
            raise NotYet(missing)
        before = locked.signed_reviews.last()
        photos = locked.photos.filter(status=Photo.Status.KEPT).order_by("pk").values_list("public_id", flat=True)
        content.fields, content.reason = reviewing.kept(fields), reason if amends else ""
        content.signed = {
            "by": by.id,
            "name": by.label,
            "registration": registration,
            "at": now.isoformat(),
            "zone": Clinic.current().zone,
            "form": f"{locked.definition.slug}|{locked.definition.version}",
            "form_sha256": locked.definition.sha256,
            "answers_sha256": hashlib.sha256(canonical(document.answers)).hexdigest(),
            "addenda_sha256": hashlib.sha256(canonical(document.addenda)).hexdigest(),
            "rules": document.flags.get("rules", ""),
            "flags": [flag["code"] for flag in found],
            "photos": [str(public_id) for public_id in photos],
            "before": before.sha256 if before else "",
        }
        review.status, review.signed_at, review.sha256 = Review.Status.SIGNED, now, _digest(content)
        _keep(review, content, now=now)
        _after(locked, str(content.fields["outcome"]), now=now)
        record("intake.sign_review", by=by, now=now, obj=review, subject_id=locked.patient_id, detail={"number": review.number})
    return review


def _after(locked: QuestionnaireResponse, outcome: str, *, now: datetime) -> None:
    """What the signature changes for the queue. Asked for more, it is open (again), and waits for the patient."""
    locked.reviewer, locked.claimed_at = None, None
    if outcome == "more-info":
        locked.reviewed_at, locked.asked_at = None, now
        locked.ask_sequence += 1
    else:
        locked.reviewed_at, locked.asked_at = locked.reviewed_at or now, None
    locked.to_confirm = outcome in reviewing.TO_CONFIRM
    _save(locked)


def amend_review(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> Review:
    """Begin to amend a signed review: a draft with its words. The signed one stays as it is.

    Raises:
        Taken: nothing is signed, or a draft was begun.
    """
    with transaction.atomic():
        locked = _locked(response)
        _on_it(locked, by=by, now=now)
        latest = locked.reviews.order_by("number").last()
        if latest is None or not latest.is_signed:
            raise Taken(_("There is a draft already"))
        review, content = _begin(locked, latest, by=by, now=now)
        _keep(review, content, now=now)
        _save(locked)
        record("intake.amend_review", by=by, now=now, obj=review, subject_id=locked.patient_id, detail={"number": review.number})
    return review


def discard_review(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> bool:
    """Delete the draft, and let go. What was signed stays.

    Returns:
        False if there was none.

    Raises:
        Taken: somebody else is on it.
    """
    with transaction.atomic():
        locked = _locked(response)
        _on_it(locked, by=by, now=now)
        draft = locked.reviews.filter(status=Review.Status.DRAFT).first()
        locked.reviewer, locked.claimed_at = None, None
        _save(locked)
        if draft is None:
            return False
        record("intake.discard_review", by=by, now=now, obj=draft, subject_id=locked.patient_id)
        draft.delete()
    return True


def confirm_done(response: QuestionnaireResponse, *, done: bool = True, by: Actor, now: datetime) -> None:
    """Say that what a signed review left open, such as a letter, is done; with `done=False`, that it is not after all."""
    with transaction.atomic():
        locked = _locked(response)
        if locked.to_confirm != done:
            return
        locked.to_confirm = not done
        _save(locked)
        record("intake.confirm_done", by=by, now=now, obj=locked, detail={"done": done})
