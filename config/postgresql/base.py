"""Django's PostgreSQL backend with a health check that asks the socket rather than the server.

Django asks a kept connection `SELECT 1` before each request: a round trip, a third of what a cached page costs. A connection that
the server has closed shows at once that its socket can be read; a healthy idle one shows nothing. What this cannot see (a
cable pulled without a word) fails in the first real statement, which answers 503 and opens a new connection.
"""

import select

from django.db.backends.postgresql import base
from psycopg import pq


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL."""

    def is_usable(self) -> bool:
        """True while the kept connection is open, idle and silent."""
        connection = self.connection
        if connection is None or connection.closed:
            return False
        pgconn = connection.pgconn
        if pgconn.status != pq.ConnStatus.OK or pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return False
        readable, _writable, _failed = select.select([pgconn.socket], [], [], 0)
        return not readable
