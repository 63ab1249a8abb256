"""What a request feels of a database that is gone or frozen: an error at once, and never a hang."""

from __future__ import annotations

import _socket
import os
import select
import weakref
from contextlib import suppress
from typing import Any

import psycopg
import structlog
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.core.errors import DatabaseUnavailable, DomainError
from app.core.operating.native import original

log = structlog.get_logger(__name__)

RETRY_AFTER = "2"  # seconds; about what a restart of PostgreSQL takes
FROZEN = "PostgreSQL has stopped answering"

_UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError)
_LINE = "playhall_line"


def as_domain_error(error: BaseException) -> DomainError | None:
    """The answer to a failure that is the database's and not the caller's. None for any other. The reason goes to the log alone."""
    if not is_outage(error):
        return None
    cause = _cause(error)
    log.warning("database unavailable", reason=str(cause), sqlstate=getattr(cause, "sqlstate", None))
    return DatabaseUnavailable(headers={"Retry-After": RETRY_AFTER})


def is_outage(error: BaseException) -> bool:
    """Whether the database is gone, frozen, full or too slow."""
    return isinstance(_cause(error), (*_UNAVAILABLE, PoolTimeout))


def _cause(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


class Guard:
    """Stands at an engine's pool. While `frozen`, nobody gets a connection, and those who wait on one are let go."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.frozen = False
        self._peers: dict[int, _socket.socket] = {}
        _guards.add(self)
        event.listen(engine, "do_connect", self._before_connect)
        # First: the dialect asks the server things on a new connection, and may already have to be let go.
        event.listen(engine, "connect", self._connected, insert=True)
        event.listen(engine, "checkout", self._taken)
        event.listen(engine, "close", self._closed)
        event.listen(engine, "close_detached", self._closed)

    def freeze(self) -> None:
        """Refuse connections, and end every call that waits for an answer."""
        self.frozen = True
        for peer in list(self._peers.values()):
            with suppress(OSError):
                peer.shutdown(_socket.SHUT_RDWR)

    def thaw(self) -> None:
        """Let connections through again. Those that were cut are replaced when next taken."""
        self.frozen = False

    def forget(self) -> None:
        """Let go of the connections of the process that this one was forked from; theirs stay open."""
        self.frozen = False
        for peer in self._peers.values():
            peer.close()
        self._peers.clear()

    def _before_connect(self, *_: Any) -> None:
        if self.frozen:
            raise psycopg.OperationalError(FROZEN)

    def _connected(self, connection: psycopg.Connection[Any], record: Any) -> None:
        # A duplicate: the number stays ours, so a shutdown can never hit a socket that was opened later under it.
        self._peers[id(connection)] = _socket.socket(fileno=os.dup(connection.fileno()))
        # One that is lost before its first use is dropped without a "close".
        weakref.finalize(connection, self._let_go, id(connection)).atexit = False
        line = original("select", "poll")()
        line.register(connection.fileno(), select.POLLIN)
        record.info[_LINE] = line

    def _taken(self, _connection: Any, record: Any, _fairy: Any) -> None:
        if self.frozen:
            raise OperationalError("connect", None, psycopg.OperationalError(FROZEN))
        # An idle connection on which something has come in was ended by the server. A look costs a microsecond and no round trip.
        if record.info[_LINE].poll(0):
            raise InvalidatePoolError

    def _closed(self, connection: Any, _record: Any = None) -> None:
        self._let_go(id(connection))

    def _let_go(self, number: int) -> None:
        peer = self._peers.pop(number, None)
        if peer is not None:
            peer.close()


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _after_fork() -> None:
    for guard in _guards:
        guard.forget()


os.register_at_fork(after_in_child=_after_fork)
