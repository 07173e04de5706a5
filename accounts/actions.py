"""What happens to the clinic's row and to people's access. Each verb is one transaction with its audit event."""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.exceptions import InvalidTag
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import clock
from accounts.marks import mark_of
from accounts.models import Clinic, Role, SignInMail, User
from accounts.signin import end_sessions, seal, under_old_key, unseal
from audit.actions import record
from audit.actor import Actor


class AccountError(Exception):
    """Something about access cannot be done. The text may be shown."""


class Changed(AccountError):
    """Somebody else changed it while the form was open."""


def save_clinic(values: dict[str, Any], *, seen: str = "", by: Actor, now: datetime) -> tuple[Clinic, bool]:
    """Create the clinic's row, or bring it up to date. Returns it and whether anything changed.

    Args:
        seen: the mark of the values that the form was made from (`marks.mark_of`); empty does not ask.

    Raises:
        Changed: they are others by now.
        AccountError: naming each field that is missing or wrong.
    """
    with transaction.atomic():
        clinic = Clinic.objects.select_for_update().filter(pk=1).first()
        new = clinic is None
        clinic = clinic or Clinic(pk=1)
        if seen and seen != mark_of(clinic, values):
            raise Changed(_("Somebody changed this meanwhile."))
        changed = [name for name, value in values.items() if getattr(clinic, name) != value]
        for name in changed:
            setattr(clinic, name, values[name])
        try:
            clock.zone_of(clinic.zone)
            clinic.full_clean()
        except ValidationError as error:
            problems = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
            raise AccountError(problems) from error
        except (KeyError, ValueError, OSError) as error:
            raise AccountError(f"zone: there is no time zone {clinic.zone!r}") from error
        if new or changed:
            clinic.save()
            record("accounts.clinic_saved", by=by, now=now, obj=clinic, detail={"fields": sorted(changed)})
    Clinic.forget_current()
    return clinic, new or bool(changed)


def create_staff(email: str, name: str, role: str, *, by: Actor, now: datetime) -> tuple[User, bool]:
    """Someone who works here, without a password. The same person again (same address, name and role) changes nothing.

    Raises:
        AccountError: for an address or role that is not one, an address that somebody else has, or somebody whose access ended.
    """
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise AccountError(_("%(email)s is not an email address") % {"email": repr(email)}) from error
    if role not in {Role.RECEPTION, Role.PHYSICIAN, Role.LEAD}:
        raise AccountError(_("%(role)s is not a role: choose reception, physician or lead") % {"role": repr(role)})
    with transaction.atomic():
        user = User.objects.select_for_update().filter(email__iexact=email).first()
        if user is not None:
            whose = {"email": email, "name": user.name, "role": user.role}
            if (user.name, user.role) != (name, role):
                raise AccountError(_("%(email)s belongs to %(name)s (%(role)s)") % whose)
            if not user.is_active:
                ended = _("The access of %(name)s (%(email)s) was ended. A clinic lead can give it back in the list")
                raise AccountError(ended % whose)
            return user, False
        user = User.objects.create_user(email, None, name=name, role=role)
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        record("accounts.staff_created", by=by, now=now, obj=user, detail={"role": role})
    return user, True


