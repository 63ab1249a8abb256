"""Tell the workers that there is work. Redis only carries the hint: what it loses, the sweep says again."""

from __future__ import annotations

from typing import cast

import redis
import structlog
from flask import current_app
from prometheus_client import Counter
from rq import Queue
from rq.serializers import JSONSerializer

from app.core.guarding.breaker import Breaker
from app.core.guarding.redis_client import impatient
from app.core.state import state

QUEUE = "playhall"
DRAIN = "app.core.queue.horse.drain_once"

_PENDING = "playhall:drain-pending"
_LOST_AFTER_MS = 1000
_PATIENCE = 0.3
_PAUSE = 1.0

wakes_failed = Counter("playhall_wakes_failed_total", "Hints to the workers that Redis did not take; the sweep repeats them.")
log = structlog.get_logger(__name__)


class Waker:
    """Asks for a drain, unless one is pending. Never raises, and leaves a silent Redis alone for a second."""

    def __init__(self, url: str) -> None:
        self._redis = impatient(url, _PATIENCE)
        self._queue = Queue(QUEUE, connection=self._redis, serializer=JSONSerializer)
        self._breaker = Breaker(_PAUSE)

    def wake(self) -> None:
        """Make sure that a drain begins after now."""
        if not self._breaker.allows():
            wakes_failed.inc()
            return
        try:
            self._ask()
        except redis.RedisError as error:
            self._breaker.failed()
            wakes_failed.inc()
            log.warning("jobs.wake_failed", error=str(error))
        else:
            self._breaker.worked()

    def begun(self) -> None:
        """A drain begins: work that is committed from now on asks for another."""
        try:
            self._redis.delete(_PENDING)
        except redis.RedisError as error:
            log.warning("jobs.wake_failed", error=str(error))

    def answers(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def _ask(self) -> None:
        # The key stands for a drain between its push and its beginning; the queue's length for one that waits for a busy worker.
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(_PENDING, 1, nx=True, px=_LOST_AFTER_MS)
            pipe.llen(self._queue.key)
            first, waiting = pipe.execute()
        if first and not waiting:
            self._queue.enqueue(DRAIN, job_timeout=-1, result_ttl=0, failure_ttl=60)


def waker() -> Waker:
    """The application's own."""
    extensions = current_app.extensions
    if "playhall.waker" not in extensions:
        extensions["playhall.waker"] = Waker(state().settings.redis_url)
    return cast(Waker, extensions["playhall.waker"])


def wake() -> None:
    """Ask for a drain."""
    waker().wake()
