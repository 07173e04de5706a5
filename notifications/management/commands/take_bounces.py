"""manage.py take_bounces: mail that came back, from a pipe or a mailbox."""

import email
import email.policy
import mailbox
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import clock
from notifications import receipts
from notifications.bounces import take


class Command(BaseCommand):
    """A mail server hands one mail to `manage.py take_bounces` by an alias; or --mailbox reads a Maildir or mbox that it fills.

    Reading the same mail twice is harmless. Nothing of it is kept but which message came back and the server's code.
    """

    help = "Read mail that came back to MAIL_BOUNCES: one from standard input, or all of a Maildir or mbox (--mailbox PATH)."

    def add_arguments(self, parser: CommandParser) -> None:
        """--mailbox PATH, --keep."""
        parser.add_argument("--mailbox", type=Path, help="a Maildir (folder) or an mbox (file) to empty")
        parser.add_argument("--keep", action="store_true", help="leave what was read in the mailbox")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how many were bounces of ours."""
        now, came, ours = clock.now(), 0, 0
        for raw in self._mails(options["mailbox"], keep=options["keep"]):
            came += 1
            ours += take(email.message_from_bytes(raw, policy=email.policy.default), now=now)
        applied = receipts.apply(now=now)
        self.stdout.write(f"mails={came} ours={ours} bounced={applied['bounced']}")

    def _mails(self, where: Path | None, *, keep: bool) -> Iterator[bytes]:
        if where is None:
            yield sys.stdin.buffer.read()
            return
        if not where.exists():
            raise CommandError(f"There is no mailbox at {where}.")
        box: mailbox.Mailbox[Any] = mailbox.Maildir(where, create=False) if where.is_dir() else mailbox.mbox(where)
        box.lock()
        try:
            for key in list(box.iterkeys()):
                yield box.get_bytes(key)
                if not keep:
                    box.remove(key)
        finally:
            box.flush()
            box.unlock()
