"""Every page of the questions, every error, every piece of advice and the photos: axe finds nothing, a screen of 320 px and text
twice the size need no scrolling sideways, and everything that can be answered has a name."""

import pytest

from intake import actions, engine
from intake.fields import controls
from tests.intake.conftest import HAIR, NOW, PEOPLE, SOMEBODY, answers_of
from tests.intake.test_in_browser import Booth, booth  # noqa: F401

ANSWERS = answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"]) | answers_of(PEOPLE["Woman 27, sudden patches"])
# One person to whom nearly everything applies: questions for some bodies come with both answers.
WHOLE = engine.calc(
    HAIR,
    ANSWERS
    | answers_of(PEOPLE["Man 58, three treatments, heart history, ASA"])
    | {
        "start_respondent": "helper", "about_sex_birth": "discuss", "about_organs": ["uterus", "prostate"], "about_dob": "1982-01-15",
        "hair_concern": ["patches", "other"], "hair_areas": ["hairline", "eyebrows", "round-patches"], "hair_shedding": "lot",
        "hair_scalp": ["pus"], "hair_infection_signs": "yes", "hair_impact": "4", "trig_events": ["weight", "med-change"],
        "tx_list": [o.code for o in HAIR.questions["tx_list"].options if not o.exclusive],
        "hx_other": ["cancer"], "hx_mental": ["self-harm"], "hx_selfharm_now": "yes", "hx_labs": "yes-copy",
        "fem_androgen": ["face-hair"], "tx_min_effects": ["swelling"], "tx_min_effects_now": "yes", "alg_list": ["latex"], "goal_open": ["injections"], "photo_consent": "yes",
    },
    NOW.date(),
)  # fmt: skip
NAMES = """() => [...document.querySelectorAll('main input:not([type=hidden]), main textarea, main select, main button')]
  .filter((e) => e.checkVisibility({visibilityProperty: true}) && !e.closest('[aria-hidden=true]'))
  .map((e) => ({e: e.outerHTML.slice(0, 90), name: (e.getAttribute('aria-label') || (e.labels && [...e.labels].map((l) => l.innerText).join(' '))
    || e.innerText || '').trim()})).filter((found) => !found.name).map((found) => found.e)"""


def fill(draft):
    for page in engine.pages(HAIR, WHOLE, engine.Asking(today=draft.today, uploads=True)):
        asked = {
            ("med_item" if q.group == "med_item" else q.link_id)
            for q in page.questions
            if q.type not in {"display", "attachment"}
        }
        actions.save_page(draft, page, {name: WHOLE.get(name) for name in asked}, by=SOMEBODY, now=NOW)


def findings(booth):  # noqa: F811
    """Axe, 320 px, text at 200 %, and controls without a name."""
    found = booth.findings()
    page = booth.page
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{page.url}: scrolls sideways with large text")
    page.evaluate("document.documentElement.style.fontSize = ''")
    return found + [f"{page.url}: no name for {control}" for control in page.evaluate(NAMES)]


@pytest.mark.journey
def test_every_page_every_error_and_every_name(booth: Booth) -> None:  # noqa: F811
    fill(booth.draft)
    asking = engine.Asking(today=booth.draft.today, uploads=True)
    pages, kinds, found = engine.pages(HAIR, WHOLE, asking), set(), []
    assert len(pages) > 45
    for page in pages:
        booth.open(f"questions/{page.key}/")
        found += findings(booth)
        for control in controls(HAIR, page, WHOLE, asking):
            kinds.add(control.kind)
            if control.kind in {"radios", "checks", "pictures", "date"} and not control.waiting:
                # A screen reader hears the question with each group of answers.
                said = booth.page.get_by_role("group", name=control.text)
                if not said.count():
                    found.append(f"{page.key}: no group called {control.text}")
            elif control.kind in {"text", "textarea", "number"} and not control.waiting:
                if (
                    not booth.page.get_by_role("textbox", name=control.text)
                    .or_(booth.page.get_by_role("spinbutton", name=control.text))
                    .count()
                ):
                    found.append(f"{page.key}: no box called {control.text}")
            elif control.kind == "files" and not booth.page.get_by_label(f": {control.question.short}").count():
                found.append(f"{page.key}: no way to add {control.question.short}")
    assert kinds >= {"radios", "checks", "pictures", "tick", "text", "textarea", "date", "rows", "files"}
    for number in range(1, len(HAIR.advice) + 1):
        booth.open(f"advice/{number}/")
        assert f"/advice/{number}/" in booth.page.url
        found += findings(booth)
    assert found == []


@pytest.mark.journey
def test_every_required_question_says_what_is_missing_and_takes_the_focus(booth: Booth) -> None:  # noqa: F811
    """Each page emptied and sent: the summary has the focus, each line leads to a control, the title begins with Error."""
    fill(booth.draft)
    asking, found, refused = engine.Asking(today=booth.draft.today, uploads=True), [], 0
    for page in engine.pages(HAIR, WHOLE, asking):
        if not any(q.required for q in page.questions) or any(q.group == "med_item" for q in page.questions):
            continue
        booth.open(f"questions/{page.key}/")
        booth.page.evaluate(
            "document.querySelectorAll('main input, main textarea').forEach((e) => {"
            "if (e.type === 'radio' || e.type === 'checkbox') e.checked = false; else if (e.type === 'text') e.value = ''; })"
        )
        booth.go_on()
        if not booth.page.title().startswith("Error: "):
            found.append(f"{page.key}: nothing was asked for")
            continue
        refused += 1
        if booth.page.evaluate("document.activeElement.className") != "errsum":
            found.append(f"{page.key}: the summary has no focus")
        for link in booth.page.locator(".errsum a").all():
            target = (link.get_attribute("href") or "#")[1:]
            if not booth.page.locator(f"[id='{target}']").count():
                found.append(f"{page.key}: {target} is nowhere")
        found += findings(booth)
    assert refused > 25
    assert found == []
