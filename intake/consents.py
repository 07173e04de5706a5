"""What stands of a patient's consents, and the words they are asked in."""

from intake.definition import Definition, Question
from intake.errors import IntakeError
from intake.models import Questionnaire
from intake.texts import filled
from patients.models import ConsentRecord, Patient

MESSAGES, PHOTOS = "C2", "C3"
_INTAKE = "hair-loss-intake"  # whose words for messages hold, before whichever visit
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


def messages_question() -> tuple[Definition, Question] | None:
    """The consent to messages as it is asked now, with the questionnaire it stands in; None if nothing is published."""
    try:
        definition = Questionnaire.newest(_INTAKE).as_definition
    except IntakeError:
        return None
    question = next((q for q in definition.questions.values() if q.consent == MESSAGES), None)
    return (definition, question) if question else None


def messages_wording() -> tuple[str, str] | None:
    """The question and the note of the consent to messages, as every page shows them; None if nothing is published."""
    asked = messages_question()
    return consent_wording(asked[1]) if asked else None


def messages_refused(patient: Patient) -> bool:
    """True if the last word on messages was no, or was taken back."""
    latest = ConsentRecord.objects.last_word(patient, MESSAGES)
    return latest is not None and not latest.stands
