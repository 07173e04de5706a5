"""What happens to questionnaires and responses. Every verb is one transaction: write, audit, version up."""

import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from accounts import clock
from accounts.models import Clinic
from audit.actions import event, record, record_all
from audit.actor import Actor
from audit.models import AuditEvent
from intake import engine, flags, photos
from intake.definition import Definition, Question, canonical
from intake.document import Document, decrypt, put, save_document
from intake.errors import IntakeError
from intake.loader import load_all, newest_flags
from intake.models import Questionnaire, QuestionnaireResponse
from intake.texts import filled
from patients.models import ConsentRecord, Patient

# What the patient's words for reminders mean as consent to electronic messages (C2).
_WAYS = {"text_email": "text,email", "text": "text", "email": "email", "phone": ""}

_FLAG_FIELDS = ["urgent_flags", "caution_flags", "info_flags", "flags_due_at", "page_sequence"]
_RULES: dict[str, flags.FlagRules | None] = {}


@dataclass(slots=True)
class Saved:
    """What saving a page led to."""

    document: Document
    advice: list[str] = field(default_factory=list)
    under_age: bool = False


# --- Definitions -----------------------------------------------------------------------------------------------------


def publish(definition: Definition, *, by: Actor, now: datetime) -> tuple[Questionnaire, bool]:
    """Publish a version, once.

    Returns:
        The row, and whether it is new.

    Raises:
        IntakeError: this version was published before with another content.
    """
    with transaction.atomic():
        row, created = Questionnaire.objects.get_or_create(
            slug=definition.slug,
            version=definition.version,
            defaults={
                "title": definition.title,
                "definition": definition.source,
                "sha256": definition.sha256,
                "published_at": now,
            },
        )
        if not created and row.sha256 != definition.sha256:
            raise IntakeError(
                f"{definition.slug} {definition.version} was published with another content and cannot change. "
                "Raise the version in the file."
            )
        if created:
            record("intake.publish", by=by, now=now, obj=row, detail={"slug": row.slug, "version": row.version})
    return row, created


def publish_all(*, by: Actor, now: datetime) -> list[tuple[Questionnaire, bool]]:
    """Publish every questionnaire file that is not published yet. Safe to run at any time."""
    return [publish(definition, by=by, now=now) for definition in load_all()]


# --- Drafts ----------------------------------------------------------------------------------------------------------


def asking_for(response: QuestionnaireResponse, document: Document, *, staff: bool = False) -> engine.Asking:
    """What the engine has to know for this response."""
    # A date of birth that came with the details, or is on the patient's file, is not asked again.
    known = {"date-of-birth"} if document.contact.get("date_of_birth") or response.patient_id else set()
    return engine.Asking(
        today=response.today,
        minimum_age=max(18, Clinic.current().minimum_age),
        uploads=True,
        staff=staff,
        known=frozenset(known),
    )


def start_draft(questionnaire_slug: str, *, by: Actor, now: datetime) -> QuestionnaireResponse:
    """A new, empty draft of the newest version.

    Raises:
        IntakeError: no such questionnaire is published.
    """
    with transaction.atomic():
        response = QuestionnaireResponse(
            questionnaire=Questionnaire.newest(questionnaire_slug),
            today=clock.local(now).date(),
            started_at=now,
            saved_at=now,
        )
        response.sections_total = len(response.definition.sections)
        put(response, Document())
        response.save()
        record("intake.start", by=by, now=now, obj=response)
    return response


def save_page(
    response: QuestionnaireResponse,
    page: engine.Page | str,
    answers: dict[str, Any],
    *,
    by: Actor,
    now: datetime,
    finished: bool = True,
) -> Saved:
    """Store a page's cleaned answers in a draft.

    What the answers set off happens in the same transaction: worked-out items, consent decisions with the time they were
    made, and the note of each advice page that is about to be shown. A date of birth under the clinic's age deletes the
    draft instead.

    Args:
        page: the page, or its key ("3/7").
        answers: from `engine.clean_page`; None removes an answer.
        finished: False while the page is still being filled in (a row was added, a follow-up waits).

    Raises:
        IntakeError: the response was sent in the meantime, or deleted.
    """
    key = page if isinstance(page, str) else page.key
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().filter(pk=response.pk).first()
        if locked is None or not locked.is_draft:
            raise IntakeError("These answers were sent already.")
        definition, document = locked.definition, decrypt(locked)
        asking = asking_for(locked, document)
        for link_id, value in answers.items():
            if value is None:
                document.answers.pop(link_id, None)
            else:
                document.answers[link_id] = value
            for offered in (document.offered.get("answers", {}), document.offered.get("rows", {}) if finished else {}):
                offered.pop(link_id, None)  # It was confirmed, changed or taken out.
        if engine.under_age(document.answers, asking):
            _delete(locked, "intake.stop_under_age", by=by, now=now)
            return Saved(document, under_age=True)
        document.answers = engine.calc(definition, document.answers, locked.today)
        if finished and key not in document.done:
            document.done.append(key)
        for link_id in answers:
            question = definition.questions.get(link_id)
            if question and question.consent:
                _note_consent(document, definition, question, answers[link_id], now=now)
        shown = {entry["code"] for entry in document.advice_shown}
        advice = [n.code for n in engine.triggered_advice(definition, document.answers) if n.code not in shown]
        document.advice_shown += [{"code": code, "at": now.isoformat()} for code in advice]
        states = engine.progress(definition, document.answers, document.done, asking)
        locked.sections_done = sum(state.state == "done" for state in states)
        put(locked, document)
        locked.saved_at = now
        locked.version += 1
        locked.save(update_fields=["document", "key_id", "saved_at", "version", "sections_done"])
        record("intake.save_page", by=by, now=now, obj=locked, subject_id=locked.patient_id, detail={"page": key})
    for name in ("document", "key_id", "saved_at", "version", "sections_done"):
        setattr(response, name, getattr(locked, name))
    return Saved(document, advice=advice)


