"""Finding a visit by its private link, and a browser's hold by its session."""

import hashlib
from datetime import datetime

from django.http import HttpRequest

from accounts.links import derive_link, sha256_of
from booking.models import Appointment, Status, WaitlistEntry

PURPOSE, PURPOSE_WAITING = "visit", "waiting"


def token_of(appointment: Appointment) -> str:
    """The token of a visit's private link, derived; one link per visit through moves and cancellation."""
    return derive_link(PURPOSE, appointment.public_id, appointment.link_generation, appointment.link_key_id)


def find_visit(token: str, *, now: datetime) -> Appointment | None:
    """The visit behind a private link, or None for an unknown, replaced or expired one: to the caller all the same."""
    if len(token) != 16 or not token.isascii() or not token.isalnum():
        return None
    appointment = (
        Appointment.objects.select_related("practitioner", "service", "patient", "helper", "response", "room")
        .filter(link_sha256=sha256_of(token))
        .exclude(status=Status.HELD)
        .first()
    )
    return appointment if appointment and now < appointment.link_expires_at else None


def waiting_token_of(entry: WaitlistEntry) -> str:
    """The token of the private link to somebody's place on the waiting list; the same for all offers."""
    return derive_link(PURPOSE_WAITING, entry.public_id, entry.link_generation, entry.link_key_id)


def find_entry(token: str, *, now: datetime) -> WaitlistEntry | None:
    """The waiting-list entry behind a private link, or None for an unknown, replaced or expired one."""
    if len(token) != 16 or not token.isascii() or not token.isalnum():
        return None
    entry = (
        WaitlistEntry.objects.select_related("patient", "service", "visit__practitioner", "visit__service")
        .filter(link_sha256=sha256_of(token))
        .first()
    )
    return entry if entry and entry.link_works(now) else None


def hold_key_of(request: HttpRequest) -> str:
    """A digest of the browser's session key, starting a session if there is none. It names whose a hold is."""
    if not request.session.session_key:
        request.session.save()
    return hashlib.sha256(f"hold:{request.session.session_key}".encode()).hexdigest()
