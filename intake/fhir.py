"""Questionnaires and answers as FHIR R4, and a Questionnaire back into a file of ours. Pure: no ORM, no clock, no settings.

What FHIR has no place for (pages, labels of the summary, "why we ask") travels in extensions of our own, so that nothing is
lost on the way there and back. What comes from elsewhere and is outside our subset is refused, naming the item.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import yaml

from intake import engine
from intake.definition import Definition, Group, Question
from intake.errors import IntakeError
from intake.grammar import CALCS, DEFAULT_LENGTH, ITEM_TYPES, LINK_ID, QUESTION_KEYS
from intake.loader import load_text

Json = dict[str, Any]
CONTENT_TYPE = "application/fhir+json"
LOINC = "http://loinc.org"
_HL7 = "http://hl7.org/fhir/StructureDefinition/"
_CONTROL = _HL7 + "questionnaire-itemControl"
_CONTROL_SYSTEM = "http://hl7.org/fhir/questionnaire-item-control"
_HIDDEN = _HL7 + "questionnaire-hidden"
_EXCLUSIVE = _HL7 + "questionnaire-optionExclusive"
_MAX_OCCURS = _HL7 + "questionnaire-maxOccurs"
_ORDINAL = _HL7 + "ordinalValue"
_MIN, _MAX = _HL7 + "minValue", _HL7 + "maxValue"
_MIME, _SIZE = _HL7 + "mimeType", _HL7 + "maxSize"
_SIGNATURE = _HL7 + "questionnaireresponse-signature"
_OURS = "/fhir/StructureDefinition/intake-"

# Keys of a question, an option and a page that have no place of their own in FHIR.
_QUESTION_OWN = (
    "page", "help_with_drawing", "why", "short", "missing", "recommended", "asked", "fact", "consent", "calc", "input",
    "autocomplete", "widget", "prefill",
)  # fmt: skip
_OPTION_OWN = ("negative", "talk", "staff_only", "picture")
_ITEM_KEYS = {
    "linkId", "text", "type", "required", "repeats", "readOnly", "maxLength", "enableWhen", "enableBehavior", "answerOption",
    "item", "code", "extension",
}  # fmt: skip
# Items that other copies of this questionnaire hide under the same names, without our extension.
_CALC_IDS = {"calc_last_intake": "last-intake", "calc_age_band": "age-band", "calc_phq2": "phq2"}
_SHOWN_CONTROLS = {"radio-button", "check-box", "page", "help"}


# --- Out: a questionnaire --------------------------------------------------------------------------------------------


def _own(base: str, name: str, value: Any) -> Json:
    kind = "valueBoolean" if isinstance(value, bool) else "valueInteger" if isinstance(value, int) else "valueString"
    return {"url": f"{base}{_OURS}{name}", kind: value}


def _control(code: str) -> Json:
    return {"url": _CONTROL, "valueCodeableConcept": {"coding": [{"system": _CONTROL_SYSTEM, "code": code}]}}


def _parts(base: str, name: str, parts: Iterable[tuple[str, Any]]) -> Json:
    return {"url": f"{base}{_OURS}{name}", "extension": [{**_own("", key, value), "url": key} for key, value in parts]}


def _when(conditions: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    return ((name, code) for name, codes in conditions.items() for code in codes)


class _Exporter:
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
            coding["extension"] = [{"url": _ORDINAL, "valueDecimal": option["score"]}]
        extra = [{"url": _EXCLUSIVE, "valueBoolean": True}] if option.get("exclusive") else []
        extra += [_own(self.base, key, option[key]) for key in _OPTION_OWN if key in option]
        return {"valueCoding": coding} | ({"extension": extra} if extra else {})

    def question(self, q: Json) -> list[Json]:
        """The item; a display's longer text follows it as another, since displays hold none."""
        item: Json = {"linkId": q["link_id"], "text": q["text"], "type": q["type"]}
        extra = [_own(self.base, key, q[key]) for key in _QUESTION_OWN if key in q]
        if q.get("calc"):
            item["readOnly"] = True
            extra.append({"url": _HIDDEN, "valueBoolean": True})
        if "loinc" in q:
            item["code"] = [{"system": LOINC, "code": q["loinc"]}]
        item |= {name: True for key, name in (("required", "required"), ("multiple", "repeats")) if q.get(key)}
        if "max_length" in q:
            item["maxLength"] = q["max_length"]
        most = q.get("max_choices") or q.get("max_files")
        if most and q.get("multiple") and most > 1:
            extra.append({"url": _MAX_OCCURS, "valueInteger": most})
        elif "max_files" in q:
            extra.append(_own(self.base, "max_files", q["max_files"]))
        if "min" in q:
            extra.append({"url": _MIN, "valueInteger": q["min"]})
        if "max" in q:
            whole = isinstance(q["max"], int)
            extra.append({"url": _MAX, "valueInteger": q["max"]} if whole else _own(self.base, "max", q["max"]))
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
    source, out = definition.source, _Exporter(definition, base)
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


