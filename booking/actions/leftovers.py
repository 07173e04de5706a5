"""What somebody leaves behind who waited for a time, and waits no more."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from audit.actor import Actor
from booking.models import Appointment, WaitlistEntry
from booking.waitlist import ON_LIST
from intake.actions import delete_draft
from intake.actions.later import KEPT, each
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse


def purge_left_drafts(*, now: datetime) -> int:
    """Delete drafts of people who left the waiting list without a visit, 30 days after the last use and after they left.

    Such a draft has its patient since they joined, so it is not among those that belong to nobody. Returns how many were deleted;
    each in its own transaction, audited. Safe to run at any time, any number at once.
    """
    drafts = QuestionnaireResponse.objects.filter(status="in-progress", patient__isnull=False, appointment=None)
    old = drafts.filter(saved_at__lte=now - KEPT).exclude(waiting__in=_in_use(now)).exclude(resume_links__expires_at__gt=now)
    return sum(each(old.defer("document").order_by("pk"), lambda row: _purge(row, now=now)))


def _in_use(now: datetime) -> QuerySet[WaitlistEntry]:
    """Places on the list, and those that were left a while ago."""
    return WaitlistEntry.objects.filter(Q(state__in=ON_LIST) | Q(changed_at__gt=now - KEPT))


def _purge(row: QuestionnaireResponse, *, now: datetime) -> int:
    """Delete one, unless somebody came back to it meanwhile."""
    used = row.saved_at > now - KEPT or row.resume_links.filter(expires_at__gt=now).exists()
    if used or not row.is_draft or Appointment.objects.filter(response=row).exists():
        return 0
    places = WaitlistEntry.objects.select_for_update().filter(response=row)
    if any(place.is_on_list or place.changed_at > now - KEPT for place in places):
        return 0
    try:
        delete_answers(row, by=Actor.system(), now=now, action="intake.purge_draft")
    except IntakeError:
        return 0
    return 1


@transaction.atomic
def delete_answers(row: QuestionnaireResponse, *, by: Actor, now: datetime, action: str = "intake.delete_draft") -> None:
    """Delete a draft; somebody who waits for a time goes on waiting without it.

    Raises:
        IntakeError: it was sent, or belongs to a visit.
    """
    WaitlistEntry.objects.filter(response=row).update(response=None)
    delete_draft(row, by=by, now=now, action=action)
