"""Everything the clinic holds about one person, as one zip file: a page to read, the answers on paper, photos, and data.

It is made for the privacy contact, who gives it to the person. What is in it about others is left out: who helped is named and
not how they are reached, and whoever else may be the same person is not mentioned.
"""

import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import clock
from accounts.models import Clinic
from audit.actions import event as event_of
from audit.actions import record, record_all
from audit.actor import Actor
from audit.models import AuditEvent
from booking.models import Appointment, Status, WaitlistEntry
from intake import paper, reviewing
from intake.actions import read_corrections
from intake.actions.reviews import read_review
from intake.corrections import Correction
from intake.crypto import unseal
from intake.errors import IntakeError
from intake.exchange import questionnaire_json, response_json
from intake.models import Questionnaire, QuestionnaireResponse
from intake.texts import filled
from notifications.kinds import KINDS
from notifications.replies import LABEL
from patients.models import ConsentRecord, Helper, Patient
from records import parts, traces
from records.people import Person

IN_MEMORY = 8 * 1024 * 1024  # a larger file goes to disk, unnamed, and is gone when it is closed
Json = dict[str, Any]
Teller = Callable[[Sequence[AuditEvent]], list[tuple[str, str]]]  # of each event: what, and who


@dataclass(slots=True)
class _Making:
    """One copy on its way."""

    person: Person
    out: zipfile.ZipFile
    by: Actor
    now: datetime
    withheld: str


