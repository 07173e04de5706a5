"""What the clinic lead sets up on screens: visit types, rooms, and the people who see patients."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F
from django.utils.text import slugify
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed
from booking.actions.write_path import retrying
from booking.models import Practitioner, Room, Service

M = TypeVar("M", Service, Room, Practitioner)


def _slug(model: type[Service] | type[Practitioner], name: str) -> str:
    """A free slug made of the name."""
    base = slugify(name)[:40] or "x"
    taken = set(model._default_manager.filter(slug__startswith=base).values_list("slug", flat=True))
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 1000))) if slug not in taken)


def _write(row: M, values: dict[str, Any]) -> list[str]:
    """Set and save what differs; the names of it.

    Raises:
        NotAllowed: the row would not be one that can be.
    """
    fresh = row._state.adding
    changed = sorted(name for name, value in values.items() if fresh or getattr(row, name) != value)
    for name in changed:
        setattr(row, name, values[name])
    try:
        row.full_clean(exclude={f.name for f in row._meta.fields if f.null})
    except ValidationError as error:
        raise NotAllowed(" ".join(error.messages)) from error
    if changed:
        row.save()
    return changed


def _bump(practitioners: Iterable[int]) -> None:
    Practitioner.objects.filter(pk__in=set(practitioners)).update(calendar_rev=F("calendar_rev") + 1)


def _told(action: str, row: models.Model, changed: list[str], *, by: Actor, now: datetime) -> None:
    if changed:
        record(action, by=by, now=now, obj=row, detail={"fields": changed})


@retrying
def save_service(
    service: Service | None, values: dict[str, Any], practitioners: Iterable[Practitioner], *, by: Actor, now: datetime
) -> Service:
    """Create a visit type, or change one, and who performs it. Booked visits stay as they are, whatever its length becomes."""
    row = service or Service(slug=_slug(Service, values["name"]), position=Service.objects.count())
    changed = _write(row, values)
    before, wanted = set(row.practitioners.values_list("pk", flat=True)), {p.pk for p in practitioners}
    if before != wanted:
        row.practitioners.set(wanted)
        changed.append("practitioners")
    if changed:
        _bump(before | wanted)
    _told("booking.save_service", row, changed, by=by, now=now)
    return row


@retrying
def save_room(room: Room | None, values: dict[str, Any], *, by: Actor, now: datetime) -> Room:
    """Create a room, or change one. A visit keeps the room it has."""
    row = room or Room()
    changed = _write(row, values)
    if changed:
        _bump(Practitioner.objects.filter(services__room_kind__gt="").values_list("pk", flat=True))
    _told("booking.save_room", row, changed, by=by, now=now)
    return row


@retrying
def save_practitioner(practitioner: Practitioner | None, values: dict[str, Any], *, by: Actor, now: datetime) -> Practitioner:
    """Add somebody whom patients come to see, or change what is said of them. Who leaves is made inactive; their visits stay.

    Raises:
        NotAllowed: the sign-in belongs to somebody else's calendar already.
    """
    row = practitioner or Practitioner(slug=_slug(Practitioner, values["name"]), position=Practitioner.objects.count())
    user = values.get("user")
    if user is not None and Practitioner.objects.filter(user=user).exclude(pk=row.pk).exists():
        raise NotAllowed(_("%(name)s has a calendar already.") % {"name": user.name})
    changed = _write(row, values)
    if changed:
        _bump([row.pk])
    _told("booking.save_practitioner", row, changed, by=by, now=now)
    return row
