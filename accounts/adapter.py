"""How allauth behaves here: no public sign-up, and no mail sent inside a request (the adapter only states the fact)."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from accounts import clock
from accounts.models import SignInMail, User


class AccountAdapter(DefaultAccountAdapter):
    """People who work here are created with `manage.py create_staff`, never by signing up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up on the web."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """State the fact that a mail is owed. `notifications` renders and sends it; unknown addresses get nothing."""
        user = context.get("user") or User.objects.filter(email__iexact=email).first()
        if user is not None and user.pk:
            SignInMail.objects.create(user=user, kind=template_prefix.rsplit("/", 1)[-1], asked_at=clock.now())


class MFAAdapter(DefaultMFAAdapter):
    """Names shown in authenticator apps and passkey prompts."""

    def get_totp_label(self, user: User) -> str:
        """The account's name in the authenticator app."""
        return user.email
