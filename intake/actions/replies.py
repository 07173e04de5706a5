"""A question that a physician asks after the answers were sent, and what the patient says to it: an addendum, never a change."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from intake import answering, reviewing
from intake.actions.reviews import read_review
from intake.document import decrypt, put
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse, Review


class AskedElse(IntakeError):
    """Something else is asked by now than what was answered."""


def _asked(locked: QuestionnaireResponse) -> str:
    latest = locked.reviews.filter(status=Review.Status.SIGNED).order_by("number").last()
    return str(read_review(latest).fields.get("ask", "")) if latest is not None and locked.asked_at is not None else ""


def question_for(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> str:
    """What the physician asks the patient, and nothing else of the review; empty if nothing is asked."""
    with transaction.atomic():
        record("intake.question_read", by=by, now=now, obj=response)
        return _asked(response)


def reply(response: QuestionnaireResponse, text: str, *, seen: int | None = None, by: Actor, now: datetime) -> None:
    """Add what the patient says; the answers that were sent stay as they were signed. It waits for the physician again.

    Args:
        seen: which question it answers (`ask_sequence`); None does not ask.

    Raises:
        AskedElse: the physician asks another one by now.
        IntakeError: nothing is asked any more, or the text cannot be kept.
    """
    text = str(answering.normal_text(text))
    if not text:
        raise IntakeError(_("Write your answer"))
    if problem := answering.text_problem(text, reviewing.TEXT):
        raise IntakeError(problem)
    with transaction.atomic():
        locked = QuestionnaireResponse.objects.select_for_update().get(pk=response.pk)
        question = _asked(locked)
        if not question:
            raise IntakeError(_("This was answered already. Thank you"))
        if seen is not None and seen != locked.ask_sequence:
            raise AskedElse(_("The physician asks something else by now. Read it again, and change your answer"))
        document = decrypt(locked)
        document.addenda.append({"question": question, "text": text, "at": now.isoformat()})
        put(locked, document)
        locked.status, locked.asked_at, locked.saved_at = QuestionnaireResponse.Status.AMENDED, None, now
        locked.version += 1
        locked.save(update_fields=["document", "key_id", "status", "asked_at", "saved_at", "version"])
        record("intake.reply", by=by, now=now, obj=locked)
