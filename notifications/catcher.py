"""A local SMTP server whose mailbox is a table. Needs aiosmtpd, which only the demo and the tests install."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from asgiref.sync import sync_to_async
from django.db import close_old_connections

from accounts import clock
from notifications.models import CaughtMail

KEPT = 500  # mails; older ones go


def store(envelope: Envelope) -> None:
    """Keep one mail per recipient, and forget the oldest."""
    close_old_connections()
    raw = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
    rows = [
        CaughtMail(received_at=clock.now(), sender=envelope.mail_from or "", recipient=recipient, raw=raw)
        for recipient in envelope.rcpt_tos
    ]
    CaughtMail.objects.bulk_create(rows)
    oldest = CaughtMail.objects.order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1]
    if oldest:
        CaughtMail.objects.filter(pk__lte=oldest[0]).delete()


class Mailbox:
    """Answers 250 only when the mail is in the table."""

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """A mail has come in."""
        await sync_to_async(store)(envelope)
        return "250 Caught"


@contextmanager
def listen(port: int, host: str = "127.0.0.1") -> Iterator[Controller]:
    """Run the server in a thread of its own while the block runs."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells of every line of every conversation
    controller = Controller(Mailbox(), hostname=host, port=port, server_hostname="catcher.invalid")
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()
