"""Redis as a cache that may be missing: an error is a miss, never a failed page."""

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class BestEffortRedisCache(RedisCache):
    """Django's Redis cache, except that a Redis that is down or silent costs one short time-out and no error."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The cached value, or `default` also when Redis does not answer."""
        try:
            return super().get(key, default, version)
        except (RedisError, OSError):
            log.warning("cache unavailable")
            return default

    def set(self, key: Any, value: Any, timeout: Any = 300, version: int | None = None) -> None:
        """Keep a value if Redis answers."""
        try:
            super().set(key, value, timeout, version)
        except (RedisError, OSError):
            log.warning("cache unavailable")