# --- Out: answers ----------------------------------------------------------------------------------------------------


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
    files = files or {}
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
        made["extension"] = [{"url": _SIGNATURE, "valueSignature": {"type": [kind], "when": signed["at"], "who": who}}]
    sections = [_answered(definition, section, answers, files, base, say) for section in definition.source["sections"]]
    return made | ({"item": items} if (items := [item for item in sections if item]) else {})


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


def _answered(
    definition: Definition,
    section: Json,
    answers: Mapping[str, Any],
    files: Mapping[str, list[Json]],
    base: str,
    say: Callable[[str], str],
) -> Json | None:
    out = _Exporter(definition, base)
    top: Json = {"linkId": section["link_id"], "text": say(section["title"]), "item": []}
    made: dict[str, Json] = {"": top}

    def place(group: Group | None) -> Json:
        if group is None:
            return top
        if group.link_id not in made:
            made[group.link_id] = {"linkId": group.link_id, "text": say(group.text), "item": []}
            place(definition.groups.get(group.group))["item"].append(made[group.link_id])
        return made[group.link_id]

    shown = engine.enabled(definition, answers)
    rows_done: set[str] = set()
    for q in (definition.questions[source["link_id"]] for source in section["questions"]):
        group = definition.groups.get(q.group)
        if group and group.repeats:
            if group.link_id in rows_done:
                continue
            rows_done.add(group.link_id)
            columns = engine.row_questions(definition, group)
            for row in answers.get(group.link_id, []):
                cells = [
                    {"linkId": c.link_id, "text": say(c.text), "answer": [{"valueString": row[c.link_id]}]}
                    for c in columns
                    if row.get(c.link_id)
                ]
                place(definition.groups.get(group.group))["item"].append(
                    {"linkId": group.link_id, "text": say(group.text), "item": cells}
                )
            continue
        if q.type == "attachment":
            given = [{"valueAttachment": about} for about in files.get(q.link_id, []) if q.link_id in shown]
        else:
            given = [_value(out, q, part, say) for part in _list(answers.get(q.link_id))]
        if given:
            place(group)["item"].append({"linkId": q.link_id, "text": say(q.text), "answer": given})
    return top if top["item"] else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _value(out: _Exporter, q: Question, value: Any, say: Callable[[str], str]) -> Json:
    if isinstance(value, dict):
        return {"valueString": value["text"]}
    if q.is_choice:
        option = q.option(value)
        return {"valueCoding": out.coding(q.link_id, value, say(option.label) if option else "")}
    if q.type == "boolean":
        return {"valueBoolean": value}
    if q.type == "integer":
        return {"valueInteger": value}
    return {"valueDate" if q.type == "date" else "valueString": value}


# --- In: a questionnaire ---------------------------------------------------------------------------------------------


def from_questionnaire(resource: Any) -> tuple[str, Definition]:
    """A draft file of ours from an R4 Questionnaire, and the definition in it.

    Raises:
        IntakeError: for what is outside the subset, naming the item by its linkId.
    """
    if not isinstance(resource, dict) or resource.get("resourceType") != "Questionnaire":
        raise IntakeError("This is not a Questionnaire.")
    try:
        source = _Importer(resource).source()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise IntakeError(f"The Questionnaire is not formed as R4 says: {error!r}.") from error
    text = yaml.safe_dump(source, allow_unicode=True, sort_keys=False, width=10_000)
    return text, load_text(text, f"{source['questionnaire']}-{source['version']}.yaml")


def _extensions(holder: Mapping[str, Any]) -> Iterator[tuple[str, Any, Json]]:
    """(URL, or name of one of ours; value; extension)."""
    for extension in holder.get("extension", []):
        url = extension["url"]
        name = "intake-" + url.partition(_OURS)[2] if _OURS in url else url
        yield name, next((v for k, v in extension.items() if k.startswith("value")), None), extension


