"""A response gets its patient, and is sent."""

import copy
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Clinic
from audit import rows
from audit.actions import event, record_all
from audit.actor import Actor
from intake import answering, engine, flags
from intake.actions.consents import note_consent, write_consents
from intake.actions.drafts import asking_for
from intake.actions.photos import purge_files
from intake.definition import Definition, canonical
from intake.document import Document, decrypt, must_hold, put
from intake.errors import IntakeError
from intake.loader import newest_flags
from intake.models import QuestionnaireResponse
from intake.standing import standing_of
from patients.models import Patient

FLAG_FIELDS = ["urgent_flags", "caution_flags", "info_flags", "page_sequence"]
_RULES: dict[str, flags.FlagRules | None] = {}


Change = Callable[[QuestionnaireResponse, rows.Together], None]


def _on_row(response: QuestionnaireResponse, change: Change, into: rows.Together | None) -> None:
    """Let `change` say what it writes of a response as its caller read it, and write that.

    If the response changed in the meantime, again with the row as it is now, locked. A lock is taken by the second try only:
    nearly always nobody else writes to a patient's answers. A caller who writes it with his own (`into`) tries again himself.
    """
    if into is not None:
        change(copy.copy(response), into)
        return
    try:
        with transaction.atomic():
            writes = rows.Together()
            change(copy.copy(response), writes)
            writes.send()
    except (IntakeError, rows.Missed):  # Perhaps only the caller's copy is old.
        with transaction.atomic():
            writes = rows.Together()
            change(QuestionnaireResponse.objects.select_for_update().get(pk=response.pk), writes)
            writes.send()


def _write(row: QuestionnaireResponse, patient: Patient, into: rows.Together, *, fields: Sequence[str] = ()) -> None:
    """Version up and write `fields`, the document and the patient, if this is the version the row has."""
    fields = ("document", "key_id", "version", "patient_id", *fields)
    as_read = [row.pk, row.version, row.patient_id]
    row.patient_id, row.version = patient.pk, row.version + 1
    statement = (
        f"UPDATE intake_questionnaireresponse SET {rows.assignments(QuestionnaireResponse, fields)} "
        "WHERE id = %s AND version = %s AND patient_id IS NOT DISTINCT FROM %s::bigint RETURNING id"
    )
    into.add(statement, [*rows.values_of(row, fields), *as_read], must="answers")


def _is_now(response: QuestionnaireResponse, row: QuestionnaireResponse, patient: Patient, names: Sequence[str]) -> None:
    """The caller's instance shows what was written."""
    for name in ("document", "key_id", "version", *names):
        setattr(response, name, getattr(row, name))
    response.patient = patient


def attach_patient(
    response: QuestionnaireResponse, patient: Patient, *, by: Actor, now: datetime, into: rows.Together | None = None
) -> None:
    """Give a draft its patient; the consents in it become ConsentRecords with their original time.

    Args:
        into: what the caller writes in his transaction; this goes with it, and `response` shows it when it is written.

    Raises:
        IntakeError: the response belongs to somebody else.
    """

    def attach(row: QuestionnaireResponse, writes: rows.Together) -> None:
        if row.patient_id not in (None, patient.pk):
            raise IntakeError("These answers belong to another person.")
        document = decrypt(row)
        if row.is_draft and "about_dob" not in document.answers:
            # Asked once: a patient whose date of birth is on file is not asked again.
            document.contact["date_of_birth"] = patient.date_of_birth.isoformat()
            document.answers["about_dob"] = patient.date_of_birth.isoformat()
            document.answers = engine.calc(row.definition, document.answers, row.today)
            put(row, document)
        _write(row, patient, writes)
        write_consents(document, patient, now=now, into=writes)
        record_all([event("intake.attach_patient", by=by, now=now, obj=row, subject_id=patient.pk)], into=writes)
        writes.then(lambda: _is_now(response, row, patient, ()))

    _on_row(response, attach, into)


def complete(
    response: QuestionnaireResponse,
    *,
    patient: Patient,
    declared_at: datetime,
    signature: str,
    by: Actor,
    now: datetime,
    into: rows.Together | None = None,
) -> QuestionnaireResponse:
    """Send a response: only answers that apply stay, the declaration is kept with hashes of the answers and the form.

    Sending what was sent already changes nothing.

    Args:
        declared_at: when the box was ticked (C4).
        signature: the full name typed to sign.
        into: what the caller writes in his transaction; this goes with it, and `response` shows it when it is written.

    Raises:
        IntakeError: something required is missing, the signature is empty, or it belongs to another person.
    """
    signature = " ".join(signature.split())
    if not signature or answering.text_problem(signature, 200):
        raise IntakeError("Type your full name to sign.")

    def send(row: QuestionnaireResponse, writes: rows.Together) -> None:
        if row.patient_id not in (None, patient.pk):
            raise IntakeError("These answers belong to another person.")
        if row.is_draft:
            must_hold(row, by)
            document, hidden = _signed(row, declared_at, signature, by=by)
            row.status, row.completed_at, row.saved_at = QuestionnaireResponse.Status.COMPLETED, now, now
            row.sections_done = row.sections_total
            _write(row, patient, writes, fields=["status", "completed_at", "saved_at", "sections_done", *FLAG_FIELDS])
            write_consents(document, patient, now=now, into=writes)
            if hidden:
                purge_files(row, by=by, now=now, only=hidden, reason="not sent")
            record_all([event("intake.complete", by=by, now=now, obj=row, subject_id=patient.pk)], into=writes)
        writes.then(lambda: _is_now(response, row, patient, ["saved_at", "status", "completed_at", "sections_done"]))

    _on_row(response, send, into)
    return response


