"""The connection of one transaction, shared by the session and by the statements that go past it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import psycopg
from flask_sqlalchemy import SQLAlchemy
from psycopg import pq
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection

from app.core.querying import wire
from app.core.querying.wire import Call, Row

_BEGIN, _READ, _COMMIT = wire.call("BEGIN"), wire.call("BEGIN READ ONLY"), wire.call("COMMIT")
_PREPARED = "playhall_prepared"
# What a connection had prepared is gone, or its table has changed since; a new connection knows better.
_STALE = {"26000", "0A000"}


class Unit:
    """One transaction, from its first statement to its commit.

    Whoever comes first, the session or a statement past it, takes the connection from the pool; the other joins.
    """

    def __init__(self, db: SQLAlchemy) -> None:
        self._db = db
        self._waiting: list[Call] = []
        self._taken: PoolProxiedConnection | None = None
        self._joined: Connection | None = None
        self.committing = False  # from here on a lost connection leaves open whether it was done

    def bind(self) -> Connection | None:
        """What the session has to use when a statement came first."""
        if self._taken is not None and self._joined is None:
            self._joined = Connection(self._db.engine, self._taken)
        return self._joined

    def send(self, call: Call) -> None:
        """Send it along with the next question, at the latest with the commit."""
        self._waiting.append(call)

    def ask(self, call: Call) -> list[Row]:
        """Send it after all that waits, in one round trip; what it found."""
        return self._send([call])

    def flush(self) -> None:
        """Send what waits, before another statement overtakes it."""
        if self._waiting:
            self._send([])

    def commit(self) -> None:
        """Send what waits together with the commit, and let go of the connection."""
        self.committing = True
        if self._waiting or self._taken is not None:
            self._send([_COMMIT])
        if _in_session(self._db):
            self._db.session.commit()  # which finds nothing left to send when the lines above have committed
        self._let_go()

    def close(self) -> None:
        """Undo what was not committed, and let go of the connection."""
        self._waiting.clear()
        self._db.session.remove()
        self._let_go()

    def _send(self, calls: Sequence[Call]) -> list[Row]:
        line = self._line()
        calls, self._waiting = [*self._waiting, *calls], []
        return _run(line, calls)[-1]

    def _line(self) -> Connection | PoolProxiedConnection:
        if self._taken is None and _in_session(self._db):
            return self._db.session.connection()
        if self._taken is None:
            self._taken = _take(self._db)
        return self._joined or self._taken

    def _let_go(self) -> None:
        line = self._joined or self._taken
        self._joined = self._taken = None
        if line is not None:
            line.close()


def read(db: SQLAlchemy, call: Call) -> list[Row]:
    """Ask in a transaction of its own that refuses to write: one round trip, and the connection is back in the pool."""
    if _in_session(db):
        return _run(db.session.connection(), [call])[-1]
    taken = _take(db)
    try:
        return _run(taken, [_READ, call, _COMMIT])[1]
    finally:
        taken.close()


def _in_session(db: SQLAlchemy) -> bool:
    return db.session.registry.has() and db.session().in_transaction()


def _take(db: SQLAlchemy) -> PoolProxiedConnection:
    try:
        return db.engine.raw_connection()
    except psycopg.Error as error:
        raise _wrapped(error, lost=False) from error


def _run(line: Connection | PoolProxiedConnection, calls: Sequence[Call]) -> list[list[Row]]:
    """Send them in one round trip; what each found. Raises SQLAlchemy's DBAPIError, as every statement does."""
    taken = line.connection if isinstance(line, Connection) else line
    connection = cast("psycopg.Connection[Any]", taken.driver_connection)
    pgconn = connection.pgconn
    if pgconn.transaction_status == pq.TransactionStatus.IDLE and calls[0] is not _READ:
        calls = [_BEGIN, *calls]
    try:
        results = wire.exchange(connection, taken.info.setdefault(_PREPARED, {}), calls)
        if calls[-1] is _COMMIT and results[-1].command_status != b"COMMIT":
            raise psycopg.errors.InFailedSqlTransaction("a statement had failed before, so nothing was committed")
    except psycopg.Error as error:
        lost = pgconn.status != pq.ConnStatus.OK or pgconn.pipeline_status != pq.PipelineStatus.OFF or error.sqlstate in _STALE
        if lost:
            line.invalidate(error)
        raise _wrapped(error, lost=lost) from error
    except BaseException:
        line.invalidate()  # an answer may be under way, and would be taken for another's
        raise
    return [wire.rows(connection, result) for result in results]


def _wrapped(error: psycopg.Error, *, lost: bool) -> BaseException:
    return DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=lost)