class _Importer:
    """One resource on its way in."""

    def __init__(self, resource: Json) -> None:
        self.resource = resource
        self.codes: dict[str, set[str]] = {}
        self.seen: set[str] = set()
        self.system = ""

    def stop(self, item: Any, problem: str) -> IntakeError:
        name = item.get("linkId", "without a linkId") if isinstance(item, dict) else item
        return IntakeError(f"Item {name}: {problem}.")

    def source(self) -> Json:
        r = self.resource
        own = {name: value for name, value, _ext in _extensions(r)}
        title = r.get("title") or r.get("name") or "Questionnaire"
        slug = r.get("id") or str(r.get("url", "")).rpartition("/")[2] or r.get("name") or "questionnaire"
        sections = [self.section(item) for item in r.get("item", [])]
        source: Json = {
            "questionnaire": re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-"),
            "version": r.get("version") or "0.1.0",
            "language": r.get("language") or "en-CA",
            "title": title,
            "code_system": own.get("intake-code_system") or self.system.rpartition("/")[2] or slug,
            "minimum_age": own.get("intake-minimum_age", 18),
        }
        if r.get("copyright"):
            source["copyright"] = r["copyright"]
        for name, _value, extension in _extensions(r):
            if name in ("intake-consents", "intake-advice", "intake-stops"):
                source.setdefault(name.removeprefix("intake-"), []).append(self.notice(extension))
        return source | {"sections": sections}

    def notice(self, extension: Json) -> Json:
        found: Json = {}
        for key, value, _ext in _extensions(extension):
            if key == "when":
                name, _sep, code = value.partition("=")
                found.setdefault("when", {}).setdefault(name, []).append(code)
            elif key == "contact":
                found.setdefault("contacts", []).append(value)
            else:
                found[key] = value
        return found

    def look(self, item: Json) -> None:
        """What holds for every item."""
        name = item.get("linkId")
        if not isinstance(name, str) or not LINK_ID.fullmatch(name):
            raise self.stop(item, "a linkId is lower-case letters, digits and underscores, at most 60")
        if name in self.seen:
            raise self.stop(item, "the linkId is used twice")
        self.seen.add(name)
        if unknown := sorted(set(item) - _ITEM_KEYS):
            raise self.stop(item, f"{', '.join(unknown)} is outside the subset")
        if not str(item.get("text") or "").strip():
            raise self.stop(item, "there is no text")

    def conditions(self, item: Json) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        conditions = item.get("enableWhen", [])
        if len(conditions) > 1 and item.get("enableBehavior") != "any":
            raise self.stop(item, 'several conditions are joined by "any" only')
        for condition in conditions:
            if condition.get("operator") != "=":
                raise self.stop(item, f"the operator {condition.get('operator')!r} is outside the subset; only = is used")
            if "answerCoding" not in condition:
                raise self.stop(item, "a condition compares with a code (answerCoding)")
            name, code = condition.get("question"), condition["answerCoding"].get("code")
            if name not in self.codes:
                raise self.stop(item, f"the condition names {name!r}, which is no choice question above it")
            if code not in self.codes[name]:
                raise self.stop(item, f"the condition names the answer {code!r}, which {name!r} does not have")
            found.setdefault(name, []).append(code)
        return found

    def section(self, item: Json) -> Json:
        self.look(item)
        if item.get("type") != "group" or item.get("repeats") or item.get("enableWhen"):
            raise self.stop(item, "on the top level stand sections: groups, neither repeated nor conditional")
        found: Json = {"link_id": item["linkId"], "title": item["text"], "pages": [], "groups": [], "questions": []}
        for name, value, extension in _extensions(item):
            if name == "intake-page-frame":
                found["pages"].append({key: part for key, part, _ext in _extensions(extension)})
            else:
                self.known_control(item, name, value)
        self.walk(item, found, "")
        if not found["questions"]:
            raise self.stop(item, "the section has no question")
        self.paginate(found)
        if not found["groups"]:
            del found["groups"]
        return found

    def paginate(self, section: Json) -> None:
        """What comes without pages gets one for each question, and one for each group."""
        if section["pages"]:
            return
        number, last = 0, None
        for q in section["questions"]:
            if q.get("calc"):
                continue
            here = q.get("group") or q["link_id"]
            if here != last:
                number, last = number + 1, here
                named = next((g["text"] for g in section["groups"] if g["link_id"] == here), section["title"])
                section["pages"].append({"number": number, "title": named})
            q["page"] = number

    def walk(self, parent: Json, section: Json, group: str) -> None:
        for item in parent.get("item", []):
            link_id = str(item.get("linkId", ""))
            above = section["questions"][-1] if section["questions"] else {}
            if item.get("type") == "display" and link_id == f"{above.get('link_id')}__help" and above["type"] == "display":
                above["help"] = item["text"]
                continue
            self.look(item)
            if item.get("type") == "group":
                section["groups"].append(self.group(item, group))
                self.walk(item, section, link_id)
            else:
                section["questions"].append(self.question(item, group))

    def group(self, item: Json, group: str) -> Json:
        for name, value, _ext in _extensions(item):
            self.known_control(item, name, value)
        found: Json = {"link_id": item["linkId"], "text": item["text"]}
        if group:
            found["group"] = group
        if item.get("repeats"):
            found["repeats"] = True
        if conditions := self.conditions(item):
            found["show_when"] = conditions
        return found

    def known_control(self, item: Json, name: str, value: Any) -> None:
        if name != _CONTROL:
            raise self.stop(item, f"the extension {name} is outside the subset")
        code = value["coding"][0].get("code")
        if code not in _SHOWN_CONTROLS:
            raise self.stop(item, f"the control {code!r} is outside the subset")

    def question(self, item: Json, group: str) -> Json:
        kind = item.get("type")
        if kind not in ITEM_TYPES:
            raise self.stop(item, f"the type {kind!r} is outside the subset")
        q: Json = {"link_id": item["linkId"], "type": kind, "text": item["text"]}
        if group:
            q["group"] = group
        q |= {key: True for key, name in (("required", "required"), ("multiple", "repeats")) if item.get(name)}
        if "maxLength" in item:
            q["max_length"] = item["maxLength"]
        for code in item.get("code", []):
            if code.get("system") != LOINC:
                raise self.stop(item, "a question's code is from LOINC")
            q["loinc"] = code["code"]
        self.extras(item, q)
        if item.get("readOnly") and q["link_id"] in _CALC_IDS:
            q.setdefault("calc", _CALC_IDS[q["link_id"]])
        if item.get("readOnly") and not q.get("calc"):
            raise self.stop(item, f"a hidden or read-only item is one that we work out ({', '.join(CALCS)})")
        if kind in ("choice", "open-choice"):
            q["options"] = [self.option(item, option) for option in item.get("answerOption", [])]
            if not q["options"]:
                raise self.stop(item, "a choice lists its answers (answerOption)")
        elif "answerOption" in item:
            raise self.stop(item, "only a choice lists answers")
        if conditions := self.conditions(item):
            q["show_when"] = conditions
        for below in item.get("item", []):
            if below.get("type") != "display" or "help" in q:
                raise self.stop(below, f"under the question {item['linkId']} may stand one help text, nothing else")
            q["help"] = below["text"]
        if kind in DEFAULT_LENGTH:
            q.setdefault("max_length", DEFAULT_LENGTH[kind])
        if kind != "display":
            q.setdefault("short", item["text"])
        if kind in ("choice", "open-choice"):
            self.codes[q["link_id"]] = {option["code"] for option in q["options"]}
        return {key: q[key] for key in QUESTION_KEYS if key in q}

    def extras(self, item: Json, q: Json) -> None:
        for name, value, _ext in _extensions(item):
            own = name.removeprefix("intake-")
            if name.startswith("intake-") and own in QUESTION_KEYS:
                q[own] = value
            elif name == _MAX_OCCURS:
                q["max_files" if q["type"] == "attachment" else "max_choices"] = value
            elif name in (_MIN, _MAX) and isinstance(value, int):
                q["min" if name == _MIN else "max"] = value
            elif name == _HIDDEN:
                if value and not item.get("readOnly"):
                    raise self.stop(item, "a hidden item is read-only")
            elif name not in (_MIME, _SIZE):  # Files have the limits of this product, whatever is asked for.
                self.known_control(item, name, value)

    def option(self, item: Json, option: Json) -> Json:
        if "valueCoding" not in option:
            raise self.stop(item, "an answer to choose is a code (valueCoding)")
        coding = option["valueCoding"]
        if not coding.get("code") or not coding.get("display"):
            raise self.stop(item, "an answer to choose has a code and a display")
        found: Json = {"code": coding["code"], "label": coding["display"]}
        system = coding.get("system", "")
        if system == LOINC:
            found["system"] = "loinc"
        elif system and self.system and system != self.system:
            raise self.stop(item, f"its answers are from {system}, others from {self.system}; one local code system is used")
        else:
            self.system = self.system or system
        for name, value, _ext in [*_extensions(option), *_extensions(coding)]:
            own = name.removeprefix("intake-")
            if name == _EXCLUSIVE:
                if value:
                    found["exclusive"] = True
            elif name == _ORDINAL:
                if int(value) != value or value < 0:
                    raise self.stop(item, "a score is a whole number")
                found["score"] = int(value)
            elif name.startswith("intake-") and own in _OPTION_OWN:
                found[own] = value
            else:
                raise self.stop(item, f"the extension {name} is outside the subset")
        return found
