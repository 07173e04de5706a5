"""Consents in a draft, the records they become, how they are given again and taken back, and when two records become one.

Taking one back dates its record, and what rested on it stops at once. Giving it again writes a new record.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from audit import rows
from audit.actions import record
from audit.actor import Actor
from intake import consents, photos
from intake.definition import Definition, Question
from intake.document import Document, decrypt, save_document
from intake.models import Photo, QuestionnaireResponse
from patients.actions import merge, withdraw_consent
from patients.models import ConsentRecord, MergeOffer, Patient


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
    text = consents.consent_text(question)
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
        rows.new(
            ConsentRecord,
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


def withdraw(patient: Patient, code: str, *, by: Actor, now: datetime) -> bool:
    """Withdraw a consent. Without C2 no message goes out; without C3 nobody is shown the photos and none are taken.

    Returns:
        False if there was none that stands.
    """
    with transaction.atomic():
        done = withdraw_consent(patient, code, by=by, now=now)
        if done and code == consents.PHOTOS:
            for response in QuestionnaireResponse.objects.filter(patient=patient).select_for_update(no_key=True):
                _no_photos(response, until=now, by=by, now=now)
    return done


def merge_records(offer: MergeOffer, same_person: bool, *, by: Actor, now: datetime) -> MergeOffer:
    """Decide whether two records are one person's; photos whose consent was taken back under either are hidden under both."""
    with transaction.atomic():
        offer = merge(offer, same_person, by=by, now=now)
        photos_of = ConsentRecord.objects.filter(patient=offer.candidate_id, code=consents.PHOTOS)
        until = photos_of.aggregate(at=Max("withdrawn_at"))["at"] if same_person else None
        if until is not None:
            for response in QuestionnaireResponse.objects.filter(patient=offer.candidate_id).select_for_update(no_key=True):
                _no_photos(response, until=until, by=by, now=now)
    return offer


def note_messages(patient: Patient, *, by: Actor, now: datetime) -> bool:
    """Record what the patient has just chosen in the words of `messages_question`: yes by these ways, or no.

    Returns:
        False if that is what stands already, or nobody has asked and the answer is no.
    """
    asked = consents.messages_question()
    ways = consents.WAYS.get(patient.reminder_by, "")
    with transaction.atomic():
        Patient.objects.select_for_update().get(pk=patient.pk)
        latest = ConsentRecord.objects.last_word(patient, consents.MESSAGES)
        stands = latest.choice if latest is not None and latest.stands else ""
        if asked is None or ways == stands:
            return False
        definition, question = asked
        ConsentRecord.objects.create(
            patient=patient,
            code=consents.MESSAGES,
            text_version=f"{definition.slug}|{definition.version}",
            text_sha256=hashlib.sha256(consents.consent_text(question).encode()).hexdigest(),
            language=definition.language,
            decision=bool(ways),
            choice=ways,
            given_by="staff" if by.is_staff else "self",
            how="verbal" if by.is_staff else "web",
            heard_by_id=by.id if by.is_staff else None,
            given_at=now,
        )
        detail = {"code": consents.MESSAGES, "decision": bool(ways)}
        record("patients.give_consent", by=by, now=now, obj=patient, subject_id=patient.pk, detail=detail)
    return True


def _no_photos(response: QuestionnaireResponse, *, until: datetime, by: Actor, now: datetime) -> None:
    """Withdraw the photos that one response had by then; a draft's own answer becomes no, so that none are asked for."""
    questions = response.definition.questions.values()
    views = [q.link_id for q in questions if q.group == photos.GROUP]
    hidden = response.photos.filter(link_id__in=views, status=Photo.Status.KEPT, received_at__lte=until).update(
        status=Photo.Status.WITHDRAWN
    )
    if hidden:
        detail = {"photos": hidden}
        record("intake.withdraw_photos", by=by, now=now, obj=response, detail=detail)
    asked = next((q for q in questions if q.consent == consents.PHOTOS), None)
    if asked is None or not response.is_draft:
        return
    document = decrypt(response)
    agreed = document.consent(consents.PHOTOS)
    if document.answers.get(asked.link_id) != "yes" or (agreed and datetime.fromisoformat(agreed["at"]) > until):
        return

    def change(document: Document) -> None:
        document.answers[asked.link_id] = "no"
        note_no(document, response.definition, asked, by=by, now=now)

    save_document(response, change, by=by, now=now, action="intake.withdraw_photos")
