"""Counting tries in PostgreSQL: exact under concurrency, and alive when Redis is not."""

from datetime import UTC, datetime, timedelta

from django.db import connection
from django.utils.crypto import salted_hmac


def hit(key: str, *, limit: int, window: timedelta, now: datetime) -> bool:
    """Count one try of `key` and say whether it is still allowed.

    Windows are fixed and aligned to the epoch. Only a keyed digest of `key` is stored.

    Args:
        key: what is counted, such as "hold:203.0.113.7".
        limit: tries allowed in one window.
    """
    seconds = int(window.total_seconds())
    start = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, UTC)
    # Keyed: there are few enough network addresses to try them all against a bare digest.
    digest = salted_hmac("accounts.limits", key, algorithm="sha256").hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_ratecounter (key, window_at, count) VALUES (%s, %s, 1) "
            "ON CONFLICT (key, window_at) DO UPDATE SET count = accounts_ratecounter.count + 1 RETURNING count",
            [digest, start],
        )
        return bool(cursor.fetchone()[0] <= limit)