def invite(user: User, *, by: Actor, now: datetime) -> None:
    """State that somebody is owed the link with which they choose their first password; at the sign-in they set up a second step.

    Raises:
        AccountError: they have a password already, or no access.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        if not user.is_active or not user.works_here:
            raise AccountError(_("%(name)s has no access.") % {"name": user.name})
        if user.has_usable_password():
            raise AccountError(_("%(name)s has a password already, and asks for a new one at the sign-in.") % {"name": user.name})
        SignInMail.objects.create(user=user, kind="invited", asked_at=now)
        record("accounts.invited", by=by, now=now, obj=user)


def invite_staff(email: str, name: str, role: str, *, by: Actor, now: datetime) -> User:
    """A new sign-in with its invitation, in one transaction.

    Raises:
        AccountError: as `create_staff`; also if this person is here already.
    """
    with transaction.atomic():
        user, created = create_staff(email, name, role, by=by, now=now)
        if not created:
            raise AccountError(_("%(name)s has a sign-in already.") % {"name": user.name})
        invite(user, by=by, now=now)
    return user


def _leads() -> set[int]:
    """Everybody who leads the clinic now, locked: of two leads who send each other away, one waits and then stays."""
    leads = User.objects.filter(role=Role.LEAD, is_active=True).order_by("pk")
    return set(leads.select_for_update().values_list("pk", flat=True))


def _keep_a_lead(user: User, leads: set[int]) -> None:
    """Refuse to take the last lead away."""
    if leads == {user.pk}:
        raise AccountError(_("This is the only clinic lead. Create another one first."))


def change_role(user: User, role: str, *, by: Actor, now: datetime) -> User:
    """What somebody may see and do from the next request on.

    Raises:
        AccountError: for oneself, a role that is not one, somebody without access, or the only clinic lead.
    """
    if role not in {Role.RECEPTION, Role.PHYSICIAN, Role.LEAD}:
        raise AccountError(_("Choose a role"))
    with transaction.atomic():
        leads = _leads()
        user = User.objects.select_for_update().get(pk=user.pk)
        if by.kind == "staff" and by.id == user.pk:
            raise AccountError(_("You cannot change your own role. Ask another clinic lead."))
        if not user.is_active or not user.works_here:
            raise AccountError(_("%(name)s has no access.") % {"name": user.name})
        before = user.role
        if before == role:
            return user
        _keep_a_lead(user, leads)
        user.role = role
        user.save(update_fields=["role"])
        record("accounts.role_changed", by=by, now=now, obj=user, detail={"from": before, "to": role})
    return user


def end_access(user: User, *, by: Actor, now: datetime) -> int:
    """A leaver: no sign-in any more, and every open session ends. Returns how many sessions there were.

    Raises:
        AccountError: when it would leave the clinic without a lead, or when people would lock themselves out.
    """
    with transaction.atomic():
        leads = _leads()
        user = User.objects.select_for_update().get(pk=user.pk)
        if by.kind == "staff" and by.id == user.pk:
            raise AccountError(_("You cannot end your own access. Ask another clinic lead."))
        _keep_a_lead(user, leads)
        user.is_active = False
        user.set_unusable_password()
        user.save(update_fields=["is_active", "password"])
        ended = end_sessions(user)
        record("accounts.access_ended", by=by, now=now, obj=user, detail={"sessions": ended})
    return ended


@transaction.atomic
def give_back_access(user: User, *, by: Actor, now: datetime) -> User:
    """Somebody returns, or was sent away by mistake: in their old role, with a new password and second step, by invitation.

    Raises:
        AccountError: they have access.
    """
    user = User.objects.select_for_update().get(pk=user.pk)
    if user.is_active:
        raise AccountError(_("%(name)s has a sign-in already.") % {"name": user.name})
    user.is_active = True
    user.save(update_fields=["is_active"])
    record("accounts.access_given_back", by=by, now=now, obj=user, detail={"role": user.role})
    reset_second_factor(user, by=by, now=now)
    invite(user, by=by, now=now)
    return user


def reset_second_factor(user: User, *, by: Actor, now: datetime) -> int:
    """A lost phone: every second factor goes, open sessions end, and the next sign-in sets up a new one.

    Returns how many factors there were. Whoever runs it has made sure, in person, that it is their colleague who asks.
    """
    with transaction.atomic():
        factors = Authenticator.objects.filter(user=user)
        kinds = sorted(factors.values_list("type", flat=True))
        factors.delete()
        end_sessions(user)
        record("accounts.second_factor_reset", by=by, now=now, obj=user, detail={"factors": kinds})
    return len(kinds)


# What an authenticator app's row, and the recovery codes' row, keep sealed.
_SEALED = {Authenticator.Type.TOTP.value: "secret", Authenticator.Type.RECOVERY_CODES.value: "seed"}


@transaction.atomic
def reseal_second_factors(*, by: Actor, now: datetime) -> tuple[int, list[int]]:
    """The secrets of authenticator apps and recovery codes under the newest link key.

    Returns how many people's were not, and the users of those that no key opens any more: they need new ones.
    """
    people, lost = set(), []
    for factor in Authenticator.objects.select_for_update().filter(type__in=_SEALED).exclude(data={}).order_by("pk"):
        name = _SEALED[factor.type]
        if under_old_key(factor.data.get(name, "")):
            try:
                factor.data[name] = seal(unseal(factor.data[name]))
            except (KeyError, InvalidTag):
                lost.append(factor.user_id)
                continue
            factor.save(update_fields=["data"])
            people.add(factor.user_id)
    if people:
        record("accounts.second_factors_resealed", by=by, now=now, detail={"people": len(people)})
    return len(people), sorted(set(lost))


@transaction.atomic
def add_passkey(user: User, *, name: str, credential: dict[str, Any], by: Actor, now: datetime) -> None:
    """A passkey for somebody's own account; the browser's credential has been checked."""
    WebAuthn.add(user, name, credential)
    record("accounts.passkey_added", by=by, now=now, obj=user)


@transaction.atomic
def remove_passkey(key: Authenticator, *, by: Actor, now: datetime) -> None:
    """A passkey stops working at once."""
    record("accounts.passkey_removed", by=by, now=now, obj=key.user)
    key.delete()
