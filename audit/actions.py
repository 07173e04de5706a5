"""Writing the audit trail."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction

from audit import rows
from audit.actor import Actor
from audit.models import AuditEvent


def event(
    action: str,
    *,
    by: Actor,
    now: datetime,
    obj: models.Model | None = None,
    subject_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """One event, not written yet: for a verb that writes several with `record_all`.

    Args:
        action: `app.verb`, such as "booking.move" or "intake.read".
        obj: the row acted on; its table name and primary key are kept.
        subject_id: primary key of the patient it is about; by default whom `obj` points at as its patient.
        detail: names of things, never health information.
    """
    return rows.new(
        AuditEvent,
        at=now,
        actor_kind=by.kind,
        actor_id=by.id,
        actor_role=by.role,
        action=action,
        object_type=obj._meta.label_lower if obj is not None else "",
        object_id=obj.pk if obj is not None else None,
        subject_id=getattr(obj, "patient_id", None) if subject_id is None else subject_id,
        detail=detail or {},
    )


def record_all(events: Sequence[AuditEvent], *, into: rows.Together | None = None) -> None:
    """Append events in the caller's transaction, in one statement.

    Args:
        into: what the caller writes; the events go with it.

    Raises:
        TransactionManagementError: outside a transaction. A read that is not recorded must not be shown, so the event and
            what it speaks of stand or fall together.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An audit event is written in the transaction it speaks of.")
    (rows if into is None else into).insert(events)


def record(
    action: str,
    *,
    by: Actor,
    now: datetime,
    obj: models.Model | None = None,
    subject_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event in the caller's transaction; arguments as for `event`, refusal as for `record_all`."""
    told = event(action, by=by, now=now, obj=obj, subject_id=subject_id, detail=detail)
    record_all([told])
    return told
