"""A breaker: a server that failed is tried by one caller at a time, once in a while."""

from __future__ import annotations

import threading
import time


class Breaker:
    """Without it, every request to a frozen server would wait for its own time-out."""

    def __init__(self, pause: float) -> None:
        self._pause = pause  # seconds
        self._until: float | None = None
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether this caller may try. After a failure one caller in each pause may."""
        if self._until is None:
            return True
        with self._lock:
            now = time.monotonic()
            if self._until is not None and now < self._until:
                return False
            self._until = now + self._pause
            return True

    def failed(self) -> None:
        """The try failed: nobody tries for a while."""
        self._until = time.monotonic() + self._pause

    def worked(self) -> None:
        """The try went well: everybody may again."""
        self._until = None
