"""Two rows that are one person: what one holds comes to the other."""

from copy import copy
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from patients.actions.errors import PatientError
from patients.actions.people import leave
from patients.models import MergeOffer, Patient

_BY_EMAIL = ("email", "email_since", "email_checked_at", "email_bounced_at")
_BY_MOBILE = ("mobile", "mobile_since", "mobile_checked_at", "mobile_bounced_at", "texts_stopped_at")


@transaction.atomic
def merge(offer: MergeOffer, same_person: bool, *, by: Actor, now: datetime) -> MergeOffer:
    """Decide a merge offer. "Same person" moves the newer row's visits, answers and consents to the older row.

    The newer row stays, marked as merged, so that nothing that points at it breaks and the decision can be traced.
    """
    pair = (offer.patient_id, offer.candidate_id)
    # The records first and in one order: of two decisions that cross (A is B, B is A) one waits, and is refused.
    people = {row.pk: row for row in Patient.objects.select_for_update().filter(pk__in=pair).order_by("pk")}
    offer = MergeOffer.objects.select_for_update().get(pk=offer.pk)
    moved, kept = (people[pk] for pk in pair)
    if offer.decided_at is not None or moved.merged_into_id or kept.merged_into_id:
        raise PatientError(_("This was already decided."))
    offer.decided_at, offer.same_person = now, same_person
    offer.save()
    if same_person:
        chosen_later, before = _chose_messages_at(moved) > _chose_messages_at(kept), copy(moved)
        _move_rows(moved, kept)
        moved.merged_into = kept
        # An account goes with its person; where both had one, the older record's is the one that goes on.
        account, moved.user = moved.user, None
        moved.version += 1
        moved.save()
        if chosen_later or not (kept.email or kept.mobile):  # where nothing could be written to, nobody had chosen how
            kept.reminder_by, kept.voicemail_ok = moved.reminder_by, moved.voicemail_ok
        for names in (_BY_EMAIL, _BY_MOBILE):  # an address goes with what is known of it: STOP, that mail came back
            if not getattr(kept, names[0]):
                for name in names:
                    setattr(kept, name, getattr(moved, name))
                setattr(kept, names[1], getattr(moved, names[1]) or moved.created_at)
        kept.user = kept.user or account
        kept.version += 1
        kept.save()
        leave(before, kept, patient=kept, now=now)
        _settle_offers(moved, kept, now=now)
    detail = {"same_person": same_person, "merged": moved.pk}
    record("patients.merge", by=by, now=now, obj=moved, subject_id=kept.pk, detail=detail)
    return offer


def _move_rows(moved: Patient, kept: Patient) -> None:
    """Whatever belongs to one of them, to the other."""
    try:
        with transaction.atomic():
            for relation in ("consents", "corrections", "helpers", "left_addresses"):
                getattr(moved, relation).update(patient=kept)
            for relation in ("appointments", "responses", "waiting"):  # who saw them before saw them as another person's
                getattr(moved, relation).update(patient=kept, version=F("version") + 1)
            _take_back(kept)
    except IntegrityError as error:  # one person cannot be in two places
        raise PatientError(
            _("Both have a visit at the same time, or both wait for one. Cancel or take off one first.")
        ) from error


def _settle_offers(moved: Patient, kept: Patient, *, now: datetime) -> None:
    """What was asked of the row that is gone: its own questions are over, those about it are now about the row that stays."""
    still = MergeOffer.objects.filter(decided_at=None)
    asked = still.filter(candidate=moved).exclude(patient=kept).exclude(patient__merge_offers__candidate=kept)
    MergeOffer.objects.filter(pk__in=list(asked.values_list("pk", flat=True))).update(candidate=kept)
    still.filter(Q(patient=moved) | Q(candidate=moved)).update(decided_at=now, same_person=None)


def _chose_messages_at(patient: Patient) -> datetime:
    """When the consent to messages (C2) was last given, refused or taken back; long ago if never."""
    said = patient.consents.filter(code="C2").aggregate(at=Greatest(Max("given_at"), Max("withdrawn_at")))
    return said["at"] or datetime.min.replace(tzinfo=UTC)


def _take_back(patient: Patient) -> None:
    """What was taken back under one of two records ends what was agreed to before under the other, too."""
    taken = patient.consents.exclude(withdrawn_at=None).order_by().values_list("code").annotate(at=Max("withdrawn_at"))
    for code, at in taken:
        before = patient.consents.filter(code=code, decision=True, withdrawn_at=None, given_at__lt=at)
        before.update(withdrawn_at=at)
