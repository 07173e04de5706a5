"""A clinic from a file: its row, rooms, practitioners, hours and services. Loading the same file twice changes nothing.

The file says what is there, not what is to be removed: rows that it does not name are left alone. Weekly hours are the
exception, they are one practitioner's whole week.
"""

import re
import sys
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfoNotFoundError

import yaml
from django.core.exceptions import ValidationError
from django.db import models, transaction

from accounts import clock
from accounts.models import Clinic
from audit.actions import record
from audit.actor import Actor
from booking.actions.availability import set_week
from booking.hours import Interval, minutes_of, week_on
from booking.models import Practitioner, Room, Service

DEMO_CLINIC = Path(__file__).resolve().parent / "clinics" / "demo-clinic.yaml"
M = TypeVar("M", bound=models.Model)
_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_HOURS = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2})")
_PRACTITIONER = set("slug name short_name registration_number role_text languages approach active position".split())


class SetupError(Exception):
    """The file cannot be loaded. The text names the place and what is wrong; nothing has been changed."""


@dataclass
class Changes:
    """What loading a file did, in words for the person who ran it."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.created or self.updated)


def load_clinic(path: Path, *, now: datetime, by: Actor) -> Changes:
    """Create or bring up to date what the file at `path` describes, in one transaction.

    Args:
        path: a YAML file like `booking/clinics/demo-clinic.yaml`; `-` reads it from standard input.
        now: the instant of loading; hours without `from:` hold from the first of this year on.

    Raises:
        SetupError: when the file is missing, is not what it should be, or names something that does not exist.
    """
    try:
        content = yaml.safe_load(sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{path}: not a text in UTF-8") from error
    except yaml.YAMLError as error:
        raise SetupError(f"{path}: {error}") from error
    return apply(content, now=now, by=by)


def apply(content: Any, *, now: datetime, by: Actor) -> Changes:
    """Like `load_clinic`, for the content of a file."""
    _keys(content, {"clinic", "rooms", "practitioners", "services"}, "the file")
    rooms, practitioners, services = (_rows(content, key) for key in ("rooms", "practitioners", "services"))
    changes = Changes()
    with transaction.atomic():
        _clinic(content.get("clinic"), changes)
        for row in rooms:
            _keys(row, {"name", "kind", "active"}, "a room")
            _upsert(Room, {"name": row.get("name")}, row, changes)
        people: dict[str, Practitioner] = {}
        for position, row in enumerate(practitioners):
            _keys(row, {*_PRACTITIONER, "hours", "from"}, "a practitioner")
            values = {"position": position} | {k: v for k, v in row.items() if k in _PRACTITIONER}
            person = _upsert(Practitioner, {"slug": row.get("slug")}, values, changes)
            people[person.slug] = person
            if "hours" in row:
                _hours(person, row["hours"], row.get("from") or date(now.year, 1, 1), changes, by=by, now=now)
        for position, row in enumerate(services):
            _service({"position": position} | row, people, changes)
        if changes:
            counts = {"created": len(changes.created), "updated": len(changes.updated)}
            record("booking.set_up", by=by, now=now, detail=counts)
    Clinic.forget_current()
    return changes


def _rows(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = content.get(key) or []
    if not isinstance(rows, list):
        raise SetupError(f"{key}: must be a list")
    return rows


def _keys(row: Any, allowed: set[str], where: str) -> None:
    if not isinstance(row, dict):
        raise SetupError(f"{where}: must be a mapping of names to values")
    if unknown := sorted(set(map(str, row)) - allowed):
        raise SetupError(f"{where}: unknown {', '.join(unknown)}")


def _upsert(model: type[M], key: dict[str, Any], values: dict[str, Any], changes: Changes) -> M:
    """Find by `key`, set `values`, save if that changes something."""
    label = f"{model._meta.verbose_name} {next(iter(key.values()))}"
    row = model._default_manager.filter(**key).first()
    new = row is None
    if row is None:
        row = model(**key)
    before = {name: getattr(row, name, None) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    try:
        row.full_clean(exclude={f.name for f in model._meta.fields if f.null and f.name not in values})
    except ValidationError as error:
        problems = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
        raise SetupError(f"{label}: {problems}") from error
    if new or before != {name: getattr(row, name) for name in values}:
        row.save()
        (changes.created if new else changes.updated).append(label)
    return row


def _clinic(row: Any, changes: Changes) -> None:
    if row is None:
        if not Clinic.objects.exists():
            raise SetupError("clinic: missing, and there is no clinic yet")
        return
    names = {f.name for f in Clinic._meta.fields} - {"id"}
    _keys(row, names, "clinic")
    try:
        clock.zone_of(str(row.get("zone", "America/Toronto")))
    except (ZoneInfoNotFoundError, ValueError):
        raise SetupError(f"clinic: there is no time zone {row['zone']!r}") from None
    _upsert(Clinic, {"id": 1}, row, changes)


def parse_hours(hours: Any, where: str) -> list[tuple[int, time, time]]:
    """`{"mon-thu": ["09:00-12:00"], "fri": [...]}` as (weekday, start, end) rows, sorted.

    Raises:
        SetupError: for an unknown day, a time that is not one, or spans of a day that overlap.
    """
    if not isinstance(hours, dict):
        raise SetupError(f'{where}: hours must be a mapping such as mon-fri: ["09:00-12:00"]')
    rows: list[tuple[int, time, time]] = []
    for days, spans in hours.items():
        first, _sep, last = str(days).partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise SetupError(f"{where}: {days!r} is not a day or a range of days such as mon-fri")
        for weekday in range(_DAYS.index(first), _DAYS.index(last or first) + 1):
            for span in spans if isinstance(spans, list) else [spans]:
                found = _HOURS.fullmatch(str(span))
                try:
                    start, end = (time.fromisoformat(part) for part in found.groups()) if found else (None, None)
                except ValueError:
                    start = end = None
                if start is None or end is None or (end <= start and end != time(0)):
                    raise SetupError(f"{where}: {span!r} is not a span of hours such as 09:00-12:00")
                rows.append((weekday, start, end))
    rows.sort()
    for one, two in pairwise(rows):
        if one[0] == two[0] and (one[2] == time(0) or two[1] < one[2]):
            raise SetupError(f"{where}: hours overlap on {_DAYS[one[0]]}")
    return rows


def _hours(person: Practitioner, hours: Any, valid_from: Any, changes: Changes, *, by: Actor, now: datetime) -> None:
    """Make these the practitioner's week from `valid_from` on, until hours that were set to begin later do."""
    if not isinstance(valid_from, date):
        raise SetupError(f"practitioner {person.slug}: from must be a date such as 2026-04-01")
    rows = parse_hours(hours, f"practitioner {person.slug}")
    wanted = [Interval(day, minutes_of(start), minutes_of(end, end=True)) for day, start, end in rows]
    if [i[:3] for i in week_on(person, valid_from)] == [i[:3] for i in wanted]:
        return
    set_week(person, wanted, valid_from=valid_from, by=by, now=now)
    changes.updated.append(f"hours of {person.slug}")


def _service(row: dict[str, Any], people: dict[str, Practitioner], changes: Changes) -> None:
    names = {f.name for f in Service._meta.fields} - {"id", "public_id"}
    _keys(row, names | {"practitioners"}, "a service")
    service = _upsert(Service, {"slug": row.get("slug")}, {k: v for k, v in row.items() if k in names}, changes)
    wanted = []
    for slug in row.get("practitioners") or []:
        person = people.get(slug) or Practitioner.objects.filter(slug=slug).first()
        if person is None:
            raise SetupError(f"service {service.slug}: there is no practitioner {slug!r}")
        wanted.append(person)
    if "practitioners" in row and {p.pk for p in wanted} != set(service.practitioners.values_list("pk", flat=True)):
        service.practitioners.set(wanted)
        Practitioner.objects.calendar_changed(*(person.pk for person in wanted))
        changes.updated.append(f"practitioners of {service.slug}")
