"""Our own id on what leaves us, under a seal that only we can make: in the address a mail comes back to, and in the address
that a provider reports to. Keys are those of the private links."""

import hashlib
import hmac
from uuid import UUID

from django.conf import settings

from accounts.links import derive_link, newest_key_id


def seal_of(public_id: UUID, key_id: str) -> str:
    """Sixteen hexadecimal characters that only we can make; small letters, because mail servers change the case."""
    return hashlib.sha256(derive_link("receipt", public_id, 0, key_id).encode()).hexdigest()[:16]


def seal(public_id: UUID) -> str:
    """The seal of a delivery under the newest key."""
    return seal_of(public_id, newest_key_id())


def is_ours(public_id: UUID, typed: str) -> bool:
    """Whether `typed` is the seal of that delivery, under any key of the ring."""
    return any(hmac.compare_digest(seal_of(public_id, key_id).encode(), typed.encode()) for key_id in settings.LINK_KEYS)


def digest_of(address: str) -> str:
    """A short keyed digest of an address, to tell later whether it is still the same one. Says nothing about it."""
    return derive_link("address", address.casefold(), 0, newest_key_id())
