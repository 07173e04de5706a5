"""Whose record is meant. A person may be several rows (merged), and somebody who never finished is no row at all."""

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q, QuerySet
from phonenumber_field.phonenumber import to_python

from booking.models import Appointment, Status
from intake.models import QuestionnaireResponse, ResumeLink
from patients.models import Helper, Patient


@dataclass(slots=True)
class Person:
    """One person: the row that counts first, then those merged into it. Without rows, one draft that belongs to nobody yet."""

    rows: list[Patient] = field(default_factory=list)
    draft: QuestionnaireResponse | None = None

    @property
    def patient(self) -> Patient | None:
        """The row that counts."""
        return self.rows[0] if self.rows else None

    @property
    def keys(self) -> list[int]:
        """Primary keys of the rows."""
        return [row.pk for row in self.rows]

    @property
    def visits(self) -> QuerySet[Appointment]:
        """Their visits, oldest first, and times that are held for them."""
        mine = Appointment.objects.filter(patient__in=self.keys)
        return mine.select_related("practitioner", "service", "patient").order_by("starts_at", "pk")

    @property
    def responses(self) -> QuerySet[QuestionnaireResponse]:
        """Their answers, sent or not, oldest first."""
        mine = Q(patient__in=self.keys) if self.rows else Q(pk=self.draft.pk if self.draft else None)
        return QuestionnaireResponse.objects.filter(mine).select_related("questionnaire", "patient").order_by("started_at", "pk")

    @property
    def name(self) -> str:
        """What they are called in lists of the people who may read it."""
        return self.patient.full_name if self.patient else "Somebody who has not finished"

    @property
    def reference(self) -> str:
        """What is typed for this person: the reference of the newest visit; without one, their random id."""
        newest = self.visits.exclude(status=Status.HELD).last()
        if newest is not None:
            return newest.reference
        row = self.patient or self.draft
        return str(row.public_id) if row else ""


def person_of(patient: Patient) -> Person:
    """The whole person behind one row."""
    while patient.merged_into is not None:
        patient = patient.merged_into
    rows, more = [patient], [patient]
    while more := list(Patient.objects.filter(merged_into__in=more).order_by("pk")):
        rows += more
    return Person(rows)


def find(text: str) -> list[Person]:
    """Everybody who may be meant by a visit's reference, a random id, an email address or a mobile number.

    An address finds several people where a family shares it, and drafts that were saved for later under it.
    """
    text = text.strip()
    if (pk := Appointment.id_of_reference(text)) is not None and text.upper().startswith("TN"):
        visit = Appointment.objects.filter(pk=pk).select_related("patient").first()
        return [person_of(visit.patient)] if visit is not None and visit.patient is not None else []
    try:
        return _by_id(UUID(text))
    except ValueError:
        return _by_address(text)


def _by_id(public_id: UUID) -> list[Person]:
    patient = Patient.objects.filter(public_id=public_id).first()
    if patient is not None:
        return [person_of(patient)]
    draft = QuestionnaireResponse.objects.filter(public_id=public_id).select_related("patient").first()
    if draft is None:
        return []
    return [person_of(draft.patient) if draft.patient else Person(draft=draft)]


def _by_address(text: str) -> list[Person]:
    number = to_python(text)
    mobile = number.as_e164 if number and number.is_valid() else ""
    email = text if "@" in text else ""
    if not (email or mobile):
        return []
    rows = list(Patient.objects.reached_at(email=email, mobile=mobile))
    helped = Helper.objects.filter(Q(email__iexact=email) if email else Q(mobile=mobile)).select_related("patient")
    people = {row.pk: row for row in [*rows, *(helper.patient for helper in helped)]}
    found: dict[int, Person] = {}
    for row in people.values():
        person = person_of(row)
        found.setdefault(person.keys[0], person)
    links = ResumeLink.objects.filter(address__iexact=email or mobile).values("response")
    drafts = QuestionnaireResponse.objects.filter(pk__in=links, patient=None)
    return [*found.values(), *(Person(draft=draft) for draft in drafts.order_by("pk"))]
