"""Noticing that a row changed while somebody had its form open, without a column for it."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from django.db.models import Model


def mark_of(row: Model, names: Iterable[str], **beside: Any) -> str:
    """Different whenever one of these fields of a row is; a form carries the mark it was made from, a verb compares.

    Args:
        beside: what else the form shows of the row, such as whom it is tied to.
    """
    told = {name: str(getattr(row, row._meta.get_field(name).attname)) for name in names}  # type: ignore[union-attr]
    return sha256(repr(sorted((told | {k: str(v) for k, v in beside.items()}).items())).encode()).hexdigest()[:16]
