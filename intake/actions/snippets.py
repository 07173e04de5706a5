"""Snippets: written, written anew, taken out, brought back. Nobody but their physician has them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from audit.actions import record
from audit.actor import Actor
from intake import reviewing
from intake.errors import IntakeError
from intake.snippets import Snippet

MOST = 40


class SnippetChanged(IntakeError):
    """It was changed in another window since it was shown."""


def write_snippet(
    user: Any, *, name: str, field: str, text: str, key: UUID | None = None, seen: int | None = None, by: Actor, now: datetime
) -> Snippet:
    """A new snippet, or with `key` a new version of one.

    Args:
        seen: the version that was changed; None does not look.

    Raises:
        SnippetChanged: there is a newer one, or it was taken out.
        IntakeError: there are enough, or the text names something that is not known of a patient.
    """
    if wrong := reviewing.unknown_names(text):
        raise IntakeError(_("Nothing is known by the name of %(name)s") % {"name": wrong[0]})
    with transaction.atomic():
        mine = Snippet.objects.for_actor(user).current().select_for_update()
        rows = list(mine)
        old = next((row for row in rows if row.key == key), None)
        if key is not None and (old is None or seen not in (None, old.number)):
            raise SnippetChanged(_("This snippet was changed in another window. Look at it again"))
        if old is None and len(rows) >= MOST:
            raise IntakeError(_("These are %(n)d snippets. Take one out first") % {"n": MOST})
        new = Snippet(owner_id=user.pk, name=name, field=field, text=text, written_at=now)
        if old is not None:
            if (old.name, old.field, old.text) == (name, field, text):
                return old
            new.key, new.number, old.is_current = old.key, old.number + 1, False
            old.save(update_fields=["is_current"])
        new.save()
        record("intake.write_snippet", by=by, now=now, obj=new, detail={"number": new.number})
    return new


def use_snippet(user: Any, key: UUID, *, use: bool, by: Actor, now: datetime) -> Snippet | None:
    """Take one out, or with `use` bring its last version back. None if there is none of that key."""
    with transaction.atomic():
        row = Snippet.objects.for_actor(user).filter(key=key).order_by("number").select_for_update().last()
        if row is None or row.is_current == use:
            return row
        row.is_current = use
        row.save(update_fields=["is_current"])
        record("intake.use_snippet", by=by, now=now, obj=row, detail={"use": use})
    return row
