"""What the patient said before, brought into a draft: last answers to look over, facts that a check-in has to know."""

from datetime import date, datetime, timedelta

from accounts import clock
from audit.actor import Actor
from intake import engine, photos
from intake.definition import Question
from intake.document import Document, decrypt, open_document, save_document
from intake.followup import CALC, facts
from intake.models import QuestionnaireResponse
from intake.prefill import pick

_LONG = timedelta(days=182)


def has_sent(patient_id: int) -> bool:
    """True if this patient has sent answers before: what is asked next may show some of them."""
    return QuestionnaireResponse.objects.filter(patient=patient_id, completed_at__isnull=False).exists()


def offer_last_answers(
    response: QuestionnaireResponse, *, by: Actor, now: datetime, patient_id: int | None = None
) -> date | None:
    """Put the patient's last sent answers to the same questionnaire beside a draft, once. The reading of them is audited.

    Args:
        patient_id: who answers, where a code has shown it and the draft has no patient yet.

    Returns:
        The day those answers were sent; None if nothing was offered.
    """
    patient_id = response.patient_id or patient_id
    if not response.is_draft or patient_id is None:
        return None
    last = (
        QuestionnaireResponse.objects.filter(
            patient=patient_id, questionnaire__slug=response.questionnaire.slug, completed_at__isnull=False
        )
        .order_by("-completed_at")
        .first()
    )
    if last is None or last.completed_at is None or decrypt(response).offered:
        return None
    earlier = open_document(last, by=by, now=now, purpose="offered again").latest
    offered = pick(response.definition, earlier)
    offered["from"] = clock.local(last.completed_at).date().isoformat()

    def change(document: Document) -> None:
        document.offered = offered

    save_document(response, change, by=by, now=now, action="intake.offer_answers")
    return clock.local(last.completed_at).date()


def bring_facts(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """Write the facts into a draft that asks for them, once. The reading of the earlier answers is audited."""
    item = next((q for q in response.definition.questions.values() if q.calc == CALC), None)
    if item is None or not response.is_draft or response.patient_id is None or item.link_id in decrypt(response).answers:
        return
    slug = response.questionnaire.slug
    sent = (
        QuestionnaireResponse.objects.filter(patient=response.patient_id, completed_at__isnull=False)
        .filter(questionnaire__slug__in=(slug, f"{slug.removesuffix('-followup')}-intake"))
        .select_related("questionnaire")
        .order_by("-completed_at")
    )
    codes: set[str] = set()
    earlier = list(sent)
    intake = next((row for row in earlier if row.questionnaire.slug != slug), None)
    check_in = next((row for row in earlier if row.questionnaire.slug == slug), None)
    scores = []
    for row in sorted((r for r in (intake, check_in) if r), key=lambda r: earlier.index(r)):
        document = open_document(row, by=by, now=now, purpose="facts for a check-in")
        answers = engine.calc(row.definition, document.latest, row.today)
        codes |= facts(row.definition, answers)
        if "calc_phq2" in answers:
            scores.append(answers["calc_phq2"])
    if scores and scores[0] >= 2:
        codes.add("phq2")
    if intake and intake.completed_at and response.today - clock.local(intake.completed_at).date() >= _LONG:
        codes.add("six-months")
    if photos.agrees(response):
        codes.add("photos")
    found = _known(item, codes)
    if not found:
        return

    def change(document: Document) -> None:
        document.answers[item.link_id] = found

    save_document(response, change, by=by, now=now, action="intake.bring_facts")


def _known(item: Question, codes: set[str]) -> list[str]:
    return [option.code for option in item.options if option.code in codes]
