"""Six digits that show that a contact is somebody's own."""

import hmac
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.links import derive_code, newest_key_id
from audit.actions import record
from audit.actor import Actor
from patients.actions.errors import PatientError
from patients.models import ContactCode

CODE_LIFE = timedelta(minutes=15)
CODE_TRIES = 5
CODE_PAUSE = timedelta(minutes=10)


@transaction.atomic
def ask_code(*, channel: str, address: str, purpose: str, subject_key: str, by: Actor, now: datetime) -> ContactCode:
    """State that a code is owed to an address. The same for known and unknown ones; the sender does the rest.

    Args:
        channel: "email" or "text".
        subject_key: what the code opens, such as a draft's public id.
    """
    code = ContactCode.objects.create(
        channel=channel,
        address=address,
        purpose=purpose,
        subject_key=subject_key,
        key_id=newest_key_id(),
        asked_at=now,
        expires_at=now + CODE_LIFE,
    )
    record("patients.ask_code", by=by, now=now, obj=code, detail={"channel": channel, "purpose": purpose})
    return code


@transaction.atomic
def ask_again(code: ContactCode, *, by: Actor, now: datetime) -> ContactCode:
    """A new code for the same contact; the old one stops working.

    Raises:
        PatientError: there were too many tries; they are not given back before the pause is over.
    """
    code = ContactCode.objects.select_for_update().get(pk=code.pk)
    if code.paused_until and now < code.paused_until:
        raise PatientError(_("Too many tries. Wait 10 minutes or call us"))
    code.generation += 1
    code.sequence += 1
    code.key_id, code.asked_at, code.expires_at, code.used_at = newest_key_id(), now, now + CODE_LIFE, None
    code.tries = 0
    code.save()
    record("patients.ask_code", by=by, now=now, obj=code, detail={"channel": code.channel, "purpose": code.purpose})
    return code


def digits_of(code: ContactCode) -> str:
    """The six digits, derived."""
    return derive_code("code", code.pk, code.generation, code.key_id)


def check_code(code: ContactCode, typed: str, *, by: Actor, now: datetime) -> None:
    """Accept a code once.

    The failed try is committed before the refusal is raised, so that aborting the request gives no free tries.

    Raises:
        PatientError: wrong, too old, or five wrong tries (then a pause of ten minutes); the text may be shown.
    """
    with transaction.atomic():
        code = ContactCode.objects.select_for_update().get(pk=code.pk)
        refusal = _refusal(code, "".join(c for c in typed if c.isdigit()), now)
        if refusal is None:
            code.used_at = now
        record("patients.check_code", by=by, now=now, obj=code, detail={"ok": refusal is None})
        code.save()
    if refusal is not None:
        raise PatientError(refusal)


def _refusal(code: ContactCode, digits: str, now: datetime) -> str | None:
    """Why the typed digits are not accepted, counting the try; None when they are."""
    if code.paused_until and now < code.paused_until:
        return _("Too many tries. Wait 10 minutes or call us")
    if code.used_at is not None or now >= code.expires_at:
        return _("That code is too old. Send a new one")
    if hmac.compare_digest(digits.encode(), digits_of(code).encode()):
        return None
    code.tries += 1
    if code.tries >= CODE_TRIES:
        code.paused_until, code.expires_at = now + CODE_PAUSE, now
        return _("Too many tries. Wait 10 minutes or call us")
    return (
        _("That code does not match. Check the newest text")
        if code.channel == "text"
        else _("That code does not match. Check the newest email")
    )
