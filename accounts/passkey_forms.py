"""What a browser sends of a passkey, for the forms that take it: what cannot be read is a wrong passkey, and no error of ours.

allauth expects two kinds of errors of the library that reads it, which has several more for bytes that nobody meant.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn import forms
from allauth.mfa.webauthn.internal import auth
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except ValidationError:
        raise
    except Exception as error:
        raise get_adapter().validation_error("incorrect_code") from error


class _Shown(forms.AuthenticateWebAuthnForm):
    def clean_credential(self) -> Any:
        """Read it first, then as allauth does."""
        try:
            with _readable():
                auth.parse_authentication_response(self.cleaned_data["credential"])
            return super().clean_credential()
        except ValidationError as error:
            if error.code == "incorrect_code":  # whose words are about the app
                raise ValidationError(_("That passkey does not match. Try again, or use a code"), code=error.code) from error
            raise


class LoginForm(_Shown, forms.LoginWebAuthnForm):
    """In with a passkey alone."""


class AuthenticateForm(_Shown, forms.AuthenticateWebAuthnForm):
    """A passkey after the password."""


class ReauthenticateForm(_Shown, forms.ReauthenticateWebAuthnForm):
    """A passkey on the locked screen, and before a factor comes or goes."""


class _Made(forms._BaseAddWebAuthnForm):
    def clean(self) -> dict[str, Any]:
        """Read it first, then as allauth does."""
        if credential := self.cleaned_data.get("credential"):
            with _readable():
                auth.parse_registration_response(credential)
        return dict(super().clean())


class AddForm(_Made, forms.AddWebAuthnForm):
    """A new one, for somebody who works here."""


class PatientAddForm(_Made, forms.SignupWebAuthnForm):
    """A new one, for a patient."""
