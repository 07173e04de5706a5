"""Answers as an R4 QuestionnaireResponse."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from intake import engine
from intake.definition import Definition, Group, Question, Section
from intake.fhir.names import SIGNATURE, Json
from intake.fhir.questionnaire import Exporter


def to_response(
    definition: Definition,
    answers: Mapping[str, Any],
    *,
    base: str,
    public_id: str,
    status: str,
    authored: str,
    patient: str = "",
    signed: Mapping[str, str] | None = None,
    files: Mapping[str, list[Json]] | None = None,
    say: Callable[[str], str] = str,
) -> Json:
    """Answers as an R4 QuestionnaireResponse: of questions that apply only, in the wording the patient saw.

    Args:
        public_id: the response's.
        status: in-progress, completed or amended.
        authored: ISO, with offset: when they were sent, or last saved.
        patient: the patient's public id; empty while there is none.
        signed: the declaration, with name and at.
        files: link_id -> R4 Attachments.
        say: puts the clinic's name and number into the wording.
    """
    answers = engine.completed(definition, answers)
    person = f"Patient/{patient}" if patient else ""
    source, author, contained = _who(answers, person)
    made: Json = {
        "resourceType": "QuestionnaireResponse",
        "id": public_id,
        "language": definition.language,
        "questionnaire": f"{base}/fhir/Questionnaire/{definition.slug}|{definition.version}",
        "status": status,
        "authored": authored,
    }
    if contained:
        made["contained"] = contained
    made |= {key: value for key, value in (("subject", _to(person)), ("author", author), ("source", source)) if value}
    if signed and author:
        kind = {"system": "urn:iso-astm:E1762-95:2013", "code": "1.2.840.10065.1.12.1.1"}
        who = author | {"display": signed["name"]}
        made["extension"] = [{"url": SIGNATURE, "valueSignature": {"type": [kind], "when": signed["at"], "who": who}}]
    out = _Answers(definition, answers, base=base, files=files or {}, say=say)
    items = [item for section in definition.sections if (item := out.section(section))]
    return made | ({"item": items} if items else {})


def _to(reference: str) -> Json | None:
    return {"reference": reference} if reference else None


def _who(answers: Mapping[str, Any], person: str) -> tuple[Json | None, Json | None, list[Json]]:
    """Who answered, who typed, and the people who have no row of their own."""
    respondent = answers.get("start_respondent", "self")
    if respondent == "staff":
        return _to(person), {"type": "Practitioner", "display": "Clinic staff"}, []
    if respondent in ("helper", "sdm"):
        name, relation = answers.get("start_respondent_name", ""), answers.get("start_respondent_relation", "")
        related: Json = {"resourceType": "RelatedPerson", "id": "respondent", "patient": _to(person) or {"display": "Patient"}}
        related |= {"name": [{"text": name}]} if name else {}
        related |= {"relationship": [{"text": relation}]} if relation else {}
        author: Json = {"reference": "#respondent"}
        return (author if respondent == "sdm" else _to(person)), author, [related]
    return _to(person), _to(person), []


class _Answers:
    """One person's answers on their way out."""

    def __init__(
        self,
        definition: Definition,
        answers: Mapping[str, Any],
        *,
        base: str,
        files: Mapping[str, list[Json]],
        say: Callable[[str], str],
    ) -> None:
        self.definition, self.answers, self.files, self.say = definition, answers, files, say
        self.coding = Exporter(definition, base).coding
        self.shown = engine.enabled(definition, answers)

    def section(self, section: Section) -> Json | None:
        """The section with what was answered in it; None if nothing was."""
        top: Json = {"linkId": section.link_id, "text": self.say(section.title), "item": []}
        made: dict[str, Json] = {"": top}

        def place(link_id: str) -> list[Json]:
            if link_id not in made:
                group = self.definition.groups[link_id]
                made[link_id] = {"linkId": link_id, "text": self.say(group.text), "item": []}
                place(group.group).append(made[link_id])
            return made[link_id]["item"]

        rows_done: set[str] = set()
        for q in section.questions:
            if group := self.definition.rows_of(q):
                if group.link_id not in rows_done:
                    rows_done.add(group.link_id)
                    for row in self.rows(group):
                        place(group.group).append(row)
            elif given := self.given(q):
                place(q.group).append({"linkId": q.link_id, "text": self.say(q.text), "answer": given})
        return top if top["item"] else None

    def rows(self, group: Group) -> Iterator[Json]:
        columns = engine.row_questions(self.definition, group)
        for row in self.answers.get(group.link_id, []):
            cells = [
                {"linkId": c.link_id, "text": self.say(c.text), "answer": [{"valueString": row[c.link_id]}]}
                for c in columns
                if row.get(c.link_id)
            ]
            yield {"linkId": group.link_id, "text": self.say(group.text), "item": cells}

    def given(self, q: Question) -> list[Json]:
        if q.type == "attachment":
            return [{"valueAttachment": about} for about in self.files.get(q.link_id, []) if q.link_id in self.shown]
        value = self.answers.get(q.link_id)
        several = value if isinstance(value, list) else [] if value is None else [value]
        return [self.value(q, part) for part in several]

    def value(self, q: Question, value: Any) -> Json:
        if isinstance(value, dict):
            return {"valueString": value["text"]}
        if q.is_choice:
            option = q.option(value)
            return {"valueCoding": self.coding(q.link_id, value, self.say(option.label) if option else "")}
        if q.type == "boolean":
            return {"valueBoolean": value}
        if q.type == "integer":
            return {"valueInteger": value}
        return {"valueDate" if q.type == "date" else "valueString": value}
