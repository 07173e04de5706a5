"""What views of every app share: what a browser sent, read as a value or None, and the answer that sends it on.

Nothing here raises for odd input: a page counts what it cannot read as not sent.
"""

import ipaddress
import re
import uuid
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class See(HttpResponseRedirect):
    """303: look at the answer there. What a form was sent to is not asked for again by reload or Back."""

    status_code = 303


def see(to: str, *args: Any, query: str = "") -> See:
    """303 to a URL name; `query` is what comes after the path, with its `?` or `#`."""
    return See((reverse(to, args=args) if args else _path_of(to)) + query)


@cache
def _path_of(name: str) -> str:
    """A URL without arguments: always the same."""
    return reverse(name)


def client_address(request: HttpRequest) -> str:
    """What limits count as one client: the IP address behind the proxies we trust; of IPv6 its network of 64 bits, because
    whoever has one address there has all of them.
    """
    try:
        ip = ipaddress.ip_address(get_adapter(request).get_client_ip(request))
    except PermissionDenied:
        return "unknown"
    return str(ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False).network_address)


def as_uuid(text: object) -> uuid.UUID | None:
    """A public id as somebody sent it, or None."""
    try:
        return uuid.UUID(str(text)) if text and len(str(text)) <= 36 else None
    except ValueError:
        return None


def as_number(text: object, *, digits: int = 8) -> int | None:
    """A whole number of at most so many digits, without a sign, or None."""
    typed = str(text or "")
    return int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= digits else None


def in_reason(day: date) -> bool:
    """True for a day in whose years a visit can lie, with room for the days around it."""
    return 2000 < day.year < 2200


def as_date(text: object, *, any_year: bool = False) -> date | None:
    """A day written as 2026-12-02, within reason unless `any_year`; or None."""
    try:
        day = date.fromisoformat(str(text)) if _DATE.fullmatch(str(text)) else None
    except ValueError:
        return None
    return day if day and (any_year or in_reason(day)) else None


def as_instant(text: object) -> datetime | None:
    """An instant as somebody sent it, whole minutes, with an offset; or None. Wall times without an offset are refused."""
    if not isinstance(text, str) or not 16 <= len(text) <= 32:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    if at.tzinfo is None or at.second or at.microsecond:
        return None
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        return None
    return at if in_reason(at) else None


def iso(at: datetime) -> str:
    """An instant for a form or a session: 2026-03-12T14:20:00Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
