"""A guard for every test: while a request is answered, nothing may open a connection from Python or hand Celery a task.

PostgreSQL is spoken to by a C library and does not pass here. What a request may ask of Redis is the cache of openings on the
public pages (`accounts/cache.py`), which fails open, and whether it is there (`/readyz`): docs/reliability.md.
"""

import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

import kombu.messaging
import pytest
from django.core.handlers.base import BaseHandler

_inside = threading.local()
MAY = ("accounts/cache.py", "accounts/health.py")
_talked: list[str] = []


class TalksError(AssertionError):
    """A request spoke to somebody."""


def _allowed() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.endswith(MAY):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


def watch(undo: pytest.MonkeyPatch) -> None:
    """From now on, a request that connects to anything or publishes a task fails with `TalksError`."""
    answer, connect, publish = BaseHandler.get_response, socket.socket.connect, kombu.messaging.Producer.publish

    def answering(self: BaseHandler, request: Any) -> Any:
        _inside.depth = getattr(_inside, "depth", 0) + 1
        try:
            return answer(self, request)
        finally:
            _inside.depth -= 1

    def guarded(work: Callable[..., Any], what: str) -> Callable[..., Any]:
        def asked(self: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(_inside, "depth", 0) and not _allowed():
                _talked.append(f"{what}: {args[:1]!r:.200}")
                raise TalksError(f"a request must not {_talked[-1]}")
            return work(self, *args, **kwargs)

        return asked

    undo.setattr(BaseHandler, "get_response", answering)
    undo.setattr(socket.socket, "connect", guarded(connect, "open a connection"))
    undo.setattr(kombu.messaging.Producer, "publish", guarded(publish, "wake a worker"))


def talked() -> list[str]:
    """What requests tried, of any thread and even if the error was hidden; forgets it."""
    found = list(_talked)
    _talked.clear()
    return found
