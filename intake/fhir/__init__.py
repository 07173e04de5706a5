"""Questionnaires and answers as FHIR R4, and a Questionnaire back into a file of ours. Pure: no ORM, no clock, no settings.

What FHIR has no place for (pages, labels of the summary, "why we ask") travels in extensions of our own, so that nothing is
lost on the way there and back. What comes from elsewhere and is outside our subset is refused, naming the item.
"""

from intake.fhir.importer import from_questionnaire
from intake.fhir.names import CONTENT_TYPE
from intake.fhir.questionnaire import to_questionnaire
from intake.fhir.response import to_response

__all__ = ["CONTENT_TYPE", "from_questionnaire", "to_questionnaire", "to_response"]