def _signed(row: QuestionnaireResponse, declared_at: datetime, signature: str, *, by: Actor) -> tuple[Document, set[str]]:
    """The document as it is sent, put into the row: what applies, with the declaration; and what had files and is not sent."""
    definition, document = row.definition, decrypt(row)
    answers = engine.calc(definition, document.answers, row.today)
    standing = standing_of(row, answers, asking_for(row, document))
    if standing.problems:
        raise IntakeError(f"{len(standing.problems)} questions still need an answer.")
    declared: dict[str, Any] = {}
    if "finish_declare" in definition.questions:
        declared = {"finish_declare": True, "finish_signature": signature}
        note_consent(document, definition, definition.questions["finish_declare"], True, by=by, now=declared_at)
    document.answers = standing.counting | engine.completed(definition, declared, standing.applies)
    hidden = {name for name in definition.files if name in answers and name not in document.answers}
    document.signed = {
        "name": signature,
        "at": declared_at.isoformat(),
        "zone": Clinic.current().zone,
        "answers_sha256": hashlib.sha256(canonical(document.answers)).hexdigest(),
        "form_sha256": definition.sha256,
        "form": f"{definition.slug}|{definition.version}",
        "signed_in": "yes" if by.is_staff else "no",
    }
    _raise_flags(row, document, definition, standing.applies)
    # From here on the details live in the Patient row, and what was offered and not confirmed is nothing.
    document.contact, document.offered = {}, {}
    put(row, document)
    return document, hidden


def _raise_flags(row: QuestionnaireResponse, document: Document, definition: Definition, applies: set[str]) -> None:
    """Work out the flags of what is being sent. The words stay in the sealed document; the row gets counts only.

    Same-day flags state a fact: somebody must be paged.
    """
    rules = _rules_for(definition)
    if rules is None:
        return
    found = flags.raised(rules, definition, document.answers, applies)
    document.flags = {"rules": rules.name, "found": [_kept(flag) for flag in found]}
    _count(row, document)
    row.page_sequence += int(any(flag.rule.same_day for flag in found))


def raise_later_flags(row: QuestionnaireResponse, document: Document, said: Collection[str], *, now: datetime) -> None:
    """Add the flags that answers given since call for, or raise them again. None goes, whatever was said later.

    A flag that is raised again has to be seen again: the first time may be weeks ago.

    Args:
        said: link_ids of what was answered just now.
    """
    rules = _rules_for(row.definition)
    if rules is None:
        return
    there = {flag["code"]: flag for flag in document.flags.get("found", ())}
    phq2 = {item.link_id for item in row.definition.phq2}
    answers = engine.calc(row.definition, document.latest, row.today)
    raised = flags.raised(rules, row.definition, answers)
    said = {*said, *(q.link_id for q in row.definition.worked_out if q.calc == "phq2" and phq2.intersection(said))}
    new = [flag for flag in raised if flag.rule.code not in there or not said.isdisjoint(flag.evidence)]
    if not new:
        return
    for flag in new:
        before = there.get(flag.rule.code, {}).get("evidence", ())
        evidence = list(dict.fromkeys([*before, *flag.evidence]))
        there[flag.rule.code] = _kept(flag) | {"evidence": evidence, "at": now.isoformat()}
    found = sorted(there.values(), key=lambda flag: flags.SEVERITIES.index(flag["severity"]))
    document.flags = {"rules": rules.name, "found": found}
    _count(row, document)
    row.page_sequence += int(any(flag.rule.same_day for flag in new))


def _kept(flag: flags.Flag) -> dict[str, Any]:
    """A flag as the sealed document holds it."""
    return {
        "code": flag.rule.code,
        "severity": flag.rule.severity,
        "topic": flag.rule.topic,
        "message": flag.rule.message,
        "acknowledge": flag.rule.acknowledge,
        "evidence": list(flag.evidence),
    }


def _count(row: QuestionnaireResponse, document: Document) -> None:
    counts = Counter(flag["severity"] for flag in document.flags["found"])
    row.urgent_flags, row.caution_flags, row.info_flags = (counts[severity] for severity in flags.SEVERITIES)


def _rules_for(definition: Definition) -> flags.FlagRules | None:
    """The newest rules, read once per process and definition."""
    if definition.sha256 not in _RULES:
        _RULES[definition.sha256] = newest_flags(definition)
    return _RULES[definition.sha256]
