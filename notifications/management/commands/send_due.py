"""manage.py send_due: the same planning and sending as the Celery worker, without Celery and without Redis."""

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from accounts import clock
from booking import matching
from booking.actions import BookingError
from notifications import care, drain, health, retention, rounds

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """Runs beside the worker and idles while the worker's heartbeat is fresh (10 seconds); so messages go out without Redis."""

    help = "Plan and send what is due. With --every, again and again, standing in while no Celery worker does a round."

    def add_arguments(self, parser: CommandParser) -> None:
        """--once (the default) or --every N."""
        parser.add_argument("--every", type=float, default=0, metavar="SECONDS", help="go on, with this pause in between")
        parser.add_argument("--once", action="store_true", help="one round, whether or not a worker is alive (the default)")

    def handle(self, *args: Any, every: float, once: bool, **options: Any) -> None:
        """One round, or rounds until SIGTERM or Ctrl-C."""
        if once or not every:
            self.stdout.write(self.round())
            return
        stopping = threading.Event()
        for how in (signal.SIGTERM, signal.SIGINT):
            signal.signal(how, lambda *_: stopping.set())
        swept = 0.0
        while not stopping.is_set():
            try:
                health.beat("sender")
                if not health.worker_is_alive():
                    self.round(stopping)
                    if time.monotonic() - swept > 15:
                        swept = time.monotonic()
                        drain.sweep()
                        drain.reconcile()
                        health.alarm(now=clock.now())
                        retention.forget(now=clock.now())
                        care.plan_recalls(now=clock.now())
            except DatabaseError:
                # The database restarts, or is not up yet. Nothing is lost: everything that is due is in it.
                log.exception("send_due: the database did not answer")
                connection.close()
            except BookingError:
                log.exception("send_due: something that follows from a message has to wait for the next round")
            stopping.wait(every)

    def round(self, stopping: threading.Event | None = None) -> str:
        """Plan and send once; what became of it, in a line."""
        try:
            matching.run()
        except BookingError:
            log.exception("send_due: the waiting list's round")  # messages are sent all the same
        count = rounds.once(stop=stopping.is_set if stopping else lambda: False)
        facts = count.pop("facts", 0)
        return " ".join([f"facts={facts}", *(f"{state}={number}" for state, number in sorted(count.items()))])
