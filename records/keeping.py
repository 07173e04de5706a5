"""Until when a record has to be kept, and why. Ontario's physicians keep a record for ten years after the last entry, or, of
somebody who was a child then, ten years after the day they turn 18 (O. Reg. 114/94, s. 19). The clinic may keep longer.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings

from accounts import clock
from booking.models import OPEN, Status
from intake.corrections import Correction
from intake.models import Review
from records.people import Person

ADULT = 18
# A visit at which the patient was here.
HERE = (Status.ARRIVED, Status.IN_ROOM, Status.FULFILLED)


@dataclass(frozen=True, slots=True)
class Kept:
    """Why a record stays. `until` is the first day on which it may go; None: something has to be done first."""

    why: str
    until: date | None = None


def years_after(day: date, years: int) -> date:
    """The same day so many years on; February 29 becomes March 1 where there is none."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def last_entry(person: Person) -> date | None:
    """The day of the last entry of a record that has to be kept; None if there is no such record.

    A visit at which somebody was here makes one, and so does a review that a physician signed. A booking that was cancelled or
    missed, a time on the waiting list and answers that nobody decided on make none.
    """
    visits = person.visits.filter(status__in=HERE)
    reviews = Review.objects.filter(response__in=person.responses.values("pk"), status=Review.Status.SIGNED)
    made: list[datetime] = [*visits.values_list("ends_at", flat=True), *(r.signed_at for r in reviews if r.signed_at)]
    if not made:
        return None
    made += [at for at in person.responses.values_list("completed_at", flat=True) if at]
    answered = Correction.objects.filter(patient__in=person.keys, answered_at__isnull=False)
    made += [at for at in answered.values_list("answered_at", flat=True) if at]
    return clock.local(max(made)).date()


def until(person: Person) -> date | None:
    """The first day on which the record may go, by the clinic's years (RECORD_YEARS); None if nothing has to be kept."""
    last = last_entry(person)
    if last is None:
        return None
    days = [last, *(years_after(row.date_of_birth, ADULT) for row in person.rows)]
    return max(years_after(day, settings.RECORD_YEARS) for day in days)


def reasons(person: Person, *, now: datetime) -> list[Kept]:
    """Everything that keeps this record here; empty: it may go."""
    found = []
    for visit in person.visits.filter(status__in=OPEN):
        when = clock.full_date(visit.starts_at)
        if visit.starts_at > now:
            found.append(Kept(f"Visit {visit.reference} on {when} is still to come. Cancel it first."))
        elif visit.status not in HERE:
            found.append(Kept(f"Nobody has said how visit {visit.reference} on {when} ended. Say so at the desk first."))
    drafts = Review.objects.filter(response__in=person.responses.values("pk"), status=Review.Status.DRAFT)
    if drafts.exists():
        found.append(Kept("A physician has begun a review of the answers. It is signed or thrown away first."))
    if Correction.objects.filter(patient__in=person.keys).open().exists():
        found.append(Kept("A correction that was asked for waits for its answer."))
    day = until(person)
    if day is not None and clock.today(now) < day:
        last = last_entry(person)
        said = clock.written_date(last) if last else ""
        found.append(
            Kept(
                f"The record has to be kept until {clock.written_date(day)}: {settings.RECORD_YEARS} years after its last entry "
                f"({said}), or after the person turned {ADULT}.",
                day,
            )
        )
    return found
