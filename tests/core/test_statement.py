"""Statements past SQLAlchemy: in the session's transaction and in its order, many in one round trip, and never half."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.pool import QueuePool

from app.core.db import db, session, sqlstate, transaction, uuid7
from app.core.health import health
from app.core.models import Account
from app.core.querying import wire
from app.core.statement import Statement

MakeAccount = Callable[..., UUID]

MAKE = Statement("INSERT INTO core_account (id) VALUES ($1)")
COUNT = Statement("SELECT count(*) FROM core_account")
FAIL = Statement("SELECT 1 / $1::int4")


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The first word of each statement that was sent, by round trip."""
    seen: list[list[str]] = []
    exchange = wire.exchange

    def note(connection: Any, prepared: Any, calls: Sequence[wire.Call]) -> Any:
        seen.append([sql.split()[0] for sql, *_ in calls])
        return exchange(connection, prepared, calls)

    monkeypatch.setattr(wire, "exchange", note)
    return seen


def out() -> int:
    """How many connections are not in the pool."""
    pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    return pool.checkedout()


def count() -> int:
    """The accounts that everybody sees."""
    [(found,)] = COUNT.rows()
    return int(found)


# --- values --------------------------------------------------------------------------------------------------------


def test_values_travel_there_and_back(app: Flask) -> None:
    """Each as the type that stands in the statement."""
    asked = Statement("SELECT $1::uuid, $2::int8, $3::text, $4::bool, $5::bytea, $6::timestamptz, $7::int4[], $8::jsonb, $9::text")
    values = (uuid7(), -(2**63), "가 'x' \\ %s $1", True, b"\x00\xff", datetime(2026, 1, 31, tzinfo=UTC), [1, 2])
    with app.app_context():
        assert asked.rows(*values, '{"a": 1}', None) == [(*values, {"a": 1}, None)]


@pytest.mark.parametrize("size", [1, 20_000_000])
def test_large_values_pass_both_ways_at_once(app: Flask, size: int) -> None:
    """More than the sockets hold: both sides have to read while they write."""
    echo = Statement("SELECT $1::text")

    def work() -> list[wire.Row]:
        echo.send("x" * size)
        echo.send("y" * size)
        return echo.rows("z" * size)

    with app.app_context():
        assert transaction(work) == [("z" * size,)]


def test_a_text_that_cannot_be_stored_is_refused_where_it_is_given(app: Flask) -> None:
    """And the transaction can go on without it."""

    def work() -> None:
        MAKE.send(uuid7())
        with pytest.raises(psycopg.DataError):
            MAKE.send("a\0b")

    with app.app_context():
        transaction(work)
        assert count() == 1


# --- one transaction -----------------------------------------------------------------------------------------------


def test_what_is_sent_goes_with_the_commit(app: Flask, trips: list[list[str]]) -> None:
    """One round trip for all of it, and another for each question."""

    def work() -> None:
        MAKE.send(uuid7())
        assert COUNT.rows() == [(1,)]
        MAKE.send(uuid7())
        MAKE.send(uuid7())

    with app.app_context():
        transaction(work)
        assert trips == [["BEGIN", "INSERT", "SELECT"], ["INSERT", "INSERT", "COMMIT"]]
        assert (count(), out()) == (3, 0)


def test_no_connection_is_held_before_the_first_statement_is_needed(app: Flask) -> None:
    """What is only sent waits here, not there."""

    def work() -> int:
        MAKE.send(uuid7())
        return out()

    with app.app_context():
        assert transaction(work) == 0
        assert count() == 1


@pytest.mark.parametrize("first", ["session", "statement"])
def test_the_session_and_statements_share_one_transaction(app: Flask, first: str) -> None:
    """Whoever comes first: each sees what the other did before, in the order it was written, and all of it ends together."""
    seen: list[int] = []

    def work(*, fail: bool) -> None:
        for way in ("session", "statement") if first == "session" else ("statement", "session"):
            if way == "session":
                session().add(Account())
                session().flush()
                seen.append(session().scalars(select(func.count()).select_from(Account)).one())
            else:
                MAKE.send(uuid7())
                seen.append(int(COUNT.rows()[0][0]))
                MAKE.send(uuid7())
        seen.append(session().scalars(select(func.count()).select_from(Account)).one())
        if fail:
            raise ValueError

    with app.app_context():
        with pytest.raises(ValueError):  # noqa: PT011
            transaction(lambda: work(fail=True))
        assert (count(), out()) == (0, 0)
        transaction(lambda: work(fail=False))
        assert (count(), out()) == (3, 0)
    assert seen == [1, 2, 3, 1, 2, 3] if first == "session" else [1, 3, 3, 1, 3, 3]