def everything(person: Person, *, tell: Teller, withheld: str = "", by: Actor, now: datetime) -> IO[bytes]:
    """The zip file, at its beginning. Every answer, photo and review in it is a read in the trail, all in one transaction.

    Args:
        tell: puts events of the trail into words.
        withheld: why a physician keeps the clinic's own notes back; empty: they are in it.
    """
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 (the caller closes it)
    with transaction.atomic(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as out:
        row = person.patient
        record(
            "records.export", by=by, now=now, obj=row or person.draft, subject_id=row.pk if row else None,
            detail={"withheld": bool(withheld)},
        )  # fmt: skip
        making = _Making(person, out, by, now, withheld)
        responses = list(person.responses)
        whole: Json = {
            "clinic": Clinic.current().name,
            "reference": person.reference,
            "made_at": now,
            "person": _person(row) if row else {},
            "earlier_entries": [_person(old) for old in person.rows[1:]],
            "helpers": [_helper(h) for h in Helper.objects.filter(patient__in=person.keys).order_by("pk")],
            "consents": _consents(person),
            "visits": [_visit(v) for v in person.visits],
            "waiting_list": [_wait(w) for w in WaitlistEntry.objects.filter(patient__in=person.keys).order_by("joined_at")],
            "answers": [_answers(making, number, response) for number, response in enumerate(responses, start=1)],
            "corrections": _corrections(making),
            "messages": [line for message in traces.messages(person) for line in _message(message)],
            "texts_received": [_text(making, text) for text in traces.inbound(person)],
            "who_looked_or_changed": _trail(person, tell),
        }
        if withheld:
            whole["withheld"] = {"what": "The clinic's own notes on the answers.", "why": withheld}
        out.writestr("record.json", json.dumps(whole, ensure_ascii=False, indent=1, default=_plain))
        out.writestr("fhir.json", json.dumps(_bundle(making, responses), ensure_ascii=False, indent=1, default=_plain))
        with timezone.override(clock.clinic_zone()):
            page = {"whole": whole, "trail": _in_short(whole["who_looked_or_changed"])}
            out.writestr("index.html", render_to_string("records/record.html", page))
    file.seek(0)
    return file


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def _person(row: Patient) -> Json:
    checked = {name: getattr(row, name) for name in ("email_checked_at", "mobile_checked_at", "texts_stopped_at", "created_at")}
    return parts.person(row) | {"reminders_in_words": row.get_reminder_by_display()} | checked


def _helper(row: Helper) -> Json:
    return {"name": row.name, "relation": row.relation, "hears_from_us": row.gets_messages, "since": row.created_at}


def _consents(person: Person) -> list[Json]:
    """Each decision, with the heading of the text that was agreed to."""
    found = []
    for row in ConsentRecord.objects.filter(patient__in=person.keys).order_by("given_at", "pk"):
        slug, _, version = row.text_version.partition("|")
        asked = Questionnaire.objects.filter(slug=slug, version=version).first()
        notice = asked.as_definition.notice("consents", row.code) if asked else None
        found.append({"about": filled(notice.title) if notice else row.code} | parts.consent(row))
    return found


def _in_short(trail: list[Json]) -> list[Json]:
    """The trail for people: the same thing done several times on one day by the same person is one line."""
    lines: list[Json] = []
    for (day, who, what), same in groupby(trail, key=lambda e: (clock.local(e["at"]).date(), e["who"], e["what"])):
        times = list(same)
        lines.append({"day": day, "at": times[0]["at"], "who": who, "what": what, "times": len(times)})
    return lines


def _visit(row: Appointment) -> Json:
    more = ("confirmed_at", "arrived_at", "in_room_at", "fulfilled_at", "cancel_reason", "cancelled_late", "call_reason")
    words = {"when": f"{clock.full_date(row.starts_at)}, {clock.clock_time(row.starts_at)}", "stands": row.get_status_display()}
    return parts.visit(row) | words | {name: getattr(row, name) for name in more}


def _wait(row: WaitlistEntry) -> Json:
    return {
        "since": row.joined_at, "state": row.get_state_display(), "for": row.service.name, "urgent": row.urgent,
        "offers": [
            {"time": clock.full_date(o.starts_at), "starts_at": o.starts_at, "offered_at": o.offered_at,
             "became": o.get_state_display()}
            for o in row.offers.order_by("offered_at")
        ],
    }  # fmt: skip


def _answers(making: _Making, number: int, response: QuestionnaireResponse) -> Json:
    sent, by, now = response.completed_at, making.by, making.now
    visit = Appointment.objects.filter(response=response).first()
    made = parts.answers(response, by=by, now=now)
    made |= {"started_at": response.started_at, "sent": sent is not None, "visit": visit.reference if visit else ""}
    on_paper = paper.for_chart if sent and not making.withheld else paper.for_patient
    made["paper"] = f"answers-{number}-{clock.local(sent or response.saved_at):%Y-%m-%d}.pdf"
    making.out.writestr(made["paper"], on_paper(response, reference=made["visit"], by=by, now=now))
    made["photos"] = parts.photos(making.out, number, response, by=by, now=now, withdrawn=True)
    for photo in made["photos"]:
        question = response.definition.questions.get(photo["view"])
        photo["about"] = filled(question.short or question.text) if question else photo["view"]
    made["reviews"] = [] if making.withheld else _reviews(making, response)
    return made


def _reviews(making: _Making, response: QuestionnaireResponse) -> list[Json]:
    """Every signed version; a draft is nobody's record."""
    rows = list(response.signed_reviews)
    record_all(
        [event_of("records.review_read", by=making.by, now=making.now, obj=row, subject_id=response.patient_id) for row in rows]
    )
    found = []
    for row in rows:
        content = read_review(row)
        said = reviewing.in_words(content.fields, response.definition)
        lines = [{"question": line.label, "answer": [line.text]} for line in said]
        signed = {"signed_at": row.signed_at, "signed_by": content.signed["name"], "sha256": row.sha256}
        found.append({"version": row.number, "in_words": lines, "changed_because": content.reason} | signed)
    return found


def _corrections(making: _Making) -> list[Json]:
    rows = Correction.objects.filter(patient__in=making.person.keys).order_by("asked_at", "pk")
    return [parts.correction(said) for said in read_corrections(rows, by=making.by, now=making.now)]


def _message(message: Any) -> list[Json]:
    kind = KINDS.get(message.kind)
    name = str(kind.name) if kind else message.kind
    return [
        {"what": name, "way": d.get_channel_display(), "planned_for": message.due_at, "sent_at": d.sent_at,
         "state": d.get_state_display()}
        for d in message.deliveries.all()
    ]  # fmt: skip


def _text(making: _Making, row: Any) -> Json:
    """A text that came in. Its words are kept for 90 days."""
    words = ""
    if row.sealed:
        subject = making.person.patient.pk if making.person.patient else None
        record("records.text_read", by=making.by, now=making.now, obj=row, subject_id=subject)
        try:
            words = unseal(row.sealed, key_id=row.key_id, label=LABEL, owner=row.public_id).decode()
        except IntakeError:
            words = "(cannot be opened)"
    return {"received_at": row.received_at, "understood_as": row.get_meaning_display(), "words": words}


def _trail(person: Person, tell: Teller) -> list[Json]:
    """Whoever looked at it or changed it, oldest first. Lists of a whole day are in the trail by their day, not by person."""
    about = Q(subject_id__in=person.keys)
    about |= Q(object_type="booking.appointment", object_id__in=list(person.visits.values_list("pk", flat=True)))
    about |= Q(object_type="intake.questionnaireresponse", object_id__in=list(person.responses.values_list("pk", flat=True)))
    events = list(AuditEvent.objects.filter(about).order_by("at", "pk"))
    return [
        {"at": event.at, "who": who, "what": what, "code": event.action}
        for event, (what, who) in zip(events, tell(events), strict=True)
    ]


# --- For programs ----------------------------------------------------------------------------------------------------


def _bundle(making: _Making, responses: Sequence[QuestionnaireResponse]) -> Json:
    """An R4 Bundle: the patient, their visits, the questionnaires as asked, and the answers."""
    person, base = making.person, settings.SITE_URL
    entries: list[Json] = [_fhir_patient(person)] if person.patient else []
    entries += [_fhir_visit(visit, person) for visit in person.visits.exclude(status=Status.HELD)]
    asked = Questionnaire.objects.filter(pk__in={r.questionnaire_id for r in responses}).order_by("pk")
    entries += [questionnaire_json(row, as_asked=True) for row in asked]
    entries += [response_json(response, by=making.by, now=making.now) for response in responses]
    return {
        "resourceType": "Bundle", "type": "collection", "timestamp": making.now.isoformat(),
        "entry": [{"fullUrl": f"{base}/fhir/{e['resourceType']}/{e['id']}", "resource": e} for e in entries],
    }  # fmt: skip


def _fhir_patient(person: Person) -> Json:
    row = person.rows[0]
    name: Json = {"use": "official", "family": row.legal_last_name, "given": [row.legal_first_name]}
    reached = [("email", row.email), ("phone", row.e164)]
    return {
        "resourceType": "Patient",
        "id": str(row.public_id),
        "name": [name, *([{"use": "usual", "text": row.preferred_name}] if row.preferred_name else [])],
        "birthDate": row.date_of_birth.isoformat(),
        "telecom": [{"system": system, "value": value} for system, value in reached if value],
    }


_FHIR_STATUS = {
    "held": "pending", "booked": "booked", "confirmed": "booked", "arrived": "arrived", "in_room": "checked-in",
    "fulfilled": "fulfilled", "cancelled": "cancelled", "noshow": "noshow",
}  # fmt: skip


def _fhir_visit(row: Appointment, person: Person) -> Json:
    return {
        "resourceType": "Appointment",
        "id": str(row.public_id),
        "identifier": [{"value": row.reference}],
        "status": _FHIR_STATUS[row.status],
        "start": row.starts_at.isoformat(),
        "end": row.ends_at.isoformat(),
        "participant": [
            {"actor": {"reference": f"Patient/{person.rows[0].public_id}"} if person.rows else {}, "status": "accepted"},
            {"actor": {"display": row.practitioner.name}, "status": "accepted"},
        ],
    }
