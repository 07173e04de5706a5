"""Consents in a draft, and the records they become."""

import hashlib
from datetime import datetime
from typing import Any

from audit import rows
from audit.actor import Actor
from intake.definition import Definition, Question
from intake.document import Document
from intake.texts import filled
from patients.models import ConsentRecord, Patient

# What the patient's words for reminders mean as consent to electronic messages (C2).
WAYS = {"text_email": "text,email", "text": "text", "email": "email", "phone": ""}
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


def note_consent(
    document: Document,
    definition: Definition,
    question: Question,
    value: Any,
    *,
    by: Actor,
    now: datetime,
    choice: str = "",
) -> None:
    """Put a decision into the draft, with text hash and time. The same decision again keeps its first time.

    What somebody who works here puts in was read aloud, and said to them.
    """
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
        "by": "staff" if by.is_staff else respondent(document),
        "how": "verbal" if by.is_staff else "web",
        "heard_by": by.id if by.is_staff else None,
        "at": now.isoformat(),
    }
    latest = document.consent(question.consent)
    if latest and all(latest[name] == entry[name] for name in ("decision", "choice", "sha256")):
        return
    # Nobody relies on a draft's earlier decision; the one that stands when it gets its patient is the record.
    document.consents = [c for c in document.consents if c["code"] != question.consent] + [entry]


def note_no(document: Document, definition: Definition, question: Question, *, by: Actor, now: datetime) -> None:
    """Put a no into a draft, for a consent that was taken back elsewhere."""
    note_consent(document, definition, question, "no", by=by, now=now)


def respondent(document: Document) -> str:
    return str(document.answers.get("start_respondent") or "self")


def write_consents(document: Document, patient: Patient, *, now: datetime, into: rows.Together) -> None:
    """ConsentRecords for the draft's decisions, with the times they were made; each once."""
    if not document.consents:
        return
    # A patient whose row is made by this very transaction has none yet.
    given = set()
    if patient.created_at != now:
        given = set(ConsentRecord.objects.filter(patient=patient).values_list("code", "text_sha256", "given_at"))
    into.insert(
        ConsentRecord(
            patient_id=patient.pk,
            code=entry["code"],
            text_version=entry["version"],
            text_sha256=entry["sha256"],
            language=entry["language"],
            decision=entry["decision"],
            choice=entry["choice"],
            # Who answered may have been said after the first consent was given; a verbal one was given to somebody.
            given_by=entry["by"] if entry["how"] == "verbal" else respondent(document),
            how=entry["how"],
            heard_by_id=entry.get("heard_by"),
            given_at=datetime.fromisoformat(entry["at"]),
        )
        for entry in document.consents
        if (entry["code"], entry["sha256"], datetime.fromisoformat(entry["at"])) not in given
    )
