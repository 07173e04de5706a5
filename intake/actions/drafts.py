"""Drafts: begun, answered page by page, deleted."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from accounts import clock
from accounts.models import Clinic
from audit.actions import record
from audit.actor import Actor
from intake import engine
from intake.actions.consents import note_consent
from intake.actions.photos import purge_files
from intake.consents import WAYS
from intake.definition import Notice
from intake.document import Document, decrypt, must_hold, put, save_document, write
from intake.document import locked as read_locked
from intake.errors import IntakeError
from intake.models import Questionnaire, QuestionnaireResponse

# A signature that waits for another time: the name, the answers it stands under, when, and whether the box was ticked.
_SIGNED = ("signed_as", "signed_for", "signed_at", "signed_tick")
# The columns that a saved page changes.
_SAVED = ("document", "key_id", "saved_at", "version", "sections_done")
# What says who answers.
_WHO = ("first_name", "email", "mobile", "date_of_birth")


@dataclass(slots=True)
class Saved:
    """What saving a page led to; `pages` are those that apply now. Of somebody `under_age` nothing was saved."""

    document: Document
    advice: list[str] = field(default_factory=list)
    pages: list[engine.Page] | None = None
    under_age: bool = False


def asking_for(response: QuestionnaireResponse, document: Document) -> engine.Asking:
    """What the engine has to know for this response."""
    # A date of birth that came with the details, or is on the patient's file, is not asked again.
    known = {"date-of-birth"} if document.contact.get("date_of_birth") or response.patient_id else set()
    return engine.Asking(
        today=response.today,
        minimum_age=Clinic.current().minimum_age,
        uploads=True,
        staff=response.filled_in_by == QuestionnaireResponse.FilledInBy.DESK,
        known=frozenset(known),
    )


def start_draft(questionnaire_slug: str, *, by: Actor, now: datetime) -> QuestionnaireResponse:
    """A new, empty draft of the newest version. Begun by somebody who works here, it is in the desk's hands.

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
        document = Document()
        if by.is_staff:
            response.filled_in_by = QuestionnaireResponse.FilledInBy.DESK
            document.answers = engine.staff_answers(response.definition)
        put(response, document)
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
    made, and the note of each advice page that is about to be shown. A date of birth under the clinic's age is not saved: the
    draft is in doubt from then on (`doubt_age`), until another date comes or the date is said to be right.

    Args:
        page: the page, or its key ("3/7").
        answers: from `answering.clean_page`; None removes an answer.
        finished: False while the page is still being filled in (a row was added, a follow-up waits).

    Raises:
        IntakeError: the response was sent in the meantime, deleted, or is in other hands.
    """
    key = page if isinstance(page, str) else page.key
    with transaction.atomic():
        locked = read_locked(response.pk)
        if locked is None or not locked.is_draft:
            raise IntakeError("These answers were sent already.")
        must_hold(locked, by)
        definition, document = locked.definition, decrypt(locked)
        asking = asking_for(locked, document)
        _take(document, answers, finished=finished)
        if engine.under_age(document.answers, asking):
            doubt_age(locked, by=by, now=now)
            return Saved(document, under_age=True)
        document.answers = engine.calc(definition, document.answers, locked.today)
        if finished and key not in document.done:
            document.done.append(key)
        for link_id in answers:
            question = definition.questions.get(link_id)
            if question and question.consent:
                note_consent(document, definition, question, answers[link_id], by=by, now=now)
        shown = engine.enabled(definition, document.answers)
        advice = _note_advice(document, engine.triggered_advice(definition, document.answers, shown), now=now)
        pages = engine.pages(definition, document.answers, asking, shown)
        states = engine.progress(definition, document.answers, document.done, asking, pages)
        locked.sections_done = sum(state.state == "done" for state in states)
        put(locked, document)
        locked.saved_at = now
        locked.version += 1
        write(locked, *_SAVED)
        if locked.doubted and answers.get("about_dob"):
            _settle_age(locked)
        record("intake.save_page", by=by, now=now, obj=locked, detail={"page": key})
    for name in _SAVED:
        setattr(response, name, getattr(locked, name))
    return Saved(document, advice=advice, pages=pages)


def _take(document: Document, answers: dict[str, Any], *, finished: bool) -> None:
    for link_id, value in answers.items():
        if value is None:
            document.answers.pop(link_id, None)
        else:
            document.answers[link_id] = value
        for offered in (document.offered.get("answers", {}), document.offered.get("rows", {}) if finished else {}):
            offered.pop(link_id, None)  # It was confirmed, changed or taken out.


def _note_advice(document: Document, called_for: list[Notice], *, now: datetime) -> list[str]:
    """Write down the advice pages that come now, and when; their codes. What was shown before does not come again."""
    noted = {entry["code"] for entry in document.advice_shown}
    advice = [notice.code for notice in called_for if notice.code not in noted]
    document.advice_shown += [{"code": code, "at": now.isoformat()} for code in advice]
    return advice


def save_contact(response: QuestionnaireResponse, contact: dict[str, Any], *, by: Actor, now: datetime) -> Document:
    """Store details typed before there is a Patient, and the consent to messages that "how to remind you" is (C2).

    Args:
        contact: first_name, last_name, preferred_name, mobile, email, reminder_by, voicemail_ok, date_of_birth (ISO), …
            None removes an entry; the others stay.

    Raises:
        IntakeError: the response was sent already, or is in other hands.
    """

    def change(document: Document) -> None:
        changed = {name for name, value in contact.items() if str(value or "") != str(document.contact.get(name) or "")}
        if changed & {*_WHO, "last_name", "helper_name"}:  # what was signed was signed by who was named then
            for name in _SIGNED:
                document.contact.pop(name, None)
        if changed & set(_WHO) and response.patient_id is None:
            document.offered = {}  # Perhaps somebody else answers now: what was offered was offered to whom a code had shown.
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
                ways = WAYS.get(str(contact["reminder_by"]), "")
                note_consent(document, response.definition, question, bool(ways), by=by, now=now, choice=ways)

    with transaction.atomic():
        if (held := read_locked(response.pk)) is not None:
            must_hold(held, by)
            if held.doubted and contact.get("date_of_birth"):
                _settle_age(held)
        return save_document(response, change, by=by, now=now, action="intake.save_contact")


def take_over(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """A draft of the desk's into its patient's hands: who answers is asked again, and what was said on the phone stays."""

    def change(document: Document) -> None:
        for link_id in engine.staff_answers(response.definition):
            document.answers.pop(link_id, None)

    with transaction.atomic():
        save_document(response, change, by=by, now=now, action="intake.take_over")
        response.filled_in_by = QuestionnaireResponse.FilledInBy.PATIENT
        response.save(update_fields=["filled_in_by"])


def doubt_age(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """Somebody typed a date of birth under the clinic's age, and is asked whether it is right. The date is kept nowhere."""
    if not response.doubted:
        with transaction.atomic():
            QuestionnaireResponse.objects.filter(pk=response.pk).update(doubted=True)
            record("intake.doubt_age", by=by, now=now, obj=response)
        response.doubted = True


def _settle_age(response: QuestionnaireResponse) -> None:
    """Another date of birth was given."""
    QuestionnaireResponse.objects.filter(pk=response.pk).update(doubted=False)
    response.doubted = False


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
    record(action, by=by, now=now, obj=locked)
    purge_files(locked, by=by, now=now)
    try:
        locked.delete()
    except ProtectedError as error:
        raise IntakeError("These answers belong to a booked visit.") from error


def is_complete(response: QuestionnaireResponse) -> bool:
    """True if a draft could be sent as it is, or was sent."""
    if not response.is_draft:
        return True
    document = decrypt(response)
    asking = asking_for(response, document)
    return not engine.validate_complete(response.definition, document.answers, asking)
