"""Whatever is answered: what hypothesis tries to break."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from intake import answering, engine, wording
from intake.definition import Question
from tests.intake.conftest import ASKING, HAIR, TODAY, form_for, typed


def _value(question: Question) -> st.SearchStrategy[Any]:
    codes = [o.code for o in question.options if not o.staff_only]
    if codes and question.multiple:
        return st.lists(st.sampled_from(codes), min_size=1, max_size=4, unique=True)
    if codes:
        return st.sampled_from(codes)
    return {
        "boolean": st.just(True),
        "date": st.dates(max_value=TODAY).map(lambda day: day.isoformat()),
        "integer": st.integers(1970, 2027),
    }.get(question.type, st.text(min_size=1, max_size=20))


ANSWERABLE = [q for q in HAIR.questions.values() if q.type not in {"display"} and not q.calc and q.group != "med_item"]
drafts = st.fixed_dictionaries({}, optional={q.link_id: _value(q) for q in ANSWERABLE}).map(
    lambda answers: engine.calc(HAIR, answers, TODAY)
)


@given(drafts)
def test_a_disabled_answer_never_reaches_a_completed_response(answers: dict[str, Any]) -> None:
    record = engine.completed(HAIR, answers)
    shown = engine.enabled(HAIR, answers)
    assert set(record) <= shown
    # Nor does the record itself hold anything that would be hidden if it were the draft.
    assert set(record) <= engine.enabled(HAIR, record)
    assert engine.completed(HAIR, record) == record
    for name in record:
        question = HAIR.questions[name]
        for source, codes in question.show_when:
            value = record.get(source)
            if set(value if isinstance(value, list) else [value]) & codes:
                break
        else:
            assert not question.show_when


@given(drafts)
def test_what_is_shown_does_not_depend_on_hidden_answers(answers: dict[str, Any]) -> None:
    assert engine.enabled(HAIR, answers) == engine.enabled(HAIR, engine.completed(HAIR, answers))


@given(drafts)
def test_a_walk_over_what_is_counted_says_of_it_what_the_whole_walk_says(answers: dict[str, Any]) -> None:
    counted = {q.link_id for q in HAIR.counted}
    assert engine.enabled(HAIR, answers, HAIR.counted) & counted == engine.enabled(HAIR, answers) & counted


@given(drafts, st.sampled_from([q for q in ANSWERABLE if q.options and not q.asked]), st.data())
def test_toggling_a_filter_off_and_on_restores_the_draft(answers: dict[str, Any], filter_: Question, data: st.DataObject) -> None:
    before = dict(answers)
    other = data.draw(_value(filter_))
    toggled = engine.calc(HAIR, {**answers, filter_.link_id: other}, TODAY)
    back = {k: v for k, v in toggled.items() if k != filter_.link_id}
    if filter_.link_id in before:
        back[filter_.link_id] = before[filter_.link_id]
    assert engine.calc(HAIR, back, TODAY) == before


@given(drafts)
@settings(max_examples=40)
def test_every_page_of_every_path_takes_the_answers_it_asks_for(answers: dict[str, Any]) -> None:
    for page in engine.pages(HAIR, answers, ASKING):
        fields: dict[str, Any] = {"shown": []}
        for question in page.questions:
            if question.type == "display" or question.group == "med_item":
                continue
            fields["shown"].append(question.link_id)
            fields |= form_for(question.link_id, answers)
        cleaned = answering.clean_page(HAIR, page.section.number, page.number, typed(**fields), answers, ASKING)
        for problem in cleaned.problems:
            # Only what is missing or really wrong (too many, exclusive with others, an impossible age) is refused.
            assert problem.message
            assert problem.link_id in {q.link_id for q in page.questions} | {"med_item"}


@given(st.lists(st.text(), max_size=3), st.sampled_from([q for q in ANSWERABLE if q.page and not q.asked]))
def test_no_text_whatsoever_breaks_a_page(values: list[str], question: Question) -> None:
    names = [question.link_id, f"{question.link_id}_text", f"{question.link_id}_day", f"{question.link_id}_year"]
    form = typed(shown=question.link_id, **dict.fromkeys(names, values))
    answers: dict[str, Any] = {}
    cleaned = answering.clean_page(HAIR, question.section, question.page, form, answers, ASKING)
    assert answers == {}
    for value in cleaned.values.values():
        if isinstance(value, str):
            value.encode()


@given(drafts)
@settings(max_examples=40)
def test_the_summary_reads_every_enabled_answer_and_no_other(answers: dict[str, Any]) -> None:
    rows = [row for part in wording.summary(HAIR, answers, ASKING) for row in part.rows]
    shown = engine.enabled(HAIR, answers)
    assert {row.question.link_id for row in rows} <= shown
    assert all(row.answers for row in rows if not row.missing)
