"""What a physician asks after the answers were sent, and what the patient says to it: an addendum, never a change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from intake import engine, photos, wording
from intake.actions.drafts import asking_for
from intake.actions.reviews import asked_of
from intake.actions.sending import FLAG_FIELDS, raise_later_flags
from intake.asked import Ask
from intake.definition import pairs_of
from intake.document import Document, decrypt, put
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse
from intake.reviewing import OWN_WORDS
from intake.texts import filled, spoken


class AskedElse(IntakeError):
    """Something else is asked by now than what was answered."""

    def __init__(self) -> None:
        super().__init__(_("The physician asks something else by now. Read it again, and change your answer"))


def open_ask(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> Ask | None:
    """What the physician asks the patient, and nothing else of the review; None if nothing is asked, or not any more."""
    with transaction.atomic():
        record("intake.question_read", by=by, now=now, obj=response)
        return asked_of(response) if response.asked_at is not None else None


def reply(
    response: QuestionnaireResponse, answers: Mapping[str, Any], *, seen: int | None = None, by: Actor, now: datetime
) -> list[str]:
    """Add what the patient says; the answers that were sent stay as they were signed. It waits for the physician again.

    What the answers set off happens as it does in the form: flags are raised, and advice is noted as shown.

    Args:
        answers: from `answering.clean_page`, of `Ask.form`.
        seen: which question they answer (`ask_sequence`); None does not ask.

    Returns:
        Codes of the advice pages to be shown.

    Raises:
        AskedElse: the physician asks something else by now.
        IntakeError: nothing is asked any more, or nothing was said.
    """
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().get(pk=response.pk)
        ask = asked_of(locked) if locked.asked_at is not None else None
        if ask is None:
            raise IntakeError(_("This was answered already. Thank you"))
        if seen is not None and seen != locked.ask_sequence:
            raise AskedElse
        said = engine.completed(ask.form, answers)
        if not said and not photos.since(locked, ask).exists():
            raise IntakeError(
                _("Answer at least one of these, or call us") if ask.form.questions else _("Add a photo, or call us")
            )
        document, advice = decrypt(locked), []
        if said:
            _add(locked, document, ask, said, now=now)
            advice = _note_advice(locked, document, said, now=now)
            raise_later_flags(locked, document, said, now=now)
            put(locked, document)
            locked.status, locked.saved_at = QuestionnaireResponse.Status.AMENDED, now
        locked.asked_at = None
        locked.version += 1
        locked.save(update_fields=["document", "key_id", "status", "asked_at", "saved_at", "version", *FLAG_FIELDS])
        record("intake.reply", by=by, now=now, obj=locked)
    return advice


def _add(locked: QuestionnaireResponse, document: Document, ask: Ask, said: dict[str, Any], *, now: datetime) -> None:
    (part,) = wording.summary(ask.form, said, asking_for(locked, document))
    items = [
        {
            "link_id": row.question.link_id,
            "label": filled(row.label),
            "question": filled(row.text),
            "answers": [spoken(row.question.type, text) for text in row.answers],
            "own_words": row.own_words,
        }
        for row in part.rows
        if row.question.link_id != OWN_WORDS
    ]
    text = str(said.pop(OWN_WORDS, ""))
    document.addenda.append({"question": ask.note, "text": text, "at": now.isoformat(), "items": items, "values": said})


def _note_advice(locked: QuestionnaireResponse, document: Document, said: Mapping[str, Any], *, now: datetime) -> list[str]:
    """Advice pages that these answers call for, whatever was shown when the form was filled in."""
    definition = locked.definition
    given = engine.chosen(set(said), said)
    codes = [n.code for n in engine.triggered_advice(definition, document.latest) if not given.isdisjoint(pairs_of(n.when))]
    document.advice_shown += [{"code": code, "at": now.isoformat()} for code in codes]
    return codes
