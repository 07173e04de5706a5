"""manage.py catch_mail: a local SMTP server that keeps what it is sent, for /demo/mailbox/."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """For the demo only: what it catches it stores readable by everybody who can open /demo/mailbox/."""

    help = "Catch email on a local port and show it at /demo/mailbox/ (demo only)."

    def add_arguments(self, parser: CommandParser) -> None:
        """--port (default: EMAIL_PORT)."""
        parser.add_argument("--port", type=int, default=settings.EMAIL_PORT)

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        """Listen on the loopback until SIGTERM or Ctrl-C."""
        if not (settings.DEMO or settings.DEBUG):
            raise CommandError("catch_mail runs in the demo only (DEMO=1).")
        try:
            from notifications.catcher import listen
        except ModuleNotFoundError as error:
            raise CommandError("aiosmtpd is not installed: pip install -r requirements/demo.txt") from error
        stopping = threading.Event()
        for how in (signal.SIGTERM, signal.SIGINT):
            signal.signal(how, lambda *_: stopping.set())
        with listen(port):
            self.stdout.write(f"Catching mail on 127.0.0.1:{port}")
            stopping.wait()
