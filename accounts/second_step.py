"""The six digits of an authenticator app, or a recovery code: counted exactly, and in the trail when they are wrong.

allauth counts them too, in a cache that makes room for new entries by throwing counts away.
"""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.mfa.base import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import clock
from accounts.limits import hit
from audit.actions import record
from audit.actor import Actor

TRIES, TRY_WINDOW = 10, timedelta(minutes=5)
# Whoever gets here has the password: five tries in five minutes, all year, would find a code in one account of three.
TRIES_A_DAY = 100


class _Counted(forms.BaseAuthenticateForm):
    def clean_code(self) -> str:
        """Refuse before the code is looked at."""
        whose, now = self.user.pk, clock.now()
        if not hit(f"second-step:{whose}", limit=TRIES, window=TRY_WINDOW, now=now):
            raise get_adapter().validation_error("too_many_login_attempts")
        if not hit(f"second-step-day:{whose}", limit=TRIES_A_DAY, window=timedelta(days=1), now=now):
            raise ValidationError(_("Too many tries today. Use a passkey, or ask the clinic lead"))
        return str(super().clean_code())

    def _emit_authentication_failed(self, authenticator: Any) -> None:
        with transaction.atomic():
            record("accounts.second_step_failed", by=Actor.anonymous(), now=clock.now(), obj=self.user)
        super()._emit_authentication_failed(authenticator)


class AuthenticateForm(_Counted, forms.AuthenticateForm):
    """At the sign-in, after the password."""


class ReauthenticateForm(_Counted, forms.ReauthenticateForm):
    """Behind the idle lock, and before a factor comes or goes."""
