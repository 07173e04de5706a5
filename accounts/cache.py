"""Redis as a cache that may be missing: an error is a miss, never a failed page; and it is not asked again for a while."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
REST = 5.0  # seconds that a Redis which did not answer is left alone: one visitor waits for the time-out, not each of them
_silent_until = 0.0  # of this process


class BestEffortRedisCache(RedisCache):
    """Django's Redis cache, except that a Redis that is down or silent costs one short time-out and no error."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The cached value, or `default` also when Redis does not answer."""
        return _ask(lambda: super(BestEffortRedisCache, self).get(key, default, version), default)

    def set(self, key: Any, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        """Keep a value if Redis answers."""
        _ask(lambda: super(BestEffortRedisCache, self).set(key, value, timeout, version), None)


def _ask(what: Callable[[], Any], without: Any) -> Any:
    global _silent_until
    if time.monotonic() < _silent_until:
        return without
    try:
        return what()
    except (RedisError, OSError):
        _silent_until = time.monotonic() + REST
        log.warning("cache unavailable; not asked again for %s s", REST)
        return without


def forget() -> None:
    """Ask again (tests)."""
    global _silent_until
    _silent_until = 0.0
