"""Private links and one-time codes: derived when needed, never kept.

A link is HMAC-SHA-256(key, "purpose:row:generation") cut to 16 base62 characters (95 bits); a code is six digits of the same.
The row keeps the key's id, the generation and, for links, the SHA-256 for look-up, so the database alone opens nothing and
the sender can derive the link again while it renders. Rotating means raising the generation.
"""

import hashlib
import hmac
import string
from typing import NamedTuple

from django.conf import settings

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


class LinkSecret(NamedTuple):
    """A fresh link: the token for the URL, and what the row keeps."""

    token: str
    sha256: bytes
    key_id: str


def _mac(purpose: str, row: object, generation: int, key_id: str) -> int:
    """The keyed digest as a number.

    Raises:
        KeyError: when the key is no longer in the ring; the link or code is then dead.
    """
    key = settings.LINK_KEYS[key_id].encode()
    digest = hmac.new(key, f"{purpose}:{row}:{generation}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest, "big")


def newest_key_id() -> str:
    """The id of the key that signs new links and codes."""
    return next(iter(settings.LINK_KEYS))


def derive_link(purpose: str, row: object, generation: int, key_id: str) -> str:
    """The 16 base62 characters of a link."""
    number, token = _mac(purpose, row, generation, key_id), ""
    for _ in range(16):
        number, digit = divmod(number, 62)
        token += _ALPHABET[digit]
    return token


def derive_code(purpose: str, row: object, generation: int, key_id: str) -> str:
    """The six digits of a one-time code."""
    return f"{_mac(purpose, row, generation, key_id) % 1_000_000:06d}"


def sha256_of(token: str) -> bytes:
    """What a row keeps of a link, for look-up."""
    return hashlib.sha256(token.encode()).digest()


def new_link(purpose: str, row: object, generation: int) -> LinkSecret:
    """A link under the newest key."""
    key_id = newest_key_id()
    token = derive_link(purpose, row, generation, key_id)
    return LinkSecret(token, sha256_of(token), key_id)
