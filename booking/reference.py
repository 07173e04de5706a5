"""References people can read out: TN-7F4K. A keyless shuffle of the primary key, so they never collide and say no number.

A reference is a name, not a secret: everything outside is opened by a random public id or a private link.
"""

# Without I, L, O, U: nothing that is misheard or misread, and no words.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ROUND_KEYS = (0x2F1, 0x19B, 0x37D, 0x0E5)


def _shuffle(number: int, half_bits: int, keys: tuple[int, ...]) -> int:
    """A four-round Feistel network over `2 * half_bits` bits; with the keys reversed it is its own inverse."""
    mask = (1 << half_bits) - 1
    left, right = number >> half_bits, number & mask
    for key in keys:
        left, right = right, left ^ ((right * 0x9E37 + key * 0x85EB + (right >> 3)) & mask)
    return (right << half_bits) | left


def _size(number: int) -> tuple[int, int]:
    """Letters and half-bits needed: four letters (20 bits) for the first million, six (30 bits) after."""
    return (4, 10) if number < 1 << 20 else (6, 15)


def reference_of(pk: int) -> str:
    """The reference of a primary key."""
    letters, half = _size(pk)
    value = _shuffle(pk, half, _ROUND_KEYS)
    return "TN-" + "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in reversed(range(letters)))


def id_of(text: str) -> int | None:
    """The primary key behind a reference as people type it, or None."""
    body = text.strip().upper().replace("-", "").replace(" ", "")
    body = body.removeprefix("TN").replace("O", "0").replace("I", "1").replace("L", "1")
    if len(body) not in (4, 6) or any(c not in _ALPHABET for c in body):
        return None
    value = 0
    for c in body:
        value = value << 5 | _ALPHABET.index(c)
    return _shuffle(value, 10 if len(body) == 4 else 15, tuple(reversed(_ROUND_KEYS)))
