"""Finding a visit by its private link, and a browser's hold by its session."""

import secrets
from datetime import datetime

from django.db.models import Model
from django.http import HttpRequest

from accounts.links import derive_link, sha256_of
from audit import rows
from booking.models import Appointment, Practitioner, Room, Service, WaitlistEntry
from intake.models import QuestionnaireResponse
from patients.models import Helper, Patient

PURPOSE, PURPOSE_WAITING = "visit", "waiting"

_VISIT_WITH: dict[str, type[Model]] = {
    "": Appointment,
    "practitioner": Practitioner,
    "service": Service,
    "patient": Patient,
    "helper": Helper,
    "response": QuestionnaireResponse,
    "room": Room,
}
_VISIT = f"""
SELECT {", ".join(rows.columns(model, f"t{n}") for n, model in enumerate(_VISIT_WITH.values()))}
FROM booking_appointment t0
JOIN booking_practitioner t1 ON t1.id = t0.practitioner_id
JOIN booking_service t2 ON t2.id = t0.service_id
LEFT JOIN patients_patient t3 ON t3.id = t0.patient_id
LEFT JOIN patients_helper t4 ON t4.id = t0.helper_id
LEFT JOIN intake_questionnaireresponse t5 ON t5.id = t0.response_id
LEFT JOIN booking_room t6 ON t6.id = t0.room_id
WHERE t0.link_sha256 = %s AND t0.status <> 'held'
"""


def token_of(appointment: Appointment) -> str:
    """The token of a visit's private link, derived; one link per visit through moves and cancellation."""
    return derive_link(PURPOSE, appointment.public_id, appointment.link_generation, appointment.link_key_id)


def find_visit(token: str, *, now: datetime) -> Appointment | None:
    """The visit behind a private link, or None for an unknown, replaced or expired one: to the caller all the same."""
    if len(token) != 16 or not token.isascii() or not token.isalnum():
        return None
    found = rows.fetch(_VISIT, [sha256_of(token)])
    if not found:
        return None
    appointment, *others = rows.instances(found[0], *_VISIT_WITH.values())
    for name, other in zip(list(_VISIT_WITH)[1:], others, strict=True):
        setattr(appointment, name, other)
    return appointment if now < appointment.link_expires_at else None


def waiting_token_of(entry: WaitlistEntry) -> str:
    """The token of the private link to somebody's place on the waiting list; the same for all offers."""
    return derive_link(PURPOSE_WAITING, entry.public_id, entry.link_generation, entry.link_key_id)


def find_entry(token: str, *, now: datetime) -> WaitlistEntry | None:
    """The waiting-list entry behind a private link, or None for an unknown, replaced or expired one."""
    if len(token) != 16 or not token.isascii() or not token.isalnum():
        return None
    entry = (
        WaitlistEntry.objects.with_reach()
        .select_related("service", "visit__practitioner", "visit__service")
        .filter(link_sha256=sha256_of(token))
        .first()
    )
    return entry if entry and entry.link_works(now) else None


def hold_key_of(request: HttpRequest) -> str:
    """Names whose a hold is: a mark that the browser's session keeps, also under a new key after a proof."""
    return str(request.session.setdefault("holder", secrets.token_hex(32)))
