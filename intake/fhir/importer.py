"""An R4 Questionnaire back into a draft file of ours."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from intake.definition import Definition
from intake.errors import IntakeError
from intake.fhir.names import CONTROL, EXCLUSIVE, HIDDEN, LOINC, MAX, MAX_OCCURS, MIME, MIN, OPTION_OWN, ORDINAL, OURS, SIZE, Json
from intake.grammar import CALCS, DEFAULT_LENGTH, ITEM_TYPES, LINK_ID, QUESTION_KEYS
from intake.loader import load_text

_ITEM_KEYS = {
    "linkId", "text", "type", "required", "repeats", "readOnly", "maxLength", "enableWhen", "enableBehavior", "answerOption",
    "item", "code", "extension",
}  # fmt: skip
# Items that other copies of this questionnaire hide under the same names, without our extension.
_CALC_IDS = {"calc_last_intake": "last-intake", "calc_age_band": "age-band", "calc_phq2": "phq2"}
_SHOWN_CONTROLS = {"radio-button", "check-box", "page", "help"}


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
        name = "intake-" + url.partition(OURS)[2] if OURS in url else url
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
        if name != CONTROL:
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
            elif name == MAX_OCCURS:
                q["max_files" if q["type"] == "attachment" else "max_choices"] = value
            elif name in (MIN, MAX) and isinstance(value, int):
                q["min" if name == MIN else "max"] = value
            elif name == HIDDEN:
                if value and not item.get("readOnly"):
                    raise self.stop(item, "a hidden item is read-only")
            elif name not in (MIME, SIZE):  # Files have the limits of this product, whatever is asked for.
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
            if name == EXCLUSIVE:
                if value:
                    found["exclusive"] = True
            elif name == ORDINAL:
                if int(value) != value or value < 0:
                    raise self.stop(item, "a score is a whole number")
                found["score"] = int(value)
            elif name.startswith("intake-") and own in OPTION_OWN:
                found[own] = value
            else:
                raise self.stop(item, f"the extension {name} is outside the subset")
        return found
