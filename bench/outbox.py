"""A million messages in SQL: two years of them for the visits of `seed.py`, nearly all long sent."""

from django.db import connection

from bench.seed import ALL, settle

ROWS = 1_000_000
CLAIMABLE = 60_000  # waiting for later; claimed by the bench without being sent
KINDS = ("booked", "reminder_7d", "reminder_2d", "moved", "cancelled", "questions_72h", "questions_30h", "reminder_1d", "missed")
SENT_KINDS = KINDS[:3]

_MESSAGES = """
INSERT INTO notifications_message (subject_type, subject_id, kind, sequence, recipient, channel, due_at, expires_at, says_start,
  says_practitioner_id, created_at)
SELECT 'visit', a.id, k.kind, 0, %(recipient)s, c.channel, a.starts_at - interval '2 days', now() + interval '3 years',
  a.starts_at, a.practitioner_id, a.created_at
FROM booking_appointment a, unnest(%(kinds)s::text[]) k(kind), unnest(%(channels)s::text[]) c(channel)
WHERE a.service_id = (SELECT id FROM booking_service WHERE slug = %(service)s)
  AND (a.starts_at > now() + interval '8 days') = %(coming)s
ORDER BY a.starts_at LIMIT %(many)s
"""
_DELIVERIES = """
INSERT INTO notifications_delivery (public_id, message_id, channel, urgent, state, reason, next_attempt_at, attempts, provider,
  provider_id, error_class, error_code, sent_at, created_at, updated_at)
SELECT gen_random_uuid(), m.id, m.channel, false, s.state, '', m.due_at, 1, 'smtp', 'Queued as ' || m.id, '', '',
  CASE WHEN s.state IN ('accepted', 'delivered', 'unknown') THEN m.due_at END, m.created_at, m.due_at
FROM notifications_message m, LATERAL (SELECT CASE WHEN m.id % 10000 = 0 THEN 'unknown' WHEN m.id % 1000 = 1 THEN 'failed'
  WHEN m.id % 9 = 2 THEN 'skipped' WHEN m.id % 20 = 3 THEN 'superseded' WHEN m.channel = 'text' THEN 'delivered'
  ELSE 'accepted' END AS state) s
"""
_WAITING = """
UPDATE notifications_delivery d SET state = 'pending', attempts = 0, provider = '', provider_id = '', sent_at = NULL,
  next_attempt_at = now() + interval '1 year'
WHERE message_id IN (SELECT id FROM notifications_message ORDER BY id DESC LIMIT %s)
"""


def fill() -> None:
    """A million rows of history; and what the bench makes due, as letters that may still go out."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0; SET session_replication_role = replica")
        indexes = _without_indexes(cursor)
        values = {"service": ALL, "recipient": "patient"}
        history = values | {"kinds": list(KINDS), "channels": ["email", "text"], "coming": False, "many": ROWS}
        cursor.execute(_MESSAGES, history)
        coming = values | {"kinds": list(SENT_KINDS), "channels": ["email"], "coming": True, "many": ROWS}
        cursor.execute(_MESSAGES, coming)
        sent = cursor.rowcount
        cursor.execute(_MESSAGES, history | {"recipient": "later", "many": CLAIMABLE})
        cursor.execute(_DELIVERIES)
        cursor.execute(_WAITING, [sent + CLAIMABLE])
        for definition in indexes:
            cursor.execute(definition)
        cursor.execute("UPDATE booking_appointment SET announced = version, link_key_id = %s WHERE starts_at > now()", ["bench"])
        cursor.execute("RESET session_replication_role")
    settle()


def _without_indexes(cursor: object) -> list[str]:
    """Drop the indexes that no constraint owns; what makes them again. Ten times as fast as filling them row by row."""
    cursor.execute(  # type: ignore[attr-defined]
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i "
        "WHERE indrelid IN ('notifications_message'::regclass, 'notifications_delivery'::regclass) "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
    )
    found = cursor.fetchall()  # type: ignore[attr-defined]
    for name, _definition in found:
        cursor.execute(f"DROP INDEX {name}")  # type: ignore[attr-defined]
    return [definition for _name, definition in found]
