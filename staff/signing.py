"""Who signs proves it: the password once more, good for five minutes of signing in the same session."""

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts import limits

KEY = "signing_proof_at"
GOOD_FOR = timedelta(minutes=5)
TRIES, WAIT = 5, timedelta(minutes=15)


def is_proven(request: HttpRequest, now: datetime) -> bool:
    """True while the last proof is fresh. Signing in does not count: anybody may have sat down since."""
    said = request.session.get(KEY)
    return bool(said) and timedelta(0) <= now - datetime.fromisoformat(str(said)) <= GOOD_FOR


def prove(request: HttpRequest, password: str, now: datetime) -> str:
    """Check the password. Tries are counted before it is looked at.

    Returns:
        What is wrong, in words; empty if nothing is.
    """
    if not password:
        return _("Enter your password to sign")
    if not limits.hit(f"sign:{request.user.pk}", limit=TRIES, window=WAIT, now=now):
        return _("Too many tries. Wait 15 minutes")
    if not request.user.check_password(password):
        return _("That is not your password")
    request.session[KEY] = now.isoformat()
    return ""