def save_contact(response: QuestionnaireResponse, contact: dict[str, Any], *, by: Actor, now: datetime) -> Document:
    """Store details typed before there is a Patient, and the consent to messages that "how to remind you" is (C2).

    Args:
        contact: first_name, last_name, preferred_name, mobile, email, reminder_by, voicemail_ok, date_of_birth (ISO), …
            None removes an entry; the others stay.

    Raises:
        IntakeError: the response was sent already.
    """

    def change(document: Document) -> None:
        for name, value in contact.items():
            if value is None:
                document.contact.pop(name, None)
            else:
                document.contact[name] = value.isoformat() if isinstance(value, date) else value
        if born := document.contact.get("date_of_birth"):
            # Asked once: a date of birth given with the details is the one the questions go by.
            document.answers["about_dob"] = born
            document.answers = engine.calc(response.definition, document.answers, response.today)
        if contact.get("reminder_by"):
            question = response.definition.questions.get("about_consent_ecomm")
            if question:
                ways = _WAYS.get(str(contact["reminder_by"]), "")
                _note_consent(document, response.definition, question, bool(ways), now=now, choice=ways)

    if not response.is_draft:
        raise IntakeError("These answers were sent already.")
    return save_document(response, change, by=by, now=now, action="intake.save_contact")


def delete_draft(response: QuestionnaireResponse, *, by: Actor, now: datetime, action: str = "intake.delete_draft") -> None:
    """Delete a draft with everything in it, its private links included.

    Raises:
        IntakeError: it was sent; a record is kept.
    """
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().filter(pk=response.pk).first()
        if locked is None:
            return
        if not locked.is_draft:
            raise IntakeError("These answers were sent and are part of the record.")
        _delete(locked, action, by=by, now=now)


def _delete(locked: QuestionnaireResponse, action: str, *, by: Actor, now: datetime) -> None:
    record(action, by=by, now=now, obj=locked, subject_id=locked.patient_id)
    photos.purge(locked, by=by, now=now)
    try:
        locked.delete()
    except ProtectedError as error:
        raise IntakeError("These answers belong to a booked visit.") from error


# --- Consent ---------------------------------------------------------------------------------------------------------


# On the details page the ways to reach somebody are one choice, so this hint of the questionnaire is left out there.
_NOT_ON_DETAILS = "Choose all that apply. "


def consent_wording(question: Question) -> tuple[str, str]:
    """A consent's question and help as they are shown, with the clinic's name in them.

    For a question asked with the details this is what that page shows: it takes the words from here.
    """
    text, note = filled(question.text), filled(question.help)
    return (text, note.removeprefix(_NOT_ON_DETAILS)) if question.asked == "details" else (text, note)


def consent_text(question: Question) -> str:
    """The text of a consent as shown: question and help. This is what is hashed."""
    return "\n".join(part for part in consent_wording(question) if part)


def _note_consent(
    document: Document,
    definition: Definition,
    question: Question,
    value: Any,
    *,
    now: datetime,
    choice: str = "",
    by: str = "",
) -> None:
    """Put a decision into the draft, with text hash and time. The same decision again keeps its first time."""
    if value is None:
        document.consents = [c for c in document.consents if c["code"] != question.consent]
        return
    text = consent_text(question)
    entry = {
        "code": question.consent,
        "decision": value is True or value == "yes",
        "choice": choice,
        "text": text,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
        "version": f"{definition.slug}|{definition.version}",
        "language": definition.language,
        "by": by or _respondent(document),
        "how": "web",
        "at": now.isoformat(),
    }
    latest = document.consent(question.consent)
    if latest and all(latest[name] == entry[name] for name in ("decision", "choice", "sha256")):
        return
    # Nobody relies on a draft's earlier decision; the one that stands when it gets its patient is the record.
    document.consents = [c for c in document.consents if c["code"] != question.consent] + [entry]


