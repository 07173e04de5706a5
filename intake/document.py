"""The one encrypted document of a response: answers, details typed before there is a patient, consents, advice shown."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from audit import rows
from audit.actions import event, record, record_all
from audit.actor import Actor
from audit.models import AuditEvent
from intake import crypto
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse

_LABEL = "intake.response.document"


@dataclass(slots=True)
class Document:
    """What a response holds. Never log it, never put it into a queue or a session.

    Args:
        answers: link_id -> value, as `intake.engine` describes; a draft keeps hidden ones.
        contact: details typed before there is a Patient (first_name, last_name, mobile, date_of_birth, …).
        consents: one mapping per decision: code, text, sha256, version, language, decision, choice, by, how,
            heard_by, at.
        advice_shown: {"code", "at"} of each advice page shown.
        done: keys ("3/7") of the pages that were continued from.
        signed: the declaration, once sent: name, at, answers_sha256, form_sha256.
        flags: once sent: "rules" (name and version) and "found", a mapping per flag with the words shown to the physician, and
            "at" where an answer that came later raised it.
        offered: on a repeat visit, last time's "answers" and "rows", and the day they are "from"; see `intake.prefill`.
        addenda: after sending, what a physician asked and the patient said: "question" (the physician's note), "text" (in the
            patient's own words), "at", "items" (questions of the form as they read: link_id, label, question, answers,
            own_words) and "values" (their answers as `answers` holds them).
    """

    answers: dict[str, Any] = field(default_factory=dict)
    contact: dict[str, Any] = field(default_factory=dict)
    consents: list[dict[str, Any]] = field(default_factory=list)
    advice_shown: list[dict[str, str]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    signed: dict[str, str] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)
    offered: dict[str, Any] = field(default_factory=dict)
    addenda: list[dict[str, Any]] = field(default_factory=list)

    @property
    def latest(self) -> dict[str, Any]:
        """The answers, with those that a physician asked for since in the place of what was sent."""
        found = dict(self.answers)
        for entry in self.addenda:
            found |= entry.get("values", {})
        return found

    def consent(self, code: str) -> dict[str, Any] | None:
        """The latest decision on one consent."""
        return next((c for c in reversed(self.consents) if c["code"] == code), None)


def is_own_draft(response: QuestionnaireResponse, by: Actor) -> bool:
    """True while the person who answers reads what they are typing themselves: nobody else's eyes, no audit event."""
    return response.is_draft and by.kind in {"patient", "anonymous"}


def must_hold(response: QuestionnaireResponse, by: Actor) -> None:
    """A draft is written by whoever holds it: its patient, or the desk.

    Raises:
        IntakeError: it is in other hands.
    """
    if response.is_draft and by.is_staff != response.is_at_desk:
        raise IntakeError("These answers are in other hands.")


def find_draft(public_id: str) -> QuestionnaireResponse | None:
    """The draft with this id. Asked for by every page of questions, so it is a prepared statement (`audit.rows`)."""
    return _one("public_id = %s::uuid AND status = 'in-progress'", public_id)


def locked(pk: int) -> QuestionnaireResponse | None:
    """A response as it is now, locked until the transaction ends; prepared like `find_draft`."""
    return _one("id = %s FOR UPDATE", pk)


def _one(where: str, value: Any) -> QuestionnaireResponse | None:
    statement = f'SELECT {rows.columns(QuestionnaireResponse, "r")} FROM "{QuestionnaireResponse._meta.db_table}" r WHERE {where}'
    found = rows.fetch(statement, [value])
    response: QuestionnaireResponse | None = rows.instances(found[0], QuestionnaireResponse)[0] if found else None
    return response


def write(response: QuestionnaireResponse, *names: str) -> None:
    """Write these fields of a locked response; prepared like `find_draft`."""
    changes = rows.assignments(QuestionnaireResponse, names)
    statement = f'UPDATE "{QuestionnaireResponse._meta.db_table}" SET {changes} WHERE id = %s'
    rows.fetch(statement, [*rows.values_of(response, names), response.pk])


def open_document(response: QuestionnaireResponse, *, by: Actor, now: datetime, purpose: str) -> Document:
    """Decrypt, and put the read into the audit trail in the same transaction.

    If the event cannot be written, nothing is returned. Only a person's own draft is opened without one.

    Raises:
        IntakeError: the document cannot be decrypted.
    """
    if is_own_draft(response, by):
        return decrypt(response)
    return open_documents([response], by=by, now=now, purpose=purpose)[0]


def open_documents(
    responses: Sequence[QuestionnaireResponse], *, by: Actor, now: datetime, purpose: str, events: Sequence[AuditEvent] = ()
) -> list[Document]:
    """The same for several, never a person's own draft.

    Args:
        events: the caller's audit events, written with these in one statement.
    """
    told = [event("intake.read", by=by, now=now, obj=row, detail={"purpose": purpose}) for row in responses]
    with transaction.atomic():
        record_all([*events, *told])
        return [decrypt(row) for row in responses]


def decrypt(response: QuestionnaireResponse) -> Document:
    """The document, unaudited: for the actions of this app, which write their own event, and nobody else."""
    plain = crypto.unseal(response.document, key_id=response.key_id, label=_LABEL, owner=response.public_id)
    known: dict[str, Any] = json.loads(plain)
    return Document(**{name: known[name] for name in Document.__dataclass_fields__ if name in known})


def put(response: QuestionnaireResponse, document: Document) -> None:
    """Encrypt into the row's fields; the caller saves the row."""
    whole = {name: getattr(document, name) for name in Document.__dataclass_fields__}
    plain = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    response.key_id, response.document = crypto.seal(plain, label=_LABEL, owner=response.public_id)


def save_document(
    response: QuestionnaireResponse,
    change: Callable[[Document], None],
    *,
    by: Actor,
    now: datetime,
    action: str,
) -> Document:
    """Change a draft's document: lock, decrypt, `change(document)`, encrypt, audit, version up; one transaction.

    `response` is refreshed from the locked row.

    Raises:
        IntakeError: it was sent, perhaps a moment ago in another tab; what was signed stays as it is.
    """
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().get(pk=response.pk)
        if not locked.is_draft:
            raise IntakeError("These answers were sent already.")
        document = decrypt(locked)
        change(document)
        put(locked, document)
        locked.saved_at = now
        locked.version += 1
        locked.save(update_fields=["document", "key_id", "saved_at", "version"])
        record(action, by=by, now=now, obj=locked)
    for name in ("document", "key_id", "saved_at", "version", "status", "patient_id"):
        setattr(response, name, getattr(locked, name))
    return document
