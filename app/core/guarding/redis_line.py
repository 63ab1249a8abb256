"""Scripts in Redis over a short line: redis-py's connections without its client, whose bookkeeping costs more than the call."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Sequence
from typing import Any

import redis
from redis.exceptions import NoScriptError, ResponseError


class Script:
    """A Lua script, known to the server by its digest."""

    def __init__(self, source: str) -> None:
        self.eval = (b"EVAL", source.encode())
        self.evalsha = (b"EVALSHA", hashlib.sha1(source.encode()).hexdigest().encode())  # noqa: S324 - Redis names scripts so


class Line:
    """As many connections as there are callers at once, each used by one caller at a time. Safe in threads, greenlets and forks."""

    def __init__(self, client: redis.Redis) -> None:
        self._pool = client.connection_pool  # only for how to connect
        self._idle: deque[Any] = deque()
        self._process = os.getpid()

    def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes]) -> Any:
        """What the script returns, in one round trip; raises redis.RedisError."""
        rest = (b"%d" % len(keys), *keys, *arguments)
        try:
            return self._ask((*script.evalsha, *rest))
        except NoScriptError:  # a server that was restarted
            return self._ask((*script.eval, *rest))

    def _ask(self, parts: Sequence[bytes]) -> Any:
        command = b"*%d\r\n%b" % (len(parts), b"".join([b"$%d\r\n%b\r\n" % (len(part), part) for part in parts]))
        if connection := self._take():
            try:
                return self._exchange(connection, command)
            except redis.ConnectionError:
                connection.disconnect()  # it was closed while it lay idle
        return self._exchange(self._pool.connection_class(**self._pool.connection_kwargs), command)

    def _take(self) -> Any:
        if self._process != os.getpid():
            self._process, self._idle = os.getpid(), deque()  # the others belong to the process we were forked from
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _exchange(self, connection: Any, command: bytes) -> Any:
        try:
            connection.send_packed_command([command], check_health=False)
            answer = connection.read_response()
        except ResponseError:
            self._idle.append(connection)
            raise
        # Only now: whoever gave up in between may have left an answer in it.
        self._idle.append(connection)
        return answer