def test_a_savepoint_of_the_session_holds_statements_too(app: Flask) -> None:
    """What failed inside it is undone, the rest is kept."""

    def fail() -> None:
        with session().begin_nested():
            MAKE.send(uuid7())
            FAIL.rows(0)

    def work() -> None:
        MAKE.send(uuid7())
        with pytest.raises(DataError):
            fail()
        MAKE.send(uuid7())

    with app.app_context():
        transaction(work)
        assert count() == 2


def test_a_transaction_is_not_opened_inside_another(app: Flask) -> None:
    """The inner one would commit half of the outer one."""
    with app.app_context(), pytest.raises(RuntimeError, match="under way already"):
        transaction(lambda: transaction(lambda: None))


# --- errors --------------------------------------------------------------------------------------------------------


def test_what_was_sent_and_fails_takes_all_with_it(app: Flask, make_account: MakeAccount) -> None:
    """The commit that was sent behind it is not done, and the connection serves the next."""
    known = make_account()

    def work() -> None:
        MAKE.send(uuid7())
        MAKE.send(known)
        MAKE.send(uuid7())

    with app.app_context():
        with pytest.raises(IntegrityError):
            transaction(work)
        assert (count(), out()) == (1, 0)


def test_an_error_that_was_swallowed_is_no_success(app: Flask) -> None:
    """PostgreSQL answers a commit after an error with a rollback and no word; nobody is told that it was done."""

    def work() -> None:
        MAKE.send(uuid7())
        with pytest.raises(DataError):
            FAIL.rows(0)

    with app.app_context():
        with pytest.raises(DBAPIError, match="nothing was committed"):
            transaction(work)
        assert count() == 0


def test_a_conflict_is_tried_again(app: Flask) -> None:
    """Also one that comes with the commit: then nothing was committed."""
    conflict = Statement("SELECT raise_conflict($1::bool)")
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        MAKE.send(uuid7())
        conflict.send(len(tries) < 3)

    body = "BEGIN IF $1 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; END"
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text(f"CREATE FUNCTION raise_conflict(bool) RETURNS void LANGUAGE plpgsql AS $${body}$$"))
        try:
            transaction(work)
        finally:
            with db.engine.begin() as connection:
                connection.execute(text("DROP FUNCTION raise_conflict"))
        assert (len(tries), count()) == (3, 1)


def test_a_connection_that_is_lost_before_the_commit_is_replaced(app: Flask) -> None:
    """The whole work is done again, once."""
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        MAKE.send(uuid7())
        if len(tries) == 1:
            Statement("SELECT pg_terminate_backend(pg_backend_pid())").rows()

    with app.app_context():
        transaction(work)
        assert (len(tries), count(), out()) == (2, 1, 0)


def test_a_connection_that_is_lost_while_committing_is_an_error(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows whether it was done, so it is not done again."""
    tries: list[int] = []
    exchange = wire.exchange

    def cut(connection: psycopg.Connection[Any], prepared: Any, calls: Sequence[wire.Call]) -> Any:
        if calls[-1][0] == "COMMIT":
            with socket.socket(fileno=socket.dup(connection.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        return exchange(connection, prepared, calls)

    def work() -> None:
        tries.append(1)
        MAKE.send(uuid7())
        COUNT.rows()
        monkeypatch.setattr(wire, "exchange", cut)

    with app.app_context():
        with pytest.raises(OperationalError) as caught:
            transaction(work)
        monkeypatch.undo()
        assert (len(tries), caught.value.connection_invalidated, out()) == (1, True, 0)
        assert count() == 0


def test_a_wait_that_was_broken_off_leaves_no_answer_for_the_next(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time-out or a signal ends it: the connection goes too, with what it would still have said."""

    def broken_off(_descriptor: int) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    with app.app_context():
        count()
        monkeypatch.setattr(wire, "readable", broken_off)
        with pytest.raises(KeyboardInterrupt):
            transaction(lambda: Statement("SELECT 'another''s'").rows())
        assert Statement("SELECT 'mine'").rows() == [("mine",)]
        assert out() == 0


def test_a_table_that_changed_is_read_as_it_is_now(app: Flask) -> None:
    """A connection that had prepared the statement for the old table is replaced; a migration needs no restart."""
    read = Statement("SELECT value FROM changing")
    with app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("CREATE TABLE changing (value int)"))
            connection.execute(text("INSERT INTO changing VALUES (7)"))
        try:
            assert transaction(read.rows) == [(7,)]
            with db.engine.begin() as connection:
                connection.execute(text("ALTER TABLE changing ALTER value TYPE text"))
            assert transaction(read.rows) == [("7",)]
        finally:
            with db.engine.begin() as connection:
                connection.execute(text("DROP TABLE changing"))


