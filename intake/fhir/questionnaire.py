"""A definition as an R4 Questionnaire."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from intake.definition import Definition
from intake.fhir.names import (
    CONTROL,
    CONTROL_SYSTEM,
    EXCLUSIVE,
    HIDDEN,
    LOINC,
    MAX,
    MAX_OCCURS,
    MIN,
    OPTION_OWN,
    ORDINAL,
    OURS,
    QUESTION_OWN,
    Json,
)


def _own(base: str, name: str, value: Any) -> Json:
    kind = "valueBoolean" if isinstance(value, bool) else "valueInteger" if isinstance(value, int) else "valueString"
    return {"url": f"{base}{OURS}{name}", kind: value}


def _control(code: str) -> Json:
    return {"url": CONTROL, "valueCodeableConcept": {"coding": [{"system": CONTROL_SYSTEM, "code": code}]}}


def _parts(base: str, name: str, parts: Iterable[tuple[str, Any]]) -> Json:
    return {"url": f"{base}{OURS}{name}", "extension": [{**_own("", key, value), "url": key} for key, value in parts]}


def _when(conditions: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    return ((name, code) for name, codes in conditions.items() for code in codes)


class Exporter:
    """One definition on its way out."""

    def __init__(self, definition: Definition, base: str) -> None:
        self.definition, self.base = definition, base
        self.system = f"{base}/fhir/CodeSystem/{definition.source['code_system']}"

    def coding(self, question: str, code: str, display: str = "") -> Json:
        option = self.definition.questions[question].option(code)
        system = LOINC if option and option.system == "loinc" else self.system
        return {"system": system, "code": code} | ({"display": display} if display else {})

    def enable(self, conditions: Mapping[str, list[str]] | None) -> Json:
        pairs = list(_when(conditions or {}))
        found: Json = {}
        if pairs:
            found["enableWhen"] = [
                {"question": name, "operator": "=", "answerCoding": self.coding(name, code)} for name, code in pairs
            ]
        if len(pairs) > 1:
            found["enableBehavior"] = "any"
        return found

    def help(self, source: Json, *, control: bool = True) -> list[Json]:
        if "help" not in source:
            return []
        item: Json = {"linkId": f"{source['link_id']}__help", "text": source["help"], "type": "display"}
        return [item | ({"extension": [_control("help")]} if control else {})]

    def option(self, question: str, option: Json) -> Json:
        coding = self.coding(question, option["code"], option["label"])
        if "score" in option:
            coding["extension"] = [{"url": ORDINAL, "valueDecimal": option["score"]}]
        extra = [{"url": EXCLUSIVE, "valueBoolean": True}] if option.get("exclusive") else []
        extra += [_own(self.base, key, option[key]) for key in OPTION_OWN if key in option]
        return {"valueCoding": coding} | ({"extension": extra} if extra else {})

    def question(self, q: Json) -> list[Json]:
        """The item; a display's longer text follows it as another, since displays hold none."""
        item: Json = {"linkId": q["link_id"], "text": q["text"], "type": q["type"]}
        extra = [_own(self.base, key, q[key]) for key in QUESTION_OWN if key in q]
        if q.get("calc"):
            item["readOnly"] = True
            extra.append({"url": HIDDEN, "valueBoolean": True})
        if "loinc" in q:
            item["code"] = [{"system": LOINC, "code": q["loinc"]}]
        item |= {name: True for key, name in (("required", "required"), ("multiple", "repeats")) if q.get(key)}
        if "max_length" in q:
            item["maxLength"] = q["max_length"]
        most = q.get("max_choices") or q.get("max_files")
        if most and q.get("multiple") and most > 1:
            extra.append({"url": MAX_OCCURS, "valueInteger": most})
        elif "max_files" in q:
            extra.append(_own(self.base, "max_files", q["max_files"]))
        if "min" in q:
            extra.append({"url": MIN, "valueInteger": q["min"]})
        if "max" in q:
            whole = isinstance(q["max"], int)
            extra.append({"url": MAX, "valueInteger": q["max"]} if whole else _own(self.base, "max", q["max"]))
        if q["type"] in ("choice", "open-choice"):
            item["answerOption"] = [self.option(q["link_id"], option) for option in q["options"]]
            extra.append(_control("check-box" if q.get("multiple") else "radio-button"))
        item |= self.enable(q.get("show_when"))
        if extra:
            item["extension"] = extra
        if q["type"] == "display":
            return [item, *self.help(q, control=False)]
        if below := self.help(q):
            item["item"] = below
        return [item]

    def group(self, group: Json) -> Json:
        item: Json = {"linkId": group["link_id"], "text": group["text"], "type": "group"}
        if group.get("repeats"):
            item["repeats"] = True
        return item | self.enable(group.get("show_when")) | {"item": []}

    def section(self, section: Json) -> Json:
        pages = [_parts(self.base, "page-frame", frame.items()) for frame in section["pages"]]
        top: Json = {"linkId": section["link_id"], "text": section["title"], "type": "group"}
        top |= {"extension": [_control("page"), *pages], "item": []}
        groups = {g["link_id"]: g for g in section.get("groups", [])}
        made: dict[str, Json] = {"": top}

        def place(link_id: str) -> Json:
            if link_id not in made:
                made[link_id] = self.group(groups[link_id])
                place(groups[link_id].get("group", ""))["item"].append(made[link_id])
            return made[link_id]

        for q in section["questions"]:
            place(q.get("group", ""))["item"] += self.question(q)
        return top

    def notices(self) -> list[Json]:
        found = []
        for kind in ("consents", "advice", "stops"):
            for notice in self.definition.source.get(kind, []):
                parts = [(key, notice[key]) for key in ("code", "title", "text")]
                parts += [("when", f"{name}={code}") for name, code in _when(notice.get("when", {}))]
                parts += [("contact", contact) for contact in notice.get("contacts", [])]
                found.append(_parts(self.base, kind, parts))
        return found


def to_questionnaire(definition: Definition, *, base: str, say: Callable[[str], str] | None = None) -> Json:
    """A definition as an R4 Questionnaire.

    Args:
        base: the site's address without a slash at the end; canonical URLs and the code system begin with it.
        say: puts the clinic's name and number into the wording. Left out, the placeholders stay and the way back is exact.
    """
    source, out = definition.source, Exporter(definition, base)
    made: Json = {
        "resourceType": "Questionnaire",
        "id": definition.slug,
        "language": definition.language,
        "url": f"{base}/fhir/Questionnaire/{definition.slug}",
        "version": definition.version,
        "name": "".join(part.capitalize() for part in definition.slug.split("-")),
        "title": definition.title,
        "status": "active",
        "subjectType": ["Patient"],
    }
    if "copyright" in source:
        made["copyright"] = source["copyright"]
    own = [_own(base, key, source[key]) for key in ("minimum_age", "code_system")]
    made |= {"extension": own + out.notices(), "item": [out.section(section) for section in source["sections"]]}
    return _said(made, say) if say else made


def _said(value: Any, say: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {key: _said(part, say) for key, part in value.items()}
    if isinstance(value, list):
        return [_said(part, say) for part in value]
    return say(value) if isinstance(value, str) else value
