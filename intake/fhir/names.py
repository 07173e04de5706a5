"""How FHIR R4 and our extensions name things."""

from typing import Any

Json = dict[str, Any]
CONTENT_TYPE = "application/fhir+json"
LOINC = "http://loinc.org"
_HL7 = "http://hl7.org/fhir/StructureDefinition/"
CONTROL = _HL7 + "questionnaire-itemControl"
CONTROL_SYSTEM = "http://hl7.org/fhir/questionnaire-item-control"
HIDDEN = _HL7 + "questionnaire-hidden"
EXCLUSIVE = _HL7 + "questionnaire-optionExclusive"
MAX_OCCURS = _HL7 + "questionnaire-maxOccurs"
ORDINAL = _HL7 + "ordinalValue"
MIN, MAX = _HL7 + "minValue", _HL7 + "maxValue"
MIME, SIZE = _HL7 + "mimeType", _HL7 + "maxSize"
SIGNATURE = _HL7 + "questionnaireresponse-signature"
OURS = "/fhir/StructureDefinition/intake-"

# Keys of a question and of an option that have no place of their own in FHIR.
QUESTION_OWN = (
    "page", "help_with_drawing", "why", "short", "missing", "recommended", "asked", "fact", "consent", "calc", "input",
    "autocomplete", "widget", "prefill",
)  # fmt: skip
OPTION_OWN = ("negative", "talk", "staff_only", "picture")