def test_a_statement_that_takes_too_long_is_let_go_when_the_server_is_frozen(app: Flask) -> None:
    """Like one of the session: the guard of the pool ends the wait."""
    guard = health(app)._guard
    ended = threading.Event()
    caught: list[BaseException] = []

    def sleep() -> None:
        Statement("SET LOCAL statement_timeout = 0").send()
        Statement("SELECT pg_sleep(30), 'let go'").rows()

    def ask() -> None:
        try:
            with app.app_context():
                transaction(sleep)
        except BaseException as error:
            caught.append(error)
        ended.set()

    asking = Statement("SELECT count(*) FROM pg_stat_activity WHERE query LIKE $1 AND wait_event = 'PgSleep'")
    threading.Thread(target=ask).start()
    with app.app_context():
        while asking.rows("%'let go'%") == [(0,)] and not ended.is_set():
            time.sleep(0.02)
        try:
            guard.freeze()
            assert ended.wait(20)
        finally:
            guard.thaw()
        assert [type(error) for error in caught] == [OperationalError]
        assert (count(), out()) == (0, 0)


# --- without a transaction -----------------------------------------------------------------------------------------


def test_reading_needs_no_transaction(app: Flask, make_account: MakeAccount, trips: list[list[str]]) -> None:
    """It is one round trip, and no connection is held afterwards."""
    make_account()
    del trips[:]
    with app.app_context():
        assert COUNT.rows() == [(1,)]
        assert (trips, out()) == ([["BEGIN", "SELECT", "COMMIT"]], 0)


def test_reading_does_not_write(app: Flask) -> None:
    """A GET that writes is a mistake, and PostgreSQL says so."""
    with app.app_context():
        with pytest.raises(DBAPIError) as caught:
            Statement("INSERT INTO core_account (id) VALUES ($1) RETURNING id").rows(uuid7())
        assert sqlstate(caught.value) == "25006"
        assert (count(), out()) == (0, 0)


def test_nothing_is_sent_without_a_transaction(app: Flask) -> None:
    """Nothing would ever commit it."""
    with app.app_context(), pytest.raises(LookupError, match="no transaction is under way"):
        MAKE.send(uuid7())


def test_reading_joins_a_session_that_has_begun(app: Flask) -> None:
    """It sees what that has written, and does not commit it."""
    with app.app_context():
        session().add(Account())
        session().flush()
        assert COUNT.rows() == [(1,)]
        db.session.remove()
        assert count() == 0


# --- under gevent --------------------------------------------------------------------------------------------------

UNDER_GEVENT = """
from gevent import monkey; monkey.patch_all()
import gevent
from app import create_app
from app.core.db import transaction
from app.core.statement import Statement
app = create_app()
lock, let_go = Statement("SELECT pg_advisory_xact_lock(715)"), gevent.event.Event()
said = []
def hold():
    lock.rows()
    said.append("held")
    assert let_go.wait(20)
    said.append("let go")
def ask():
    lock.rows()
    said.append("taken")
def run(work):
    with app.app_context():
        transaction(work)
def waits():
    with app.app_context():
        return Statement("SELECT count(*) FROM pg_locks WHERE objid = 715 AND NOT granted").rows()[0][0]
holding = gevent.spawn(run, hold)
while not said: gevent.sleep(0.01)
asking = gevent.spawn(run, ask)
while not waits(): gevent.sleep(0.01)
let_go.set()
gevent.joinall([holding, asking], raise_error=True)
print(*said)
"""


def test_others_go_on_while_one_waits(app: Flask) -> None:
    """Under gevent a statement holds up its own request alone."""
    ran = subprocess.run([sys.executable, "-c", UNDER_GEVENT], capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.splitlines()[-1:] == ["held let go taken"], ran.stderr
