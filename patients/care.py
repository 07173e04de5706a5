"""The consent to be reminded of care that is due, apart from messages about a visit that is booked. Never taken for granted."""

from django.utils.translation import gettext as _

from patients.models import ConsentRecord, Patient

CARE = "C8"
VERSION = "care-reminders|1"


def care_wording() -> tuple[str, str]:
    """What is agreed to, and what is said beside it. Both are hashed into the record; a new wording needs a new version."""
    return (
        _("Email me once when it may be time for a review and nothing is booked"),
        _("It says when we last met, never why. Every such email has a link that ends them; so does this box."),
    )


def agreed_to_care(patient: Patient) -> bool:
    """True while the consent stands."""
    return ConsentRecord.objects.filter(patient=patient, code=CARE, decision=True, withdrawn_at=None).exists()
