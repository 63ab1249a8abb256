"""Several statements in one round trip: libpq's pipeline mode on psycopg's connection, without the cost of cursors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import psycopg
from psycopg import pq
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import PyFormat, Transformer
from psycopg.waiting import Ready, Wait

from app.core.operating.native import original

Call = tuple[str, Sequence[Buffer | None], Sequence[int]]  # SQL with $1, $2 ..., the values as they travel, their formats
Row = tuple[Any, ...]

# Remembers how each type is written; what is written for one connection is the same for all.
_writer = Transformer()
_FORMAT = (PyFormat.TEXT, PyFormat.BINARY)
_DONE = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)


def call(sql: str, values: Sequence[Any] = ()) -> Call:
    """A statement ready to be sent; raises psycopg.DataError for a value that cannot be, for example a text with a NUL.

    The values travel without a type, so PostgreSQL takes each for what stands there in the statement.
    """
    # Bytes as they are, everything else as text, which is the same for every type of number.
    formats = [isinstance(value, bytes) for value in values]
    return sql, _writer.dump_sequence(values, [_FORMAT[one] for one in formats]), formats


def exchange(connection: psycopg.Connection[Any], prepared: dict[str, bytes], calls: Sequence[Call]) -> list[pq.abc.PGresult]:
    """Send them all, wait once, and give one result each. After the first that fails none is done, and its error is raised.

    `prepared` is what the connection knows already; it is added to. A connection that this was left on by any other
    error than the server's has to be thrown away: an answer may be under way.
    """
    pgconn = connection.pgconn
    pgconn.enter_pipeline_mode()
    asked = _send(pgconn, prepared, calls)
    if pgconn.flush():
        connection.wait(_flushed(pgconn))
    answers = list(zip(asked, _results(pgconn), strict=True))
    pgconn.exit_pipeline_mode()
    found = []
    for (sql, name), result in answers:
        if result.status not in _DONE:
            raise psycopg.errors.error_from_result(result)
        if name is None:
            found.append(result)
        else:
            prepared[sql] = name
    return found


def rows(connection: psycopg.Connection[Any], result: pq.abc.PGresult) -> list[Row]:
    """What it found, in Python's types."""
    if not result.ntuples:
        return []
    reader = Transformer(connection)
    reader.set_pgresult(result)
    return reader.load_rows(0, result.ntuples, tuple)


def _send(pgconn: pq.abc.PGconn, prepared: dict[str, bytes], calls: Sequence[Call]) -> list[tuple[str, bytes | None]]:
    """What each answer will be about: a statement, and the name that it is being prepared under when it is that."""
    fresh: dict[str, bytes] = {}
    asked: list[tuple[str, bytes | None]] = []
    for sql, values, formats in calls:
        name = prepared.get(sql) or fresh.get(sql)
        if name is None:
            name = fresh[sql] = b"playhall_%d" % (len(prepared) + len(fresh))
            pgconn.send_prepare(name, sql.encode())
            asked.append((sql, name))
        pgconn.send_query_prepared(name, values, formats)
        asked.append((sql, None))
    pgconn.pipeline_sync()
    return asked


def _flushed(pgconn: pq.abc.PGconn) -> PQGen[None]:
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()  # a server that cannot get rid of its answers takes no more questions


def _results(pgconn: pq.abc.PGconn) -> Iterator[pq.abc.PGresult]:
    while True:
        while pgconn.is_busy():
            readable(pgconn.socket)
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            if pgconn.status != pq.ConnStatus.OK:
                raise psycopg.OperationalError(pgconn.get_error_message())
        elif result.status == pq.ExecStatus.PIPELINE_SYNC:
            return
        else:
            yield result


def _poll(descriptor: int) -> None:
    poll = original("select", "poll")()
    poll.register(descriptor, 1)
    poll.poll()


def _waiting() -> Callable[[int], None]:
    monkey = sys.modules.get("gevent.monkey")
    if not (monkey and monkey.is_module_patched("select")):
        return _poll
    from gevent.socket import wait_read

    return cast("Callable[[int], None]", wait_read)


# Until there is something to read; under gevent the other requests go on meanwhile. Its select.poll costs three times as much.
readable = _waiting()
