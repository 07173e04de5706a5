"""What a check-in has to know from before: facts from the patient's earlier answers, written into its draft once.

They stand in the item with `calc: last-intake`, hidden and written by the server alone, so that "only people who…" is an
ordinary condition of the questionnaire.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from accounts import clock
from audit.actor import Actor
from intake import engine
from intake.definition import Definition, Question
from intake.document import Document, decrypt, open_document, save_document
from intake.models import QuestionnaireResponse
from patients.models import ConsentRecord

CALC = "last-intake"
_ARI = {"fin-oral", "dut-oral", "ari-top", "meso"}
_LONG = timedelta(days=182)


def bring_facts(response: QuestionnaireResponse, *, by: Actor, now: datetime) -> None:
    """Write the facts into a draft that asks for them, once. The reading of the earlier answers is audited."""
    item = next((q for q in response.definition.questions.values() if q.calc == CALC), None)
    if item is None or not response.is_draft or response.patient_id is None or item.link_id in decrypt(response).answers:
        return
    slug = response.questionnaire.slug
    sent = (
        QuestionnaireResponse.objects.filter(patient=response.patient_id, completed_at__isnull=False)
        .filter(questionnaire__slug__in=(slug, f"{slug.removesuffix('-followup')}-intake"))
        .exclude(pk=response.pk)
        .select_related("questionnaire")
        .order_by("-completed_at")
    )
    codes: set[str] = set()
    earlier = list(sent)
    intake = next((row for row in earlier if row.questionnaire.slug != slug), None)
    check_in = next((row for row in earlier if row.questionnaire.slug == slug), None)
    scores = []
    for row in sorted((r for r in (intake, check_in) if r), key=lambda r: earlier.index(r)):
        answers = open_document(row, by=by, now=now, purpose="facts for a check-in").answers
        codes |= facts(row.definition, answers)
        if "calc_phq2" in answers:
            scores.append(answers["calc_phq2"])
    if scores and scores[0] >= 2:
        codes.add("phq2")
    if intake and intake.completed_at and response.today - clock.local(intake.completed_at).date() >= _LONG:
        codes.add("six-months")
    if _agrees_to_photos(response.patient_id):
        codes.add("photos")
    found = _known(item, codes)
    if not found:
        return

    def change(document: Document) -> None:
        document.answers[item.link_id] = found

    save_document(response, change, by=by, now=now, action="intake.bring_facts")


def facts(definition: Definition, answers: Mapping[str, Any]) -> set[str]:
    """What one sent response says of later check-ins."""
    shown = engine.enabled(definition, answers)
    found = {fact for fact, asked in (("pregnancy", "preg_status"), ("prostate", "pros_history")) if asked in shown}
    used = {*answers.get("tx_list", ()), *answers.get("fu_using", ())}
    return found | ({"ari"} if used & _ARI else set())


def _known(item: Question, codes: set[str]) -> list[str]:
    return [option.code for option in item.options if option.code in codes]


def _agrees_to_photos(patient_id: int) -> bool:
    latest = ConsentRecord.objects.filter(patient=patient_id, code="C3").order_by("given_at", "pk").last()
    return latest is not None and latest.decision and latest.withdrawn_at is None