def note_no(document: Document, definition: Definition, question: Question, *, now: datetime) -> None:
    """Put a no into a draft, for a consent that was taken back elsewhere."""
    _note_consent(document, definition, question, "no", now=now)


def _respondent(document: Document) -> str:
    return str(document.answers.get("start_respondent") or "self")


def _write_consents(document: Document, patient: Patient, *, now: datetime) -> None:
    """ConsentRecords for the draft's decisions, with the times they were made; each once."""
    if not document.consents:
        return
    # A patient whose row was made by this very transaction has none yet.
    given = set()
    if patient.created_at != now:
        given = set(ConsentRecord.objects.filter(patient=patient).values_list("code", "text_sha256", "given_at"))
    ConsentRecord.objects.bulk_create(
        ConsentRecord(
            patient=patient,
            code=entry["code"],
            text_version=entry["version"],
            text_sha256=entry["sha256"],
            language=entry["language"],
            decision=entry["decision"],
            choice=entry["choice"],
            # Who answered may have been said after the first consent was given.
            given_by=_respondent(document),
            how=entry["how"],
            given_at=datetime.fromisoformat(entry["at"]),
        )
        for entry in document.consents
        if (entry["code"], entry["sha256"], datetime.fromisoformat(entry["at"])) not in given
    )


# --- Belonging to somebody, and sending ------------------------------------------------------------------------------


def _on_row(response: QuestionnaireResponse, change: Callable[[QuestionnaireResponse], bool]) -> QuestionnaireResponse:
    """Apply `change` to a response as its caller read it; if it changed in the meantime, to the row as it is now, locked.

    `change` says False when its UPDATE found another version. A lock is taken by the second try only: nearly always nobody
    else writes to a patient's answers.
    """
    seen = copy.copy(response)
    try:
        if change(seen):
            return seen
    except IntakeError:
        pass  # Perhaps only the caller's copy is old.
    locked = QuestionnaireResponse.objects.select_for_update().get(pk=response.pk)
    change(locked)
    return locked


def _write(row: QuestionnaireResponse, patient: Patient, *, fields: Sequence[str] = ()) -> bool:
    """Version up and write `fields`, the document and the patient; False if this is not the version the row has."""
    fields = ["document", "key_id", "version", "patient_id", *fields]
    as_read = QuestionnaireResponse.objects.filter(pk=row.pk, version=row.version, patient=row.patient_id)
    row.patient, row.version = patient, row.version + 1
    return as_read.update(**{name: getattr(row, name) for name in fields}) == 1


def attach_patient(
    response: QuestionnaireResponse, patient: Patient, *, by: Actor, now: datetime, events: Sequence[AuditEvent] = ()
) -> None:
    """Give a draft its patient; the consents in it become ConsentRecords with their original time.

    Args:
        events: the caller's audit events, written with this verb's own in one statement.

    Raises:
        IntakeError: the response belongs to somebody else.
    """

    def attach(row: QuestionnaireResponse) -> bool:
        if row.patient_id not in (None, patient.pk):
            raise IntakeError("These answers belong to another person.")
        document = decrypt(row)
        if row.is_draft and "about_dob" not in document.answers:
            # Asked once: a patient whose date of birth is on file is not asked again.
            document.contact["date_of_birth"] = patient.date_of_birth.isoformat()
            document.answers["about_dob"] = patient.date_of_birth.isoformat()
            document.answers = engine.calc(row.definition, document.answers, row.today)
            put(row, document)
        if not _write(row, patient):
            return False
        _write_consents(document, patient, now=now)
        record_all([event("intake.attach_patient", by=by, now=now, obj=row, subject_id=patient.pk), *events])
        return True

    with transaction.atomic():
        row = _on_row(response, attach)
    for name in ("document", "key_id", "version"):
        setattr(response, name, getattr(row, name))
    response.patient = patient


