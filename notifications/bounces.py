"""Mail that came back. Which message it was stands in the address it came back to; why, in its delivery report (RFC 3464)."""

import hashlib
import re
from datetime import datetime
from email.message import EmailMessage, Message
from uuid import UUID

from notifications import receipts, seals

_OUR_ADDRESS = re.compile(r"\+([0-9a-f]{32})-([0-9a-f]{16})@", re.I)
_WHERE = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To")
_OUTCOMES = {"failed": "bounced", "delivered": "delivered", "relayed": "accepted", "expanded": "accepted"}


def take(mail: EmailMessage, *, now: datetime) -> bool:
    """Note what a mail to the bounce address says about one of ours. False: it is no report, or not about ours.

    An out-of-office answer has no report; one that only says "still trying" changes nothing.
    """
    public_id = _ours(mail)
    report = next((part for part in mail.walk() if part.get_content_type() == "message/delivery-status"), None)
    if public_id is None or report is None:
        return False
    fields = _fields(report)
    outcome = _OUTCOMES.get(fields.get("action", "").split()[0].casefold() if fields.get("action") else "")
    if outcome is None:
        return False
    code = fields.get("status", "").split()[0] if fields.get("status") else ""
    event_id = hashlib.sha256(f"{public_id} {outcome} {code}".encode()).hexdigest()
    receipts.note("smtp", event_id, public_id, outcome, code=code, now=now)
    return True


def _ours(mail: EmailMessage) -> UUID | None:
    """The delivery named in the address it was sent to, if the seal is ours."""
    for name in _WHERE:
        for value in mail.get_all(name, []):
            if found := _OUR_ADDRESS.search(str(value)):
                public_id = UUID(found.group(1))
                if seals.is_ours(public_id, found.group(2).lower()):
                    return public_id
    return None


def _fields(report: Message) -> dict[str, str]:
    """The fields of all blocks of a report (ours has one recipient), by name in small letters."""
    blocks = report.get_payload()
    fields: dict[str, str] = {}
    for block in blocks if isinstance(blocks, list) else []:
        if isinstance(block, Message):
            fields |= {name.casefold(): str(value).strip() for name, value in block.items()}
    return fields
