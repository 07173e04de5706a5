"""What the clinic lead sets up on screens: visit types, rooms, and the people who see patients."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import slugify
from django.utils.translation import gettext as _

from accounts.marks import mark_of
from audit.actions import record
from audit.actor import Actor
from booking.actions.errors import NotAllowed, Stale
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


def mark_of_service(service: Service, names: Iterable[str]) -> str:
    """The mark of a visit type's form, which shows who performs it as well."""
    return mark_of(service, names, practitioners=sorted(service.practitioners.values_list("pk", flat=True)))


def mark_of_practitioner(who: Practitioner, names: Iterable[str]) -> str:
    """The mark of the form of somebody whom patients come to see, which shows what they do as well."""
    return mark_of(who, names, services=sorted(who.services.filter(active=True).values_list("pk", flat=True)))


def _changed_since(now_is: str, seen: str) -> None:
    """Refuse somebody whose form was made from a row as it no longer is; an empty mark does not ask."""
    if seen and seen != now_is:
        raise Stale(_("Somebody changed this meanwhile."))


def _told(action: str, row: models.Model, changed: list[str], *, by: Actor, now: datetime) -> None:
    if changed:
        record(action, by=by, now=now, obj=row, detail={"fields": changed})


@retrying
def save_service(
    service: Service | None,
    values: dict[str, Any],
    practitioners: Iterable[Practitioner],
    *,
    seen: str = "",
    by: Actor,
    now: datetime,
) -> Service:
    """Create a visit type, or change one, and who of those in use performs it. Booked visits stay, whatever its length becomes.

    Args:
        seen: the mark of the values that the form was made from (`mark_of_service`).

    Raises:
        Stale: somebody else changed it meanwhile.
        NotAllowed: there cannot be such a visit type.
    """
    if service is not None:
        row = Service.objects.select_for_update().get(pk=service.pk)
        _changed_since(mark_of_service(row, values), seen)
    else:
        row = Service(slug=_slug(Service, values["name"]), position=Service.objects.count())
    changed = _write(row, values)
    before = set(row.practitioners.values_list("pk", flat=True))
    away = set(row.practitioners.filter(active=False).values_list("pk", flat=True))  # they still do it when they are back
    wanted = away | {p.pk for p in practitioners}
    if before != wanted:
        row.practitioners.set(wanted)
        changed.append("practitioners")
    if changed:
        Practitioner.objects.calendar_changed(*(before | wanted))
    _told("booking.save_service", row, changed, by=by, now=now)
    return row


@retrying
def save_room(room: Room | None, values: dict[str, Any], *, seen: str = "", by: Actor, now: datetime) -> Room:
    """Create a room, or change one. A visit keeps the room it has. `seen` and what is raised: as for `save_service`."""
    row = Room()
    if room is not None:
        row = Room.objects.select_for_update().get(pk=room.pk)
        _changed_since(mark_of(row, values), seen)
    changed = _write(row, values)
    if changed:
        Practitioner.objects.calendar_changed(
            *Practitioner.objects.filter(services__room_kind__gt="").values_list("pk", flat=True)
        )
    _told("booking.save_room", row, changed, by=by, now=now)
    return row


@retrying
def save_practitioner(
    practitioner: Practitioner | None,
    values: dict[str, Any],
    services: Iterable[Service] | None = None,
    *,
    seen: str = "",
    by: Actor,
    now: datetime,
) -> Practitioner:
    """Add somebody whom patients come to see, or change what is said of them. Who leaves is made inactive; their visits stay.

    Args:
        services: what they do, of the visit types in use; None leaves it as it is.
        seen: the mark of the values that the form was made from (`mark_of_practitioner`).

    Raises:
        NotAllowed: the sign-in belongs to somebody else's calendar already.
        Stale: the form was made from a row (`seen`) that somebody changed meanwhile.
    """
    if practitioner is not None:
        row = Practitioner.objects.select_for_update(of=("self",)).get(pk=practitioner.pk)
        _changed_since(mark_of_practitioner(row, values), seen)
    else:
        row = Practitioner(slug=_slug(Practitioner, values["name"]), position=Practitioner.objects.count())
    user = values.get("user")
    if user is not None and Practitioner.objects.filter(user=user).exclude(pk=row.pk).exists():
        raise NotAllowed(_("%(name)s has a calendar already.") % {"name": user.name})
    changed = _write(row, values)
    if services is not None:
        before = set(row.services.filter(active=True).values_list("pk", flat=True))
        wanted = {service.pk for service in services}
        row.services.add(*(wanted - before))
        row.services.remove(*(before - wanted))
        changed += ["services"] if before != wanted else []
    if changed:
        Practitioner.objects.calendar_changed(row.pk)
    _told("booking.save_practitioner", row, changed, by=by, now=now)
    return row