def complete(
    response: QuestionnaireResponse,
    *,
    patient: Patient,
    declared_at: datetime,
    signature: str,
    by: Actor,
    now: datetime,
    events: Sequence[AuditEvent] = (),
) -> QuestionnaireResponse:
    """Send a response: only answers that apply stay, the declaration is kept with hashes of the answers and the form.

    Sending what was sent already changes nothing.

    Args:
        declared_at: when the box was ticked (C4).
        signature: the full name typed to sign.
        events: the caller's audit events, written with this verb's own in one statement.

    Raises:
        IntakeError: something required is missing, the signature is empty, or it belongs to another person.
    """
    signature = " ".join(signature.split())
    if not signature or engine.text_problem(signature, 200):
        raise IntakeError("Type your full name to sign.")

    def send(row: QuestionnaireResponse) -> bool:
        if row.patient_id not in (None, patient.pk):
            raise IntakeError("These answers belong to another person.")
        told = list(events)
        if row.is_draft:
            document, hidden = _signed(row, declared_at, signature, by=by, now=now)
            row.status, row.completed_at, row.saved_at = QuestionnaireResponse.Status.COMPLETED, now, now
            row.sections_done = row.sections_total
            if not _write(row, patient, fields=["status", "completed_at", "saved_at", "sections_done", *_FLAG_FIELDS]):
                return False
            _write_consents(document, patient, now=now)
            if hidden:
                photos.purge(row, by=by, now=now, only=hidden, reason="not sent")
            told.insert(0, event("intake.complete", by=by, now=now, obj=row, subject_id=patient.pk))
        record_all(told)
        return True

    with transaction.atomic():
        row = _on_row(response, send)
    for name in ("document", "key_id", "saved_at", "version", "status", "completed_at", "sections_done"):
        setattr(response, name, getattr(row, name))
    response.patient = patient
    return response


def _signed(
    row: QuestionnaireResponse, declared_at: datetime, signature: str, *, by: Actor, now: datetime
) -> tuple[Document, set[str]]:
    """The document as it is sent, put into the row: what applies, with the declaration; and what had files and is not sent."""
    definition, document = row.definition, decrypt(row)
    asking = asking_for(row, document)
    answers = engine.calc(definition, document.answers, row.today)
    if problems := engine.validate_complete(definition, answers, asking):
        raise IntakeError(f"{len(problems)} questions still need an answer.")
    if "finish_declare" in definition.questions:
        answers |= {"finish_declare": True, "finish_signature": signature}
        document.answers = answers
        _note_consent(document, definition, definition.questions["finish_declare"], True, now=declared_at)
    document.answers = engine.completed(definition, answers)
    hidden = {q.link_id for q in definition.questions.values() if q.type == "attachment" and q.link_id in answers}
    hidden -= set(document.answers)
    document.signed = {
        "name": signature,
        "at": declared_at.isoformat(),
        "zone": Clinic.current().zone,
        "answers_sha256": hashlib.sha256(canonical(document.answers)).hexdigest(),
        "form_sha256": definition.sha256,
        "form": f"{definition.slug}|{definition.version}",
        "signed_in": "yes" if by.is_staff else "no",
    }
    _raise_flags(row, document, definition, now=now)
    # From here on the details live in the Patient row, and what was offered and not confirmed is nothing.
    document.contact, document.offered = {}, {}
    put(row, document)
    return document, hidden


def _raise_flags(row: QuestionnaireResponse, document: Document, definition: Definition, *, now: datetime) -> None:
    """Work out the flags of what is being sent. The words stay in the sealed document; the row gets counts and clocks only.

    Same-day flags state a fact: somebody must be paged. Other urgent ones must be looked at within two working days.
    """
    rules = _rules_for(definition)
    if rules is None:
        return
    found = flags.raised(rules, definition, document.answers)
    document.flags = {
        "rules": rules.name,
        "found": [
            {
                "code": flag.rule.code,
                "severity": flag.rule.severity,
                "topic": flag.rule.topic,
                "message": flag.rule.message,
                "acknowledge": flag.rule.acknowledge,
                "evidence": list(flag.evidence),
            }
            for flag in found
        ],
    }
    counts = Counter(flag.rule.severity for flag in found)
    row.urgent_flags, row.caution_flags, row.info_flags = (counts[severity] for severity in flags.SEVERITIES)
    same_day = any(flag.rule.same_day for flag in found)
    row.page_sequence += int(same_day)
    row.flags_due_at = _look_by(now, working_days=0 if same_day else 2) if counts["urgent"] else None


def _rules_for(definition: Definition) -> flags.FlagRules | None:
    """The newest rules, read once per process and definition."""
    if definition.sha256 not in _RULES:
        _RULES[definition.sha256] = newest_flags(definition)
    return _RULES[definition.sha256]


def _look_by(now: datetime, *, working_days: int) -> datetime:
    """The end of the clinic's day, so many working days (Monday to Friday) from today."""
    day = clock.today(now)
    while working_days:
        day += timedelta(days=1)
        working_days -= day.weekday() < 5
    return clock.day_bounds(day, clock.clinic_zone())[1]


def is_complete(response: QuestionnaireResponse) -> bool:
    """True if a draft could be sent as it is, or was sent."""
    if not response.is_draft:
        return True
    document = decrypt(response)
    asking = asking_for(response, document)
    return not engine.validate_complete(response.definition, document.answers, asking)
