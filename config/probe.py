"""python -m config.probe livez|readyz|worker|sender: how this container is, for its health check.

livez and readyz ask the web server on this machine; worker and sender look at when theirs last did a round.
"""

import os
import sys
import urllib.request
from pathlib import Path

import psycopg

LATE_SECONDS = 120


def web(name: str) -> str | None:
    """What is wrong with the web server, if anything. Names the first allowed host, for it answers to no other."""
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
    headers = {"Host": "localhost" if host in {"", "*"} else host}
    address = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/{name}"
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=4) as answer:
            return None if answer.status == 200 else f"{name} answers {answer.status}"
    except OSError as error:
        return f"{name}: {error}"


def heartbeat(name: str) -> str | None:
    """What is wrong with the worker (and beat, its clock) or the sender, if anything."""
    file = os.environ.get("DATABASE_URL_FILE")
    url = Path(file).read_text(encoding="utf-8").strip() if file else os.environ["DATABASE_URL"]
    late = "SELECT extract(epoch FROM clock_timestamp() - at) FROM notifications_heartbeat WHERE name = %s"
    try:
        with psycopg.connect(url, connect_timeout=4) as connection:
            row = connection.execute(late, [name]).fetchone()
    except psycopg.Error as error:
        return f"the database does not answer ({type(error).__name__})"
    if row is None:
        return f"the {name} has not done a round yet"
    return None if row[0] < LATE_SECONDS else f"the {name} did its last round {row[0]:.0f} seconds ago"


def main(name: str) -> int:
    """0 if all is well."""
    trouble = heartbeat(name) if name in {"worker", "sender"} else web(name)
    if trouble:
        sys.stderr.write(trouble + "\n")
    return 1 if trouble else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "livez"))
