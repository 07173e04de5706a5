"""Reads of people's details are part of the trail: the event is written first, in the transaction that reads."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.http import HttpRequest

from audit.actions import record
from audit.actor import actor_of
from booking.models import Appointment


@contextmanager
def reading(
    request: HttpRequest,
    action: str,
    *,
    now: datetime,
    obj: models.Model | None = None,
    subject_id: int | None = None,
    detail: dict[str, Any] | None = None,
) -> Iterator[None]:
    """Around the queries of a page that shows people. If the event cannot be written, the page is not shown."""
    with transaction.atomic():
        record(action, by=actor_of(request), now=now, obj=obj, subject_id=subject_id, detail=detail)
        yield


def affected(
    request: HttpRequest, find: Callable[[], list[Appointment]], *, now: datetime, obj: models.Model | None = None
) -> list[Appointment]:
    """The visits that a change of hours or time off touches. If there are any, their names are shown: the trail says so."""
    with transaction.atomic():
        found = find()
        if found:
            record("staff.affected_read", by=actor_of(request), now=now, obj=obj, detail={"visits": len(found)})
    return found
