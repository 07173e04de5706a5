"""Encryption of answers: AES-256-GCM with a key ring, bound to the row.

The ring is `settings.ANSWER_KEYS`, newest first: the first key writes, all of them read. It has nothing to do with
SECRET_KEY. The row's public id is authenticated with the ciphertext, so that one moved to another row does not open.
"""

import os
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from intake.errors import IntakeError

_NONCE = 12
_FORMAT = b"\x01"


@lru_cache(maxsize=16)
def _cipher(secret: str) -> AESGCM:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"true-north answers v1").derive(secret.encode())
    return AESGCM(key)


def _bound_to(label: str, owner: UUID) -> bytes:
    return f"{label}:{owner}".encode()


def newest_key_id() -> str:
    """The id of the key that writes."""
    return next(iter(settings.ANSWER_KEYS))


def seal(plain: bytes, *, label: str, owner: UUID) -> tuple[str, bytes]:
    """Encrypt for one row.

    Args:
        label: what kind of thing this is; a constant of the caller.
        owner: the row's public id.

    Returns:
        The key's id and the ciphertext (format byte, nonce, data and tag).
    """
    key_id = newest_key_id()
    nonce = os.urandom(_NONCE)
    data = _cipher(settings.ANSWER_KEYS[key_id]).encrypt(nonce, plain, _bound_to(label, owner))
    return key_id, _FORMAT + nonce + data


def unseal(sealed: bytes | memoryview, *, key_id: str, label: str, owner: UUID) -> bytes:
    """Decrypt what `seal` made for this row.

    Raises:
        IntakeError: the key is not in the ring, or the data is not what was written for this row.
    """
    whole = bytes(sealed)
    secret = settings.ANSWER_KEYS.get(key_id)
    if secret is None:
        raise IntakeError("These answers were written with a key that is not in ANSWER_KEYS.")
    if whole[:1] != _FORMAT or len(whole) < 1 + _NONCE + 16:
        raise IntakeError("These answers cannot be opened: they are damaged.")
    nonce, data = whole[1 : 1 + _NONCE], whole[1 + _NONCE :]
    try:
        return _cipher(secret).decrypt(nonce, data, _bound_to(label, owner))
    except InvalidTag as error:
        raise IntakeError("These answers cannot be opened: they were changed, or belong to another record.") from error
