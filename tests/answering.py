"""Drafts that are filled in without a request, or an action, a page."""

from datetime import datetime
from typing import Any

from audit.actor import Actor
from intake import actions, engine
from intake.actions import asking_for
from intake.document import decrypt, put
from intake.models import QuestionnaireResponse


def fill(
    draft: QuestionnaireResponse, answers: dict[str, Any], *, by: Actor, now: datetime, each_page: bool = False
) -> QuestionnaireResponse:
    """Give a draft these answers: consents and the last page through the action, the other pages as the action leaves them.

    Args:
        each_page: every page goes through the action.
    """
    document = decrypt(draft)
    known = engine.calc(draft.definition, document.answers | answers, draft.today)
    pages = engine.pages(draft.definition, known, asking_for(draft, document))
    saved = []
    for page in pages:
        names = {("med_item" if q.group == "med_item" else q.link_id) for q in page.questions if q.type != "display"}
        given = {name: answers.get(name) for name in names}
        if each_page or page is pages[-1] or any(q.consent for q in page.questions):
            saved.append((page, given))
        else:
            document.answers |= {name: value for name, value in given.items() if value is not None}
            document.done.append(page.key)
    put(draft, document)
    draft.save()
    for page, given in saved:
        actions.save_page(draft, page, given, by=by, now=now)
    return draft
