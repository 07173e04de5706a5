"""Signing in: the second factor, the link that sets a password, and the end of sessions."""

import base64
import os
import unicodedata
from urllib.parse import urlencode

from allauth.account.forms import default_token_generator
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts import clock
from accounts.models import User

SECOND_FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_second_factor(user: User) -> bool:
    """True with an authenticator app or a passkey. Recovery codes alone do not count: they are a way back, not a factor."""
    return bool(is_mfa_enabled(user, SECOND_FACTORS))


def password_link(user: User) -> str:
    """The address at which `user` sets a password. It works once, and for PASSWORD_RESET_TIMEOUT seconds (3 days)."""
    uid, key = user_pk_to_url_str(user), default_token_generator.make_token(user)
    return settings.SITE_URL + reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": key})


def is_proof_fresh(request: HttpRequest) -> bool:
    """Whether this person signed in, or proved who they are once more, within ACCOUNT_REAUTHENTICATION_TIMEOUT seconds."""
    proofs = get_authentication_records(request, request.user)
    return bool(proofs) and clock.now().timestamp() - proofs[-1]["at"] < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def proof_missing(request: HttpRequest, *, back: str) -> HttpResponse | None:
    """Before somebody is given access: the page that asks for the password, passkey or app once more, unless that was done in
    the last five minutes. What was posted is not done; afterwards `back` is shown, and says so.
    """
    if is_proof_fresh(request):
        return None
    return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': back + '?again=1'})}")


def new_key(request: HttpRequest) -> None:
    """Another key for this browser's session, after a proof: the one before, which somebody may have seen, opens nothing more.

    Who is signed in stays so, and the list of sign-ins knows the new key: else `end_sessions` would end one that is no more.
    """
    before = request.session.session_key
    request.session.cycle_key()
    if before:
        UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def end_sessions(user: User, *, keep: str | None = None) -> int:
    """Sign `user` out everywhere, but for the session with the key `keep`. Returns how many sessions there were."""
    sessions = list(UserSession.objects.filter(user=user).exclude(session_key=keep or ""))
    for session in sessions:
        session.end()
    return len(sessions)


def same_address(email: str) -> str:
    """One key for every spelling of an address that the database may take for the same one.

    Case, full-width letters, accents and the few letters that only become ASCII when they are upper-cased (ı, ſ, K) fold
    together, so a limit per address cannot be walked around.
    """
    plain = unicodedata.normalize("NFKD", email.strip())
    return "".join(c for c in plain if not unicodedata.combining(c)).upper().casefold()


# --- Secrets at rest ------------------------------------------------------------------------------------------------


def _cipher(key_id: str) -> AESGCM:
    key = HKDF(SHA256(), 32, salt=None, info=b"accounts:second-factor").derive(settings.LINK_KEYS[key_id].encode())
    return AESGCM(key)


def seal(text: str) -> str:
    """A second factor's secret as it is stored: `key-id:base64(nonce + ciphertext)` under the newest link key."""
    key_id = next(iter(settings.LINK_KEYS))
    nonce = os.urandom(12)
    sealed = nonce + _cipher(key_id).encrypt(nonce, text.encode(), b"second-factor")
    return f"{key_id}:{base64.b64encode(sealed).decode()}"


def under_old_key(stored: str) -> bool:
    """Whether a stored secret is under another link key than the newest."""
    return stored.partition(":")[0] != next(iter(settings.LINK_KEYS))


def unseal(stored: str) -> str:
    """The secret again.

    Raises:
        KeyError: when its key is no longer in the ring.
        cryptography.exceptions.InvalidTag: when it was changed.
    """
    key_id, _sep, body = stored.partition(":")
    sealed = base64.b64decode(body)
    return _cipher(key_id).decrypt(sealed[:12], sealed[12:], b"second-factor").decode()
