"""Django's sessions in PostgreSQL, read with a prepared statement: every private page begins with this look-up."""

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from audit import rows


class SessionStore(db.SessionStore):
    """Django's own store but for the one statement."""

    def _get_session_from_db(self) -> Any:
        """The live row of this key; None, and the key is given up, if there is none."""
        found = rows.fetch(
            f'SELECT {rows.columns(Session, "s")} FROM "django_session" s WHERE session_key = %s AND expire_date > %s',
            [self.session_key, timezone.now()],
        )
        if found:
            return rows.instances(found[0], Session)[0]
        self._session_key = None
        return None
