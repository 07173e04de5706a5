"""One round of everything, as the Celery task and `send_due` both do it. Any number may run at once, anywhere."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from accounts import clock
from notifications import drain, planner, receipts, replies


def once(*, now: datetime | None = None, stop: Callable[[], bool] = lambda: False) -> Counter[str]:
    """Apply receipts, read texts that came in, plan for new facts, send what is due. Returns how many became what."""
    at = now or clock.now()
    count = Counter(
        {"receipts": receipts.apply(now=at).total(), "replies": replies.handle(now=at), "facts": planner.tick(now=at)}
    )
    return count + drain.run(now=now, stop=stop)
