"""How we speak to Redis where waiting for it would be worse than doing without."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def impatient(url: str, seconds: float) -> redis.Redis:
    """A client that gives up after so long, to connect and to be answered, and does not try again."""
    return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0))
