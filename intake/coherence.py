"""What a grammar cannot say of a file: names that must exist and stand above, pages that add up."""

from typing import Any

from intake.definition import Definition
from intake.flags import Condition
from intake.grammar import MAX_LENGTH, Entry, File


def check_condition(file: File, line: int, condition: Condition, definition: Definition) -> None:
    """Of a flag: it names a question, an answer or a group that is there."""
    if condition.kind == "unanswered_recommended":
        if condition.name not in definition.groups:
            raise file.stop(line, f"there is no group {condition.name!r}.")
        return
    question = definition.questions.get(condition.name)
    if question is None:
        raise file.stop(line, f"there is no question {condition.name!r}.")
    for code in sorted(condition.codes):
        if question.option(code) is None:
            raise file.stop(line, f"{condition.name!r} has no answer {code!r}.")


def check(file: File, source: Entry) -> None:
    """What a grammar cannot say: names that must exist, order, and pages."""
    codes: dict[str, set[str]] = {}  # Question -> its codes, for those that stand above.
    names: dict[str, int] = {}
    consents = {notice["code"] for notice in source.get("consents", [])}
    for kind in ("consents", "advice", "stops"):
        no_twins(file, source.get(kind, []), "code")

    def claim(item: Entry) -> None:
        if item["link_id"] in names:
            raise file.stop(item.line, f"link_id {item['link_id']!r} is already used in line {names[item['link_id']]}.")
        names[item["link_id"]] = item.line

    def conditions(found: dict[str, list[str]] | None, line: int) -> None:
        for question, wanted in (found or {}).items():
            if question not in codes:
                raise file.stop(line, f"the condition names {question!r}, which is no choice question above it.")
            for code in wanted:
                if code not in codes[question]:
                    raise file.stop(line, f"the condition names the answer {code!r}, which {question!r} does not have.")

    for section in source["sections"]:
        claim(section)
        groups: dict[str, Entry] = {}
        for group in section.get("groups", []):
            claim(group)
            if group.get("group") and group["group"] not in groups:
                raise file.stop(group.line, f"group {group['group']!r} is not above in this section.")
            groups[group["link_id"]] = group
        judged: set[str] = set()
        for question in section["questions"]:
            claim(question)
            _check_question(file, question, consents)
            conditions(question.get("show_when"), question.line)
            at: str | None = question.get("group")
            if at and at not in groups:
                raise file.stop(question.line, f"group {at!r} is not in this section.")
            while at and at not in judged:
                # A group's conditions may name what stands above its first question.
                conditions(groups[at].get("show_when"), groups[at].line)
                judged.add(at)
                at = groups[at].get("group")
            if question["type"] in ("choice", "open-choice"):
                codes[question["link_id"]] = {option["code"] for option in question["options"]}
        _check_pages(file, section, {name for name, group in groups.items() if group.get("repeats")})
    for notice in source.get("advice", []):
        conditions(notice["when"], notice.line)


def _check_pages(file: File, section: Entry, repeating: set[str]) -> None:
    """Every question stands on a page of its section, in their order; no page is empty, and one with several has a title."""
    frames = {frame["number"]: frame for frame in section["pages"]}
    no_twins(file, section["pages"], "number")
    always: dict[int, int] = {}  # page -> how many questions it asks of everybody
    last = 0
    for question in section["questions"]:
        if question.get("calc"):
            continue
        name, page = question["link_id"], question.get("page", 0)
        if page not in frames:
            raise file.stop(question.line, f"{name!r} stands on page {page or '(none)'}, which is not among the pages.")
        if page < last:
            raise file.stop(question.line, f"{name!r} is on page {page}, after a question of page {last}.")
        last = page
        sometimes = question.get("show_when") or question.get("asked") or question.get("group") in repeating
        if not sometimes and question["type"] != "display":
            always[page] = always.get(page, 0) + 1
    used = {question.get("page") for question in section["questions"]}
    for number, frame in frames.items():
        if number not in used:
            raise file.stop(frame.line, f"page {number} has no question.")
        if always.get(number, 0) > 1 and not frame.get("title"):
            raise file.stop(frame.line, f"page {number} asks several questions and needs a title.")


def _check_question(file: File, q: Entry, consents: set[str]) -> None:
    name, choice = q["link_id"], q["type"] in ("choice", "open-choice")
    if choice and not q.get("options"):
        raise file.stop(q.line, f"{name!r} is a choice without options.")
    if not choice and (q.get("options") or q.get("max_choices")):
        raise file.stop(q.line, f"{name!r} is not a choice but has options.")
    if q.get("multiple") and not (choice or q["type"] == "attachment"):
        raise file.stop(q.line, f"{name!r} cannot have several answers.")
    if choice:
        no_twins(file, q["options"], "code")
        for option in q["options"]:
            if option.get("exclusive") and not q.get("multiple"):
                raise file.stop(option.line, f"{name!r} takes one answer; none of them can be exclusive.")
    if q["type"] != "display" and not q.get("short"):
        raise file.stop(q.line, f"{name!r} has no 'short' label for the summary.")
    if q.get("consent") and q["consent"] not in consents:
        raise file.stop(q.line, f"{name!r} names consent {q['consent']!r}, which has no statement.")
    if q.get("calc") and (q.get("page") or q.get("required") or q.get("show_when")):
        raise file.stop(q.line, f"{name!r} is worked out, so it has no page, no condition and is not required.")
    if q.get("prefill") and (q.get("consent") or q.get("calc") or q["type"] in ("attachment", "display", "boolean")):
        raise file.stop(q.line, f"{name!r} is never filled in from last time.")
    if q.get("max_length", 0) > MAX_LENGTH:
        raise file.stop(q.line, f"{name!r} allows more than {MAX_LENGTH} characters.")


def no_twins(file: File, items: list[Entry], key: str) -> None:
    seen: set[Any] = set()
    for item in items:
        if item[key] in seen:
            raise file.stop(item.line, f"{key} {item[key]!r} is given twice.")
        seen.add(item[key])
